#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runtime directories on file systems that cannot carry them, and on those that can, with the disk
full. They are mounted for the test: it needs root."""
import os
import pathlib
import shutil
import subprocess
import sys
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "pipeline"))
import harness
from harness import check, equal

IMAGE_BYTES = {"ext4": 64 << 20, "btrfs": 128 << 20, "xfs": 320 << 20}


def command(*words):
    done = subprocess.run([str(w) for w in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False)
    return done.returncode, done.stdout.decode("utf-8", "replace")


def must(*words):
    status, text = command(*words)
    if status != 0:
        raise harness.Skip(f"{words[0]} {words[1]}: {text.strip()[:200]}")


def unmount(path):
    command("umount", "-l", path)


def mount(pipe, kind, *options, source="none"):
    """A file system of this kind, below the pipe's own directory."""
    if os.geteuid() != 0:
        raise harness.Skip("only root can mount")
    at = pipe.scratch / f"{kind}-{uuid.uuid4().hex[:8]}"
    at.mkdir()
    if kind in IMAGE_BYTES:
        if shutil.which(f"mkfs.{kind}") is None:
            raise harness.Skip(f"there is no mkfs.{kind}")
        image = at.with_suffix(".img")
        with open(image, "wb") as file:
            file.truncate(IMAGE_BYTES[kind])
        must(f"mkfs.{kind}", "-q", image)
        options, source = ("-o", "loop", *options), image
    must("mount", "-t", kind, *options, source, at)
    pipe.undo.append(lambda: unmount(at))
    return at


def overlay(pipe, below):
    parts = {name: below / name for name in ("lower", "upper", "work")}
    for path in parts.values():
        path.mkdir()
    options = f"lowerdir={parts['lower']},upperdir={parts['upper']},workdir={parts['work']}"
    return mount(pipe, "overlay", "-o", options, source="overlay")


def refused(pipe, at, *words):
    """By producers and writer alike, with the reason and a way out, and nothing is left behind."""
    path = at / "run"
    path.mkdir(mode=0o700, exist_ok=True)
    writer = pipe.start("otlpipe-writer", "--dir", path, "--output", pipe.output)
    writer.wait(1)
    load = pipe.start("otlpipe", "load", "--dir", path, "--count", 1)
    load.wait(1)
    for process in (writer, load):
        for word in (str(path), *words, "OTLPIPE_DIR"):
            check(word in process.err, lambda: f"{word!r} is missing\n{process.tail()}")
    equal(os.listdir(path), [], "files in a directory that was refused")
    check(not pipe.output.exists(), "the writer that was refused made its output directory")


def where_a_lock_goes_with_the_descriptor_nobody_starts(pipe):
    """On overlayfs living producers were taken for dead: of 36,618 accepted records 36,308 were
    lost, without an error."""
    for below in (mount(pipe, "tmpfs"), mount(pipe, "ext4")):
        refused(pipe, overlay(pipe, below), "overlayfs", "still mapped")


def where_a_full_disk_ends_a_push_nobody_starts(pipe):
    at = mount(pipe, "btrfs")
    refused(pipe, at, "btrfs", "SIGBUS")
    # Without copy on write it would pass, until somebody takes a snapshot.
    status, text = command("chattr", "+C", at / "run")
    check(status == 0, text)
    refused(pipe, at, "btrfs", "SIGBUS")


def where_what_is_needed_is_missing_nobody_starts(pipe):
    refused(pipe, mount(pipe, "ramfs"), "ramfs", "reserved space")


def fill(at):
    """Until not a byte more goes in. The file's blocks are made real, lest they are found later."""
    with open(at / "fill", "wb", buffering=0) as file:
        for step in (1 << 20, 4096, 1):
            try:
                while True:
                    file.write(b"\x55" * step)
            except OSError:
                pass
            try:
                os.fsync(file.fileno())
            except OSError:
                pass


def a_push_on_a_full_disk_ends_no_program(pipe):
    """Those that are accepted: a ring of 256 KiB is written around several times with nothing free."""
    tried = 0
    for kind, options in (("ext4", ()), ("xfs", ()), ("tmpfs", ("-o", "size=32m"))):
        try:
            at = mount(pipe, kind, *options)
        except harness.Skip as reason:
            print(f"# {kind}: {reason}", flush=True)
            continue
        tried += 1
        pipe.runtime = at / "run"
        pipe.output = pipe.scratch / f"data-{kind}"
        writer = pipe.writer()
        load = pipe.endless_load("--rate", 5000, "--span-ring-bytes", "256KiB",
                                 "--metric-ring-bytes", "256KiB", service=kind)
        fill(at)
        before = writer_items(pipe)
        harness.wait_for(lambda: writer_items(pipe) > before + 10000, "10,000 spans more")
        check(load.is_running(), lambda: f"{kind}: the producer has ended\n{load.tail()}")
        load.stop()
        writer.stop()
        accepted = load.json()["spans"]["accepted"]
        equal(pipe.scan()["spans"], accepted, f"{kind}: spans")
        pipe.verify()
        harness.reliability("the runtime directory's disk is full while programs push",
                            f"{kind}, filled; the rings are written around", 1, 0, "attack filesystems")
    if tried == 0:
        raise harness.Skip("nothing could be mounted")


def writer_items(pipe):
    found = pipe.tool("stat", "--json", "--dir", pipe.runtime).json()
    return found["writer"]["signals"]["traces"]["written_items"]


harness.run(
    [
        where_a_lock_goes_with_the_descriptor_nobody_starts,
        where_a_full_disk_ends_a_push_nobody_starts,
        where_what_is_needed_is_missing_nobody_starts,
        a_push_on_a_full_disk_ends_no_program,
    ]
)
