# SPDX-License-Identifier: Apache-2.0
"""What the tests of kills and faults share, on top of the pipeline's harness: producers that keep
a ledger of what was accepted, the comparison with the disk, and the line for docs/reliability.md.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True  # a test leaves nothing in the source tree
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "pipeline"))
import harness
from harness import (  # noqa: F401: used by the tests
    Failure, Skip, check, equal, nap, reliability, wait_for,
)

SIGKILLED = -9


def start(pipe, name, *arguments, runtime=None, folder="tests/torture", prefix=(), **others):
    environment = {"OTLPIPE_DIR": str(runtime or pipe.runtime), **others.pop("environment", {})}
    command = [*prefix, pipe.build / folder / name, *arguments]
    return harness.Process(pipe, name, command, environment, **others)


def producer(pipe, ledger, first_slot, threads, *arguments, **others):
    return start(pipe, "torture_producer", ledger, first_slot, threads, *arguments, **others)


def drain(pipe, output, *arguments, runtime=None, expected=0, **others):
    """A writer that takes what is there and goes."""
    command = ["--drain", "--dir", runtime or pipe.runtime, "--output", output, *arguments]
    process = start(pipe, "otlpipe-writer", *command, folder="writer", **others)
    process.wait(expected)
    return process


def compare(pipe, ledger, *outputs, flags=(), expected=0):
    """The records on the disk with those that were accepted; returns torture_check's counts."""
    process = start(pipe, "torture_check", ledger, *flags, *outputs)
    process.wait(expected)
    return process.json()


def quick_compare(pipe, ledger, *outputs, subset=False):
    """The same for loops of many: no files, no record of the process."""
    flags = ["--subset"] if subset else []
    command = [pipe.build / "tests/torture/torture_check", ledger, *flags, *outputs]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    text = done.stdout.decode("utf-8", "replace")
    check(done.returncode == 0, text)
    return json.loads(text.splitlines()[-1])


def verify(pipe, output, runtime=None, expected=0):
    """`otlpipe verify` says yes, or what is expected; returns what it prints. Not for rings whose records went to
    several output directories in turn: there the ranges in one have gaps."""
    command = ["verify", "--json", "--dir", runtime or pipe.runtime, output]
    process = start(pipe, "otlpipe", *command, folder="cli")
    process.wait(expected)
    return process.json()


def regions(runtime):
    return sorted(n for n in os.listdir(runtime) if n.endswith(".region"))


def writer_symbol(pipe, name):
    """The offset of a function in the writer's executable."""
    listing = subprocess.run(
        ["nm", pipe.build / "writer/otlpipe-writer"], stdout=subprocess.PIPE, check=True
    ).stdout.decode()
    for line in listing.splitlines():
        words = line.split()
        if len(words) == 3 and words[2] == name:
            return words[0]
    raise Skip(f"the writer has no symbol {name}")


class Cgroup:
    """A cgroup of our own (version 2): whoever is started in it stays in it with all children, and
    all of them can be killed or frozen in one instant."""

    def __init__(self, pipe):
        if os.geteuid() != 0:
            raise Skip("a cgroup of one's own needs root")
        mounts = pathlib.Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
        roots = [line.split()[1] for line in mounts if line.split()[2] == "cgroup2"]
        if not roots:
            raise Skip("no cgroup2 file system is mounted")
        self.folder = pathlib.Path(roots[0], f"otlpipe-torture-{os.getpid()}")
        self.folder.mkdir()
        pipe.undo.append(self.remove)
        if not (self.folder / "cgroup.kill").exists():
            raise Skip("this kernel has no cgroup.kill (Linux 5.14)")
        # The shell goes in by itself, and then becomes the program: no child is outside.
        self.prefix = ("sh", "-c", f'echo $$ >"{self.folder}/cgroup.procs" && exec "$@"', "sh")

    def write(self, name, text):
        (self.folder / name).write_text(text, encoding="ascii")

    def is_empty(self):
        return not (self.folder / "cgroup.procs").read_text(encoding="ascii").split()

    def kill(self):
        def killed():
            self.write("cgroup.kill", "1")  # again: one that is just started may come in late
            return self.is_empty()

        wait_for(killed, "the kernel has ended every process of the cgroup")

    def freeze(self):
        self.write("cgroup.freeze", "1")
        events = self.folder / "cgroup.events"
        wait_for(lambda: "frozen 1" in events.read_text(encoding="ascii"), "the cgroup is frozen")

    def thaw(self):
        self.write("cgroup.freeze", "0")

    def remove(self):
        self.thaw()
        if (self.folder / "cgroup.kill").exists():
            self.kill()
        self.folder.rmdir()


def system(*command):
    """Something that this machine may not let us do."""
    words = [str(word) for word in command]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        raise Skip(f"{command[0]}: {done.stdout.decode('utf-8', 'replace').strip()}")


def mounted(pipe, name, *options):
    """A file system for this test alone; its path."""
    folder = pipe.scratch / name
    folder.mkdir()
    system("mount", *options, folder)
    pipe.undo.append(lambda: subprocess.run(["umount", "-l", folder], check=False))
    return folder


def tmpfs_mounted(pipe, name, mebibytes):
    return mounted(pipe, name, "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=0700", "tmpfs")


def loop_mounted(pipe, name, kind, mebibytes, *make_options):
    """A new file system of this kind on a loop device."""
    if shutil.which(f"mkfs.{kind}") is None:
        raise Skip(f"no mkfs.{kind}")
    image = pipe.scratch / f"{name}.img"
    with open(image, "wb") as file:
        file.truncate(mebibytes << 20)
    system(f"mkfs.{kind}", "-q", *make_options, image)
    return mounted(pipe, name, "-o", "loop", image)
