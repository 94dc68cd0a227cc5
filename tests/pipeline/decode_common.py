# SPDX-License-Identifier: Apache-2.0
"""What the two comparisons of decoded files with what was pushed share.

A decoder gives, for each file in order, one object: TracesData, MetricsData or
LogsData in the canonical form that expect.h describes. Here such objects are cut into
spans, points and log records, and compared with the expectation files: the same multiset,
and the same order for each producer thread, resource and scope.
"""
import collections
import json
import pathlib
import re
import struct

SIGNALS = ("traces", "metrics", "logs")
DATA_MESSAGES = {
    "traces": "opentelemetry.proto.trace.v1.TracesData",
    "metrics": "opentelemetry.proto.metrics.v1.MetricsData",
    "logs": "opentelemetry.proto.logs.v1.LogsData",
}
# Our own top-level fields, the opening of a batch and its padding: unknown to
# OTLP, and the only unknown ones that may be there.
BATCH_FIELDS = {1000, 1001}
KINDS = ("gauge", "sum", "histogram", "exponential_histogram", "summary")
DOUBLE = re.compile(r'"d:([0-9a-f]{16})"')


class Mismatch(Exception):
    """What was decoded is not what was pushed; the text says where."""


def double_form(value):
    return "d:%016x" % struct.unpack("<Q", struct.pack("<d", value))


def bytes_form(value):
    return "x:" + value.hex()


def forget_nan_payload(text):
    """Any NaN is `d:nan`, for decoders that do not keep its sign and payload."""

    def form(match):
        bits = int(match.group(1), 16) & (1 << 63) - 1
        return '"d:nan"' if bits > 0x7FF << 52 else match.group(0)

    return DOUBLE.sub(form, text)


def sealed_files(output_dir, signal):
    """The names begin with the time: sorted, they are in the order of writing."""
    return sorted(pathlib.Path(output_dir, signal).glob("*.binpb"))


def spans_of(data):
    for resource in data["resource_spans"]:
        for scope in resource["scope_spans"]:
            context = context_of("span", resource, scope)
            for span in scope["spans"]:
                yield {**context, "item": span}


def logs_of(data):
    for resource in data["resource_logs"]:
        for scope in resource["scope_logs"]:
            context = context_of("log", resource, scope)
            for log in scope["log_records"]:
                yield {**context, "item": log}


def points_of(data):
    for resource in data["resource_metrics"]:
        for scope in resource["scope_metrics"]:
            context = context_of("point", resource, scope)
            for metric in scope["metrics"]:
                yield from points_of_metric(context, metric)


def points_of_metric(context, metric):
    kinds = [kind for kind in KINDS if kind in metric]
    if len(kinds) != 1:
        raise Mismatch(f"a metric has {len(kinds)} kinds of data: {metric}")
    data = metric[kinds[0]]
    if not data["data_points"]:
        raise Mismatch(f"a metric without points was written: {metric}")
    descriptor = {name: metric[name] for name in ("name", "description", "unit", "metadata")}
    descriptor["kind"] = kinds[0]
    descriptor["aggregation_temporality"] = data.get("aggregation_temporality", "0")
    descriptor["is_monotonic"] = data.get("is_monotonic", False)
    for point in data["data_points"]:
        yield {**context, "metric": descriptor, "item": point}


ITEMS = {"traces": spans_of, "metrics": points_of, "logs": logs_of}
# What expect.h calls one item of each.
ITEM_NAMES = {"traces": "span", "metrics": "point", "logs": "log"}


def context_of(signal, resource, scope):
    return {
        "signal": signal,
        "resource": resource["resource"],
        "resource_schema_url": resource["schema_url"],
        "scope": scope["scope"],
        "scope_schema_url": scope["schema_url"],
    }


def first_difference(expected, decoded, path="item"):
    """The path of the first field that differs, and both values."""
    if isinstance(expected, dict) and isinstance(decoded, dict):
        for name in sorted(set(expected) | set(decoded)):
            if name not in expected or name not in decoded:
                return f"{path}.{name}", expected.get(name, "absent"), decoded.get(name, "absent")
            found = first_difference(expected[name], decoded[name], f"{path}.{name}")
            if found:
                return found
        return None
    if isinstance(expected, list) and isinstance(decoded, list):
        if len(expected) != len(decoded):
            return f"{path}, its length", len(expected), len(decoded)
        for index, pair in enumerate(zip(expected, decoded)):
            found = first_difference(*pair, f"{path}[{index}]")
            if found:
                return found
        return None
    return None if expected == decoded else (path, expected, decoded)


