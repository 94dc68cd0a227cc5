#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`otlpipe cat`: what it prints in one format it reads again, field by field; files as the
Collector's file exporter writes them; the filters."""
import gzip
import json
import shutil
import signal
import struct
import subprocess
import sys

import decode_common
import harness
import test_cat
from google.protobuf import json_format

KEYS = {"traces": "resourceSpans", "metrics": "resourceMetrics", "logs": "resourceLogs"}


def zstd(data):
    return subprocess.run(["zstd", "-c", "-q"], input=data, stdout=subprocess.PIPE, check=True).stdout


def frame(message):
    return struct.pack(">I", len(message)) + message


def frames_of(data):
    messages, at = [], 0
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        harness.check(at + 4 + length <= len(data), f"the frame at {at} is cut")
        messages.append(data[at + 4 : at + 4 + length])
        at += 4 + length
    return messages


def printed(pipe, *words, expected=0):
    process = pipe.tool("cat", *words, expected=expected)
    return process.path.with_suffix(".out").read_bytes()


def piped(pipe, data, *words):
    path = pipe.scratch / "piped"
    path.write_bytes(data)
    with open(path, "rb") as file:
        process = pipe.tool("cat", *words, "-", stdin=file)
    return process.path.with_suffix(".out").read_bytes()


def what_is_printed_in_any_format_is_read_again_the_same(pipe):
    """Files of every field and kind: whatever the way, the JSON is the same, byte for byte."""
    test_cat.generated(pipe)
    for name in decode_common.SIGNALS:
        whole = printed(pipe, "--signal", name, pipe.output)
        for made in ("json", "frames", "protobuf"):
            data = printed(pipe, "--format", made, "--signal", name, pipe.output)
            for packed in (data, gzip.compress(data), zstd(data)):
                again = piped(pipe, packed, "--signal", name)
                harness.equal(again == whole, True, f"{name} by {made}, read again, are the same")
        json_lines = printed(pipe, "--signal", name, pipe.output)
        over = piped(pipe, piped(pipe, json_lines, "--format", "protobuf"), "--signal", name)
        harness.equal(over == whole, True, f"{name} from JSON to protobuf and back are the same")
        message = test_cat.messages(pipe)[name]()
        message.ParseFromString(printed(pipe, "--format", "protobuf", "--signal", name, pipe.output))
        harness.check(message.ByteSize() > 0, f"{name}: protobuf has nothing")
        packed = pipe.scratch / f"{name}.zst"
        (path,) = [path for found, path in pipe.files("sealed") if found == name]
        packed.write_bytes(zstd(path.read_bytes()))
        harness.equal(printed(pipe, packed) == whole, True, f"a batch file of {name} in zstd is read")


def files_of_the_collector_are_read(pipe):
    """Its file exporter: lines of JSON, and length-prefixed messages; with compression: zstd each
    message is packed by itself, before its length."""
    test_cat.generated(pipe)
    for name, make in test_cat.messages(pipe).items():
        whole = printed(pipe, "--signal", name, pipe.output)
        lines = whole.splitlines()[:8]  # a process of zstd for each
        whole = b"".join(line + b"\n" for line in lines)
        messages = []
        for line in lines:
            message = make()
            json_format.ParseDict(test_cat.from_otlp_json(json.loads(line)), message)
            messages.append(message.SerializeToString())
        forms = {
            "proto": b"".join(frame(message) for message in messages),
            "proto, zstd": b"".join(frame(zstd(message)) for message in messages),
            "json, zstd": b"".join(frame(zstd(line)) for line in lines),
            "json with a mark": b"\xef\xbb\xbf" + b"\r\n".join(lines),
            "pretty": "\n".join(json.dumps(json.loads(line), indent=2) for line in lines).encode(),
        }
        for form, data in forms.items():
            harness.equal(piped(pipe, data, "--signal", name) == whole, True, f"{name}, {form}")


