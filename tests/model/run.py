#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks one model of the protocol with Spin: the model as it is, in every size of the table below,
must be without an error, searched to its end; each of its faults must give one, and so must each
REACH_…, which claims that something never happens that the properties are about.

usage: run.py MODEL CC [--large]
  MODEL    ring, order or sleep
  --large  the sizes that take minutes too
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SKIPPED = 77  # meson's exit status for a skipped test
MEMORY_MIB = 3000
DEPTH = 100_000

SOUND = {
    "ring": [
        "-DRING_WORDS=5 -DPUSHES=2 -DWRITER_DEATHS=0",
        "-DRING_WORDS=3 -DPUSHES=2 -DWRITER_DEATHS=1",
        "-DRING_WORDS=3 -DPUSHES=1 -DWRITER_DEATHS=2",
    ],
    "order": ["", "-DTSO"],
    "sleep": ["", "-DTSO"],
}
LARGE = {"ring": ["-DRING_WORDS=5 -DPUSHES=2 -DWRITER_DEATHS=1"]}

# Where stores keep their order these do no harm: what a machine like that cannot show.
HARMLESS_WITH_TSO = {"FAULT_COMMIT_WITHOUT_RELEASE", "FAULT_HEAD_WITHOUT_RELEASE"}


def switches(model):
    """The faults and the claims, as the model's own #ifdefs name them."""
    with open(os.path.join(HERE, model + ".pml"), encoding="utf-8") as text:
        names = re.findall(r"^#ifn?def ((?:FAULT|REACH)_\w+)", text.read(), re.M)
    return sorted(set(names))


def check(model, defines, compiler):
    """The number of errors, the states, and what Spin said first."""
    with tempfile.TemporaryDirectory(prefix="model-", dir=os.getcwd()) as folder:
        for name in (model + ".pml", "memory.pml"):
            shutil.copy(os.path.join(HERE, name), folder)

        def call(*command):
            done = subprocess.run(
                command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True
            )
            if done.returncode != 0:
                sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
            return done.stdout

        generated = call("spin", "-a", *defines.split(), model + ".pml")
        if "Error" in generated or not os.path.exists(os.path.join(folder, "pan.c")):
            sys.exit(f"spin -a {defines} {model}.pml:\n{generated}")
        # pan is generated code: its warnings are not ours.
        call(
            *compiler.split(), "-O2", "-w", "-DSAFETY", "-DCOLLAPSE", "-DVECTORSZ=2048",
            f"-DMEMLIM={MEMORY_MIB}", "-o", "pan", "pan.c",
        )
        said = call("./pan", f"-m{DEPTH}")
    errors = re.search(r"errors: (\d+)", said)
    states = re.search(r"(\d+) states, stored", said)
    if errors is None or states is None or "max search depth too small" in said:
        sys.exit(f"{model} {defines}: not searched to the end\n{said}")
    if "Search not completed" in said and int(errors[1]) == 0:
        sys.exit(f"{model} {defines}: not searched to the end\n{said}")
    first = re.search(r"^pan:1: (.*)$", said, re.M)
    return int(errors[1]), int(states[1]), first[1] if first else ""


def main():
    model, compiler = sys.argv[1:3]
    if shutil.which("spin") is None:
        print("skipped: there is no spin")
        return SKIPPED
    failed = 0
    for defines in SOUND[model] + (LARGE.get(model, []) if "--large" in sys.argv else []):
        errors, states, first = check(model, defines, compiler)
        print(f"{model} {defines or '(as it is)'}: {errors} errors, {states} states {first}")
        failed += errors != 0
    for name in switches(model):
        for order in (["", " -DTSO"] if model != "ring" else [""]):
            errors, states, first = check(model, f"-D{name}{order}", compiler)
            wanted = 0 if order and name in HARMLESS_WITH_TSO else 1
            verdict = "as it should be" if (errors != 0) == bool(wanted) else "WRONG"
            found = first if errors else f"no error in {states} states"
            print(f"{model} -D{name}{order}: {found}: {verdict}")
            failed += verdict == "WRONG"
    print(f"{failed} wrong")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
