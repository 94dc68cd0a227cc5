#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A writer and its producers in containers that share memory and nothing else: each has user, mount and
pid namespaces of its own. What counts is the user of the machine, whatever number it has inside."""
import os
import pathlib
import shutil
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "pipeline"))
import harness

HERE = pathlib.Path(__file__).resolve().parent
OUTSIDE = 310001
KINDS = ("user", "mnt", "pid")


class Containers:
    """Programs and directories where every user of this machine can reach them."""

    def __init__(self, pipe):
        self.pipe, self.count = pipe, 0
        pipe.shm.chmod(0o711)
        self.programs = pipe.shm / "programs"
        self.programs.mkdir()
        for path in ("cli/otlpipe", "writer/otlpipe-writer", "core/libotlpipe.so.0"):
            shutil.copy(pipe.build / path, self.programs)
        self.rings, self.output = pipe.shm / "rings", pipe.shm / "data"
        for folder in (self.rings, self.output):
            folder.mkdir(mode=0o700)
            os.chown(folder, OUTSIDE, OUTSIDE)

    def start(self, inside, program, *words):
        self.count += 1
        outer = harness.Process(
            self.pipe, f"{program}-{self.count}",
            [sys.executable, "-B", HERE / "in_namespaces.py", inside, OUTSIDE, 1_000_000 * self.count,
             self.programs / program, *words],
            {"LD_LIBRARY_PATH": str(self.programs), "OTLPIPE_DIR": str(self.rings)}, cwd="/",
        )  # fmt: skip

        def inner():
            """The program itself, two forks further, once it runs."""
            harness.check(outer.is_running(), lambda: f"{program} has ended\n{outer.tail()}")
            for child in harness.children(outer.pid):
                for pid in harness.children(child):
                    if os.path.basename(os.readlink(f"/proc/{pid}/exe")) == program:
                        return pid
            return None

        outer.inner = harness.wait_for(inner, f"{program} runs in its namespaces")
        return outer

    def writer(self, inside, *words):
        writer = self.start(inside, "otlpipe-writer", "--output", self.output, "--interval", "50ms", *words)
        harness.wait_for(lambda: "; pid 1" in writer.err or not writer.is_running(), "the writer is ready")
        harness.check(writer.is_running(), lambda: writer.tail())
        return writer

    def load(self, inside):
        return self.start(inside, "otlpipe", "load", "--count=0", "--rate=2000", "--signal=all")


def end(process, number, expected):
    os.kill(process.inner, number)
    process.wait(expected)


def needs_root():
    if os.geteuid() != 0:
        raise harness.Skip("only root maps users of its choice into a namespace")


def each_has_namespaces_of_its_own_and_nothing_is_lost(pipe):
    needs_root()
    containers = Containers(pipe)
    writer = containers.writer(10001)
    loads = [containers.load(inside) for inside in (10001, 1000, 7)]
    for kind in KINDS:
        spaces = {os.readlink(f"/proc/{process.inner}/ns/{kind}") for process in (writer, *loads)}
        harness.equal(len(spaces), 4, f"{kind} namespaces")

    def regions():
        return sorted(path.name for path in containers.rings.glob("*.region"))

    harness.wait_for(lambda: len(regions()) == 3, "each has its region")
    owners = {path.stat().st_uid for path in containers.rings.iterdir()}
    harness.equal(owners, {OUTSIDE}, "who owns what is there")
    # One is killed, the writer too; a new writer is another user inside.
    end(loads[0], signal.SIGKILL, 256 - signal.SIGKILL)
    end(writer, signal.SIGKILL, 256 - signal.SIGKILL)
    writer = containers.writer(20002)
    harness.wait_for(lambda: len(regions()) == 2, "the region of the one that was killed is drained")
    for load in loads[1:]:
        end(load, signal.SIGTERM, 0)
    end(writer, signal.SIGTERM, 0)
    harness.equal(regions(), [], "regions that are left")
    found = pipe.tool("verify", "--json", containers.output).json()
    harness.equal(found["ok"], True, "verify's ok")
    for signal_name, name in (("traces", "spans"), ("metrics", "points"), ("logs", "logs")):
        pushed = sum(load.json()[name]["accepted"] for load in loads[1:])
        harness.check(
            found["signals"][signal_name]["written_items"] >= pushed > 0,
            f"{signal_name}: {pushed} were pushed by those that ended in order; {found}",
        )


if __name__ == "__main__":
    harness.run([each_has_namespaces_of_its_own_and_nothing_is_lost])
