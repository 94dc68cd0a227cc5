#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Work that somebody else can order: producers whose records cost the writer a lot, beside an honest
one that pushes at a modest rate, and that must have its share of the writer.

What is counted are records: those that the honest one dropped, and those of the others that the writer
did take meanwhile, so that it was at work for them.
"""
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "torture"))
import rig
from rig import check, equal, harness, wait_for
from users import MEMBER, NEIGHBOUR, WRITER, as_user, make_group

RATE = 5000
SPANS = 3 * RATE
RING_BYTES = 1 << 20  # 2,200 spans
DROPPED_MAX = SPANS // 20  # a machine that is busy otherwise may stop the writer for a moment


FAULTS = {
    ("collide", False): "resources chosen to collide in the writer's tables",
    ("resources", False): "large resources in turn, for spans of a few bytes",
    ("shapes", False): "large shapes of spans of a few bytes",
    ("shapes", True): "the same from 200 regions of one user of several",
}


def costly(pipe, *arguments, **others):
    return rig.start(pipe, "costly", *arguments, folder="tests/attack", **others)


def taken(pipe):
    """Records that the writer is done with, one way or the other."""
    traces = pipe.tool("stat", "--json", "--dir", pipe.runtime).json()["writer"]["signals"]["traces"]
    return traces["written_items"] + traces["invalid_items"]


def beside(pipe, mode, *arguments, hostile=(), honest=(), **writer_arguments):
    writer = pipe.writer(**writer_arguments)
    liar = costly(pipe, mode, pipe.runtime, *arguments, prefix=hostile)
    wait_for(lambda: taken(pipe) > 0 or not liar.is_running(), "the writer is at work for it")
    check(liar.is_running(), liar.tail)
    before = taken(pipe)
    load = pipe.load("--count", SPANS, "--rate", RATE, "--wait", "--signal", "spans",
                     "--span-ring-bytes", RING_BYTES, service="honest", prefix=honest)
    load.wait()
    between = taken(pipe) - before
    liar.stop()
    writer.stop()
    spans, found = load.json()["spans"], liar.json()
    check(spans["dropped"] <= DROPPED_MAX, f"the honest one dropped {spans}, beside {found}")
    check(found["full"] > 0, f"the other one was limited by the writer: {found}")
    # Of all that the writer took, the honest one's were a part: it did work for the other too.
    check(between > spans["accepted"], f"{between} records taken, and of the honest one {spans}")
    equal(pipe.run("load_scan", pipe.output).json()["services"]["honest"]["spans"],
          spans["accepted"], "spans of the honest one in the files")
    for name in pipe.regions():
        (pipe.runtime / name).unlink()
    how = "tests/attack/costly beside an honest producer, which loses nothing"
    harness.reliability(FAULTS[mode, bool(honest)], how, 1, 0, "attack work")


def resources_that_collide_cost_the_honest_nothing(pipe):
    beside(pipe, "collide")


def large_resources_in_turn_cost_the_honest_nothing(pipe):
    beside(pipe, "resources")


def spans_of_a_few_bytes_with_large_shapes_cost_the_honest_nothing(pipe):
    beside(pipe, "shapes", 1, 1 << 16)


def a_member_with_many_regions_has_no_more_of_the_writer_than_others(pipe):
    make_group(pipe)
    beside(pipe, "shapes", 200, 1 << 12, hostile=as_user(MEMBER), honest=as_user(NEIGHBOUR),
           prefix=as_user(WRITER))


def cpu_ticks(pid):
    fields = open(f"/proc/{pid}/stat", encoding="ascii").read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def news_that_are_none_do_not_keep_the_writer_awake(pipe):
    """What a process that does nothing else gives the writer to do is less than half of its own work."""
    writer = pipe.writer()
    liar = costly(pipe, "wake", pipe.runtime)
    wait_for(lambda: cpu_ticks(liar.pid) > 20, "it is at work")
    begin, liar_begin = cpu_ticks(writer.pid), cpu_ticks(liar.pid)
    wait_for(lambda: cpu_ticks(liar.pid) > liar_begin + 150, "it has worked for a second and a half")
    spent, liar_spent = cpu_ticks(writer.pid) - begin, cpu_ticks(liar.pid) - liar_begin
    # Whoever has something to say is heard all the same.
    pipe.load("--count", 200, "--wait", service="honest").wait()
    liar.stop()
    check(spent < 0.4 * liar_spent, f"the writer spent {spent} ticks beside {liar_spent}")
    writer.stop()
    equal(pipe.scan()["spans"], 200, "spans of the honest one")
    pipe.verify()


harness.run([
    resources_that_collide_cost_the_honest_nothing,
    large_resources_in_turn_cost_the_honest_nothing,
    spans_of_a_few_bytes_with_large_shapes_cost_the_honest_nothing,
    a_member_with_many_regions_has_no_more_of_the_writer_than_others,
    news_that_are_none_do_not_keep_the_writer_awake,
])
