#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`otlpipe stat` against numbers that are known from elsewhere."""
import json
import mmap
import os
import re
import signal
import struct

import harness
import otlp_sink

# shm/layout.h: where the header has the offset of the span ring's control, whose first word is the tail.
RING_CONTROL_AT = 80
WORD = struct.Struct("<Q")


SCHEMA = json.loads((harness.SOURCE / "docs" / "stat.schema.json").read_text())
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int}


def check_schema(value, schema, where="stat --json"):
    """As much of JSON Schema as docs/stat.schema.json uses; a word that is not known is a failure."""
    for word, wanted in schema.items():
        if word == "$ref":
            check_schema(value, SCHEMA["$defs"][wanted.removeprefix("#/$defs/")], where)
        elif word == "type":
            found = isinstance(value, TYPES[wanted]) and isinstance(value, bool) == (wanted == "boolean")
            harness.check(found, f"{where} is no {wanted}: {value!r}")
        elif word == "required":
            harness.equal(sorted(set(wanted) - set(value)), [], f"what is not in {where}")
        elif word == "properties":
            for name in set(wanted) & set(value):
                check_schema(value[name], wanted[name], f"{where}: {name}")
        elif word == "additionalProperties":
            others = set(value) - set(schema.get("properties", {}))
            harness.check(wanted or not others, f"{where} has {others}, which the schema has not")
            for name in others:
                check_schema(value[name], wanted, f"{where}: {name}")
        elif word == "items":
            for number, item in enumerate(value):
                check_schema(item, wanted, f"{where}[{number}]")
        elif word == "const":
            harness.check(value == wanted and not isinstance(value, bool), f"{where}: {value!r}")
        elif word == "enum":
            harness.check(value in wanted, f"{where}: {value!r}")
        elif word == "pattern":
            harness.check(re.search(wanted, value), f"{where}: {value!r}")
        elif word == "minimum":
            harness.check(value >= wanted, f"{where}: {value!r}")
        else:
            harness.check(word in ("$schema", "$defs", "title", "description"), f"a schema's {word}")


def stat(pipe, *arguments, expected=0):
    """Its JSON, which is as docs/stat.schema.json says."""
    command = ("stat", "--json", "--dir", pipe.runtime, *arguments)
    found = pipe.tool(*command, expected=expected).json()
    check_schema(found, SCHEMA)
    return found


def ring_of(region, name):
    return next(ring for ring in region["rings"] if ring["signal"] == name)


def move_tail(pipe, region, count):
    """As if the producer had claimed that many bytes, and gone no further."""
    path = next(pipe.runtime / name for name in pipe.regions() if region["id"] in name)
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as shared:
        (at,) = WORD.unpack_from(shared, RING_CONTROL_AT)
        (tail,) = WORD.unpack_from(shared, at)
        WORD.pack_into(shared, at, tail + count)


def nothing_there_is_an_answer(pipe):
    for _ in range(2):
        found = stat(pipe)
        harness.equal(found["writer"]["running"], False, "writer.running")
        harness.equal(found["writer"]["state"], "none", "writer.state")
        harness.equal(found["regions"], [], "regions")
        text = pipe.tool("stat", "--dir", pipe.runtime).out
        harness.check("writer: none" in text and "no producers" in text, text)
        if pipe.runtime.exists():
            pipe.runtime.rmdir()
    pipe.runtime.mkdir(mode=0o700)


