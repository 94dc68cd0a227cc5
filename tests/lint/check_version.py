#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The version stands in core/include/otlpipe/version.h alone, and what follows it agrees.

- no meson.build and no pyproject.toml states a version of its own;
- CHANGELOG.md is about that version first;
- the newest node of core/otlpipe.map is no newer.

usage: check_version.py ROOT
"""
import os
import re
import sys

import public_api
import sources

HEADER = "core/include/otlpipe/version.h"
PARTS = ("MAJOR", "MINOR", "PATCH")
STATED = (
    ("meson.build", re.compile(r"^\s*version: *'\d")),
    ("python/meson.build", re.compile(r"^\s*version: *'\d")),
    ("python/pyproject.toml", re.compile(r"^version *=")),
)
SECTION = re.compile(r"^## \[(.*?)\]", re.MULTILINE)


def version_of(root):
    text = "\n".join(sources.lines(root, HEADER))
    parts = [re.findall(rf"^#define OTLP_VERSION_{part} (\d+)$", text, re.MULTILINE) for part in PARTS]
    return [int(number) for found in parts for number in found]


def check(root):
    version = version_of(root)
    text = ".".join(str(number) for number in version)
    problems = [] if len(version) == len(PARTS) else [f"{HEADER}: has no major, minor and patch"]
    for name, pattern in STATED:
        if not os.path.exists(os.path.join(root, name)):
            problems.append(f"{name}: is not there")
            continue
        for number, line in enumerate(sources.lines(root, name), 1):
            if pattern.match(line):
                problems.append(f"{name}:{number}: states a version: {line.strip()}")
    sections = SECTION.findall("\n".join(sources.lines(root, "CHANGELOG.md")))
    if sections[:1] != [text]:
        problems.append(f"CHANGELOG.md: begins with {sections[:1]}, and the version is {text}")
    newest = [int(number) for number in re.findall(r"\d+", list(public_api.nodes(root))[-1])]
    if newest > version[:2]:
        problems.append(f"{public_api.MAP}: has symbols of {newest}, and the version is {text}")
    return problems, len(STATED) + 2


if __name__ == "__main__":
    sources.report("version", *check(sys.argv[1]))
