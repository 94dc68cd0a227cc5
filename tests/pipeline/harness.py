# SPDX-License-Identifier: Apache-2.0
"""Real processes for the tests of the pipeline, and nothing left behind.

A test is a function that takes a Pipe: a runtime directory of its own on tmpfs, an output
directory below the build directory, and the processes that it starts. run() calls each test
of a script with a new Pipe and prints TAP. Whatever happens, also on SIGTERM, a Pipe kills
what it started (by pid), and removes its directories. After each test that passed it checks
that no process, no region and no descriptor is left.

No test asserts a time: wait_for() has a generous limit, and only so that a hang has an end.

usage of a script: test_x.py BUILD_DIR [--NAME VALUE…] [words of test names…]
"""
import ctypes
import json
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

LIMIT_SECONDS = 300
SHOWN_MAX = 2000  # characters of a value in a failure
TESTS = pathlib.Path(__file__).resolve().parent
SOURCE = TESTS.parent.parent
DATA_NAME = re.compile(r"^(traces|metrics|logs)-\d{8}T\d{6}Z-(\d+)\.binpb(\.open|\.\d+\.bad|\.zst(\.tmp)?)?$")
# With OTLPIPE_TEST_SHORT: less of the same, as where another configuration runs all of it.
SHORT = {"divide": (max, 8), "count": (min, 50000), "kills": (min, 15)}
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
libc = ctypes.CDLL(None, use_errno=True)


class Failure(Exception):
    """The text says what was expected and what was found."""


class Skip(Exception):
    """The test cannot be run here; the text says why."""


def check(condition, text):
    if not condition:
        raise Failure(text() if callable(text) else text)


def shown(value):
    text = repr(value)
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}… ({len(text)} characters)"


def equal(found, expected, what):
    check(found == expected, lambda: f"{what}: {shown(found)}, expected {shown(expected)}")


def wait_for(condition, what, limit=LIMIT_SECONDS):
    """Returns the first true answer of condition()."""
    end = time.monotonic() + limit
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > end:
            raise Failure(f"{limit} s have passed, and still not: {what}")
        time.sleep(0.01)


def nap(seconds):
    """Lets others run for a while; no test depends on how far they get."""
    time.sleep(seconds)


def reliability(fault, how, runs, lost, test, reported=0):
    """A row of the table in docs/reliability.md; scripts/reliability.py finds it in the log. Lost are
    items that are gone without a word; reported, those that the files' own ledger has as lost."""
    row = {"fault": fault, "how": how, "runs": runs, "lost": lost, "test": test}
    if reported:
        row["reported"] = reported
    print("# RELIABILITY " + json.dumps(row), flush=True)


def descriptors(pid="self"):
    return len(os.listdir(f"/proc/{pid}/fd"))


class Process:
    """A child that dies with us. Its output goes to files, so that no pipe can fill."""

    def __init__(self, pipe, name, command, environment=None, **popen):
        self.pipe, self.name = pipe, name
        self.path = pipe.scratch / f"{len(pipe.processes):03d}-{name}"
        variables = {**pipe.environment, **(environment or {})}
        # What the user of this machine has set must not reach the programs.
        variables = {k: v for k, v in variables.items() if v is not None}
        parent = os.getpid()

        def before_exec():
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)

        with open(self.path.with_suffix(".out"), "wb") as out, open(
            self.path.with_suffix(".err"), "wb"
        ) as err:
            self.popen = subprocess.Popen(
                [str(word) for word in command],
                stdin=popen.pop("stdin", subprocess.DEVNULL),
                stdout=out,
                stderr=err,
                env=variables,
                preexec_fn=before_exec,
                **popen,
            )
        self.pid = self.popen.pid
        pipe.processes.append(self)

    @property
    def out(self):
        return self.path.with_suffix(".out").read_text(encoding="utf-8", errors="replace")

    @property
    def err(self):
        return self.path.with_suffix(".err").read_text(encoding="utf-8", errors="replace")

    def is_running(self):
        return self.popen.poll() is None

    def send(self, number):
        if self.is_running():
            self.popen.send_signal(number)

    def wait(self, expected=0, limit=LIMIT_SECONDS):
        """Waits for its end; the exit status must be the expected one (None: any)."""
        try:
            status = self.popen.wait(limit)
        except subprocess.TimeoutExpired as error:
            raise Failure(f"{self.name} still runs after {limit} s\n{self.err}") from error
        check(
            expected is None or status == expected,
            lambda: f"{self.name}: exit status {status}, expected {expected}\n{self.tail()}",
        )
        return status

    def stop(self, number=signal.SIGTERM, expected=0):
        check(self.is_running(), lambda: f"{self.name} has ended by itself\n{self.tail()}")
        self.send(number)
        return self.wait(expected)

    def kill(self):
        self.send(signal.SIGKILL)
        self.popen.wait()

    def json(self):
        """The last line of its output."""
        lines = self.out.splitlines()
        check(lines, lambda: f"{self.name} printed nothing\n{self.tail()}")
        return json.loads(lines[-1])

    def tail(self):
        return "".join(
            f"--- {self.name} {kind}:\n{text[-3000:]}\n"
            for kind, text in (("stdout", self.out), ("stderr", self.err))
            if text
        )


