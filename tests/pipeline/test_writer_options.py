#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The writer's command line and environment, and what it refuses to start with."""
import os
import signal
import socket

import harness

WRONG = {
    "interval": ["0", "x", "-1s", "2h", "1us", "1 s", "0x1s", "1s1s", "99999999999999999999s"],
    "batch-bytes": ["0", "x", "1", "65535", "65MiB", "-1", "1XiB", "64 KiB"],
    "sync": ["never", "x", "INTERVAL", "batch,none"],
    "io": ["aio", "x", "Auto"],
    "rotate-bytes": ["0", "x", "1", "2TiB", "-1"],
    "rotate-age": ["x", "-1", "400d", "1y"],
    "retain-bytes": ["x", "-1", "1.5.5", "99999999999999999999"],
    "retain-age": ["x", "-1s", "99999999d"],
    "min-free": ["x", "-1", "1%"],
}


def refused(pipe, words, environment, mention):
    """Exit status 2 and one line that names the option; nothing is made."""
    process = pipe.run("otlpipe-writer", *words, environment=environment, expected=2, cwd=pipe.scratch)
    lines = process.err.splitlines()
    what = f"{words} {environment or ''}"
    harness.equal(len(lines), 1, f"lines on stderr for {what}: {lines}; their number")
    harness.check(mention in lines[0], f"{what}: {mention} is not in {lines[0]!r}")
    harness.check(lines[0].startswith("otlpipe-writer: "), f"{what}: {lines[0]!r}")
    harness.equal(process.out, "", f"stdout for {what}")
    harness.check(not (pipe.scratch / "otlpipe-data").exists(), f"{what}: it made files")


def each_wrong_value_of_a_flag_gets_one_line_and_exit_2(pipe):
    for name, values in WRONG.items():
        for value in ["", *values]:
            refused(pipe, [f"--{name}={value}"], None, f"--{name}")
    for name in ("dir", "output"):
        refused(pipe, [f"--{name}="], None, f"--{name}")
    refused(pipe, ["--batch-bytes", "2MiB", "--rotate-bytes", "1MiB"], None, "--rotate-bytes")
    refused(pipe, ["a-word"], None, "a-word")


def each_wrong_value_of_a_variable_gets_one_line_and_exit_2(pipe):
    for name, values in {**WRONG, "drain": ["yes", "2", "-1"]}.items():
        variable = "OTLPIPE_" + name.upper().replace("-", "_")
        for value in values:
            refused(pipe, [], {variable: value}, "$" + variable)


def an_unknown_option_or_a_missing_value_is_exit_2(pipe):
    for words in (["--nope"], ["-z"], ["--interval"], ["--drain=1"]):
        process = pipe.run("otlpipe-writer", *words, expected=2, cwd=pipe.scratch)
        harness.check(process.err, f"nothing on stderr for {words}")


def help_and_version_are_printed(pipe):
    text = pipe.run("otlpipe-writer", "--help-all").out
    for name in [*WRONG, "dir", "output", "drain", "config", "print-config"]:
        harness.check(f"--{name}" in text, f"--{name} is not in the help")
    # The rule for the variables is there; each_wrong_value_of_a_variable… knows all of them.
    harness.check("OTLPIPE_BATCH_BYTES=2MiB" in text, text)
    version = pipe.run("otlpipe-writer", "--version").out
    harness.check(version.startswith("otlpipe-writer "), f"version: {version!r}")
    equal_version = pipe.tool("--version").out.split()[-1]
    harness.equal(version.split()[-1], equal_version, "the tool's version")


def the_environment_does_what_the_flags_do(pipe):
    environment = {
        "OTLPIPE_DIR": str(pipe.runtime),
        "OTLPIPE_OUTPUT": str(pipe.output),
        "OTLPIPE_INTERVAL": "20ms",
        "OTLPIPE_BATCH_BYTES": "64KiB",
        "OTLPIPE_ROTATE_BYTES": "64KiB",
        "OTLPIPE_IO": "pwrite",
        "OTLPIPE_SYNC": "none",
    }
    writer = pipe.start("otlpipe-writer", environment=environment)
    harness.wait_for(lambda: "; pid " in writer.err, "the writer is ready")
    harness.check("pwrite" in writer.err, f"$OTLPIPE_IO was not heard: {writer.err}")
    pipe.load("--count", 2000, "--retry", "--wait").wait()
    writer.stop()
    harness.check(len(pipe.files("sealed")) > 6, "$OTLPIPE_ROTATE_BYTES was not heard")
    # A flag wins.
    words = ["--io", "auto", "--drain", "--output", pipe.scratch / "other"]
    process = pipe.run("otlpipe-writer", *words, environment=environment)
    harness.check("pwrite;" not in process.err, f"--io was not heard: {process.err}")
    harness.check((pipe.scratch / "other").is_dir(), "--output was not heard")
    environment["OTLPIPE_DRAIN"] = "1"
    pipe.run("otlpipe-writer", environment=environment)
    harness.equal(pipe.scan()["spans"], 2000, "spans")
    pipe.verify()


def fails(process, mention):
    process.wait(1)
    lines = process.err.splitlines()
    harness.check(any(mention in line for line in lines), f"{mention!r} is not in {lines}")
    harness.equal(len(lines), 1, f"lines on stderr, which are {lines}; their number")


