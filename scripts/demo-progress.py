#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A line a second on how the demo goes, from `otlpipe stat --json`, until SIGTERM.

On a terminal the line is written over the one before. A region leaves `stat` when its process has
ended and is drained; what it had dropped is remembered here, so that the sum only grows.

usage: demo-progress.py OTLPIPE RUNTIME_DIR OUTPUT_DIR
"""
import json
import os
import signal
import subprocess
import sys
import threading
import time

INTERVAL_SECONDS = 1.0
STAT_SECONDS_MAX = 5

stopped = threading.Event()


def stat(otlpipe, runtime):
    """What `stat` says, or None while it has nothing to say."""
    command = [otlpipe, "stat", "--json", "--dir", runtime]
    try:
        done = subprocess.run(command, capture_output=True, timeout=STAT_SECONDS_MAX, check=True)
        return json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


class Totals:
    """What one line shows. Whatever stat leaves out counts as zero: this is to be watched, and
    `verify` is to be believed."""

    def __init__(self):
        self.state = "starting"
        self.written = {}  # signal → items
        self.bytes = 0
        self.dropped = {}  # (region, signal) → items
        self.producers = 0
        self.fill = 0.0

    def update(self, now):
        writer = now.get("writer") or {}
        self.state = writer.get("state", "?")
        signals = writer.get("signals") or {}
        self.written = {name: of.get("written_items", 0) for name, of in signals.items()}
        self.bytes = sum(of.get("batch_bytes", 0) for of in signals.values())
        regions = now.get("regions") or []
        self.producers = sum(bool(region.get("alive")) for region in regions)
        self.fill = 0.0
        for region in regions:
            for ring in region.get("rings") or []:
                key = region.get("id"), ring.get("signal")
                self.dropped[key] = sum(n for k, n in ring.items() if k.startswith("dropped"))
                self.fill = max(self.fill, ring.get("used_bytes", 0) / ring.get("size_bytes", 1))


def files(output):
    return sum(len(names) for _, _, names in os.walk(output))


def show(totals, output, started):
    text = (
        f"  {time.monotonic() - started:5.1f} s  writer {totals.state:<8} "
        f"producers {totals.producers}  fullest ring {totals.fill:4.0%}  "
        f"written: {totals.written.get('traces', 0):>7} spans {totals.written.get('metrics', 0):>7} "
        f"points {totals.bytes / 2**20:6.1f} MiB {files(output):>2} files  "
        f"dropped {sum(totals.dropped.values())}"
    )
    print("\r" + text + "\x1b[K" if sys.stdout.isatty() else text, end="", flush=True)
    if not sys.stdout.isatty():
        print(flush=True)


def main(otlpipe, runtime, output):
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    started, totals = time.monotonic(), Totals()
    while not stopped.is_set():
        now = stat(otlpipe, runtime)
        if now is not None:
            totals.update(now)
        show(totals, output, started)
        stopped.wait(INTERVAL_SECONDS)
    if sys.stdout.isatty():
        print()


if len(sys.argv) != 4:
    sys.exit(__doc__)
main(*sys.argv[1:])
