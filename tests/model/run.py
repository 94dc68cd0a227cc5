#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the models of the protocol with Spin, and that each deliberate fault is found.

usage: run.py BUILD_FOLDER COMPILER… [--only NAME]

The sound models must be without errors, searched to the end within their bounds, and each of
their statements must have been reached in one of its configurations: what never happens in a
model is not checked by it. docs/protocol.md says what they are.
"""
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SKIP = 77
MEMORY_MIB = 1500
DEPTH_MAX = 20000
TIMEOUT_S = 600

# name: model, its bounds. Those of one group reach together what no other of the group need reach.
SOUND = {
    "one thread": ("ring", "START=4 THREADS=1 PUSHES=4 BATCHES=2 KILLS=2", "ring"),
    "two threads": ("ring", "START=4 THREADS=2 PUSHES=2 BATCHES=1 KILLS=1", "ring"),
    "buffers": ("ring", "START=4 THREADS=1 PUSHES=2 BATCHES=1 KILLS=1 BUFFERS", "buffers"),
    "recovery": ("recover", "ITEMS=3 KILLS=2 ABSENCES=2", "recovery"),
    "table": ("table", "", "table"),
    "sleep": ("sleep", "", "sleep"),
    "deep, killed": ("deep", "PUSHES=1 LATER_PUSHES=1 KILLER", "deep"),
    "deep, filtered": ("deep", "PUSHES=2 LATER_PUSHES=0 STOPPER FILTERED", "deep"),
    "deep, led away": ("deep", "PUSHES=2 LATER_PUSHES=0 THIEF STOPPER", "deep"),
    "deep, lanes": ("deep", "PUSHES=1 LATER_PUSHES=1 LANES", "deep"),
    "lanes, killed": ("lanes", "THREADS=2 PUSHES=2 ROOM=1 KILLS=0 KILLER", "lanes"),
    "lanes, held up": ("lanes", "THREADS=2 PUSHES=2 ROOM=1 KILLS=1 STUCK", "lanes"),
    "lanes, lied to": ("lanes", "THREADS=1 PUSHES=3 ROOM=1 KILLS=1 KILLER LIAR", "lanes"),
    "lanes, asleep": ("lanes_sleep", "", "lanes asleep"),
}

DEADLOCK = "invalid end state"
# name: where it must be found, and by what: a deadlock, or words of the assertion.
FAULTS = {
    "NO_CAS": ("two threads", "tail"),
    "NO_FULL": ("one thread", "end-memory"),
    "PAYLOAD_FIRST": ("one thread", "word>>5"),
    "NO_PADDING_WORD": ("one thread", DEADLOCK),
    "HEAD_FIRST": ("one thread", "memory[i]==0"),
    "NO_ZERO": ("one thread", "memory[i]==0"),
    "DONE_AFTER_ZERO": ("one thread", "word>>5"),
    "ONE_SLOT": ("one thread", "done_items==items_counted"),
    "INIT_AT_HEAD": ("one thread", ""),
    "INIT_NO_ZERO": ("one thread", "memory[i]==0"),
    "TAIL_FIRST": ("one thread", "==tail"),
    "HOLE_TO_TAIL": ("two threads", "ids_counted==ids_committed"),
    "NO_LEDGER": ("one thread", "ids_counted>>i"),
    "GAP": ("one thread", "ids_counted==ids_committed"),
    "RELEASE_EARLY": ("one thread", "ids_counted==ids_committed"),
    "NO_RELEASE_COMMIT": ("buffers", "memory[((read%6)+i)]"),
    "NO_RELEASE_ABORT": ("buffers", "memory[i]==0"),
    "NO_FENCE_CLAIM": ("buffers", "word>>5"),
    "NO_RELEASE_HEAD": ("buffers", "memory["),
    "NO_RELEASE_DONE": ("buffers", "done>=head"),
    "NO_FENCE_DONE": ("buffers", "word>>5"),
    "NO_ACQUIRE_COMMIT": ("buffers", "early"),
    "REGION_DECIDES": ("recovery", "is_released"),
    "ABSENT_IS_GONE": ("recovery", "copies[from_a[seen]]==0"),
    "SEAL_BEFORE_CLAIM": ("recovery", "copies[from_a[seen]]==0"),
    "CLAIM_IS_NOT_TOLD": ("recovery", "copies[from_a[seen]]==0"),
    "NO_RELEASE_TABLE_REFERENCE": ("table", "memory[1]"),
    "NO_MEMBARRIER": ("sleep", "memory[0]-memory[4]"),
    "NO_LAST_LOOK": ("sleep", "memory[0]-memory[4]"),
    "WAIT_WITHOUT_VALUE": ("sleep", "memory[0]-memory[4]"),
    "SLEEP_WHILE_BUSY": ("sleep", "memory[0]-memory[4]"),
    "HALF_BEFORE_CLAIM": ("sleep", "memory[0]-memory[4]"),
    "FLUSH_WAIT_WITHOUT_VALUE": ("sleep", DEADLOCK),
    "FLUSH_OF_RELEASED": ("sleep", DEADLOCK),
    "FLUSHED_READ_LATE": ("sleep", DEADLOCK),
    "NOTIFY_BEFORE_HEAD": ("sleep", DEADLOCK),
    "DEEP_NO_FENCE_CLAIM": ("deep, killed", "is_deep"),
    "DEEP_NO_FENCE_ANNOUNCE": ("deep, killed", "is_deep"),
    "DEEP_MOVE_LATE": ("deep, filtered", "is_deep"),
    "DEEP_CLEAR_FIRST": ("deep, killed", "is_deep"),
    "DEEP_CLEAR_ANY": ("deep, killed", "is_deep"),
    "DEEP_NO_TIME": ("deep, led away", "is_deep"),
    "DEEP_WORD_UNCHANGED": ("deep, filtered", "is_deep"),
    "DEEP_ONE_LANE": ("deep, lanes", "is_deep"),
    "DEEP_LOOK_AT_ONE_LANE": ("deep, lanes", "is_deep"),
    "LANE_DROPS_AT_ONCE": ("lanes, killed", "was_full"),
    "LANE_FULL_BY_CACHED": ("lanes, killed", "was_full"),
    "LANE_BUSY_ENDS_TURN": ("lanes, held up", "has_taken"),
    "LANE_BATCH_TO_TAIL": ("lanes, killed", "counted==committed"),
    "LANE_BATCH_BY_FIRST": ("lanes, held up", "counted&batch_ids"),
    "LANE_LIE_BELIEVED": ("lanes, lied to", "head["),
    "LANE_USED_LATE": ("lanes, asleep", "memory["),
    "LANE_NEWS_OF_KNOWN": ("lanes, asleep", "memory["),
}


class Failure(Exception):
    pass


def command(arguments, folder):
    try:
        done = subprocess.run(arguments, cwd=folder, stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise Failure(f"{arguments[0]} takes longer than {TIMEOUT_S} s") from None
    return done.returncode, done.stdout


def pan(build, compiler, name, fault=None):
    """Makes the checker in a folder of its own and runs it; returns what it printed."""
    model, bounds, _ = SOUND[name]
    defines = [f"-D{bound}" for bound in bounds.split()]
    if fault is not None:
        defines.append(f"-DFAULT_{fault}")
    with tempfile.TemporaryDirectory(prefix="model-", dir=build) as folder:
        # By its name alone: Spin gives the path to a shell.
        shutil.copy(os.path.join(HERE, f"{model}.pml"), folder)
        # -o3: statements are not merged, so that each is reported if it was not reached.
        status, output = command(["spin", "-o3", *defines, "-a", f"{model}.pml"], folder)
        if status != 0 or "Error" in output:
            raise Failure(f"spin: {output}")
        # A fault is found in no time, but for the compiler's.
        flags = ["-O2" if fault is None else "-O0", "-w", "-DSAFETY", "-DCOLLAPSE",
                 f"-DMEMLIM={MEMORY_MIB}"]
        status, output = command([*compiler, *flags, "-o", "pan", "pan.c"], folder)
        if status != 0:
            raise Failure(f"compiler: {output}")
        _, output = command([os.path.join(folder, "pan"), f"-m{DEPTH_MAX}"], folder)
    return output


def number(pattern, output):
    found = re.search(pattern, output)
    if found is None:
        raise Failure(f"no {pattern!r} in what pan says:\n{output}")
    return int(found.group(1))


def check_whole(output):
    """The search went to its end: nothing was cut off."""
    for word in ("max search depth too small", "out of memory", "Search not completed",
                 "memory limit", "aborted", "hash-compact", "bitstate"):
        if word in output:
            raise Failure(f"{word!r}:\n{output}")
    if "Full statespace search" not in output or "unreached in" not in output:
        raise Failure(f"no full search:\n{output}")


def unreached(output):
    """Statements that never ran, the ends of those that go on for ever left out."""
    return {
        line.strip()
        for line in output.splitlines()
        if re.match(r"\s+\S+:\d+, state \d+, ", line) and '"-end-"' not in line
    }


def spent():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def check_sound(build, compiler, name):
    output = pan(build, compiler, name)
    errors = number(r"errors: (\d+)", output)
    if errors != 0:
        raise Failure(f"{errors} errors:\n{output}")
    check_whole(output)
    states = number(r"(\d+) states, stored", output)
    depth = number(r"depth reached (\d+)", output)
    print(f"{name}: no errors, {states} states, depth {depth}", end="", flush=True)
    return unreached(output)


def check_fault(build, compiler, fault):
    name, expected = FAULTS[fault]
    output = pan(build, compiler, name, fault)
    found = re.search(r"^pan:1: (.*) \(at depth (\d+)\)", output, re.MULTILINE)
    if found is None:
        raise Failure(f"nothing was found:\n{output}")
    if expected not in found.group(1):
        raise Failure(f"{found.group(1)!r} was found, not {expected!r}")
    states = number(r"(\d+) states, stored", output)
    print(f"{fault} in {name!r}: found, {states} states: {found.group(1)}", end="", flush=True)


def check_tables():
    """Each fault of the models is in the table above, and the other way round."""
    written = set()
    for model in {model for model, _, _ in SOUND.values()}:
        with open(os.path.join(HERE, f"{model}.pml"), encoding="utf-8") as text:
            written |= set(re.findall(r"^#.*?\bFAULT_([A-Z_]+)", text.read(), re.MULTILINE))
    if written != set(FAULTS):
        raise Failure(f"not in both the models and run.py: {sorted(written ^ set(FAULTS))}")


def main():
    arguments, only = sys.argv[1:], None
    if "--only" in arguments:
        at = arguments.index("--only")
        only = arguments[at + 1]
        del arguments[at:at + 2]
    build, compiler = arguments[0], arguments[1:]
    if shutil.which("spin") is None:
        print("skipped: no spin here (Debian: spin, in scripts/packages.txt)")
        return SKIP
    failures, groups, started = 0, {}, spent()
    try:
        check_tables()
    except Failure as failure:
        print(f"FAILED: {failure}")
        return 1
    for what in [*SOUND, *FAULTS]:
        if only not in (None, what):
            continue
        before = spent()
        try:
            if what in SOUND:
                groups.setdefault(SOUND[what][2], []).append(check_sound(build, compiler, what))
            else:
                check_fault(build, compiler, what)
            print(f"  ({spent() - before:.1f} s)")
        except Failure as failure:
            failures += 1
            print(f"{what}: FAILED: {failure}")
    if only is None:
        for group, left in groups.items():
            for statement in sorted(set.intersection(*left)):
                failures += 1
                print(f"{group}: FAILED: never reached: {statement}")
    print(f"{spent() - started:.0f} s of one core, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