def frames_stay_below_their_limit_and_lose_nothing(pipe):
    test_cat.generated(pipe)
    for name in decode_common.SIGNALS:
        text = printed(pipe, "--format", "text", "--signal", name, pipe.output)
        words = ("--format", "frames", "--frame-bytes", "16KiB", "--signal", name)
        data = printed(pipe, *words, pipe.output)
        messages = frames_of(data)
        harness.check(len(messages) > 1, f"{name}: {len(messages)} frames")
        for message in messages:
            one = test_cat.messages(pipe)[name]()
            one.ParseFromString(message)
            lines = json_format.MessageToDict(one)[KEYS[name]]
            harness.equal(len(lines), 1, "resources of a frame")
            if len(message) > 16 << 10:
                alone = piped(pipe, frame(message), "--format", "text", "--signal", name)
                harness.equal(alone.count(b"\n"), 1, f"records of a frame of {len(message)} bytes")
        again = piped(pipe, data, "--format", "text", "--signal", name)
        harness.equal(again == text, True, f"{name}: the records are those of the files")


def damage_is_told_with_its_place_and_what_was_before_it_is_printed(pipe):
    writer = pipe.writer("--batch-bytes", "64KiB")
    pipe.load("--count", 1000, "--retry", "--wait").wait()
    writer.stop()
    lines = printed(pipe, "--signal", "traces", pipe.output)
    first = lines.split(b"\n")[0] + b"\n"
    cases = {
        "traces.jsonl": (first + b'{"resourceSpans":[}\n', f"offset {len(first)}: this is not OTLP JSON"),
        "cut.jsonl": (first + first[:-20], f"offset {len(first)}: the file ends in the middle"),
        "traces.jsonl.zst": (zstd(first) + b"\x55" * 9, "of what is in the zstd: zstd is damaged"),
        "endless.json": (b"{" + b" " * (33 << 20), "has more than 32 MiB"),
        "bomb.traces.gz": (gzip.compress(b"{" + b" " * (80 << 20), 1), "has more than 32 MiB"),
        "traces.jsonl.gz": (gzip.compress(first)[:-30], "the file ends in the middle"),
    }
    for name, (data, text) in cases.items():
        path = pipe.scratch / name
        path.write_bytes(data)
        process = pipe.tool("cat", path, expected=1)
        harness.check(text in process.err, lambda: f"{name}: {text!r} is not in {process.err!r}")
        harness.check(process.err.count("\n") == 1, process.err)
        if not name.endswith(".gz"):
            harness.check(process.path.with_suffix(".out").read_bytes() in (first, b""), f"{name}: output")


def one_protobuf_message_has_one_signal(pipe):
    writer = pipe.writer()
    pipe.load("--signal", "all", "--count", 10, "--wait").wait()
    writer.stop()
    process = pipe.tool("cat", "--format", "protobuf", pipe.output, expected=2)
    harness.check("give --signal" in process.err, process.err)


def records(pipe, *words):
    return printed(pipe, "--format", "text", *words, pipe.output).decode().splitlines()


