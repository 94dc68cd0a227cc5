#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`otlpipe log --journal`: entries of journal files as log records, each from where the last run ended.

The files are made by systemd-journal-remote; without it, or in a build without libsystemd, all is skipped.

usage: test_log_journal.py BUILD_DIR [words of test names…]
"""
import pathlib
import shutil
import signal
import struct
import subprocess

import harness
from harness import Skip, check, equal, wait_for
from log_records import records

REMOTE = "/lib/systemd/systemd-journal-remote"
BEGIN_US = 1795853744000000
BOOT = b"_BOOT_ID=0123456789abcdef0123456789abcdef\n"
MACHINE = b"_MACHINE_ID=0123456789abcdef0123456789abcdef\n"


def field(name, value):
    """In systemd's export format."""
    return name + b"\n" + struct.pack("<Q", len(value)) + value + b"\n"


def entry(number, *fields):
    times = b"__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n" % (BEGIN_US + number, number + 1)
    return times + BOOT + MACHINE + b"".join(fields) + b"\n"


def numbered(begin, end):
    return b"".join(entry(n, field(b"MESSAGE", b"entry %05d" % n)) for n in range(begin, end))


class Journal:
    def __init__(self, pipe):
        self.pipe, self.dir, self.cursor = pipe, pipe.scratch / "journal", pipe.scratch / "cursor"
        self.dir.mkdir(exist_ok=True)
        if not pathlib.Path(REMOTE).exists():
            raise Skip("systemd-journal-remote is not there")
        help_text = pipe.tool("log", "--journal", "--usage", expected=None)
        probe = pipe.tool("log", "--journal=/", "--no-follow", "--dir", pipe.runtime, expected=None)
        if "built without libsystemd" in probe.err + help_text.err:
            raise Skip("this build has no libsystemd")

    def add(self, exported, name="a.journal"):
        """Entries at the end of a file."""
        command = [REMOTE, f"--output={self.dir / name}", "-"]
        subprocess.run(command, input=exported, check=True, capture_output=True)

    def log(self, *arguments, **others):
        command = ["log", "--dir", self.pipe.runtime, f"--journal={self.dir}", *arguments]
        return self.pipe.start("otlpipe", *command, **others)

    def next(self, *arguments, expected=0):
        process = self.log("--cursor", self.cursor, "--no-follow", *arguments)
        process.wait(expected)
        return process


def drain(pipe):
    pipe.writer().stop()
    pipe.verify()


def bodies(pipe):
    """Sorted: several runs are several producers, whose order among each other nobody promises."""
    return sorted(record["body"] for record in records(pipe))


def names(begin, end):
    return [f"entry {n:05d}" for n in range(begin, end)]


def an_entry_has_its_fields(pipe):
    journal = Journal(pipe)
    journal.add(
        entry(
            1,
            *(field(b"MESSAGE", b"two\nlines"), field(b"PRIORITY", b"3"), field(b"_PID", b"7")),
            *(field(b"RAW", b"\xff\0"), field(b"_SOURCE_REALTIME_TIMESTAMP", b"1795853743999999")),
        )
        + entry(2, field(b"PRIORITY", b"x"))
        + entry(3, field(b"MESSAGE", b"long"), field(b"LONG", "é".encode() * 300000))
    )
    equal(journal.next("--service", "s").err, "", "what it prints")
    drain(pipe)
    first, second, third = records(pipe)
    ids = {"_BOOT_ID": BOOT[9:-1].decode(), "_MACHINE_ID": MACHINE[12:-1].decode()}
    equal(first["body"], "two\nlines", "the body")
    equal((first["severityNumber"], first["severityText"]), (17, "err"), "the severity")
    equal(first["attributes"], {"_PID": "7", "RAW": b"\xff\0", **ids}, "the attributes")
    equal(first["timeUnixNano"], "1795853743999999000", "the time")
    equal(first["observedTimeUnixNano"], f"{BEGIN_US + 1}000", "when the journal had it")
    equal(first["resource"], {"service.name": "s"}, "the resource")
    equal((second["body"], second["attributes"]), (None, {"PRIORITY": "x", **ids}), "the second")
    equal(second["timeUnixNano"], f"{BEGIN_US + 2}000", "the time of the second")
    long_text = third["attributes"].pop("LONG")
    check(set(long_text) == {"é"} and len(long_text) == 512, f"{len(long_text)} characters of the long field")
    equal(third["attributes"], {"otlpipe.journal.cut_bytes": 600000 - 1024, **ids}, "the third")


