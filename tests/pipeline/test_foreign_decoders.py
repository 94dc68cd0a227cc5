#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Four processes push every field and kind; protoc and Python's protobuf read the same back."""
import subprocess
import sys

import harness

PROCESSES, THREADS = 4, 2


def agree(pipe, *writer_arguments, spans=400, metrics=60):
    """One whole run; returns the counts that were pushed, and the finished writer."""
    spans, metrics = (max(n // pipe.options["divide"], 8) for n in (spans, metrics))
    writer = pipe.writer(*writer_arguments, interval="200ms")
    expectations = [pipe.scratch / f"expected-{i}" for i in range(PROCESSES)]
    seed = pipe.options["seed"]
    producers = [
        pipe.start("gen_producer", pipe.runtime, i, seed, spans, metrics, expectations[i], THREADS)
        for i in range(PROCESSES)
    ]
    for producer in producers:
        producer.wait()
    writer.stop()
    compare(pipe, "decode_compare.py", pipe.build / "proto", expectations)
    compare(pipe, "decode_protoc.py", harness.SOURCE / "proto", expectations)
    counts = [producer.json() for producer in producers]
    pushed = {name: sum(count[name] for count in counts) for name in ("spans", "points", "logs")}
    harness.equal(pushed["spans"], PROCESSES * spans, "spans that were pushed")
    harness.check(pushed["logs"] > PROCESSES * spans // 5, f"too few log records in {pushed}")
    harness.check(pushed["points"] > PROCESSES * metrics, f"too few points in {pushed}")
    pipe.verify()
    return pushed, writer


def compare(pipe, script, schema, expectations):
    command = [sys.executable, "-B", harness.TESTS / script, pipe.output, schema, *expectations]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    harness.equal(done.returncode, 0, f"exit status of {script}\n{done.stdout}{done.stderr}\n")


def foreign_decoders_read_what_four_processes_pushed(pipe):
    agree(pipe, spans=800, metrics=100)


def they_read_what_pwrite_wrote(pipe):
    _, writer = agree(pipe, "--io", "pwrite")
    harness.check("pwrite" in writer.err, f"the writer does not say pwrite: {writer.err}")


def they_read_many_small_files_of_small_batches(pipe):
    agree(pipe, "--batch-bytes", "64KiB", "--rotate-bytes", "64KiB")
    files = pipe.files()
    expected = 8 if pipe.options["divide"] == 1 else 3
    harness.check(len(files) >= expected, f"there are only {len(files)} files")
    # A batch of one record that is larger has a file of its own; all others keep the limit.
    large = [path.name for _, path in files if path.stat().st_size > 64 << 10]
    harness.check(len(large) < len(files), f"each file is larger than --rotate-bytes: {large}")


def they_read_what_each_way_of_syncing_wrote(pipe):
    agree(pipe, "--sync", "batch", spans=200, metrics=40)


if __name__ == "__main__":
    harness.run(
        [
            foreign_decoders_read_what_four_processes_pushed,
            they_read_what_pwrite_wrote,
            they_read_many_small_files_of_small_batches,
            they_read_what_each_way_of_syncing_wrote,
        ],
        divide=1,
    )