def what_load_pushed_is_what_the_rings_show_and_the_writer_wrote(pipe):
    load = pipe.load("--count", 200)
    load.wait()
    pushed = load.json()
    (region,) = stat(pipe)["regions"]
    harness.equal(region["alive"], False, "alive")
    harness.check(f"{region['pid']}-{region['id']}.region" in pipe.regions(), f"{region}")
    for ring, name in (("spans", "spans"), ("metrics", "points")):
        found = ring_of(region, ring)
        harness.equal(found["accepted_items"], pushed[name]["accepted"], f"{ring} accepted")
        harness.equal(found["used_bytes"], found["waiting_bytes"], f"{ring} used and waiting")
        harness.check(0 < found["used_bytes"] <= found["size_bytes"], f"{found}")
        harness.equal(found["blocked"], False, "blocked")
    pipe.writer("--drain", interval=None, ready=False).wait()
    found = stat(pipe)
    harness.equal(found["regions"], [], "regions after a drain")
    harness.equal(found["writer"]["running"], False, "writer.running")
    harness.equal(found["writer"]["state"], "stopped", "writer.state")
    harness.equal(found["writer"]["output"], str(pipe.output), "writer.output")
    for signal_name, name in (("traces", "spans"), ("metrics", "points")):
        sums = found["writer"]["signals"][signal_name]
        harness.equal(sums["written_items"], pushed[name]["accepted"], f"{name} written")
        size = sum(path.stat().st_size for kind, path in pipe.files() if kind == signal_name)
        harness.equal(sums["batch_bytes"], size, f"bytes of {signal_name}")
        harness.equal(sums["files_sealed"], 1, "files sealed")


def the_service_and_the_disk_and_its_syncs_are_shown(pipe):
    writer = pipe.writer()
    load = pipe.load("--count", 0, "--rate", 500, service="caf\u00e9 shop")

    def shown():
        found = stat(pipe)
        services = [region["service"] for region in found["regions"]]
        synced = found["writer"]["signals"]["traces"]["syncs"] > 0
        return found if services == ["caf\u00e9 shop"] and synced else None

    found = harness.wait_for(shown, "the service's name, and a sync")
    traces = found["writer"]["signals"]["traces"]
    harness.check(0 < traces["last_sync_ns"] <= traces["longest_sync_ns"] <= traces["sync_ns"], f"{traces}")
    disk = found["disk"]
    harness.equal((disk["readable"], disk["problem"], disk["senders"]), (True, "", []), "disk")
    harness.check(0 < disk["free_bytes"] <= disk["total_bytes"], f"{disk}")
    harness.check("disk: " in pipe.tool("stat", "--dir", pipe.runtime).out, "a line for the disk")
    load.stop()
    harness.wait_for(lambda: not pipe.regions(), "all is written")
    # Nothing is written any more.
    (traces_file,) = [path for kind, path in pipe.files() if kind == "traces"]
    files = stat(pipe)["disk"]["signals"]["traces"]
    harness.equal((files["files"], files["open_files"], files["bad_files"]), (1, 1, 0), "files")
    harness.equal(files["bytes"], traces_file.stat().st_size, "bytes of the files")
    writer.stop()
    path = pipe.output.rename(pipe.output.with_name("moved"))
    found = stat(pipe)["disk"]
    harness.equal((found["readable"], found["problem"]), (False, "No such file or directory"), "disk")
    text = pipe.tool("stat", "--dir", pipe.runtime).out
    harness.check("the output directory cannot be read" in text, text)
    path.rename(pipe.output)


def a_sender_and_what_it_has_not_sent_are_shown(pipe):
    pipe.writer()
    pipe.load("--count", 300).wait()
    harness.wait_for(lambda: not pipe.regions(), "all is written")
    sink = otlp_sink.Sink(pipe.scratch / "got")
    pipe.undo.append(sink.close)
    send = ("send", "--to", sink.url, "--name", "first", pipe.output)
    pipe.tool(*send)
    (sender,) = stat(pipe)["disk"]["senders"]
    harness.equal((sender["name"], sender["running"], sender["problem"]), ("first", False, ""), "sender")
    harness.equal(sender["signals"]["traces"], {"unsent_batches": 0, "unsent_files": 0}, "behind")
    pipe.load("--count", 100).wait()
    harness.wait_for(lambda: not pipe.regions(), "all is written")
    found = stat(pipe)
    behind = found["disk"]["senders"][0]["signals"]["traces"]["unsent_batches"]
    harness.check(0 < behind <= found["writer"]["signals"]["traces"]["batches"], f"{behind} behind")
    follow = pipe.start("otlpipe", *send, "--follow")

    def has_sent_all():
        (sender,) = stat(pipe)["disk"]["senders"]
        return sender["running"] and sender["signals"]["traces"]["unsent_batches"] == 0

    harness.wait_for(has_sent_all, "the sender runs, and has sent all")
    text = pipe.tool("stat", "--dir", pipe.runtime).out
    harness.check("sender first: running" in text, text)
    follow.stop()
    (pipe.output / "otlpipe-send.first.cursor").write_text("no cursor\n")
    (sender,) = stat(pipe)["disk"]["senders"]
    harness.check(sender["problem"] != "" and not sender["running"], f"{sender}")
    pipe.processes[0].stop()


