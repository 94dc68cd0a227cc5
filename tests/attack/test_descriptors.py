#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Programs that are started with some of descriptors 0 to 2 closed, as old supervisors and shells do
(`>&- 2>&-`). The next file that such a program opens gets the number, and what it prints goes in."""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "pipeline"))
import harness
from harness import check, equal, wait_for

CLOSED = [(2,), (1, 2), (0, 1, 2), (0,), (0, 2)]


def shell(closed):
    """A prefix that closes these descriptors and becomes the program behind it."""
    words = " ".join(f"{fd}<&-" if fd == 0 else f"{fd}>&-" for fd in closed)
    return ("sh", "-c", f'exec "$@" {words}', "sh")


def read(path):
    return pathlib.Path(path).read_bytes()


def the_writers_log_goes_into_no_file_of_ours(pipe):
    """The log stood in writer.lock or in the control page, and no writer was seen any more."""
    for number, closed in enumerate(CLOSED):
        output = pipe.scratch / f"data-{number}"
        writer = pipe.writer(output=output, prefix=shell(closed), ready=False)
        pipe.load("--count", 100, "--wait", "--retry", service=f"first-{number}").wait()

        def running():
            found = pipe.tool("stat", "--json", "--dir", pipe.runtime, expected=None)
            return found.out.strip() and found.json()["writer"]["running"]

        wait_for(running, f"stat sees a writer without descriptors {closed}", limit=60)
        # Some lines for its log: what is no region is named there.
        for name in range(20):
            (pipe.runtime / f"1-{number:08x}{name + 1:08x}.region").write_bytes(b"x")
        pipe.load("--count", 100, "--wait", "--retry", service=f"second-{number}").wait()
        for name in ("writer.lock", "control"):
            check(b"otlpipe-writer:" not in read(pipe.runtime / name), f"{name} has the log in it")
        for path in output.rglob("*"):
            check(path.is_dir() or b"otlpipe-writer: " not in read(path), f"the log is in {path}")
        writer.stop()
        equal(pipe.scan(output)["spans"], 200, "spans")
        for path in pipe.runtime.glob("1-*.region"):
            path.unlink()
        # And the next one takes over what this one left.
        pipe.writer("--drain", output=output, interval=None, ready=False).wait()


def the_tools_output_goes_into_no_file_of_ours(pipe):
    writer = pipe.writer()
    for number, closed in enumerate(CLOSED):
        before = read(pipe.runtime / "control")
        load = pipe.load("--count", 50, "--wait", "--retry", service=f"load-{number}",
                         prefix=shell(closed))
        # What cannot be printed is an error, as it is on a closed descriptor.
        load.wait(1 if 1 in closed else 0)
        for command in (("stat", "--dir", pipe.runtime), ("--help",)):
            tool = pipe.start("otlpipe", *command, prefix=shell(closed))
            tool.wait(1 if 1 in closed else 0)
        equal(read(pipe.runtime / "control")[:128], before[:128], "the control page")
    writer.stop()
    equal(pipe.scan()["spans"], 50 * len(CLOSED), "spans")
    for name in ("cat", "verify"):
        for closed in CLOSED:
            files = {path: read(path) for _, path in pipe.files()}
            tool = pipe.start("otlpipe", name, pipe.output, prefix=shell(closed))
            tool.wait(1 if 1 in closed else 0)
            equal({path: read(path) for _, path in pipe.files()}, files, "the data files")


def what_a_host_prints_on_closed_descriptors_goes_into_no_region(pipe):
    """Another thread of it prints while the library makes regions. The text stood where a region's
    header is, and what was pushed there was left aside."""
    writer = pipe.writer()
    rounds = 300
    host = harness.Process(pipe, "descriptor_host",
                           [pipe.build / "tests/attack/descriptor_host", rounds],
                           {"OTLPIPE_DIR": str(pipe.runtime)})
    host.wait()
    check(b"host: " not in read(pipe.runtime / "control"), "the text is in the control page")
    writer.stop()
    check("left aside" not in writer.err, lambda: writer.err[:2000])
    equal(pipe.verify()["spans"]["written_items"], rounds, "spans")


harness.run(
    [
        the_writers_log_goes_into_no_file_of_ours,
        the_tools_output_goes_into_no_file_of_ours,
        what_a_host_prints_on_closed_descriptors_goes_into_no_region,
    ]
)
