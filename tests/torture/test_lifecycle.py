#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What programs do to themselves: fork, exec, close everything, jump out of handlers, go.

usage: test_lifecycle.py BUILD_DIR [words of test names…]
"""
import os
import pathlib
import re
import struct
import sys

sys.dont_write_bytecode = True
import rig
from rig import check, equal, nap, wait_for

SCENARIOS = {
    "fork_and_child_ends_first": "fork without exec; the child ends first",
    "fork_and_parent_ends_first": "fork without exec; the parent ends first",
    "fork_while_a_thread_pushes": "fork while another thread pushes, 20 times",
    "exec_another": "exec of another producer in the same process",
    "vfork_and_exec": "vfork and exec between pushes, 20 times",
    "close_from_3": "the host closes every descriptor from 3 on",
    "close_every_descriptor": "the host closes every descriptor",
    "jump_out_of_a_handler": "siglongjmp out of a handler that interrupts pushes, 100 times",
    "push_from_a_handler_that_interrupts_a_push": "pushes from a handler that interrupts pushes",
    "region_unlinked_under_it": "the region's name is removed under its producer",
    "exit_handlers": "pushes from an exit handler",
    "thousand_in_a_row": "1,000 short-lived producers in a row",
    "two_hundred_at_once": "200 producers at once",
}
RUNS = {"thousand_in_a_row": 1000, "two_hundred_at_once": 200, "jump_out_of_a_handler": 100}
MAJOR_OFFSET = 8
LOOKS = 8
WARM_SLOT = 16000  # the scenarios use the slots from 0 on
HEAP_GROWTH_MAX = 4 << 20  # its buffers are touched as batches grow; a region's share is less


def held_regions(pid):
    """The writer's descriptors and mappings of regions."""
    folder = pathlib.Path(f"/proc/{pid}/fd")
    descriptors = 0
    for path in folder.iterdir():
        try:
            descriptors += ".region" in os.readlink(path)
        except FileNotFoundError:
            pass  # closed meanwhile
    maps = pathlib.Path(f"/proc/{pid}/maps").read_text(encoding="utf-8")
    return descriptors + maps.count(".region")


def other_descriptors(pid, output):
    """All that are no data file: of those some may be open, next or just being sealed. The
    fewest of some looks: the runtime directory is open while it is read."""
    return min((descriptors_now(pid, output) for _ in range(LOOKS)), key=len)


def descriptors_now(pid, output):
    nap(0.005)
    folder = pathlib.Path(f"/proc/{pid}/fd")
    links = []
    for path in folder.iterdir():
        try:
            links.append(os.readlink(path))
        except FileNotFoundError:
            pass  # closed meanwhile
    # Made when it first goes to sleep, which may be later: one of each.
    for made_late in ("anon_inode:inotify", "anon_inode:[eventfd]"):
        if made_late in links:
            links.remove(made_late)
    return sorted(link for link in links if not link.startswith(f"{output}/"))