def drops_are_shown_by_reason(pipe):
    load = pipe.load("--count", 2000, "--span-ring-bytes", "16KiB", "--metric-ring-bytes", "16KiB")
    load.wait()
    pushed = load.json()
    found = stat(pipe)
    for ring, name in (("spans", "spans"), ("metrics", "points")):
        shown = ring_of(found["regions"][0], ring)
        harness.equal(shown["dropped_full_items"], pushed[name]["dropped"], f"{ring} dropped")
        harness.equal(shown["dropped_too_large_items"], 0, "too large")
        harness.equal(shown["size_bytes"], 16384, "size")
    total = pushed["spans"]["dropped"] + pushed["points"]["dropped"]
    harness.equal(found["totals"]["dropped_full_items"], total, "drops in all")
    pipe.writer("--drain", interval=None, ready=False).wait()


def the_lanes_of_a_ring_are_shown(pipe):
    for lanes in (1, 4):
        load = pipe.endless_load("--rate", 100, "--signal", "spans", lanes=lanes)
        found = next(r for r in stat(pipe)["regions"] if r["pid"] in load.workers)
        ring = ring_of(found, "spans")
        harness.equal(ring["size_bytes"], 4 << 20, "bytes of all lanes")
        if lanes == 1:
            harness.check("lanes_used_bytes" not in ring, f"{ring}")
        else:
            harness.equal(len(ring["lanes_used_bytes"]), lanes, "lanes")
            harness.equal(sum(ring["lanes_used_bytes"]), ring["used_bytes"], "used bytes")
        load.stop()
    pipe.writer("--drain", interval=None, ready=False).wait()


def memory_of_programs_that_have_ended_is_shown(pipe):
    """What waits while no writer runs: each region holds its rings, whatever is in them."""
    harness.equal(stat(pipe)["memory"]["held_bytes"], 0, "memory of nothing")
    sizes = ("--span-ring-bytes", "256KiB", "--metric-ring-bytes", "64KiB")
    for _ in range(3):
        pipe.load("--count", 10, *sizes).wait()
    load = pipe.endless_load("--rate", 100, *sizes)
    found = stat(pipe)
    held = {r["id"]: r["held_bytes"] for r in found["regions"]}
    for name in pipe.regions():
        size = (pipe.runtime / name).stat().st_blocks * 512
        harness.equal(held[name.split("-")[1].split(".")[0]], size, f"bytes held by {name}")
    memory = found["memory"]
    ended = [region for region in found["regions"] if not region["alive"]]
    harness.equal(len(ended), 3, "regions of programs that have ended")
    harness.equal(memory["ended_regions"], 3, "memory.ended_regions")
    harness.equal(memory["held_bytes"], sum(held.values()), "memory.held_bytes")
    harness.equal(memory["ended_held_bytes"], sum(r["held_bytes"] for r in ended), "ended_held_bytes")
    waiting = sum(ring["waiting_bytes"] for region in ended for ring in region["rings"])
    harness.equal(memory["ended_waiting_bytes"], waiting, "memory.ended_waiting_bytes")
    harness.check(waiting > 0, "nothing waits")
    text = pipe.tool("stat", "--dir", pipe.runtime).out
    harness.check("waiting: 3 regions of programs that have ended hold" in text, text)
    load.stop()
    pipe.writer("--drain", ready=False).wait()
    memory = stat(pipe)["memory"]
    harness.check(memory.pop("budget_bytes") > 0, "memory.budget_bytes")
    harness.equal(set(memory.values()), {0}, "memory after a drain")


