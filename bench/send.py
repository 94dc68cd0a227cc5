#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How many spans a second `otlpipe send` sends to a receiver that reads and throws away (send_sink),
beside `cat` of the same files to nowhere. One line of JSON for each.

usage: send.py BUILD_DIR [--count N] [--runs N]
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time


def seconds_of(*command):
    begin = time.monotonic()
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - begin


def fill(build, runtime, output, count):
    """Files with that many spans; returns their bytes."""
    environment = {**os.environ, "OTLPIPE_DIR": str(runtime)}
    writer = subprocess.Popen(
        [build / "writer/otlpipe-writer", "--output", output], env=environment, stderr=subprocess.DEVNULL
    )
    load = ["load", "--signal", "spans", "--count", str(count), "--retry", "--wait"]
    subprocess.run(
        [build / "cli/otlpipe", *load], env=environment, check=True, stdout=subprocess.DEVNULL
    )
    writer.terminate()
    writer.wait()
    return sum(path.stat().st_size for path in (output / "traces").iterdir())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=1000000)
    parser.add_argument("--runs", type=int, default=3)
    words = parser.parse_args()
    build = words.build.resolve()
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="bench-send-", dir=build))
    runtime = pathlib.Path(tempfile.mkdtemp(prefix="otlpipe-bench-send-", dir="/dev/shm"))
    sink = subprocess.Popen([build / "bench/send_sink"], stdout=subprocess.PIPE, text=True)
    try:
        output = scratch / "out"
        size = fill(build, runtime, output, words.count)
        url = f"http://127.0.0.1:{int(sink.stdout.readline())}"
        send = [build / "cli/otlpipe", "send", "--signal", "traces", "--to", url, output]
        rows = {
            "read the files (cp to nowhere)": ["sh", "-c", f"cat {output}/traces/* >/dev/null"],
            "otlpipe send": send,
            "otlpipe send --compression zstd": [*send, "--compression", "zstd"],
            "otlpipe send --compression gzip": [*send, "--compression", "gzip"],
        }
        for name, command in rows.items():
            best = None
            for _ in range(words.runs):
                for path in output.glob("*otlpipe-send*"):
                    path.unlink()
                taken = seconds_of(*command)
                best = min(best or taken, taken)
            row = {"name": name, "spans": words.count, "bytes": size, "seconds": round(best, 3)}
            row["spans_per_second"] = round(words.count / best)
            print(json.dumps(row), flush=True)
    finally:
        sink.terminate()
        sink.wait()
        sink.stdout.close()
        shutil.rmtree(scratch, ignore_errors=True)
        shutil.rmtree(runtime, ignore_errors=True)


if __name__ == "__main__":
    main()
