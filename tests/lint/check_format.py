#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every C and C++ file is formatted by .clang-format.

usage: check_format.py ROOT CLANG_FORMAT
"""
import os
import subprocess
import sys

import sources


def check(root, clang_format):
    problems = []
    names = sources.files(root, (".c", ".h", ".cc"))
    for name in names:
        command = [clang_format, "--style=file", "--dry-run", "-Werror", name]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True)
        if done.returncode != 0:
            first = (done.stderr.strip() or "clang-format failed").splitlines()[0]
            problems.append(f"{first}\n  run: {os.path.basename(clang_format)} -i {name}")
    return problems, len(names)


if __name__ == "__main__":
    sources.report("format", *check(sys.argv[1], sys.argv[2]))
