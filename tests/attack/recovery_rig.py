# SPDX-License-Identifier: Apache-2.0
"""What the attacks on recovery share: a runtime directory whose producers are dead, which can be
copied and so begun with again; a writer that is killed just behind its first write of a batch, which
then stands in an open file, and no ring has its space back for it; and regions that lie.
"""
import json
import pathlib
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "torture"))
import rig
from rig import check, equal

KILLED, ENDED, IMPOSSIBLE = 0, 3, 77
CALLS_MAX, WRITES_MAX = 200, 10
FILES = ("--batch-bytes", "64KiB", "--rotate-bytes", "64MiB", "--sync", "batch", "--io", "pwrite")


def liar(pipe, *arguments, expected=0, **others):
    """Runs ring_liar; returns what it prints."""
    process = rig.start(pipe, "ring_liar", *arguments, folder="tests/attack", **others)
    process.wait(expected)
    return process.out


def ring(pipe, region, signal=0):
    """Where a ring stands, as the region has it."""
    return json.loads(liar(pipe, "show", region, signal))


def id_of(region):
    return pathlib.Path(region).name.split("-")[1].split(".")[0]


def verify(pipe, output, runtime, *blamed, expected=None):
    """`otlpipe verify`, which may blame these regions and nobody else."""
    process = rig.start(pipe, "otlpipe", "verify", "--json", "--dir", runtime, output, folder="cli")
    status = process.wait(expected)
    found = process.json()
    for problem in found["problems"]:
        check(any(name in problem for name in blamed), f"verify blames another: {problem}")
    check(blamed or status == 0, process.tail)
    return found


class Dead:
    """Producers that died with spans and points in their rings, and the ledger of those."""

    def __init__(self, pipe, tries=100, spans=0):
        self.pipe = pipe
        self.ledger = pipe.scratch / "ledger"
        self.template = pipe.shm / "template"
        self.template.mkdir(mode=0o700)
        fixed = ("--ring-bytes", 1 << 18, "--burst", 0, "--tries", tries, "--abrupt")
        for first in (0, 2):
            honest = rig.producer(pipe, self.ledger, first, 2, *fixed, runtime=self.template)
            honest.wait(rig.SIGKILLED)
        self.honest = rig.regions(self.template)
        self.liar = None
        if spans:
            out = liar(pipe, "die", self.template, spans, 65536, expected=rig.SIGKILLED)
            self.liar = pathlib.Path(out.strip()).name
        self.runtime = pipe.shm / "copy"
        self.output = pipe.scratch / "out"

    def begin(self):
        """Everything as if no writer had been there yet."""
        for path in (self.runtime, *self.pipe.scratch.glob("out*")):
            shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(self.template, self.runtime)

    def command(self, output, runtime, *options):
        writer = self.pipe.build / "writer/otlpipe-writer"
        return [writer, "--drain", "--dir", runtime or self.runtime,
                "--output", output or self.output, *FILES, *options]

    def stepkill(self, *how, output=None, runtime=None, options=()):
        """A writer that is killed there; returns where, or None if it ended before."""
        command = [self.pipe.build / "tests/torture/stepkill", *how,
                   *self.command(output, runtime, *options)]
        done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL,
                              capture_output=True, check=False)
        if done.returncode == IMPOSSIBLE:
            raise rig.Skip(f"no ptrace here: {done.stderr.decode()}")
        check(done.returncode in (KILLED, ENDED), lambda: f"stepkill {how}: {done}")
        return done.stdout.decode().strip() if done.returncode == KILLED else None

    def has_batch(self, output):
        """Not just an open file of zeros."""
        return any(path.read_bytes()[:2] == b"\xc2\x3e" for _, path in self.pipe.files("open", output))

    def kill_behind_write(self, output=None):
        """From the beginning to a batch that is written, and not given back."""
        for number in range(1, WRITES_MAX):
            self.begin()
            place = self.stepkill("call", "pwrite64", number, "after", output=output)
            check(place is not None, "the writer writes a batch")
            # It writes what it is and where before.
            if self.has_batch(output or self.output):
                return
        raise rig.Failure(f"none of {WRITES_MAX} writes is that of a batch")

    def drain(self, output=None, runtime=None, options=(), expected=0):
        """A writer that is let be; returns what it says."""
        process = rig.harness.Process(self.pipe, "otlpipe-writer",
                                      self.command(output, runtime, *options))
        process.wait(expected)
        return process.err

    def compare(self, *outputs, regions=()):
        """Everything of the honest ones is there once; only these regions are left."""
        equal(rig.regions(self.runtime), sorted(regions), "regions that are left")
        flags = ["--liar", id_of(self.liar)] if self.liar else []
        found = rig.compare(self.pipe, self.ledger, *(outputs or [self.output]), flags=flags)
        equal((found["lost"], found["invalid"]), (0, 0), "lost and invalid items")
        return found