class Pipe:
    def __init__(self, build, options):
        self.build, self.options = build, options
        self.processes = []
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("OTLPIPE_", "OTEL_", "NOTIFY_"))
        }
        self.environment["LC_ALL"] = "C.UTF-8"
        # Tests count records: none of the writer's own, but where that is what is tested.
        self.environment["OTLPIPE_SELF_METRICS"] = "0"
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="pipeline-", dir=build)).resolve()
        # Inside a directory of ours, since a runtime directory is made by who comes first.
        self.shm = pathlib.Path(tempfile.mkdtemp(prefix=f"otlpipe-test-{os.getpid()}-", dir="/dev/shm"))
        self.runtime = self.shm / "run"
        self.runtime.mkdir(mode=0o700)
        self.output = self.scratch / "data"
        self.undo = []  # called in reverse order at the end, whatever happened

    # ---- programs ----

    def program(self, name):
        folder = {"otlpipe-writer": "writer", "otlpipe": "cli", "treewalk": "examples", "http-server": "examples",
                  "http-server-opentelemetry": "examples"}  # fmt: skip
        return self.build / folder.get(name, "tests/pipeline") / name

    def start(self, name, *arguments, environment=None, prefix=(), **popen):
        command = [*prefix, self.program(name), *arguments]
        return Process(self, name, command, environment, **popen)

    def run(self, name, *arguments, expected=0, **others):
        process = self.start(name, *arguments, **others)
        process.wait(expected)
        return process

    def writer(self, *arguments, output=None, interval="50ms", ready=True, **others):
        """A writer that has said that it is ready."""
        command = ["--dir", self.runtime, "--output", output or self.output]
        if interval:
            command += ["--interval", interval]
        process = self.start("otlpipe-writer", *command, *arguments, **others)
        if ready:
            wait_for(
                lambda: "; pid " in process.err or not process.is_running(), "the writer is ready"
            )
            check(process.is_running(), lambda: f"the writer has ended\n{process.tail()}")
        return process

    def load(self, *arguments, service=None, lanes=None, **others):
        """lanes: of each ring; 1: all records of a process are in one order."""
        environment = {"OTEL_SERVICE_NAME": service, "OTLPIPE_LANES": lanes and str(lanes)}
        command = ["load", "--dir", self.runtime, *arguments]
        return self.start("otlpipe", *command, environment=environment, **others)

    def endless_load(self, *arguments, processes=1, **others):
        """One that pushes until it gets a signal, with the pids of its workers, which are
        connected: from then on it hears signals."""
        load = self.load("--count", 0, "--processes", processes, *arguments, **others)

        def connected():
            pids = children(load.pid)
            names = self.regions()
            each = all(any(name.startswith(f"{pid}-") for name in names) for pid in pids)
            return pids if len(pids) == processes and each else None

        load.workers = wait_for(connected, "each worker of the load generator has its region")
        return load

    def tool(self, *arguments, expected=0, **others):
        return self.run("otlpipe", *arguments, expected=expected, **others)

    def regions(self):
        return sorted(p.name for p in self.runtime.iterdir() if p.name.endswith(".region"))

    # ---- what was written ----

    def files(self, kind=None, output=None):
        """(signal, path) of data files, in the order of their sequence numbers. Kind: "sealed",
        "open", "bad", "packed", "being packed", or None for all. A name that no data file has is a
        failure."""
        found = []
        for name in ("traces", "metrics", "logs"):
            folder = pathlib.Path(output or self.output, name)
            for path in folder.iterdir() if folder.is_dir() else ():
                match = DATA_NAME.match(path.name)
                check(match and match[1] == name, f"{path}: a data file has no such name")
                suffix = match[3] or ""
                kinds = {"": "sealed", ".open": "open", ".zst": "packed", ".zst.tmp": "being packed"}
                is_kind = kinds.get(suffix, "bad")
                if kind in (None, is_kind):
                    found.append((name, int(match[2]), path))
        return [(name, path) for name, _, path in sorted(found)]

    def scan(self, *outputs, in_order=False):
        """Sequence numbers: each once; in order only where the ring has one lane, and one writer
        follows the other. Returns load_scan's counts."""
        found = self.run("load_scan", *(outputs or [self.output])).json()
        for problem in ("duplicates", "strange") + (("disorder",) if in_order else ()):
            equal(found[problem], 0, f"load_scan's {problem} in {found}")
        return found

    def verify(self, output=None, runtime=True, expected=0):
        """`otlpipe verify` says yes; returns its JSON, with the sums of each signal under the
        names that load has for them."""
        command = ["verify", "--json", output or self.output]
        if runtime:
            command += ["--dir", self.runtime]
        found = self.tool(*command, expected=expected).json()
        equal(found["ok"], expected == 0, "verify's ok")
        for name, signal_name in (("spans", "traces"), ("points", "metrics"), ("logs", "logs")):
            found[name] = found["signals"][signal_name]
        return found

    def preload(self, library):
        """A name of this library that LD_PRELOAD takes: it splits at the blanks of a path."""
        link = self.shm / pathlib.Path(library).name
        if not link.exists():
            link.symlink_to(self.build.resolve() / library)
        return str(link)

    # ---- the end ----

    def check_end(self):
        """Nothing is left of a test that passed."""
        for process in self.processes:
            check(not process.is_running(), f"{process.name} still runs")
        # What outlives its parent is ours, as a subreaper: it is to end by itself, and soon.
        wait_for(self.no_child_runs, f"no process is left of {children()}")
        equal(self.regions(), [], "regions left in the runtime directory")

    @staticmethod
    def no_child_runs():
        try:
            while os.waitpid(-1, os.WNOHANG)[0] != 0:
                pass
            return False
        except ChildProcessError:
            return True

    def clear(self, keep):
        for process in self.processes:
            if process.is_running():
                process.kill()
        # Children of those, such as the workers of a load generator: ours now, as a subreaper.
        for pid in children():
            try:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass
        for action in reversed(self.undo):
            action()
        shutil.rmtree(self.shm, ignore_errors=True)
        if not keep:
            shutil.rmtree(self.scratch, ignore_errors=True)


