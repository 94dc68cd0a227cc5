# SPDX-License-Identifier: Apache-2.0
"""What the parts of the bench share: a writer, programs that answer in JSON, medians."""

import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import time

START_SECONDS_MAX = 10


class Failed(Exception):
    """The bench cannot go on."""


def say(text):
    print("bench: " + text, file=sys.stderr, flush=True)


def spread(values):
    digits = lambda value: float(f"{value:.5g}")
    return {
        "median": digits(statistics.median(values)),
        "min": digits(min(values)),
        "max": digits(max(values)),
        "n": len(values),
    }


def median_of(results, *path):
    """The median at a path of the results, or None where something was not measured."""
    for name in path:
        if not isinstance(results, dict) or name not in results:
            return None
        results = results[name]
    return results.get("median") if isinstance(results, dict) else results


def run_json(run, program, *arguments, cpu=None):
    return json.loads(run.call([run.program(program), *map(str, arguments)], cpu))


def first_line(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return done.stdout.splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return "unknown"


def node(run):
    """The machine and the build, as far as results depend on them."""
    cpu = platform.machine()
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("model name"):
                cpu = line.split(":", 1)[1].strip()
                break
    git = ["git", "-C", run.root]
    file_system = first_line(["stat", "-f", "-c", "%T", run.folder])
    with open("/proc/cpuinfo", encoding="utf-8") as text:
        is_virtual = bool(re.search(r"^flags.*\bhypervisor\b", text.read(), re.MULTILINE))
    return {
        "cpu": cpu,
        "processors": len(os.sched_getaffinity(0)),
        "virtual": is_virtual,
        "kernel": platform.release(),
        "file_system": file_system,
        "compiler": first_line(["cc", "--version"]),
        "revision": first_line(git + ["describe", "--always", "--dirty"]),
        "load_before": round(os.getloadavg()[0], 2),
    }


class Writer:
    """A writer on the second processor, its output, and what it cost. With a name it has a runtime
    directory of its own, so several run beside each other; and no retention, which looks at its
    files each 10 s."""

    def __init__(self, run, sync="interval", interval=None, name=None):
        self.run = run
        self.output = os.path.join(run.folder, "out" + (name or ""))
        self.log = os.path.join(run.folder, f"writer{name or ''}.log")
        self.environment = run.environment
        if name:
            runtime = os.path.join(run.memory, name)
            os.mkdir(runtime, 0o700)
            self.environment = dict(run.environment, OTLPIPE_DIR=runtime)
        self.cpu_seconds = 0.0
        self.command = [
            run.program("otlpipe-writer"),
            "--output",
            self.output,
            "--sync",
            sync,
        ]
        if not name:
            # More than a run writes: nothing is deleted, and discarded by the disk, meanwhile.
            self.command += ["--retain-bytes", "8GiB"]
        if interval:
            self.command += ["--interval", interval]

    def __enter__(self):
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = self.run.start(
                self.command, cpu=1, environment=self.environment, stdout=log, stderr=log
            )
        deadline = time.monotonic() + START_SECONDS_MAX
        while "pid" not in self.said():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise Failed("the writer did not start; it said:\n" + self.said())
            time.sleep(0.01)
        return self

    def __exit__(self, failure, *_):
        # Reaped by hand, for what it used.
        self.process.terminate()
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self.run.children.remove(self.process)
        self.cpu_seconds = usage.ru_utime + usage.ru_stime
        shutil.rmtree(self.output, ignore_errors=True)
        if self.process.returncode != 0 and failure is None:
            raise Failed(f"the writer failed ({self.process.returncode}):\n{self.said()}")

    def said(self):
        with open(self.log, encoding="utf-8") as text:
            return text.read()

    def spans_and_bytes(self):
        """What it says of its life, after it ended."""
        found = re.search(r"stopped: (\d+) spans in (\d+) bytes", self.said())
        if found is None:
            raise Failed("cannot read what the writer said:\n" + self.said())
        return int(found.group(1)), int(found.group(2))

    def wait_for_regions(self, count):
        deadline = time.monotonic() + START_SECONDS_MAX
        folder = self.environment["OTLPIPE_DIR"]
        while len([name for name in os.listdir(folder) if name.endswith(".region")]) < count:
            if time.monotonic() > deadline:
                raise Failed("the producers did not start")
            time.sleep(0.05)

    def run_ns(self):
        """Time on a processor of all its threads."""
        folder, total = f"/proc/{self.process.pid}/task", 0
        for task in os.listdir(folder):
            with open(f"{folder}/{task}/schedstat", encoding="utf-8") as text:
                total += int(text.read().split()[0])
        return total


class Trace:
    """strace at a writer, which counts the system calls that begin or end while it sleeps on."""

    def __init__(self, run, writer, name):
        self.path = os.path.join(run.folder, name)
        self.run = run
        command = ["strace", "-qq", "-f", "-o", self.path, "-p", str(writer.process.pid)]
        self.process = None
        if shutil.which("strace") is not None:
            self.process = run.start(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def lines(self):
        """None: there is no strace, or it may not look."""
        if self.process is None or self.process.poll() is not None:
            return None
        if not os.path.exists(self.path):
            return 0
        with open(self.path, encoding="utf-8", errors="replace") as text:
            return sum(1 for _ in text)

    def end(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            self.run.children.remove(self.process)
