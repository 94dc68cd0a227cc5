#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The signals stand in one table: one enum, no cast to it, no name of one beside the table.

usage: check_signals.py ROOT
"""
import re
import sys

import sources

ROOMS = ("base/", "shm/", "core/", "writer/", "cli/")
TABLE = "core/record/signal."
ENUM = "core/include/otlpipe/otlpipe.h"
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
# Where such a word is an option, a column's heading or a table's name.
OTHER_WORDS = ("cli/flat_table.c", "cli/send/options.c", "cli/summary_", "cli/trace.c")
RULES = (
    (re.compile(r"\benum\s+\w*signal(?!_limit)\w*\s*\{"), (ENUM,), "a second enum of signals"),
    (re.compile(r"\(\s*enum\s+otlp_signal\s*\)"), (), "a cast to enum otlp_signal"),
    (re.compile(r'"(?:traces|metrics|logs|spans|points)"'), (TABLE, *OTHER_WORDS),
     "a signal's name outside the table"),
)
# The memory that processes share knows rings by number.
NO_SIGNALS = re.compile(r"OTLP_SIGNAL_|SIGNAL_COUNT|\botlp_signal\b")


def without_comments(text):
    return COMMENT.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def check(root):
    problems, checked = [], 0
    for name in sources.files(root, (".c", ".h")):
        if not name.startswith(ROOMS):
            continue
        checked += 1
        text = without_comments("\n".join(sources.lines(root, name)))
        for number, line in enumerate(text.splitlines(), 1):
            for pattern, allowed, what in RULES:
                if pattern.search(line) and not name.startswith(allowed or ("-",)):
                    problems.append(f"{name}:{number}: {what}")
            if name.startswith("shm/") and NO_SIGNALS.search(line):
                problems.append(f"{name}:{number}: shm/ knows no signal")
    return problems, checked


if __name__ == "__main__":
    sources.report("signals", *check(sys.argv[1]))
