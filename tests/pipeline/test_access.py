#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Who may come in: what the writer refuses to trust, what it makes, and several users in one group
directory. Tests with other users need root."""
import ctypes
import os
import re
import select
import shutil
import stat
import struct

import harness
from users import GROUP, MEMBER, NEIGHBOUR, WRITER, as_user, make_group

RUNTIME_NAME = re.compile(r"^(control|counters\.\d+|writer\.lock|\d+-[0-9a-f]{16}\.region)$")


def refused(pipe, text, *arguments, runtime=None, output=None, **others):
    """A writer that ends at once, with a line that says why."""
    writer = pipe.run(
        "otlpipe-writer", "--dir", runtime or pipe.runtime, "--output", output or pipe.output,
        *arguments, expected=1, **others
    )
    harness.check(text in writer.err, lambda: f"no line says {text!r}\n{writer.tail()}")
    return writer


def mode_of(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


def needs_root():
    if os.geteuid() != 0:
        raise harness.Skip("only root can become other users")


# ---- the runtime directory ----


def a_runtime_directory_that_others_can_enter_is_refused(pipe):
    for mode in (0o755, 0o750, 0o701, 0o770, 0o777, 0o1777, 0o2770):
        pipe.runtime.chmod(mode)
        refused(pipe, "closed to others (0700)")
        load = pipe.load("--count", 1)
        harness.check(load.wait(None) != 0, f"a producer takes a directory of mode {mode:o}")
    pipe.runtime.chmod(0o700)
    harness.equal(os.listdir(pipe.runtime), [], "files in a directory that was refused")


def a_runtime_directory_of_another_user_is_refused(pipe):
    needs_root()
    os.chown(pipe.runtime, MEMBER, GROUP)
    refused(pipe, "it must be yours")
    harness.check(pipe.load("--count", 1).wait(None) != 0, "a producer takes another user's")


def a_runtime_directory_behind_a_symlink_is_refused(pipe):
    link = pipe.shm / "link"
    link.symlink_to(pipe.runtime)
    refused(pipe, str(link), runtime=link)
    process = pipe.start("otlpipe", "load", "--dir", link, "--count", 1)
    harness.check(process.wait(None) != 0, "a producer follows a symlink")
    harness.equal(os.listdir(pipe.runtime), [], "files behind the link")


def two_writers_on_one_runtime_directory_are_one_too_many(pipe):
    writer = pipe.writer()
    refused(pipe, f"another writer has this runtime directory (pid {writer.pid})",
            output=pipe.scratch / "other")
    harness.check(not (pipe.scratch / "other").exists(), "the one refused made an output directory")
    writer.stop()


def two_writers_on_one_output_directory_are_one_too_many(pipe):
    writer = pipe.writer()
    other = pipe.shm / "other"
    other.mkdir(mode=0o700)
    refused(pipe, "another writer has this output directory", runtime=other)
    writer.stop()


def nothing_in_the_runtime_directory_is_followed(pipe):
    victim = pipe.scratch / "victim"
    victim.write_bytes(b"untouched")
    for name in ("control", "writer.lock"):
        link = pipe.runtime / name
        link.symlink_to(victim)
        refused(pipe, name)
        link.unlink()
        clear(pipe.runtime)
        (pipe.runtime / name).mkdir()
        refused(pipe, name)
        clear(pipe.runtime)
    (pipe.runtime / "control").symlink_to(victim)
    harness.check(pipe.load("--count", 1).wait(None) != 0, "a producer follows the control page")
    clear(pipe.runtime)
    (pipe.runtime / f"1-{1:016x}.region").symlink_to(victim)
    writer = pipe.writer()
    writer.stop()
    harness.check("is left aside" in writer.err, writer.tail)
    harness.equal(victim.read_bytes(), b"untouched", "the file behind the links")
    clear(pipe.runtime)


def a_region_of_another_user_in_a_private_directory_is_left_aside(pipe):
    needs_root()
    pipe.load("--count", 100).wait()
    (name,) = pipe.regions()
    os.chown(pipe.runtime / name, MEMBER, GROUP)
    writer = pipe.writer()
    writer.stop()
    harness.check(f"{name} is left aside: Permission denied" in writer.err, writer.tail)
    harness.equal(pipe.regions(), [name], "what was left aside")
    clear(pipe.runtime)


def a_region_with_two_names_is_left_aside(pipe):
    pipe.load("--count", 100).wait()
    (name,) = pipe.regions()
    os.link(pipe.runtime / name, pipe.scratch / "second") if same_device(
        pipe.runtime, pipe.scratch
    ) else os.link(pipe.runtime / name, pipe.shm / "second")
    writer = pipe.writer()
    writer.stop()
    harness.check(f"{name} is left aside" in writer.err, writer.tail)
    clear(pipe.runtime)


def same_device(first, second):
    return os.stat(first).st_dev == os.stat(second).st_dev


def clear(directory):
    for path in directory.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


# ---- the output directory ----


def nothing_below_the_output_directory_is_followed(pipe):
    elsewhere = pipe.scratch / "elsewhere"
    elsewhere.mkdir()
    for name in ("traces", "metrics", ".otlpipe-writer.lock"):
        pipe.output.mkdir(exist_ok=True)
        (pipe.output / name).symlink_to(elsewhere if name[0] != "." else elsewhere / "made")
        refused(pipe, str(pipe.output))
        shutil.rmtree(pipe.output)
    harness.equal(os.listdir(elsewhere), [], "files behind the links")


def the_output_path_itself_may_lead_through_a_symlink(pipe):
    """It is the operator's own word. What others could change below it is another matter."""
    pipe.output.mkdir()
    link = pipe.scratch / "link"
    link.symlink_to(pipe.output)
    writer = pipe.writer(output=link)
    pipe.load("--count", 100, "--wait").wait()
    writer.stop()
    harness.equal(pipe.scan()["spans"], 100, "spans behind the link")


