#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Producers that lie, cut, link and flood, beside honest ones: the writer stays up, the honest lose
nothing, and what is broken is put aside and reported once.

Options: --rounds N (of each hostile process), --files N (in the runtime directory), --test NAME (in
the rows for docs/reliability.md).
"""
import fcntl
import os
import re
import shutil
import struct

import harness

MODES = {
    "scribble": "random words in a region while it is drained",
    "storm": "a process that stores into a region without a pause while it is drained",
    "positions": "lies in head, tail, done, flush positions, counters and states",
    "records": "lies in lengths, counts and nesting depths of committed records",
    "tables": "lies in a region's table of resources and shapes",
    "control": "lies in the control page",
    "cut": "a region cut to any size, and holes in it",
    "names": "links, FIFOs, sockets, directories, devices and odd names among the regions",
    "replace": "another file renamed over a region in use",
    "locks": "a lock that outlives its producer, or is dropped while it pushes on",
}
MEMORY_MAX = 1 << 30  # a sanitizer's own memory included
LOG_BURST_LINES = 16  # of base/log.h: lines of one kind at once; then one a second
IDLE_SECONDS = 1.0


def cpu_seconds(pid):
    fields = open(f"/proc/{pid}/stat", encoding="ascii").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_bytes(pid):
    text = open(f"/proc/{pid}/status", encoding="ascii").read()
    return int(re.search(r"VmHWM:\s+(\d+) kB", text)[1]) * 1024


def is_idle(writer):
    """Less than half of a CPU while nothing happens: a bound on work, which no slow machine breaks."""
    before = cpu_seconds(writer.pid)
    harness.nap(IDLE_SECONDS)
    return cpu_seconds(writer.pid) - before < IDLE_SECONDS / 2


def held(pid):
    """Descriptors and mappings of regions."""
    count = harness.pathlib.Path(f"/proc/{pid}/maps").read_text(encoding="utf-8").count(".region")
    for path in harness.pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            count += ".region" in os.readlink(path)
        except FileNotFoundError:
            pass  # closed meanwhile
    return count


def report(pipe, fault, runs):
    how = "tests/pipeline/hostile_producer beside honest producers, which lose nothing"
    harness.reliability(fault, how, runs, 0, pipe.options["test"])


def left_aside(pipe):
    command = ["stat", "--json", "--dir", pipe.runtime]
    return pipe.tool(*command).json()["writer"]["regions_left_aside"]


def start_honest(pipe, count=0, rate=2000):
    """Their rings have room for what they push while a busy machine stops the writer."""
    rings = ("--span-ring-bytes", "16MiB", "--metric-ring-bytes", "16MiB")
    return [
        pipe.load("--threads", 2, "--rate", rate, "--count", count, "--seed", seed + 1, *rings,
                  service=f"honest-{seed}", lanes=1)
        for seed in range(2)
    ]


def finish_honest(pipe, honest, may_drop=False):
    """They end in order; returns what was accepted by each of them."""
    accepted = []
    for load in honest:
        if load.is_running():
            load.send(harness.signal.SIGTERM)
        load.wait()
        result = load.json()
        for name in ("spans", "points"):
            harness.check(may_drop or result[name]["dropped"] == 0, f"dropped {name}: {result}")
        accepted.append({name: result[name]["accepted"] for name in ("spans", "points")})
    return accepted


def compare(pipe, accepted):
    """Each record that an honest one pushed is in the files once, in order."""
    found = pipe.run("load_scan", pipe.output).json()
    harness.equal(found["duplicates"], 0, "duplicates")
    harness.equal(found["disorder"], 0, "records out of order")
    for index, counts in enumerate(accepted):
        harness.equal(found["services"].get(f"honest-{index}"), counts, f"honest-{index}")


def check_lines(writer):
    """A region is reported once, and no text of a producer reaches the terminal."""
    said = {}
    for line in writer.err.splitlines():
        harness.check(line.isprintable(), lambda: f"an unprintable line: {line!r}")
        match = re.search(r"(\d+-[0-9a-f]{16}\.region) (?:\(|is left aside)", line)
        if match:
            said[match[1]] = said.get(match[1], 0) + 1
    twice = [name for name, count in said.items() if count > 1]
    harness.equal(twice, [], "regions that were reported more than once")
    return said


def clear_runtime(pipe):
    for path in pipe.runtime.iterdir():
        if path.name not in ("control", "writer.lock"):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


def look(pipe):
    """The tool's monitors read the same memory: they may find fault with it, and end in order."""
    for command in (["verify", "--json", "--dir", pipe.runtime, pipe.output],
                    ["stat", "--json", "--dir", pipe.runtime]):
        tool = pipe.start("otlpipe", *command)
        status = tool.wait(None)
        harness.check(status in (0, 1), lambda: f"{command[0]}: {status}\n{tool.tail()}")