def a_second_writer_of_a_runtime_directory_is_refused(pipe):
    writer = pipe.writer()
    second = pipe.writer(output=pipe.scratch / "other", ready=False)
    fails(second, f"another writer has this runtime directory (pid {writer.pid})")
    harness.check(writer.is_running(), "the first has ended")
    writer.stop()
    pipe.writer(output=pipe.scratch / "other").stop()


def a_second_writer_of_an_output_directory_is_refused(pipe):
    writer = pipe.writer()
    command = ["--dir", pipe.shm / "second", "--output", pipe.output]
    fails(pipe.start("otlpipe-writer", *command), "another writer has this output directory")
    harness.check(writer.is_running(), "the first has ended")
    writer.stop()
    pipe.start("otlpipe-writer", *command, "--drain").wait()


def a_runtime_directory_that_others_could_use_is_refused(pipe):
    for mode in (0o777, 0o755, 0o750, 0o1777, 0o770):
        pipe.runtime.chmod(mode)
        fails(pipe.writer(ready=False), "closed to others (0700)")
    pipe.runtime.chmod(0o700)
    (pipe.shm / "link").symlink_to(pipe.runtime)
    (pipe.shm / "file").write_bytes(b"")
    for name, text in (("link", ""), ("file", "Not a directory"), ("none/none", "No such file")):
        words = ["--dir", pipe.shm / name, "--output", pipe.output]
        fails(pipe.start("otlpipe-writer", *words), text)
    harness.check(not pipe.output.exists(), "a writer that was refused made files")


def an_output_directory_that_cannot_be_made_is_refused(pipe):
    (pipe.scratch / "file").write_bytes(b"")
    for name in ("file", "none/none", "file/data"):
        fails(pipe.writer(output=pipe.scratch / name, ready=False), str(pipe.scratch / name))


def a_file_that_cannot_be_recovered_keeps_the_writer_from_starting(pipe):
    """It would drain what the file has already, and write it twice."""
    writer = pipe.writer(interval="5ms")
    load = pipe.load("--count", 500, "--retry")
    load.wait()
    harness.wait_for(lambda: not pipe.regions(), "the region is drained and gone")
    writer.kill()
    before = pipe.files("open")
    harness.check(before, "no file was left open by a writer that was killed")
    refuse = (pipe.build / "tests/pipeline/refuse", "EIO", "ftruncate")
    writer = pipe.writer(ready=False, prefix=refuse)
    if writer.wait(None) == 77:
        raise harness.Skip("no seccomp filters here")
    harness.equal(writer.popen.returncode, 1, "exit status")
    line = f"{pipe.output}: recovery failed: Input/output error"
    harness.check(line in writer.err, writer.tail)
    harness.equal(pipe.files("open"), before, "files left for the next writer")
    pipe.writer().stop()
    found = pipe.scan()
    harness.equal((found["spans"], found["points"]), (500, 500), "spans and points")
    pipe.verify()


def a_drain_of_an_empty_directory_succeeds(pipe):
    for _ in range(2):
        pipe.writer("--drain", ready=False).wait()
        harness.equal(pipe.files(), [], "files of a drain of nothing")
    words = ["--dir", pipe.shm / "new", "--output", pipe.output, "--drain"]
    pipe.run("otlpipe-writer", *words)
    harness.equal((pipe.shm / "new").stat().st_mode & 0o7777, 0o700, "mode of a new directory")


def it_says_that_it_is_ready_and_that_it_stops(pipe):
    for name in (str(pipe.shm / "notify"), f"@otlpipe-test-{os.getpid()}-{pipe.shm.name}"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(name.replace("@", "\0", 1) if name[0] == "@" else name)
            notify.settimeout(harness.LIMIT_SECONDS)
            writer = pipe.writer(ready=False, environment={"NOTIFY_SOCKET": name})
            harness.check(b"READY=1" in notify.recv(4096), "no READY=1")
            # Ready is ready: the lock is held, and signals are heard.
            writer.stop(signal.SIGINT)
            harness.check(b"STOPPING=1" in notify.recv(4096), "no STOPPING=1")
    # Nobody listens there: no reason not to work.
    words = {"NOTIFY_SOCKET": str(pipe.shm / "nobody")}
    pipe.writer("--drain", ready=False, environment=words).wait()


if __name__ == "__main__":
    harness.run(
        [
            each_wrong_value_of_a_flag_gets_one_line_and_exit_2,
            each_wrong_value_of_a_variable_gets_one_line_and_exit_2,
            an_unknown_option_or_a_missing_value_is_exit_2,
            help_and_version_are_printed,
            the_environment_does_what_the_flags_do,
            a_second_writer_of_a_runtime_directory_is_refused,
            a_second_writer_of_an_output_directory_is_refused,
            a_runtime_directory_that_others_could_use_is_refused,
            an_output_directory_that_cannot_be_made_is_refused,
            a_file_that_cannot_be_recovered_keeps_the_writer_from_starting,
            a_drain_of_an_empty_directory_succeeds,
            it_says_that_it_is_ready_and_that_it_stops,
        ]
    )
