# SPDX-License-Identifier: Apache-2.0
"""Real partners: a Collector and a Kafka broker of scripts/partners.sh, and what they hold.

Everything runs in a network namespace of the test's own, where there is nothing but loopback: the
default ports are free there, so that commands and configurations are run as the docs have them, and
nobody else's connection gets the port of a broker that is down.
"""
import ctypes
import fcntl
import os
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import sys

sys.dont_write_bytecode = True  # a test leaves nothing in the source tree
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "pipeline"))
import harness
from harness import Failure, Skip, check, equal, nap, wait_for  # noqa: F401: used by the tests

ROOT = harness.SOURCE
FLEET = ROOT / "examples/fleet"
SIGNALS = ("traces", "metrics", "logs")
ITEMS = {"traces": "spans", "metrics": "points", "logs": "logs"}
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
MISSING = 77


def banner(*lines):
    print("#", "=" * 76, sep="", flush=True)
    for line in lines:
        print(f"# {line}", flush=True)
    print("#", "=" * 76, sep="", flush=True)


def build(folder):
    """The partners, made now if they are not there; before the network is gone."""
    made = subprocess.run(
        [ROOT / "scripts/partners.sh", folder], stdin=subprocess.DEVNULL, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    if made.returncode == MISSING and os.environ.get("CI") != "true":
        print("1..0 # SKIP the partners cannot be built here", flush=True)
        banner("NOT RUN: the tests with a real Collector and a real Kafka broker", *made.stdout.splitlines())
        sys.exit(0)
    if made.returncode != 0:
        print("1..1\nnot ok 1 - the partners are built", flush=True)
        banner(*made.stdout.splitlines()[-40:])
        sys.exit(1)


def enter_network():
    """A namespace with loopback alone; the rights of root are needed, or those to have one's own."""
    libc = harness.libc
    uid, gid = os.getuid(), os.getgid()
    if libc.unshare(CLONE_NEWNET) != 0:
        if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0:
            print("1..0 # SKIP no network namespace to be had; root may", flush=True)
            sys.exit(0)
        pathlib.Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1", encoding="ascii")
        pathlib.Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        pathlib.Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1", encoding="ascii")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))


def run(tests, **defaults):
    build_dir = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else sys.exit(__doc__)
    folder = pathlib.Path(os.environ.get("OTLPIPE_PARTNERS") or build_dir / "partners").resolve()
    build(folder)
    enter_network()
    harness.run(tests, partners=str(folder), **defaults)


def written(pipe, count):
    """So many records of each signal in sealed files that a Collector takes whole; verify's sums."""
    writer = pipe.writer("--rotate-bytes", "16MiB")
    load = pipe.load("--signal", "all", "--count", count, "--threads", 2, "--retry", "--wait")
    load.wait()
    writer.stop()
    return pipe.verify()


def readme_command(first_word, *words):
    """A command of the README as it stands there, with the lines that it goes on in."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = [
        line
        for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
        for line in block.replace("\\\n", " ").splitlines()
        if line.startswith(first_word) and all(word in line for word in words)
    ]
    equal(len(commands), 1, f"commands of the README with {first_word} {words}: {commands}")
    return commands[0]


def shell(pipe, command, folder):
    """A command of the docs, by a shell that has our programs in its PATH."""
    path = f"{pipe.build}/writer:{pipe.build}/cli:{pipe.environment['PATH']}"
    variables = {"PATH": path, "OTLPIPE_DIR": str(pipe.runtime)}
    return harness.Process(pipe, "shell", ["bash", "-euc", command], variables, cwd=folder)


def readme_sender(pipe, scheme):
    """The README's `otlpipe send` to such an address; it goes on until it is stopped."""
    folder = pipe.scratch / "readme"
    folder.mkdir()
    (folder / "otlpipe-data").symlink_to(pipe.output)
    return shell(pipe, "exec " + readme_command("otlpipe send", scheme), folder)


class Collector:
    """One that writes what it gets to files: OTLP/HTTP on port 4318, or from Kafka. A directory for
    each of its lives: when it was killed, the last frame of a file may be half there."""

    def __init__(self, pipe, configuration="collector-http.yaml", name="collector", **environment):
        self.pipe, self.name = pipe, name
        self.configuration = FLEET / configuration
        self.environment = environment
        self.folders = []
        self.process = None

    def start(self, ready=True):
        folder = self.pipe.scratch / f"{self.name}-{len(self.folders):03d}"
        folder.mkdir()
        self.folders.append(folder)
        self.process = harness.Process(
            self.pipe, self.name,
            [pathlib.Path(self.pipe.options["partners"], "collector"), "--config", f"file:{self.configuration}"],
            {"OUTPUT_DIR": str(folder), **self.environment},
        )  # fmt: skip
        if ready:
            wait_for(
                lambda: "Everything is ready" in self.process.err or not self.process.is_running(),
                "the Collector is ready",
            )
            check(self.process.is_running(), lambda: self.process.tail())
        return self

    def kill(self):
        self.process.kill()

    def stop(self):
        self.process.stop()

    def held(self):
        return Held(self.pipe, self.name, self.messages)

    def messages(self, signal_name):
        """Each whole message that its files hold."""
        for folder in self.folders:
            for path in sorted(folder.glob(f"{signal_name}*.frames")):
                data = path.read_bytes()
                at = 0
                while at + 4 <= len(data):
                    (length,) = struct.unpack_from(">I", data, at)
                    if at + 4 + length > len(data):
                        break  # it was killed in the middle
                    yield data[at + 4 : at + 4 + length]
                    at += 4 + length


class Broker:
    """One Kafka node on ports 9092 and 9093, by examples/fleet/kafka.properties."""

    def __init__(self, pipe, **changes):
        self.pipe = pipe
        self.jars = pathlib.Path(pipe.options["partners"], "kafka")
        self.folder = pipe.scratch / "broker"
        self.folder.mkdir()
        self.properties = self.folder / "kafka.properties"
        text = (FLEET / "kafka.properties").read_text(encoding="utf-8")
        text += "".join(f"{key.replace('_', '.')}={value}\n" for key, value in changes.items())
        self.properties.write_text(text, encoding="utf-8")
        self.process = None
        self.java("format", "kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qg",
                  "-c", self.properties).wait()  # fmt: skip

    def java(self, name, *words):
        # A JVM for minutes: no time for the second compiler, no room for a large heap.
        flags = ("-Xms128m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")
        return harness.Process(
            self.pipe, name, ["java", *flags, "-cp", f"{self.jars}/*", *words],
            {"JAVA_TOOL_OPTIONS": None}, cwd=self.folder,
        )  # fmt: skip

    def start(self, ready=True):
        self.process = self.java("broker", "kafka.Kafka", self.properties)
        if ready:
            wait_for(
                lambda: "Kafka Server started" in self.process.err or not self.process.is_running(),
                "the broker is ready",
            )
            check(self.process.is_running(), lambda: self.process.tail())
        return self

    def kill(self):
        self.process.kill()

    def stop(self):
        self.process.stop(expected=143)  # a JVM that SIGTERM has ended in order

    def has_topics(self):
        folder = self.folder / "kafka-data"
        return all(any(folder.glob(f"{name}-*")) for name in ("otlp_spans", "otlp_metrics", "otlp_logs"))

    def held(self, prefix=""):
        """What the topics hold now, read to their ends."""
        folder = self.pipe.scratch / f"topics-{len(self.pipe.processes):03d}"
        for signal_name in SIGNALS:
            (folder / signal_name).mkdir(parents=True)
        reader = harness.Process(
            self.pipe, "topic_read",
            [self.pipe.build / "tests/partners/topic_read", "127.0.0.1:9092", prefix, folder],
        )  # fmt: skip
        reader.wait()
        held = Held(self.pipe, "broker", None, folder)
        held.topics = reader.json()
        return held


class Held:
    """The records that somebody holds, by the sequence numbers of `otlpipe load`."""

    def __init__(self, pipe, name, messages, folder=None):
        self.unique, self.total, self.strange = {}, {}, 0
        top = pipe.scratch / f"held-{len(pipe.processes):03d}"
        for signal_name in SIGNALS:
            one = top / signal_name
            for other in SIGNALS:
                (one / other).mkdir(parents=True)
            target = one / signal_name / f"{name}-00000001.binpb"
            if folder is None:
                # OTLP messages of one kind behind each other are one of that kind.
                target.write_bytes(b"".join(messages(signal_name)))
            else:
                shutil.rmtree(one / signal_name)
                (folder / signal_name).rename(one / signal_name)
            found = pipe.run("load_scan", one).json()
            item = ITEMS[signal_name]
            self.total[item] = found[item]
            self.unique[item] = found[item] - found["duplicates"]
            self.strange += found["strange"]
        shutil.rmtree(top)

    @property
    def twice(self):
        return sum(self.total.values()) - sum(self.unique.values())

    def equals(self, sums):
        """Exactly what verify says, each once or more often; returns how many stand there again."""
        equal(self.strange, 0, "records that load has not made")
        for item, unique in self.unique.items():
            equal(unique, sums[item]["written_items"], f"{item} that arrived, and that verify counts")
        return self.twice

    def has_all(self, sums):
        if all(n >= sums[item]["written_items"] for item, n in self.unique.items()):
            return True
        nap(0.5)  # to look costs time that those need who are looked at
        return False
