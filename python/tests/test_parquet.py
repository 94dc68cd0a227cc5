# SPDX-License-Identifier: Apache-2.0
"""Stored telemetry as Arrow tables and Parquet files, by real pyarrow and DuckDB: what was pushed."""
from __future__ import annotations

import collections
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

import pyarrow
import pyarrow.parquet
from support import TOOL, Pipeline, pipeline

from otlpipe import parquet

COUNT = 1200
README = pathlib.Path(os.environ["OTLPIPE_SOURCE_ROOT"], "README.md")
KINDS = {
    "gauge": "gauge",
    "sum": "sum",
    "histogram": "histogram",
    "exponentialHistogram": "exp_histogram",
    "summary": "summary",
}


def load(made: Pipeline, service: str = "shop") -> None:
    command = [TOOL, "load", "--dir", made.directory, "--signal", "all", "--retry", "--wait"]
    environment = {**os.environ, "OTEL_SERVICE_NAME": service}
    subprocess.run([*command, "--count", str(COUNT)], check=True, env=environment, capture_output=True)


def records(made: Pipeline, signal: str, key: str, inner: str) -> list[dict]:
    return [
        record
        for line in made.json(signal)
        for resource in line[f"resource{key}"]
        for scope in resource[f"scope{key}"]
        for record in scope[inner]
    ]


def plain(value: dict) -> object:
    (kind, found), *_ = value.items()
    if kind == "intValue":
        return int(found)
    if kind == "arrayValue":
        return [plain(one) for one in found.get("values", [])]
    if kind == "kvlistValue":
        return attributes(found.get("values", []))
    return found


def attributes(pairs: list[dict]) -> dict:
    return {pair["key"]: plain(pair["value"]) for pair in pairs}


def text(pairs: list[dict]) -> str | None:
    return json.dumps(attributes(pairs), sort_keys=True) if pairs else None


def same(found: str | None) -> str | None:
    return None if found is None else json.dumps(json.loads(found), sort_keys=True)


