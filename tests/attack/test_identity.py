#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Regions that carry the ids of others. Who may make files in a group directory reads the names
there, and the id is in the name. The writer attached whichever it saw first and passed the other over
without a word: of the victim's records 150,000 were lost."""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "pipeline"))
import harness
from harness import check, equal, wait_for
from users import MEMBER, NEIGHBOUR, WRITER, as_user, make_group

VICTIM = NEIGHBOUR


def twins(pipe, each=3):
    """They stay until the test's end: each holds its lock."""
    before = len(pipe.regions())
    process = harness.Process(
        pipe, "region_twin",
        [*as_user(MEMBER), pipe.build / "tests/attack/region_twin", pipe.runtime, each],
        stdin=subprocess.PIPE,
    )
    wait_for(lambda: process.out.strip() or not process.is_running(), "the twins are made")
    made = int(process.out or 0)
    check(made > 0 and len(pipe.regions()) > before, process.tail)
    return process, made


def writer_of(pipe):
    return pipe.writer(prefix=as_user(WRITER))


def status(pipe):
    return pipe.tool("stat", "--json", "--dir", pipe.runtime, prefix=as_user(WRITER)).json()["writer"]


def written(pipe):
    return status(pipe)["signals"]["traces"]["written_items"]


def finish(pipe, writer, victims, twin):
    """Nothing of the victims' is lost, and the log says what was refused."""
    for victim in victims:
        victim.stop()
    wait_for(lambda: not any(name.startswith(tuple(f"{pid}-" for v in victims for pid in v.workers))
                             for name in pipe.regions()), "the victims' regions are drained")
    # Of another file, or of one that is drained: whichever of the two the writer saw first.
    check("carries the id of" in writer.err, lambda: writer.err[-2000:])
    writer.stop()
    found = pipe.run("load_scan", pipe.output).json()["services"]
    for number, victim in enumerate(victims):
        result = victim.json()
        for kind in ("spans", "points"):
            equal(result[kind]["dropped"], 0, f"dropped {kind}")
            equal(found[f"victim-{number}"][kind], result[kind]["accepted"], kind)
    twin.popen.stdin.close()
    twin.wait()
    for name in pipe.regions():
        (pipe.runtime / name).unlink()


def start_victims(pipe):
    """Rings for half a minute: on a busy machine a writer may need some seconds to start."""
    rings = ("--span-ring-bytes", "16MiB", "--metric-ring-bytes", "16MiB")
    return [pipe.endless_load("--rate", 1000, *rings, service=f"victim-{i}", prefix=as_user(VICTIM))
            for i in range(2)]


def after_the_writers_death(pipe, number):
    make_group(pipe)
    writer = writer_of(pipe)
    victims = start_victims(pipe)
    wait_for(lambda: written(pipe) > 500, "some are written")
    writer.send(number)
    writer.wait(None)
    twin, made = twins(pipe)
    writer = writer_of(pipe)
    before = written(pipe)
    wait_for(lambda: written(pipe) > before + 3000, "the victims are drained")
    finish(pipe, writer, victims, twin)
    return made


def twins_that_meet_the_next_writer_of_one_that_was_killed(pipe):
    made = after_the_writers_death(pipe, harness.signal.SIGKILL)
    harness.reliability("another user's region carries the id of a victim's", "tests/attack/"
                        "region_twin; the writer is killed, or stopped, and the next one finds both",
                        2 * made, 0, "attack identity")


def twins_that_meet_the_next_writer_of_one_that_stopped(pipe):
    after_the_writers_death(pipe, harness.signal.SIGTERM)


def twins_that_meet_the_first_writer(pipe):
    make_group(pipe)
    victims = start_victims(pipe)
    twin, _ = twins(pipe)
    writer = writer_of(pipe)
    wait_for(lambda: written(pipe) > 2000, "the victims are drained")
    finish(pipe, writer, victims, twin)
    pipe.verify()


def twins_that_come_while_the_writer_runs(pipe):
    make_group(pipe)
    writer = writer_of(pipe)
    victims = start_victims(pipe)
    twin, made = twins(pipe)
    wait_for(lambda: status(pipe)["regions_left_aside"] == made, "each is refused")
    before = written(pipe)
    wait_for(lambda: written(pipe) > before + 2000, "the victims are drained on")
    finish(pipe, writer, victims, twin)
    pipe.verify()


harness.run(
    [
        twins_that_meet_the_next_writer_of_one_that_was_killed,
        twins_that_meet_the_next_writer_of_one_that_stopped,
        twins_that_meet_the_first_writer,
        twins_that_come_while_the_writer_runs,
    ]
)
