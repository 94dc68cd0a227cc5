#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Holds instructions and bytes of a record to what budget.txt says: figures that do not flap.

Instructions are callgrind's, of a release build by the compiler that the budget was recorded with;
elsewhere the test is skipped. More than the margin above the budget fails. Less passes, and asks
for a new record once it is a lot less, so that the gain is held too.

usage: check_budget.py PROGRAM BUDGET COMPILER BUILDTYPE [--record]
  COMPILER   such as gcc-12-x86_64
  BUILDTYPE  release, or the test is skipped
"""

import os
import shutil
import subprocess
import sys
import tempfile

SUBJECTS = {
    "push_S": "counted_spans",
    "push_S_shaped": "counted_spans",
    "push_S0": "counted_spans",
    "push_S_no_scope": "counted_spans",
    "push_S0_no_scope": "counted_spans",
    "push_S0_lanes": "counted_spans",
    "push_M_point": "counted_metrics",
    "push_L": "counted_logs",
    "push_L_shaped": "counted_shaped_logs",
    "encode_S": "counted_encode",
    "encode_M_point": "counted_encode",
    "encode_L": "counted_encode",
    "parse_S": "counted_parse",
    "parse_M_point": "counted_parse",
    "parse_L": "counted_parse",
    "find_of_500": "counted_finds",
    "drain_S": "counted_drain",
    "drain_S_shaped": "counted_drain",
    "drain_S0": "counted_drain",
    "drain_L": "counted_drain",
    "drain_M_point": "counted_drain",
    "turn_1_lane": "counted_turns",
    "turn_8_lanes": "counted_turns",
    "turn_8_lanes_used": "counted_turns",
}
INSTRUCTIONS_MARGIN = 0.05
BYTES_MARGIN = 0.0
GAIN_WORTH_RECORDING = 0.10
SKIPPED = 77  # meson's exit status for a skipped test


def skip(why):
    print(f"skipped: {why}")
    sys.exit(SKIPPED)


def measure(program, subject, folder):
    """Instructions and bytes of one operation."""
    out = os.path.join(folder, "callgrind.out")
    # Of its own: what others pushed is still there, and a turn of the writer would look at it.
    environment = dict(os.environ, OTLPIPE_DIR=os.path.join(folder, "runtime-" + subject))
    environment.pop("OTEL_RESOURCE_ATTRIBUTES", None)
    command = [
        "valgrind",
        "--tool=callgrind",
        "--quiet",
        f"--callgrind-out-file={out}",
        "--collect-atstart=no",
        f"--toggle-collect={SUBJECTS[subject]}",
        program,
        subject,
    ]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=folder)
    if done.returncode != 0:
        sys.exit(f"{subject}: exit {done.returncode}\n{done.stderr}")
    said = dict(line.split() for line in done.stdout.splitlines())
    with open(out, encoding="utf-8") as lines:
        total = next(line for line in lines if line.startswith(("summary:", "totals:")))
    instructions = int(total.split()[1])
    if instructions == 0:
        sys.exit(f"{subject}: callgrind counted nothing")
    return round(instructions / int(said["operations"]), 1), round(float(said["bytes"]), 1)


def measure_all(program):
    with tempfile.TemporaryDirectory(prefix="budget-", dir=os.getcwd()) as folder:
        return {subject: measure(program, subject, folder) for subject in SUBJECTS}


def read(path):
    """The compiler, and the budget of each subject."""
    with open(path, encoding="utf-8") as lines:
        rows = [line.split() for line in lines if line.strip() and not line.startswith("#")]
    compiler = next(row[1] for row in rows if row[0] == "compiler")
    return compiler, {row[0]: (float(row[1]), float(row[2])) for row in rows if row[0] in SUBJECTS}


def write(path, compiler, measured):
    with open(path, "w", encoding="utf-8") as out:
        out.write("# SPDX-License-Identifier: Apache-2.0\n")
        out.write("# Recorded by tests/budget/record.sh, held by check_budget.py.\n")
        out.write("# subject, instructions (callgrind) and bytes of one span, data point or log record:\n")
        out.write("# in the ring for a push, of the output for encoding and draining; for a turn those\n")
        out.write("# of one idle region\n")
        out.write(f"compiler {compiler}\n")
        for subject, (instructions, size) in measured.items():
            out.write(f"{subject} {instructions} {size}\n")


def check(measured, budget):
    failed = 0
    for subject, values in measured.items():
        margins = (INSTRUCTIONS_MARGIN, BYTES_MARGIN)
        for name, value, held, margin in zip(
            ("instructions", "bytes"), values, budget[subject], margins
        ):
            change = value / held - 1
            verdict = "ok"
            if value > held * (1 + margin):
                verdict = f"FAILED: more than {margin:.0%} above the budget"
                failed += 1
            elif change < -GAIN_WORTH_RECORDING:
                verdict = "ok, and a lot less: record it with tests/budget/record.sh"
            figures = f"{value:8.1f}  budget {held:8.1f}  {change:+7.1%}"
            print(f"{subject:15s} {name:12s} {figures}  {verdict}")
    return failed


def main():
    program, path, compiler, buildtype = (os.path.abspath(sys.argv[1]), *sys.argv[2:5])
    if shutil.which("valgrind") is None:
        skip("there is no valgrind")
    if buildtype != "release":
        skip("instructions are those of a release build without a sanitizer")
    if "--record" in sys.argv[5:]:
        write(path, compiler, measure_all(program))
        return 0
    recorded, budget = read(path)
    if recorded != compiler:
        skip(f"the budget is for {recorded}, this is {compiler}")
    missing = set(SUBJECTS) - set(budget)
    if missing:
        sys.exit(f"not in the budget: {', '.join(sorted(missing))}; run tests/budget/record.sh")
    return 1 if check(measure_all(program), budget) else 0


if __name__ == "__main__":
    sys.exit(main())
