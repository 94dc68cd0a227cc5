#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""No path of somebody's machine, no unfinished business, a licence line in each source, and pages
whose lines are wrapped.

usage: check_text.py ROOT
"""
import re
import sys

import sources

SOURCES = (
    *(".c", ".h", ".cc", ".py", ".rs", ".sh", ".build", ".proto"),
    *("Makefile", "Cargo.toml", ".ci/run", "_options.txt"),
)
# Spelt in halves, so that this file passes its own check.
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME)\b")
MACHINE = re.compile(r"(?<![\w.$}-])/(?:ro" r"ot|ho" r"me|wo" r"rk|Us" r"ers)/\w|\.py" r"env\b")
LICENCE = "SPDX-License-Identifier: Apache-2.0"
LICENCE_LINES_MAX = 3
PAGE_COLUMNS = 110
TABLE_OR_CODE = ("|", "    ", "\t")


def long_lines(lines):
    """The numbers of the lines of a page that should be wrapped: tables and code are as they are."""
    is_code = False
    for number, line in enumerate(lines, 1):
        if line.startswith("```"):
            is_code = not is_code
        elif len(line) > PAGE_COLUMNS and not is_code and not line.startswith(TABLE_OR_CODE):
            yield number


def check(root):
    problems, checked = [], 0
    for name in sources.files(root):
        if name == "LICENSE":
            continue
        checked += 1
        lines = sources.lines(root, name)
        is_source = name.endswith(SOURCES)
        if is_source and not any(LICENCE in line for line in lines[:LICENCE_LINES_MAX]):
            problems.append(f"{name}:1: no {LICENCE}")
        if name.endswith(".md"):
            problems += [f"{name}:{number}: longer than {PAGE_COLUMNS} columns" for number in long_lines(lines)]
        for number, line in enumerate(lines, 1):
            machine = MACHINE.search(line)
            if machine is not None:
                problems.append(f"{name}:{number}: a machine's own path: {machine.group(0)}")
            unfinished = UNFINISHED.search(line) if is_source else None
            if unfinished is not None:
                problems.append(f"{name}:{number}: {unfinished.group(0)} does not land")
    return problems, checked


if __name__ == "__main__":
    sources.report("text", *check(sys.argv[1]))
