#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The files that the tests of some suites need, as the names that ninja knows, a line each.

usage: test-targets.py MESON BUILD_DIR SUITE...
"""

import json
import os
import subprocess
import sys


def introspect(meson, build, what):
    done = subprocess.run([meson, "introspect", "--" + what, build], check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def main():
    meson, build, *suites = sys.argv[1:]
    needed = set()
    for test in introspect(meson, build, "tests"):
        if any(suite.rpartition(":")[2] in suites for suite in test["suite"]):
            needed.update(test["depends"])
    root = os.path.realpath(build)
    for target in introspect(meson, build, "targets"):
        if target["id"] in needed:
            for path in target["filename"]:
                print(os.path.relpath(os.path.realpath(path), root))


if __name__ == "__main__":
    main()
