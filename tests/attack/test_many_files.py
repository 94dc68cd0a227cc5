#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""More files in the output directory than anybody planned for. They are names alone, which a preloaded
many_files.c has the writer read: a million real ones would take a minute.

usage: test_many_files.py BUILD_DIR [words of test names…]
"""
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "pipeline"))
import harness
from harness import equal

# More than the 1,048,576 with which a writer once refused to start, and than a manifest has room for.
FILES = (1 << 20) + 5
SPANS = 1000


def a_writer_starts_with_more_than_a_million_files_in_its_output(pipe):
    """It goes on behind the newest of them, and says of how many it can tell nothing."""
    traces = pipe.output / "traces"
    traces.mkdir(mode=0o750, parents=True)
    pipe.output.chmod(0o750)
    many = {
        "LD_PRELOAD": pipe.preload("tests/attack/many_files.so"),
        "OTLPIPE_MANY_DIR": str(traces),
        "OTLPIPE_MANY_COUNT": str(FILES),
    }
    for run, number in enumerate((FILES + 1, FILES + 2)):
        writer = pipe.writer(environment=many)
        pipe.load("--count", SPANS, service=f"run-{run}").wait()
        writer.stop()
        made = [path for path in traces.iterdir() if path.name.endswith(f"-{number:08d}.binpb")]
        equal(len(made), 1, f"files with the number {number} in {sorted(traces.iterdir())}")
        # Entered once, with all there is room for.
        for text in ("files that the manifest did not know are entered", "of the 5 oldest ones"):
            equal(text in writer.err, run == 0, f"{text!r} in the log of start {run}:\n{writer.err}")
    equal(pipe.scan()["spans"], 2 * SPANS, "spans in the files")


harness.run([a_writer_starts_with_more_than_a_million_files_in_its_output])
