#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The commands that show what is in the files: trace. What they say is what producers pushed, and
what Python counts in the lines of `otlpipe cat`; hostile files do no harm."""
import collections
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import termios

import harness

ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


# ---- OTLP by hand, for what no producer of ours would push ----


def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out) + bytes([number])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def fixed(number, value):
    return varint(number << 3 | 1) + struct.pack("<Q", value)


def attribute(key, value):
    return field(1, key) + field(2, field(1, value))


def resource_data(service, records):
    """A ResourceSpans, ResourceMetrics or ResourceLogs: their numbers are the same."""
    resource = field(1, attribute("service.name", service))
    scope = b"".join(field(2, record) for record in records)
    return field(1, field(1, resource) + field(2, scope))


def span(span_id, parent, start, end, name="work", trace=b"\x07" * 16, more=b""):
    parts = field(1, trace) + field(2, bytes([span_id]) * 8) + field(5, name)
    if parent:
        parts += field(4, bytes([parent]) * 8)
    return parts + fixed(7, start) + fixed(8, end) + more


def put(pipe, name, data):
    path = pipe.scratch / name
    path.write_bytes(data)
    return path


# ---- what was pushed ----


def pushed(pipe, *arguments, count=600):
    """Records of each signal of two services, in sealed files; the lines of cat of each signal."""
    writer = pipe.writer()
    for number, service in enumerate(("shop", "bank")):
        load = ("--signal", "all", "--retry", "--wait", "--count", count, "--seed", number + 1)
        pipe.load(*load, *arguments, service=service).wait()
    writer.stop()
    found = {}
    for signal, key in (("traces", "Spans"), ("metrics", "Metrics"), ("logs", "Logs")):
        lines = pipe.tool("cat", pipe.output, "--signal", signal).out.splitlines()
        found[signal] = [
            (resource, record)
            for line in lines
            for resource in json.loads(line)[f"resource{key}"]
            for scope in resource[f"scope{key}"]
            for record in scope["logRecords" if signal == "logs" else key.lower()]
        ]
    return found


def service_of(resource):
    for pair in resource["resource"]["attributes"]:
        if pair["key"] == "service.name":
            return pair["value"]["stringValue"]
    return ""


def traces_of(spans):
    found = collections.defaultdict(list)
    for _, record in spans:
        found[record["traceId"]].append(record)
    return found


def duration_of(spans):
    begin = min(int(one["startTimeUnixNano"]) for one in spans)
    return max(int(one["endTimeUnixNano"]) for one in spans) - begin


def is_error(record):
    return record.get("status", {}).get("code") == 2


# ---- trace ----


def traces_are_listed_and_shown_as_trees_with_all_of_their_spans(pipe):
    traces = traces_of(pushed(pipe)["traces"])
    durations = sorted((duration_of(spans) for spans in traces.values()), reverse=True)
    listed = pipe.tool("trace", pipe.output).out.splitlines()[1:]
    harness.equal(
        [duration_of(traces[line.split()[0]]) for line in listed],
        durations[:20],
        "the durations of those that are listed",
    )
    chosen = max(traces, key=lambda one: (len(traces[one]), one))
    shown = pipe.tool("trace", pipe.output, chosen[:20], "--attributes").out
    lines = shown.splitlines()
    harness.check(lines[0].startswith(f"trace {chosen} "), lines[0])
    harness.check(lines[1].startswith(f"{len(traces[chosen])} spans, 1 service, "), lines[1])
    harness.equal(shown.count("█ ") + shown.count("█\n") > 0, True, "there are bars")
    for one in traces[chosen]:
        harness.check(one["name"][:20] in shown, f"{one['name']} is not in\n{shown}")
    for line in lines:
        harness.check(len(line) <= 80, f"more than 80 columns: {line}")


def errors_alone_can_be_asked_for(pipe):
    traces = traces_of(pushed(pipe)["traces"])
    failed = {name for name, spans in traces.items() if any(is_error(one) for one in spans)}
    harness.check(0 < len(failed) < len(traces), "some traces have errors, and some have none")
    shown = pipe.tool("trace", pipe.output, "--errors", "--slowest", len(traces)).out
    harness.equal(set(re.findall(r"^trace (\w+)", shown, re.M)), failed, "those with errors")
    harness.equal("✗" in shown and "\x1b" not in shown, True, "marked, without colour in a pipe")
    two = pipe.tool("trace", pipe.output, "-n", 2).out
    harness.equal(len(re.findall(r"^trace ", two, re.M)), 2, "the two slowest")


def a_terminal_gives_its_width_and_has_colours(pipe):
    path = put(pipe, "traces.binpb", resource_data("shop", [span(1, 0, 100, 200)]))
    for variables, is_coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
        ours, theirs = pty.openpty()
        try:
            fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))
            environment = {**os.environ, "TERM": "xterm", **variables}
            if is_coloured:
                environment.pop("NO_COLOR", None)
            command = [pipe.program("otlpipe"), "trace", path, "07070707"]
            subprocess.run(command, stdout=theirs, env=environment, check=True)
            text = os.read(ours, 1 << 16).decode()
        finally:
            os.close(ours)
            os.close(theirs)
        harness.equal("\x1b[" in text, is_coloured, f"colours with {variables}")
        bar = ESCAPES.sub("", text).splitlines()[2]
        harness.equal(len(bar), 120, f"the columns of {bar!r}")


def hostile_traces_are_shown_without_harm(pipe):
    link = field(13, field(1, b"\x07" * 16) + field(2, b"\x01" * 8))
    spans = [
        span(1, 1, 10, 20),
        span(2, 3, 10, 20),
        span(3, 2, 10, 20),
        span(4, 9, 0, (1 << 64) - 1, name="\x1b]0;owned\x07\n\u202e"),
        span(4, 4, 30, 20, more=link),
        span(5, 1, 1, 2, more=field(11, fixed(1, 5) + field(2, b"\xff\xfe"))),
    ]
    chain = [
        field(1, b"\x08" * 16) + field(2, struct.pack(">Q", n + 1)) + fixed(7, n + 1) + fixed(8, 9999)
        + field(4, struct.pack(">Q", n))
        for n in range(5000)
    ]  # fmt: skip
    path = put(pipe, "traces.binpb", resource_data("a\x00b", spans) + resource_data("", chain))
    shown = pipe.tool("trace", path, "0707", "-a").out
    for text in ("form a circle", "is not in these files", "another span has the same id", "it ends"):
        harness.check(text in shown, f"{text!r} is not in\n{shown}")
    harness.check(not re.search(r"[\x00-\x09\x0b-\x1f\u202e]", shown), f"control characters: {shown!r}")
    harness.check("a\\x00b work" in shown, shown)
    shown = pipe.tool("trace", path, "0808", "--lines", 0).out
    harness.equal(len(shown.splitlines()), 5002, "lines of the chain")
    shown = pipe.tool("trace", path, "0808").out
    harness.check("and 4000 more spans" in shown, shown[-200:])


def trace_says_what_is_not_there(pipe):
    path = put(pipe, "traces.binpb", resource_data("a", [span(1, 0, 1, 2)]))
    none = pipe.tool("trace", path, "1234", expected=1)
    harness.check("no span has the trace id 1234" in none.err, none.err)
    none = pipe.tool("trace", path, "--errors", expected=1)
    harness.check("no trace with an error" in none.err, none.err)
    both = span(1, 0, 1, 2, trace=b"\x07" * 15 + b"\x08")
    path = put(pipe, "traces.binpb", resource_data("a", [span(1, 0, 1, 2), both]))
    several = pipe.tool("trace", path, "0707", expected=1)
    harness.check("2 traces begin with 0707" in several.err, several.err)
    cut = put(pipe, "cut-traces.binpb", path.read_bytes()[:-3])
    damaged = pipe.tool("trace", cut, expected=1)
    harness.check("offset 0" in damaged.err and damaged.err.count("\n") <= 2, damaged.err)
    for words in (["-"], [path, "xyz"], [path, "0707", "-e"], [path, "-n", "0"], []):
        pipe.tool("trace", *words, expected=2)


TESTS = [
    traces_are_listed_and_shown_as_trees_with_all_of_their_spans,
    errors_alone_can_be_asked_for,
    a_terminal_gives_its_width_and_has_colours,
    hostile_traces_are_shown_without_harm,
    trace_says_what_is_not_there,
]

if __name__ == "__main__":
    harness.run(TESTS)