class Parquet(unittest.TestCase):
    def test_spans_are_rows_with_all_of_their_columns(self):
        with pipeline() as made:
            load(made)
            made.stop_writer()
            spans = records(made, "traces", "Spans", "spans")
            table = parquet.read([made.output], tool=TOOL)
        self.assertEqual(table.num_rows, COUNT)
        self.assertEqual(table.schema.field("start_time_unix_nano").type, pyarrow.timestamp("ns"))
        columns = {
            "start_time_unix_nano": (lambda s: int(s["startTimeUnixNano"]), pyarrow.int64()),
            "duration_time_unix_nano": (
                lambda s: int(s["endTimeUnixNano"]) - int(s["startTimeUnixNano"]), pyarrow.int64()
            ),
            "trace_id": (lambda s: bytes.fromhex(s["traceId"]), None),
            "span_id": (lambda s: bytes.fromhex(s["spanId"]), None),
            "parent_span_id": (lambda s: bytes.fromhex(s.get("parentSpanId", "")) or None, None),
            "name": (lambda s: s["name"], None),
            "service_name": (lambda s: "shop", None),
            "scope_name": (lambda s: "otlpipe.load", None),
            "kind": (lambda s: s["kind"], None),
            "status_code": (lambda s: s["status"].get("code", 0) if "status" in s else None, None),
            "status_status_message": (lambda s: s.get("status", {}).get("message"), None),
            "flags": (lambda s: s["flags"], None),
            "dropped_links_count": (lambda s: s.get("droppedLinksCount", 0), None),
        }  # fmt: skip
        for name, (expected, kind) in columns.items():
            with self.subTest(name):
                column = table[name] if kind is None else table[name].cast(kind)
                self.assertEqual(column.to_pylist(), [expected(span) for span in spans])
        found = [same(one) for one in table["span_attributes"].to_pylist()]
        self.assertEqual(found, [text(span.get("attributes", [])) for span in spans])
        for name, key in (("events_json", "events"), ("links_json", "links")):
            expected = [span.get(key) for span in spans]
            self.assertTrue(any(expected))
            for one, many in zip(table[name].to_pylist(), expected):
                parsed = [] if one is None else json.loads(one)
                self.assertEqual(
                    [entry["attributes"] for entry in parsed],
                    [attributes(entry.get("attributes", [])) for entry in many or []],
                )

    def test_logs_and_each_kind_of_metric_have_tables(self):
        with pipeline() as made:
            load(made)
            made.stop_writer()
            logs = parquet.read([made.output], "logs", tool=TOOL)
            expected = records(made, "logs", "Logs", "logRecords")
            self.assertEqual(
                logs["severity_number"].to_pylist(), [one["severityNumber"] for one in expected]
            )
            bodies = [
                plain(one["body"]) if "stringValue" in one["body"] else None for one in expected
            ]
            for found, body in zip(logs["body"].to_pylist(), bodies):
                self.assertTrue(found.startswith(("[", "{")) if body is None else found == body)
            metrics = records(made, "metrics", "Metrics", "metrics")
            for kind, name in KINDS.items():
                points = [
                    (one["name"], point) for one in metrics if kind in one for point in one[kind]["dataPoints"]
                ]  # fmt: skip
                table = parquet.read([made.output], name, tool=TOOL)
                with self.subTest(name):
                    self.assertGreater(len(points), 0)
                    self.assertEqual(table["name"].to_pylist(), [one for one, _ in points])
                    self.check_points(kind, table, [point for _, point in points])

    def check_points(self, kind: str, table: pyarrow.Table, points: list[dict]) -> None:
        if kind in ("gauge", "sum"):
            expected = [point.get("asDouble", int(point.get("asInt", 0))) for point in points]
            found = zip(table["int_value"].to_pylist(), table["double_value"].to_pylist())
            self.assertEqual([a if a is not None else b for a, b in found], expected)
            return
        self.assertEqual(table["count"].to_pylist(), [int(one.get("count", 0)) for one in points])
        lists = {"histogram": "bucket_counts", "exponentialHistogram": "positive_bucket_counts"}
        if kind == "summary":
            expected = [[one.get("value", 0) for one in point["quantileValues"]] for point in points]
            self.assertEqual(table["quantile_values"].to_pylist(), expected)
            return
        found = table[lists[kind]].to_pylist()
        where = [point if kind == "histogram" else point.get("positive", {}) for point in points]
        self.assertEqual(found, [[int(n) for n in one.get("bucketCounts", [])] for one in where])

    def test_a_file_comes_whole_and_damage_is_told(self):
        with pipeline() as made:
            load(made)
            made.stop_writer()
            (name,) = made.files("traces")
            output = os.path.join(os.path.dirname(made.output), "spans.parquet")
            self.assertEqual(parquet.write([made.output], output, tool=TOOL), COUNT)
            self.assertEqual(pyarrow.parquet.read_metadata(output).num_rows, COUNT)
            with open(name, "r+b") as file:
                file.truncate(os.path.getsize(name) // 2 - 1)
            with self.assertRaisesRegex(parquet.ToolError, "offset"):
                parquet.write([made.output], output, tool=TOOL)
            self.assertLess(pyarrow.parquet.read_metadata(output).num_rows, COUNT)
            for wrong in ({"tool": "/nowhere/otlpipe"}, {"tool": "/bin/false"}):
                os.unlink(output) if os.path.exists(output) else None
                with self.assertRaises(parquet.ToolError):
                    parquet.write([made.output], output, **wrong)
                folder = os.path.dirname(output)
                self.assertEqual([one for one in os.listdir(folder) if "parquet" in one], [])
            with self.assertRaises(ValueError):
                parquet.read([made.output], "colours", tool=TOOL)

    def test_the_commands_for_duckdb_do_what_the_readme_says(self):
        section = README.read_text(encoding="utf-8").split("### With DuckDB\n", 1)[1]
        script = re.search(r"^```sh\n(.*?)^```", section, re.S | re.M)[1]
        with pipeline() as made:
            load(made)
            load(made, "bank")
            made.stop_writer()
            folder = os.path.dirname(made.output)
            os.rename(made.output, os.path.join(folder, "otlpipe-data"))
            made.output = os.path.join(folder, "otlpipe-data")
            calls = collections.Counter(one["name"] for one in records(made, "traces", "Spans", "spans"))
            binaries = os.path.join(folder, "bin")
            os.mkdir(binaries)
            os.symlink(shutil.which(TOOL) or TOOL, os.path.join(binaries, "otlpipe"))
            path = os.pathsep.join([binaries, os.path.dirname(sys.executable), os.environ["PATH"]])
            environment = {**os.environ, "PATH": path}
            environment.pop("OTLPIPE_TOOL")
            done = subprocess.run(
                ["bash", "-euc", script], cwd=folder, env=environment, capture_output=True, text=True
            )
            self.assertEqual(done.returncode, 0, done.stderr)
        for service in ("shop", "bank"):
            found = re.findall(rf"│ {service} +│ (.+?) +│ +(\d+) │", done.stdout)
            self.assertEqual(sum(int(number) for _, number in found), COUNT, done.stdout)
        counted = collections.Counter()
        for name, number in re.findall(r"│ (?:shop|bank) +│ (.+?) +│ +(\d+) │", done.stdout):
            counted[name] += int(number)
        self.assertEqual(counted, calls)


if __name__ == "__main__":
    unittest.main()
