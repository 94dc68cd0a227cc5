#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the bench makes of its results: the goals with their verdicts, a table for people, the JSON
file, the charts, and the tables within docs/performance.md. Text and data are of one run.

usage: bench_report.py RESULTS.json     draw and fill again from a file in bench/results
"""

import json
import os
import re
import sys
import textwrap

import bench_chart
from bench_goals import goals_of, ns, rate


def print_table(results):
    """As Markdown whose columns stand below each other, so that it can be read here and pasted."""
    rows = [("what", "goal", "measured", "reached")]
    rows += [
        (row["what"], row["goal"], row["measured"], row["verdict"]) for row in goals_of(results)
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    machine = results["machine"]
    print(
        f"\n{machine['cpu']}, {machine['processors']} processors, {machine['revision']}; "
        f"medians of {results['repetitions']}\n"
    )
    for number, row in enumerate(rows):
        print("| " + " | ".join(text.ljust(width) for text, width in zip(row, widths)) + " |")
        if number == 0:
            print("|" + "|".join("-" * (width + 2) for width in widths) + "|")
    print()
    for name, peer in sorted(dict(results.get("micro", {}), **results.get("peers", {})).items()):
        if "missing" in peer:
            print(f"{name}: missing: {peer['missing']}")


def micros(value):
    return f"{value / 1000:.1f} µs" if value < 1e6 else f"{value / 1e6:.2f} ms"


def markdown(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def cell(spread, show):
    if not spread:
        return "not measured"
    if "missing" in spread:
        return "missing: " + spread["missing"]
    return f"{show(spread['median'])} ({show(spread['min'])} to {show(spread['max'])})"


def table_goals(results):
    return markdown(
        ("what", "goal", "measured", "reached"),
        [(r["what"], r["goal"], r["measured"], r["verdict"]) for r in goals_of(results)],
    )


def table_machine(results):
    machine = results["machine"]
    virtual = "virtual machine" if machine["virtual"] else "no virtual machine"
    return textwrap.fill(
        f"{results['date']}, {machine['cpu']}, {machine['processors']} processors, {virtual}, "
        f"Linux {machine['kernel']}, {machine['file_system']}, {machine['compiler']}, revision "
        f"{machine['revision']}; load before the run {machine['load_before']}. "
        f"The run took {results['seconds']} s.",
        width=100,
        break_on_hyphens=False,
    )


PRODUCER_ROWS = (
    "push/S",
    "push_shaped/S",
    "push/S_varied",
    "push/S0",
    "push_shaped/S0",
    "push/128",
    "push/M_point",
    "push_writer/S",
    "push_writer_shaped/S",
    "push_writer/S0",
    "push_writer/128",
    "push_writer/128/2",
    "memcpy/S",
    "memcpy_hot/S",
    "memcpy/S_shaped",
    "memcpy/S0",
    "memcpy_hot/S0",
    "memcpy/128",
    "memcpy/M_point",
    "ring/S",
    "ring/S_shaped",
    "ring/S0",
    "protobuf_c/S",
    "protobuf_c/S0",
    "ck_ring_mpsc/reference_S",
    "ck_ring_spsc/reference_S",
    "ck_ring_mpsc/slot_64",
    "ck_ring_spsc/slot_64",
    "write/448",
    "write/128",
    "unix_datagram/448",
    "unix_datagram/128",
    "lttng_ust/128",
    "lttng_ust/128/2",
    "spdlog_async/128",
    "push/L",
    "push_shaped/L",
    "push_writer/L",
    "push_writer_shaped/L",
    "fprintf/L",
    "syslog/L",
    "spdlog_async/L",
    "spdlog_sink/L",
    "quill/L",
    "lttng_tracef/L",
)


def table_push(results):
    figures = dict(results.get("micro", {}), **results.get("peers", {}))
    rows = []
    for name in PRODUCER_ROWS:
        spread = figures.get(name, {})
        size = spread.get("record_bytes", spread.get("bytes", spread.get("output_bytes")))
        rows.append((f"`{name}`", f"{size:.0f}" if size else "", cell(spread, ns)))
    for name in ("lttng_sustained/128", "lttng_sustained/128/2"):
        rows.append((f"`{name}`", "128", cell(figures.get(name, {}).get("ns"), ns)))
    return markdown(("bench", "bytes", "median (min to max)"), rows)


THREADS_COLUMNS = (("threads", "as it comes"), ("threads_one", "one lane"), ("threads_each", "a ring each"))


def table_threads(results):
    figures = results.get("micro", {})
    rows = []
    for count in (1, 2, 4, 8):
        row = [str(count)]
        for record in ("S", "S0"):
            for case, _ in THREADS_COLUMNS:
                spread = figures.get(f"{case}/{record}/{count}")
                row.append(rate(1e9 / spread["median"]) if spread and "median" in spread else "")
        rows.append(row)
    titles = [f"{record}, {title}" for record in ("S", "S0") for _, title in THREADS_COLUMNS]
    return markdown(("threads", *titles), rows)


def table_deep(results):
    deep = results.get("deep", {})
    rows = [
        (title, cell(deep.get(f"{name}_ns"), micros), cell(deep.get(f"{name}_max_ns"), micros))
        for name, title in (
            ("push", "the push itself, which wakes the writer"),
            ("written", "until its record is in the file"),
            ("flushed", "the same with a flush behind it"),
        )
    ]
    return markdown(("the first push after a deep sleep", "median", "longest of a run"), rows)


def table_idle(results):
    idle = results.get("idle", {})
    share = lambda name: f"{idle[name] * 100:.2g} %" if name in idle else "not measured"
    calls = lambda name: f"{idle[name]:.0f}" if name in idle else "missing: no strace, or it may not"
    rows = [
        ("none", share("writer_alone"), calls("calls_alone")),
        (f"{idle.get('producers', 'some')}", share("writer_with_producers"), ""),
        (f"{idle.get('traced_producers', 'many')}", "", calls("calls_with_producers")),
    ]
    return markdown(
        ("idle producers", "writer's share of a processor", "writer's system calls in a minute"), rows
    )


def table_latency(results):
    latency = results.get("latency", {})
    percentiles = ("p50", "p99", "p99.9", "p99.99", "max")
    rows = [
        [what] + [cell(latency.get(prefix + name), ns) for name in percentiles]
        for what, prefix in (
            (f"push of S, {latency.get('count', 0):,} of them", ""),
            ("a loop as long that reads the clock", "spin_"),
        )
    ]
    clock = cell(latency.get("clock_ns"), ns)
    rows.append(["reading the clock twice", clock, *[""] * (len(percentiles) - 1)])
    return markdown(("", *percentiles), rows)


COLD_ROWS = (
    ("S", "push/S"),
    ("S_shaped", "push_shaped/S"),
    ("S0", "push/S0"),
    ("128", "push/128"),
    ("L", "push/L"),
    ("memcpy/S", "memcpy/S"),
    ("memcpy/S0", "memcpy/S0"),
    ("lttng_ust/128", "lttng_ust/128"),
    ("128/2", "push_writer/128/2"),
    ("lttng_ust/128/2", "lttng_ust/128/2"),
)


def table_cold(results):
    """Hot figures are the push table's: warm rings that nobody else touches."""
    cold, hot = results.get("cold", {}), dict(results.get("micro", {}), **results.get("peers", {}))
    schedules = ("burst_50ms", "every_10us", "every_1ms")
    rows = [
        [f"`{beside}`", cell(hot.get(beside), ns)]
        + [cell(cold.get(subject, {}).get(schedule), ns) for schedule in schedules]
        for subject, beside in COLD_ROWS
    ]
    return markdown(
        ("bench", "hot", "in a burst after 50 ms", "one each 10 µs", "one each 1 ms"), rows
    )