def children(pid="self"):
    tasks = pathlib.Path(f"/proc/{pid}/task")
    while True:
        try:
            return [
                int(child)
                for task in tasks.iterdir()
                for child in (task / "children").read_text(encoding="ascii").split()
            ]
        except (FileNotFoundError, ProcessLookupError):
            # A thread has ended in between, and its children are another's.
            if not tasks.is_dir():
                raise


def one(function, build, options):
    """Runs a test; returns its line of TAP and what there is to say about it."""
    before = descriptors()
    pipe = Pipe(build, options)
    passed = False
    try:
        function(pipe)
        pipe.check_end()
        passed = True
    except Skip as skip:
        passed = True
        return "ok", f" # SKIP {skip}", ""
    except Failure as failure:
        return "not ok", "", f"{failure}"
    except Exception:
        return "not ok", "", traceback.format_exc()
    finally:
        pipe.clear(keep=options.get("keep") and not passed)
        if passed:
            equal(descriptors(), before, "descriptors of the test itself")
    return "ok", "", ""


def arguments_of(argv, defaults):
    options, words = {"keep": "", **defaults}, []
    rest = iter(argv[2:])
    for word in rest:
        if word.startswith("--") and word[2:] in options:
            options[word[2:]] = type(options[word[2:]])(next(rest))
        elif word.startswith("-"):
            sys.exit(f"no such option: {word}\n{__doc__}")
        else:
            words.append(word)
    return options, words


def run(tests, **defaults):
    """Runs the tests of a script one after another and prints TAP for meson. Options: the
    defaults by name, changed by --NAME VALUE; --seed makes "random" repeatable, --keep yes
    keeps the files of a test that failed."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    build = pathlib.Path(sys.argv[1]).resolve()
    options, words = arguments_of(sys.argv, {"seed": 0, **defaults})
    options["seed"] = options["seed"] or random.SystemRandom().randrange(1, 1 << 31)
    if os.environ.get("OTLPIPE_TEST_SHORT"):
        options.update({k: take(options[k], n) for k, (take, n) in SHORT.items() if k in options})
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.umask(0o022)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    chosen = [t for t in tests if all(word in t.__name__ for word in words)]
    if not chosen:
        sys.exit(f"no test has all of these words: {words}")
    failed = 0
    print(f"1..{len(chosen)}", flush=True)
    print(f"# seed {options['seed']}", flush=True)
    for number, function in enumerate(chosen, 1):
        begin = time.monotonic()
        random.seed(options["seed"])
        result, note, text = one(function, build, options)
        failed += result != "ok"
        name = function.__name__.replace("_", " ")
        print(f"{result} {number} - {name}{note}", flush=True)
        print(f"# {time.monotonic() - begin:.1f} s", flush=True)
        for line in text.splitlines():
            print(f"# {line}", flush=True)
    sys.exit(1 if failed else 0)
