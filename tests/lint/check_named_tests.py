#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Whatever test or function SECURITY.md and the documents name is there.

`test_x`, `test_x.py`, `test_x.rs`, `test_x.cc`, `fuzz_x` are files below tests/, python/tests/ and
rust/otlpipe/tests/; words in brackets right behind one are parts of a test's name in it, or one of
its modes in quotes; the last column of the table in docs/reliability.md is a script below tests/ or
a test in C. Where a page says `x()` in `file`, the file has that function.

In docs/model.md each entity, rule and fault names a test, the rules are numbered without a gap, and a
rule that a source or a page cites is there.

usage: check_named_tests.py ROOT
"""
import os
import re
import sys

import sources

TEST = re.compile(r"`((?:test|fuzz)_\w+)(\.py|\.rs|\.cc)?`(?: \((`\w+`(?:, `\w+`)*))?")
ROW = re.compile(r"^\|.*\| \d[\d,]* \| \d+(?: \([\d,]+ reported\))? \| `(\w+)` \|$")
FUNCTION = re.compile(r"^\s*(?:(?:def|fn|static void) |TEST\()(\w+)[()]", re.MULTILINE)
QUOTED = re.compile(r'"(\w+)"')
PLACE = re.compile(r"`(\w+)\(\)` in `([\w./]+)`")


MODEL = "docs/model.md"
ITEM = re.compile(r"^(?:- |(\d+)\. )")
CITED = re.compile(r"\brule (\d+) of (?:the|its) (?:exporter )?model\b")


def paths_of(names):
    """The tests' files, by name without folder."""
    folders = ("tests/", "python/tests/", "rust/otlpipe/tests/")
    return {os.path.basename(name): name for name in names if name.startswith(folders)}


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
    for name, path in PLACE.findall(line):
        if not os.path.isfile(os.path.join(root, path)):
            yield f"there is no {path}"
        elif not re.search(rf"\b{name}\(", "\n".join(sources.lines(root, path))):
            yield f"{path} has no {name}()"
    row = ROW.match(line)
    if row and not {f"test_{row[1]}.py", f"{row[1]}.py", f"test_{row[1]}.c"} & set(paths):
        yield f"there is no test {row[1]}"


def check_model(root):
    """The numbers of the rules, and what is wrong with the items of the page."""
    problems, rules, item, has_test = [], [], None, True
    for number, line in enumerate([*sources.lines(root, MODEL), "- "], 1):
        found = ITEM.match(line)
        if found or line.startswith("#"):
            if not has_test:
                problems.append(f"{MODEL}:{item}: names no test")
            item, has_test = number, found is None
        if found and found[1]:
            rules.append(int(found[1]))
        has_test = has_test or TEST.search(line) is not None
    if rules != list(range(1, len(rules) + 1)):
        problems.append(f"{MODEL}: the rules are numbered {rules}")
    return rules, problems


def check_citations(root, names, rules):
    for name in names:
        if name.endswith((".c", ".h", ".py", ".md")):
            for number, line in enumerate(sources.lines(root, name), 1):
                for cited in CITED.findall(line):
                    if int(cited) not in rules:
                        yield f"{name}:{number}: the model has no rule {cited}"


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
    if MODEL in names:
        rules, of_model = check_model(root)
        problems += [*of_model, *check_citations(root, names, rules)]
    return problems, checked


if __name__ == "__main__":
    sources.report("named tests", *check(sys.argv[1]))
