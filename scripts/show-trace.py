#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Shows what scripts/demo.sh wrote, from the JSON lines of `otlpipe cat` on standard input.

usage: show-trace.py tree DIRECTORY [LINES] [DEPTH]   the spans below the one of DIRECTORY
       show-trace.py records                          a span, a sum and a histogram, as JSON
"""
import collections
import json
import sys

LINES_MAX = 24
DEPTH_MAX = 3


def messages():
    for line in sys.stdin:
        if line.strip():
            yield json.loads(line)


def spans():
    for message in messages():
        for resource in message.get("resourceSpans", []):
            for scope in resource.get("scopeSpans", []):
                yield from scope.get("spans", [])


def attributes(record):
    """Plain values by key; OTLP JSON has 64-bit integers as strings."""
    return {a["key"]: next(iter(a["value"].values()), None) for a in record.get("attributes", [])}


class Tree:
    """The spans of one trace, printed below one of them, with what did not fit counted."""

    def __init__(self, all_spans, lines_max, depth_max):
        self.children = collections.defaultdict(list)
        for span in all_spans:
            self.children[span["traceId"], span.get("parentSpanId", "")].append(span)
        self.lines_left = lines_max
        self.depth_max = depth_max
        self.hidden = 0

    def show(self, span, depth=0):
        if self.lines_left == 0 or depth > self.depth_max:
            self.hidden += 1
        else:
            self.lines_left -= 1
            print(self.line(span, depth))
        below = self.children[span["traceId"], span["spanId"]]
        for child in sorted(below, key=lambda child: attributes(child).get("file.directory", "")):
            self.show(child, depth + 1)

    @staticmethod
    def line(span, depth):
        has = attributes(span)
        path = has.get("file.directory", span["name"])
        name = path if depth == 0 else path.rstrip("/").rsplit("/", 1)[-1] + "/"
        took_ms = (int(span["endTimeUnixNano"]) - int(span["startTimeUnixNano"])) / 1e6
        status = span.get("status", {})
        error = "  ERROR " + status.get("message", "") if status.get("code") == 2 else ""
        text = "  " * depth + name
        return f"  {text:<46} {has.get('treewalk.entries', '?'):>6} entries {took_ms:>10.1f} ms{error}"


def show_tree(directory, lines_max=LINES_MAX, depth_max=DEPTH_MAX):
    walked = [span for span in spans() if "file.directory" in attributes(span)]
    top = [span for span in walked if attributes(span)["file.directory"] == directory]
    if not top:
        sys.exit(f"show-trace: no span of {directory}")
    print(f"  trace {top[0]['traceId']}")
    tree = Tree(walked, int(lines_max), int(depth_max))
    tree.show(top[0])
    if tree.hidden:
        print(f"  … and {tree.hidden} more spans of this trace")


def records():
    """(is a metric, record) of everything, spans too: one pass is enough for all three."""
    for message in messages():
        for resource in message.get("resourceSpans", []):
            for scope in resource.get("scopeSpans", []):
                yield from ((False, span) for span in scope.get("spans", []))
        for resource in message.get("resourceMetrics", []):
            for scope in resource.get("scopeMetrics", []):
                yield from ((True, metric) for metric in scope.get("metrics", []))


def show_records():
    found = {}
    for is_metric, record in records():
        if not is_metric:
            found.setdefault("span", record)
            continue
        # The last of a kind: by then there is something in it.
        for kind in ("sum", "histogram"):
            if kind in record and record["name"].startswith("treewalk."):
                found[kind] = record
    for kind in ("span", "sum", "histogram"):
        if kind not in found:
            sys.exit(f"show-trace: no {kind} in the input")
        print(f"  {kind}:")
        print("    " + json.dumps(found[kind], ensure_ascii=False))


def main(arguments):
    if 2 <= len(arguments) <= 4 and arguments[0] == "tree":
        show_tree(*arguments[1:])
    elif arguments == ["records"]:
        show_records()
    else:
        sys.exit(__doc__)


main(sys.argv[1:])
