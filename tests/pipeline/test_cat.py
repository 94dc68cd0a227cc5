#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`otlpipe cat`: what it prints, read by Python's json and protobuf, is what was pushed."""
import base64
import collections
import json
import re
import signal
import struct
import subprocess
import sys

import decode_common
import decode_compare
import harness
from google.protobuf import json_format

LINE_BYTES_MAX = 1 << 20
ID_BYTES = {"traceId": 16, "spanId": 8, "parentSpanId": 8}
INT64 = re.compile(r"^(.*UnixNano|intValue|asInt|count|zeroCount)$")


def messages(pipe):
    if str(pipe.build / "proto") not in sys.path:
        sys.path.insert(0, str(pipe.build / "proto"))
    from opentelemetry.proto.logs.v1 import logs_pb2
    from opentelemetry.proto.metrics.v1 import metrics_pb2
    from opentelemetry.proto.trace.v1 import trace_pb2

    return {
        "traces": trace_pb2.TracesData,
        "metrics": metrics_pb2.MetricsData,
        "logs": logs_pb2.LogsData,
    }


def from_otlp_json(node):
    """Checks OTLP/JSON's own rules, and makes protobuf's JSON of it: ids in base64."""
    if isinstance(node, list):
        return [from_otlp_json(item) for item in node]
    if not isinstance(node, dict):
        return node
    for name, value in node.items():
        if name in ID_BYTES:
            identifier = bytes.fromhex(value)
            harness.equal(value, identifier.hex(), f"a {name}, in lower case")
            harness.equal(len(identifier), ID_BYTES[name], f"bytes of a {name}")
            node[name] = base64.b64encode(identifier).decode("ascii")
        elif INT64.match(name):
            harness.check(isinstance(value, str), f"{name} is no string: {value!r}")
        elif name in ("bucketCounts", "explicitBounds"):
            kind = str if name == "bucketCounts" else (float, int, str)
            harness.check(all(isinstance(v, kind) for v in value), f"{name}: {value!r}")
        else:
            node[name] = from_otlp_json(value)
    return node


def take(comparison, name, message, where):
    form = decode_compare.message_form(message)
    for item in decode_common.ITEMS[name](form):
        comparison.take(item, where)


def compare_json(pipe, text, expectations):
    comparison = decode_common.Comparison(expectations, keep_nan_payload=False)
    types = messages(pipe)
    lines = text.split("\n")
    harness.equal(lines.pop(), "", "what is behind the last newline")
    for number, line in enumerate(lines, 1):
        data = json.loads(line)
        (key,) = data
        name = {"resourceSpans": "traces", "resourceMetrics": "metrics", "resourceLogs": "logs"}[key]
        items = sum(count_items(data).values())
        harness.check(
            len(line.encode()) < LINE_BYTES_MAX or items == 1,
            f"line {number} has {len(line)} bytes and {items} items",
        )
        message = json_format.ParseDict(from_otlp_json(data), types[name]())
        take(comparison, name, message, f"line {number}")
    comparison.finish()
    return len(lines)


def compare_frames(pipe, data, name, expectations):
    comparison = decode_common.Comparison(expectations, keep_nan_payload=False)
    comparison.waiting = {
        key: value
        for key, value in comparison.waiting.items()
        if json.loads(key)["signal"] == decode_common.ITEM_NAMES[name]
    }
    at = 0
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        message = messages(pipe)[name].FromString(data[at + 4 : at + 4 + length])
        harness.equal(message.ByteSize() > 0, True, "a frame holds something")
        take(comparison, name, message, f"frame at {at}")
        at += 4 + length
    harness.equal(at, len(data), "where the frames end")
    comparison.finish()


def count_items(data):
    """Spans, points and log records of a line, as Python's json has read it."""
    counts = collections.Counter()
    for resource in data.get("resourceSpans", []):
        for scope in resource["scopeSpans"]:
            counts["spans"] += len(scope["spans"])
    for resource in data.get("resourceMetrics", []):
        for scope in resource["scopeMetrics"]:
            for metric in scope["metrics"]:
                kinds = [v for v in metric.values() if isinstance(v, dict) and "dataPoints" in v]
                counts["points"] += sum(len(kind["dataPoints"]) for kind in kinds)
    for resource in data.get("resourceLogs", []):
        for scope in resource["scopeLogs"]:
            counts["logs"] += len(scope["logRecords"])
    return counts


