#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What people give to `otlpipe cat` that it cannot read: it says what that looks like, and what to
do with it, on one line, and ends with 1."""
import bz2
import gzip
import io
import json
import lzma
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tarfile
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "pipeline"))
import harness


def stored(pipe):
    """Sealed files of both signals, and their bytes."""
    if not pipe.files("sealed"):
        writer = pipe.writer()
        pipe.load("--count", 200, "--retry", "--wait").wait()
        writer.stop()
    return {name: path for name, path in pipe.files("sealed")}


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def message_of(pipe, name):
    """One request, as a Collector would send it: from a frame."""
    words = ("cat", "--format", "frames", "--signal", name, pipe.output)
    data = pipe.tool(*words).path.with_suffix(".out").read_bytes()
    (length,) = struct.unpack_from(">I", data)
    return data[4 : 4 + length], data


def refused(pipe, name, data, *mentions, words=()):
    """By its name, as standard input, through a pipe: one line each, exit 1, no output."""
    path = pipe.scratch / name
    path.write_bytes(data)
    for by, how in ((path, None), ("-", "file"), ("-", "pipe")):
        with open(path, "rb") as file, subprocess.Popen(
            ["dd", "bs=100", "status=none"], stdin=file, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as slow:
            source = slow.stdout if how == "pipe" else file
            process = pipe.tool("cat", *words, by, expected=1, stdin=source)
            slow.stdout.close()
        lines = process.err.splitlines()
        harness.equal(len(lines), 1, f"lines for {name}: {lines}; their number")
        harness.check(f"{by}: " in lines[0], f"{by} is not named: {lines[0]}")
        for mention in mentions:
            harness.check(mention in lines[0], f"{name}: {mention!r} is not in {lines[0]!r}")
        harness.equal(process.out, "", f"stdout for {name}")


def zip_of(data):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("traces.binpb", data)
    return file.getvalue()


def tar_of(data):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        info = tarfile.TarInfo("traces.binpb")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def what_is_packed_is_named_with_the_way_to_unpack_it(pipe):
    data = stored(pipe)["traces"].read_bytes()
    twice = gzip.compress(gzip.compress(data))
    refused(pipe, "traces.gz", twice, "looks like gzip", "gzip -dc FILE | otlpipe cat")
    refused(pipe, "a.xz", lzma.compress(data), "looks like xz", "xz -dc FILE | otlpipe cat")
    refused(pipe, "a.bz2", bz2.compress(data), "bzip2", "bzip2 -dc FILE | otlpipe cat")
    refused(pipe, "a.zip", zip_of(data), "a zip archive", "unpack it first")
    refused(pipe, "a.tar", tar_of(data), "a tar archive", "unpack it first")
    # The rest by their magic alone: what makes them is not everywhere.
    for magic, what in (
        (b"\x04\x22\x4d\x18", "lz4"),
        (b"\xff\x06\0\0sNaPpY", "snappy"), (b"PAR1", "Parquet"), (b"ARROW1\0\0", "an Arrow file"),
        (b"\xff\xff\xff\xff", "an Arrow stream"), (b"Obj\1", "Avro"), (b"ORC", "ORC"),
        (b"SQLite format 3\0", "SQLite"), (b"\x7fELF", "a program"),
    ):
        refused(pipe, "a.bin", magic + os.urandom(700), what, "not like OTLP protobuf")


def the_way_to_unpack_works(pipe):
    """The advice, done: what is printed is what the file itself gives."""
    path = stored(pipe)["traces"]
    whole = pipe.tool("cat", path).out
    tools = [t for t in ("bzip2", "xz", "lz4") if shutil.which(t)]
    harness.check("bzip2" in tools, "there is no bzip2")
    for tool in tools:
        packed = pipe.scratch / f"packed.{tool}"
        with open(path, "rb") as file, open(packed, "wb") as out:
            subprocess.run([tool, "-c"], stdin=file, stdout=out, check=True)
        refused(pipe, "again", packed.read_bytes(), f"{tool} -dc FILE | otlpipe cat --signal SIGNAL -")
        with subprocess.Popen([tool, "-dc", packed], stdout=subprocess.PIPE) as unpack:
            text = pipe.tool("cat", "--signal", "traces", "-", stdin=unpack.stdout).out
        harness.equal(text == whole, True, f"what is printed of {tool} is what the file gives")


def text_and_json_are_named(pipe):
    stored(pipe)
    lines = pipe.tool("cat", pipe.output).out
    harness.equal(json.loads(lines.splitlines()[0]).keys() & {"resourceSpans"}, {"resourceSpans"}, "key")
    listed = ",".join(line for line in lines.splitlines() if "resourceSpans" in line)
    refused(pipe, "traces.json", f"[{listed}]".encode(), "OTLP JSON in a list", "jq -c")
    refused(pipe, "traces.json", b'{"a":5}', "looks like JSON", "reads OTLP alone")
    refused(pipe, "traces.json", b'{"resourceSpans":5}', "offset 0: this is not OTLP JSON")
    refused(pipe, "a.json", b'[\n  {"name": "x"}\n]\n', "looks like JSON", "reads OTLP alone")
    refused(pipe, "a.json", b'{"a":', "offset 0: the file ends in the middle")
    refused(pipe, "traces.log", "Grüße, 12:00\n".encode() * 90, "looks like text")
    refused(pipe, "metrics.prom", b"# HELP up x\nup 1\n", "looks like text")
    refused(pipe, "newline", b"\nsome text", "looks like text")


def frames_of_all_kinds_are_named(pipe):
    stored(pipe)
    for name in ("traces", "metrics"):
        message, _ = message_of(pipe, name)
        grpc = b"\0" + struct.pack(">I", len(message)) + message
        refused(pipe, f"{name}.grpc", grpc, "gRPC frames", "the byte before each")
        delimited = varint(len(message)) + message
        refused(pipe, f"{name}.pb", delimited * 2, "their length before them")
        # What it is without them, in one piece, is read.
        (pipe.scratch / f"{name}.binpb").write_bytes(message)
        harness.check(pipe.tool("cat", pipe.scratch / f"{name}.binpb").out, f"{name}: nothing is printed")


def what_holds_nothing_is_named(pipe):
    refused(pipe, "traces.binpb", b"", "it is empty")
    refused(pipe, "traces.binpb", bytes(8192), "zeros", "never written")
    refused(pipe, "traces.binpb", b"\x18\x05" * 40, "there is no telemetry in it")
    refused(pipe, "traces.binpb", b"\x07\x99\x01", "this is not OTLP protobuf")
    refused(pipe, "x", os.urandom(64).replace(b"\n", b"\x07").join([b"\x07", b""]), "not OTLP protobuf")


def files_of_the_runtime_directory_are_named(pipe):
    """Somebody gives the wrong one of the two directories, or a file of it."""
    writer = pipe.writer()
    pipe.load("--count", 10, "--wait").wait()
    writer.stop()
    pipe.load("--count", 10).wait()
    (region,) = pipe.regions()
    refused(pipe, "a", (pipe.runtime / region).read_bytes(), "a region", "otlpipe-writer --drain")
    for name in ("control", "writer.lock"):
        refused(pipe, "a", (pipe.runtime / name).read_bytes(), "a page of a runtime directory")
    process = pipe.tool("cat", pipe.runtime, expected=1)
    harness.equal(process.err.count("\n"), 1, f"lines: {process.err}; their number")
    harness.check("a runtime directory" in process.err, process.err)
    harness.check("--output" in process.err, process.err)
    empty = pipe.scratch / "empty"
    empty.mkdir()
    process = pipe.tool("cat", empty, expected=1)
    harness.check("there is no batch file" in process.err, process.err)
    pipe.writer("--drain", ready=False).wait()


def the_wrong_signal_is_named_with_the_right_one(pipe):
    stored(pipe)
    for name, other in (("traces", "metrics"), ("metrics", "traces")):
        message, _ = message_of(pipe, name)
        refused(pipe, "a", message, f"give --signal {name}", words=("--signal", other))
        # Without a word of it, it is asked for.
        (pipe.scratch / "a").write_bytes(message)
        process = pipe.tool("cat", pipe.scratch / "a", expected=2)
        harness.check("--signal traces, --signal metrics or --signal logs" in process.err, process.err)
        path = stored(pipe)[name]
        process = pipe.tool("cat", "--signal", other, path, expected=1)
        harness.check(f"it holds {name}, and --signal asks for {other}" in process.err, process.err)


def damage_says_where_and_what_to_do(pipe):
    path = stored(pipe)["traces"]
    message, _ = message_of(pipe, "traces")
    data = bytearray(path.read_bytes())
    refused(pipe, "traces", message[:-9], "offset 0: the file ends in the middle")
    data[len(data) // 2] ^= 1
    copy = pipe.scratch / "traces.copy"
    copy.write_bytes(data)
    process = pipe.tool("cat", copy, expected=1)
    harness.check("damaged" in process.err and "otlpipe verify" in process.err, process.err)
    # In the head of the first batch, and then in what follows it.
    data = bytearray(path.read_bytes())
    for at, text in ((100, "does not match its checksum"), (20, "does not match its checksum")):
        data[at] ^= 1
        copy.write_bytes(data)
        process = pipe.tool("cat", copy, expected=1)
        harness.check(f"offset 0: the batch {text}" in process.err, process.err)
    copy.write_bytes(path.read_bytes() + b"\n" * 4096)
    process = pipe.tool("cat", copy, expected=1)
    harness.check(f"offset {path.stat().st_size}: no batch begins here" in process.err, process.err)


def a_good_file_behind_a_bad_one_is_printed(pipe):
    path = stored(pipe)["traces"]
    bad = pipe.scratch / "traces.xz"
    bad.write_bytes(lzma.compress(path.read_bytes()))
    whole = pipe.tool("cat", path).out
    process = pipe.tool("cat", bad, path, bad, expected=1)
    harness.equal(process.out == whole, True, "what is printed is the good file")
    harness.equal(process.err.count("xz -dc"), 2, "lines about the bad one")


def a_follower_names_what_it_cannot_read_too(pipe):
    """A file that is no batch file may grow for ever, but xz does not become OTLP."""
    path = stored(pipe)["traces"]
    bad = pipe.scratch / "traces.xz"
    bad.write_bytes(lzma.compress(path.read_bytes()))
    follow = pipe.start("otlpipe", "cat", "--follow", bad)
    follow.wait(1)
    harness.check("xz -dc FILE" in follow.err, follow.err)


if __name__ == "__main__":
    harness.run(
        [
            what_is_packed_is_named_with_the_way_to_unpack_it,
            the_way_to_unpack_works,
            text_and_json_are_named,
            frames_of_all_kinds_are_named,
            what_holds_nothing_is_named,
            files_of_the_runtime_directory_are_named,
            the_wrong_signal_is_named_with_the_right_one,
            damage_says_where_and_what_to_do,
            a_good_file_behind_a_bad_one_is_printed,
            a_follower_names_what_it_cannot_read_too,
        ]
    )
