#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The writer's files as a user sees them: names, modes, rotation, retention, signals."""
import os
import signal

import harness

NOBODY, GROUP = 65534, 65533
SMALL = ("--batch-bytes", "64KiB", "--rotate-bytes", "64KiB")


def pushed(pipe, count, service=None):
    """Pushed, and written when it returns."""
    load = pipe.load("--count", count, "--retry", "--wait", service=service)
    load.wait()
    result = load.json()
    for name in ("spans", "points"):
        harness.equal(result[name], {"accepted": count, "dropped": 0}, name)


def sequences(pipe, signal_name, kind=None):
    return [
        int(harness.DATA_NAME.match(path.name)[2])
        for name, path in pipe.files(kind)
        if name == signal_name
    ]


def is_run(numbers):
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def each_ending_signal_drains_and_seals(pipe):
    total = 0
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
        writer = pipe.writer(interval="1h")
        total += 300
        pipe.load("--count", 300, service=f"load-{total}").wait()
        writer.stop(number)
        harness.equal(pipe.files("open"), [], f"open files after signal {number}")
        harness.equal(pipe.scan()["spans"], total, f"spans after signal {number}")
    for name in ("traces", "metrics"):
        harness.equal(sequences(pipe, name), [1, 2, 3], f"sequence numbers of {name}")
    pipe.verify()


def a_second_signal_while_it_stops_does_no_harm(pipe):
    writer = pipe.writer("--sync", "batch", *SMALL)
    load = pipe.endless_load("--threads", 2, "--retry")
    harness.nap(0.3)
    for _ in range(20):
        writer.send(signal.SIGTERM)
        writer.send(signal.SIGHUP)
        writer.send(signal.SIGINT)
    writer.wait()
    load.stop()
    pipe.writer("--drain", ready=False).wait()
    harness.equal(pipe.scan()["spans"], load.json()["spans"]["accepted"], "spans")
    pipe.verify()


def files_are_closed_to_others(pipe):
    writer = pipe.writer(*SMALL)
    pushed(pipe, 500)
    load = pipe.endless_load("--rate", 100)

    def mode(path):
        return path.stat().st_mode & 0o7777

    found = {path.name: mode(path) for _, path in pipe.files()}
    harness.check(len(found) >= 4, f"few files: {found}")
    harness.equal(set(found.values()), {0o640}, f"modes of {found}")
    for path in (pipe.output, pipe.output / "traces", pipe.output / "metrics"):
        harness.equal(mode(path), 0o750, f"mode of {path}")
    for path in pipe.runtime.iterdir():
        harness.equal(mode(path), 0o600, f"mode of {path}")
    load.stop()
    writer.stop()


def sighup_seals_and_goes_on_in_new_files(pipe):
    writer = pipe.writer(interval="20ms")
    for number in range(1, 6):
        pushed(pipe, 200, service=f"load-{number}")
        # Its last entry of the ledger too.
        harness.wait_for(lambda: not pipe.regions(), "its region is gone")
        writer.send(signal.SIGHUP)
        for name in ("traces", "metrics"):
            harness.wait_for(
                lambda: sequences(pipe, name, "sealed") == list(range(1, number + 1)),
                f"{number} sealed files of {name} after as many SIGHUPs",
            )
    # Nothing was written since: there is nothing to seal.
    writer.send(signal.SIGHUP)
    writer.stop()
    harness.equal(sequences(pipe, "traces"), [1, 2, 3, 4, 5], "sequence numbers at the end")
    harness.equal(pipe.scan()["spans"], 1000, "spans")
    pipe.verify()


def files_rotate_by_size(pipe):
    writer = pipe.writer("--batch-bytes", "64KiB", "--rotate-bytes", "256KiB")
    pushed(pipe, 10000)
    writer.stop()
    sizes = {path.name: path.stat().st_size for _, path in pipe.files("sealed")}
    harness.check(len(sizes) > 16, f"few files: {sizes}")
    harness.check(max(sizes.values()) <= 256 << 10, f"a file is larger than 256 KiB: {sizes}")
    harness.check(min(sizes.values()) > 0, f"a file is empty: {sizes}")
    for size in sizes.values():
        harness.equal(size % 4096, 0, f"a file's size modulo a block in {sizes}")
    for name in ("traces", "metrics"):
        harness.check(is_run(sequences(pipe, name)), f"a number of {name} is left out")
    pipe.verify()


