# SPDX-License-Identifier: Apache-2.0
"""Charts as SVG: horizontal bars, the spread as a thin line over each. Text and lines have the
colour of the text around them, dark on light or light on dark as the reader's system has it."""

import math
from html import escape

from bench_run import median_of

WIDTH, LABELS, VALUES = 760, 240, 90
ROW, TOP, BOTTOM = 26, 56, 30
STYLE = """<style>
svg { color: #1f2328; font: 13px system-ui, sans-serif; }
.own { fill: #1a7f64; } .light { fill: #8c959f; } .peer { fill: #b35900; }
@media (prefers-color-scheme: dark) {
svg { color: #e6edf3; }
.own { fill: #3fb99a; } .light { fill: #7d8590; } .peer { fill: #e0893c; }
}
text { fill: currentColor; } .title { font-weight: 600; font-size: 15px; }
.grid { stroke: currentColor; stroke-opacity: 0.18; }
.spread { stroke: currentColor; stroke-width: 1.4; stroke-opacity: 0.75; }
.small { font-size: 11px; fill-opacity: 0.8; }
</style>"""
KINDS = {"own": "otlpipe", "light": "speed of light", "peer": "what one would use instead"}


def short(value):
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:.3g}{letter}"
    return f"{value:.3g}"


def ticks(low, high, is_log):
    if is_log:
        return [
            10.0**power
            for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        ]
    step = 10 ** math.floor(math.log10(high / 2))
    step = next(step * factor for factor in (1, 2, 5, 10) if high / (step * factor) <= 6)
    return [step * number for number in range(math.ceil(high / step) + 1)]


def line(kind, x1, y1, x2, y2):
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def box(kind, x, y, width, height):
    return f'<rect class="{kind}" x="{x}" y="{y}" width="{max(width, 1):.1f}" height="{height}"/>'


def words(text, x, y, anchor="start", kind=""):
    text = escape(text)
    return f'<text class="{kind}" text-anchor="{anchor}" x="{x:.1f}" y="{y:.1f}">{text}</text>'


class Scale:
    """Values to places, from the marks below the bars."""

    def __init__(self, values, is_log):
        lowest = min(value["min"] for value in values)
        highest = max(value["max"] for value in values)
        self.marks = ticks(max(lowest, 0.1), highest, is_log)
        self.is_log = is_log

    def __call__(self, value):
        low, high = self.marks[0], self.marks[-1]
        room = WIDTH - LABELS - VALUES
        if not self.is_log:
            return LABELS + room * value / high
        return LABELS + room * math.log(max(value, low) / low) / math.log(high / low)


def frame(title, unit, kinds, x, height):
    label = escape(title)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
        f' role="img" aria-label="{label}">',
        STYLE,
        words(title, 8, 20, kind="title"),
        words(unit + (", logarithmic" if x.is_log else ""), WIDTH - 8, 42, "end", "small"),
    ]
    place = 8
    for kind in kinds:
        out += [box(kind, place, 32, 11, 11), words(KINDS[kind], place + 16, 42, kind="small")]
        place += 34 + 6 * len(KINDS[kind])
    for mark in x.marks:
        out.append(line("grid", x(mark), TOP, x(mark), height - BOTTOM))
        out.append(words(short(mark), x(mark), height - 12, "middle", "small"))
    return out


def bars(title, unit, rows, is_log=False):
    """rows: (label, kind, {"median", "min", "max"} or {"missing": why})."""
    values = [row[2] for row in rows if "median" in row[2]]
    if not values:
        return None
    x = Scale(values, is_log)
    kinds = [kind for kind in KINDS if any(row[1] == kind for row in rows)]
    out = frame(title, unit, kinds, x, TOP + ROW * len(rows) + BOTTOM)
    for number, (label, kind, value) in enumerate(rows):
        y = TOP + ROW * number
        out.append(words(label, LABELS - 8, y + 17, "end"))
        if "median" not in value:
            why = value.get("missing", "not measured")
            out.append(words("missing: " + why, LABELS + 4, y + 17, kind="small"))
            continue
        out.append(box(kind, LABELS, y + 5, x(value["median"]) - LABELS, ROW - 10))
        out.append(line("spread", x(value["min"]), y + ROW / 2, x(value["max"]), y + ROW / 2))
        end = max(x(value["median"]), x(value["max"]))
        out.append(words(short(value["median"]), end + 6, y + 17))
    return "\n".join(out + ["</svg>", ""])


def inverse(spread, factor=1e9):
    if "median" not in spread:
        return spread
    return {
        "median": factor / spread["median"],
        "min": factor / spread["max"],
        "max": factor / spread["min"],
    }


def scaled(spread, factor):
    return {
        key: value * factor for key, value in spread.items() if key in ("median", "min", "max")
    } or spread