def an_output_directory_that_everybody_may_write_in_is_refused(pipe):
    pipe.output.mkdir()
    for mode in (0o777, 0o1777):
        pipe.output.chmod(mode)
        refused(pipe, "everybody may write there")
    pipe.output.chmod(0o755)
    (pipe.output / "traces").mkdir()
    (pipe.output / "traces").chmod(0o777)
    refused(pipe, "traces: it is not yours, or everybody may write there")


def open_files_of_recovery_are_not_followed(pipe):
    victim = pipe.scratch / "victim"
    victim.write_bytes(b"untouched")
    traces = pipe.output / "traces"
    traces.mkdir(parents=True)
    (traces / "traces-20260101T000000Z-00000001.binpb.open").symlink_to(victim)
    os.mkfifo(traces / "traces-20260101T000000Z-00000002.binpb.open")
    writer = pipe.writer()
    pipe.load("--count", 100, "--wait").wait()
    writer.stop()
    harness.equal(victim.read_bytes(), b"untouched", "the file behind the link")
    for path in traces.iterdir():
        if not path.is_file() or path.is_symlink():
            path.unlink()
    harness.equal(pipe.scan()["spans"], 100, "spans")


def files_are_made_with_the_modes_they_should_have(pipe):
    for umask in (0, 0o077):
        before = os.umask(umask)
        try:
            writer = pipe.writer()
            load = pipe.load("--count", 0, "--rate", 500)
            harness.wait_for(pipe.regions, "a region")
        finally:
            os.umask(before)
        harness.wait_for(lambda: pipe.files("open"), "an open file")
        keep = ~umask
        harness.equal(mode_of(pipe.runtime), 0o700, "the runtime directory")
        for path in pipe.runtime.iterdir():
            harness.check(RUNTIME_NAME.match(path.name), f"a name of no kind: {path.name}")
            harness.equal(mode_of(path), 0o600, path.name)
        harness.equal(mode_of(pipe.output), 0o750 & keep, "the output directory")
        for name in ("traces", "metrics", "logs"):
            harness.equal(mode_of(pipe.output / name), 0o750 & keep, name)
        load.stop()
        writer.stop()
        for _, path in pipe.files():
            harness.equal(mode_of(path), 0o640 & keep, path.name)
        harness.equal(sorted(p.name for p in pipe.output.iterdir()),
                      [".otlpipe-writer.lock", "logs", "metrics", "otlpipe.manifest", "traces"],
                      "the output directory")
        harness.equal(mode_of(pipe.output / ".otlpipe-writer.lock"), 0o600, "its lock")
        harness.equal(mode_of(pipe.output / "otlpipe.manifest"), 0o640 & keep, "the manifest")
        shutil.rmtree(pipe.output)


