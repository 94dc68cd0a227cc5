#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Logs from a program to their lines: through the rings and the files, and on a terminal."""
import os
import pty
import re
import select
import signal

import harness

LINE = re.compile(
    r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z (TRACE|DEBUG|INFO|WARN|ERROR|FATAL) (\S+) otlpipe\.load "
    r"(.+?) otlpipe\.load\.producer=(\d+) otlpipe\.load\.seq=(\d+) http\.route=\S+ code\.function\.name=\S+"
    r"( trace_id=[0-9a-f]{32} span_id=[0-9a-f]{16})?$"
)
TERMINAL_BYTES_MAX = 1 << 20


def numbers(text, service):
    """The sequence numbers of the lines, each of which is whole."""
    found = []
    for line in text.splitlines():
        match = LINE.match(line)
        harness.check(match, lambda: f"this is no line of a log record: {line!r}")
        harness.equal(match[2], service, "the service")
        found.append(int(match[5]))
    return found


def each_signal_is_written_once_and_verified(pipe):
    writer = pipe.writer("--batch-bytes", "64KiB", "--rotate-bytes", "256KiB", interval="20ms")
    loads = [
        pipe.load("--signal", "all", "--threads", 2, "--count", 3000, "--retry", service="all"),
        pipe.load("--signal", "logs", "--count", 3000, "--log-ring-bytes", "64KiB", "--retry",
                  service="logs"),
    ]
    for load in loads:
        load.wait()
    harness.equal(loads[0].json()["logs"], {"accepted": 3000, "dropped": 0}, "logs of the first")
    harness.equal(loads[1].json()["spans"], {"accepted": 0, "dropped": 0}, "spans of the second")
    shown = pipe.tool("stat", "--json", "--dir", pipe.runtime).json()
    harness.check("logs" in shown["writer"]["signals"], lambda: f"stat has no logs: {shown}")
    writer.stop()
    services = pipe.scan()["services"]
    harness.equal(services["all"], {"spans": 3000, "points": 3000, "logs": 3000}, "written of all")
    harness.equal(services["logs"], {"spans": 0, "points": 0, "logs": 3000}, "written of logs")
    found = pipe.verify()
    harness.equal(found["logs"]["written_items"], 6000, "log records that verify counts")
    harness.check(found["logs"]["files"] > 2, lambda: f"the files of logs: {found['logs']}")
    text = pipe.tool("cat", "--format", "text", pipe.output / "logs").out
    harness.equal(len(text.splitlines()), 6000, "lines of text")


def a_full_ring_of_logs_drops_and_counts_and_no_other_ring_does(pipe):
    load = pipe.load("--signal", "all", "--count", 2000, "--log-ring-bytes", "4KiB")
    load.wait()
    counts = load.json()
    harness.check(counts["logs"]["dropped"] > 0, lambda: f"nothing was dropped: {counts}")
    harness.equal(counts["spans"], {"accepted": 2000, "dropped": 0}, "spans")
    pipe.writer("--drain", interval=None, ready=False).wait()
    found = pipe.verify()
    harness.equal(found["logs"]["written_items"], counts["logs"]["accepted"], "logs written")


def text_follows_a_writer_that_rotates_and_prints_each_record_once(pipe):
    follow = pipe.start("otlpipe", "cat", "--format", "text", "--signal", "logs", "--follow", pipe.output)
    writer = pipe.writer("--rotate-bytes", "128KiB", "--batch-bytes", "64KiB", interval="20ms")
    load = pipe.load("--signal", "all", "--count", 2000, "--retry", service="shop", lanes=1)
    load.wait()
    harness.wait_for(
        lambda: follow.out.count("\n") >= 2000 or not follow.is_running(), "it prints 2,000 lines"
    )
    follow.stop(signal.SIGINT)
    writer.stop()
    harness.equal(numbers(follow.out, "shop"), list(range(2000)), "numbers of the lines")
    for line in pipe.tool("cat", "-F", "text", "-s", "logs", pipe.output).out.splitlines():
        harness.check(LINE.match(line), lambda: f"this is no line of a log record: {line!r}")


def read_terminal(fd):
    """What a program prints, up to its end."""
    data = b""
    while len(data) < TERMINAL_BYTES_MAX and select.select([fd], [], [], harness.LIMIT_SECONDS)[0]:
        try:
            part = os.read(fd, 65536)
        except OSError:  # nobody has the other end any more
            break
        if not part:
            break
        data += part
    return data.decode()


def on_terminal(pipe, **environment):
    """`otlpipe cat --format text` with a terminal as its standard output."""
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update({"TERM": "xterm", **environment})
        program = str(pipe.program("otlpipe"))
        os.execv(program, [program, "cat", "--format", "text", str(pipe.output)])
    try:
        text = read_terminal(fd)
    finally:
        os.close(fd)
    harness.equal(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0, "its exit status")
    return text


def a_terminal_gets_colours_unless_its_user_wants_none(pipe):
    writer = pipe.writer()
    pipe.load("--signal", "logs", "--count", 300, "--wait").wait()
    writer.stop()
    plain = pipe.tool("cat", "--format", "text", pipe.output).out
    harness.check("\033" not in plain, "a file has escape sequences")
    coloured = on_terminal(pipe)
    harness.check("\033[31mERROR\033[0m" in coloured, lambda: f"no error is red: {coloured[:500]!r}")
    without = re.sub(r"\033\[[0-9;]*m", "", coloured).replace("\r\n", "\n")
    harness.equal(without == plain, True, "but for the colours the lines are the same")
    for name, value in (("NO_COLOR", "1"), ("TERM", "dumb")):
        text = on_terminal(pipe, **{name: value}).replace("\r\n", "\n")
        harness.equal(text == plain, True, f"with {name}={value} there are no colours")


def each_record_of_any_signal_is_a_line(pipe):
    writer = pipe.writer()
    pipe.load("--signal", "all", "--count", 10, "--wait").wait()
    writer.stop()
    lines = pipe.tool("cat", "--format", "text", pipe.output).out.splitlines()
    harness.equal(len(lines), 30, "lines")
    harness.equal(sum(" kind=" in line for line in lines), 10, "spans, with their kind")
    for line in lines:
        harness.check(" otlpipe-load otlpipe.load " in line, f"no service and scope: {line}")


if __name__ == "__main__":
    harness.run(
        [
            each_signal_is_written_once_and_verified,
            a_full_ring_of_logs_drops_and_counts_and_no_other_ring_does,
            text_follows_a_writer_that_rotates_and_prints_each_record_once,
            a_terminal_gets_colours_unless_its_user_wants_none,
            each_record_of_any_signal_is_a_line,
        ]
    )
