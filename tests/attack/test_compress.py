#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`otlpipe-writer --compress`: files are compressed while others read, remove, fill the disk, or kill
the writer; nothing is lost, and nothing is there twice.

usage: test_compress.py BUILD_DIR [words of test names…]
"""
import os
import pathlib
import random
import signal
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "torture"))
import rig
from rig import check, equal, harness, wait_for

SMALL = ("--rotate-bytes", "128KiB", "--batch-bytes", "64KiB")
TINY = ("--rotate-bytes", "64KiB", "--batch-bytes", "64KiB")  # a file for each large batch


def of_kind(pipe, kind):
    return [path for _, path in pipe.files(kind)]


def text(pipe, *words):
    return sorted(pipe.tool("cat", "--format", "text", *words, pipe.output).out.splitlines())


def pushed(pipe, count=600, **others):
    load = pipe.load("--signal", "all", "--count", count, "--retry", "--wait", **others)
    load.wait()
    return 3 * count


def all_packed(pipe):
    return of_kind(pipe, "packed") and not of_kind(pipe, "sealed")


def sealed_files_are_compressed_and_read_by_everything(pipe):
    writer = pipe.writer(*SMALL)
    count = pushed(pipe)
    writer.stop()
    before = text(pipe)
    equal(len(before), count, "records")
    plain = sum(path.stat().st_size for path in of_kind(pipe, "sealed"))
    writer = pipe.writer("--compress", "zstd", *SMALL)
    wait_for(lambda: all_packed(pipe), "files of the writer before are compressed")
    packed = sum(path.stat().st_size for path in of_kind(pipe, "packed"))
    check(packed < plain / 3, f"{plain} bytes became {packed}")
    equal(text(pipe) == before, True, "the records are the same")
    pipe.verify()
    pushed(pipe, service="more")
    writer.stop()
    pipe.verify()
    check(of_kind(pipe, "packed"), "nothing is compressed any more")
    (path, *_) = of_kind(pipe, "packed")
    one = pipe.tool("cat", path).out
    check(one.startswith('{"resource'), lambda: f"{path} alone: {one[:80]!r}")


def a_follower_prints_each_record_once_while_files_are_compressed(pipe):
    follow = pipe.start("otlpipe", "cat", "--format", "text", "--follow", pipe.output)
    writer = pipe.writer("--compress", "zstd:1", *SMALL, interval="20ms")
    count = sum(pushed(pipe, 400, service=f"load-{i}") for i in range(4))
    wait_for(
        lambda: follow.out.count("\n") >= count or not follow.is_running(), "it prints them all"
    )
    wait_for(lambda: of_kind(pipe, "packed"), "something is compressed")
    follow.stop(signal.SIGINT)
    writer.stop()
    lines = follow.out.splitlines()
    equal(len(lines), count, "lines")
    equal(sorted(lines) == text(pipe), True, "the follower has printed what is in the files")


def writers_killed_while_they_compress_lose_and_repeat_nothing(pipe):
    count = 0
    for i in range(6):
        writer = pipe.writer("--compress", f"zstd:{random.choice([1, 3, 19])}", *TINY, interval="20ms")
        count += pushed(pipe, 500, service=f"load-{i}")
        wait_for(
            lambda: of_kind(pipe, "packed") or not writer.is_running(), "something is compressed"
        )
        writer.kill()
        # Beside whatever was left in the middle.
        equal(len(text(pipe)), count, "records after a kill")
        pipe.verify()
    writer = pipe.writer("--compress", "zstd", *SMALL)
    wait_for(lambda: all_packed(pipe), "all is compressed in the end")
    writer.stop()
    equal(len(text(pipe)), count, "records in the end")
    equal(list(pipe.output.glob("*/*.tmp")), [], "files left over")
    pipe.verify()


def retention_counts_and_removes_compressed_files(pipe):
    limit = 256 << 10
    writer = pipe.writer("--compress", "zstd:1", "--retain-bytes", limit, *SMALL, interval="20ms")
    for i in range(12):
        pushed(pipe, 500, service=f"load-{i}")
    # Retention looks again when a file is sealed, and now and then by itself.
    def is_done():
        paths = of_kind(pipe, "sealed") + of_kind(pipe, "packed")
        return sum(path.stat().st_size for path in paths) <= limit and of_kind(pipe, "packed")

    wait_for(is_done, "what is sealed fits")
    removed = pipe.tool("stat", "--dir", pipe.runtime, "--json").json()["writer"]["retention"]
    check(removed["removed_files"] > 0, f"nothing was removed: {removed}")
    writer.stop()
    pipe.verify()


def a_full_disk_leaves_files_plain_and_says_so_once(pipe):
    mount = rig.tmpfs_mounted(pipe, "disk", 24)
    pipe.output = mount / "data"
    large = ("--rotate-bytes", "512KiB", "--batch-bytes", "64KiB")
    writer = pipe.writer(*large)
    count = pushed(pipe, 1500)
    writer.stop()
    check(len(of_kind(pipe, "sealed")) > 3, "too few files to see anything")
    neighbour = mount / "neighbour"
    status = os.statvfs(mount)
    neighbour.write_bytes(bytes(status.f_bavail * status.f_frsize - (400 << 10)))
    writer = pipe.writer("--compress", "zstd", *large)
    wait_for(lambda: "stays uncompressed" in writer.err, "it says that a file stays as it is")
    count += pushed(pipe, 5, service="more")
    pipe.tool("rotate", "--dir", pipe.runtime)
    wait_for(lambda: not of_kind(pipe, "open"), "the files of the full disk are sealed")
    equal(len(text(pipe)), count, "records on the full disk")
    neighbour.unlink()
    count += pushed(pipe, 5, service="then")
    equal(writer.err.count("stays uncompressed"), 1, "how often it says so")
    pipe.tool("rotate", "--dir", pipe.runtime)
    wait_for(lambda: all_packed(pipe), "they are compressed when there is room")
    writer.stop()
    equal(len(text(pipe)), count, "records")
    pipe.verify()


def damage_and_absence_of_a_compressed_file_are_found(pipe):
    writer = pipe.writer("--compress", "zstd", *SMALL)
    pushed(pipe)
    wait_for(lambda: all_packed(pipe), "all that is sealed is compressed")
    writer.stop()
    path = of_kind(pipe, "packed")[0]
    content = path.read_bytes()
    path.write_bytes(content[:-9])
    check("cut short" in pipe.tool("verify", pipe.output, expected=1).out, "a cut file is not found")
    process = pipe.tool("cat", path, expected=1)
    check("the file ends in the middle" in process.err, process.err)
    middle = len(content) // 2
    path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    pipe.tool("verify", pipe.output, expected=1)
    process = pipe.tool("cat", path, expected=1)
    check("zstd" in process.err, process.err)
    path.unlink()
    check("is missing" in pipe.tool("verify", pipe.output, expected=1).out, "it is not missed")
    path.write_bytes(content)
    pipe.verify()


def a_manifest_that_was_lost_is_made_again_with_their_sizes(pipe):
    writer = pipe.writer("--compress", "zstd", *SMALL)
    pushed(pipe)
    wait_for(lambda: all_packed(pipe), "all that is sealed is compressed")
    writer.stop()
    (pipe.output / "otlpipe.manifest").unlink()
    pipe.writer().stop()
    harness.check("ok" in pipe.tool("verify", pipe.output).out.splitlines()[-1], "verify is not ok")


if __name__ == "__main__":
    harness.run(
        [
            sealed_files_are_compressed_and_read_by_everything,
            a_follower_prints_each_record_once_while_files_are_compressed,
            writers_killed_while_they_compress_lose_and_repeat_nothing,
            retention_counts_and_removes_compressed_files,
            a_full_disk_leaves_files_plain_and_says_so_once,
            damage_and_absence_of_a_compressed_file_are_found,
            a_manifest_that_was_lost_is_made_again_with_their_sizes,
        ]
    )
