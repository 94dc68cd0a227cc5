#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A region contradicts the files while no writer runs. It loses its own, is named and put aside, and
nobody else loses or repeats anything: what a file proves is never taken back for a region's word.

usage: test_recovery.py BUILD_DIR [words of test names…]
"""
import pathlib
import shutil
import sys

sys.dont_write_bytecode = True
import recovery_rig
from recovery_rig import Dead, id_of, liar, rig, ring
from rig import check, equal, reliability, wait_for

TRIES = 4000
# What a liar stores into the ring of its spans. "broken": its region has to be put aside; "refused":
# what stands there can be no ring's, so it is not opened; "any": nobody need notice.
LIES = {
    "set back to its beginning": (("head=0", "tail=0", "done=0", "written=0"), "broken"),
    "set back, with the space still taken": (("head=0", "done=0"), "broken"),
    "set back so that all of it seems to come again": (("head=0", "done=0", "written=0"), "any"),
    "done in the middle of a batch": (("head=-8", "done=-8"), "broken"),
    "done before its head": (("head=+8",), "refused"),
    "done behind its tail": (("done=+8",), "refused"),
    "a tail that went back": (("tail=-8",), "refused"),
    "all of it done, and nothing counted": (("written=0",), "any"),
    "more counted than there ever was": (("written=+1000000", "accepted=+5"), "any"),
    "made at another time": (("start=+1",), "broken"),
    "a flush that waits for ever": (("flush=0xffffffffffffff00",), "any"),
    "another round of the ring": (("tail=+65536", "done=+65536", "head=+65536"), "any"),
}


def end(pipe, name, said, result, region, runtime):
    """The next writer has done with it: was it noticed as it should be, and nobody else named?"""
    broken = runtime / (region + ".broken")
    if result != "any":
        equal((broken.exists(), f"{region} is left aside" in said),
              (result == "broken", result == "refused"), f"{name}: broken, left aside\n{said}")
    for line in said.splitlines():
        if ".region" in line:
            check(region in line, f"{name}: another region is named: {line}")
    for path in (broken, runtime / region):
        path.unlink(missing_ok=True)


def a_liar_takes_no_released_batch_away(pipe):
    """40,000 spans and points of an honest one stand behind the liar's in an open file, synced and
    given back; then the writer is killed, and the liar lies."""
    for name, (words, result) in LIES.items():
        output, ledger = (pipe.scratch / f"{kind}-{len(pipe.processes)}" for kind in ("out", "ledger"))
        files = (*recovery_rig.FILES[:-2], "--interval", "5ms")
        writer = pipe.writer(*files, output=output, interval=None)
        hostile = rig.start(pipe, "ring_liar", "push", pipe.runtime, 100, folder="tests/attack")
        wait_for(lambda: hostile.out.endswith("\n"), "the liar's spans are written")
        region = pathlib.Path(hostile.out.strip())
        rig.producer(pipe, ledger, 0, 2, "--tries", TRIES, "--burst", 64, "--pause-us", 100).wait()
        # Closed in order, so that all of it has been given back and its region is gone.
        wait_for(lambda: pipe.regions() == [region.name], "the honest one's are written")
        writer.kill()
        check(pipe.files("open", output), "the killed writer leaves an open file")
        liar(pipe, "set", region, 0, *words)
        writer = pipe.writer(*files, output=output, interval=None)
        hostile.kill()
        if result != "refused":
            wait_for(lambda: not pipe.regions(), f"{name}: the liar's region is done with", limit=60)
        writer.stop()
        end(pipe, name, writer.err, result, region.name, pipe.runtime)
        found = rig.compare(pipe, ledger, output, flags=["--liar", id_of(region)])
        equal((found["items"], found["lost"], found["invalid"]), (2 * TRIES, 0, 0), name)
        recovery_rig.verify(pipe, output, pipe.runtime, id_of(region))
    reliability("a region that is set back, or lies otherwise, before a writer starts",
                "tests/attack/ring_liar changes the ring of a producer; its batches are in the file",
                len(LIES), 0, "attack recovery")


def a_liar_takes_no_batch_away_that_nobody_was_released_for(pipe):
    """Here the batch with the liar's spans and those of others was written, and not yet given back:
    for the others it counts once."""
    dead = Dead(pipe, tries=60, spans=50)
    runs = 0
    for name, (words, result) in LIES.items():
        dead.kill_behind_write()
        liar(pipe, "set", dead.runtime / dead.liar, 0, *words)
        said = dead.drain()
        # Where nothing was given back yet, some lies are none, and others are found out.
        if result == "refused" and f"{dead.liar} is left aside" not in said:
            result = "any"
        end(pipe, name, said, "any" if result == "broken" else result, dead.liar, dead.runtime)
        found = dead.compare()
        equal(found["items"], 4 * 60, name)
        recovery_rig.verify(pipe, dead.output, dead.runtime, id_of(dead.liar))
        runs += 1
    reliability("the same, with its batch written and not given back",
                "the same; the writer is killed behind its first write", runs, 0, "attack recovery")


def calls_of_a_start(pipe, dead, model, regions, files):
    """With so many regions, which are in an open file, and so many sealed files beside it."""

    def begin():
        for path in (dead.runtime, dead.output):
            shutil.rmtree(path, ignore_errors=True)
        dead.runtime.mkdir(mode=0o700)
        liar(pipe, "copy", model, regions, dead.runtime, model)

    dead.begin = begin
    dead.kill_behind_write()
    ((_, path),) = pipe.files("open", dead.output)
    with open(path, "rb") as file:
        batch = file.read(64)
        batch += file.read(int.from_bytes(batch[24:32], "little") - 64)
    for number in range(files):
        name = f"traces-20260101T000000Z-{1000 + number:08d}.binpb"
        (path.parent / name).write_bytes(batch)
    trace = pipe.scratch / "calls"
    strace = ["strace", "-f", "-qq", "-s", "200", "-o", trace]
    rig.harness.Process(pipe, "otlpipe-writer", [*strace, *dead.command(None, None)]).wait()
    lines = trace.read_text(encoding="utf-8", errors="replace").splitlines()
    ready = [number for number, line in enumerate(lines) if "; pid " in line]
    check(ready, "strace saw the writer say that it is ready")
    return ready[0]


def a_start_makes_a_few_calls_for_each_region_and_each_file(pipe):
    if shutil.which("strace") is None:
        raise rig.Skip("there is no strace")
    dead = Dead(pipe, tries=1)
    model = liar(pipe, "die", dead.template, 3, 4096, expected=rig.SIGKILLED).strip()
    few = calls_of_a_start(pipe, dead, model, 32, 32)
    regions = calls_of_a_start(pipe, dead, model, 96, 32) - few
    files = calls_of_a_start(pipe, dead, model, 32, 96) - few
    check(0 < regions <= 64 * 12, f"{regions} calls for 64 regions")
    check(0 < files <= 64 * 8, f"{files} calls for 64 files")


if __name__ == "__main__":
    rig.harness.run([
        a_start_makes_a_few_calls_for_each_region_and_each_file,
        a_liar_takes_no_released_batch_away,
        a_liar_takes_no_batch_away_that_nobody_was_released_for,
    ])
