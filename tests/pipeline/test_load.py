#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Many records: accepted = written, nothing twice, in order; what is dropped is counted."""
import json

import harness

PROCESSES, THREADS = 4, 2


def written_equals_accepted(pipe, result, found=None, in_order=False):
    """load's line against the files, and against verify's sums."""
    found = found or pipe.scan(in_order=in_order)
    for name in ("spans", "points"):
        harness.equal(found[name], result[name]["accepted"], f"{name} in the files")
    sums = pipe.verify()
    for name in ("spans", "points"):
        harness.equal(sums[name]["written_items"], result[name]["accepted"], f"verify's {name} written")
    return sums


def load_of_eight_threads_is_written(pipe, count, lanes):
    writer = pipe.writer(interval="1s")
    # --retry is the rate that the writer sustains, whatever this machine has time for.
    load = pipe.load(
        *("--processes", PROCESSES, "--threads", THREADS, "--count", count, "--retry", "--wait"),
        lanes=lanes,
    )
    load.wait()
    writer.stop()
    result = load.json()
    for name in ("spans", "points"):
        harness.equal(result[name], {"accepted": count, "dropped": 0}, name)
    written_equals_accepted(pipe, result, in_order=lanes == 1)


def a_million_spans_and_points_of_eight_threads_are_written_in_order(pipe):
    load_of_eight_threads_is_written(pipe, pipe.options["count"], lanes=1)


def spans_and_points_of_eight_threads_in_eight_lanes_are_written_once(pipe):
    load_of_eight_threads_is_written(pipe, pipe.options["count"] // 4, lanes=8)


def full_speed_into_small_rings_drops_and_counts_exactly(pipe):
    count = 4 * pipe.options["count"]
    writer = pipe.writer(interval="1s")
    load = pipe.load(
        *("--processes", PROCESSES, "--threads", THREADS, "--count", count),
        *("--span-ring-bytes", "16KiB", "--metric-ring-bytes", "16KiB"),
    )
    load.wait()
    writer.stop()
    result = load.json()
    for name in ("spans", "points"):
        harness.check(result[name]["dropped"] > 0, f"no {name} were dropped: {result}")
        harness.equal(sum(result[name].values()), count, f"{name} accepted and dropped")
    sums = written_equals_accepted(pipe, result)
    for name in ("spans", "points"):
        harness.equal(sums[name]["dropped_items"]["full"], result[name]["dropped"], f"dropped {name} in the ledger")


def a_64_kib_ring_does_not_wait_for_a_long_interval(pipe):
    """With an interval of an hour, all that is written before the stop is written because
    batches close early: else the first ring full would be the last."""
    writer = pipe.writer(interval="1h")
    load = pipe.load(
        *("--count", 20000, "--rate", 20000, "--retry"),
        *("--span-ring-bytes", "64KiB", "--metric-ring-bytes", "64KiB"),
    )
    load.wait()
    result = load.json()
    writer.stop()
    for name in ("spans", "points"):
        harness.equal(result[name], {"accepted": 20000, "dropped": 0}, name)
    written_equals_accepted(pipe, result)


def a_flood_of_one_signal_drops_nothing_of_the_other(pipe):
    writer = pipe.writer()
    flood = pipe.endless_load(
        *("--signal", "spans", "--threads", 2, "--span-ring-bytes", "4KiB"), service="flood"
    )
    points = pipe.load(
        *("--signal", "metrics", "--count", 5000, "--rate", 5000, "--retry"), service="points"
    )
    points.wait()
    flood.stop()
    writer.stop()
    found = pipe.scan()
    harness.equal(points.json()["points"]["accepted"], 5000, "points beside a flood of spans")
    harness.equal(found["services"]["points"]["points"], 5000, "points that were written")
    harness.equal(found["spans"], flood.json()["spans"]["accepted"], "spans of the flood")
    pipe.verify()


def steady_series_are_series_of_a_back_end(pipe):
    """What Prometheus keeps a series by: name and attributes, with a start and values that grow.
    Before, 16,305 points made 18,632 series."""
    writer = pipe.writer(interval="50ms")
    load = pipe.load(
        *("--signal", "metrics", "--series", 50, "--count", 6000, "--processes", 2, "--threads", 2),
        *("--retry", "--wait"),
    )
    load.wait()
    writer.stop()
    harness.equal(load.json()["points"], {"accepted": 6000, "dropped": 0}, "points")
    series, numbers = {}, set()
    for line in pipe.tool("cat", "--signal", "metrics", pipe.output).out.splitlines():
        for scope in json.loads(line)["resourceMetrics"][0]["scopeMetrics"]:
            for metric in scope["metrics"]:
                data = metric["sum"]
                harness.equal((data["aggregationTemporality"], data["isMonotonic"]), (2, True), "kind")
                for point in data["dataPoints"]:
                    key = metric["name"], json.dumps(point["attributes"], sort_keys=True)
                    series.setdefault(key, []).append(point)
                    (exemplar,) = point["exemplars"]
                    producer = point["attributes"][0]["value"]["intValue"]
                    numbers.add((producer, exemplar["filteredAttributes"][0]["value"]["intValue"]))
    harness.equal(len(series), 4 * 50, "series of four threads")
    harness.equal(len(numbers), 6000, "numbers of points, in the exemplars")
    for key, points in series.items():
        harness.equal(len({p["startTimeUnixNano"] for p in points}), 1, f"start times of {key}")
        points.sort(key=lambda p: int(p["timeUnixNano"]))
        values = [int(p["asInt"]) for p in points]
        harness.check(all(a < b for a, b in zip(values, values[1:])), f"{key} does not grow: {values}")
    pipe.verify()


if __name__ == "__main__":
    harness.run(
        [
            a_million_spans_and_points_of_eight_threads_are_written_in_order,
            spans_and_points_of_eight_threads_in_eight_lanes_are_written_once,
            full_speed_into_small_rings_drops_and_counts_exactly,
            a_64_kib_ring_does_not_wait_for_a_long_interval,
            a_flood_of_one_signal_drops_nothing_of_the_other,
            steady_series_are_series_of_a_back_end,
        ],
        count=1000000,
    )
