#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Memory that somebody else can order: what a region says it has and what is not there, read by
the writer, by `stat` and by `verify`.

What is counted are the blocks of the files: reading a hole of a tmpfs makes pages of it, for
whoever reads.
"""
import ctypes
import os
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "torture"))
import rig
from rig import check, equal, harness, wait_for

LIARS = 20
RING_BYTES = 1 << 30
PAGE_BYTES = 4096
KEEP_SIZE, PUNCH_HOLE = 1, 2
libc = ctypes.CDLL(None, use_errno=True)


def liar(pipe, *arguments, **others):
    return rig.start(pipe, "space_liar", *arguments, folder="tests/attack", **others)


def blocks(folder):
    """What all files there really take, in bytes."""
    return sum(path.stat().st_blocks * 512 for path in folder.iterdir())


def push(pipe, count=300):
    """An honest producer: what it pushes has to be written, whatever is beside it."""
    load = pipe.load("--count", count, "--wait", service=f"honest-{len(pipe.processes)}")
    load.wait()
    equal(load.json()["spans"]["accepted"], count, "spans that were accepted")


def look(pipe):
    """The monitors read the same memory."""
    pipe.tool("stat", "--json", "--dir", pipe.runtime)
    pipe.start("otlpipe", "verify", "--json", "--dir", pipe.runtime, pipe.output).wait(None)


def holes(pipe, mode):
    pipe.output.mkdir()
    liar(pipe, mode, pipe.runtime, LIARS, RING_BYTES).wait()
    paths = sorted(pipe.runtime.glob("*.region"))
    equal(len(paths), LIARS, "regions of the liar")
    check(all(path.stat().st_size > RING_BYTES for path in paths), "they say that they are large")
    before = sum(path.stat().st_blocks for path in paths)
    check(before * 512 <= LIARS * 3 * PAGE_BYTES, f"they take {before} blocks")
    writer = pipe.writer()
    push(pipe)
    look(pipe)
    for _ in range(3):
        writer.stop()
        writer = pipe.writer()
    push(pipe)
    writer.stop()
    equal(sum(path.stat().st_blocks for path in paths), before, "blocks of the liar's regions")
    said = writer.err.count("is left aside: its space is not reserved")
    check(said > 0, lambda: f"what the writer says of them:\n{writer.tail()}")
    for path in paths:
        path.unlink()
    pipe.verify()
    equal(pipe.scan()["spans"], 600, "spans of the honest producers")


def the_hole_of_a_region_that_looks_dead_is_not_read(pipe):
    holes(pipe, "sparse")
    harness.reliability(
        "a region of two pages that says it has a ring of 1 GiB, read by writer and tools",
        f"tests/attack/space_liar sparse: {LIARS} of them", LIARS, 0, "attack memory",
    )


def the_hole_of_a_region_that_says_it_was_closed_is_not_read(pipe):
    holes(pipe, "closed")


def a_region_that_gives_its_ring_back_while_it_is_drained_is_put_aside(pipe):
    ring_bytes = 64 << 20
    writer = pipe.writer()
    liars = [liar(pipe, "punch", pipe.runtime, ring_bytes) for _ in range(4)]
    push(pipe)
    for process in liars:
        process.wait()
    wait_for(lambda: not pipe.regions(), "no region is left but broken ones")
    push(pipe)
    writer.stop()
    broken = list(pipe.runtime.glob("*.broken"))
    equal(len(broken), len(liars), "regions that were put aside")
    for path in broken:
        check(path.stat().st_blocks * 512 < ring_bytes,
              f"{path.name} has {path.stat().st_blocks} blocks: it was read on")
        path.unlink()
    equal(writer.err.count("its space is not reserved"), len(liars), "what the writer says")
    equal(pipe.scan()["spans"], 600, "spans of the honest producers")
    harness.reliability(
        "a producer that gives its ring back while it is drained",
        "tests/attack/space_liar punch", len(liars), 0, "attack memory",
    )


def a_closed_region_that_gave_back_what_it_did_not_use_is_drained(pipe):
    """A region that closes in order may do that, and no reader may take it for a liar's."""
    pipe.load("--count", 500, service="honest", lanes=1).wait()
    (name,) = pipe.regions()
    (found,) = pipe.tool("stat", "--json", "--dir", pipe.runtime).json()["regions"]
    path = pipe.runtime / name
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    at = path.stat().st_size
    for ring in reversed(found["rings"]):
        used = (ring["used_bytes"] + PAGE_BYTES - 1) // PAGE_BYTES * PAGE_BYTES
        at -= ring["size_bytes"]
        rc = libc.fallocate(descriptor, KEEP_SIZE | PUNCH_HOLE, ctypes.c_long(at + used),
                            ctypes.c_long(ring["size_bytes"] - used))
        equal(rc, 0, "fallocate")
    os.close(descriptor)
    check(path.stat().st_blocks * 512 < path.stat().st_size // 2, "most of the region was given back")
    (pipe.output / "traces").mkdir(parents=True)
    found = pipe.verify()
    equal(found["spans"]["in_rings_items"], 500, f"spans that verify counts in the ring: {found}")
    writer = pipe.writer()
    wait_for(lambda: not pipe.regions(), "the region is drained and gone")
    writer.stop()
    pipe.verify()
    equal(pipe.scan()["spans"], 500, "spans")


harness.run(
    [
        the_hole_of_a_region_that_looks_dead_is_not_read,
        the_hole_of_a_region_that_says_it_was_closed_is_not_read,
        a_region_that_gives_its_ring_back_while_it_is_drained_is_put_aside,
        a_closed_region_that_gave_back_what_it_did_not_use_is_drained,
    ]
)
