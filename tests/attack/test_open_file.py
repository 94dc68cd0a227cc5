#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The data file that the writer has open is removed, replaced, moved away or cut: by a cleaner, a
rotation of logs, an editor. The writer wrote on into what nobody could find: 30,000 spans, and no word.

usage: test_open_file.py BUILD_DIR [words of test names…]
"""
import os
import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "pipeline"))
import harness
from harness import check, equal, wait_for

SYNCS = ("batch", "interval", "none")
MORE = 1500


def open_file(pipe):
    """The one for spans, once the writer has begun it."""
    return wait_for(
        lambda: next((path for name, path in pipe.files("open") if name == "traces"), None),
        "a file is open")


def traces(pipe):
    return pipe.tool("stat", "--json", "--dir", pipe.runtime).json()["writer"]["signals"]["traces"]


def remove(pipe, path):
    path.unlink()


def replace(pipe, path):
    """As an editor saves, with what the editor has read."""
    other = pipe.scratch / "edited"
    shutil.copyfile(path, other)
    os.replace(other, path)


def move(pipe, path):
    """Into a directory of its own, where it can be counted."""
    folder = pipe.scratch / f"moved-{path.name}" / "traces"
    folder.mkdir(parents=True)
    (folder.parent / "metrics").mkdir()
    path.rename(folder / path.name.removesuffix(".open"))
    return folder.parent


def what_is_written_after_it_is_taken_away_is_not_lost(pipe):
    runs = 0
    for sync in SYNCS:
        for way, said in ((remove, "was removed or replaced"), (replace, "was removed or replaced"),
                          (move, "was moved away")):
            label = f"{way.__name__}-{sync}"
            pipe.output = pipe.scratch / f"data-{label}"
            writer = pipe.writer("--sync", sync)
            load = pipe.endless_load("--rate", 4000, "--retry", service=label)
            wait_for(lambda: traces(pipe)["written_items"] > 500, "some are written")
            path = open_file(pipe)
            moved = way(pipe, path)
            wait_for(lambda: said in writer.err, f"{label}: the writer says what was done")
            check(f"{path} {said}" in writer.err, lambda: f"{label}: which file?\n{writer.err}")
            before = traces(pipe)["written_items"]
            wait_for(lambda: traces(pipe)["written_items"] > before + MORE, f"{label}: it goes on")
            load.stop()
            wait_for(lambda: not pipe.regions(), "the regions are drained")
            if way is replace:
                # Somebody's own file, which the writer leaves where it is.
                check(path.exists(), f"{label}: the writer removed a file that is not its own")
                path.unlink()
            writer.stop()
            found = pipe.scan(pipe.output, *([moved] if moved else []))
            for kind in ("spans", "points"):
                equal(found[kind], load.json()[kind]["accepted"], f"{label}: {kind}")
            equal(traces_lost(writer), 0, f"{label}: what the writer says is lost")
            # Without a sync nothing of it was durable: all of it is written once more.
            has_some = moved and any(p.stat().st_size for p in (moved / "traces").iterdir())
            pipe.verify(expected=1 if has_some else 0)
            runs += 1
    harness.reliability("the open data file is removed, replaced or moved away",
                        "unlink, rename over it, rename, under the writer; --sync batch, interval, none",
                        runs, 0, "attack open_file")


def traces_lost(writer):
    """From its last line: "stopped: … N lost"."""
    return int(writer.err.split("stopped: ")[-1].split(" lost")[0].split()[-1])


def what_was_durable_before_a_cut_alone_is_lost_and_said(pipe):
    """Nobody can bring that back: what a ring still has is written, and what was cut is told."""
    runs = reported = 0
    for sync in SYNCS:
        for keeps in (0, 1):
            label = f"cut-{sync}-{keeps}"
            pipe.output = pipe.scratch / f"data-{label}"
            writer = pipe.writer("--sync", sync)
            pipe.load("--count", 300, "--wait", "--metric-ring-bytes", "64KiB",
                      service=f"{label}-first").wait()
            wait_for(lambda: not pipe.regions(), "the first is drained")
            bytes_of_first = traces(pipe)["batch_bytes"]
            pipe.load("--count", 200, "--wait", service=f"{label}-second").wait()
            wait_for(lambda: not pipe.regions(), "the second is drained")
            if sync == "interval":
                harness.nap(0.5)  # most likely synced; either way it is said
            path = open_file(pipe)
            os.truncate(path, bytes_of_first if keeps else 0)
            third = pipe.load("--count", 700, "--wait", service=f"{label}-third")
            third.wait()
            wait_for(lambda: f"{path} was cut" in writer.err, f"{label}: the writer says it")
            wait_for(lambda: not pipe.regions(), "the third is drained")
            writer.stop()
            found = pipe.scan()
            services = {name: counts["spans"] for name, counts in found["services"].items()}
            equal(services.get(f"{label}-first", 0), 300 if keeps else 0, f"{label}: of the first")
            equal(services.get(f"{label}-second", 0), 0, f"{label}: of the second")
            equal(services[f"{label}-third"], 700, f"{label}: of the third")
            check("are lost: it was cut" in writer.err or traces_lost(writer) > 0,
                  lambda: f"{label}: nobody is told what is lost\n{writer.err}")
            pipe.verify(expected=1)
            runs += 1
            reported += 200 if keeps else 500
    harness.reliability("the open data file is cut to a part or to nothing",
                        "truncate under the writer; --sync batch, interval, none", runs, 0,
                        "attack open_file", reported)


harness.run(
    [
        what_is_written_after_it_is_taken_away_is_not_lost,
        what_was_durable_before_a_cut_alone_is_lost_and_said,
    ]
)
