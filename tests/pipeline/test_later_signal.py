#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Regions of a library that knows a signal more than the writer does, or a signal less."""
import harness


def later_producer(pipe):
    claimer = pipe.start("claimer", pipe.runtime, "later")
    harness.wait_for(lambda: "claimed" in claimer.out, "the region with four rings is there")
    (name,) = pipe.regions()
    return claimer, name


def stat_region(pipe, name):
    found = pipe.tool("stat", "--json", "--dir", pipe.runtime).json()
    (region,) = [region for region in found["regions"] if region["id"] in name]
    return found, region


def check_left_alone(pipe, writer, name, before):
    harness.wait_for(lambda: name in writer.err, "the writer names the region")
    harness.check("signal of its ring 3" in writer.err, writer.err)
    # Others are taken care of meanwhile.
    load = pipe.load("--count", 500, "--retry", "--wait")
    load.wait()
    harness.wait_for(lambda: pipe.regions() == [name], "the other region is drained and gone")
    found, region = stat_region(pipe, name)
    harness.equal(found["writer"]["regions_left_aside"], 1, "regions left aside")
    harness.equal(region["unknown_ring"], 3, "the ring that nobody knows")
    harness.equal(region["rings"], before["rings"], "the rings of the region")
    text = pipe.tool("stat", "--dir", pipe.runtime).out
    harness.check("waits whole for a newer writer" in text, text)
    writer.stop()
    harness.equal(pipe.regions(), [name], "regions left")
    harness.equal(stat_region(pipe, name)[1]["rings"], before["rings"], "the rings at the end")
    harness.equal(pipe.scan()["spans"], load.json()["spans"]["accepted"], "spans")
    found = pipe.verify()
    harness.check(any(name in note and "ring 3" in note for note in found["notes"]), f"{found}")
    (pipe.runtime / name).unlink()


def a_region_that_is_there_before_the_writer_is_not_drained_and_not_removed(pipe):
    claimer, name = later_producer(pipe)
    claimer.kill()
    _, before = stat_region(pipe, name)
    harness.check(before["rings"][0]["used_bytes"] > 0, f"{before}")
    check_left_alone(pipe, pipe.writer(), name, before)


def a_region_that_comes_later_and_dies_is_not_drained_and_not_removed(pipe):
    writer = pipe.writer()
    claimer, name = later_producer(pipe)
    harness.wait_for(lambda: name in writer.err, "the writer names the region")
    claimer.kill()
    _, before = stat_region(pipe, name)
    check_left_alone(pipe, writer, name, before)


def a_region_of_a_library_from_before_there_were_logs_is_drained(pipe):
    claimer = pipe.start("claimer", pipe.runtime, "earlier")
    harness.wait_for(lambda: "claimed" in claimer.out, "the region with two rings is there")
    _, region = stat_region(pipe, pipe.regions()[0])
    harness.equal(len(region["rings"]), 2, "rings of the region")
    writer = pipe.writer()
    claimer.kill()
    harness.wait_for(lambda: not pipe.regions(), "the region is drained and gone")
    writer.stop()
    written = pipe.tool("cat", pipe.output).out
    harness.equal(written.count("of a library without logs"), 1, f"the span in {written}")
    pipe.verify()


if __name__ == "__main__":
    harness.run(
        [
            a_region_that_is_there_before_the_writer_is_not_drained_and_not_removed,
            a_region_that_comes_later_and_dies_is_not_drained_and_not_removed,
            a_region_of_a_library_from_before_there_were_logs_is_drained,
        ]
    )