def generated(pipe, *writer_arguments):
    """Files of every field and kind, and what was pushed into them."""
    expectations = [pipe.scratch / f"expected-{i}" for i in range(2)]
    writer = pipe.writer(*writer_arguments)
    spans, metrics = (max(n // pipe.options["divide"], 10) for n in (400, 60))
    producers = [
        pipe.start("gen_producer", pipe.runtime, i, pipe.options["seed"], spans, metrics, path)
        for i, path in enumerate(expectations)
    ]
    for producer in producers:
        producer.wait()
    writer.stop()
    return expectations


def json_lines_are_what_was_pushed(pipe):
    expectations = generated(pipe)
    try:
        compare_json(pipe, pipe.tool("cat", pipe.output).out, expectations)
    except decode_common.Mismatch as mismatch:
        raise harness.Failure(str(mismatch)) from mismatch


def json_lines_of_each_file_together_are_those_of_the_directory(pipe):
    generated(pipe, "--batch-bytes", "64KiB", "--rotate-bytes", "256KiB")
    files = [path for _, path in pipe.files()]
    files.sort(key=lambda path: (decode_common.SIGNALS.index(path.parent.name), path.name))
    whole = pipe.tool("cat", pipe.output).out
    harness.equal(pipe.tool("cat", *files).out == whole, True, "the files' lines are the directory's")
    parts = [pipe.tool("cat", "--signal", s, pipe.output).out for s in decode_common.SIGNALS]
    harness.equal("".join(parts) == whole, True, "the signals' lines are the directory's")
    with open(files[0], "rb") as file:
        same = pipe.tool("cat", "-", stdin=file).out
    harness.equal(same == pipe.tool("cat", files[0]).out, True, "standard input is the file")


def frames_are_what_was_pushed(pipe):
    expectations = generated(pipe)
    for name in decode_common.SIGNALS:
        process = pipe.tool("cat", "--format", "frames", "--signal", name, pipe.output)
        try:
            compare_frames(pipe, process.path.with_suffix(".out").read_bytes(), name, expectations)
        except decode_common.Mismatch as mismatch:
            raise harness.Failure(str(mismatch)) from mismatch


def sequences_in(text):
    """How often each (service, signal, producer, sequence number) was printed."""
    seen = collections.Counter()
    for line in text.splitlines():
        data = json.loads(line)
        (resources,) = data.values()
        for resource in resources:
            service = resource["resource"]["attributes"][0]["value"]["stringValue"]
            for kind, item in items_of(resource):
                values = {a["key"]: a["value"].get("intValue") for a in item["attributes"]}
                seen[
                    service, kind, values["otlpipe.load.producer"], values["otlpipe.load.seq"]
                ] += 1
    return seen


def items_of(resource):
    for scope in resource.get("scopeSpans", []):
        for span in scope["spans"]:
            yield "span", span
    for scope in resource.get("scopeLogs", []):
        for log in scope["logRecords"]:
            yield "log", log
    for scope in resource.get("scopeMetrics", []):
        for metric in scope["metrics"]:
            for value in metric.values():
                if isinstance(value, dict):
                    for point in value["dataPoints"]:
                        yield "point", point


def follower(pipe):
    harness.wait_for((pipe.output / "metrics").is_dir, "the output directory is there")
    return pipe.start("otlpipe", "cat", "--follow", pipe.output)


def follow_to_the_end(follow, count):
    """Until it has printed that many records; then it ends by SIGINT."""
    harness.wait_for(
        lambda: follow.out.count('"otlpipe.load.seq"') >= count or not follow.is_running(),
        f"it prints {count} records",
    )
    follow.stop(signal.SIGINT)
    seen = sequences_in(follow.out)
    twice = [key for key, times in seen.items() if times != 1]
    harness.equal(twice[:5], [], "records that were printed more than once")
    harness.equal(len(seen), count, "records that were printed")


def follow_prints_everything_once_while_a_writer_rotates_and_seals(pipe):
    words = ("--batch-bytes", "64KiB", "--rotate-bytes", "128KiB")
    writer = pipe.writer(*words, interval="20ms")
    follow = follower(pipe)
    total = 0
    for number in range(4):
        load = pipe.load("--threads", 2, "--count", 1000, "--retry", service=f"load-{number}")
        load.wait()
        total += 2000
        writer.send(signal.SIGHUP)
    writer.stop()
    pipe.writer(*words, "--drain", ready=False).wait()
    follow_to_the_end(follow, total)


def follow_prints_everything_once_though_writers_are_killed(pipe):
    total = 0
    writer = pipe.writer(interval="20ms")
    follow = follower(pipe)
    for number in range(6):
        load = pipe.load("--count", 400, "--rate", 4000, "--retry", service=f"load-{number}")
        harness.nap(0.05)
        writer.kill()
        writer = pipe.writer("--rotate-bytes", "1MiB", interval="20ms")
        load.wait()
        total += 800
    writer.stop()
    follow_to_the_end(follow, total)
    pipe.verify()


def a_file_that_is_being_written_is_printed_up_to_its_last_batch(pipe):
    writer = pipe.writer(interval="20ms")
    pipe.load("--count", 300, "--retry", "--wait").wait()
    harness.check(pipe.files("open"), "there is no open file")
    seen = sequences_in(pipe.tool("cat", pipe.output).out)
    harness.equal(len(seen), 600, "records that were printed of open files")
    writer.kill()
    pipe.writer("--drain", ready=False).wait()
    harness.equal(sequences_in(pipe.tool("cat", pipe.output).out), seen, "the same when recovered")


def a_reader_that_leaves_is_no_error_and_a_full_disk_is_one(pipe):
    writer = pipe.writer()
    pipe.load("--count", 3000, "--retry", "--wait").wait()
    writer.stop()
    command = [str(pipe.program("otlpipe")), "cat", str(pipe.output)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as reader:
        reader.stdout.read(10)
        reader.stdout.close()
        text = reader.stderr.read()
        harness.equal((reader.wait(), text), (0, b""), "its end when the reader has left")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
    harness.equal(done.returncode, 1, "exit status on a full disk")
    harness.equal(done.stderr.count(b"\n"), 1, f"lines on stderr: {done.stderr}")


def a_broken_file_is_named_and_the_others_are_printed(pipe):
    for number in range(2):
        writer = pipe.writer(interval="10s")  # one batch
        pipe.load("--signal", "spans", "--count", 100, service=f"load-{number}").wait()
        writer.stop()
    first, _ = [path for name, path in pipe.files("sealed") if name == "traces"]
    data = bytearray(first.read_bytes())
    data[len(data) // 2] ^= 1
    first.write_bytes(data)
    process = pipe.tool("cat", pipe.output, expected=1)
    harness.check(first.name in process.err, f"{first.name} is not named: {process.err}")
    services = {key[0] for key in sequences_in(process.out)}
    harness.equal(services, {"load-1"}, "services that were printed")
    pipe.verify(expected=1)


def wrong_command_lines_get_one_line_and_exit_2(pipe):
    for words in (
        ["cat"], ["cat", "--format", "xml", "-"], ["cat", "--signal", "spans", "-"], ["nope"], [],
        ["cat", "--frame-bytes", "1", "-"],
        ["verify"], ["load", "--count", "x"], ["load", "--rate", "-1"],
        ["load", "--signal", "traces"], ["load", "--span-ring-bytes", "1"], ["load", "word"],
    ):
        process = pipe.tool(*words, expected=2)
        harness.equal(process.err.count("\n"), 1, f"lines for {words}: {process.err!r}; their number")
        harness.equal(process.out, "", f"stdout for {words}")
    for words in (["cat", "none"], ["verify", "none"], ["cat", pipe.scratch]):
        process = pipe.tool(*words, expected=1)
        harness.check(process.err, f"nothing on stderr for {words}")


if __name__ == "__main__":
    harness.run(
        [
            json_lines_are_what_was_pushed,
            json_lines_of_each_file_together_are_those_of_the_directory,
            frames_are_what_was_pushed,
            follow_prints_everything_once_while_a_writer_rotates_and_seals,
            follow_prints_everything_once_though_writers_are_killed,
            a_file_that_is_being_written_is_printed_up_to_its_last_batch,
            a_reader_that_leaves_is_no_error_and_a_full_disk_is_one,
            a_broken_file_is_named_and_the_others_are_printed,
            wrong_command_lines_get_one_line_and_exit_2,
        ],
        divide=1,
    )
