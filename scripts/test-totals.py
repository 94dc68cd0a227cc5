#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Reads meson's testlog.json (one JSON object a line) for scripts/test.sh.

usage: test-totals.py LOG                      prints "passed failed skipped"
       test-totals.py --explain LINES LOG      prints what failed or was skipped, with its output
"""
import json
import re
import sys

# Lines of cmocka, of TAP and of a sanitizer that say what went wrong.
WHY = re.compile(r"\[ +(ERROR|LINE) +\]|not ok |.*(runtime error: |ERROR: )")
WHY_LINES_MAX = 20
PASSED = {"OK", "EXPECTEDFAIL"}
SKIPPED = {"SKIP", "IGNORED"}


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as log:
            return [json.loads(line) for line in log if line.strip()]
    except FileNotFoundError:
        return []


def kind(test):
    """Anything that is neither a pass nor a skip failed: a timeout or an interruption too."""
    if test["result"] in PASSED:
        return "passed"
    return "skipped" if test["result"] in SKIPPED else "failed"


def explain(tests, lines_max):
    for test in tests:
        if kind(test) == "passed":
            continue
        print(f"    {kind(test).upper()} {test['name']} ({test['result']}, {test['duration']:.1f} s)")
        output = (test.get("stdout") or "") + "\n" + (test.get("stderr") or "")
        limit = lines_max if kind(test) == "failed" else 3
        lines = output.rstrip().splitlines()
        # What failed comes first: a sanitizer's report behind it may be longer than the limit.
        for line in [line for line in lines[:-limit] if WHY.match(line)][:WHY_LINES_MAX]:
            print(f"      ! {line}")
        for line in lines[-limit:]:
            print(f"      | {line}")


def main(arguments):
    if len(arguments) == 3 and arguments[0] == "--explain":
        explain(read(arguments[2]), int(arguments[1]))
        return 0
    if len(arguments) != 1:
        sys.exit(__doc__)
    kinds = [kind(test) for test in read(arguments[0])]
    print(*(kinds.count(name) for name in ("passed", "failed", "skipped")))
    return 0


sys.exit(main(sys.argv[1:]))
