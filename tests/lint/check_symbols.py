#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The producer library exports otlp_ alone and needs the C library alone.

usage: check_symbols.py SHARED STATIC
"""
import re
import subprocess
import sys

import sources

PUBLIC = re.compile(r"^otlp_[a-z0-9_]+$")
# The loader is named for thread-local storage on some machines; it is part of the C library.
NEEDED = re.compile(r"^(libc\.so\.6|ld-linux.*\.so\.\d+)$")


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def defined(path, *options):
    """Names that the file defines for others; an archive has lines without a symbol as well."""
    rows = [line.split() for line in output("nm", "-g", "--defined-only", *options, path).splitlines()]
    return sorted({row[2].split("@")[0] for row in rows if len(row) == 3})


def check(shared, static):
    exported, archived = defined(shared, "--dynamic"), defined(static)
    problems = [f"{shared}: exports {name}" for name in exported if not PUBLIC.match(name)]
    problems += [f"{static}: defines {name}" for name in archived if not PUBLIC.match(name)]
    if exported != archived:
        odd = ", ".join(sorted(set(exported) ^ set(archived)))
        problems.append(f"the shared and the static library differ in: {odd}")
    for name in re.findall(r"\(NEEDED\).*\[(.*)\]", output("readelf", "-dW", shared)):
        if not NEEDED.match(name):
            problems.append(f"{shared}: needs {name}")
    return problems, len(exported)


if __name__ == "__main__":
    sources.report("symbols", *check(sys.argv[1], sys.argv[2]))