def table_encode(results):
    figures = results.get("micro", {})
    rows = []
    for method in (
        "encode",
        "parse_encode",
        "expand_encode",
        "stage",
        "memcpy_output",
        "protobuf_c",
    ):
        rows.append(
            [f"`{method}`"]
            + [cell(figures.get(f"{method}/{record}"), ns) for record in ("S", "S0", "M_point")]
        )
    return markdown(("what", "S", "S0", "M, a point"), rows)


def table_pipeline(results):
    rows = []
    names = {
        "S_ring_64MiB": "S, ring of 64 MiB",
        "S_shaped_ring_64MiB": "S with a shape, ring of 64 MiB",
        "S_ring_default": "S, default ring",
        "128_ring_64MiB": "128 bytes, ring of 64 MiB",
    }
    for case, title in names.items():
        one = results.get("end_to_end", {}).get(case, {})
        rows.append(
            (
                title,
                cell(one.get("spans_per_second"), rate),
                cell(one.get("disk_bytes_per_second"), lambda value: f"{value / 2**20:.0f} MiB/s"),
                cell(one.get("producer_cpu_seconds_per_million"), lambda value: f"{value:.3f} s"),
                cell(one.get("writer_cpu_seconds_per_million"), lambda value: f"{value:.3f} s"),
            )
        )
    for case, title in (
        ("disk_uring_direct", "raw io_uring, O_DIRECT, 1 MiB"),
        ("disk_write", "`write(2)`, 1 MiB"),
    ):
        one = results.get("end_to_end", {}).get(case, {})
        rows.append(
            (
                title,
                "",
                cell(one.get("bytes_per_second"), lambda value: f"{value / 2**20:.0f} MiB/s"),
                "",
                cell(one.get("cpu_seconds_per_gib"), lambda value: f"{value:.3f} s a GiB"),
            )
        )
    sustained = results.get("peers", {}).get("lttng_sustained/128", {})
    rows.append(
        ("LTTng-UST, 128 bytes", cell(sustained.get("events_per_second"), rate), "", "", "")
    )
    for case, title in (
        ("one_ring", "one process of one"),
        ("active_only", "3 processes of 3"),
        ("many_rings", "3 processes of 256"),
    ):
        one = results.get("many", {}).get(case, {})
        rows.append(
            (
                title,
                cell(one.get("spans_per_second"), rate),
                "",
                "",
                cell(one.get("writer_cpu_seconds_per_million"), lambda value: f"{value:.3f} s"),
            )
        )
    return markdown(
        ("case", "spans", "disk", "producer's CPU, a million", "writer's CPU, a million"), rows
    )