def files_rotate_by_age(pipe):
    writer = pipe.writer("--rotate-age", "100ms", interval="20ms")
    load = pipe.endless_load("--rate", 500)
    for name in ("traces", "metrics"):
        harness.wait_for(lambda: len(sequences(pipe, name, "sealed")) >= 4, f"four files of {name}")
    load.stop()
    # A file that nothing is written to any more gets old too.
    harness.wait_for(lambda: not pipe.files("open"), "the last files are sealed by age")
    writer.stop()
    harness.equal(pipe.scan()["points"], load.json()["points"]["accepted"], "points")
    pipe.verify()


def retention_by_size_removes_the_oldest_first(pipe):
    writer = pipe.writer(*SMALL, "--retain-bytes", "1MiB")
    pushed(pipe, 10000)

    def sealed_bytes():
        # A file may go between listing and looking.
        total = 0
        for _, path in pipe.files("sealed"):
            try:
                total += path.stat().st_size
            except FileNotFoundError:
                pass
        return total

    harness.wait_for(lambda: 0 < sealed_bytes() <= 1 << 20, "the sealed files have 1 MiB at most")
    writer.stop()
    left = {name: sequences(pipe, name) for name in ("traces", "metrics")}
    harness.check(any(left.values()), "all was removed")
    for name, numbers in left.items():
        # Which is drained first is over first, and all of it may be the oldest.
        harness.check(not numbers or is_run(numbers), f"not the oldest of {name} were removed: {numbers}")
        harness.check(not numbers or numbers[0] > 1, f"nothing of {name} was removed: {numbers}")
    found = pipe.verify()
    for name, numbers in left.items():
        # With the last file of a signal its ledger is gone too.
        sums = found["signals"][name]
        if numbers:
            harness.check(sums["removed_items"] > 0, f"verify does not name the start: {found}")
            harness.equal(sums["removed_items"] + sums["written_items"], 10000, f"{name} in all")
    notes = " ".join(found["notes"])
    harness.check("removed" in notes, f"verify does not name the start as removed: {found}")
    harness.equal(pipe.scan()["spans"], found["spans"]["written_items"], "spans that are left")


def retention_by_age_removes_what_is_old(pipe):
    writer = pipe.writer("--retain-age", "300ms", "--rotate-age", "50ms", interval="20ms")
    pushed(pipe, 500)
    harness.wait_for(lambda: not pipe.files(), "all files are old and gone")
    pushed(pipe, 100, service="second")
    harness.wait_for(lambda: pipe.files() or writer.err.count("\n") > 1, "files again")
    writer.stop()
    left = sequences(pipe, "traces")
    harness.check(left == [] or left[0] > 1, f"an old number again: {left}")


def without_io_uring_it_writes_the_same_with_pwrite_and_says_so_once(pipe):
    for number, (error, calls) in enumerate(
        [
            ("EPERM", "io_uring_setup"),
            ("ENOSYS", "io_uring_setup,io_uring_enter,io_uring_register"),
            ("EINVAL", "io_uring_setup"),
            ("EPERM", "io_uring_register"),
        ]
    ):
        output = pipe.scratch / f"data-{number}"
        prefix = (pipe.program("refuse"), error, calls)
        # A filter that cannot be loaded ends the wrapper with meson's "skipped".
        if pipe.run("refuse", error, calls, "/bin/true", expected=None).popen.returncode == 77:
            raise harness.Skip("seccomp filters are not allowed here")
        writer = pipe.writer(*SMALL, output=output, prefix=prefix)
        pushed(pipe, 2000, service=f"refused-{number}")
        writer.stop()
        lines = [line for line in writer.err.splitlines() if "pwrite" in line]
        harness.equal(len(lines), 1, f"lines that say pwrite for {error} {calls}, in {writer.err}")
        harness.equal(pipe.scan(output)["spans"], 2000, "spans")
        harness.equal(pipe.scan(output)["points"], 2000, "points")
        pipe.verify(output)
        strict = pipe.writer("--io", "uring", output=output, prefix=prefix, ready=False)
        strict.wait(1)
        harness.check("io_uring" in strict.err, f"why it ended: {strict.err}")