def each_run_goes_on_where_the_last_one_ended(pipe):
    journal = Journal(pipe)
    journal.add(numbered(0, 10))
    for begin in (10, 20, 20):
        journal.next()
        if begin < 20:
            journal.add(numbered(10, 20))
    drain(pipe)
    equal(bodies(pipe), names(0, 20), "entries")


def told_to_stop_with_a_full_ring_the_next_run_has_the_rest(pipe):
    journal = Journal(pipe)
    journal.add(numbered(0, 3000))
    process = journal.log("--cursor", journal.cursor, "--log-ring-bytes", "64KiB")
    wait_for(lambda: pipe.regions() and stat_used(pipe) > 48 << 10, "the ring is full")
    process.stop(signal.SIGTERM)
    equal(process.err, "", "what it prints")
    drain(pipe)
    kept = len(bodies(pipe))
    check(0 < kept < 3000, f"{kept} entries before the stop")
    writer = pipe.writer(interval="5ms")
    journal.next()
    writer.stop()
    pipe.verify()
    equal(bodies(pipe), names(0, 3000), "entries")


def stat_used(pipe):
    """Bytes of the fullest ring of logs."""
    found = pipe.tool("stat", "--json", "--dir", pipe.runtime).json()
    rings = [ring for region in found["regions"] for ring in region["rings"]]
    return max((ring["used_bytes"] for ring in rings if ring["signal"] == "logs"), default=0)


def killed_none_is_left_out(pipe):
    """Some may come twice: those that were pushed after the cursor was kept last."""
    journal = Journal(pipe)
    journal.add(numbered(0, 4000))
    process = journal.log("--cursor", journal.cursor, "--log-ring-bytes", "256KiB")
    wait_for(lambda: pipe.regions() and stat_used(pipe) > 0, "some are pushed")
    process.send(signal.SIGKILL)
    process.wait(-signal.SIGKILL)
    writer = pipe.writer(interval="5ms")
    journal.next()
    writer.stop()
    pipe.verify()
    equal(sorted(set(bodies(pipe))), names(0, 4000), "entries")


def it_follows_and_without_a_cursor_begins_at_the_end(pipe):
    journal = Journal(pipe)
    journal.add(numbered(0, 5))
    writer = pipe.writer(interval="5ms")
    process = journal.log()
    wait_for(lambda: "inotify" in descriptors_of(process), "it follows the journal")
    for n in range(5, 8):
        journal.add(numbered(n, n + 1))
        wait_for(lambda n=n: pipe.files() and f"entry {n:05d}" in bodies(pipe), f"entry {n} is written")
    process.stop(signal.SIGTERM)
    writer.stop()
    pipe.verify()
    equal(bodies(pipe), names(5, 8), "entries")


def descriptors_of(process):
    folder = pathlib.Path(f"/proc/{process.pid}/fd")
    try:
        return " ".join(str(path.readlink()) for path in folder.iterdir())
    except OSError:
        return ""


def a_cursor_that_is_gone_or_no_cursor_is_told(pipe):
    journal = Journal(pipe)
    journal.add(numbered(0, 3))
    journal.next()
    shutil.rmtree(journal.dir)
    journal.dir.mkdir()
    journal.add(numbered(3, 6), "b.journal")
    process = journal.next()
    check("is not in the journal any more" in process.err, process.err)
    drain(pipe)
    equal(bodies(pipe), names(0, 6), "entries")
    journal.cursor.write_text("no cursor\n")
    check("that is no cursor" in journal.next(expected=1).err, "a file without a cursor")
    journal.cursor.unlink()
    journal.cursor.mkdir()
    check("cursor" in journal.next(expected=1).err, "a directory")
    for words in (["--cursor", "x"], ["--no-follow"]):
        check("are for --journal" in pipe.tool("log", *words, expected=2).err, f"{words} without --journal")
    missing = pipe.tool("log", "--dir", pipe.runtime, "--journal=/nowhere", "--no-follow", expected=1)
    check("/nowhere: it cannot be opened" in missing.err, missing.err)
    drain(pipe)


if __name__ == "__main__":
    harness.run(
        [
            an_entry_has_its_fields,
            each_run_goes_on_where_the_last_one_ended,
            told_to_stop_with_a_full_ring_the_next_run_has_the_rest,
            killed_none_is_left_out,
            it_follows_and_without_a_cursor_begins_at_the_end,
            a_cursor_that_is_gone_or_no_cursor_is_told,
        ]
    )
