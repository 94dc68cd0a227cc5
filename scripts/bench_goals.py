# SPDX-License-Identifier: Apache-2.0
"""The goals, what was measured for each, and the verdict."""

import re

from bench_run import median_of


def ns(value):
    return f"{value:.1f} ns" if value < 100 else f"{value:.0f} ns"


def rate(value):
    return f"{value / 1e6:.2f} M/s"


def times(value):
    return f"{value:.1f} ×" if value >= 1 else f"{value:.2f} ×"


class Goals:
    """One row each: what, goal, measured, verdict."""

    def __init__(self, results):
        self.results = results
        self.rows = []

    def get(self, *path):
        return median_of(self.results, *path)

    def micro(self, name):
        return self.get("micro", name)

    def at_most(self, what, goal, measured, limit, show, note=""):
        if measured is None or limit is None:
            return self.missing(what, goal)
        by = "" if measured <= limit else f", by {measured / limit:.2f} ×" if limit else ""
        self.add(what, goal.format(limit=show(limit)), show(measured) + note, measured <= limit, by)

    def at_least(self, what, goal, measured, limit, show, note=""):
        if measured is None or limit is None:
            return self.missing(what, goal)
        by = "" if measured >= limit else f", reaches {measured / limit:.0%}"
        self.add(what, goal.format(limit=show(limit)), show(measured) + note, measured >= limit, by)

    def add(self, what, goal, measured, reached, by):
        self.row(what, goal, measured, reached, "yes" if reached else "no" + by)

    def missing(self, what, goal):
        self.row(what, re.sub(r" ?\(?\{limit\}\)?", "", goal), "-", None, "not measured")

    def beside(self, what, measured, show):
        """No goal: to be compared with."""
        if measured is not None:
            self.row(what, "(no goal)", show(measured), None, "")

    def row(self, what, goal, measured, reached, verdict):
        self.rows.append(
            {
                "what": what,
                "goal": goal,
                "measured": measured,
                "reached": reached,
                "verdict": verdict,
            }
        )

    def ratio(self, of, to):
        return of / to if of is not None and to else None


def push_goals(goals):
    copy = goals.micro("memcpy/S")
    goals.at_most(
        "push S, uncontended, ring warm",
        "≤ 2.5 × memcpy + 15 ns ({limit})",
        goals.micro("push/S"),
        2.5 * copy + 15 if copy else None,
        ns,
    )
    push, shaped = goals.micro("push/S"), goals.micro("push_shaped/S")
    goals.at_most(
        "push S with a registered shape",
        "≤ 2/3 of push S ({limit})",
        shaped,
        push * 2 / 3 if push else None,
        ns,
    )
    goals.at_most(
        "push S, p99.9, writer at work", "≤ {limit}", goals.get("latency", "p99.9"), 1000, ns
    )
    goals.beside(
        "a loop as long that reads the clock, p99.9", goals.get("latency", "spin_p99.9"), ns
    )
    goals.beside("the ring alone: claim, copy, commit of ready bytes, S", goals.micro("ring/S"), ns)
    goals.at_most("push S0 with its scope, hot", "≤ {limit}", goals.micro("push/S0"), 20, ns)
    goals.beside("the ring alone, S0", goals.micro("ring/S0"), ns)
    goals.at_most("push a log with 4 attributes", "≤ {limit}", goals.micro("push/L"), 40, ns)
    goals.at_most("the same with a registered shape", "≤ {limit}", goals.micro("push_shaped/L"), 40, ns)
    for record, limit in (("S0", 30), ("S", 110)):
        goals.at_most(
            f"push {record}, cold, in a burst after 50 ms",
            "≤ {limit}",
            goals.get("cold", record, "burst_50ms"),
            limit,
            ns,
        )
        goals.beside(
            f"memcpy of as many bytes as {record}, cold, in a burst after 50 ms",
            goals.get("cold", f"memcpy/{record}", "burst_50ms"),
            ns,
        )


def threads_goals(goals):
    for record in ("S0", "S"):
        one, two, eight = (goals.micro(f"threads/{record}/{n}") for n in (1, 2, 8))
        for count, time_of, limit in ((2, two, 1.7), (8, eight, 1.5)):
            goals.at_least(
                f"push {record}, {count} threads : 1 thread",
                "≥ {limit}",
                goals.ratio(one, time_of),
                limit,
                times,
            )
        goals.at_least(
            f"push {record}, 8 threads : 2 threads",
            "≥ {limit}",
            goals.ratio(two, eight),
            0.8,
            times,
        )
        for count in (2, 8):
            each = goals.micro(f"threads_each/{record}/{count}")
            goals.beside(
                f"push {record}, {count} threads : the same with a ring each",
                goals.ratio(each, goals.micro(f"threads/{record}/{count}")),
                times,
            )


def encode_goals(goals):
    encode = goals.micro("encode/S")
    goals.at_least(
        "encode S : protobuf-c",
        "≥ {limit} faster",
        goals.ratio(goals.micro("protobuf_c/S"), encode),
        15,
        times,
    )
    copy = goals.micro("memcpy_output/S")
    limit = 4 * copy if copy else None
    goals.at_most("encode S : memcpy of the output", "≤ 4 × ({limit})", encode, limit, ns)
    goals.at_least(
        "encode M, a point : protobuf-c",
        "≥ {limit} faster",
        goals.ratio(goals.micro("protobuf_c/M_point"), goals.micro("encode/M_point")),
        12,
        times,
    )


