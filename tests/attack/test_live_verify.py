#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`otlpipe verify` beside programs that push without a pause: what it says is exact, each time.

usage: test_live_verify.py BUILD_DIR [--looks N]
"""
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "torture"))
import rig
from rig import check, equal, wait_for

# So that little is in the files, and the rings are looked at between two drains.
SLOW = ("--interval", "1h", "--rotate-bytes", "1MiB", "--retain-bytes", "1MiB")


def text_that_is_not_utf8_is_never_said_to_be_gone(pipe):
    """A claim that is given up leaves the count of accepted items when it was perhaps just read."""
    for threads in (1, 3):
        output = pipe.scratch / f"data-{threads}"
        writer = pipe.writer(*SLOW, output=output, interval=None)
        program = rig.start(
            pipe, "bad_text", pipe.runtime, threads, folder="tests/attack", environment={}
        )
        wait_for(lambda: "ready" in program.out, "the program pushes")
        wrong = []
        for _ in range(int(pipe.options["looks"])):
            command = ["verify", "--json", output, "--dir", pipe.runtime]
            look = pipe.tool(*command, expected=None)
            found = look.json()
            if not found["ok"]:
                wrong.append(found["problems"])
        equal(wrong, [], f"problems that were found with {threads} threads")
        program.stop()
        writer.stop()
        found = pipe.verify(output)
        check(found["dropped_items"]["invalid"] > 1000, f"nothing was put to the test: {found}")


if __name__ == "__main__":
    rig.harness.run([text_that_is_not_utf8_is_never_said_to_be_gone], looks=60)
