#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Kills and stops producers and the writer at random, restarts them, and compares the disk with
the ledger: what the library accepted is there, each record once.

usage: torture.py BUILD_DIR [--minutes M] [--rounds N] [--actions N] [--seed S] [--keep yes]
A round has that many actions and an empty disk at its begin. --minutes: rounds until then.
"""
import random
import shutil
import signal
import sys
import time

sys.dont_write_bytecode = True
import rig
from rig import check, equal, nap

PRODUCERS_MAX = 4
THREADS_MAX = 4
SLOTS = 16384


class Round:
    def __init__(self, pipe, number, actions, counts):
        self.pipe, self.actions, self.counts = pipe, actions, counts
        self.folder = pipe.scratch / f"round-{number}"
        self.folder.mkdir()
        self.ledger = self.folder / "ledger"
        # Every second round keeps to one output directory, which `otlpipe verify` can check.
        self.outputs = [self.folder / name for name in ("a", "b", "c")[: 1 + number % 2 * 2]]
        self.slot = 0
        self.producers = []
        self.stopped = []
        self.output = self.outputs[0]
        self.writer = None

    # ---- processes ----

    def start_producer(self):
        threads = random.randint(1, THREADS_MAX)
        if self.slot + threads > SLOTS:
            return
        arguments = ["--ring-bytes", random.choice([16384, 65536, 262144])]
        if random.random() < 0.15:  # one that floods its ring
            arguments += ["--burst", 512, "--pause-us", 20000]
        else:
            arguments += ["--burst", 16, "--pause-us", random.randint(5, 40) * 1000]
        process = rig.producer(self.pipe, self.ledger, self.slot, threads, *arguments)
        self.slot += threads
        self.producers.append(process)

    def start_writer(self):
        if random.random() < 0.25:
            self.output = random.choice(self.outputs)
        self.writer = rig.start(
            self.pipe,
            "otlpipe-writer",
            *("--dir", self.pipe.runtime, "--output", self.output),
            *("--interval", random.choice(["1ms", "5ms", "20ms", "100ms"])),
            *("--sync", random.choice(["interval", "batch", "none"])),
            *("--io", random.choice(["auto", "auto", "pwrite"])),
            *("--batch-bytes", random.choice(["64KiB", "128KiB"])),
            *("--rotate-bytes", random.choice(["128KiB", "512KiB", "4MiB"])),
            folder="writer",
        )

    def check_alive(self):
        """Nobody ends by itself."""
        for process in [self.writer, *self.producers]:
            if process is not None and not process.is_running():
                raise rig.Failure(f"{process.name}: {process.popen.returncode}\n{process.tail()}")

    # ---- actions ----

    def kill_producers(self, count):
        for process in random.sample(self.producers, min(count, len(self.producers))):
            self.producers.remove(process)
            process.kill()
            self.counts["producer kills"] += 1

    def kill_writer(self):
        if self.writer is not None:
            self.writer.kill()
            self.counts["writer kills"] += 1
        self.writer = None

    def kill_everything(self):
        """Both sides at once: nobody is left when the first of them is reaped."""
        for process in [self.writer, *self.producers]:
            process.send(signal.SIGKILL)
        for process in [self.writer, *self.producers]:
            process.kill()
        self.counts["both killed"] += 1
        self.counts["producer kills"] += len(self.producers)
        self.counts["writer kills"] += 1
        self.producers, self.writer = [], None

    def stop_and_continue(self, process):
        process.send(signal.SIGSTOP)
        self.stopped.append(process)
        self.counts["stops"] += 1

    def end(self, process):
        """In order, or, where it has not caught the signal yet, at once."""
        status = process.stop(expected=None)
        check(status in (0, -signal.SIGTERM), lambda: f"ended with {status}:\n{process.tail()}")

    def end_writer(self):
        self.end(self.writer)
        self.writer = None

    def end_producer(self):
        self.end(self.producers.pop(random.randrange(len(self.producers))))

    def act(self):
        while len(self.producers) < random.randint(1, PRODUCERS_MAX):
            self.start_producer()
        if self.writer is None and random.random() < 0.8:
            self.start_writer()
        # Often at once, so that starts and recoveries are hit too.
        nap(random.choice([0, 0.001, 0.003, 0.01, 0.03, 0.1]))
        self.check_alive()
        choice = random.choices(
            ["producer", "writer", "both", "stop", "end writer", "end producer", "rotate"],
            [30, 30, 8, 18, 5, 5, 4],
        )[0]
        if choice == "producer":
            self.kill_producers(random.randint(1, 2))
        elif choice == "writer":
            self.kill_writer()
        elif choice == "both" and self.writer is not None:
            self.kill_everything()
        elif choice == "stop":
            everybody = [self.writer or self.producers[0], *self.producers]
            self.stop_and_continue(random.choice(everybody))
        elif choice == "end producer" and not self.stopped:
            self.end_producer()
        elif self.writer is not None and not self.stopped:
            if choice == "end writer":
                self.end_writer()
            elif choice == "rotate" and "; pid " in self.writer.err:
                nap(0.01)  # said a moment before it catches the signal
                self.writer.send(signal.SIGHUP)
        if self.stopped and random.random() < 0.5:
            self.resume()

    def resume(self):
        for process in self.stopped:
            process.send(signal.SIGCONT)
        self.stopped = []

    # ---- the whole ----

    def run(self):
        for _ in range(self.actions):
            self.act()
        self.resume()
        for process in self.producers:
            if random.random() < 0.5:
                process.kill()
            else:
                self.end(process)
        if self.writer is not None:
            self.kill_writer()
        rig.drain(self.pipe, self.output)
        equal(self.pipe.regions(), [], "regions that are left")
        found = rig.compare(self.pipe, self.ledger, *self.outputs)
        equal(found["lost"], 0, "items in the files' own ledger as lost")
        equal(found["invalid"], 0, "items in the files' own ledger as invalid")
        if len(self.outputs) == 1:
            rig.verify(self.pipe, self.output)
        self.counts["records"] += found["items"]
        self.counts["torn bytes"] += found["torn_bytes"]
        shutil.rmtree(self.folder)


def each_accepted_record_is_on_the_disk_once(pipe):
    minutes = pipe.options["minutes"]
    end = time.monotonic() + minutes * 60
    counts = dict.fromkeys(
        ["rounds", "producer kills", "writer kills", "both killed", "stops", "records", "torn bytes"],
        0,
    )
    while counts["rounds"] < pipe.options["rounds"] or time.monotonic() < end:
        Round(pipe, counts["rounds"], pipe.options["actions"], counts).run()
        counts["rounds"] += 1
        for process in pipe.processes:
            for suffix in (".out", ".err"):
                process.path.with_suffix(suffix).unlink()
        pipe.processes.clear()
        if minutes:
            print(f"# {counts}", flush=True)
    print(f"# {counts}", flush=True)
    rig.reliability(
        "producers and the writer die or stand still at any moment",
        "SIGKILL, SIGSTOP and SIGCONT at random, restarts with other options and output"
        " directories, both killed at once",
        counts["producer kills"] + counts["writer kills"] + counts["stops"],
        0,
        "torture",
    )


if __name__ == "__main__":
    rig.harness.run([each_accepted_record_is_on_the_disk_once], minutes=0.0, rounds=4, actions=120)