def pipeline_goals(goals):
    case = "S_ring_64MiB"
    disk = goals.get("end_to_end", "disk_uring_direct", "bytes_per_second")
    size = goals.get("end_to_end", case, "disk_bytes_per_span")
    limit = min(4e6, 0.9 * disk / size) if disk and size else None
    goals.at_least(
        "end to end S, ring of 64 MiB",
        "≥ {limit} (4 M/s, or 0.9 of the disk's limit)",
        goals.get("end_to_end", case, "spans_per_second"),
        limit,
        rate,
    )
    goals.beside(
        "end to end S, default ring", goals.get("end_to_end", "S_ring_default", "spans_per_second"), rate
    )
    encode, raw = goals.micro("encode/S"), goals.get(
        "end_to_end", "disk_uring_direct", "cpu_seconds_per_gib"
    )
    floor = 1.5 * encode * 1e-3 + raw * size * 1e6 / 2**30 if encode and raw and size else None
    seconds = goals.get("end_to_end", case, "writer_cpu_seconds_per_million")
    goals.at_most(
        "writer's CPU, a million S", "≤ {limit}", seconds, 0.18, lambda value: f"{value:.3f} s"
    )
    goals.at_most(
        "the same, by its parts",
        "≤ 1.5 × encode + raw writer ({limit})",
        seconds,
        floor,
        lambda value: f"{value:.3f} s",
    )
    # A run whose writer did not write what was accepted ends the bench, so it is none or nothing.
    goals.beside(
        "records lost or doubled in these runs; the torture and kill suites are of `make test`",
        None if seconds is None else 0,
        str,
    )


def lttng_goals(goals):
    for suffix, text, hot in (("", "1 thread", 4), ("/2", "2 threads", 1)):
        push = goals.micro("push_writer/128" + suffix)
        goals.at_least(
            f"LTTng-UST, {text}, in hot bursts : push, 128 B",
            "≥ {limit} cheaper",
            goals.ratio(goals.get("peers", "lttng_ust/128" + suffix), push),
            hot,
            times,
        )
        goals.at_least(
            f"LTTng-UST, {text}, sustained : push, 128 B",
            "≥ {limit} cheaper",
            goals.ratio(goals.get("peers", "lttng_sustained/128" + suffix, "ns"), push),
            4,
            times,
        )
        for schedule, when in (
            ("burst_50ms", "in a burst after 50 ms"),
            ("every_10us", "one each 10 µs"),
            ("every_1ms", "one each 1 ms"),
        ):
            if suffix and schedule != "burst_50ms":
                continue
            goals.at_least(
                f"LTTng-UST, {text}, cold, {when} : push, 128 B",
                "≥ {limit} cheaper",
                goals.ratio(
                    goals.get("cold", "lttng_ust/128" + suffix, schedule),
                    goals.get("cold", "128" + suffix, schedule),
                ),
                1,
                times,
            )


def peer_goals(goals):
    push = goals.micro("push_writer/128")
    goals.at_least(
        "records to disk, 128 B",
        "≥ LTTng-UST's {limit}",
        goals.get("end_to_end", "128_ring_64MiB", "spans_per_second"),
        goals.get("peers", "lttng_sustained/128", "events_per_second"),
        rate,
    )
    goals.at_least(
        "spdlog, asynchronous : push, 128 B",
        "≥ {limit} cheaper",
        goals.ratio(goals.get("peers", "spdlog_async/128"), push),
        10,
        times,
    )
    goals.at_least(
        "spdlog, asynchronous : push, a log with 4 attributes",
        "≥ {limit} cheaper",
        goals.ratio(goals.get("peers", "spdlog_async/L"), goals.micro("push/L")),
        8,
        times,
    )
    goals.at_least(
        "spdlog, asynchronous : the same with a shape",
        "≥ {limit} cheaper",
        goals.ratio(goals.get("peers", "spdlog_async/L"), goals.micro("push_shaped/L")),
        8,
        times,
    )


def idle_goals(goals):
    def share(value):
        return f"{value * 100:.2g} %"

    def calls(value):
        return f"{value:.0f}"

    traced = goals.get("idle", "traced_producers") or "many"
    for name, title in (("calls_alone", "no"), ("calls_with_producers", traced)):
        goals.at_most(
            f"writer idle, {title} producers",
            "{limit} system calls a minute",
            goals.get("idle", name),
            0,
            calls,
        )
    deep = lambda value: f"{value / 1000:.1f} µs"
    goals.beside("the first push after a deep sleep", goals.get("deep", "push_ns"), deep)
    goals.beside("until its record is in the file", goals.get("deep", "written_ns"), deep)

    goals.at_most(
        "writer idle, no producer",
        "< {limit} of a core",
        goals.get("idle", "writer_alone"),
        0.001,
        share,
    )
    count = goals.get("idle", "producers") or "some"
    goals.at_most(
        f"writer idle, {count} idle producers",
        "< {limit} of a core",
        goals.get("idle", "writer_with_producers"),
        0.001,
        share,
    )
    goals.at_most(
        f"{count} idle producers",
        "nothing",
        goals.get("idle", "producers_cpu_seconds"),
        0.001,
        lambda value: f"{value:.6f} s",
    )
    goals.at_least(
        "256 processes, 1 % active : one ring",
        "≥ {limit}",
        goals.ratio(
            goals.get("many", "many_rings", "spans_per_second"),
            goals.get("many", "one_ring", "spans_per_second"),
        ),
        0.9,
        times,
    )


def goals_of(results):
    goals = Goals(results)
    for part in (
        push_goals,
        threads_goals,
        encode_goals,
        pipeline_goals,
        lttng_goals,
        peer_goals,
        idle_goals,
    ):
        part(goals)
    return goals.rows