def identity(item):
    """What finds the pushed item that a wrong one was meant to be."""
    if item["signal"] == "span":
        return ("span", item["item"]["trace_id"], item["item"]["span_id"])
    if item["signal"] == "log":
        return ("log", item["item"]["time_unix_nano"], item["item"]["trace_id"], item["item"]["span_id"])
    return ("point", item["metric"]["name"], item["item"]["time_unix_nano"])


class Comparison:
    """Takes decoded items in order and strikes them off what was pushed."""

    def __init__(self, expectation_files, keep_nan_payload):
        self.keep_nan_payload = keep_nan_payload
        self.waiting = collections.defaultdict(collections.deque)
        self.last = {}
        self.counts = {name: 0 for name in ITEM_NAMES.values()}
        for name in expectation_files:
            self.load(name)

    def load(self, name):
        with open(name, encoding="ascii") as lines:
            for sequence, line in enumerate(lines, 1):
                item = json.loads(line)
                producer = (name, item.pop("thread"))
                self.waiting[self.key(item)].append((producer, sequence))

    def key(self, item):
        text = json.dumps(item, sort_keys=True)
        return text if self.keep_nan_payload else forget_nan_payload(text)

    def take(self, item, where):
        key = self.key(item)
        if not self.waiting.get(key):
            raise Mismatch(f"{where}: {self.explain(json.loads(key))}")
        producer, sequence = self.waiting[key].popleft()
        if not self.waiting[key]:
            del self.waiting[key]
        self.check_order(item, producer, sequence, where)
        self.counts[item["signal"]] += 1

    def check_order(self, item, producer, sequence, where):
        names = ("signal", "resource", "resource_schema_url", "scope", "scope_schema_url")
        group = (producer, json.dumps([item[name] for name in names], sort_keys=True))
        if self.last.get(group, 0) > sequence:
            raise Mismatch(
                f"{where}: line {sequence} of {producer[0]} comes after line {self.last[group]}"
                " of the same thread, resource and scope"
            )
        self.last[group] = sequence

    def explain(self, item):
        """The nearest that was pushed and not seen yet, and how it differs."""
        for key, places in self.waiting.items():
            candidate = json.loads(key)
            if candidate["signal"] != item["signal"] or identity(candidate) != identity(item):
                continue
            path, expected, decoded = first_difference(candidate, item, item["signal"])
            producer, sequence = places[0]
            return (
                f"line {sequence} of {producer[0]} differs at {path}:\n"
                f"  pushed:  {json.dumps(expected)}\n  decoded: {json.dumps(decoded)}"
            )
        return f"never pushed, or once too often:\n  {json.dumps(item)[:2000]}"

    def finish(self):
        missing = sum(len(places) for places in self.waiting.values())
        if missing:
            key, places = next(iter(self.waiting.items()))
            producer, sequence = places[0]
            raise Mismatch(
                f"{missing} pushed items are not in the files, the first is"
                f" line {sequence} of {producer[0]}:\n  {key[:2000]}"
            )
        if not any(self.counts.values()):
            raise Mismatch("nothing was pushed, so nothing was compared")


def compare(output_dir, expectation_files, decode, keep_nan_payload):
    """decode(signal, file) gives the canonical object; returns an exit code."""
    try:
        comparison = Comparison(expectation_files, keep_nan_payload)
        files = 0
        for signal in SIGNALS:
            for file in sealed_files(output_dir, signal):
                files += 1
                data = decode(signal, file)
                for item in ITEMS[signal](data):
                    comparison.take(item, file)
        comparison.finish()
    except Mismatch as mismatch:
        print(f"FAIL: {mismatch}")
        return 1
    counts = ", ".join(f"{count} {name}s" for name, count in comparison.counts.items())
    print(f"{files} files: {counts} equal what was pushed")
    return 0
