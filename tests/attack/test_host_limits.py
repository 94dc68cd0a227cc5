#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A host under a limit does not die of the library: it gets an error that names the limit, and
rings as soon as the limit is lifted.

usage: test_host_limits.py BUILD_DIR [words of test names…]
"""
import os
import pathlib
import shlex
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "torture"))
import rig
from rig import Skip, check, equal, wait_for

ACCESS, NO_MEMORY, NO_SPACE, LIMIT = -13, -12, -28, -122
NOBODY = 65534
MIB = 1 << 20


def host(pipe, how, limit, runtime=None, **others):
    """Ends with 0, whatever the limit; returns what it says."""
    process = rig.start(pipe, "host_limits", how, limit, runtime=runtime, folder="tests/attack", **others)
    process.wait()
    return process.json()


def refused(found, code, *parts):
    equal(found["result"], code, f"the result of {found}")
    for part in parts:
        check(part in found["text"], f"{part!r} is not in {found['text']!r}")


def in_a_child(pipe, limit, code, *parts, **others):
    """Refused and counted, told by a flush and by the statistics; and taken when the limit is lifted."""
    found = host(pipe, "child", limit, **others)
    refused(found, code, *parts)
    equal(found["flush"], code, "what a flush says")
    equal(found["ring_error"], code, "the statistics' error")
    check(found["ring_failures"] >= 1, f"no failure is counted: {found}")
    equal(found["dropped"], 1 + found["refused"], "spans that are counted as dropped")
    equal(found["ring_error_then"], 0, "the error once there is a ring")
    drain(pipe, others.get("runtime"))


def drain(pipe, runtime=None):
    rig.drain(pipe, pipe.output, runtime=runtime)


def for_nobody(pipe):
    """A runtime directory, and a copy of the host, for a user without rights: the build directory
    may be closed to that one."""
    if os.geteuid() != 0:
        raise Skip("another user can be had by root alone")
    runtime = pipe.shm / "nobody"
    runtime.mkdir(mode=0o700)
    os.chown(runtime, NOBODY, NOBODY)
    pipe.shm.chmod(0o711)
    for program in ("tests/attack/host_limits", "core/libotlpipe.so.0"):
        copy = pipe.shm / pathlib.Path(program).name
        shutil.copy((pipe.build / program).resolve(), copy)
        copy.chmod(0o755)
    environment = {"OTLPIPE_DIR": str(runtime), "LD_LIBRARY_PATH": str(pipe.shm)}
    drop = ["setpriv", "--reuid", str(NOBODY), "--clear-groups", "--inh-caps=-all"]
    return [*drop, str(pipe.shm / "host_limits")], environment


def host_as_nobody(pipe, how, limit):
    command, environment = for_nobody(pipe)
    process = rig.harness.Process(pipe, "host_limits", [*command, how, limit], environment)
    process.wait()
    forget(pipe)
    return process.json()


def forget(pipe):
    for region in pipe.shm.glob("nobody/*.region"):
        region.unlink()


def a_file_size_limit_is_an_error_at_open(pipe):
    """tmpfs would end the program with SIGXFSZ."""
    # With lanes the region has a little more, on machines of several processors.
    found = host(pipe, "open", f"fsize={MIB}", environment={"OTLPIPE_LANES": "1"})
    refused(found, LIMIT, "RLIMIT_FSIZE", "1024 KiB", "6216 KiB")
    # Not even the control page has room.
    refused(host(pipe, "open", "fsize=100"), LIMIT, "RLIMIT_FSIZE", "100 bytes")
    equal(pipe.regions(), [], "regions")


def a_file_size_limit_is_an_error_in_a_childs_first_push(pipe):
    in_a_child(pipe, f"fsize={MIB}", LIMIT, "RLIMIT_FSIZE", "1024 KiB")


def no_descriptors_are_an_error_until_there_are_some(pipe):
    refused(host(pipe, "open", "nofile"), LIMIT, "RLIMIT_NOFILE")
    in_a_child(pipe, "nofile", LIMIT, "RLIMIT_NOFILE")


def no_address_space_is_an_error_that_names_it(pipe):
    refused(host(pipe, "open", f"as={3 * MIB}"), NO_MEMORY, "RLIMIT_AS")
    in_a_child(pipe, f"as={3 * MIB}", NO_MEMORY, "RLIMIT_AS")


def a_limit_of_locked_memory_is_an_error_that_names_it(pipe):
    found = host_as_nobody(pipe, "open", f"memlock={2 * MIB}")
    refused(found, LIMIT, "RLIMIT_MEMLOCK", "mlockall")


def no_more_processes_are_needed(pipe):
    found = host_as_nobody(pipe, "open", "nproc")
    equal((found["result"], found["refused"]), (0, 0), "result and refused pushes")


class Cgroup:
    """One of our own with a limit of memory, v2 or v1, below the one that we are in."""

    def __init__(self, pipe):
        if os.geteuid() != 0:
            raise Skip("a cgroup can be made by root alone")
        lines = pathlib.Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
        fields = [line.split(":", 2) for line in lines]
        memory = [path for _, names, path in fields if "memory" in names.split(",")]
        unified = [path for _, names, path in fields if names == ""]
        if memory:
            self.limit = "memory.limit_in_bytes"
            root = pathlib.Path("/sys/fs/cgroup/memory" + memory[0])
        elif unified:
            self.limit = "memory.max"
            root = pathlib.Path("/sys/fs/cgroup" + unified[0])
        else:
            raise Skip("there is no memory controller")
        self.path = root / f"otlpipe-test-{os.getpid()}"
        try:
            self.path.mkdir()
        except OSError as error:
            raise Skip(f"{self.path}: {error}") from error
        pipe.undo.append(self.remove)
        if not (self.path / self.limit).exists():
            raise Skip(f"{self.path} has no {self.limit}")

    def set(self, size):
        (self.path / self.limit).write_text(str(size), encoding="ascii")

    def join(self, pid):
        (self.path / "cgroup.procs").write_text(str(pid), encoding="ascii")

    def remove(self):
        wait_for(lambda: not (self.path / "cgroup.procs").read_text(encoding="ascii"), "it is empty")
        self.path.rmdir()


class Waiting:
    """A host that waits for the limit to be set, and then for it to be lifted."""

    def __init__(self, pipe, how):
        self.process = rig.start(
            pipe, "host_limits", how, "wait", folder="tests/attack", stdin=subprocess.PIPE
        )
        self.turns = 0

    def wait(self):
        self.turns += 1
        wait_for(
            lambda: self.process.err.count("ready") >= self.turns or not self.process.is_running(),
            "the host waits for the test",
        )

    def pids(self):
        return [self.process.pid, *rig.harness.children(self.process.pid)]

    def go_on(self):
        try:
            self.process.popen.stdin.write(b"\n")
            self.process.popen.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended, and wait() will say so

    def end(self):
        self.process.popen.stdin.close()
        self.process.wait()
        return self.process.json()


def under_memory_limit(pipe, how, size, lifted):
    cgroup = Cgroup(pipe)
    waiting = Waiting(pipe, how)
    waiting.wait()
    for pid in waiting.pids():
        cgroup.join(pid)
    cgroup.set(size)
    waiting.go_on()
    waiting.wait()
    cgroup.set(lifted)
    waiting.go_on()
    return waiting.end()


def a_cgroups_memory_limit_is_an_error_at_open(pipe):
    """The kernel would end some process of the cgroup, such as the host."""
    refused(under_memory_limit(pipe, "open", 5 * MIB, 64 * MIB), LIMIT, "cgroup", "5120 KiB", "memory.max")


def a_cgroups_memory_limit_is_an_error_until_it_is_raised(pipe):
    found = under_memory_limit(pipe, "child", 5 * MIB, 64 * MIB)
    refused(found, LIMIT, "cgroup", "5120 KiB")
    equal((found["flush"], found["ring_error"]), (LIMIT, LIMIT), "what flush and statistics say")
    drain(pipe)


def a_cgroup_that_is_full_of_page_cache_has_room(pipe):
    cgroup = Cgroup(pipe)
    cgroup.set(24 * MIB)
    waiting = Waiting(pipe, "open")
    waiting.wait()
    for pid in waiting.pids():
        cgroup.join(pid)
    # Pages of a file belong to the cgroup of who touches them first.
    filler = pipe.scratch / "filler"
    command = 'echo $$ > "$1/cgroup.procs"; head -c "$3" /dev/zero > "$2"; sync "$2"; cat "$2" > /dev/null'
    words = [str(word) for word in (cgroup.path, filler, 64 * MIB)]
    subprocess.run(["sh", "-ec", command, "sh", *words], check=True)
    waiting.go_on()
    waiting.wait()
    waiting.go_on()
    found = waiting.end()
    filler.unlink()
    equal((found["result"], found["refused"]), (0, 0), f"result and refused pushes of {found}")
    drain(pipe)


def a_filter_that_kills_for_membarrier_kills_nobody(pipe):
    writer = pipe.writer(interval="20ms")
    for how in ("open", "child"):
        found = host(pipe, how, "membarrier")
        equal((found["result"], found["flush"]), (0, 0), f"{how}: result and flush")
    wait_for(lambda: not pipe.regions(), "no region is left")
    writer.stop()
    equal(pipe.verify()["spans"]["written_items"], 3, "spans on the disk")


def unshared(pipe, script, **environment):
    """In a mount namespace of its own."""
    if os.geteuid() != 0:
        raise Skip("mounts are root's")
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", script]
    process = rig.harness.Process(pipe, "unshared", command, environment)
    process.wait()
    return process.json()


def without_proc_there_are_rings_or_an_error_that_names_it(pipe):
    command, environment = for_nobody(pipe)
    script = f"umount -l /proc; exec {shlex.join(str(word) for word in command)} open none"
    found = unshared(pipe, script, **environment)
    forget(pipe)
    if found["result"] != 0:  # an older kernel names a file through /proc alone
        refused(found, ACCESS, "/proc")


def without_dev_shm_the_error_names_it(pipe):
    program = pipe.build / "tests/attack/host_limits"
    script = f"mount -t tmpfs none /dev; exec {shlex.quote(str(program))} open none"
    found = unshared(pipe, script, OTLPIPE_DIR=None)
    refused(found, ACCESS, "/dev/shm/otlpipe-0", "No such file or directory", "OTLPIPE_DIR")


if __name__ == "__main__":
    rig.harness.run(
        [
            a_file_size_limit_is_an_error_at_open,
            a_file_size_limit_is_an_error_in_a_childs_first_push,
            no_descriptors_are_an_error_until_there_are_some,
            no_address_space_is_an_error_that_names_it,
            a_limit_of_locked_memory_is_an_error_that_names_it,
            no_more_processes_are_needed,
            a_cgroups_memory_limit_is_an_error_at_open,
            a_cgroups_memory_limit_is_an_error_until_it_is_raised,
            a_cgroup_that_is_full_of_page_cache_has_room,
            a_filter_that_kills_for_membarrier_kills_nobody,
            without_proc_there_are_rings_or_an_error_that_names_it,
            without_dev_shm_the_error_names_it,
        ]
    )