def attack(pipe, modes, rounds):
    writer = pipe.writer()
    honest = start_honest(pipe)
    harness.wait_for(lambda: len(pipe.regions()) >= 2, "the honest producers have regions")
    hostile = [
        pipe.start("hostile_producer", mode, pipe.runtime, pipe.options["seed"] + i, rounds)
        for i, mode in enumerate(modes)
    ]
    while any(process.is_running() for process in hostile):
        look(pipe)
    for process in hostile:
        process.wait()
    harness.check(writer.is_running(), lambda: f"the writer has ended\n{writer.tail()}")
    accepted = finish_honest(pipe, honest)
    for counts in accepted:
        harness.check(counts["spans"] > 0, "an honest producer was accepted nothing of")
    harness.wait_for(lambda: is_idle(writer), "the writer has nothing more to do")
    # What the liars left is dead: nothing of it is held for longer.
    harness.wait_for(lambda: held(writer.pid) == 0, "the writer has let go of all regions")
    writer.aside = left_aside(pipe)
    harness.check(
        peak_bytes(writer.pid) < MEMORY_MAX, lambda: f"the writer took {peak_bytes(writer.pid)}"
    )
    writer.stop()
    said = check_lines(writer)
    clear_runtime(pipe)
    compare(pipe, accepted)
    return writer, said


def a_liar_of_each_kind_hurts_nobody_but_itself(pipe):
    writer, said = attack(pipe, MODES, pipe.options["rounds"])
    harness.check(len(said) > 0, lambda: f"nothing was reported\n{writer.tail()}")
    harness.check(writer.aside >= len(said), f"stat shows {writer.aside} of {len(said)}")
    for mode, fault in MODES.items():
        report(pipe, fault, pipe.options["rounds"])


def several_that_scribble_at_once_hurt_nobody(pipe):
    attack(pipe, ("scribble", "storm") * 2, pipe.options["rounds"])


