#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A flight recorder is killed at every place where it leaves something behind, in a snapshot too.

A fixed load lies in the rings of two dead producers, and a snapshot is asked for. A flight recorder
that drains them is killed before and after each of its system calls that others can see; what comes
next, another recorder or a writer that writes all, here or in another directory, is killed too
sometimes. In the end a writer that writes all takes over what is held: everything is on the disk
once. Where older records are let go, it is what verify counts that has to come out, to the item.

usage: test_flight_kill.py BUILD_DIR [--every N] [--seed S]
--every  each Nth call alone; 1: all of them
"""
import json
import random
import sys

sys.dont_write_bytecode = True
import rig
from rig import check, equal
from test_writer_kill import CALLS_MAX, LEFT_CALLS_MAX, Load

KEEP_ALL, KEEP_LITTLE = "1h,64MiB", "1h,1MiB"


class FlightLoad(Load):
    keep = KEEP_ALL

    def begin(self):
        super().begin()
        # As a writer leaves it that was killed when a snapshot had been asked for.
        spool = self.runtime / "flight"
        spool.mkdir(mode=0o700)
        (spool / "asked").touch()

    def command(self, output, options):
        return [*super().command(output, []), *options]

    def recorder(self):
        return ("--io", "pwrite", "--mode", "flight-recorder", "--keep", self.keep)

    def compare(self):
        """What is on the disk with what was accepted: each missing record is a problem, and counted."""
        check_program = self.pipe.build / "tests/torture/torture_check"
        _, printed, _ = self.run(check_program, self.ledger, *self.outputs)
        found = json.loads(printed.splitlines()[-1])
        equal(found["problems"], found["missing"], f"problems but for what is missing:\n{printed}")
        return found

    def finish(self, output, where):
        """A writer that writes all, and what is there then."""
        text = "; then ".join(where)
        status, _, error = self.run(*self.command(output, ("--io", "pwrite")))
        try:
            equal(status, 0, "the last writer's exit status")
            equal(rig.regions(self.runtime), [], "regions that are left")
            check(not (self.runtime / "flight").exists(), "the spool is left")
            found = self.compare()
            equal((found["invalid"], found["lost"]), (0, 0), "invalid and lost")
            outputs = [path for path in self.outputs if (path / "otlpipe.manifest").exists()]
            tool = self.pipe.build / "cli/otlpipe"
            status, printed, _ = self.run(tool, "verify", "--json", "--dir", self.runtime, *outputs)
            verified = json.loads(printed)
            equal((status, verified["ok"]), (0, True), f"verify: {verified['problems']}")
            let_go = verified["identity"]["let_go"]
            equal(found["missing"], let_go, "records that are missing, and that verify says were let go")
            return let_go
        except rig.Failure as failure:
            raise rig.Failure(f"{text}:\n{failure}\n{error}") from None


def second(load, where):
    """What comes after a kill, by chance: a recorder, or a writer that writes all, which may be killed."""
    output = load.outputs[random.choice([0, 0, 0, 1])]
    for _ in range(random.choice([0, 1, 1, 2])):
        options = random.choice([load.recorder(), load.recorder(), ("--io", "pwrite")])
        how = ("calls", random.randint(1, LEFT_CALLS_MAX * 4), random.choice(["before", "after"]))
        place = load.kill_writer(how, output, options)
        where.append(f"{' '.join(options)} into {output.name}, {how}: {place}")
    return output


def kill_at_each_call(load, every):
    let_go = set()
    for moment in ("before", "after"):
        for n in range(random.randint(1, every), CALLS_MAX, every):
            load.begin()
            place = load.kill_writer(("calls", n, moment), load.outputs[0], load.recorder())
            if place is None:
                break
            where = [f"call {n}: {place}"]
            output = second(load, where)
            let_go.add(load.finish(output, where) > 0)
        check(100 < n < CALLS_MAX - every, f"{n} system calls: does it take a snapshot?")
    return let_go


def a_recorder_killed_at_each_system_call_loses_and_repeats_nothing(pipe):
    load = FlightLoad(pipe, 200, pipe.scratch)
    let_go = kill_at_each_call(load, pipe.options["every"])
    equal(let_go, {False}, "was anything let go")
    rig.reliability(
        "a flight recorder dies before or after any system call that others see, also in a snapshot",
        "ptrace, SIGKILL at the Nth call; restart as recorder or not, here or elsewhere",
        load.runs,
        0,
        "flight_kill",
    )


def a_recorder_killed_while_it_lets_go_counts_every_record(pipe):
    load = FlightLoad(pipe, 2000, pipe.scratch, 1 << 21)
    load.keep = KEEP_LITTLE
    let_go = kill_at_each_call(load, pipe.options["every"] * 3)
    check(True in let_go, "nothing was ever let go")
    rig.reliability(
        "a flight recorder dies while it lets go of the oldest: not written, and counted",
        "the same, with --keep 1MiB; verify must count every record",
        load.runs,
        0,
        "flight_kill",
    )


if __name__ == "__main__":
    rig.harness.run(
        [
            a_recorder_killed_at_each_system_call_loses_and_repeats_nothing,
            a_recorder_killed_while_it_lets_go_counts_every_record,
        ],
        every=8,
    )
