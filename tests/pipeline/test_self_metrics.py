#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The writer's metrics about itself in its own output, and that all who give figures agree: after
producers were killed and rings ran over, stat, Prometheus, these metrics and verify say the same."""
import json
import os
import random
import signal

import harness
from test_prometheus import parsed, same_as_json, stat_of, text_of

OWN = "otlpipe-writer"
EXPORTED = {
    "traces": "otel.sdk.exporter.span.exported",
    "metrics": "otel.sdk.exporter.metric_data_point.exported",
    "logs": "otel.sdk.exporter.log.exported",
}
ON = {"OTLPIPE_SELF_METRICS": "1s"}


def own_points(pipe):
    """[(metric, attributes, value)] of the writer's own resource, in the order of the files."""
    if not any(name == "metrics" for name, _ in pipe.files()):
        return []
    lines = pipe.tool("cat", "--signal", "metrics", "--service", OWN, pipe.output).out.splitlines()
    found = []
    for line in lines:
        for resource in json.loads(line)["resourceMetrics"]:
            for scope in resource["scopeMetrics"]:
                for metric in scope["metrics"]:
                    harness.check(metric["sum"]["isMonotonic"], metric)
                    for point in metric["sum"]["dataPoints"]:
                        attributes = {a["key"]: a["value"]["stringValue"] for a in point["attributes"]}
                        found.append((metric["name"], attributes, int(point.get("asInt", 0))))
    return found


def latest(points):
    """(name, error, signal) -> value of the last report."""
    return {(n, a.get("error.type"), a.get("otlpipe.signal")): value for n, a, value in points}


def reports_of(points):
    return sum(name == EXPORTED["traces"] and "error.type" not in a for name, a, _ in points)


def what_changed_is_reported_and_an_idle_writer_says_nothing(pipe):
    writer = pipe.writer(environment=ON)
    pipe.load("--count", 300, "--signal", "all").wait()

    def all_reported():
        """Of the last report as a whole: its points may come in two batches."""
        points = own_points(pipe)
        found = latest(points)
        each = all(found.get((EXPORTED[name], None, None)) == 300 for name in ("traces", "logs"))
        return points if each and len(points) == 18 * reports_of(points) else None

    points = harness.wait_for(all_reported, "the spans and logs are reported")
    for _, attributes, _ in points:
        harness.equal(attributes["otel.component.type"], "otlpipe_writer", "otel.component.type")
        harness.equal(attributes["otel.component.name"], "otlpipe_writer/0", "otel.component.name")

    # Its own points are no change. The rest of a change may need one report more.
    def quiet():
        before = reports_of(own_points(pipe))
        harness.nap(2.5)
        return reports_of(own_points(pipe)) == before

    harness.wait_for(quiet, "an idle writer has nothing to say")
    before = reports_of(own_points(pipe))
    pipe.load("--count", 10).wait()
    harness.wait_for(lambda: reports_of(own_points(pipe)) > before, "a new report")
    writer.stop()
    pipe.verify()
    harness.equal(pipe.regions(), [], "regions of its own")


def off_is_off(pipe):
    writer = pipe.writer("--self-metrics", "0", environment=ON)
    load = pipe.endless_load("--rate", 500)
    harness.wait_for(lambda: stat_of(pipe)["writer"]["signals"]["traces"]["written_items"] > 1000, "records")
    load.stop()
    writer.stop()
    harness.equal(own_points(pipe), [], "points of its own")
    for wrong in ("1ms", "x", "-1s"):
        pipe.run("otlpipe-writer", "--self-metrics", wrong, expected=2, cwd=pipe.scratch)


def differences(reported, stat, verified):
    """What one of them says otherwise: (what, one, the other)."""
    found = []

    def compare(what, one, other):
        if one != other:
            found.append((what, one, other))

    for name in ("traces", "metrics", "logs"):
        page, files = stat["writer"]["signals"][name], verified["signals"][name]
        for field in ("written_items", "invalid_items", "lost_items", "torn_bytes", "batches"):
            compare(f"{name} {field}: stat, verify", page[field], files[field])
        for reason, dropped in files["dropped_items"].items():
            compare(f"{name} dropped {reason}: stat, verify", page[f"dropped_{reason}_items"], dropped)
        # What a report cannot count: its own points.
        written = files["written_items"] - (18 if name == "metrics" else 0)
        compare(f"{name} written: report, verify", reported.get((EXPORTED[name], None, None)), written)
        for error, field in (("rejected", "invalid_items"), ("io_error", "lost_items")):
            value = reported.get((EXPORTED[name], error, None))
            compare(f"{name} {error}: report, verify", value, files[field])
        for error, reason in (("queue_full", "full"), ("too_large", "too_large"), ("invalid", "invalid")):
            value = reported.get(("otlpipe.producer.dropped", error, name))
            compare(f"{name} dropped {error}: report, verify", value, files["dropped_items"][reason])
    return found


def all_figures_agree_after_a_torture(pipe):
    """Rings that run over, producers that are killed in the middle of a push: one writer sees all of it."""
    writer = pipe.writer(environment=ON)
    small = ("--span-ring-bytes", "16KiB", "--metric-ring-bytes", "16KiB")
    for _ in range(6):
        load = pipe.endless_load("--signal", "all", *small, processes=2)
        harness.nap(random.uniform(0.05, 0.3))
        for pid in load.workers:
            os.kill(pid, signal.SIGKILL)
        load.wait(None)
    pipe.load("--count", 2000, *small).wait()
    harness.wait_for(lambda: not pipe.regions(), "all is drained, and nothing of the writer's own is there")

    def settled():
        verified = pipe.tool("verify", "--json", pipe.output, "--dir", pipe.runtime, expected=None).json()
        return not differences(latest(own_points(pipe)), stat_of(pipe), verified)

    harness.wait_for(settled, "the last report has all, and all others say the same")
    writer.stop()
    final, verified = stat_of(pipe), pipe.verify()
    harness.equal(same_as_json(parsed(text_of(pipe)), final), 0, "rings that are left")
    harness.equal(differences(latest(own_points(pipe)), final, verified), [], "differences")
    shown = verified["signals"]["traces"]["dropped_items"]["full"]
    harness.check(shown > 0, "nothing was dropped: the test shows little")


if __name__ == "__main__":
    harness.run(
        [
            what_changed_is_reported_and_an_idle_writer_says_nothing,
            off_is_off,
            all_figures_agree_after_a_torture,
        ]
    )
