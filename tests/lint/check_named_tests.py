#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Whatever test SECURITY.md and the documents name is there.

`test_x`, `test_x.py`, `fuzz_x` are files below tests/; words in brackets right behind one are parts
of a test's name in it, or one of its modes in quotes; the last column of the table in
docs/reliability.md is a script below tests/ or a test in C.

usage: check_named_tests.py ROOT
"""
import os
import re
import sys

import sources

TEST = re.compile(r"`((?:test|fuzz)_\w+)(\.py)?`(?: \((`\w+`(?:, `\w+`)*))?")
ROW = re.compile(r"^\|.*\| \d[\d,]* \| \d+(?: \([\d,]+ reported\))? \| `(\w+)` \|$")
FUNCTION = re.compile(r"^\s*(?:def|static void) (\w+)\(", re.MULTILINE)
QUOTED = re.compile(r'"(\w+)"')


def paths_of(names):
    """The files below tests/, by name without folder."""
    return {os.path.basename(name): name for name in names if name.startswith("tests/")}


def has_word(root, path, word):
    text = "\n".join(sources.lines(root, path))
    return any(word in name for name in FUNCTION.findall(text)) or word in QUOTED.findall(text)


def check_line(root, paths, line):
    for name, suffix, words in TEST.findall(line):
        path = paths.get(name + (suffix or ".c"))
        if path is None:
            yield f"there is no test {name}{suffix}"
            continue
        for word in re.findall(r"\w+", words if name.startswith("test_") else ""):
            if not has_word(root, path, word):
                yield f"{path} has no test {word}"
    row = ROW.match(line)
    if row and not {f"test_{row[1]}.py", f"{row[1]}.py", f"test_{row[1]}.c"} & set(paths):
        yield f"there is no test {row[1]}"


def check(root):
    names = sources.files(root)
    paths = paths_of(names)
    problems, checked = [], 0
    for name in names:
        if name != "SECURITY.md" and not (name.startswith("docs/") and name.endswith(".md")):
            continue
        checked += 1
        for number, line in enumerate(sources.lines(root, name), 1):
            problems += [f"{name}:{number}: {text}" for text in check_line(root, paths, line)]
    return problems, checked


if __name__ == "__main__":
    sources.report("named tests", *check(sys.argv[1]))
