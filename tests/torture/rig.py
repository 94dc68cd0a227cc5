# SPDX-License-Identifier: Apache-2.0
"""What the tests of kills and faults share, on top of the pipeline's harness: producers that keep
a ledger of what was accepted, the comparison with the disk, and the line for docs/reliability.md.
"""
import json
import os
import pathlib
import subprocess
import sys

sys.dont_write_bytecode = True  # a test leaves nothing in the source tree
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "pipeline"))
import harness
from harness import (  # noqa: F401: used by the tests
    Failure, Skip, check, equal, nap, reliability, wait_for,
)

SIGKILLED = -9


def start(pipe, name, *arguments, runtime=None, folder="tests/torture", prefix=(), **others):
    environment = {"OTLPIPE_DIR": str(runtime or pipe.runtime), **others.pop("environment", {})}
    command = [*prefix, pipe.build / folder / name, *arguments]
    return harness.Process(pipe, name, command, environment, **others)


def producer(pipe, ledger, first_slot, threads, *arguments, **others):
    return start(pipe, "torture_producer", ledger, first_slot, threads, *arguments, **others)


def drain(pipe, output, *arguments, runtime=None, expected=0, **others):
    """A writer that takes what is there and goes."""
    command = ["--drain", "--dir", runtime or pipe.runtime, "--output", output, *arguments]
    process = start(pipe, "otlpipe-writer", *command, folder="writer", **others)
    process.wait(expected)
    return process


def compare(pipe, ledger, *outputs, flags=(), expected=0):
    """The records on the disk with those that were accepted; returns torture_check's counts."""
    process = start(pipe, "torture_check", ledger, *flags, *outputs)
    process.wait(expected)
    return process.json()


def quick_compare(pipe, ledger, *outputs, subset=False):
    """The same for loops of many: no files, no record of the process."""
    flags = ["--subset"] if subset else []
    command = [pipe.build / "tests/torture/torture_check", ledger, *flags, *outputs]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    text = done.stdout.decode("utf-8", "replace")
    check(done.returncode == 0, text)
    return json.loads(text.splitlines()[-1])


def verify(pipe, output, runtime=None, expected=0):
    """`otlpipe verify` says yes, or what is expected; returns what it prints. Not for rings whose records went to
    several output directories in turn: there the ranges in one have gaps."""
    command = ["verify", "--json", "--dir", runtime or pipe.runtime, output]
    process = start(pipe, "otlpipe", *command, folder="cli")
    process.wait(expected)
    return process.json()


def regions(runtime):
    return sorted(n for n in os.listdir(runtime) if n.endswith(".region"))


def writer_symbol(pipe, name):
    """The offset of a function in the writer's executable."""
    listing = subprocess.run(
        ["nm", pipe.build / "writer/otlpipe-writer"], stdout=subprocess.PIPE, check=True
    ).stdout.decode()
    for line in listing.splitlines():
        words = line.split()
        if len(words) == 3 and words[2] == name:
            return words[0]
    raise Skip(f"the writer has no symbol {name}")
