#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The writer's metrics about itself in its own output, and that all who give figures agree: after
producers and a writer were killed and rings ran over, stat, top, Prometheus, these metrics and verify
say the same."""
import json
import os
import random
import re
import signal

import harness
from test_prometheus import parsed, same_as_json, stat_of, text_of

OWN = "otlpipe-writer"
EXPORTED = {
    "traces": "otel.sdk.exporter.span.exported",
    "metrics": "otel.sdk.exporter.metric_data_point.exported",
    "logs": "otel.sdk.exporter.log.exported",
}
INFLIGHT = {name: metric.replace(".exported", ".inflight") for name, metric in EXPORTED.items()}
ON = {"OTLPIPE_SELF_METRICS": "1s"}
POINTS = 21  # of a report
COUNTS = ("written_items", "invalid_items", "lost_items", "torn_bytes", "batches")
REASONS = {"queue_full": "full", "too_large": "too_large", "invalid": "invalid"}
SMALL = ("--span-ring-bytes", "16KiB", "--metric-ring-bytes", "16KiB")


def own_points(pipe):
    """[(metric, attributes, value, start)] of the writer's own resource, in the order of the files."""
    if not any(name == "metrics" for name, _ in pipe.files()):
        return []
    lines = pipe.tool("cat", "--signal", "metrics", "--service", OWN, pipe.output).out.splitlines()
    found = []
    for line in lines:
        for resource in json.loads(line)["resourceMetrics"]:
            for scope in resource["scopeMetrics"]:
                for metric in scope["metrics"]:
                    is_counter = metric["name"] not in INFLIGHT.values()
                    harness.equal(metric["sum"].get("isMonotonic", False), is_counter, metric)
                    for point in metric["sum"]["dataPoints"]:
                        attributes = {a["key"]: a["value"]["stringValue"] for a in point["attributes"]}
                        start = int(point["startTimeUnixNano"])
                        found.append((metric["name"], attributes, int(point.get("asInt", 0)), start))
    return found


def latest(points):
    """(name, error, signal) -> value of the last report of the last writer."""
    last = max((start for *_, start in points), default=0)
    return {
        (name, attributes.get("error.type"), attributes.get("otlpipe.signal")): value
        for name, attributes, value, start in points
        if start == last
    }


def reports_of(points):
    return sum(name == EXPORTED["traces"] and "error.type" not in a for name, a, *_ in points)


def what_changed_is_reported_and_an_idle_writer_says_nothing(pipe):
    writer = pipe.writer(environment=ON)
    pipe.load("--count", 300, "--signal", "all").wait()

    def all_reported():
        """Of the last report as a whole: its points may come in two batches."""
        points = own_points(pipe)
        found = latest(points)
        each = all(found.get((EXPORTED[name], None, None)) == 300 for name in ("traces", "logs"))
        return points if each and len(points) == POINTS * reports_of(points) else None

    points = harness.wait_for(all_reported, "the spans and logs are reported")
    for _, attributes, *_ in points:
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


def drops_of(page):
    return {reason: page[f"dropped_{reason}_items"] for reason in REASONS.values()}


def differences(reported, stat, files):
    """What one of them says otherwise, in a list. files: what a writer has written, by signal."""
    found = []

    def compare(what, one, other):
        if one != other:
            found.append((what, one, other))

    for name, written in files.items():
        page = stat["writer"]["signals"][name]
        for field in COUNTS:
            compare(f"{name} {field}: stat, verify", page[field], written[field])
        compare(f"{name} dropped: stat, verify", drops_of(page), written["dropped_items"])
        # What a report cannot count: its own points.
        others = written["written_items"] - (POINTS if name == "metrics" else 0)
        compare(f"{name} written: report, verify", reported.get((EXPORTED[name], None, None)), others)
        for error, field in (("rejected", "invalid_items"), ("io_error", "lost_items")):
            value = reported.get((EXPORTED[name], error, None))
            compare(f"{name} {error}: report, verify", value, written[field])
        for error, reason in REASONS.items():
            value = reported.get(("otlpipe.producer.dropped", error, name))
            compare(f"{name} dropped {error}: report, verify", value, written["dropped_items"][reason])
        inflight = reported.get((INFLIGHT[name], None, None))
        # The points of the report before may be on their way when the last one is made.
        if inflight != 0 and (name, inflight) != ("metrics", POINTS):
            found.append((f"{name} in flight", inflight, 0))
    return found


def shown(number, step, units):
    """As `otlpipe top` shows a number: three digits and a unit."""
    unit = 0
    while number >= (step - 0.5 if unit == 0 else 999.5):
        number /= step
        unit += 1
    text = f"{number:.1f}" if unit > 0 and number < 9.95 else f"{number:.0f}"
    return text + units[unit].strip()