def heap_bytes(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(re.search(r"RssAnon:\s+(\d+) kB", text)[1]) * 1024


def run_scenario(pipe, name):
    ledger = pipe.scratch / f"{name}.ledger"
    output = pipe.scratch / name
    writer = pipe.writer("--batch-bytes", "64KiB", output=output, interval="5ms")
    # One comes and goes before, so that what is made once is there.
    rig.producer(pipe, ledger, WARM_SLOT, 2, "--tries", 100, "--burst", 0).wait()
    wait_for(lambda: not pipe.regions(), "no region is left")
    wait_for(lambda: held_regions(writer.pid) == 0, "the writer has let go of the region")
    descriptors, heap = other_descriptors(writer.pid, output), heap_bytes(writer.pid)
    host = rig.start(pipe, "lifecycle_host", ledger, 0, name)
    host.wait()
    wait_for(lambda: not pipe.regions(), "no region is left")
    wait_for(lambda: held_regions(writer.pid) == 0, "the writer has let go of the regions")
    equal(other_descriptors(writer.pid, output), descriptors, f"{name}: the writer's descriptors")
    grown = heap_bytes(writer.pid) - heap
    check(grown < HEAP_GROWTH_MAX, f"{name}: the writer's memory has grown by {grown}")
    writer.stop()
    found = rig.compare(pipe, ledger, output)
    equal((found["lost"], found["invalid"]), (0, 0), f"{name}: lost and invalid items")
    check(found["items"] > 0, f"{name}: nothing was pushed")
    rig.verify(pipe, output)
    how = "tests/torture/lifecycle_host"
    rig.reliability(SCENARIOS[name], how, RUNS.get(name, 1), 0, "lifecycle")


def nothing_is_lost_or_left_whatever_a_host_does(pipe):
    for name in SCENARIOS:
        run_scenario(pipe, name)
        reap(pipe)


def reap(pipe):
    """Orphans of a scenario come to us, a subreaper; they have ended, their regions are gone."""
    known = {process.pid for process in pipe.processes if process.is_running()}
    for pid in rig.harness.children():
        if pid not in known:
            os.waitpid(pid, 0)


def a_fork_in_the_making_of_a_region_delays_its_removal_alone(pipe):
    """The child has the descriptor that is locked, so the region counts as alive until it ends."""
    ledger = pipe.scratch / "ledger"
    writer = pipe.writer(interval="5ms")
    host = rig.start(pipe, "lifecycle_host", ledger, 0, "fork_while_a_region_is_made")
    host.wait()
    wait_for(pathlib.Path(f"{ledger}.done").exists, "the child has pushed in a region of its own")
    wait_for(lambda: len(pipe.regions()) == 1, "the child's own region is gone")
    (region,) = pipe.regions()
    check(region.startswith(f"{host.pid}-"), f"{region} is not of the host, {host.pid}")

    def rings():
        (found,) = pipe.tool("stat", "--json", "--dir", pipe.runtime).json()["regions"]
        equal(found["alive"], True, "alive, as far as one can tell")
        return found["rings"]

    wait_for(lambda: sum(r["used_bytes"] for r in rings()) == 0, "all of it is written")
    equal(pipe.regions(), [region], "the region that waits for the child")
    pathlib.Path(f"{ledger}.go").touch()
    wait_for(lambda: not pipe.regions(), "the region goes with the child")
    wait_for(lambda: held_regions(writer.pid) == 0, "the writer has let go of it")
    writer.stop()
    reap(pipe)
    found = rig.compare(pipe, ledger, pipe.output)
    equal((found["lost"], found["items"]), (0, 40), "lost and written items")
    rig.verify(pipe, pipe.output)
    how = "tests/torture/lifecycle_host"
    rig.reliability("fork while another thread makes a region", how, 1, 0, "lifecycle")


def a_library_that_is_loaded_and_unloaded_leaves_nothing(pipe):
    writer = pipe.writer()
    library = pipe.build / "core/libotlpipe.so.0"
    host = rig.start(pipe, "lifecycle_dl", library, 100)
    host.wait()
    equal(host.out.split(), ["0", "0", "100"], "descriptors, mappings, accepted")
    wait_for(lambda: not pipe.regions(), "no region is left")
    writer.stop()
    equal(rig.verify(pipe, pipe.output)["identity"]["written"], 100, "spans written")
    how = "tests/torture/lifecycle_dl"
    rig.reliability("dlopen and dlclose of the library", how, 100, 0, "lifecycle")


def set_major(path, major):
    with open(path, "r+b") as file:
        file.seek(MAJOR_OFFSET)
        old = struct.unpack("<H", file.read(2))[0]
        file.seek(MAJOR_OFFSET)
        file.write(struct.pack("<H", major))
    return old


def a_region_of_another_version_is_left_alone(pipe):
    ledger = pipe.scratch / "ledger"
    rig.producer(pipe, ledger, 0, 2, "--tries", 50, "--burst", 0).wait()
    (strange,) = pipe.regions()
    major = set_major(pipe.runtime / strange, 99)
    rig.producer(pipe, ledger, 2, 2, "--tries", 50, "--burst", 0).wait()
    drained = rig.drain(pipe, pipe.output)
    equal(drained.err.count("its layout is of another version"), 1, "lines about it")
    equal(pipe.regions(), [strange], "regions that are left")
    set_major(pipe.runtime / strange, major)
    rig.drain(pipe, pipe.output)
    equal(pipe.regions(), [], "regions that are left")
    rig.compare(pipe, ledger, pipe.output)
    how = "its region's header changed"
    rig.reliability("a producer of another layout version", how, 1, 0, "lifecycle")


def a_control_page_of_another_version_refuses_producers_and_writers(pipe):
    ledger = pipe.scratch / "ledger"
    rig.producer(pipe, ledger, 0, 2, "--tries", 50, "--burst", 0).wait()
    major = set_major(pipe.runtime / "control", 99)
    refused = rig.producer(pipe, ledger, 2, 2, "--tries", 50)
    refused.wait(3)
    refused = rig.drain(pipe, pipe.output, expected=1)
    check("control: it is of another version" in refused.err, refused.tail)
    equal(len(pipe.regions()), 1, "regions that wait")
    set_major(pipe.runtime / "control", major)
    rig.drain(pipe, pipe.output)
    rig.compare(pipe, ledger, pipe.output)
    how = "the control page changed"
    rig.reliability("a writer of another layout version", how, 1, 0, "lifecycle")


def clocks_that_are_set_back_and_forward(pipe):
    environment = {
        "LD_PRELOAD": pipe.preload("tests/torture/libdiskload.so"),
        "DISKLOAD_CLOCK": "1",
    }
    ledger = pipe.scratch / "ledger"
    words = ("--batch-bytes", "64KiB", "--rotate-bytes", "128KiB")
    writer = pipe.writer(*words, interval="5ms", environment=environment)
    rig.producer(pipe, ledger, 0, 4, "--tries", 800, environment=environment).wait()
    writer.stop()
    found = rig.compare(pipe, ledger, pipe.output)
    check(found["files"] >= 4, f"{found}: so few files")
    rig.verify(pipe, pipe.output)
    how = "preloaded: months to and fro at every look"
    rig.reliability("the clock is set back and forward", how, 1, 0, "lifecycle")


if __name__ == "__main__":
    rig.harness.run(
        [
            nothing_is_lost_or_left_whatever_a_host_does,
            a_fork_in_the_making_of_a_region_delays_its_removal_alone,
            a_library_that_is_loaded_and_unloaded_leaves_nothing,
            a_region_of_another_version_is_left_alone,
            a_control_page_of_another_version_refuses_producers_and_writers,
            clocks_that_are_set_back_and_forward,
        ]
    )
