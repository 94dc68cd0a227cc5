#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs one fuzz target over a corpus that is made anew from a real run.

usage: run.py TARGET PROGRAM SEEDS WRITER PRODUCER [--runs N | --minutes N] [--artifacts DIR]

TARGET is record, region, drain, scan, send, log or tool. --runs (the default) is a bounded number of inputs, so that a
test's outcome does not hang on the machine's speed; --minutes is for long runs by hand. Everything
lives in a directory of its own on tmpfs, which goes away at the end, but for inputs that fail: those
are written to --artifacts (default: here).
"""
import argparse
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG
OUTPUT_TAIL = 6000
RING_CONTROL_AT = 4096  # shm/layout.h: the first ring's control, which begins with its tail
REGION_SECONDS_MAX = 60


def die_with_parent():
    import ctypes

    ctypes.CDLL(None).prctl(DEATH_SIGNAL, signal.SIGKILL)


def data_files(options, scratch):
    """Files of a writer that drained producers of random telemetry: sealed ones, and one that was
    being written when its writer was killed."""
    runtime, output = scratch / "run", scratch / "data"
    runtime.mkdir(mode=0o700)
    writer = subprocess.Popen(
        [options.writer, "--dir", runtime, "--output", output, "--interval", "20ms",
         "--rotate-bytes", "1MiB"],
        stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent,
    )
    try:
        for index, counts in enumerate(((3, 0), (12, 4), (40, 0), (0, 6))):
            subprocess.run(
                [options.producer, runtime, str(index), str(index + 1), str(counts[0]),
                 str(counts[1]), scratch / "expected"],
                check=True, stdin=subprocess.DEVNULL, preexec_fn=die_with_parent, timeout=120,
            )
            writer.send_signal(signal.SIGHUP)
            time.sleep(0.1)
    finally:
        writer.kill()
        writer.wait()
    return sorted(output.glob("*/*.binpb*"))


def region_files(options, scratch):
    """Regions of producers that nobody drained, and which were killed with data in their rings."""
    runtime = scratch / "run"
    runtime.mkdir(mode=0o700)
    commands = [
        [options.producer, runtime, "0", "7", "30", "10", scratch / "expected"],
        [options.producer, runtime, "1", "8", "4", "60", scratch / "expected"],
        [options.writer.parent.parent / "cli/otlpipe", "load", "--dir", runtime, "--count", "100"],
    ]
    for command in commands:
        before = len(list(runtime.glob("*.region")))
        producer = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=die_with_parent,
        )
        end = time.monotonic() + REGION_SECONDS_MAX
        while producer.poll() is None and not has_data(runtime, before + 1):
            if time.monotonic() > end:
                sys.exit(f"{command[0]} has pushed nothing")
            time.sleep(0.01)
        producer.kill()
        producer.wait()
    return sorted(runtime.glob("*.region"))


def has_data(runtime, count):
    """So many regions, each with something in its first ring."""
    files = list(runtime.glob("*.region"))
    for path in files:
        with open(path, "rb") as file:
            file.seek(RING_CONTROL_AT)
            if file.read(8) == bytes(8):
                return False
    return len(files) >= count


def make_corpus(options, scratch):
    corpus = scratch / "corpus"
    corpus.mkdir()
    files = []
    if options.target != "log":  # whose seeds are lines as programs write them
        make = data_files if options.target in ("scan", "send", "tool") else region_files
        files = make(options, scratch)
        if not files:
            sys.exit("the real run left no file to start from")
    (scratch / "seeds").mkdir(mode=0o700)
    subprocess.run(
        [options.seeds, corpus, scratch / "seeds", *files], check=True, stdin=subprocess.DEVNULL
    )
    seeds = corpus / options.target
    kind = {"scan": "file", "send": "file", "tool": "file", "log": "line"}.get(options.target, "real")
    real = len(list(seeds.glob(f"{kind}-*")))
    print(f"{len(list(seeds.iterdir()))} seeds, {real} of them of a real run")
    if not real:
        sys.exit("no seed is what a program wrote")
    return seeds


def main():
    parser = argparse.ArgumentParser()
    for name in ("target", "program", "seeds", "writer", "producer"):
        parser.add_argument(name)
    parser.add_argument("--runs", type=int, default=20000)
    parser.add_argument("--minutes", type=float, default=0)
    parser.add_argument("--artifacts", default=".")
    parser.add_argument("--keep-corpus", default="")
    options = parser.parse_args()
    options.writer = pathlib.Path(options.writer)
    os.umask(0o077)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="otlpipe-fuzz-", dir="/dev/shm") as name:
        scratch = pathlib.Path(name)
        corpus = make_corpus(options, scratch)
        bound = (
            f"-max_total_time={int(options.minutes * 60)}"
            if options.minutes
            else f"-runs={options.runs}"
        )
        found = [options.keep_corpus] if options.keep_corpus else [scratch / "found"]
        pathlib.Path(found[0]).mkdir(exist_ok=True)
        command = [
            options.program, bound, "-seed=1", "-max_len=65536", "-timeout=60",
            "-rss_limit_mb=3000", "-print_final_stats=1", f"-artifact_prefix={options.artifacts}/",
            *(["-close_fd_mask=2"] if options.target in ("tool", "scan") else []),
            *found, corpus,
        ]
        environment = {**os.environ, "OTLPIPE_FUZZ_DIR": str(scratch)}
        run = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=environment, preexec_fn=die_with_parent,
        )
        text = run.stdout.decode("utf-8", "replace")
        print(text[-OUTPUT_TAIL:])
        return 0 if run.returncode == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