def draw_push(results):
    figures = dict(results.get("micro", {}), **results.get("peers", {}))
    rows = [
        ("push S0", "own", "push/S0"),
        ("push of 128 bytes", "own", "push/128"),
        ("push S", "own", "push/S"),
        ("push S with a shape", "own", "push_shaped/S"),
        ("push S, writer at work", "own", "push_writer/S"),
        ("push M, a point", "own", "push/M_point"),
        ("memcpy of S, as in a ring", "light", "memcpy/S"),
        ("memcpy of S, same place", "light", "memcpy_hot/S"),
        ("ck_ring MPSC, reference to S", "peer", "ck_ring_mpsc/reference_S"),
        ("LTTng-UST, 128 bytes", "peer", "lttng_ust/128"),
        ("spdlog async, 128 bytes", "peer", "spdlog_async/128"),
        ("write(2), 128 bytes", "peer", "write/128"),
        ("UNIX datagram, 128 bytes", "peer", "unix_datagram/128"),
        ("protobuf-c, build and pack S", "peer", "protobuf_c/S"),
    ]
    return bars(
        "What a record costs the program that emits it",
        "ns a record",
        [(label, kind, figures.get(name, {})) for label, kind, name in rows],
        is_log=True,
    )


def draw_threads(results):
    figures = results.get("micro", {})
    return bars(
        "Push by several threads on 2 processors, all together",
        "records a second",
        [
            (
                f"{record}, {count} thread{'s' if count > 1 else ''}{title}",
                kind,
                inverse(figures.get(f"{case}/{record}/{count}", {})),
            )
            for record in ("S", "S0")
            for count in (1, 2, 4, 8)
            for case, title, kind in (
                ("threads", "", "own"),
                ("threads_one", ", one lane", "own"),
                ("threads_each", ", a ring each", "light"),
            )
            if case == "threads" or f"{case}/{record}/{count}" in figures
        ],
    )


def draw_latency(results):
    latency = results.get("latency", {})
    rows = []
    for name in ("p50", "p99", "p99.9", "p99.99", "max"):
        rows.append((name, "own", latency.get(name, {})))
        rows.append((f"a loop as long, {name}", "light", latency.get("spin_" + name, {})))
    return bars("One push of S while the writer works", "ns", rows, is_log=True)


def draw_encode(results):
    figures = results.get("micro", {})
    rows = []
    for record, title in (("S", "S"), ("M_point", "M, a point")):
        rows += [
            (f"encode {title}", "own", figures.get(f"encode/{record}", {})),
            (f"validate, encode, group {title}", "own", figures.get(f"stage/{record}", {})),
            (f"memcpy of the output, {title}", "light", figures.get(f"memcpy_output/{record}", {})),
            (f"protobuf-c, {title}", "peer", figures.get(f"protobuf_c/{record}", {})),
        ]
    return bars("Encoding in the writer", "ns", rows, is_log=True)


def draw_throughput(results):
    figures = results.get("end_to_end", {})
    size = median_of(figures, "S_ring_64MiB", "disk_bytes_per_span") or 1
    disk = lambda name: scaled(figures.get(name, {}).get("bytes_per_second", {}), 1 / size)
    spans = lambda name: figures.get(name, {}).get("spans_per_second", {})
    sustained = results.get("peers", {}).get("lttng_sustained/128", {})
    return bars(
        "Records to disk, end to end",
        "records a second",
        [
            ("S, ring of 64 MiB", "own", spans("S_ring_64MiB")),
            ("S with a shape, 64 MiB", "own", spans("S_shaped_ring_64MiB")),
            ("S, default ring", "own", spans("S_ring_default")),
            ("io_uring, O_DIRECT: bytes of S", "light", disk("disk_uring_direct")),
            ("write(2), 1 MiB: bytes of S", "light", disk("disk_write")),
            ("128 bytes, ring of 64 MiB", "own", spans("128_ring_64MiB")),
            (
                "LTTng-UST, 128 bytes",
                "peer",
                sustained.get("events_per_second", {"missing": "not measured"}),
            ),
        ],
    )


def draw_cpu(results):
    figures = results.get("end_to_end", {})
    one = figures.get("S_ring_64MiB", {})
    size = median_of(one, "disk_bytes_per_span") or 0
    raw = scaled(
        figures.get("disk_uring_direct", {}).get("cpu_seconds_per_gib", {}), size * 1e6 / 2**30
    )
    plain = scaled(figures.get("disk_write", {}).get("cpu_seconds_per_gib", {}), size * 1e6 / 2**30)
    return bars(
        "Processor time for a million S",
        "seconds",
        [
            ("producer", "own", one.get("producer_cpu_seconds_per_million", {})),
            ("writer", "own", one.get("writer_cpu_seconds_per_million", {})),
            ("raw io_uring, as many bytes", "light", raw),
            ("write(2), as many bytes", "light", plain),
            (
                "protobuf-c, build and pack",
                "peer",
                scaled(results.get("micro", {}).get("protobuf_c/S", {}), 1e-3),
            ),
        ],
    )


def draw_all(results):
    charts = {
        "push": draw_push,
        "threads": draw_threads,
        "latency": draw_latency,
        "encode": draw_encode,
        "throughput": draw_throughput,
        "cpu": draw_cpu,
    }
    drawn = {name: draw(results) for name, draw in charts.items()}
    return {name: svg for name, svg in drawn.items() if svg is not None}
