#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""No path of somebody's machine, no unfinished business, and a licence line in each source.

usage: check_text.py ROOT
"""
import re
import sys

import sources

SOURCES = (".c", ".h", ".cc", ".py", ".sh", ".build", ".proto", "Makefile", ".ci/run", "_options.txt")
# Spelt in halves, so that this file passes its own check.
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME)\b")
MACHINE = re.compile(r"(?<![\w.$}-])/(?:ro" r"ot|ho" r"me|wo" r"rk|Us" r"ers)/\w|\.py" r"env\b")
LICENCE = "SPDX-License-Identifier: Apache-2.0"
LICENCE_LINES_MAX = 3


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
