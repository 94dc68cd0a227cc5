#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`otlpipe log`: lines of any bytes as log records, and none of them lost without a word.

usage: test_log_command.py BUILD_DIR [words of test names…]
"""
import fcntl
import os
import signal
import struct
import subprocess
import termios
import threading

import harness
from harness import check, equal, wait_for
from log_records import records

PIECE_BYTES = 64 << 10
SMALL_RING = "64KiB"


def log(pipe, *arguments, expected=0, data=None, **others):
    """Runs it to its end with these bytes as standard input."""
    process = start(pipe, *arguments, **others)
    feeder = threading.Thread(target=feed, args=(process, data or b""))
    feeder.start()
    process.wait(expected)
    feeder.join()
    return process


def start(pipe, *arguments, **others):
    command = ["log", "--dir", pipe.runtime, *arguments]
    return pipe.start("otlpipe", *command, stdin=subprocess.PIPE, **others)


def feed(process, data):
    for action in (lambda: process.popen.stdin.write(data), process.popen.stdin.close):
        try:
            action()
        except BrokenPipeError:
            pass


def feed_on(process):
    """Lines with numbers, until nobody reads them any more."""
    try:
        for n in range(10**6):
            process.popen.stdin.write(b"line %06d %s\n" % (n, 60 * b"x"))
    except BrokenPipeError:
        pass
    try:
        process.popen.stdin.close()
    except BrokenPipeError:
        pass


def written(pipe):
    """What a writer that comes now writes."""
    pipe.writer().stop()
    pipe.verify()
    return records(pipe)


def plain(record):
    """All that a record has but for when it was observed and its resource."""
    left_out = ("observedTimeUnixNano", "resource", "scope")
    return {k: v for k, v in record.items() if k not in left_out and v not in ({}, None)}


LINES = [
    (b"plain", {"body": "plain"}),
    (b"", {"body": ""}),
    (b"ends as in Windows\r", {"body": "ends as in Windows"}),
    (b"<3>failed", {"body": "failed", "severityNumber": 17, "severityText": "err"}),
    (b"<0>panic", {"body": "panic", "severityNumber": 21, "severityText": "emerg"}),
    (
        b"<191>of a facility",
        {
            **{"body": "of a facility", "severityNumber": 5, "severityText": "debug"},
            "attributes": {"syslog.facility": 23},
        },
    ),
    (b"<192>no priority", {"body": "<192>no priority"}),
    (b"<03>nor this", {"body": "<03>nor this"}),
    (b"<>", {"body": "<>"}),
    (b"a\0b", {"body": "a\0b"}),
    (b"\xff\xc3(\xed\xa0\x80", {"body": "\ufffd\ufffd(\ufffd\ufffd\ufffd"}),
    (
        b'{"time":"2026-11-28T09:15:44.123456789+01:00","level":"WARN","msg":"m","n":1,"d":1.5,'
        b'"b":true,"z":null,"a":[1,"x"],"o":{"k":[]},"u":18446744073709551615}',
        {
            **{"timeUnixNano": "1795853744123456789", "severityNumber": 13, "severityText": "WARN"},
            "body": "m",
            "attributes": {
                **{"n": 1, "d": 1.5, "b": True, "z": None, "a": [1, "x"], "o": {"k": []}},
                "u": "18446744073709551615",
            },
        },
    ),
    (
        b'<4>{"ts":1795853744.5,"message":{"k":1},"trace_id":"' + b"0A" * 16 + b'","span_id":"' + b"01" * 8
        + b'"}',
        {
            **{"timeUnixNano": "1795853744500000000", "severityNumber": 13, "severityText": "warning"},
            **{"body": {"k": 1}, "traceId": "0a" * 16, "spanId": "01" * 8},
        },
    ),
    (
        b'{"timestamp":"yesterday","severity":"LOUD","msg":"m","message":"second","span_id":"00"}',
        {
            **{"severityText": "LOUD", "body": "m"},
            "attributes": {"timestamp": "yesterday", "message": "second", "span_id": "00"},
        },
    ),
    (
        b'{"time":1795853744123,"level":50,"msg":"pino"}',
        {"timeUnixNano": "1795853744123000000", "severityNumber": 17, "body": "pino"},
    ),
    (b'{"msg":"\xff"}', {"body": "\ufffd"}),
    # json-c 0.18 refuses what is not ASCII where it is to be strict.
    (
        '{"msg":"\u00fc\t\u20ac","\u00e9":"\U0001f600"}'.encode(),
        {"body": "\u00fc\t\u20ac", "attributes": {"\u00e9": "\U0001f600"}},
    ),
    ("{'msg':'\u00fc'}".encode(), {"body": "{'msg':'\u00fc'}"}),
    ('{"msg":"\u00fc",}'.encode(), {"body": '{"msg":"\u00fc",}'}),
    ('{"msg":\u00fc}'.encode(), {"body": '{"msg":\u00fc}'}),
    (b'{"msg":"cut', {"body": '{"msg":"cut'}),
    (b'{"msg":1} and more', {"body": '{"msg":1} and more'}),
    (b'{"msg":"a"}\0', {"body": '{"msg":"a"}\0'}),
    (b"[1]", {"body": "[1]"}),
    # Nested deeper than a value may be: it is text.
    (b'{"a":' + 20 * b"[" + 20 * b"]" + b"}", {"body": '{"a":' + 20 * "[" + 20 * "]" + "}"}),
    (b"a partial last line", {"body": "a partial last line"}),
]


def each_kind_of_line_becomes_its_record(pipe):
    data = b"\n".join(line for line, _ in LINES)
    process = log(pipe, "--service", "app", "--attribute", "a b=c,d=\u00e9%", data=data)
    equal(process.out + process.err, "", "what it prints")
    found = written(pipe)
    for record, (line, expected) in zip(found, LINES):
        equal(plain(record), expected, f"the record of {line}")
        check(int(record["observedTimeUnixNano"]) > 0, f"when it was observed: {record}")
        equal(record["resource"], {"a b": "c,d=\u00e9%", "service.name": "app"}, "the resource")
    equal(len(found), len(LINES), "records")


def parts_of(found):
    """(number of parts, whole text) of each line."""
    lines, parts = [], []
    for record in found:
        part, last = (record["attributes"].get("otlpipe.line." + name) for name in ("part", "last"))
        if part is None:
            lines.append((1, record["body"]))
            continue
        parts.append(record["body"])
        equal(part, len(parts), "the number of the part")
        if last:
            lines.append((len(parts), "".join(parts)))
            parts = []
    equal(parts, [], "parts without a last one")
    return lines


def a_line_of_many_MiB_is_several_records_with_all_of_it(pipe):
    long_text = "<3>" + "\u20acuro " * (700 << 10)
    just = "x" * PIECE_BYTES
    data = "\n".join([long_text, just, just + "y", "end"]).encode() + b"\n" + 100000 * b"\xff"
    writer = pipe.writer()
    equal(log(pipe, data=data).err, "", "what it prints")
    writer.stop()
    pipe.verify()
    found = records(pipe)
    lines = parts_of(found)
    equal([text for _, text in lines], [long_text[3:], just, just + "y", "end", 100000 * "\ufffd"], "texts")
    equal([count for count, _ in lines][1:], [1, 2, 1, 2], "records of each line")
    check(lines[0][0] > len(long_text.encode()) // PIECE_BYTES, f"parts of the longest: {lines[0][0]}")
    for record in found[: lines[0][0]]:
        equal(record["severityNumber"], 17, "the severity of each part")


def in_the_smallest_ring_all_lines_fit(pipe):
    texts = ["a" * 5000, "b" * 255, '{"k":"' + "c" * 900 + '"}']
    writer = pipe.writer(interval="5ms")
    log(pipe, "--log-ring-bytes", "4KiB", data="\n".join(texts).encode())
    writer.stop()
    equal([text for _, text in parts_of(records(pipe))], texts, "the lines")


def unread(process):
    return struct.unpack("i", fcntl.ioctl(process.popen.stdin, termios.FIONREAD, bytes(4)))[0]


def numbered(count):
    return b"".join(b"line %06d %s\n" % (n, 60 * b"x") for n in range(count))


def bodies(found):
    return [record["body"][:11] for record in found]


def while_the_ring_is_full_the_pipe_waits_and_nothing_is_lost(pipe):
    """Without a writer: what the ring and the pipe have no room for stays with the program."""
    data = numbered(5000)
    process = start(pipe, "--log-ring-bytes", SMALL_RING)
    feeder = threading.Thread(target=feed, args=(process, data))
    feeder.start()
    wait_for(lambda: unread(process) > 0 and pipe.regions(), "the pipe fills up behind the ring")
    check(process.is_running() and feeder.is_alive(), "it did not wait")
    writer = pipe.writer(interval="5ms")
    process.wait()
    feeder.join()
    writer.stop()
    pipe.verify()
    equal(process.err, "", "what it prints")
    equal(bodies(records(pipe)), [f"line {n:06d}" for n in range(5000)], "the lines, in order")


def with_drop_it_does_not_wait_and_counts_what_is_lost(pipe):
    process = log(pipe, "--drop", "--log-ring-bytes", SMALL_RING, data=numbered(5000), expected=1)
    found = bodies(written(pipe))
    lost = 5000 - len(found)
    line_bytes = len(numbered(1)) - 1
    check(0 < lost < 5000, f"lost: {lost}")
    text = f"otlpipe log: {lost} records of {lost * line_bytes} bytes were lost: the ring was full (--drop)\n"
    equal(process.err, text, "stderr")
    equal(found, [f"line {n:06d}" for n in range(len(found))], "the first ones are kept")


def told_to_stop_it_takes_what_is_there(pipe):
    """The program that writes goes on to live: no end of the input comes."""
    for number in (signal.SIGTERM, signal.SIGINT):
        writer = pipe.writer()
        process = start(pipe)
        process.popen.stdin.write(numbered(500) + b"partial")
        process.popen.stdin.flush()
        wait_for(pipe.regions, "it is connected")
        process.send(number)
        process.wait()
        process.popen.stdin.close()
        equal(process.err, "", "what it prints")
        writer.stop()
        equal(bodies(records(pipe))[-501:], [*(f"line {n:06d}" for n in range(500)), "partial"], "lines")


def told_to_stop_while_the_ring_is_full_it_says_what_is_lost(pipe):
    data = numbered(3000)
    process = start(pipe, "--log-ring-bytes", SMALL_RING)
    feeder = threading.Thread(target=feed, args=(process, data))
    feeder.start()
    wait_for(lambda: unread(process) > 0 and pipe.regions(), "the pipe fills up behind the ring")
    process.send(signal.SIGTERM)
    process.wait(1)
    feeder.join()
    kept = len(bodies(written(pipe)))
    lost, unread_bytes = 0, 0
    for line in process.err.splitlines():
        words = line.removeprefix("otlpipe log: ").split()
        lost += int(words[0]) if words[1] == "records" else 0
        unread_bytes += int(words[0]) if words[1] == "bytes" else 0
        check("told to stop" in line, line)
    check(lost > 0, process.err)
    check(kept > 0, "nothing was kept")
    # What it had read is either kept or counted; a line may have been cut by the end.
    check(kept + lost + unread_bytes // (len(data) // 3000) <= 3001, f"{kept} kept; {process.err}")


def killed_it_loses_nothing_that_it_had_pushed(pipe):
    """The lines are written one after the other, so what is in the files is a beginning of them."""
    process = start(pipe)
    feeder = threading.Thread(target=feed_on, args=(process,))
    feeder.start()
    wait_for(pipe.regions, "it is connected")
    writer = pipe.writer(interval="5ms")
    wait_for(lambda: pipe.files(), "the first lines are in a file")
    process.send(signal.SIGKILL)
    process.wait(-signal.SIGKILL)
    feeder.join()
    wait_for(lambda: not pipe.regions(), "what it had pushed is drained")
    writer.stop()
    found = pipe.verify()
    equal(found["logs"]["lost_items"], 0, "lost items")
    kept = bodies(records(pipe))
    check(kept, "nothing was kept")
    equal(kept, [f"line {n:06d}" for n in range(len(kept))], "the lines")


def a_wrong_command_line_or_place_is_told(pipe):
    for arguments, text in (
        (["--attribute", "novalue"], "--attribute takes KEY=VALUE, not 'novalue'"),
        (["--attribute", "=v"], "--attribute takes KEY=VALUE"),
        (["--service", ""], "--service takes a name"),
        (["--log-ring-bytes", "1"], "takes a size from 4KiB to 1GiB"),
        (["file"], "it takes no argument"),
    ):
        process = pipe.tool("log", *arguments, expected=2)
        check(text in process.err and process.err.count("\n") == 1, process.err)
    (pipe.shm / "file").touch()
    process = pipe.tool("log", "--dir", pipe.shm / "file", expected=1)
    check("nothing was read" in process.err and f"{pipe.shm}/file" in process.err, process.err)
    directory = os.open(pipe.shm, os.O_RDONLY)
    process = pipe.tool("log", "--dir", pipe.runtime, expected=1, stdin=directory)
    os.close(directory)
    check("standard input cannot be read: Is a directory" in process.err, process.err)
    pipe.writer().stop()


if __name__ == "__main__":
    harness.run(
        [
            each_kind_of_line_becomes_its_record,
            a_line_of_many_MiB_is_several_records_with_all_of_it,
            in_the_smallest_ring_all_lines_fit,
            while_the_ring_is_full_the_pipe_waits_and_nothing_is_lost,
            with_drop_it_does_not_wait_and_counts_what_is_lost,
            told_to_stop_it_takes_what_is_there,
            told_to_stop_while_the_ring_is_full_it_says_what_is_lost,
            killed_it_loses_nothing_that_it_had_pushed,
            a_wrong_command_line_or_place_is_told,
        ]
    )
