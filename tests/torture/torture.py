#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Kills and stops producers and the writer at random, restarts them, and compares the disk with
the ledger: what the library accepted is there, each record once.

Producers have rings from 4 KiB with up to 8 lanes, records up to a quarter of them, children,
daemons that outlive them, and some live in pid, user and mount namespaces of their own. As root, all
of a round is in one cgroup, which is killed or frozen in one instant, and the output changes between
file systems.

usage: torture.py BUILD_DIR [--minutes M] [--rounds N] [--actions N] [--seed S] [--keep yes]
A round has that many actions and an empty disk at its begin. --minutes: rounds until then.
"""
import itertools
import random
import shutil
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
import rig
from rig import Skip, check, equal, nap, wait_for

PRODUCERS_MAX = 4
THREADS_MAX = 4
GROUP = 8  # slots of one producer: threads, then its children, and last its daemon (ledger.h)
QUARTER_SLOT, SLOTS = 12288, 16384
UNSHARE = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "--kill-child")


class Slots:
    """Which slots of the ledger are free."""

    def __init__(self):
        self.usual = iter(range(0, QUARTER_SLOT, GROUP))
        self.quarter = iter(range(QUARTER_SLOT, SLOTS, GROUP))

    def take(self):
        """A first slot and the rings it needs; None where all are used up."""
        if random.random() < 0.3:
            slot = next(self.quarter, None)
            return None if slot is None else (slot, 4096 << 2 * (slot // GROUP % 3))
        slot = next(self.usual, None)
        return None if slot is None else (slot, random.choice([16384, 65536, 131072, 262144]))


class Round:
    def __init__(self, pipe, number, place, machine, counts):
        self.pipe, self.actions, self.counts = pipe, pipe.options["actions"], counts
        self.machine = machine
        self.folder = place / f"round-{number}"
        self.folder.mkdir()
        self.ledger = pipe.scratch / f"ledger-{number}"
        # Every second round keeps to one output directory, which `otlpipe verify` can check.
        self.outputs = [self.folder / name for name in ("a", "b", "c")[: 1 + number % 2 * 2]]
        self.slots = Slots()
        self.producers = []
        self.stopped = []
        self.output = self.outputs[0]
        self.writer = None

    # ---- processes ----

    def start_producer(self):
        taken = self.slots.take()
        if taken is None:
            return
        slot, ring_bytes = taken
        # Small rings have fewer, however many are asked for.
        arguments = ["--ring-bytes", ring_bytes, "--lanes", random.choice([0, 1, 2, 4, 8])]
        if random.random() < 0.15:  # one that floods its ring
            arguments += ["--burst", 512, "--pause-us", 20000]
        else:
            arguments += ["--burst", 16, "--pause-us", random.randint(5, 40) * 1000]
        if random.random() < 0.2:
            arguments += ["--fork", random.randint(1, 8)]
        prefix = list(self.machine.prefix)
        # A daemon is found again by its cgroup alone.
        if prefix and random.random() < 0.1:
            arguments += ["--daemon"]
            self.counts["daemons"] += 1
        is_apart = self.machine.has_namespaces and random.random() < 0.15
        if is_apart:
            prefix += UNSHARE
            self.counts["in namespaces"] += 1
        threads = random.randint(1, THREADS_MAX)
        process = rig.producer(self.pipe, self.ledger, slot, threads, *arguments, prefix=prefix)
        # Its first process passes no signal on, but takes what it started with it when it is killed.
        process.only_kill = is_apart
        self.producers.append(process)

    def launch_writer(self):
        if random.random() < 0.25:
            self.output = random.choice(self.outputs)
        return rig.start(
            self.pipe,
            "otlpipe-writer",
            *("--dir", self.pipe.runtime, "--output", self.output),
            *("--interval", random.choice(["1ms", "5ms", "20ms", "100ms"])),
            *("--sync", random.choice(["interval", "batch", "none"])),
            *("--io", random.choice(["auto", "auto", "pwrite"])),
            *("--batch-bytes", random.choice(["64KiB", "128KiB"])),
            *("--rotate-bytes", random.choice(["128KiB", "512KiB", "4MiB"])),
            folder="writer",
            prefix=self.machine.prefix,
        )

    def start_writer(self):
        self.writer = self.launch_writer()
        if random.random() < 0.1:
            self.start_rival()

    def start_rival(self):
        """Two at once: one of them, whichever, says that the other is there, and ends."""
        rivals = [self.writer, self.launch_writer()]
        wait_for(lambda: not all(w.is_running() for w in rivals), "one of two writers has ended")
        losers = [writer for writer in rivals if not writer.is_running()]
        equal(len(losers), 1, "writers that ended, of two")
        loser = losers[0]
        equal(loser.popen.returncode, 1, "its exit status")
        check("another writer has" in loser.err, lambda: f"what it said:\n{loser.tail()}")
        rivals.remove(loser)
        self.writer = rivals[0]
        self.counts["rivals"] += 1

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
        everybody = [process for process in [self.writer, *self.producers] if process is not None]
        if not self.machine.kill():
            for process in everybody:
                process.send(signal.SIGKILL)
        for process in everybody:
            process.kill()
        self.machine.kill()  # what one left that was not in the cgroup yet
        self.counts["all killed"] += 1
        self.counts["producer kills"] += len(self.producers)
        self.counts["writer kills"] += self.writer is not None
        self.producers, self.writer, self.stopped = [], None, []

    def freeze(self):
        if self.machine.freeze():
            nap(random.choice([0, 0.01, 0.1]))
            if random.random() < 0.3:
                self.kill_everything()  # killed while they stand still
            self.machine.thaw()
            self.counts["freezes"] += 1

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
        process = self.producers.pop(random.randrange(len(self.producers)))
        if process.only_kill:
            process.kill()
        else:
            self.end(process)

    def act(self):
        while len(self.producers) < random.randint(1, PRODUCERS_MAX):
            self.start_producer()
        if self.writer is None and random.random() < 0.8:
            self.start_writer()
        # Often at once, so that starts and recoveries are hit too.
        nap(random.choice([0, 0.001, 0.003, 0.01, 0.03, 0.1]))
        self.check_alive()
        choice = random.choices(
            ["producer", "writer", "all", "stop", "freeze", "end writer", "end producer", "rotate"],
            [30, 30, 8, 14, 4, 5, 5, 4],
        )[0]
        if choice == "producer":
            self.kill_producers(random.randint(1, 2))
        elif choice == "writer":
            self.kill_writer()
        elif choice == "all":
            self.kill_everything()
        elif choice == "freeze":
            self.freeze()
        elif choice == "stop":
            everybody = [p for p in [self.writer, *self.producers] if p and not getattr(p, "only_kill", False)]
            if everybody:
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
            if process.only_kill or random.random() < 0.5:
                process.kill()
            else:
                self.end(process)
        if self.writer is not None:
            self.kill_writer()
        self.machine.kill()  # daemons, children, and what was in a namespace
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
        self.ledger.unlink()


class Machine:
    """What this machine lets us do: a cgroup of our own, namespaces, several file systems."""

    def __init__(self, pipe):
        self.cgroup, self.places = None, [pipe.scratch]
        self.has_namespaces = subprocess.run([*UNSHARE, "true"], check=False).returncode == 0
        if not self.has_namespaces:
            print("# no producers in namespaces: unshare is refused here", flush=True)
        try:
            self.cgroup = rig.Cgroup(pipe)
        except Skip as skip:
            print(f"# nothing is killed by a cgroup: {skip}", flush=True)
        for kind, mebibytes in (("ext4", 2048), ("xfs", 2048), ("btrfs", 2048), ("tmpfs", 2048)):
            try:
                self.places.append(
                    rig.tmpfs_mounted(pipe, kind, mebibytes)
                    if kind == "tmpfs"
                    else rig.loop_mounted(pipe, kind, kind, mebibytes)
                )
            except Skip as skip:
                print(f"# no output on {kind}: {skip}", flush=True)

    @property
    def prefix(self):
        return self.cgroup.prefix if self.cgroup else ()

    def kill(self):
        """All of them, in one instant. False: there is no cgroup."""
        if self.cgroup:
            self.cgroup.kill()
        return self.cgroup is not None

    def freeze(self):
        if self.cgroup:
            self.cgroup.freeze()
        return self.cgroup is not None

    def thaw(self):
        self.cgroup.thaw()


def each_accepted_record_is_on_the_disk_once(pipe):
    minutes = pipe.options["minutes"]
    end = time.monotonic() + minutes * 60
    counts = dict.fromkeys(
        ["rounds", "producer kills", "writer kills", "all killed", "stops", "freezes", "rivals"]
        + ["daemons", "in namespaces", "records", "torn bytes"],
        0,
    )
    machine = Machine(pipe)
    places = itertools.cycle(machine.places)
    while counts["rounds"] < pipe.options["rounds"] or time.monotonic() < end:
        Round(pipe, counts["rounds"], next(places), machine, counts).run()
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
        "SIGKILL, SIGSTOP, freezing and thawing at random, all killed at once by their cgroup,"
        " restarts with other options, outputs and file systems, two writers at once, forks,"
        " daemons, namespaces",
        counts["producer kills"] + counts["writer kills"] + counts["stops"] + counts["freezes"],
        0,
        "torture",
    )


if __name__ == "__main__":
    rig.harness.run([each_accepted_record_is_on_the_disk_once], minutes=0.0, rounds=5, actions=120)
