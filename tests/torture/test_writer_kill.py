#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The writer is killed at every place where it leaves something behind, and started again.

A fixed load lies in the rings of two dead producers. A writer that drains it is killed before and
after each of its system calls that others can see, and between the instructions of the function
that gives ring space back; then the same happens to the writer that recovers, with the same or
another output directory. In the end everything is on the disk once, and no region is left.

usage: test_writer_kill.py BUILD_DIR [--density N] [--all yes] [--seed S]
--density  how many instructions of each release are tried, apart from the first and the last ones
--all      all four of io_uring and pwrite with both kinds of sync
"""
import random
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
import rig
from rig import Failure, check, equal

KILLED, ENDED, IMPOSSIBLE = 0, 3, 77
CALLS_MAX = 1000
LEFT_CALLS_MAX = 30  # how far a second writer comes before it is killed too
ENDS = 8  # instructions at both ends of a function that are all tried
ENDS_RECOVERY = 2


class Load:
    """What lies in the rings, as a directory to be copied, and the ledger of it."""

    def __init__(self, pipe, tries, folder, ring_bytes=1 << 18):
        self.pipe = pipe
        self.ledger = pipe.scratch / "ledger"
        self.template = pipe.shm / "template"
        self.template.mkdir(mode=0o700)
        fixed = ("--ring-bytes", ring_bytes, "--lanes", 4, "--burst", 0)
        first = rig.producer(
            pipe, self.ledger, 0, 2, *fixed, "--tries", tries, runtime=self.template
        )
        first.wait()
        few = ("--tries", tries // 4, "--abrupt")
        second = rig.producer(pipe, self.ledger, 2, 2, *fixed, *few, runtime=self.template)
        second.wait(rig.SIGKILLED)
        equal(len(rig.regions(self.template)), 2, "regions to begin with")
        self.runtime = pipe.shm / "copy"
        self.outputs = [folder / f"out-{n}" for n in range(3)]
        self.runs = 0

    def begin(self):
        for path in (self.runtime, *self.outputs):
            shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(self.template, self.runtime)

    def command(self, output, options):
        writer = self.pipe.build / "writer/otlpipe-writer"
        files = ("--batch-bytes", "64KiB", "--rotate-bytes", "64KiB")
        return [writer, "--drain", "--dir", self.runtime, "--output", output, *files, *options]

    def run(self, *command):
        done = subprocess.run(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            check=False,
        )
        return done.returncode, done.stdout.decode().strip(), done.stderr.decode()

    def kill_writer(self, how, output, options):
        """One run that is killed; returns where, or None if it ended before."""
        stepkill = self.pipe.build / "tests/torture/stepkill"
        status, where, error = self.run(stepkill, *how, *self.command(output, options))
        if status == IMPOSSIBLE:
            raise rig.Skip(f"no ptrace here: {error}")
        check(status in (KILLED, ENDED), lambda: f"stepkill {how}: {status}, {error}")
        self.runs += status == KILLED
        return where if status == KILLED else None

    def end(self, output, options, where):
        """The last writer, which is let be, and the comparison."""
        status, _, error = self.run(*self.command(output, options))
        try:
            equal(status, 0, "the last writer's exit status")
            equal(rig.regions(self.runtime), [], "regions that are left")
            found = rig.quick_compare(self.pipe, self.ledger, *self.outputs)
            equal((found["lost"], found["invalid"]), (0, 0), "lost and invalid items")
        except Failure as failure:
            place = f"{' '.join(options)}, {'; then '.join(where)}"
            raise Failure(f"{place}:\n{failure}\n{error}") from None


def options_of(io, sync):
    return ("--io", io, "--sync", sync)


def second_part(load, options, where):
    """What comes after a first kill: another one or none, here or elsewhere. By chance."""
    output = load.outputs[random.choice([0, 0, 1])]
    if random.random() < 0.5:
        how = ("calls", random.randint(1, LEFT_CALLS_MAX), random.choice(["before", "after"]))
        place = load.kill_writer(how, output, options)
        where.append(f"{how} of the second: {place}")
        output = random.choice([output, load.outputs[2]])
    load.end(output, options, where)


def kill_at_each_call(load, io, sync, moments=("before", "after")):
    options = options_of(io, sync)
    for moment in moments:
        for n in range(1, CALLS_MAX):
            load.begin()
            place = load.kill_writer(("calls", n, moment), load.outputs[0], options)
            if place is None:
                break
            second_part(load, options, [f"call {n}: {place}"])
        check(10 < n < CALLS_MAX - 1, f"{n} system calls: is it still the same program?")


def a_writer_killed_at_each_system_call_loses_and_repeats_nothing(pipe):
    load = Load(pipe, 350, pipe.scratch)  # several batches and files of each signal
    kill_at_each_call(load, "uring", "batch")
    kill_at_each_call(load, "pwrite", "interval", ("after",))
    if pipe.options["all"]:
        kill_at_each_call(load, "pwrite", "interval", ("before",))
        kill_at_each_call(load, "uring", "interval")
        kill_at_each_call(load, "pwrite", "batch")
    rig.reliability(
        "the writer dies before or after any system call that others see, and again in recovery",
        "ptrace, SIGKILL at the Nth call for every N; io_uring, pwrite; restart here or elsewhere",
        load.runs,
        0,
        "writer_kill",
    )


def steps_to_try(length, count, density):
    ends = {*range(min(count, length)), *range(max(0, length - count), length)}
    return sorted(ends | {random.randrange(length) for _ in range(density)})


def each_release(load, prepare, output, options, ends, hits_max=1000):
    """Kills within each call of the release function, in runs that begin with prepare()."""
    offset = rig.writer_symbol(load.pipe, "ring_reader_release")
    density = load.pipe.options["density"]
    hit = 0
    while hit < hits_max:
        hit += 1
        prepare()
        length = load.kill_writer(("length", offset, hit), output, options)
        if length is None:
            break
        for step in steps_to_try(int(length), ends, density):
            prepare()
            place = load.kill_writer(("steps", offset, hit, step), output, options)
            check(place is not None, f"release {hit}, step {step}: it was not reached")
            load.end(random.choice([output, load.outputs[2]]), options, [place])
    return hit


def a_writer_killed_at_each_instruction_of_a_release_loses_and_repeats_nothing(pipe):
    load = Load(pipe, 40, pipe.shm)  # each zeroed byte is a step; and no disk to wait for
    options = options_of("pwrite", "interval")
    releases = each_release(load, load.begin, load.outputs[0], options, ENDS)
    check(releases >= 4, f"{releases} releases in a run")
    rig.reliability(
        "the writer dies while it gives ring space back",
        "ptrace, SIGKILL between instructions: done stored, half of the zeroing, head stored",
        load.runs,
        0,
        "writer_kill",
    )


def a_writer_killed_at_each_instruction_of_a_release_in_recovery(pipe):
    load = Load(pipe, 40, pipe.shm)
    options = options_of("pwrite", "interval")

    def prepare():
        """A batch is in the file and was not given back."""
        for _ in range(CALLS_MAX):
            load.begin()
            place = load.kill_writer(("calls", prepare.call, "after"), load.outputs[0], options)
            if place == "after pwrite64" and list(load.outputs[0].rglob("*.open")):
                return
            # Another thread's calls come in between now and then: from the start again.
            prepare.call = prepare.call + 1 if place else 1
        raise Failure("the writer makes no pwrite")

    prepare.call = 1
    releases = each_release(load, prepare, load.outputs[1], options, ENDS_RECOVERY, 3)
    check(releases >= 2, f"{releases} releases in a recovery")
    rig.reliability(
        "the writer dies while its recovery gives ring space back",
        "ptrace, SIGKILL between instructions; its output directory is another",
        load.runs,
        0,
        "writer_kill",
    )


if __name__ == "__main__":
    rig.harness.run(
        [
            a_writer_killed_at_each_system_call_loses_and_repeats_nothing,
            a_writer_killed_at_each_instruction_of_a_release_loses_and_repeats_nothing,
            a_writer_killed_at_each_instruction_of_a_release_in_recovery,
        ],
        density=2,
        all="",
    )