def a_writer_that_starts_among_ruins_serves_the_honest(pipe):
    """The same, before the writer comes: what it finds at its start is as bad."""
    honest = start_honest(pipe, count=2000, rate=0)
    for load in honest:
        load.wait()
    for i, mode in enumerate(MODES):
        pipe.run("hostile_producer", mode, pipe.runtime, pipe.options["seed"] + i,
                 pipe.options["rounds"] // 4)
    writer = pipe.writer()
    accepted = finish_honest(pipe, honest)
    harness.wait_for(lambda: is_idle(writer), "the writer has nothing more to do")
    writer.stop()
    check_lines(writer)
    clear_runtime(pipe)
    compare(pipe, accepted)


def a_writer_that_is_killed_among_liars_goes_on(pipe):
    honest = start_honest(pipe)
    writer = pipe.writer()  # it makes the control page, which one of them lies in
    hostile = [
        pipe.start("hostile_producer", mode, pipe.runtime, pipe.options["seed"] + i,
                   pipe.options["rounds"])
        for i, mode in enumerate(MODES)
    ]
    while True:
        harness.nap(0.3)
        writer.kill()
        if not any(process.is_running() for process in hostile):
            break
        writer = pipe.writer()
    for process in hostile:
        process.wait()
    writer = pipe.writer()
    # While there was no writer a ring may have filled up: that is told, and not accepted.
    accepted = finish_honest(pipe, honest, may_drop=True)
    harness.wait_for(lambda: is_idle(writer), "the writer has nothing more to do")
    writer.stop()
    clear_runtime(pipe)
    compare(pipe, accepted)


def what_is_left_aside_is_said_once_and_not_opened_again(pipe):
    """However often the directory changes."""
    pipe.run("hostile_producer", "files", pipe.runtime, pipe.options["seed"], 8)
    writer = pipe.writer()
    for _ in range(20):
        load = pipe.load("--count", 10, "--wait")
        load.wait()
    writer.stop()
    said = check_lines(writer)
    harness.equal(len(said), 4, f"regions that were reported\n{writer.tail()}")
    clear_runtime(pipe)


F_OFD_SETLK = 37
PRODUCERS_LOCK = struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, 0, 1, 0)  # REGION_LOCK_PRODUCER


