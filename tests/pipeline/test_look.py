#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The commands that show what is in the files: trace, summary, flat. What they say is what producers pushed, and
what Python counts in the lines of `otlpipe cat`; hostile files do no harm."""
import collections
import csv
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


# ---- summary ----


def near(found, expected, what):
    """Quantiles are at most a 128th too much."""
    harness.check(expected <= found <= expected * 129 / 128, f"{what}: {found}, expected {expected}")


def summary_of(pipe, *arguments):
    return pipe.tool("summary", pipe.output, "--json", *arguments).json()


def a_summary_has_the_figures_of_what_was_pushed(pipe):
    records = pushed(pipe)
    groups = collections.defaultdict(list)
    for resource, record in records["traces"]:
        groups[service_of(resource), record["name"]].append(record)
    found = summary_of(pipe)
    for signal, items in (("traces", records["traces"]), ("logs", records["logs"])):
        harness.equal(found[signal]["items"], len(items), f"{signal} in all")
        harness.equal(found[signal]["left_out_items"], 0, f"{signal} left out")
    harness.equal(len(found["traces"]["rows"]), len(groups), "kinds of spans")
    for row in found["traces"]["rows"]:
        spans = groups[row["service"], row["name"]]
        times = sorted(int(s["endTimeUnixNano"]) - int(s["startTimeUnixNano"]) for s in spans)
        harness.equal(row["calls"], len(spans), "calls")
        harness.equal(row["errors"], sum(is_error(one) for one in spans), "errors")
        harness.equal(row["max_ns"], times[-1], "the longest")
        for name, share in (("p50_ns", 50), ("p95_ns", 95), ("p99_ns", 99)):
            near(row[name], times[-(-len(times) * share // 100) - 1], name)
    for row in found["logs"]["rows"]:
        of = [r for resource, r in records["logs"] if service_of(resource) == row["service"]]
        for low, name in ((1, "TRACE"), (5, "DEBUG"), (9, "INFO"), (13, "WARN"), (17, "ERROR"), (21, "FATAL")):
            severe = sum(low <= one.get("severityNumber", 0) < low + 4 for one in of)
            harness.equal(row[name], severe, f"{name} of {row['service']}")
    kinds = ("gauge", "sum", "histogram", "exponentialHistogram", "summary")
    points = collections.Counter()
    for resource, record in records["metrics"]:
        kind = next(kind for kind in kinds if kind in record)
        points[service_of(resource), record["name"]] += len(record[kind]["dataPoints"])
    counted = {(row["service"], row["name"]): row["points"] for row in found["metrics"]["rows"]}
    harness.equal(counted, dict(points), "points of each metric")
    harness.equal(found["metrics"]["items"], sum(points.values()), "points in all")


def spans_are_told_apart_by_what_is_asked_for(pipe):
    spans = pushed(pipe)["traces"]
    rows = summary_of(pipe, "--by", "kind", "--signal", "traces")["traces"]["rows"]
    names = ["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"]
    expected = collections.Counter(names[record["kind"]] for _, record in spans)
    harness.equal({row["kind"]: row["calls"] for row in rows}, dict(expected), "calls of each kind")
    harness.equal(summary_of(pipe, "--since", "1d")["traces"]["items"], len(spans), "since a day")
    harness.equal(summary_of(pipe, "--since", "1ns")["traces"]["items"], 0, "since now")
    table = pipe.tool("summary", pipe.output, "--by", "service,scope", "--limit", 1).out
    harness.check(re.search(r"^service +scope +calls +errors +p50", table, re.M), table)
    harness.check("and 1 more (--limit)" in table, table)
    for words in (["--by", "colour"], ["--by", ","], ["--since", "soon"], ["--limit", "-1"]):
        pipe.tool("summary", pipe.output, *words, expected=2)


SECOND = 1_000_000_000


def number_point(start, time, value, series="a"):
    return (
        field(7, attribute("series", series)) + fixed(2, start) + fixed(3, time)
        + varint(4 << 3 | 1) + struct.pack("<d", value)
    )  # fmt: skip


def metric(name, kind, points, temporality=0, monotonic=0):
    data = b"".join(field(1, point) for point in points) + field(2, temporality) + field(3, monotonic)
    return field(1, name) + field(kind, data)


def rates_respect_temporality_and_resets(pipe):
    begin = 100 * SECOND
    times = [begin + n * 10 * SECOND for n in range(5)]  # 40 s
    points = {
        "cumulative": ([number_point(begin, t, v) for t, v in zip(times, (5, 15, 35, 35, 45))], 2, 1),
        # It begins again at the fourth point, by its value; the other series by its start.
        "reset": ([number_point(begin, t, v) for t, v in zip(times, (90, 100, 110, 7, 17))], 2, 1),
        "restart": (
            [number_point(s, t, v) for s, t, v in zip((9, 9, 77, 77, 77), times, (1, 2, 50, 60, 70))], 2, 1
        ),
        "delta": ([number_point(t - 10 * SECOND, t, v) for t, v in zip(times[1:], (1, 2, 3, 34))], 1, 1),
        "up and down": ([number_point(begin, t, v) for t, v in zip(times, (9, 3, 8, 1, 5))], 2, 0),
        "two": (
            [number_point(begin, t, 10 * n, name) for n, t in enumerate(times) for name in ("a", "b")], 2, 1
        ),
        "late": ([number_point(begin, t, t / 1e9) for t in (times[0], times[4], times[2])], 2, 1),
        "once": ([number_point(begin, times[0], 5)], 2, 1),
    }  # fmt: skip
    metrics = [metric(name, 7, *rest) for name, rest in points.items()]
    metrics.append(metric("gauge", 5, [number_point(0, t, v) for t, v in zip(times, (1, 2, 3, 4, -8.5))]))
    path = put(pipe, "metrics.binpb", resource_data("a", metrics))
    rows = pipe.tool("summary", "--json", path).json()["metrics"]["rows"]
    found = {row["name"]: (row["latest"], row["rate"], row["resets"], row["series"]) for row in rows}
    expected = {
        "cumulative": (45, 1, 0, 1),
        "reset": (17, (10 + 10 + 7 + 10) / 40, 1, 1),
        "restart": (70, (1 + 50 + 10 + 10) / 40, 1, 1),
        "delta": (34, 1, 0, 1),
        "up and down": (5, -0.1, 0, 1),
        "two": (80, 2, 0, 2),
        "late": (140, 1, 0, 1),
        "once": (5, None, 0, 1),
        "gauge": (-8.5, None, 0, 1),
    }
    harness.equal(found, expected, "latest value, rate, resets, series")
    late = {row["name"]: row["late_points"] for row in rows}
    harness.equal(late, {name: int(name == "late") for name in expected}, "late points")


def a_summary_of_hostile_files_is_json_all_the_same(pipe):
    odd = '</script>"\\\n\u2028\u202e\x00\x1b'
    spans = [
        span(1, 0, 9, 1, name=odd),
        span(2, 0, 0, (1 << 64) - 1, name=b"\xff\xfe" * 20000),
        field(6, (1 << 64) - 1),
    ]
    path = put(pipe, "traces.binpb", resource_data("", spans))
    found = json.loads(pipe.tool("summary", "--json", "--by", "name,kind", path).out)["traces"]
    names = {row["name"]: row["max_ns"] for row in found["rows"]}
    harness.equal(names.get(odd), 0, "the span that ends first")
    harness.equal(names.get("\ufffd" * 40000), (1 << 64) - 1, "the name that is no text")
    table = pipe.tool("summary", path).out
    harness.check(not re.search(r"[\x00-\x09\x0b-\x1f\u202e\ufffd]", table), repr(table))
    many = [field(5, f"n{n}") for n in range(100_001)]
    path = put(pipe, "many-traces.binpb", resource_data("a", many))
    found = pipe.tool("summary", "--json", path).json()["traces"]
    harness.equal((found["row_count"], found["left_out_items"]), (100_000, 1), "kinds, left out")


# ---- flat ----


def plain(value):
    ((kind, found),) = value.items()
    if kind == "intValue":
        return int(found)
    if kind == "arrayValue":
        return [plain(one) for one in found.get("values", [])]
    if kind == "kvlistValue":
        return {pair["key"]: plain(pair["value"]) for pair in found.get("values", [])}
    return found


def attributes_of(record):
    return {pair["key"]: plain(pair["value"]) for pair in record.get("attributes", [])}


def rows_of(pipe, table, *arguments):
    """The rows of both formats, which must say the same."""
    text = pipe.tool("flat", "--table", table, *arguments, pipe.output)
    raw = text.path.with_suffix(".out").read_bytes().decode()
    harness.equal(raw.count("\n"), raw.count("\r\n"), "line ends without CR")
    rows = list(csv.DictReader(raw.splitlines(keepends=True), strict=True))
    lines = pipe.tool("flat", "-t", table, "-F", "jsonl", *arguments, pipe.output).out.splitlines()
    harness.equal(len(lines), len(rows), f"rows of {table}")
    for row, line in zip(rows, lines):
        for name, value in json.loads(line).items():
            found = row.pop(name)
            same = found == value if isinstance(value, str) else json.loads(found) == value
            harness.check(same, f"{name} is {found!r} in CSV and {value!r} in JSON")
        harness.equal(set(row.values()) - {""}, set(), "columns that JSON has not")
    return [json.loads(line) for line in lines]


def flat_rows_are_what_was_pushed(pipe):
    records = pushed(pipe)
    rows = rows_of(pipe, "traces")
    for row, (resource, record) in zip(rows, records["traces"], strict=True):
        start, end = int(record["startTimeUnixNano"]), int(record["endTimeUnixNano"])
        harness.equal(row["start_time_unix_nano"], start, "start")
        harness.equal(row["duration_time_unix_nano"], end - start, "duration")
        harness.equal(row["trace_id"] + row["span_id"], record["traceId"] + record["spanId"], "ids")
        harness.equal((row["service_name"], row["name"]), (service_of(resource), record["name"]), "names")
        harness.equal(json.loads(row["span_attributes"]), attributes_of(record), "attributes")
        harness.equal(len(json.loads(row.get("events_json", "[]"))), len(record.get("events", [])), "events")
    for row, (_, record) in zip(rows_of(pipe, "logs"), records["logs"], strict=True):
        body = plain(record["body"])
        harness.equal(row["body"] if isinstance(body, str) else json.loads(row["body"]), body, "body")
        harness.equal(json.loads(row["log_attributes"]), attributes_of(record), "attributes")
    kinds = {"exponentialHistogram": "exp_histogram"}
    for kind in ("gauge", "sum", "histogram", "exponentialHistogram", "summary"):
        points = [
            (record["name"], point)
            for _, record in records["metrics"]
            for point in record.get(kind, {}).get("dataPoints", [])
        ]
        rows = rows_of(pipe, kinds.get(kind, kind))
        for row, (name, point) in zip(rows, points, strict=True):
            harness.equal((row["name"], row["time_unix_nano"]), (name, int(point["timeUnixNano"])), kind)
            harness.equal(json.loads(row["metric_attributes"]), attributes_of(point), "attributes")
            if kind in ("gauge", "sum"):
                value = float(point.get("asDouble", point.get("asInt", 0)))
                harness.equal(float(row.get("int_value", row.get("double_value"))), value, "value")
            else:
                harness.equal(row["count"], int(point["count"]), "count")
    one = rows_of(pipe, "traces", "--service", "bank", "--limit", 5)
    harness.equal([row["service_name"] for row in one], ["bank"] * 5, "filtered rows")


def flat_rows_of_hostile_files_stay_rows(pipe):
    name = 'a,"b"\r\nc\x00</script>'
    deep = b""
    for _ in range(90):
        deep = field(5, field(1, deep))
    spans = [
        span(1, 0, 9, 1, name=name, more=field(9, field(1, b"\xff") + field(2, field(1, b"\xfe")))),
        field(1, b"short") + field(5, "") + fixed(7, (1 << 64) - 1) + fixed(8, 1),
        span(2, 0, 1, 2, more=field(9, field(1, "k") + field(2, field(3, 1))) + field(9, field(1, "k"))),
    ]
    pipe.output = put(pipe, "traces.binpb", resource_data("x", spans))
    rows = rows_of(pipe, "traces")
    harness.equal([row.get("name") for row in rows], [name, "", "work"], "names")
    harness.equal(rows[0]["span_attributes"], '{"\ufffd":"\ufffd"}', "what is no text")
    harness.equal("trace_id" in rows[1], False, "an id of 5 bytes")
    harness.equal(rows[2]["span_attributes"], '{"k":null}', "a key twice: the last")
    nested = span(3, 0, 1, 2, more=field(9, field(1, "k") + field(2, deep)))
    path = put(pipe, "deep-traces.binpb", resource_data("x", [nested]))
    found = pipe.tool("flat", path, expected=1)
    harness.check("nested more than" in found.err, found.err)
    parquet = pipe.tool("flat", "--format", "parquet", path, expected=2)
    harness.check("python -m otlpipe.parquet" in parquet.err, parquet.err)
    for words in (["--table", "spans"], ["--format", "xml"], ["--where", "x"]):
        pipe.tool("flat", *words, path, expected=2)


TESTS = [
    traces_are_listed_and_shown_as_trees_with_all_of_their_spans,
    errors_alone_can_be_asked_for,
    a_terminal_gives_its_width_and_has_colours,
    hostile_traces_are_shown_without_harm,
    trace_says_what_is_not_there,
    a_summary_has_the_figures_of_what_was_pushed,
    spans_are_told_apart_by_what_is_asked_for,
    rates_respect_temporality_and_resets,
    a_summary_of_hostile_files_is_json_all_the_same,
    flat_rows_are_what_was_pushed,
    flat_rows_of_hostile_files_stay_rows,
]

if __name__ == "__main__":
    harness.run(TESTS)
