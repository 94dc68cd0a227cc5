#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`otlpipe rotate`: the writer seals its files and goes on; nobody else gets a signal."""
import os
import struct
import subprocess

import harness

PID_AT = 12  # shm/status.h: struct status_page


def rotate(pipe, expected=0, **others):
    return pipe.tool("rotate", "--dir", pipe.runtime, expected=expected, **others)


def the_writer_seals_and_goes_on_in_new_files(pipe):
    writer = pipe.writer()
    for number in range(1, 4):
        pipe.load("--count", 100, "--retry", "--wait").wait()
        process = rotate(pipe)
        harness.equal(process.out + process.err, "", "what it prints")
        harness.wait_for(lambda n=number: len(pipe.files("sealed")) == 2 * n, "the files are sealed")
    harness.check(writer.is_running(), lambda: f"the writer has ended\n{writer.tail()}")
    # The runtime directory can come from the environment, as in a unit.
    pipe.load("--count", 100, "--retry", "--wait").wait()
    pipe.tool("rotate", environment={"OTLPIPE_DIR": str(pipe.runtime)})
    harness.wait_for(lambda: len(pipe.files("sealed")) == 8, "the files are sealed once more")
    writer.stop()
    pipe.verify()


def it_says_that_no_writer_runs(pipe):
    for _ in range(2):
        process = rotate(pipe, expected=1)
        harness.equal(process.err.count("\n"), 1, f"lines on stderr: {process.err}; their number")
        harness.check(f"{pipe.runtime}: no writer runs there" in process.err, process.err)
        pipe.writer().stop()
    missing = pipe.tool("rotate", "--dir", pipe.shm / "none", expected=1)
    harness.check(f"{pipe.shm}/none: there is no such runtime directory" in missing.err, missing.err)


def a_process_that_is_not_the_writer_gets_no_signal(pipe):
    """The pid on the page may be one of another pid namespace: SIGHUP would end a stranger."""
    writer = pipe.writer()
    with subprocess.Popen(["sleep", "600"]) as stranger:
        pipe.undo.append(stranger.kill)
        page = os.open(pipe.runtime / "writer.lock", os.O_RDWR)
        for pid, text in ((stranger.pid, "is not its writer"), (0x7FFFFFFF, "cannot be found")):
            os.pwrite(page, struct.pack("<I", pid), PID_AT)
            process = rotate(pipe, expected=1)
            harness.check(f"{pid}" in process.err and text in process.err, process.err)
        os.close(page)
        harness.equal(stranger.poll(), None, "the stranger's end")
        stranger.kill()
    harness.check(writer.is_running(), lambda: f"the writer has ended\n{writer.tail()}")
    writer.stop()


if __name__ == "__main__":
    harness.run(
        [
            the_writer_seals_and_goes_on_in_new_files,
            it_says_that_no_writer_runs,
            a_process_that_is_not_the_writer_gets_no_signal,
        ]
    )