def same_on_top(pipe, stat):
    """Each number of the page that does not depend on when it looks."""
    page = pipe.tool("top", "--batch", "--count", 1, "--interval", "100ms", "--dir", pipe.runtime).out
    lines = {words[0]: words[1:] for words in map(str.split, page.splitlines()) if words}
    totals = {reason: shown(count, 1000, " kMG") for reason, count in drops_of(stat["totals"]).items()}
    wanted = f"full {totals['full']} invalid {totals['invalid']} too large {totals['too_large']} without"
    harness.check(" ".join(lines["dropped"]).startswith(wanted), f"{wanted}: {page}")
    for name, signal_of in stat["writer"]["signals"].items():
        bad = [shown(signal_of[field], 1000, " kMG") for field in ("invalid_items", "lost_items", "errors")]
        harness.equal(lines[name][-3:], bad, f"invalid, lost and errors of {name}")
    files = stat["disk"]["signals"].values()
    size = shown(sum(each["bytes"] for each in files), 1024, " KMG")
    count, opened = (sum(each[field] for each in files) for field in ("files", "open_files"))
    harness.check(f"left, {count} files ({opened} open), {size}  " in page, f"{count}, {opened}, {size}: {page}")
    harness.check(f"in {len(stat['regions'])} regions" in page, page)
    for region in stat["regions"]:
        full = sum(ring["dropped_full_items"] for ring in region["rings"])
        row = next(line for line in page.splitlines() if re.match(rf" *{region['pid']} ", line))
        harness.check(full == 0 or f" {shown(full, 1000, ' kMG')} full" in row, f"{full}: {row}")


def all_say_the_same_on_stat_top_and_prometheus(pipe):
    found = stat_of(pipe)
    same_on_top(pipe, found)
    return same_as_json(parsed(text_of(pipe)), found)


def files_of(pipe):
    """What is in the files, by signal."""
    found = pipe.tool("verify", "--json", pipe.output, expected=None).json()["signals"]
    return {name: {"dropped_items": found[name]["dropped_items"], **{f: found[name][f] for f in COUNTS}} for name in found}


def minus(later, earlier):
    if isinstance(later, dict):
        return {key: minus(value, earlier[key]) for key, value in later.items()}
    return later - earlier


def killed_producers(pipe, rounds):
    for _ in range(rounds):
        load = pipe.endless_load("--signal", "all", *SMALL, processes=2)
        harness.nap(random.uniform(0.05, 0.3))
        for pid in load.workers:
            os.kill(pid, signal.SIGKILL)
        load.wait(None)


def all_figures_agree_after_a_torture(pipe):
    """Rings that run over, producers that are killed in the middle of a push: one writer sees all of it."""
    writer = pipe.writer(environment=ON)
    killed_producers(pipe, 6)
    pipe.load("--count", 2000, *SMALL).wait()
    harness.wait_for(lambda: not pipe.regions(), "all is drained, and nothing of the writer's own is there")
    harness.wait_for(
        lambda: not differences(latest(own_points(pipe)), stat_of(pipe), files_of(pipe)),
        "the last report has all, and all others say the same",
    )
    writer.stop()
    pipe.verify()
    found = files_of(pipe)
    harness.equal(all_say_the_same_on_stat_top_and_prometheus(pipe), 0, "rings that are left")
    harness.equal(differences(latest(own_points(pipe)), stat_of(pipe), found), [], "differences")
    harness.check(found["traces"]["dropped_items"]["full"] > 0, "nothing was dropped: the test shows little")


def all_figures_agree_over_a_writer_that_was_killed(pipe):
    """A writer's figures are those of what it has written and given back. What it has written only is in
    the files, and nobody's: the next one finds it there. Drops are of all producers that a writer has
    seen, since they began: of the one that sees both writers, both have them."""
    writer = pipe.writer(environment=ON)
    killed_producers(pipe, 2)
    harness.wait_for(lambda: not pipe.regions(), "all of those is drained")
    ended = files_of(pipe)
    over_both = pipe.endless_load("--signal", "all", *SMALL)
    harness.wait_for(lambda: reports_of(own_points(pipe)) > 0, "a report")
    writer.kill()
    first, in_files = stat_of(pipe)["writer"]["signals"], files_of(pipe)
    killed_producers(pipe, 2)
    for name, written in in_files.items():
        for field in COUNTS:
            harness.check(first[name][field] <= written[field], f"{name} {field}: {first[name]}, {written}")
    over_both.stop()
    # Nobody drains, so all who look see the same rings, with what was dropped.
    harness.check(all_say_the_same_on_stat_top_and_prometheus(pipe) >= 6, "so few rings")
    reports = reports_of(own_points(pipe))
    writer = pipe.writer(environment=ON)
    killed_producers(pipe, 2)
    harness.wait_for(lambda: not pipe.regions(), "all is drained, and nothing of the writer's own is there")

    def own_files():
        now = files_of(pipe)
        dropped = {name: minus(now[name]["dropped_items"], ended[name]["dropped_items"]) for name in now}
        return {name: {**minus(now[name], in_files[name]), "dropped_items": dropped[name]} for name in now}

    harness.wait_for(
        lambda: reports_of(own_points(pipe)) > reports
        and not differences(latest(own_points(pipe)), stat_of(pipe), own_files()),
        "the last report has all of the second writer, and all others say the same",
    )
    writer.stop()
    pipe.verify()
    harness.equal(all_say_the_same_on_stat_top_and_prometheus(pipe), 0, "rings that are left")
    harness.equal(differences(latest(own_points(pipe)), stat_of(pipe), own_files()), [], "differences")
    harness.equal(len({start for *_, start in own_points(pipe)}), 2, "writers that report")


if __name__ == "__main__":
    harness.run(
        [
            what_changed_is_reported_and_an_idle_writer_says_nothing,
            off_is_off,
            all_figures_agree_after_a_torture,
            all_figures_agree_over_a_writer_that_was_killed,
        ]
    )
