#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Lock files that others take away, replace, or keep putting back."""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "pipeline"))
import harness
from harness import check

GROUP, WRITER, MEMBER = 30000, 30001, 30002


def a_race_for_the_lock_file_ends_in_an_error_and_takes_no_descriptor(pipe):
    """A member of a group directory who always puts writer.lock back. After 16 tries the answer was
    0, which was taken for a descriptor: what stood on standard input was locked, resized to 8 KiB
    and overwritten."""
    if os.geteuid() != 0:
        raise harness.Skip("only root can be two users")
    os.chmod(pipe.shm, 0o755)
    os.chown(pipe.runtime, WRITER, GROUP)
    pipe.runtime.chmod(0o3770)
    lock = pipe.runtime / "writer.lock"
    lock.write_bytes(b"")
    os.chown(lock, MEMBER, GROUP)
    victim = pipe.scratch / "victim"
    victim.write_bytes(b"a file on standard input\n")
    with open(victim, "r+b") as stdin:
        writer = pipe.start(
            "otlpipe-writer", "--dir", pipe.runtime, "--output", pipe.output, stdin=stdin,
            environment={"LD_PRELOAD": pipe.preload("tests/attack/race_preload.so"),
                         "RACE_UID": str(MEMBER), "ASAN_OPTIONS": "verify_asan_link_order=0"},
        )
        harness.wait_for(lambda: not writer.is_running() or victim.stat().st_size != 25,
                         "the writer gives up")
        check(victim.read_bytes() == b"a file on standard input\n",
              "the file on standard input was written to")
        writer.wait(1)
    check("writer.lock" in writer.err and "put back" in writer.err, writer.tail)
    for path in pipe.runtime.iterdir():
        path.unlink()


harness.run(
    [
        a_race_for_the_lock_file_ends_in_an_error_and_takes_no_descriptor,
    ]
)