IN_CREATE, IN_MOVED_TO, IN_NONBLOCK, IN_CLOEXEC = 0x100, 0x80, 0o4000, 0o2000000
EVENT = struct.Struct("iIII")


class Names:
    """Every name that appears in some directories from now on, however soon it goes."""

    def __init__(self, *folders):
        self.fd = harness.libc.inotify_init1(IN_NONBLOCK | IN_CLOEXEC)
        harness.check(self.fd >= 0, lambda: os.strerror(ctypes.get_errno()))
        self.folders = {}
        for folder in folders:
            watch = harness.libc.inotify_add_watch(
                self.fd, os.fsencode(folder), IN_CREATE | IN_MOVED_TO
            )
            harness.check(watch >= 0, lambda: os.strerror(ctypes.get_errno()))
            self.folders[watch] = folder.name

    def read(self):
        found = []
        while select.select([self.fd], [], [], 0)[0]:
            data = os.read(self.fd, 1 << 16)
            while data:
                watch, mask, _, length = EVENT.unpack_from(data)
                harness.check(mask & 0x4000 == 0, "names were missed")
                name = data[EVENT.size : EVENT.size + length].rstrip(b"\0").decode()
                found.append((self.folders[watch], name))
                data = data[EVENT.size + length :]
        os.close(self.fd)
        return found


def no_name_appears_that_could_have_been_foreseen(pipe):
    """No temporary file, in no directory, not even for a moment: regions have random names, and
    whatever has a name that can be guessed is made with O_EXCL or linked when it is whole."""
    folders = [pipe.output / name for name in ("traces", "metrics", "logs")]
    for folder in folders:
        folder.mkdir(parents=True, mode=0o750)
    names = Names(pipe.runtime, pipe.output, *folders)
    writer = pipe.writer("--rotate-bytes", "128KiB", "--batch-bytes", "64KiB")
    for seed in range(3):
        pipe.load("--count", 1000, "--wait", "--seed", seed + 1, service=f"{seed}").wait()
    writer.stop()
    found = names.read()
    regions = [name for folder, name in found if name.endswith(".region")]
    harness.check(len(regions) >= 3 and len(set(regions)) == len(regions), f"{regions}")
    sealed = 0
    for folder, name in found:
        if folder == pipe.runtime.name:
            harness.check(RUNTIME_NAME.match(name), f"{folder}/{name}")
        elif folder == pipe.output.name:
            # The new manifest is made with O_EXCL, and renamed when it is whole.
            expected = (".otlpipe-writer.lock", "otlpipe.manifest", "otlpipe.manifest.new")
            harness.check(name in expected, f"a name in the output directory: {name}")
        else:
            harness.check(harness.DATA_NAME.match(name), f"{folder}/{name}")
            sealed += name.endswith(".binpb")
    harness.check(sealed > 2, f"{sealed} files were sealed")


