#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`otlpipe doctor`: all is well where all is well, and of one thing that is broken it names that
thing, and the command that mends it."""
import os
import pathlib
import re
import shlex
import shutil
import signal
import struct
import subprocess

import harness
from harness import Skip, check, equal, wait_for
from users import GROUP, MEMBER, WRITER, as_user, make_group, needs_users

# Each check has one of the names that docs/cli.md lists.
DOCUMENTED = set(
    re.findall(
        r"^\| `([a-z_]+)` \|",
        (harness.SOURCE / "docs" / "cli.md").read_text().split("## `otlpipe doctor`")[1].split("\n## ")[0],
        re.MULTILINE,
    )
)
REGION_MAJOR_AT, PAGE_MAJOR_AT, CONTROL_MAJOR_AT = 8, 8, 8
PAGE_MINOR = re.search(r"STATUS_MINOR\s+(\d+)", (harness.SOURCE / "shm/status.h").read_text(encoding="utf-8"))[1]
NORMAL = ("ok", "note")
# What is as it is on the machine that runs the test.
MACHINE = {"disk", "io_uring", "logout", "membarrier"}


def doctor(pipe, *arguments, expected, runtime=None, **others):
    """Its JSON; the table says the same, line by line."""
    command = ("doctor", "--runtime-dir", runtime or pipe.runtime, *arguments)
    found = pipe.tool(*command, "--json", expected=expected, **others).json()
    equal(sorted(found), ["checks", "ok", "output", "runtime", "tool", "version", "warnings", "wrong"],
          "members of the JSON")
    equal((found["version"], found["ok"]), (1, expected == 0), "version and ok")
    for each in found["checks"]:
        equal(sorted(each), ["check", "mend", "state", "text"], "members of a check")
        check(each["check"] in DOCUMENTED, f"docs/cli.md does not have the check of {each}")
        check(each["state"] in ("ok", "note", "warning", "wrong"), f"the state of {each}")
        if each["state"] == "wrong":
            check(each["mend"], f"nothing mends {each}")
        elif each["state"] == "ok":
            equal(each["mend"], "", f"what mends {each['check']}, which is well")
    for state, count in (("wrong", "wrong"), ("warning", "warnings")):
        equal(len([c for c in found["checks"] if c["state"] == state]), found[count], count)
    return found


def abnormal(found, name=None):
    """But for warnings about this machine, other than of this name."""
    return [
        each
        for each in found["checks"]
        if each["state"] not in NORMAL
        and (each["state"] == "wrong" or each["check"] not in MACHINE - {name})
    ]


def is_well(pipe, *arguments, **others):
    found = doctor(pipe, *arguments, expected=0, **others)
    equal(abnormal(found), [], "what is not well")
    return found


def names(pipe, name, *parts, mend, state="wrong", count=1, arguments=(), **others):
    """It is that, and nothing else is wrong."""
    found = doctor(pipe, *arguments, expected=int(state == "wrong"), **others)
    bad = [each for each in abnormal(found, name) if each["state"] in ("wrong", state)]
    equal([each["check"] for each in bad], [name] * count, f"what is wrong in {bad}")
    text = "\n".join(each["text"] for each in bad)
    for part in parts:
        check(part in text, f"{part!r} is not in {text!r}")
    mends = "\n".join(each["mend"] for each in bad)
    check(mend in mends, f"{mend!r} is not in {mends!r}")
    return found


def quoted(path):
    """As a command line has it: the build directory may have a blank in its name."""
    return shlex.quote(str(path))


def text_of(found, name):
    return "\n".join(each["text"] for each in found["checks"] if each["check"] == name)


def drain(pipe):
    pipe.writer("--drain", interval=None, ready=False).wait()


def put_word(path, offset, value):
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(struct.pack("<H", value))


# ---- all is well ----


def with_a_writer_and_a_program_all_is_well(pipe):
    writer = pipe.writer()
    load = pipe.endless_load("--rate", 200)
    found = is_well(pipe)
    equal(found["runtime"], str(pipe.runtime), "runtime")
    equal(found["output"], str(pipe.output), "output")
    check(f"pid {writer.pid}, version {found['tool']}" in text_of(found, "writer"), f"{found}")
    check("1 of living programs" in text_of(found, "regions"), f"{found}")
    before = sorted(os.listdir(pipe.runtime))
    text = pipe.tool("doctor", "--dir", pipe.runtime, "--output", pipe.output).out
    equal(sorted(os.listdir(pipe.runtime)), before, "names in the runtime directory")
    for line in text.splitlines()[:-2]:
        check(re.match(r"^((ok|note|warning) +[a-z_]+|  +mend it:) +\S", line), f"a line: {line!r}")
    check(re.search(r"\n\nall is well; \d warnings?\n$", text), text)
    load.stop(signal.SIGINT)
    writer.stop()


def the_command_line_is_checked(pipe):
    for words in (["--no-such"], ["word"], ["--output"]):
        pipe.tool("doctor", *words, expected=2)
    check("--runtime-dir" in pipe.tool("doctor", "--help").out, "no --help")


# ---- one thing is broken ----


def no_runtime_directory_is_named(pipe):
    pipe.runtime.rmdir()
    names(pipe, "directory", f"{pipe.runtime} (from --dir) is not there",
          mend=f"otlpipe-writer --dir {quoted(pipe.runtime)}")
    check(not pipe.runtime.exists(), "it has made the directory")
    nowhere = pipe.shm / "a b" / "run"
    names(pipe, "directory", "which nobody makes", mend=f"mkdir -p '{nowhere.parent}'", runtime=nowhere)
    pipe.runtime.mkdir(mode=0o700)
    # Where it comes from is said: the variable, and the default.
    command = pipe.tool("doctor", environment={"OTLPIPE_DIR": str(nowhere)}, expected=1)
    check(f"{nowhere} (from OTLPIPE_DIR) is not there" in command.out, command.out)


def wrong_rights_of_the_runtime_directory_are_named(pipe):
    writer = pipe.writer()
    is_well(pipe)
    pipe.runtime.chmod(0o755)
    names(pipe, "directory", "mode 0755", "closed to others (0700)", mend=f"chmod 700 {quoted(pipe.runtime)}")
    pipe.runtime.chmod(0o700)
    link = pipe.shm / "link"
    link.symlink_to(pipe.runtime)
    names(pipe, "directory", "symbolic link", mend=f"readlink -f {quoted(link)}", runtime=link)
    link.unlink()
    link.write_bytes(b"no directory")
    names(pipe, "directory", "Not a directory", mend=f"rm {quoted(link)}", runtime=link)
    is_well(pipe)
    writer.stop()


def another_users_runtime_directory_is_named_with_the_way_to_share_one(pipe):
    needs_users(pipe)
    names(pipe, "directory", "belongs to user 0", mend="install -d -o WRITER -g GROUP -m 3770",
          prefix=as_user(MEMBER))
    os.chown(pipe.runtime, MEMBER, GROUP)
    names(pipe, "directory", f"belongs to user {MEMBER}", mend=f"runuser -u {MEMBER} -- otlpipe doctor")
    pipe.runtime.chmod(0o3770)
    names(pipe, "directory", "you (user", mend=f"usermod -a -G {GROUP}",
          prefix=as_user(MEMBER + 1, GROUP + 7))
    os.chown(pipe.runtime, 0, 0)
    pipe.runtime.chmod(0o700)


def members_and_the_writer_of_a_group_directory_find_it_well(pipe):
    make_group(pipe)
    writer = pipe.writer(prefix=as_user(WRITER))
    found = is_well(pipe, prefix=as_user(WRITER))
    check("a group directory, the writer's user is" in text_of(found, "directory"), f"{found}")
    found = is_well(pipe, prefix=as_user(MEMBER))
    equal(text_of(found, "writer"), "one runs; its page is for its own user alone", "of the writer")
    writer.stop()
    found = doctor(pipe, expected=1, prefix=as_user(MEMBER))
    equal([each["check"] for each in abnormal(found)], ["writer"], "what is wrong")


def a_region_of_another_layout_is_named(pipe):
    pipe.load("--count", 1).wait()
    (name,) = pipe.regions()
    path = pipe.runtime / name
    kept = path.read_bytes()
    drain(pipe)
    writer = pipe.writer()
    is_well(pipe)
    # Whole when it gets its name: the writer looks at it too.
    other = pipe.shm / "other"
    other.write_bytes(kept)
    other.chmod(0o600)
    put_word(other, REGION_MAJOR_AT, 2)
    other.rename(path)
    names(pipe, "layout", "regions of layout 2.0: 1; this version has 3.0", mend="--drain")
    path.unlink()
    writer.stop()


def a_file_that_is_no_region_is_named(pipe):
    writer = pipe.writer()
    path = pipe.runtime / "1-0123456789abcdef.region"
    path.write_bytes(os.urandom(8192))
    names(pipe, "damaged", path.name, mend=f"rm {quoted(path)}")
    path.unlink()
    writer.stop()


def a_page_of_another_version_is_named(pipe):
    drain(pipe)
    put_word(pipe.runtime / "writer.lock", PAGE_MAJOR_AT, 1)
    names(pipe, "writer", "the last writer was of another version", f"version 1.{PAGE_MINOR}, and this version has 2.",
          mend="start otlpipe-writer")
    drain(pipe)
    writer = pipe.writer()
    put_word(pipe.runtime / "writer.lock", PAGE_MAJOR_AT, 1)
    names(pipe, "writer", "a writer of another version runs", mend=f"kill -TERM {writer.pid}, and start it again")
    put_word(pipe.runtime / "writer.lock", PAGE_MAJOR_AT, 2)
    put_word(pipe.runtime / "control", CONTROL_MAJOR_AT, 2)
    names(pipe, "control", "of layout 2.0, and this version has 3.0", mend=f"rm {quoted(pipe.runtime)}/control")
    put_word(pipe.runtime / "control", CONTROL_MAJOR_AT, 3)
    is_well(pipe)
    writer.stop()


def what_waits_while_no_writer_runs_is_named(pipe):
    names(pipe, "writer", "none has been here yet", mend=f"otlpipe-writer --dir {quoted(pipe.runtime)} --output DIR")
    for _ in range(2):
        pipe.load("--count", 10).wait()
    found = names(pipe, "writer", "of records wait for one in what ended programs left (2)", mend="otlpipe-writer")
    check("programs that have ended: 2" in text_of(found, "waiting"), f"{found}")
    drain(pipe)
    names(pipe, "writer", "the last one was stopped in order",
          mend=f"otlpipe-writer --dir {quoted(pipe.runtime)} --output {quoted(pipe.output)}")
    writer = pipe.writer()
    pipe.load("--count", 10).wait()
    wait_for(lambda: not pipe.regions(), "the writer has drained the region")
    writer.kill()
    found = names(pipe, "writer", "the last one was killed", mend=f"--output {quoted(pipe.output)}")
    check(any(c["check"] == "files" and c["state"] == "warning" for c in found["checks"]),
          f"no word of unfinished files in {found}")
    drain(pipe)


def a_full_tmpfs_is_named(pipe):
    if os.geteuid() != 0:
        raise Skip("a tmpfs can be mounted by root alone")
    small = pipe.shm / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=0700", "otlpipe-test", small],
                      check=False).returncode != 0:
        raise Skip("a tmpfs cannot be mounted here")
    pipe.undo.append(lambda: subprocess.run(["umount", "-l", small], check=True))
    writer = pipe.start("otlpipe-writer", "--dir", small, "--output", pipe.output)
    wait_for(lambda: "; pid " in writer.err, "the writer is ready")
    is_well(pipe, runtime=small)
    with (small / "other").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, 4 << 20)
    names(pipe, "space", "No space left on device", "KiB left", mend="remount,size=", runtime=small)
    (small / "other").unlink()
    # A budget that is used up is another thing.
    names(pipe, "budget", "it may hold 1024 KiB", mend="export OTLPIPE_BUDGET=", runtime=small,
          environment={"OTLPIPE_BUDGET": "1MiB"})
    writer.stop()


def a_kernel_that_refuses_io_uring_is_named(pipe):
    """And what the writer does in its place: nothing is lost by it, so it is a warning."""
    writer = pipe.writer()
    refuse = pipe.program("refuse")
    if subprocess.run([refuse, "EPERM", "io_uring_setup", "/bin/true"], check=False).returncode != 0:
        writer.stop()
        raise Skip("seccomp filters are not allowed here")
    names(pipe, "io_uring", "Operation not permitted", "seccomp filter", "pwrite", state="warning",
          mend="otlpipe-writer --io pwrite", prefix=(refuse, "EPERM", "io_uring_setup"))
    names(pipe, "membarrier", "Function not implemented", state="warning", mend="allow membarrier",
          prefix=(refuse, "ENOSYS", "membarrier"))
    writer.stop()


def limits_are_named(pipe):
    if shutil.which("prlimit") is None:
        raise Skip("there is no prlimit")
    writer = pipe.writer()
    names(pipe, "limits", "RLIMIT_FSIZE (ulimit -f) is 1024 KiB", mend="ulimit -f unlimited",
          prefix=("prlimit", "--fsize=1048576"))
    names(pipe, "limits", "RLIMIT_NOFILE (ulimit -n) is 12", mend="ulimit -n 1024",
          prefix=("prlimit", "--nofile=12"))
    # In a program under a limit of its own, and with other rings, it is another size.
    is_well(pipe, prefix=("prlimit", "--fsize=1048576"), environment={
        "OTLPIPE_SPAN_RING_BYTES": "16KiB", "OTLPIPE_METRIC_RING_BYTES": "16KiB",
        "OTLPIPE_LOG_RING_BYTES": "16KiB"})
    writer.stop()


def a_wrong_variable_is_named_with_its_pair(pipe):
    writer = pipe.writer()
    for variable, value, parts, mend in (
        ("OTEL_RESOURCE_ATTRIBUTES", "a=b,team", ['its pair 2, "team", has no "="'], "export OTEL_RES"),
        ("OTEL_RESOURCE_ATTRIBUTES", b"a=b\xe4", ['"a" is not UTF-8'], "export OTEL_RES"),
        ("OTEL_SERVICE_NAME", b"\xe4", ["not UTF-8"], "export OTEL_SERVICE_NAME="),
        ("OTLPIPE_BUDGET", "much", ['"much" is neither a size'], "export OTLPIPE_BUDGET=2GiB"),
        ("OTLPIPE_LOG_RING_BYTES", "8 parsecs", ["is no size"], "export OTLPIPE_LOG_RING_BYTES=8MiB"),
        ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "both", ["none of cumulative"],
         "export OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=cumulative"),
    ):
        names(pipe, "environment", variable, *parts, mend=mend, environment={variable: value})
    found = is_well(pipe, environment={"OTEL_SERVICE_NAME": "shop", "OTLPIPE_BUDGET": "25%"})
    check("OTLPIPE_BUDGET, OTEL_SERVICE_NAME" in text_of(found, "environment"), f"{found}")
    check("as it is set" in text_of(found, "budget"), f"{found}")
    writer.stop()


def an_output_directory_that_cannot_be_written_is_named(pipe):
    prefix = ()
    if os.geteuid() == 0:
        needs_users(pipe)
        prefix = as_user(MEMBER)
        pipe.output = pipe.shm / "data"
        pipe.output.mkdir(mode=0o750)
        for path in (pipe.runtime, pipe.output):
            os.chown(path, MEMBER, GROUP)
    writer = pipe.writer(prefix=prefix)
    is_well(pipe, prefix=prefix)
    pipe.output.chmod(0o550)
    names(pipe, "output", f"{pipe.output} (the writer's) cannot be written", "Permission denied",
          mend=f"chmod u+rwx {quoted(pipe.output)}", prefix=prefix)
    pipe.output.chmod(0o757)
    names(pipe, "output", "everybody may write in it", mend=f"chmod o-w {quoted(pipe.output)}", prefix=prefix)
    pipe.output.chmod(0o750)
    (pipe.output / "traces").chmod(0o500)
    names(pipe, "output", "/traces", "cannot be written", mend="chmod u+rwx", prefix=prefix)
    (pipe.output / "traces").chmod(0o750)
    gone = pipe.output.with_name("gone")
    names(pipe, "output", "(from --output) is not there", mend=f"mkdir -p {quoted(gone)}", prefix=prefix,
          arguments=("--output", gone / "data"))
    is_well(pipe, prefix=prefix)
    writer.stop()


def a_lock_file_that_was_removed_is_named(pipe):
    writer = pipe.writer()
    load = pipe.endless_load("--rate", 100)
    is_well(pipe)
    writer.send(signal.SIGSTOP)
    wait_for(lambda: pathlib.Path(f"/proc/{writer.pid}/stat").read_text().split(")")[1][1] == "T",
             "the writer is stopped")
    names(pipe, "writer", "is stopped by a signal", mend=f"kill -CONT {writer.pid}")
    (pipe.runtime / "writer.lock").unlink()
    names(pipe, "writer", "writer.lock is gone, and a writer still runs", str(writer.pid),
          mend=f"kill -CONT {writer.pid}")
    writer.send(signal.SIGCONT)
    command = ("doctor", "--json", "--dir", pipe.runtime)
    wait_for(lambda: pipe.tool(*command, expected=None).json()["ok"], "the writer makes the file again")
    is_well(pipe)
    load.stop(signal.SIGINT)
    writer.stop()


def a_push_that_does_not_end_is_named(pipe):
    writer = pipe.writer()
    claimer = pipe.start("claimer", pipe.runtime)
    wait_for(lambda: claimer.out or not claimer.is_running(), "a claim")
    names(pipe, "blocked", str(claimer.pid), state="warning", mend=f"kill -CONT {claimer.pid}")
    claimer.kill()
    wait_for(lambda: not pipe.regions(), "the writer is done with the region")
    is_well(pipe)
    claimer = pipe.start("claimer", pipe.runtime, "later")
    wait_for(lambda: claimer.out or not claimer.is_running(), "a claim")
    names(pipe, "signals", "a ring of signal 3", "waits whole for a newer writer", mend="install the version")
    claimer.kill()
    for name in pipe.regions():
        (pipe.runtime / name).unlink()
    writer.stop()


def drops_are_named_with_their_reason(pipe):
    load = pipe.load("--count", 2000, "--span-ring-bytes", "16KiB")
    load.wait()
    writer = pipe.writer()
    wait_for(lambda: not pipe.regions(), "the writer has drained the region")
    is_well(pipe)
    writer.stop()
    load = pipe.load("--count", 2000, "--span-ring-bytes", "16KiB")
    load.wait()
    dropped = load.json()["spans"]["dropped"]
    found = doctor(pipe, expected=1)
    (drops,) = [each for each in found["checks"] if each["check"] == "drops"]
    equal(drops["state"], "warning", f"the state of {drops}")
    check(f"dropped since their ring was full: {dropped} records" in drops["text"], f"{drops}")
    check("OTLPIPE_SPAN_RING_BYTES" in drops["mend"], f"{drops}")
    drain(pipe)


def hostile_files_end_no_doctor(pipe):
    drain(pipe)
    for name in ("writer.lock", "control", "counters.0", "1-0123456789abcdef.region"):
        path = pipe.runtime / name
        for make in (
            lambda path: path.write_bytes(os.urandom(8192)),
            lambda path: path.write_bytes(b""),
            os.mkfifo,
            lambda path: path.symlink_to("/dev/zero"),
            lambda path: path.mkdir(),
        ):
            kept = path.read_bytes() if path.exists() else None
            if kept is not None:
                path.unlink()
            make(path)
            doctor(pipe, expected=1)
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
            if kept is not None:
                path.write_bytes(kept)
    # A page that has all but what it should: no text of it reaches the terminal as it is.
    page = bytearray((pipe.runtime / "writer.lock").read_bytes())
    page[512:] = b"\xff\x1b[2J" * ((len(page) - 512) // 5) + b"\xff" * ((len(page) - 512) % 5)
    (pipe.runtime / "writer.lock").write_bytes(page)
    out = pipe.tool("doctor", "--dir", pipe.runtime, expected=1).out
    check("\x1b" not in out, f"{out!r}")
    doctor(pipe, expected=1)


if __name__ == "__main__":
    harness.run(
        [
            with_a_writer_and_a_program_all_is_well,
            the_command_line_is_checked,
            no_runtime_directory_is_named,
            wrong_rights_of_the_runtime_directory_are_named,
            another_users_runtime_directory_is_named_with_the_way_to_share_one,
            members_and_the_writer_of_a_group_directory_find_it_well,
            a_region_of_another_layout_is_named,
            a_file_that_is_no_region_is_named,
            a_page_of_another_version_is_named,
            what_waits_while_no_writer_runs_is_named,
            a_full_tmpfs_is_named,
            a_kernel_that_refuses_io_uring_is_named,
            limits_are_named,
            a_wrong_variable_is_named_with_its_pair,
            an_output_directory_that_cannot_be_written_is_named,
            a_lock_file_that_was_removed_is_named,
            a_push_that_does_not_end_is_named,
            drops_are_named_with_their_reason,
            hostile_files_end_no_doctor,
        ]
    )
