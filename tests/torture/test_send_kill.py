#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`otlpipe send` is killed at every system call that others see, and started again.

What it sends is kept by a receiver on loopback. In the end the receiver has every record; one that the
cursor had as acknowledged when the sender was killed was not sent again; and no more are there twice than
the second run says.

usage: test_send_kill.py BUILD_DIR [--step N]
--step  every Nth call
"""
import random
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
import rig
import otlp_sink
from rig import check, equal

KILLED, ENDED, IMPOSSIBLE = 0, 3, 77
CALLS_MAX = 1000
RECORDS = 400
TWICE = re.compile(r", (\d+) maybe twice,")


class Load:
    def __init__(self, pipe):
        self.pipe, self.runs = pipe, 0
        writer = pipe.writer("--batch-bytes", "64KiB", "--rotate-bytes", "64KiB")
        pipe.load("--count", RECORDS, "--retry", "--wait", "--signal", "spans").wait()
        writer.stop()
        self.cursor = pipe.output / "otlpipe-send.default.cursor"

    def begin(self, number):
        for path in self.pipe.output.glob("*otlpipe-send*"):
            path.unlink()
        return otlp_sink.Sink(self.pipe.shm / f"got-{number}")

    def command(self, sink):
        options = ("--to", sink.url, "--signal", "traces", "--request-bytes", "12KiB", "--concurrency", 2)
        return [self.pipe.build / "cli/otlpipe", "send", *options, self.pipe.output]

    def run(self, *command):
        done = subprocess.run(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.pipe.environment,
            check=False,
        )
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def kill(self, number, moment, sink):
        """Where it was killed, or None if it ended before."""
        stepkill = self.pipe.build / "tests/torture/stepkill"
        status, out, error = self.run(stepkill, "sends", number, moment, *self.command(sink))
        if status == IMPOSSIBLE:
            raise rig.Skip(f"no ptrace here: {error}")
        check(status in (KILLED, ENDED), lambda: f"stepkill {number}: {status}, {error}")
        self.runs += status == KILLED
        return out.strip() if status == KILLED else None

    def end(self, sink, place):
        text = self.cursor.read_text(encoding="ascii") if self.cursor.exists() else ""
        check(not text or text.splitlines()[-1].startswith("end "), lambda: f"{place}: {text}")
        status, out, error = self.run(*self.command(sink))
        check(status == 0, lambda: f"{place}: exit status {status}\n{out}{error}")
        found = self.pipe.run("load_scan", sink.folder).json()
        equal((found["spans"] - found["duplicates"], found["strange"]), (RECORDS, 0), f"{place}: {found}")
        twice = int(TWICE.search(out)[1])
        check(found["duplicates"] <= twice, lambda: f"{place}: {found}, and it says {out}")
        check(twice <= 2 * 200, lambda: f"{place}: more than were under way may be twice: {out}")


def a_sender_killed_at_each_system_call_loses_nothing_and_counts_what_it_repeats(pipe):
    load = Load(pipe)
    total = 0
    for moment in ("after", "before"):
        number = random.randint(1, pipe.options["step"])
        while number < CALLS_MAX:
            sink = load.begin(f"{moment}-{number}")
            try:
                place = load.kill(number, moment, sink)
                if place is None:
                    break
                load.end(sink, f"call {number}: {place}")
            finally:
                sink.close()
                shutil.rmtree(sink.folder, ignore_errors=True)
            number += pipe.options["step"]
        total = max(total, number)
    check(30 < total < CALLS_MAX, f"{total} system calls: is it still the same program?")
    rig.reliability(
        "the sender dies before or after a system call that others see",
        "ptrace, SIGKILL at the Nth call; a receiver on loopback keeps what it gets",
        load.runs,
        0,
        "send_kill",
    )


if __name__ == "__main__":
    rig.harness.run(
        [a_sender_killed_at_each_system_call_loses_nothing_and_counts_what_it_repeats], step=5
    )