def regions_beyond_the_list_are_in_the_sums_and_told_of(pipe):
    """As many as 65,536 are listed; the tool of this test, which is the same otherwise, lists 3."""
    sizes = ("--span-ring-bytes", "256KiB", "--metric-ring-bytes", "64KiB")
    for _ in range(7):
        pipe.load("--count", 10, *sizes).wait()
    all_of_them = stat(pipe)
    harness.equal((len(all_of_them["regions"]), all_of_them["unlisted_regions"]), (7, 0), "regions")
    found = pipe.run("otlpipe_few", "stat", "--json", "--dir", pipe.runtime).json()
    check_schema(found, SCHEMA)
    harness.equal((len(found["regions"]), found["unlisted_regions"]), (3, 4), "regions of the few")
    for name in ("totals", "memory"):
        harness.equal(found[name], all_of_them[name], name)
    text = pipe.run("otlpipe_few", "stat", "--dir", pipe.runtime).out
    harness.check("4 regions more are not shown one by one" in text, text)
    harness.check("memory: 7 regions hold" in text, text)
    pipe.writer("--drain", ready=False).wait()


def each_field_of_the_schema_is_in_the_page(pipe):
    """docs/cli.md explains what docs/stat.schema.json has."""
    text = (harness.SOURCE / "docs" / "cli.md").read_text().split("## `otlpipe stat`")[1]
    text = text.split("## `otlpipe verify`")[0]

    def names(schema):
        for name, inner in schema.get("properties", {}).items():
            yield name
            yield from names(inner)
            yield from names(inner.get("items", {}))

    found = {*names(SCHEMA), *(n for inner in SCHEMA["$defs"].values() for n in names(inner))}
    harness.check(len(found) > 30, f"so few fields: {found}")
    missing = [name for name in sorted(found) if not re.search(rf"\b{name}\b", text)]
    harness.equal(missing, [], "fields that docs/cli.md does not explain")


def a_writer_and_a_producer_at_work_are_shown(pipe):
    writer = pipe.writer()
    load = pipe.load("--count", 0, "--rate", 1000)
    found = harness.wait_for(
        lambda: next((f for f in [stat(pipe)] if f["regions"] and f["regions"][0]["rings"]), None),
        "a region",
    )
    harness.equal(found["writer"]["running"], True, "writer.running")
    harness.equal(found["writer"]["state"], "running", "writer.state")
    harness.equal(found["writer"]["pid"], writer.pid, "writer.pid")
    harness.equal(found["regions"][0]["alive"], True, "alive")
    harness.wait_for(
        lambda: stat(pipe)["writer"]["signals"]["metrics"]["written_items"] > 0, "points are written"
    )
    text = pipe.tool("stat", "--dir", pipe.runtime).out
    harness.check(f"pid {writer.pid}" in text and str(pipe.output) in text, text)
    load.stop()
    writer.kill()
    found = stat(pipe)["writer"]
    harness.equal(found["running"], False, "writer.running of a killed one")
    harness.check("was killed" in pipe.tool("stat", "--dir", pipe.runtime).out, "it was killed")
    pipe.writer("--drain", interval=None, ready=False).wait()


