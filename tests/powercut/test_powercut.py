#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The power goes at every point of a run; what the disk may hold then is recovered and read.

A writer's operations on files are recorded (tests/torture/diskload.c). For each cut point a disk
is made up: what was synced is there; of what was not, each sector of 512 bytes is there or not,
so writes are lost, torn and reordered; a name that its directory was not synced for is as before
or as after. A writer with an empty runtime directory, as after a boot, recovers it. Then every
file must be an OTLP message for Python's protobuf, its records whole and once, each thread's the
numbers 1 to n, the ledger's ranges without a gap, and every batch that was synced there.

usage: test_powercut.py BUILD_DIR [--disks N] [--seed S]     N made-up disks for each cut point
"""
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "torture"))
import rig
from rig import Failure, check, equal

WRITE, SYNC, TRUNCATE, RENAME, UNLINK, CREATE, ALLOCATE = range(1, 8)
HEAD = struct.Struct("<IIQQ")
SECTOR = 512
BATCH_MAGIC = b"OLPIPE1\n"
MODES = ("nothing", "everything", "last alone", "random", "random")


def read_log(path, root):
    """(kind, [names below root], offset, data); other files are none of ours."""
    bytes_, at, ops = path.read_bytes(), 0, []
    while at < len(bytes_):
        kind, path_bytes, offset, data_bytes = HEAD.unpack_from(bytes_, at)
        at += HEAD.size
        names = bytes_[at : at + path_bytes].decode().split("\0")
        at += path_bytes
        data = bytes_[at : at + data_bytes]
        at += data_bytes
        if all(name.startswith(str(root)) for name in names):
            ops.append((kind, [name[len(str(root)) + 1 :] for name in names], offset, data))
    return ops


class File:
    def __init__(self):
        self.synced = b""
        self.pending = []  # (kind, offset, data) since its last sync

    @staticmethod
    def apply(content, kind, offset, data):
        if kind == WRITE:
            content.extend(bytes(max(0, offset + len(data) - len(content))))
            content[offset : offset + len(data)] = data
        elif kind == ALLOCATE:
            content.extend(bytes(max(0, offset - len(content))))
        elif kind == TRUNCATE:
            del content[offset:]

    def sync(self):
        content = bytearray(self.synced)
        for op in self.pending:
            self.apply(content, *op)
        self.synced, self.pending = bytes(content), []

    def after_cut(self, mode):
        """What a reader finds: sizes change in order, sectors come as they like."""
        content = bytearray(self.synced)
        for number, (kind, offset, data) in enumerate(self.pending):
            if kind != WRITE:
                if mode != "nothing" and (mode != "random" or random.random() < 0.7):
                    self.apply(content, kind, offset, data)
                continue
            for at in range(0, len(data), SECTOR):
                is_there = {
                    "nothing": False,
                    "everything": True,
                    "last alone": number == len(self.pending) - 1,
                    "random": random.random() < 0.5,
                }[mode]
                if is_there:
                    self.apply(content, WRITE, offset + at, data[at : at + SECTOR])
        return bytes(content)


class Disk:
    """The files, the names that are sure, and the changes of names that are not yet."""

    def __init__(self):
        self.names = {}  # as the running system sees them
        self.sure = {}
        self.changes = {}  # by directory: functions on a dictionary of names

    def change(self, name, function):
        function(self.names)
        self.changes.setdefault(os.path.dirname(name), []).append(function)

    def apply(self, kind, names, offset, data):
        name = names[0]
        if kind == CREATE:
            if name not in self.names:
                file = File()
                self.change(name, lambda table: table.__setitem__(name, file))
        elif kind == RENAME:
            self.change(name, lambda table: table.__setitem__(names[1], table.pop(name, None)))
        elif kind == UNLINK:
            self.change(name, lambda table: table.pop(name, None))
        elif kind == SYNC and name in self.names:
            self.names[name].sync()
        elif kind == SYNC:
            for function in self.changes.pop(name, []):
                function(self.sure)
        elif name in self.names:
            self.names[name].pending.append((kind, offset, data))

    def cut(self, mode, folder):
        """Writes what a disk may hold now into a folder."""
        table = dict(self.sure)
        for functions in self.changes.values():
            count = random.randint(0, len(functions))
            count = {"nothing": 0, "everything": len(functions)}.get(mode, count)
            for function in functions[:count]:
                function(table)
        for name, file in table.items():
            if file is not None:
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(file.after_cut(mode))

    def synced_batches(self):
        """What nobody may lose: (epoch, signal, sequence) of every batch in a synced file."""
        found = set()
        for file in self.sure.values():
            if file is not None:
                found |= batches_of(file.synced)
        return found


def batches_of(content):
    found, at = set(), 0
    while content[at + 8 : at + 16] == BATCH_MAGIC:
        _, bytes_, epoch, sequence, _, signal, _ = struct.unpack_from("<QQQQQII", content, at + 16)
        if at + bytes_ > len(content):
            break
        found.add((epoch, signal, sequence))
        at += bytes_
    return found


def decode_all(folder):
    """Python's protobuf reads each file; returns the batches that are there."""
    from opentelemetry.proto.logs.v1 import logs_pb2
    from opentelemetry.proto.metrics.v1 import metrics_pb2
    from opentelemetry.proto.trace.v1 import trace_pb2

    found = set()
    types = {
        "traces": trace_pb2.TracesData, "metrics": metrics_pb2.MetricsData, "logs": logs_pb2.LogsData,
    }
    for signal, message in types.items():
        for path in sorted((folder / signal).glob("*")):
            check(path.name.endswith(".binpb"), f"{path}: it is not sealed")
            content = path.read_bytes()
            message().ParseFromString(content)
            found |= batches_of(content)
    return found


