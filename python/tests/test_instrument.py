# SPDX-License-Identifier: Apache-2.0
"""The example as its script runs it: a web application under opentelemetry-instrument, its spans,
metrics and logs on disk."""
from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

from support import DIE_WITH_PARENT, LIMIT_SECONDS, TOOL, WRITER

ROOT = os.environ.get(
    "OTLPIPE_SOURCE_ROOT", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@unittest.skipUnless(shutil.which("curl"), "the example's script needs curl")
class InstrumentTest(unittest.TestCase):
    def test_the_example_needs_no_code_for_its_spans_metrics_and_logs(self) -> None:
        script = os.path.join(ROOT, "examples", "python", "run.sh")
        folders = [os.path.dirname(path) for path in (sys.executable, WRITER, TOOL)]
        with tempfile.TemporaryDirectory(prefix="otlpipe-test-", dir=os.getcwd()) as folder:
            done = subprocess.run(
                [*DIE_WITH_PARENT, script, str(free_port())],
                env={
                    **os.environ,
                    "TMPDIR": folder,
                    "PATH": os.pathsep.join([*folders, os.environ["PATH"]]),
                },
                capture_output=True,
                text=True,
                timeout=LIMIT_SECONDS,
            )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        lines = done.stdout.splitlines()
        for answer in ("200 /", "200 /price/apple", "404 /price/melon", "500 /broken"):
            self.assertIn(answer, lines, done.stderr)
        objects = [json.loads(line) for line in lines if line.startswith("{")]
        spans = [
            span
            for item in objects
            for resource in item.get("resourceSpans", ())
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        ]
        names = {span["name"] for span in spans}
        self.assertLessEqual({"GET /", "GET /price/<name>", "GET /broken"}, names)
        (broken,) = (span for span in spans if span["name"] == "GET /broken")
        self.assertEqual(broken["status"]["code"], 2)
        self.assertIn("exception", [event["name"] for event in broken["events"]])
        metrics = {
            metric["name"]
            for item in objects
            for resource in item.get("resourceMetrics", ())
            for scope in resource["scopeMetrics"]
            for metric in scope["metrics"]
        }
        self.assertIn("http.server.active_requests", metrics)
        self.assertIn('"stringValue":"shop"', done.stdout)
        records = [
            record
            for item in objects
            for resource in item.get("resourceLogs", ())
            for scope in resource["scopeLogs"]
            for record in scope["logRecords"]
        ]
        (failure,) = (
            record
            for record in records
            if record["body"] == {"stringValue": "Exception on /broken [GET]"}
        )
        self.assertEqual(failure["severityNumber"], 17)
        self.assertEqual(failure["severityText"], "ERROR")
        values = {item["key"]: item["value"] for item in failure["attributes"]}
        self.assertEqual(values["exception.type"], {"stringValue": "RuntimeError"})
        self.assertEqual(values["exception.message"], {"stringValue": "the till is empty"})
        self.assertEqual(failure["traceId"], broken["traceId"])
        self.assertEqual(failure["spanId"], broken["spanId"])


if __name__ == "__main__":
    unittest.main()