def names_that_data_files_will_have_are_not_followed(pipe):
    """Links under the names of the next files, open and sealed: nothing goes through them."""
    victim = pipe.scratch / "victim"
    victim.write_bytes(b"untouched")
    writer = pipe.writer()
    pipe.load("--count", 10, "--wait", service="first").wait()
    harness.wait_for(lambda: pipe.files("open"), "an open file")
    for _, path in pipe.files("open"):
        path.with_suffix("").symlink_to(victim)  # what it will be renamed to
    pipe.load("--count", 10, "--wait", service="second").wait()
    writer.send(harness.signal.SIGTERM)
    status = writer.wait(None)
    harness.check(status in (0, 1), writer.tail)
    harness.equal(victim.read_bytes(), b"untouched", "the file behind the links")
    for folder in ("traces", "metrics"):
        for path in (pipe.output / folder).iterdir():
            if path.is_symlink():
                path.unlink()
    pipe.writer("--drain", interval=None, ready=False).wait()
    # A writer that had the time went on in a new file. The one given up counts as far as its name says.
    for path in pipe.output.glob("*/*.bad"):
        name, good_bytes, _ = path.name.rsplit(".", 2)
        os.truncate(path, int(good_bytes))
        path.rename(path.with_name(name))
    found = pipe.run("load_scan", pipe.output).json()["services"]
    for name in ("first", "second"):
        harness.equal(found.get(name), {"spans": 10, "points": 10}, name)


# ---- no privilege ----


def nobody_needs_a_privilege(pipe):
    """Writer, producer and tools as a user with no capability, and no way to any."""
    needs_root()
    if shutil.which("setpriv") is None:
        raise harness.Skip("there is no setpriv")
    prefix = (*as_user(MEMBER), "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all")
    os.chmod(pipe.shm, 0o755)
    if pipe.start("otlpipe", "--help", prefix=prefix).wait(None) != 0:
        raise harness.Skip("other users cannot run what is in the build directory")
    os.chown(pipe.runtime, MEMBER, GROUP)
    pipe.output = pipe.shm / "data"
    pipe.output.mkdir(mode=0o750)
    os.chown(pipe.output, MEMBER, GROUP)
    writer = pipe.writer(prefix=prefix)
    with open(f"/proc/{writer.pid}/status", encoding="ascii") as file:
        text = file.read()
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        harness.equal(int(re.search(rf"{name}:\s+(\w+)", text)[1], 16), 0, name)
    harness.equal(set(re.search(r"Uid:\s+(.*)", text)[1].split()), {str(MEMBER)}, "its users")
    pipe.load("--count", 3000, "--wait", "--retry", prefix=prefix).wait()
    stat_now = pipe.tool("stat", "--json", "--dir", pipe.runtime, prefix=prefix).json()
    harness.equal(stat_now["writer"]["running"], True, "running")
    writer.stop()
    harness.equal(pipe.scan()["spans"], 3000, "spans")
    pipe.tool("verify", pipe.output, "--dir", pipe.runtime, prefix=prefix)


# ---- several users ----


def two_users_push_through_a_writer_of_a_third(pipe):
    make_group(pipe)
    early = pipe.load("--count", 300, "--rate", 1000, "--wait", service="early",
                      prefix=as_user(MEMBER))
    harness.wait_for(pipe.regions, "a region before any writer")
    writer = pipe.writer(prefix=as_user(WRITER))
    loads = [early] + [
        pipe.load("--count", 3000, "--wait", "--retry", service=f"user-{uid}", prefix=as_user(uid))
        for uid in (MEMBER, NEIGHBOUR)
    ]
    for load in loads:
        load.wait()
    writer.stop()
    found = pipe.scan()["services"]
    for name, count in (("early", 300), (f"user-{MEMBER}", 3000), (f"user-{NEIGHBOUR}", 3000)):
        harness.equal(found.get(name), {"spans": count, "points": count}, name)
    pipe.verify()