def without_o_direct_it_writes_the_same(pipe):
    """tmpfs had no O_DIRECT for long; either way its files are right."""
    output = pipe.shm / "data"
    writer = pipe.writer(*SMALL, output=output)
    pushed(pipe, 2000)
    writer.stop()
    harness.equal(pipe.scan(output)["spans"], 2000, "spans")
    pipe.verify(output)


def descriptors_and_regions_of_gone_producers_are_given_back(pipe):
    writer = pipe.writer(*SMALL)
    pushed(pipe, 200, service="warm-up")
    harness.wait_for(lambda: not pipe.regions(), "the first region is gone")

    def settled():
        found = {harness.descriptors(writer.pid)}
        harness.nap(0.2)
        found.add(harness.descriptors(writer.pid))
        return found.pop() if len(found) == 1 else None

    before = harness.wait_for(settled, "the writer's descriptors are settled")
    for number in range(5):
        words = ("--processes", 6, "--count", 300)
        pipe.load(*words, service=f"load-{number}").wait()
    harness.wait_for(lambda: not pipe.regions(), "all regions are gone")
    # A prepared file and retention's look at the directory come and go.
    after = harness.wait_for(settled, "the writer's descriptors are settled")
    harness.check(after <= before + 2, f"descriptors: {before} before, {after} after 30 producers")
    writer.stop()
    pipe.verify()


def as_user(pipe, uid):
    """What Popen needs to start a program as somebody else, if that is possible here."""
    if os.geteuid() != 0:
        raise harness.Skip("it takes root to be several users")
    for path in (pipe.scratch, pipe.shm):
        path.chmod(0o755)
    who = {"user": uid, "group": GROUP, "extra_groups": []}
    try:
        pipe.run("otlpipe-writer", "--version", **who)
    except (PermissionError, harness.Failure) as error:
        raise harness.Skip("other users may not run programs of this build directory") from error
    return who


def users_of_a_group_share_a_group_directory(pipe):
    pipe.runtime.chmod(0o700)
    writer_user, producer_user = as_user(pipe, NOBODY), as_user(pipe, NOBODY - 7)
    os.chown(pipe.runtime, NOBODY, GROUP)
    pipe.runtime.chmod(0o3770)
    pipe.output.mkdir(mode=0o750)
    os.chown(pipe.output, NOBODY, GROUP)
    writer = pipe.writer(**writer_user)
    loads = [
        pipe.endless_load("--rate", 500, service=f"load-{i}", **who)
        for i, who in enumerate((writer_user, producer_user))
    ]
    for path in pipe.runtime.iterdir():
        status = path.stat()
        # Members write their regions and their counts, and none of the writer's own files.
        mode = status.st_mode & 0o7777
        is_region = path.name.endswith(".region") or path.name.startswith("counters.")
        harness.equal(mode & 0o627, 0o620 if is_region else 0o600, f"rights of mode {mode:o}, {path}")
        harness.equal(status.st_gid, GROUP, f"group of {path}")
    for load in loads:
        load.stop()
    harness.wait_for(lambda: not pipe.regions(), "both regions are drained and gone")
    writer.stop()
    accepted = sum(load.json()["spans"]["accepted"] for load in loads)
    harness.equal(pipe.scan()["spans"], accepted, "spans of two users")
    pipe.verify()
    # Without the sticky bit, or open for all, it is none.
    for mode in (0o2770, 0o1770, 0o3777):
        pipe.runtime.chmod(mode)
        refused = pipe.writer(ready=False, **producer_user)
        refused.wait(1)
        harness.check("03770" in refused.err, f"mode {mode:o}: {refused.err}")


if __name__ == "__main__":
    harness.run(
        [
            each_ending_signal_drains_and_seals,
            a_second_signal_while_it_stops_does_no_harm,
            files_are_closed_to_others,
            sighup_seals_and_goes_on_in_new_files,
            files_rotate_by_size,
            files_rotate_by_age,
            retention_by_size_removes_the_oldest_first,
            retention_by_age_removes_what_is_old,
            without_io_uring_it_writes_the_same_with_pwrite_and_says_so_once,
            without_o_direct_it_writes_the_same,
            descriptors_and_regions_of_gone_producers_are_given_back,
            users_of_a_group_share_a_group_directory,
        ]
    )
