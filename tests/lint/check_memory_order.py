#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every acquire, release and fence names its partner, and every name has both its ends.

A line that orders memory carries PAIR(name) itself or in a comment at most 6 lines above. A name
needs two places, one that acquires and one that releases; a fence or an acq_rel is either, and so
is a PAIR in a comment with no such call near it: the kernel, a lock, a death of a process.
Every access tells its order: by its name as in shm/atomic.h (which alone is exempt), or by a
memory_order. A relaxed one needs no pair.

usage: check_memory_order.py ROOT
"""
import re
import sys

import sources

FOLDERS = ("shm/", "core/", "writer/")
EXEMPT = "shm/atomic.h"
LINES_ABOVE_MAX = 6

ORDER = r"(acq_rel|acquire|release|seq_cst|fence)"
CALL = re.compile(
    rf"\batomic_\w*?{ORDER}\w*\s*\(|\bmemory_order_{ORDER}\b|\b__ATOMIC_{ORDER}\b", re.IGNORECASE
)
PAIR = re.compile(r"\bPAIR\(([^)]*)\)")
NAME = re.compile(r"^[a-z][a-z0-9_-]*$")
# What hides its order: ck's own names, gcc's old ones, and C11's without a memory_order.
HIDDEN = re.compile(
    r"\bck_pr_\w+|\b__sync_\w+|\batomic_(?:load|store|exchange|fetch_(?:add|sub|or|and|xor)|"
    r"compare_exchange_(?:weak|strong))\s*\("
)
ACQUIRES = {"acquire", "acq_rel", "seq_cst", "fence"}
RELEASES = {"release", "acq_rel", "seq_cst", "fence"}


def code_of(text):
    """The lines with comments and strings blanked, so that prose does not count as a call."""

    def blank(found):
        return re.sub(r"[^\n]", " ", found.group(0))

    pattern = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"'
    return re.sub(pattern, blank, text, flags=re.S).splitlines()


def read(root, name, ends, problems):
    """Adds the file's ends, name → [(place, call or None)]; returns how many calls it has."""
    lines = sources.lines(root, name)
    code = code_of("\n".join(lines))
    used, calls = set(), 0
    for number, line in enumerate(code):
        found = HIDDEN.search(line)
        if found is not None:
            problems.append(f"{name}:{number + 1}: {found.group(0).strip('( ')}: its order is not in its name; use shm/atomic.h")
        for call in CALL.finditer(line):
            calls += 1
            first = max(0, number - LINES_ABOVE_MAX)
            near = [
                (at, pair) for at in range(first, number + 1) for pair in PAIR.findall(lines[at])
            ]
            if not near:
                problems.append(f"{name}:{number + 1}: {call.group(0).strip('( ')} without PAIR(name)")
                continue
            # All names of the nearest line that has any: one access may be an end of two pairs.
            nearest = max(at for at, _ in near)
            for at, pair in near:
                if at == nearest:
                    used.add((at, pair))
                    order = next(filter(None, call.groups())).lower()
                    ends.setdefault(pair, []).append((f"{name}:{number + 1}", order))
    for number, line in enumerate(lines):
        for pair in PAIR.findall(line):
            if not NAME.match(pair):
                problems.append(f"{name}:{number + 1}: PAIR({pair}): not a name")
            elif (number, pair) not in used:
                ends.setdefault(pair, []).append((f"{name}:{number + 1}", None))
    return calls


def check(root):
    problems, ends, calls = [], {}, 0
    for name in sources.files(root, (".c", ".h")):
        if name.startswith(FOLDERS) and name != EXEMPT:
            calls += read(root, name, ends, problems)
    for pair, places in sorted(ends.items()):
        where = ", ".join(place for place, _ in places)
        orders = {order for _, order in places}
        if len(places) < 2:
            problems.append(f"{where}: PAIR({pair}) has one end")
        elif None not in orders and not orders & ACQUIRES:
            problems.append(f"{where}: PAIR({pair}) has no end that acquires")
        elif None not in orders and not orders & RELEASES:
            problems.append(f"{where}: PAIR({pair}) has no end that releases")
    return problems, calls


if __name__ == "__main__":
    sources.report("memory order", *check(sys.argv[1]))