def filters_choose_records_of_all_signals(pipe):
    writer = pipe.writer("--batch-bytes", "64KiB")
    for service in ("shop", "other"):
        load = pipe.load("--signal", "all", "--count", 300, "--retry", "--wait", service=service)
        load.wait()
    writer.stop()
    harness.equal(len(records(pipe)), 1800, "records")
    harness.equal(len(records(pipe, "--service", "shop")), 900, "records of a service")
    harness.equal(len(records(pipe, "--service", "shop", "--signal", "logs")), 300, "its log records")
    harness.equal(len(records(pipe, "--where", "otlpipe.load.seq=7")), 6, "by an integer")
    by_two = ("--where", "otlpipe.load.seq=7", "--where", "service.name=other")
    harness.equal(len(records(pipe, *by_two)), 3, "by an attribute of the resource too")
    harness.equal(len(records(pipe, "--limit", "11")), 11, "with a limit")
    harness.equal(len(records(pipe, "--since", "1h")), 1800, "since an hour ago")
    harness.equal(len(records(pipe, "--until", "1h")), 0, "until an hour ago")
    all_spans = [span for line in printed(pipe, "--signal", "traces", pipe.output).splitlines()
                 for resource in json.loads(line)["resourceSpans"]
                 for scope in resource["scopeSpans"] for span in scope["spans"]]
    span = all_spans[42]
    same = sum(1 for other in all_spans if other["traceId"] == span["traceId"])
    found = records(pipe, "--trace", span["traceId"], "--signal", "traces")
    harness.equal(len(found), same, "spans of a trace")
    same = sum(1 for other in all_spans if other["name"] == span["name"])
    harness.equal(len(records(pipe, "--name", span["name"], "--signal", "traces")), same, "by name")
    times = sorted(int(other["startTimeUnixNano"]) for other in all_spans)
    since, until = times[100] // 10**9 + 1, times[100] // 10**9
    count = sum(1 for time in times if time >= since * 10**9)
    harness.equal(len(records(pipe, "--signal", "traces", "--since", since)), count, "since a time")
    count = sum(1 for time in times if time < until * 10**9)
    harness.equal(len(records(pipe, "--signal", "traces", "--until", until)), count, "until a time")
    # In each format it is the same records.
    words = ("--signal", "traces", "--where", "http.request.method=GET")
    text = "\n".join(records(pipe, *words)) + "\n"
    for made in ("json", "frames", "protobuf"):
        data = printed(pipe, "--format", made, *words, pipe.output)
        again = piped(pipe, data, "--format", "text", "--signal", "traces").decode()
        harness.equal(again == text, True, f"the records in {made}")


def a_follower_filters_and_ends_at_its_limit(pipe):
    follow = pipe.start("otlpipe", "cat", "--format", "text", "--follow", "--service", "shop", pipe.output)
    limited = pipe.start(
        "otlpipe", "cat", "--format", "text", "--follow", "--where", "otlpipe.load.seq=3", "--limit", 2,
        "--signal", "logs", pipe.output,
    )
    writer = pipe.writer("--rotate-bytes", "128KiB", "--batch-bytes", "64KiB", interval="20ms")
    for service in ("other", "shop"):
        pipe.load("--signal", "all", "--count", 200, "--retry", "--wait", service=service).wait()
    limited.wait()
    harness.equal(limited.out.count("\n"), 2, "lines up to the limit")
    harness.wait_for(
        lambda: follow.out.count("\n") >= 600 or not follow.is_running(), "it prints 600 lines"
    )
    follow.stop(signal.SIGINT)
    writer.stop()
    harness.equal(follow.out.count("\n"), 600, "lines of one service")
    harness.check(" other " not in follow.out, "the other service is printed")


def wrong_filters_get_one_line(pipe):
    for words in (
        ["--trace", "12"], ["--since", "often"], ["--where", "key"], ["--limit", "0"],
        ["--frame-bytes", "1"], ["--frame-bytes", "1GiB"], ["--format", "yaml"],
    ):
        process = pipe.tool("cat", *words, pipe.output, expected=2)
        harness.equal(process.err.count("\n"), 1, f"lines for {words}")


if __name__ == "__main__":
    if shutil.which("zstd") is None:
        sys.exit("there is no zstd: apt-get install zstd")
    harness.run(
        [
            what_is_printed_in_any_format_is_read_again_the_same,
            files_of_the_collector_are_read,
            frames_stay_below_their_limit_and_lose_nothing,
            damage_is_told_with_its_place_and_what_was_before_it_is_printed,
            one_protobuf_message_has_one_signal,
            filters_choose_records_of_all_signals,
            a_follower_filters_and_ends_at_its_limit,
            wrong_filters_get_one_line,
        ],
        divide=10,
    )
