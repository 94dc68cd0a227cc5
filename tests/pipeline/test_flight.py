#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The flight recorder: nothing on the disk before a snapshot asks, then the last of it, whole, and what
was let go before is counted to the item.

usage: test_flight.py BUILD_DIR [words of test names]
"""
import os
import shutil
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
import harness
from harness import check, equal, wait_for

SIGNALS = ("traces", "metrics", "logs")


def recorder(pipe, keep="1h,64MiB", *arguments, **others):
    return pipe.writer("--mode", "flight-recorder", "--keep", keep, *arguments, **others)


def snapshot(pipe, *arguments, expected=0):
    return pipe.tool("snapshot", "--dir", pipe.runtime, *arguments, expected=expected)


def snapshot_json(pipe, expected=0):
    return snapshot(pipe, "--json", expected=expected).json()


def push(pipe, count=1000, *arguments):
    """Accepted items, by signal. Each load has a service of its own, as load_scan counts by that."""
    number = len(pipe.processes)
    load = pipe.load("--count", count, "--signal", "all", *arguments, service=f"load-{number}")
    load.wait()
    found = load.json()
    return {name: found[key]["accepted"] for name, key in zip(SIGNALS, ("spans", "points", "logs"))}


def add(*parts):
    return {name: sum(part[name] for part in parts) for name in SIGNALS}


def items(verified, key):
    return {name: verified["signals"][name][key] for name in SIGNALS}


def stat(pipe):
    return pipe.tool("stat", "--json", "--dir", pipe.runtime).json()["writer"]["flight_recorder"]


def spool(pipe):
    return sorted((pipe.runtime / "flight").glob("*/*.binpb*"))


def drained(pipe):
    wait_for(lambda: not pipe.regions(), "the writer is done with what ended programs left")


def nothing_is_written_until_a_snapshot_asks(pipe):
    writer = recorder(pipe)
    pushed = push(pipe)
    drained(pipe)
    equal(pipe.files(), [], "files before a snapshot")
    found = pipe.verify()
    equal(items(found, "in_flight_recorder_items"), pushed, "what the recorder holds, by verify")
    wait_for(lambda: stat(pipe)["held_items"] == pushed, "stat says what the recorder holds")
    result = snapshot_json(pipe)
    equal(result["written_items"], pushed, "what the snapshot says that it wrote")
    equal(result["let_go_items"], add(), "what was let go")
    equal(items(pipe.verify(runtime=False), "written_items"), pushed, "what is in the files")
    pipe.scan()
    equal(spool(pipe), [], "files that are held behind a snapshot")
    equal(stat(pipe)["held_items"], add(), "what the recorder holds behind a snapshot")
    writer.stop()


def cat_reads_what_a_snapshot_wrote(pipe):
    writer = recorder(pipe)
    pushed = push(pipe, 100)
    snapshot(pipe)
    lines = pipe.tool("cat", "--format", "text", pipe.output).out.splitlines()
    equal(len(lines), sum(pushed.values()), "lines of cat")
    writer.stop()


def what_the_rings_have_is_in_the_snapshot(pipe):
    writer = recorder(pipe, interval="5s")
    load = pipe.endless_load("--rate", 500)
    harness.nap(0.3)
    result = snapshot_json(pipe)
    check(sum(result["written_items"].values()) > 0, f"a snapshot of nothing: {result}")
    load.stop(signal.SIGINT, expected=None)
    rest = snapshot_json(pipe)
    drained(pipe)
    snapshot_json(pipe)
    found = pipe.verify()
    equal(found["identity"]["let_go"], 0, "let go")
    equal(found["identity"]["written"], found["identity"]["committed"], "written, of committed")
    check(rest["ok"], rest)
    writer.stop()


def older_records_are_let_go_by_bytes_and_counted(pipe):
    writer = recorder(pipe, "1MiB")
    pushed = push(pipe, 20000, "--rate", 20000)
    drained(pipe)
    wait_for(lambda: stat(pipe)["let_go_files"] > 0, "something is let go")
    check(stat(pipe)["held_bytes"] <= 1 << 20, f"more is held than may be: {stat(pipe)}")
    result = snapshot_json(pipe)
    found = pipe.verify(runtime=False)
    equal(items(found, "written_items"), result["written_items"], "written")
    equal(items(found, "let_go_items"), result["let_go_items"], "let go")
    equal(add(result["written_items"], result["let_go_items"]), pushed, "written and let go")
    check(any("let go:" in note for note in found["notes"]), f"verify does not name it: {found['notes']}")
    pipe.scan()
    writer.stop()


def older_records_are_let_go_by_age_and_counted(pipe):
    writer = recorder(pipe, "1s")
    old = push(pipe, 200)
    drained(pipe)
    wait_for(lambda: stat(pipe)["let_go_items"] == old, "what is old is let go")
    young = push(pipe, 100)
    result = snapshot_json(pipe)
    equal(add(result["written_items"], result["let_go_items"]), add(old, young), "written and let go")
    found = pipe.verify(runtime=False)
    equal(items(found, "let_go_items"), result["let_go_items"], "let go, by the files")
    equal(items(found, "committed_items"), add(old, young), "committed, by the files alone")
    writer.stop()


def of_one_producer_the_ledger_goes_on_from_snapshot_to_snapshot(pipe):
    writer = recorder(pipe, "1MiB")
    load = pipe.endless_load("--rate", 5000, processes=3)
    let_go = 0
    for _ in range(6):
        harness.nap(0.3)
        let_go += sum(snapshot_json(pipe)["let_go_items"].values())
        pipe.verify()
    os.kill(load.workers[1], signal.SIGKILL)
    load.stop(signal.SIGINT, expected=None)
    drained(pipe)
    let_go += sum(snapshot_json(pipe)["let_go_items"].values())
    found = pipe.verify(runtime=False)
    equal(found["identity"]["let_go"], let_go, "let go, of all snapshots")
    equal(found["regions"]["final"], 3, "producers that have ended")
    pipe.scan()
    writer.stop()


def many_ended_producers_are_added_up_and_counted(pipe):
    writer = recorder(pipe, "1s")
    pushed = add(*(push(pipe, 20, "--processes", 10) for _ in range(3)))
    drained(pipe)
    wait_for(lambda: stat(pipe)["let_go_items"] == pushed, "all of it is let go")
    result = snapshot_json(pipe)
    equal(result["let_go_items"], pushed, "let go")
    found = pipe.verify(runtime=False)
    equal(items(found, "let_go_items"), pushed, "let go, by the files")
    equal(found["identity"]["written"], 0, "written")
    writer.stop()


def a_snapshot_of_nothing_writes_nothing(pipe):
    writer = recorder(pipe)
    result = snapshot_json(pipe)
    equal((result["ok"], result["files"]), (True, 0), "a snapshot of nothing")
    text = snapshot(pipe).out
    check("0 files" in text, text)
    equal(pipe.files(), [], "files")
    writer.stop()


def several_snapshots_at_once_are_one_or_more_and_each_is_whole(pipe):
    writer = recorder(pipe)
    pushed = push(pipe)
    asked = [
        pipe.start("otlpipe", "snapshot", "--dir", pipe.runtime, "--json") for _ in range(8)
    ]
    for process in asked:
        process.wait()
        check(process.json()["ok"], process.tail)
    drained(pipe)
    snapshot(pipe)
    equal(items(pipe.verify(runtime=False), "written_items"), pushed, "written")
    pipe.scan()
    writer.stop()


def sigusr1_asks_for_a_snapshot(pipe):
    writer = recorder(pipe)
    pushed = push(pipe)
    drained(pipe)
    writer.send(signal.SIGUSR1)
    wait_for(lambda: stat(pipe)["snapshots_done"] == 1, "the snapshot is done")
    equal(items(pipe.verify(runtime=False), "written_items"), pushed, "written")
    writer.stop()


def a_program_asks_for_a_snapshot_of_all_programs(pipe):
    writer = recorder(pipe)
    pushed = push(pipe, 50)
    asker = pipe.start("snapshot_host", pipe.runtime)
    asker.wait()
    wait_for(lambda: stat(pipe)["snapshots_done"] >= 1, "the snapshot is done")
    drained(pipe)
    snapshot(pipe)
    found = items(pipe.verify(runtime=False), "written_items")
    equal(found["traces"], pushed["traces"] + int(asker.out), "spans that are written")
    writer.stop()


def a_child_that_has_pushed_nothing_asks_too(pipe):
    writer = recorder(pipe)
    asker = pipe.start("snapshot_host", pipe.runtime, "child")
    asker.wait()
    wait_for(lambda: stat(pipe)["snapshots_done"] >= 1, "the snapshot is done")
    drained(pipe)
    snapshot(pipe)
    equal(items(pipe.verify(runtime=False), "written_items")["traces"], int(asker.out), "spans that are written")
    writer.stop()


def cpp_host(pipe):
    """What the program in C++ says: spans, and the codes of its asks."""
    if not pipe.program("snapshot_host_cpp").exists():
        raise harness.Skip("no compiler for C++ here")
    asker = pipe.start("snapshot_host_cpp", pipe.runtime)
    asker.wait()
    spans, code, none = map(int, asker.out.split())
    equal((code, none), (0, -22), "the results of a handle, and of an empty one")
    return spans


def a_program_in_cpp_asks_for_a_snapshot(pipe):
    writer = recorder(pipe)
    pushed = push(pipe, 50)
    spans = cpp_host(pipe)
    wait_for(lambda: stat(pipe)["snapshots_done"] >= 1, "the snapshot is done")
    found = items(pipe.verify(), "written_items")
    equal(found["traces"], pushed["traces"] + spans, "spans that are written")
    writer.stop()


def what_a_program_in_cpp_asked_for_without_a_writer_is_the_next_recorders(pipe):
    spans = cpp_host(pipe)
    writer = pipe.writer()
    drained(pipe)
    equal(stat(pipe)["snapshots_begun"], 0, "snapshots of a writer that writes all")
    equal(items(pipe.verify(), "written_items")["traces"], spans, "spans, by that")
    writer.stop()
    spans += cpp_host(pipe)
    writer = recorder(pipe)
    wait_for(lambda: stat(pipe)["snapshots_done"] == 1, "the snapshot is done")
    equal(items(pipe.verify(), "written_items")["traces"], spans, "spans")
    writer.stop()


def what_a_program_asked_for_without_a_writer_is_taken_by_the_next_one(pipe):
    asker = pipe.start("snapshot_host", pipe.runtime)
    asker.wait()
    writer = recorder(pipe)
    wait_for(lambda: stat(pipe)["snapshots_done"] == 1, "the snapshot is done")
    equal(items(pipe.verify(runtime=False), "written_items")["traces"], int(asker.out), "spans")
    writer.stop()


def a_killed_writers_spool_is_the_next_ones(pipe):
    writer = recorder(pipe)
    first = push(pipe)
    drained(pipe)
    writer.kill()
    second = push(pipe)
    equal(pipe.files(), [], "files before a snapshot")
    writer = recorder(pipe)
    result = snapshot_json(pipe)
    equal(result["written_items"], add(first, second), "written")
    drained(pipe)
    snapshot(pipe)
    equal(items(pipe.verify(), "written_items"), add(first, second), "written, by verify")
    pipe.scan()
    writer.stop()


def what_was_held_at_the_end_is_held_for_the_next_one(pipe):
    writer = recorder(pipe)
    pushed = push(pipe)
    drained(pipe)
    writer.stop()
    equal(pipe.files(), [], "files behind the end of a flight recorder")
    equal(items(pipe.verify(), "in_flight_recorder_items"), pushed, "held")
    writer = recorder(pipe)
    equal(snapshot_json(pipe)["written_items"], pushed, "written")
    writer.stop()


def a_writer_that_writes_all_takes_over_what_is_held(pipe):
    writer = recorder(pipe, "1MiB")
    first = push(pipe, 20000, "--rate", 20000)
    drained(pipe)
    writer.kill()
    second = push(pipe, 100)
    writer = pipe.writer("--drain", ready=False)
    writer.wait()
    found = pipe.verify()
    equal(items(found, "committed_items"), add(first, second), "committed")
    check(found["identity"]["let_go"] > 0, "nothing was let go")
    check(not (pipe.runtime / "flight").exists(), "the spool is still there")
    pipe.scan()


def a_recorder_after_a_writer_that_wrote_all_goes_on_in_its_directory(pipe):
    writer = pipe.writer()
    load = pipe.endless_load("--rate", 2000)
    wait_for(lambda: pipe.files(), "something is written")
    writer.kill()
    writer = recorder(pipe)
    load.stop(signal.SIGINT, expected=None)
    drained(pipe)
    snapshot(pipe)
    found = pipe.verify()
    equal(found["identity"]["written"], found["identity"]["committed"], "written, of committed")
    pipe.scan()
    writer.stop()


def snapshots_into_another_directory_after_a_restart(pipe):
    writer = recorder(pipe)
    load = pipe.endless_load("--rate", 2000)
    harness.nap(0.2)
    snapshot(pipe)
    writer.stop()
    other = pipe.scratch / "other"
    writer = recorder(pipe, output=other)
    load.stop(signal.SIGINT, expected=None)
    drained(pipe)
    snapshot(pipe)
    pipe.tool("verify", "--dir", pipe.runtime, pipe.output, other)
    pipe.scan(pipe.output, other)
    writer.stop()


def an_output_directory_that_is_gone_loses_nothing(pipe):
    writer = recorder(pipe)
    pushed = push(pipe)
    drained(pipe)
    away = pipe.scratch / "away"
    pipe.output.rename(away)
    failed = snapshot(pipe, expected=1)
    check("gone" in failed.err, failed.err)
    doctor = pipe.tool("doctor", "--dir", pipe.runtime, expected=1)
    check("the last snapshot failed" in " ".join(doctor.out.split()), doctor.out)
    away.rename(pipe.output)
    equal(snapshot_json(pipe)["written_items"], pushed, "written")
    equal(items(pipe.verify(runtime=False), "written_items"), pushed, "written, by verify")
    writer.stop()


def held(pipe, signal_name, ending=""):
    """Names of held files of a signal: those that are sealed, or, with ".open", the other ones."""
    return sorted((pipe.runtime / "flight" / signal_name).glob(f"*.binpb{ending}"))


def sealed(pipe):
    """What is held so far is in files that are sealed."""
    drained(pipe)
    pipe.tool("rotate", "--dir", pipe.runtime)
    wait_for(lambda: not any(held(pipe, name, ".open") for name in SIGNALS), "all is sealed")


def a_held_file_that_somebody_removes_is_named_and_fails_the_snapshot(pipe):
    writer = recorder(pipe)
    first = push(pipe, 200)
    sealed(pipe)
    gone = held(pipe, "traces")[0]
    second = push(pipe, 100)
    drained(pipe)
    gone.unlink()
    result = snapshot_json(pipe, expected=1)
    check("held files that somebody has removed: 1;" in result["problem"], result)
    rest = {**add(first, second), "traces": second["traces"]}
    equal(result["written_items"], rest, "what was left, and is written")
    equal(writer.err.count(f"{gone.name}, which the flight recorder held, is gone"), 1, "lines of it")
    doctor = pipe.tool("doctor", "--dir", pipe.runtime, expected=1)
    said = " ".join(doctor.out.split())
    check("somebody has removed" in said and "/flight (leave both to the writer" in said, doctor.out)
    found = pipe.verify(expected=1)
    check(any("are missing" in text for text in found["problems"]), found["problems"])
    third = push(pipe, 50)
    drained(pipe)
    equal(snapshot_json(pipe)["written_items"], third, "what the next snapshot writes")
    writer.stop()


def an_open_file_that_somebody_removes_is_written_again_and_in_the_snapshot(pipe):
    writer = recorder(pipe)
    first = push(pipe, 200)
    drained(pipe)
    held(pipe, "traces", ".open")[0].unlink()
    equal(snapshot_json(pipe)["written_items"], first, "written")
    check("was removed or replaced while it was being written" in writer.err, writer.tail)
    second = push(pipe, 100)
    drained(pipe)
    held(pipe, "logs", ".open")[0].unlink()
    third = push(pipe, 50)
    drained(pipe)
    equal(snapshot_json(pipe)["written_items"], add(second, third), "written by the next one")
    equal(items(pipe.verify(), "written_items"), add(first, second, third), "written, by verify")
    pipe.scan()
    writer.stop()


def recorder_without_spool(pipe):
    """Returns it, what was pushed before somebody removed its spool, and what was pushed since."""
    writer = recorder(pipe)
    first = push(pipe, 200)
    drained(pipe)
    shutil.rmtree(pipe.runtime / "flight")
    second = push(pipe, 100)
    for name in SIGNALS:
        wait_for(lambda name=name: f"{name}: no file can be made" in writer.err, "the writer says so")
    return writer, first, second


def without_the_spool_the_rings_keep_what_they_have_and_a_restart_mends_it(pipe):
    writer, first, second = recorder_without_spool(pipe)
    check("the rings keep what they have" in writer.err, writer.tail)
    found = pipe.verify()
    equal(items(found, "in_rings_items"), second, "what the rings keep")
    # What was in the file that was open is not lost either: it has it in memory.
    writer.stop(expected=1)
    writer = recorder(pipe)
    check("where a flight recorder held its records, is gone" in writer.err, writer.tail)
    drained(pipe)
    equal(snapshot_json(pipe)["written_items"], add(first, second), "written")
    equal(items(pipe.verify(), "written_items"), add(first, second), "written, by verify")
    pipe.scan()
    writer.stop()


def without_the_spool_a_writer_that_writes_all_starts_too(pipe):
    writer, first, second = recorder_without_spool(pipe)
    writer.kill()
    pipe.writer("--drain", ready=False).wait()
    equal(items(pipe.verify(), "written_items"), add(first, second), "written")
    pipe.scan()


def what_was_sealed_in_a_spool_that_is_removed_is_named_as_lost(pipe):
    writer = recorder(pipe)
    load = pipe.endless_load("--rate", 500, "--signal", "all")
    wait_for(lambda: all(held(pipe, name, ".open") for name in SIGNALS), "each signal is written")
    pipe.tool("rotate", "--dir", pipe.runtime)
    wait_for(lambda: all(held(pipe, name) for name in SIGNALS), "each signal has a sealed file")
    gone = [path.name for name in SIGNALS for path in held(pipe, name)]
    shutil.rmtree(pipe.runtime / "flight")
    wait_for(lambda: "no file can be made" in writer.err, "the writer says that it cannot write")
    writer.stop(expected=1)
    for name in gone:
        equal(writer.err.count(f"{name}, which the flight recorder held, is gone"), 1, f"lines of {name}")
    writer = recorder(pipe)
    load.stop(signal.SIGINT, expected=None)
    drained(pipe)
    snapshot(pipe)
    # Its programs have run on: their positions begin behind what is lost.
    found = pipe.verify(expected=1)
    for name in SIGNALS:
        check(any(text.startswith(name) for text in found["problems"]), f"{name}: {found['problems']}")
    pipe.scan()
    writer.stop()


def a_full_disk_fails_the_snapshot_and_loses_nothing(pipe):
    small = pipe.shm / "small"
    small.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k", "none", small], check=False, capture_output=True
    )
    if made.returncode != 0:
        raise harness.Skip("no mounts here")
    pipe.undo.append(
        lambda: subprocess.run(["umount", "-l", small], check=False, capture_output=True)
    )
    output = small / "data"
    writer = recorder(pipe, output=output)
    pushed = push(pipe, 10000, "--rate", 20000)
    drained(pipe)
    failed = snapshot(pipe, expected=1)
    check("No space left" in failed.err, failed.err)
    subprocess.run(["mount", "-o", "remount,size=64m", small], check=True)
    snapshot(pipe)
    equal(items(pipe.verify(output=output, runtime=False), "written_items"), pushed, "written")
    pipe.scan(output)
    writer.stop()
    shutil.rmtree(output)
    subprocess.run(["umount", small], check=True)


def a_full_runtime_directory_lets_go_of_the_oldest_alone(pipe):
    small = pipe.shm / "small"
    small.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "none", small], check=False, capture_output=True
    )
    if made.returncode != 0:
        raise harness.Skip("no mounts here")
    pipe.undo.append(
        lambda: subprocess.run(["umount", "-l", small], check=False, capture_output=True)
    )
    pipe.runtime = small / "run"
    pipe.runtime.mkdir(mode=0o700)
    writer = recorder(pipe, "1h,1GiB")
    pushed = push(pipe, 30000, "--rate", 20000)
    drained(pipe)
    wait_for(lambda: stat(pipe)["let_go_files"] > 0, "something was let go")
    result = snapshot_json(pipe)
    equal(add(result["written_items"], result["let_go_items"]), pushed, "written and let go")
    pipe.verify()
    writer.stop()
    check("nearly full" in writer.err, writer.tail)
    subprocess.run(["umount", small], check=True)
    pipe.runtime = pipe.shm / "run"


def without_a_recorder_the_command_says_so(pipe):
    none = snapshot(pipe, expected=1)
    check("no writer runs" in none.err, none.err)
    writer = pipe.writer()
    other = snapshot(pipe, expected=1)
    check("is no flight recorder" in other.err, other.err)
    writer.send(signal.SIGUSR1)
    wait_for(lambda: "SIGUSR1" in writer.err, "the writer says that it is none")
    writer.stop()


def the_command_does_not_wait_for_ever(pipe):
    writer = recorder(pipe)
    writer.send(signal.SIGSTOP)
    late = snapshot(pipe, "--timeout", "100ms", expected=1)
    check("--timeout" in late.err, late.err)
    writer.send(signal.SIGCONT)
    writer.stop()
    for wrong in (("--timeout", "0"), ("--timeout", "soon"), ("now",)):
        snapshot(pipe, *wrong, expected=2)


def the_command_says_when_the_writer_ends_meanwhile(pipe):
    writer = recorder(pipe)
    writer.send(signal.SIGSTOP)
    waits = pipe.start("otlpipe", "snapshot", "--dir", pipe.runtime)
    harness.nap(0.2)
    writer.kill()
    waits.wait(1)
    check("has ended" in waits.err, waits.err)


def wrong_modes_and_keeps_are_refused(pipe):
    for option, value in (
        ("--mode", "flight"),
        ("--mode", ""),
        ("--keep", "60"),
        ("--keep", "0s"),
        ("--keep", "500ms"),
        ("--keep", "31d"),
        ("--keep", "64KiB"),
        ("--keep", "60s,60s"),
        ("--keep", "1MiB,2MiB"),
        ("--keep", "60s,"),
        ("--keep", ""),
        ("--keep", "much"),
    ):
        refused = pipe.start("otlpipe-writer", "--dir", pipe.runtime, option, value)
        refused.wait(2)
        check(f"{option} takes" in refused.err, refused.err)


def the_mode_comes_from_the_configuration_too(pipe):
    config = pipe.scratch / "writer.conf"
    config.write_text("mode = flight-recorder\nkeep = 30s,32MiB\n", encoding="utf-8")
    shown = pipe.run("otlpipe-writer", "--config", config, "--print-config").out
    for line in ("mode = flight-recorder ; ", "keep = 30s,32MiB ; "):
        check(any(found.startswith(line) for found in shown.splitlines()), shown)
    writer = pipe.writer("--config", config)
    found = stat(pipe)
    equal((found["is_on"], found["keep_ns"], found["keep_bytes"]), (True, 30 * 10**9, 32 << 20), "stat")
    config.write_text("mode = stream\nkeep = 30s,32MiB\n", encoding="utf-8")
    writer.send(signal.SIGHUP)
    wait_for(lambda: "mode stays flight-recorder" in writer.err, "the writer says that it needs a restart")
    writer.stop()


def monitors_show_the_recorder(pipe):
    writer = recorder(pipe, "1h,8MiB")
    pushed = push(pipe)
    drained(pipe)
    text = pipe.tool("stat", "--dir", pipe.runtime).out
    check("flight recorder: keeps 1h, 8388608 bytes" in text, text)
    check(f"output: {pipe.output}" in text, text)
    wait_for(lambda: stat(pipe)["held_items"] == pushed, "all is held")
    metrics = pipe.tool("stat", "--prometheus", "--dir", pipe.runtime).out
    check("otlpipe_flight_recorder 1" in metrics, metrics)
    check(f'otlpipe_flight_held_items{{signal="traces"}} {pushed["traces"]}' in metrics, metrics)
    top = pipe.tool("top", "--batch", "--count", "1", "--interval", "100ms", "--dir", pipe.runtime).out
    check("recorder holds" in top, top)
    doctor = pipe.tool("doctor", "--dir", pipe.runtime, expected=None).out
    check("flight recorder" in " ".join(doctor.split()), doctor)
    writer.stop()


harness.run(
    [
        nothing_is_written_until_a_snapshot_asks,
        cat_reads_what_a_snapshot_wrote,
        what_the_rings_have_is_in_the_snapshot,
        older_records_are_let_go_by_bytes_and_counted,
        older_records_are_let_go_by_age_and_counted,
        of_one_producer_the_ledger_goes_on_from_snapshot_to_snapshot,
        many_ended_producers_are_added_up_and_counted,
        a_snapshot_of_nothing_writes_nothing,
        several_snapshots_at_once_are_one_or_more_and_each_is_whole,
        sigusr1_asks_for_a_snapshot,
        a_program_asks_for_a_snapshot_of_all_programs,
        a_child_that_has_pushed_nothing_asks_too,
        a_program_in_cpp_asks_for_a_snapshot,
        what_a_program_in_cpp_asked_for_without_a_writer_is_the_next_recorders,
        what_a_program_asked_for_without_a_writer_is_taken_by_the_next_one,
        a_killed_writers_spool_is_the_next_ones,
        what_was_held_at_the_end_is_held_for_the_next_one,
        a_writer_that_writes_all_takes_over_what_is_held,
        a_recorder_after_a_writer_that_wrote_all_goes_on_in_its_directory,
        snapshots_into_another_directory_after_a_restart,
        an_output_directory_that_is_gone_loses_nothing,
        a_held_file_that_somebody_removes_is_named_and_fails_the_snapshot,
        an_open_file_that_somebody_removes_is_written_again_and_in_the_snapshot,
        without_the_spool_the_rings_keep_what_they_have_and_a_restart_mends_it,
        without_the_spool_a_writer_that_writes_all_starts_too,
        what_was_sealed_in_a_spool_that_is_removed_is_named_as_lost,
        a_full_disk_fails_the_snapshot_and_loses_nothing,
        a_full_runtime_directory_lets_go_of_the_oldest_alone,
        without_a_recorder_the_command_says_so,
        the_command_does_not_wait_for_ever,
        the_command_says_when_the_writer_ends_meanwhile,
        wrong_modes_and_keeps_are_refused,
        the_mode_comes_from_the_configuration_too,
        monitors_show_the_recorder,
    ]
)