def a_stranger_that_keeps_a_dead_ones_lock_keeps_nothing_else(pipe):
    """Who holds the lock is not known to be another: what is there is written all the same."""
    honest = start_honest(pipe, count=300, rate=0)
    for load in honest:
        load.wait()
    names = pipe.regions()
    stranger = os.open(pipe.runtime / names[0], os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.fcntl(stranger, F_OFD_SETLK, PRODUCERS_LOCK)
        writer = pipe.writer()
        harness.wait_for(lambda: pipe.regions() == names[:1], "the other region is gone")
        pipe.load("--count", 300, "--wait", service="late").wait()
        harness.wait_for(lambda: pipe.regions() == names[:1], "the late one's region is gone")
        (region,) = pipe.tool("stat", "--json", "--dir", pipe.runtime).json()["regions"]
        harness.equal(region["alive"], True, "alive, as far as one can tell")
        harness.wait_for(lambda: is_idle(writer), "the writer does not wait in a loop")
    finally:
        os.close(stranger)
    harness.wait_for(lambda: not pipe.regions(), "the region goes with the stranger's lock")
    writer.stop()
    compare(pipe, finish_honest(pipe, honest))
    pipe.verify()
    report(pipe, "a stranger keeps a dead producer's lock", 1)


def a_writer_whose_lock_file_is_nonsense_starts_all_the_same(pipe):
    """Its output directory, which the next writer recovers first, is a path of anybody's."""
    lock = pipe.runtime / "writer.lock"
    magic = struct.pack("<QHH", 0x3157544952455750, 1, 0)
    size = 8192
    contents = [
        b"", b"\xff" * size, os.urandom(size), magic, magic + b"\xff" * (size - len(magic)),
        magic + bytes(4096 - len(magic)) + b"/nowhere/\033[31m\n/" + b"x" * 4000,
        magic + bytes(4096 - len(magic)) + b"/dev/null",
    ]
    for index, content in enumerate(contents):
        lock.write_bytes(content)
        tool = pipe.start("otlpipe", "stat", "--json", "--dir", pipe.runtime)
        harness.check(tool.wait(None) in (0, 1), tool.tail)
        pipe.load("--count", 10, "--seed", index + 1, service=f"{index}").wait()
        writer = pipe.start("otlpipe-writer", "--drain", "--dir", pipe.runtime,
                            "--output", pipe.output)
        status = writer.wait(None)
        for line in writer.err.splitlines():
            harness.check(line.isprintable(), lambda: f"an unprintable line: {line!r}")
        # What was promised to be recovered first cannot be: that is for the user to decide.
        if status != 0:
            harness.equal(status, 1, "the writer's status")
            harness.check("must be recovered first" in writer.err, writer.tail)
            lock.unlink()
            pipe.run("otlpipe-writer", "--drain", "--dir", pipe.runtime, "--output", pipe.output)
        harness.equal(pipe.regions(), [], "regions that are left")
    pipe.verify()
    harness.equal(pipe.scan()["spans"], 10 * len(contents), "spans")


def a_writer_whose_own_files_are_cut_goes_on(pipe):
    writer = pipe.writer()
    for name in ("writer.lock", "control"):
        os.truncate(pipe.runtime / name, 0)
    harness.wait_for(lambda: is_idle(writer), "the writer has nothing to do")
    harness.check(writer.is_running(), lambda: f"the writer has ended\n{writer.tail()}")
    os.truncate(pipe.runtime / "control", 4096)
    (pipe.runtime / "control").unlink()
    # It sleeps on a page of its own now: its interval bounds the wait.
    load = pipe.load("--count", 300, "--wait")
    load.wait()
    writer.stop()
    harness.equal(pipe.scan()["spans"], 300, "spans")


def what_is_put_aside_is_shown_by_stat(pipe):
    writer = pipe.writer()
    pipe.run("hostile_producer", "files", pipe.runtime, pipe.options["seed"], 8)
    harness.wait_for(lambda: left_aside(pipe) == 4, "stat shows the four")
    text = pipe.tool("stat", "--dir", pipe.runtime).out
    harness.check("left aside: 4 regions" in text, text)
    writer.stop()
    clear_runtime(pipe)


def very_many_files_starve_nobody(pipe):
    count = pipe.options["files"]
    begin = harness.time.monotonic()
    writer = pipe.writer()
    usual = harness.descriptors(writer.pid)
    honest = start_honest(pipe)
    pipe.run("hostile_producer", "files", pipe.runtime, pipe.options["seed"], count)
    # Found among them: one that comes later, and waits until all of it is written.
    late = pipe.load("--count", 500, "--wait", service="late")
    most = 0
    while late.is_running():
        most = max(most, harness.descriptors(writer.pid))
        harness.nap(0.01)
    late.wait()
    # The three regions, the directory, and a file of each signal that is open, next or sealed.
    harness.check(most <= usual + 3 + 1 + 6, f"{most} descriptors, at first {usual}")
    churn = pipe.start("hostile_producer", "churn", pipe.runtime, 1, pipe.options["rounds"] * 10)
    churn.wait()
    harness.check(writer.is_running(), lambda: f"the writer has ended\n{writer.tail()}")
    accepted = finish_honest(pipe, honest)
    harness.wait_for(lambda: is_idle(writer), "the writer has nothing more to do")
    writer.stop()
    said = check_lines(writer)
    most = LOG_BURST_LINES + harness.time.monotonic() - begin + 2  # the clock of the log is another
    harness.check(len(said) <= most, lambda: f"{len(said)} files were named, {most:.0f} may be")
    harness.check("lines like this one were left out: " in writer.err, writer.tail)
    clear_runtime(pipe)
    compare(pipe, accepted)
    report(pipe, f"{count:,} files in the runtime directory", 1)


harness.run(
    [
        a_liar_of_each_kind_hurts_nobody_but_itself,
        several_that_scribble_at_once_hurt_nobody,
        a_writer_that_starts_among_ruins_serves_the_honest,
        a_writer_that_is_killed_among_liars_goes_on,
        what_is_left_aside_is_said_once_and_not_opened_again,
        what_is_put_aside_is_shown_by_stat,
        a_stranger_that_keeps_a_dead_ones_lock_keeps_nothing_else,
        a_writer_whose_lock_file_is_nonsense_starts_all_the_same,
        a_writer_whose_own_files_are_cut_goes_on,
        very_many_files_starve_nobody,
    ],
    rounds=400,
    files=100000,
    test="hostile",
)