def a_member_that_means_harm_hurts_no_other_user(pipe):
    make_group(pipe)
    writer = pipe.writer(prefix=as_user(WRITER))
    # Room for what it pushes while a busy machine stops the writer.
    rings = ("--span-ring-bytes", "16MiB", "--metric-ring-bytes", "16MiB")
    honest = pipe.load("--count", 0, "--rate", 2000, *rings, service="honest", prefix=as_user(MEMBER))
    harness.wait_for(pipe.regions, "the honest one's region")
    (name,) = pipe.regions()
    harness.equal(mode_of(pipe.runtime / name), 0o660, "the mode of a region in a group directory")
    harness.equal(mode_of(pipe.runtime / "control"), 0o640, "the mode of the control page")
    for victim in (name, "control", "writer.lock"):
        for command in (("truncate", "-s", "0"), ("rm", "-f"), ("dd", "if=/dev/zero", "conv=notrunc")):
            path = pipe.runtime / victim
            words = [*command[:2], f"of={path}"] if command[0] == "dd" else [*command, path]
            attempt = harness.Process(pipe, command[0], [*as_user(NEIGHBOUR), *words])
            harness.check(attempt.wait(None) != 0, f"a member can {command[0]} {victim}")
    modes = ("scribble", "storm", "records", "tables", "cut", "names", "replace", "locks")
    for mode in modes:
        pipe.run("hostile_producer", mode, pipe.runtime, pipe.options["seed"], 100,
                 prefix=as_user(NEIGHBOUR))
    harness.check(honest.is_running(), lambda: f"the honest one has ended\n{honest.tail()}")
    honest.stop()
    harness.check(writer.is_running(), lambda: f"the writer has ended\n{writer.tail()}")
    writer.stop()
    result = honest.json()
    found = pipe.run("load_scan", pipe.output).json()["services"]["honest"]
    for kind in ("spans", "points"):
        harness.equal(result[kind]["dropped"], 0, f"dropped {kind}")
        harness.equal(found[kind], result[kind]["accepted"], kind)
    clear(pipe.runtime)
    how = "tests/pipeline/hostile_producer as a member of a group directory"
    harness.reliability("another user lies, cuts, links and locks", how, 100 * len(modes), 0,
                        "access")


def what_a_member_puts_in_the_writers_place_is_put_aside(pipe):
    make_group(pipe)
    for name in ("control", "writer.lock"):
        harness.Process(pipe, "mkdir", [*as_user(MEMBER), "mkdir", "-m", "777",
                                        pipe.runtime / name]).wait()
    writer = pipe.writer(prefix=as_user(WRITER))
    load = pipe.load("--count", 200, "--wait", prefix=as_user(NEIGHBOUR))
    load.wait()
    writer.stop()
    harness.equal(pipe.scan()["spans"], 200, "spans")
    aside = [p.name for p in pipe.runtime.iterdir() if p.is_dir()]
    harness.equal(len(aside), 2, "directories put aside")


def a_group_directory_that_is_not_the_writers_is_refused(pipe):
    make_group(pipe)
    refused(pipe, "a group directory must belong to the writer's user", prefix=as_user(MEMBER))


harness.run(
    [
        a_runtime_directory_that_others_can_enter_is_refused,
        a_runtime_directory_of_another_user_is_refused,
        a_runtime_directory_behind_a_symlink_is_refused,
        two_writers_on_one_runtime_directory_are_one_too_many,
        two_writers_on_one_output_directory_are_one_too_many,
        nothing_in_the_runtime_directory_is_followed,
        a_region_of_another_user_in_a_private_directory_is_left_aside,
        a_region_with_two_names_is_left_aside,
        nothing_below_the_output_directory_is_followed,
        the_output_path_itself_may_lead_through_a_symlink,
        an_output_directory_that_everybody_may_write_in_is_refused,
        open_files_of_recovery_are_not_followed,
        files_are_made_with_the_modes_they_should_have,
        no_name_appears_that_could_have_been_foreseen,
        names_that_data_files_will_have_are_not_followed,
        nobody_needs_a_privilege,
        two_users_push_through_a_writer_of_a_third,
        a_member_that_means_harm_hurts_no_other_user,
        what_a_member_puts_in_the_writers_place_is_put_aside,
        a_group_directory_that_is_not_the_writers_is_refused,
    ]
)
