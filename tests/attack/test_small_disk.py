#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A disk that others use too: files that are being written reserve some of what is free, and leave
the rest.

usage: test_small_disk.py BUILD_DIR [words of test names…]
"""
import os
import pathlib
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "torture"))
import rig
from rig import check, equal, harness, wait_for

MIB = 1 << 20
SIGNALS = ("traces", "metrics")


def small_disk(pipe, mebibytes):
    mount = rig.tmpfs_mounted(pipe, "disk", mebibytes)
    pipe.output = mount / "data"
    return mount


def free_bytes(mount):
    found = os.statvfs(mount)
    return found.f_bavail * found.f_frsize


def push(pipe, count=200, **others):
    load = pipe.load("--count", count, "--retry", "--wait", **others)
    load.wait()
    equal(load.json()["spans"]["dropped"], 0, "spans that were dropped")


def open_files(pipe):
    return {signal: path for signal, path in pipe.files("open")}


def the_space_of_a_disk_is_left_to_others(pipe):
    """128 MiB were taken for 200 spans and as many points, of 140."""
    mount = small_disk(pipe, 140)
    writer = pipe.writer()
    push(pipe)
    wait_for(lambda: len(open_files(pipe)) == 2, "each signal has its file")
    neighbour = mount / "neighbour"
    neighbour.write_bytes(bytes(80 * MIB))
    for signal in SIGNALS:
        check(re.search(f"{signal}: 1\\d\\.\\d MiB are reserved for a file, less than", writer.err),
              lambda: f"what the writer says of {signal}:\n{writer.tail()}")
    push(pipe, service="again")
    writer.stop()
    neighbour.unlink()
    held = sum(path.stat().st_blocks * 512 for _, path in pipe.files())
    check(held < MIB, f"sealed files of a few records hold {held} bytes")
    check(free_bytes(mount) > 138 * MIB, "the space comes back")
    pipe.verify()
    equal(pipe.scan()["spans"], 400, "spans")


def a_file_that_begins_small_grows_to_its_size(pipe):
    """Some 2 MiB are reserved of 16; what is pushed needs several times as much, and is in one file."""
    small_disk(pipe, 16)
    writer = pipe.writer("--rotate-bytes", "8MiB", "--batch-bytes", "64KiB")
    push(pipe, 10000)
    wait_for(lambda: len(open_files(pipe)) == 2, "each signal has its file")
    size = open_files(pipe)["traces"].stat().st_size
    check(size > 3 * MIB, f"the open file has {size} bytes")
    # Which of the two files is made first, and has the larger share, is left open.
    said = re.search(r"traces: (1\.\d|2\.0) MiB are reserved for a file, less than", writer.err)
    check(said, lambda: f"what the writer says:\n{writer.tail()}")
    writer.stop()
    equal(len(pipe.files("sealed")), 2, "files")
    pipe.verify()
    equal(pipe.scan()["spans"], 10000, "spans")


def what_has_to_stay_free_is_not_reserved(pipe):
    """Or retention would delete files for the sake of space that nothing is in."""
    mount = small_disk(pipe, 64)
    writer = pipe.writer("--min-free", "60MiB")
    for run in range(3):
        push(pipe, service=f"run-{run}")
        wait_for(lambda: len(open_files(pipe)) == 2, "each signal has its file")
        check(free_bytes(mount) > 60 * MIB, f"{free_bytes(mount)} bytes are free")
    writer.stop()
    check("is removed" not in writer.err, lambda: f"files are removed:\n{writer.tail()}")
    pipe.verify()
    equal(pipe.scan()["spans"], 600, "spans")


harness.run(
    [
        the_space_of_a_disk_is_left_to_others,
        a_file_that_begins_small_grows_to_its_size,
        what_has_to_stay_free_is_not_reserved,
    ]
)
