#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`otlpipe cat --follow` beside a retention that is faster, a reader that leaves, and directories
that come late or are replaced: what it leaves out it says, and it ends when nobody reads."""
import errno
import os
import pathlib
import re
import shutil
import signal
import struct
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "pipeline"))
import harness

END_SECONDS = 60
SMALL = ("--batch-bytes", "64KiB", "--rotate-bytes", "64KiB")


class Reader:
    """A follower whose output is a pipe that is read when the test says so."""

    def __init__(self, pipe, *words, stdin=subprocess.DEVNULL):
        self.errors = open(pipe.scratch / f"reader-{len(pipe.undo)}.err", "w+b")
        self.popen = subprocess.Popen(
            [str(pipe.program("otlpipe")), "cat", *map(str, words)],
            stdin=stdin, stdout=subprocess.PIPE, stderr=self.errors,
        )
        self.text = b""
        pipe.undo.append(self.close)

    @property
    def err(self):
        return pathlib.Path(self.errors.name).read_text(encoding="utf-8")

    def is_running(self):
        return self.popen.poll() is None

    def read_until(self, done, what):
        """Reads on until done(text so far)."""
        os.set_blocking(self.popen.stdout.fileno(), False)

        def more():
            has_ended = not self.is_running()
            self.text += self.popen.stdout.read() or b""
            return done(self.text) or has_ended

        harness.wait_for(more, what)
        harness.check(done(self.text), lambda: f"it ended before: {what}\n{self.err}")

    def wait(self, expected):
        status = self.popen.wait(END_SECONDS)
        harness.equal(status, expected, f"exit status, with {self.err!r}")

    def stop(self, expected, number=signal.SIGINT):
        self.popen.send_signal(number)
        os.set_blocking(self.popen.stdout.fileno(), True)
        self.text += self.popen.stdout.read()
        self.wait(expected)

    def close(self):
        self.popen.kill()
        self.popen.wait()
        self.popen.stdout.close()
        self.errors.close()


def count(text, signal_name):
    """Records in printed lines, by the mark that each of them carries once."""
    key = b'{"resourceSpans"' if signal_name == "traces" else b'{"resourceMetrics"'
    return sum(
        line.count(b'"otlpipe.load.seq"') for line in text.splitlines() if line.startswith(key)
    )


def last_is_there(number):
    mark = b'"otlpipe.load.seq","value":{"intValue":"%d"}' % (number - 1)
    return lambda text: mark in text


def overtaken(pipe, *words, number=12000):
    """A follower that was not read while retention removed what it had not printed."""
    writer = pipe.writer(*SMALL, "--retain-bytes", "300KiB", interval="20ms")
    harness.wait_for((pipe.output / "traces").is_dir, "the output directory is there")
    pipe.load("--signal", "spans", "--count", 10, "--wait").wait()
    reader = Reader(pipe, "--follow", *words, pipe.output)
    reader.read_until(lambda text: text, "it has begun with the first file")
    load = pipe.load("--signal", "spans", "--count", number, "--retry", "--wait", lanes=1)
    load.wait()
    # Retention is asked for by what is sealed: the rest is soon gone.
    first = lambda: min(int(re.search(r"-(\d+)\.binpb", p.name)[1]) for _, p in pipe.files())
    harness.wait_for(lambda: first() > 20, "retention has removed twenty files")
    return writer, load, reader


def a_follower_that_retention_overtook_says_what_is_missing(pipe):
    """Before: 7,600 of 12,001 spans were printed, nothing was said, exit status 0."""
    writer, load, reader = overtaken(pipe)
    reader.read_until(last_is_there(12000), "the last span is printed")
    reader.stop(expected=1)
    writer.stop()
    accepted = 10 + load.json()["spans"]["accepted"]
    printed = count(reader.text, "traces")
    harness.check(printed < accepted, "it was not overtaken: the test shows nothing")
    lines = reader.err.splitlines()
    gaps = [
        re.fullmatch(
            rf"otlpipe cat: {re.escape(str(pipe.output))}: (\d+) spans are missing in front of "
            r"traces-\w+-(\d+)\.binpb(?:\.open)?, offset \d+: files (\d+) to (\d+) were removed "
            r"before they could be printed; positions (\d+) to (\d+) of pid (\d+)'s ring "
            r"\(region [0-9a-f]{16}\)",
            line,
        )
        for line in lines[:-1]
    ]
    harness.check(gaps and all(gaps), f"lines: {lines}")
    for gap in gaps:
        missing, file, gone_from, gone_to, position_from, position_to, _ = map(int, gap.groups())
        harness.check(gone_from <= gone_to == file - 1, f"files: {gap[0]}")
        harness.check(position_from < position_to and missing > 0, f"positions: {gap[0]}")
    total = re.search(r"in all at least (\d+) spans are missing, and (\d+) files were gone", lines[-1])
    harness.check(total, f"the last line: {lines[-1]}")
    harness.equal(int(total[1]), accepted - printed, "spans missing by the last line")
    harness.equal(sum(int(gap[1]) for gap in gaps), accepted - printed, "spans missing by all lines")
    gone = sum(int(gap[4]) - int(gap[3]) + 1 for gap in gaps)
    harness.equal(int(total[2]), gone, "files by the last line")


def the_frames_of_an_overtaken_follower_are_no_different(pipe):
    writer, _, reader = overtaken(pipe, "--format", "frames", "--signal", "traces")
    reader.read_until(lambda _: "spans are missing" in reader.err, "it says what is missing")
    reader.stop(expected=1)
    writer.stop()
    at = 0
    while at < len(reader.text):
        (length,) = struct.unpack_from(">I", reader.text, at)
        at += 4 + length
    harness.equal(at, len(reader.text), "where the frames end")


def stopped(reader):
    reader.popen.send_signal(signal.SIGSTOP)
    status = pathlib.Path(f"/proc/{reader.popen.pid}/status")
    harness.wait_for(lambda: "T (stopped)" in status.read_text(), "the reader stands still")


def files_that_are_gone_are_named_where_no_ledger_misses_them(pipe):
    """All of a producer was in files that are gone, and the next file is about another."""
    writer = pipe.writer("--retain-bytes", "1B", "--retain-age", "1000d", interval="20ms")
    pipe.load("--signal", "spans", "--count", 10, "--wait").wait()
    reader = Reader(pipe, "--follow", "--signal", "traces", pipe.output)
    reader.read_until(lambda text: count(text, "traces") == 10, "the first are printed")
    stopped(reader)
    for number in (500, 20):
        # Its end is in the file too, and not in the next one, which would stay open.
        harness.wait_for(lambda: not pipe.regions(), "the last producer is drained to its end")
        pipe.tool("rotate", "--dir", pipe.runtime)
        harness.wait_for(lambda: not pipe.files(), "retention has removed all files")
        pipe.load("--signal", "spans", "--count", number, "--wait").wait()
    reader.popen.send_signal(signal.SIGCONT)
    reader.read_until(lambda text: count(text, "traces") == 30, "the last are printed")
    harness.wait_for(lambda: "removed before" in reader.err, "it says which files it has missed")
    reader.stop(expected=1)
    first, last = reader.err.splitlines()
    harness.check("traces files 00000002 to 00000002 were removed before" in first, first)
    harness.check("manifest" not in first.replace(str(pipe.output), ""), first)
    harness.check("and 1 files were gone" in last, last)
    writer.stop()


def numbers_that_no_file_had_are_not_missed(pipe):
    """A number is used up where a file could not be made: on a disk that is full for a while."""
    if os.geteuid() != 0:
        raise harness.Skip("a file system of its own needs root")
    pipe.output.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m,mode=0700", "otlpipe-follow", str(pipe.output)]
    subprocess.run(mount, check=True, capture_output=True)
    pipe.undo.append(lambda: subprocess.run(["umount", "-l", str(pipe.output)], check=False))
    ballast = pipe.output / "ballast"
    ballast.touch()
    writer = pipe.writer("--batch-bytes", "64KiB", "--rotate-bytes", "128KiB", interval="20ms")
    reader = Reader(pipe, "--follow", "--signal", "traces", pipe.output)
    pipe.load("--signal", "spans", "--count", 100, "--wait").wait()
    reader.read_until(lambda text: count(text, "traces") == 100, "the first are printed")
    with open(ballast, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError as error:
            harness.equal(error.errno, errno.ENOSPC, "what ended the ballast")
    load = pipe.load("--signal", "spans", "--count", 600, "--retry", "--wait")
    stat = lambda: pipe.tool("stat", "--json", "--dir", pipe.runtime).json()["writer"]
    harness.wait_for(lambda: stat()["signals"]["traces"]["errors"] >= 3, "the writer has tried three times")
    ballast.unlink()
    load.wait()
    reader.read_until(lambda text: count(text, "traces") == 700, "the rest is printed")
    numbers = [int(re.search(r"-(\d+)\.binpb", path.name)[1]) for _, path in pipe.files()]
    harness.check(max(numbers) > len(numbers), f"no number was used up: {numbers}")
    reader.stop(expected=0)
    harness.equal(reader.err, "", "what it says")
    writer.stop()


def a_listed_file_that_is_gone_is_named(pipe):
    """The same without --follow: a directory is listed once, and printed for long."""
    writer = pipe.writer(*SMALL, interval="20ms")
    # One lane: the last span is printed last.
    pipe.load("--signal", "spans", "--count", 6000, "--retry", "--wait", lanes=1).wait()
    writer.stop()
    # Near the end, and not the file of the last span: those behind it may have ledgers alone.
    *_, victim, _, _, _ = [path for _, path in pipe.files("sealed")]
    reader = Reader(pipe, pipe.output)
    reader.read_until(lambda text: text, "the first line is printed")
    victim.unlink()
    reader.read_until(last_is_there(6000), "the last span is printed")
    reader.wait(1)
    harness.equal(reader.err.count("\n"), 1, f"lines: {reader.err}; their number")
    harness.check(f"{victim.name}: it was removed" in reader.err, reader.err)


def an_idle_follower_ends_when_its_reader_has_gone(pipe):
    writer = pipe.writer(interval="20ms")
    for words in (("--follow", pipe.output), ("-f", "--format", "frames", pipe.output)):
        pipe.load("--count", 50, "--retry", "--wait").wait()
        reader = Reader(pipe, *words)
        reader.read_until(lambda text: text, "something is printed")
        reader.popen.stdout.close()
        # Nothing is pushed any more: no write tells it.
        reader.wait(0)
        harness.equal(reader.err, "", "what it says")
        reader.popen.stdout = open(os.devnull, "rb")
    writer.stop()


def one_that_waits_for_a_directory_ends_so_too(pipe):
    reader = Reader(pipe, "--follow", pipe.scratch / "none" / "data")
    harness.wait_for(lambda: "waiting for it" in reader.err, "it says that it waits")
    reader.popen.stdout.close()
    reader.wait(0)
    reader.popen.stdout = open(os.devnull, "rb")


def a_directory_that_is_not_there_yet_is_waited_for(pipe):
    readers = [
        Reader(pipe, "--follow", pipe.output),
        Reader(pipe, "--follow", "--signal", "traces", pipe.output / "traces"),
    ]
    for reader in readers:
        harness.wait_for(lambda r=reader: "waiting for it" in r.err, "it says that it waits")
        harness.equal(reader.err.count("\n"), 1, f"lines: {reader.err}; their number")
    writer = pipe.writer(interval="20ms")
    pipe.load("--count", 300, "--retry", "--wait").wait()
    for reader, signals in zip(readers, (("traces", "metrics"), ("traces",))):
        reader.read_until(
            lambda text, s=signals: all(count(text, name) == 300 for name in s), "all is printed"
        )
        reader.stop(expected=0)
        harness.check(reader.is_running() is False, "it runs on")
    harness.equal(count(readers[1].text, "metrics"), 0, "points where spans were asked for")
    writer.stop()


def a_file_that_is_not_there_yet_is_waited_for(pipe):
    writer = pipe.writer(interval="20ms")
    pipe.load("--signal", "spans", "--count", 100, "--retry", "--wait").wait()
    writer.stop()
    ((_, path),) = pipe.files("sealed")
    late = pipe.scratch / "traces-late.binpb"
    reader = Reader(pipe, "--follow", late)
    harness.wait_for(lambda: "waiting for it" in reader.err, "it says that it waits")
    shutil.copy(path, pipe.scratch / "copy")
    (pipe.scratch / "copy").rename(late)
    reader.read_until(lambda text: count(text, "traces") == 100, "all of it is printed")
    reader.stop(expected=0)


def what_cannot_be_waited_for_is_an_error_and_the_rest_is_followed(pipe):
    writer = pipe.writer(interval="20ms")
    harness.wait_for((pipe.output / "traces").is_dir, "the output directory is there")
    (pipe.scratch / "file").write_bytes(b"")
    reader = Reader(pipe, "--follow", pipe.scratch / "file" / "below", pipe.output)
    pipe.load("--count", 100, "--retry", "--wait").wait()
    reader.read_until(lambda text: count(text, "traces") == 100, "the other is printed")
    reader.stop(expected=1)
    harness.check("file/below: it cannot be opened: Not a directory" in reader.err, reader.err)
    writer.stop()


def a_directory_that_is_replaced_is_followed_on(pipe):
    """An administrator moves the old one away; a new writer makes it again."""
    writer = pipe.writer(interval="20ms")
    harness.wait_for((pipe.output / "traces").is_dir, "the output directory is there")
    reader = Reader(pipe, "--follow", pipe.output)
    pipe.load("--count", 100, "--retry", "--wait").wait()
    reader.read_until(lambda text: count(text, "traces") == 100, "the first are printed")
    writer.stop()
    pipe.output.rename(pipe.scratch / "moved away")
    harness.wait_for(lambda: "the directory is gone" in reader.err, "it says that it is gone")
    # The writer recovers where the last one wrote, which is not there any more.
    writer = pipe.writer(interval="20ms")
    pipe.load("--count", 200, "--retry", "--wait").wait()
    reader.read_until(lambda text: count(text, "traces") == 300, "those of the new one are printed")
    reader.read_until(lambda text: count(text, "metrics") == 300, "and its points")
    reader.stop(expected=0)
    harness.equal(reader.err.count("another directory has this name now"), 2, "lines that say so")
    writer.stop()


def files_whose_numbers_begin_again_are_followed_on(pipe):
    """Somebody clears the directories of the signals by hand, with everything in them."""
    writer = pipe.writer(*SMALL, interval="20ms")
    harness.wait_for((pipe.output / "traces").is_dir, "the output directory is there")
    reader = Reader(pipe, "--follow", "--signal", "traces", pipe.output)
    pipe.load("--signal", "spans", "--count", 2000, "--retry", "--wait").wait()
    reader.read_until(lambda text: count(text, "traces") == 2000, "the first are printed")
    writer.stop()
    for path in pipe.output.rglob("*"):
        if path.is_file():
            path.unlink()
    harness.nap(1.1)  # a name has the second in it: what is made anew has another one
    writer = pipe.writer(*SMALL, interval="20ms")
    pipe.load("--signal", "spans", "--count", 500, "--retry", "--wait").wait()
    reader.read_until(lambda text: count(text, "traces") == 2500, "the new ones are printed")
    reader.stop(expected=0)
    writer.stop()


def a_follower_of_an_idle_pipe_hears_one_signal(pipe):
    for number in (signal.SIGTERM, signal.SIGINT):
        source, sink = os.pipe()
        reader = Reader(pipe, "--follow", "--signal", "traces", "-", stdin=source)
        os.close(source)
        pipe.undo.append(lambda fd=sink: os.close(fd))
        status = pathlib.Path(f"/proc/{reader.popen.pid}/status")
        # SigCgt has the two once it follows.
        harness.wait_for(
            lambda: int(re.search(r"SigCgt:\s*(\w+)", status.read_text())[1], 16) & 0x4002 == 0x4002,
            "it catches signals",
        )
        reader.stop(expected=0, number=number)
        harness.equal(reader.err, "", "what it says")


if __name__ == "__main__":
    harness.run(
        [
            a_follower_that_retention_overtook_says_what_is_missing,
            the_frames_of_an_overtaken_follower_are_no_different,
            files_that_are_gone_are_named_where_no_ledger_misses_them,
            numbers_that_no_file_had_are_not_missed,
            a_listed_file_that_is_gone_is_named,
            an_idle_follower_ends_when_its_reader_has_gone,
            one_that_waits_for_a_directory_ends_so_too,
            a_directory_that_is_not_there_yet_is_waited_for,
            a_file_that_is_not_there_yet_is_waited_for,
            what_cannot_be_waited_for_is_an_error_and_the_rest_is_followed,
            a_directory_that_is_replaced_is_followed_on,
            files_whose_numbers_begin_again_are_followed_on,
            a_follower_of_an_idle_pipe_hears_one_signal,
        ]
    )
