#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Limits that leave room for the honest: lines of the log, files that are kept, descriptors, regions,
files in the output directory. What is counted are lines, files, regions and records.
"""
import pathlib
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "torture"))
import rig
from rig import check, equal, harness, wait_for
from users import MEMBER, NEIGHBOUR, WRITER, as_user, make_group

BROKEN = 2000
LOG_BURST_LINES = 16  # base/log.h: of one kind; then one a second
BROKEN_KEPT = 16  # OWNER_BROKEN_KEPT of writer/owners.h
DESCRIPTORS = 1024
REGIONS = 1100


def crowd(pipe, *arguments, **others):
    return rig.start(pipe, "crowd", *arguments, folder="tests/attack", **others)


def stat_writer(pipe):
    return pipe.tool("stat", "--json", "--dir", pipe.runtime).json()["writer"]


def broken_regions_in_a_loop_are_a_few_lines_and_a_few_files(pipe):
    begin = time.monotonic()
    writer = pipe.writer()
    # Its rings hold what it pushes in a minute: a busy machine alone makes it drop nothing.
    rings = ("--span-ring-bytes", "16MiB", "--metric-ring-bytes", "16MiB")
    honest = pipe.load("--count", 0, "--rate", 500, *rings, service="honest")
    wait_for(pipe.regions, "the honest one's region")
    crowd(pipe, "break", pipe.runtime, BROKEN).wait()
    wait_for(lambda: stat_writer(pipe)["regions_left_aside"] == BROKEN, "each of them is found out")
    honest.stop()
    wait_for(lambda: not pipe.regions(), "no region is left but broken ones")
    writer.stop()
    said = writer.err.count(" is broken, ")
    most = LOG_BURST_LINES + time.monotonic() - begin
    check(0 < said <= most + 20, f"{said} lines say that a region is broken, of {BROKEN}")
    for text in (" is broken, its ring makes no sense: ", " lines like this one were left out: "):
        check(text in writer.err, writer.tail)
    lines = len(writer.err.splitlines())
    check(lines < 200, f"{lines} lines in the log")
    broken = list(pipe.runtime.glob("*.broken"))
    equal(len(broken), BROKEN_KEPT, "files of broken regions that are kept")
    for path in broken:
        path.unlink()
    counts = honest.json()["spans"]
    equal(counts["dropped"], 0, "spans of the honest one that were dropped")
    equal(pipe.scan()["spans"], counts["accepted"], "spans of the honest one in the files")
    harness.reliability(
        "broken regions made in a loop", f"tests/attack/crowd break: {BROKEN:,} of them", BROKEN, 0,
        "attack limits",
    )


def a_member_with_more_regions_than_there_are_descriptors_starves_nobody(pipe):
    make_group(pipe)
    limit = ("prlimit", f"--nofile={DESCRIPTORS}:{DESCRIPTORS}", *as_user(WRITER))
    writer = pipe.writer(prefix=limit)
    member = crowd(pipe, "hold", pipe.runtime, REGIONS, prefix=as_user(MEMBER))
    wait_for(lambda: member.out or not member.is_running(), "the member has all its regions")
    check(member.is_running(), member.tail)
    wait_for(lambda: stat_writer(pipe)["regions_waiting"] > 0, "the writer leaves some of them")
    for number, command in enumerate(("stays", "starts anew", "starts anew")):
        if command == "starts anew":
            writer.stop()
            writer = pipe.writer(prefix=limit)
        loads = [
            pipe.load("--count", 500, "--wait", service=f"{uid}-{number}", prefix=as_user(uid))
            for uid in (NEIGHBOUR, WRITER)
        ]
        for load in loads:
            load.wait()
            equal(load.json()["spans"]["dropped"], 0, f"spans dropped while the writer {command}")
    waiting = stat_writer(pipe)["regions_waiting"]
    check(waiting >= REGIONS - DESCRIPTORS // 2, f"{waiting} of the member's regions wait")
    text = pipe.tool("stat", "--dir", pipe.runtime).out
    check(f"waiting: {waiting} regions that the writer has no room for yet" in text, text)
    check(harness.descriptors(writer.pid) < DESCRIPTORS * 3 // 4, "descriptors of the writer")
    check(f"RLIMIT_NOFILE is {DESCRIPTORS}" in writer.err, writer.tail)
    check("Too many open files" not in writer.err, writer.tail)
    # When it ends, the others of its regions come, and go.
    member.stop(expected=None)
    wait_for(lambda: not pipe.regions(), "all regions of the member are drained and gone")
    equal(stat_writer(pipe)["regions_waiting"], 0, "regions that wait")
    writer.stop()
    pipe.verify()
    found = pipe.scan()["services"]
    for name in (f"{uid}-{number}" for uid in (NEIGHBOUR, WRITER) for number in range(3)):
        equal(found.get(name), {"spans": 500, "points": 500}, name)
    harness.reliability(
        f"{REGIONS:,} regions of one member, {DESCRIPTORS:,} descriptors", "tests/attack/crowd hold",
        3, 0, "attack limits",
    )


def a_writer_with_few_descriptors_drains_all_that_is_there_by_and_by(pipe):
    """Alone with its directory: 100 programs that have ended, and room for few of them at once."""
    loads = [pipe.load("--count", 20, service=f"{number}") for number in range(100)]
    for load in loads:
        load.wait()
    equal(len(pipe.regions()), 100, "regions of programs that have ended")
    writer = pipe.writer("--drain", ready=False, prefix=("prlimit", "--nofile=100:100"))
    writer.wait()
    check("regions that there is no room for: " in writer.err, writer.tail)
    equal(pipe.regions(), [], "regions that are left")
    pipe.verify()
    equal(pipe.scan()["spans"], 2000, "spans")


harness.run(
    [
        broken_regions_in_a_loop_are_a_few_lines_and_a_few_files,
        a_member_with_more_regions_than_there_are_descriptors_starves_nobody,
        a_writer_with_few_descriptors_drains_all_that_is_there_by_and_by,
    ]
)
