# SPDX-License-Identifier: Apache-2.0
"""Producers, a writer, a sender and whatever stands behind it, each killed at random meanwhile."""
import os
import random
import re
import signal

import partners  # noqa: F401: it says where harness is
import harness
from partners import check, equal, nap, wait_for

TWICE = re.compile(r", (\d+) maybe twice,")
METRIC = re.compile(r"^otlpipe_send_maybe_twice_items_total\{.*\} (\d+)$", re.MULTILINE)
CONCURRENCY = 2
REQUEST_BYTES = 256 << 10
# The smallest record of `otlpipe load`, its share of the nodes around it left out.
RECORD_BYTES_MIN = 100


class Crowd:
    def __init__(self, pipe, to, behind):
        """behind: name → (kill, start) of what stands behind the sender."""
        self.pipe, self.to = pipe, to
        self.runs = self.killed_senders = 0
        self.reported = 0
        self.kills = {}
        self.victims = {
            "writer": (lambda: self.writer.kill(), self.start_writer),
            "sender": (self.kill_sender, self.start_sender),
            "producer": (self.kill_producer, lambda: None),
            **behind,
        }
        self.start_writer()
        self.start_sender()

    def start_writer(self):
        words = ("--batch-bytes", "256KiB", "--rotate-bytes", random.choice(["1MiB", "4MiB", "64MiB"]))
        self.writer = self.pipe.writer(*words, ready=False)

    def command(self, *words):
        options = ("--to", self.to, "--concurrency", CONCURRENCY, "--request-bytes", REQUEST_BYTES)
        return ("send", *options, *words, self.pipe.output)

    def start_sender(self):
        self.metrics = self.pipe.scratch / f"metrics-{self.runs:03d}"
        self.runs += 1
        words = self.command("--follow", "--metrics", self.metrics, "--backoff-max", "200ms")
        # The directory is the writer's, which may just be making it.
        wait_for(lambda: (self.pipe.output / "traces").is_dir(), "the writer has its directory")
        self.sender = self.pipe.start("otlpipe", *words)

    def kill_sender(self):
        self.sender.kill()
        self.killed_senders += 1
        if self.metrics.exists():
            self.reported += sum(map(int, METRIC.findall(self.metrics.read_text(encoding="ascii"))))

    def kill_producer(self):
        alive = [pid for pid in self.load.workers if os.path.exists(f"/proc/{pid}")]
        if len(alive) > 2:
            os.kill(random.choice(alive), signal.SIGKILL)

    def push(self, count, rate, kills):
        """So many records of each signal, in which time so many are killed."""
        self.load = self.pipe.load(
            *("--signal", "all", "--count", count, "--rate", rate, "--processes", 4, "--retry"),
        )

        def workers():
            pids = harness.children(self.load.pid) if self.load.is_running() else []
            return [pids] if len(pids) == 4 or not self.load.is_running() else None

        (self.load.workers,) = wait_for(workers, "the workers of the load generator run")
        names = list(self.victims)
        for number in range(kills):
            nap(random.random() * count / rate / kills)
            if number % len(names) == 0:
                random.shuffle(names)  # all of them in each round
            name = names[number % len(names)]
            kill, start = self.victims[name]
            kill()
            self.kills[name] = self.kills.get(name, 0) + 1
            nap(random.random() * 0.1)
            start()
        self.load.wait(None)

    def finish(self):
        """All is written and sent; returns verify's sums."""
        if not self.writer.is_running():
            self.start_writer()
        wait_for(lambda: not self.pipe.regions(), "all regions are drained and gone")
        self.writer.stop()
        # From its first metrics on it hears signals.
        wait_for(
            lambda: self.metrics.exists() or not self.sender.is_running(), "the sender runs"
        )
        check(self.sender.is_running(), lambda: f"the sender has ended\n{self.sender.tail()}")
        self.sender.send(signal.SIGTERM)
        self.sender.wait(None)
        self.add_report(self.sender)
        last = self.pipe.tool(*self.command(), expected=None)
        self.add_report(last)
        check("not all was sent" not in last.out, last.out)
        equal(self.pipe.files("open"), [], "files left open")
        return self.pipe.verify()

    def add_report(self, process):
        check(process.popen.returncode == 0, process.tail)
        found = TWICE.search(process.out)
        check(found, lambda: f"the sender does not say what may be there twice\n{process.tail()}")
        self.reported += int(found[1])

    def twice_max(self):
        """A sender that is killed has no time to say what it has just begun again."""
        return self.reported + self.killed_senders * CONCURRENCY * REQUEST_BYTES // RECORD_BYTES_MIN