def table_counters(results):
    counters = results.get("counters", {})
    counted = counters.get("instructions_and_bytes", {"missing": "not run"})
    if "missing" in counted:
        rows = [("instructions", "missing: " + counted["missing"], "")]
    else:
        rows = [
            (f"`{name}`", f"{one['instructions']:.0f}", f"{one['bytes']:.1f}")
            for name, one in counted.items()
        ]
    table = markdown(("one of", "instructions", "bytes"), rows)
    others = []
    for name in (
        "system_calls_per_million_pushes",
        "allocations_per_million_pushes",
        "cache_misses_per_push",
    ):
        value = counters.get(name, {"missing": "not run"})
        shown = "missing: " + value["missing"] if isinstance(value, dict) else f"{value:g}"
        others.append((name.replace("_", " "), shown))
    return table + "\n\n" + markdown(("count", "measured"), others)


TABLES = {
    "goals": table_goals,
    "machine": table_machine,
    "push": table_push,
    "cold": table_cold,
    "threads": table_threads,
    "deep": table_deep,
    "idle": table_idle,
    "latency": table_latency,
    "encode": table_encode,
    "pipeline": table_pipeline,
    "counters": table_counters,
}


def fill(path, results):
    """Put the tables between their marks in the document."""
    with open(path, encoding="utf-8") as text:
        document = text.read()
    for name, table in TABLES.items():
        begin, end = f"<!-- bench: {name} -->", "<!-- end -->"
        start = document.index(begin) + len(begin)
        document = (
            document[:start] + "\n" + table(results) + "\n" + document[document.index(end, start) :]
        )
    with open(path, "w", encoding="utf-8") as out:
        out.write(document)


def write_docs(root, results):
    folder = os.path.join(root, "docs", "performance")
    os.makedirs(folder, exist_ok=True)
    for name, svg in bench_chart.draw_all(results).items():
        with open(os.path.join(folder, name + ".svg"), "w", encoding="utf-8") as out:
            out.write(svg)
    fill(os.path.join(root, "docs", "performance.md"), results)


def record(root, results, docs=True):
    """Returns the path of the JSON file."""
    cpu = re.sub(r"[^a-z0-9]+", "-", results["machine"]["cpu"].lower()).strip("-")
    folder = os.path.join(root, "bench", "results")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, f"{results['date'][:10]}-{cpu}.json")
    results = dict(results, goals=goals_of(results))
    with open(path, "w", encoding="utf-8") as out:
        json.dump(results, out, indent=1, ensure_ascii=False, sort_keys=True)
        out.write("\n")
    if docs:
        write_docs(root, results)
    return path


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as given:
        loaded = json.load(given)
    write_docs(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), loaded)
    print_table(loaded)