def a_claim_that_blocks_is_shown_and_verified(pipe):
    writer = pipe.writer()
    # One lane: what it pushes then waits behind the claim.
    load = pipe.load("--count", 0, "--rate", 200, "--signal", "spans", lanes=1)
    region = harness.wait_for(lambda: (stat(pipe)["regions"] or [None])[0], "a region")
    os.kill(region["pid"], signal.SIGSTOP)
    harness.wait_for(
        lambda: open(f"/proc/{region['pid']}/stat").read().rsplit(")", 1)[1].split()[0] == "T",
        "the producer has stopped",
    )
    move_tail(pipe, region, 64)
    os.kill(region["pid"], signal.SIGCONT)

    def blocked():
        rings = [ring_of(r, "spans") for r in stat(pipe)["regions"]]
        return rings and rings[0]["blocked"] and rings[0]["waiting_bytes"] > 4096

    harness.wait_for(blocked, "the ring is blocked, and more waits behind")
    text = pipe.tool("stat", "--dir", pipe.runtime).out
    harness.check("blocked by a claim" in text, text)
    harness.check(pipe.verify()["identity"]["in_rings"] > 0, "nothing is seen behind the claim")
    load.stop()
    harness.wait_for(lambda: not pipe.regions(), "the writer has skipped the dead producer's claim")
    writer.stop()
    found = pipe.verify()
    harness.equal(found["spans"]["torn_bytes"], 64, "torn bytes")
    harness.equal(found["identity"]["written"], load.json()["spans"]["accepted"], "spans written")


def regions_that_are_none_do_no_harm(pipe):
    load = pipe.load("--count", 10)
    load.wait()
    (name,) = pipe.regions()
    whole = (pipe.runtime / name).read_bytes()
    bad = bytearray(whole)
    for at in range(4096, len(bad), 8):
        bad[at] ^= 0xA5
    for number, data in enumerate([b"", whole[:4096], b"\xff" * 8192, bytes(bad)], 1):
        # The header must match the name, or it is refused before the rings are looked at.
        if number == 4:
            data = whole[:16] + WORD.pack(number) + data[24:]
        (pipe.runtime / f"{name.split('-')[0]}-{number:016x}.region").write_bytes(data)
    found = stat(pipe)
    ids = {region["id"] for region in found["regions"]}
    harness.check(name.split("-")[1].split(".")[0] in ids, "the good region is missing")
    text = pipe.tool("stat", "--dir", pipe.runtime).out
    harness.check("regions cannot be read" in text, text)
    harness.check("its positions make no sense" in text, text)
    pipe.tool("verify", pipe.scratch, "--dir", pipe.runtime, expected=1)
    for path in pipe.runtime.glob("*.region"):
        path.unlink()


def watch_goes_on_until_it_is_told_to_stop(pipe):
    watch = pipe.start("otlpipe", "stat", "--json", "--watch=1", "--dir", pipe.runtime)
    harness.wait_for(lambda: watch.out.count("\n") >= 2, "two lines")
    watch.stop()
    for line in watch.out.splitlines():
        harness.equal(json.loads(line)["writer"]["state"], "none", "writer.state")


def errors_are_errors(pipe):
    pipe.tool("stat", "--nonsense", expected=2)
    pipe.tool("stat", "--watch", "soon", expected=2)
    pipe.tool("stat", "what", expected=2)
    pipe.tool("stat", "--help")
    pipe.runtime.chmod(0o755)
    found = pipe.tool("stat", "--dir", pipe.runtime, expected=1)
    harness.check("mode 0755" in found.err and "0700" in found.err, found.err)
    pipe.runtime.chmod(0o700)


if __name__ == "__main__":
    harness.run(
        [
            nothing_there_is_an_answer,
            what_load_pushed_is_what_the_rings_show_and_the_writer_wrote,
            the_service_and_the_disk_and_its_syncs_are_shown,
            a_sender_and_what_it_has_not_sent_are_shown,
            drops_are_shown_by_reason,
            the_lanes_of_a_ring_are_shown,
            memory_of_programs_that_have_ended_is_shown,
            regions_beyond_the_list_are_in_the_sums_and_told_of,
            each_field_of_the_schema_is_in_the_page,
            a_writer_and_a_producer_at_work_are_shown,
            a_claim_that_blocks_is_shown_and_verified,
            regions_that_are_none_do_no_harm,
            watch_goes_on_until_it_is_told_to_stop,
            errors_are_errors,
        ]
    )