def record_run(pipe, sync):
    log, ledger = pipe.scratch / f"{sync}.log", pipe.scratch / f"{sync}.ledger"
    output = pipe.scratch / sync
    environment = {
        "LD_PRELOAD": pipe.preload("tests/torture/libdiskload.so"),
        "DISKLOAD_LOG": str(log),
    }
    words = ("--io", "pwrite", "--sync", sync, "--batch-bytes", "64KiB", "--rotate-bytes", "128KiB")
    writer = pipe.writer(*words, output=output, interval="20ms", environment=environment)
    # Slowly, so that there are many batches with little in them.
    load = ("--tries", 150, "--burst", 8, "--pause-us", 20000)
    rig.producer(pipe, ledger, 0, 4, *load).wait()
    writer.stop()
    rig.compare(pipe, ledger, output)
    parents = [names for kind, names, _, _ in read_log(log, output.parent) if kind == SYNC]
    check([""] in parents, "the name of the output directory itself was never synced")
    return read_log(log, output), ledger


def recover(pipe, ledger, disk, mode, where):
    folder, runtime = pipe.scratch / "disk", pipe.shm / "boot"
    for path in (folder, runtime):
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(mode=0o700)
    disk.cut(mode, folder)
    writer = pipe.build / "writer/otlpipe-writer"
    done = subprocess.run(
        [writer, "--drain", "--dir", runtime, "--output", folder],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
    )
    try:
        equal(done.returncode, 0, "the recovering writer's exit status")
        missing = disk.synced_batches() - decode_all(folder)
        check(not missing, f"batches that were synced and are gone: {sorted(missing)}")
        rig.quick_compare(pipe, ledger, folder, subset=True)
    except Failure as failure:
        raise Failure(f"{where}, {mode}:\n{failure}\n{done.stderr.decode()}") from None


def cut_everywhere(pipe, sync):
    ops, ledger = record_run(pipe, sync)
    check(len(ops) > 30, f"{len(ops)} operations were recorded: too few")
    disk, runs = Disk(), 0
    for number, op in enumerate(ops):
        disk.apply(*op)
        for mode in random.choices(MODES, k=pipe.options["disks"]):
            where = f"--sync {sync}, cut behind {number + 1} of {len(ops)} operations ({op[:2]})"
            recover(pipe, ledger, disk, mode, where)
            runs += 1
    check(len(disk.synced_batches()) >= 10, "so few batches were synced that nothing was tested")
    return runs


def a_power_cut_leaves_a_valid_prefix_with_everything_that_was_synced(pipe):
    sys.path.insert(0, str(pipe.build / "proto"))
    runs = cut_everywhere(pipe, "batch") + cut_everywhere(pipe, "interval")
    rig.reliability(
        "the power goes",
        "recorded writes replayed to every cut point; unsynced sectors lost, torn and reordered",
        runs,
        0,
        "powercut",
    )


if __name__ == "__main__":
    rig.harness.run([a_power_cut_leaves_a_valid_prefix_with_everything_that_was_synced], disks=2)
