#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""scripts/debian13.sh with a root that is small and made by a stand-in for debootstrap: it is there
whole or not at all, what runs in it changes neither it nor the host, and nothing outlives the script.

usage: test_debian13.py BUILD_DIR [words of test names…]
"""
import os
import pathlib
import shutil
import signal
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "pipeline"))
import harness
from harness import Skip, check, equal

PROGRAMS = ("bash", "env", "sleep", "cat", "touch", "ls")
# debootstrap --variant=… SUITE DIRECTORY MIRROR. apt-get in the root notes what it is to install.
DEBOOTSTRAP = """#!/bin/bash
set -e
echo x >>"$LOG/made"
root=$3
mkdir -p "$root"/{usr/bin,etc,proc,sys,dev,tmp,run,var/tmp,var/cache/apt/archives,root}
ln -sfn usr/bin "$root/bin"
for name in PROGRAMS; do
	cp -L "$(command -v $name)" "$root/usr/bin/"
	for library in $(ldd "$(command -v $name)" | grep -o '/[^ ]*'); do
		mkdir -p "$root${library%/*}"
		cp -L "$library" "$root$library"
	done
done
cat >"$root/usr/bin/apt-get" <<'END'
#!/bin/bash
echo "$*" >>/etc/asked
[[ ! -e /etc/fail && $* != *unheard-of* ]]
END
chmod +x "$root/usr/bin/apt-get"
"""


class Tree:
    """A tree with the script and nothing else, below a path with a space."""

    def __init__(self, pipe):
        self.pipe = pipe
        self.path = pipe.scratch / "a tree"
        (self.path / "scripts").mkdir(parents=True)
        for name in ("debian13.sh", "debian-mirror.sh", "packages.txt", "packages-debian13.txt"):
            shutil.copy(harness.SOURCE / "scripts" / name, self.path / "scripts")
        self.bin = pipe.scratch / "bin"
        self.bin.mkdir()
        stand_in = self.bin / "debootstrap"
        stand_in.write_text(DEBOOTSTRAP.replace("PROGRAMS", " ".join(PROGRAMS)))
        stand_in.chmod(0o755)
        self.root = self.path / "build-test/debian13/root"

    def start(self, *words):
        variables = {
            "PATH": f"{self.bin}:{os.environ['PATH']}", "LOG": str(self.pipe.scratch), "CI": None,
            "OTLPIPE_DEBIAN_MIRROR": "http://127.0.0.1:9/none",
        }  # fmt: skip
        script = self.path / "scripts/debian13.sh"
        return harness.Process(
            self.pipe, "debian13", [script, *words], variables, cwd="/", start_new_session=True,
        )  # fmt: skip

    def call(self, *words, code=0):
        process = self.start(*words)
        process.wait(code)
        return process

    def times_made(self):
        return len((self.pipe.scratch / "made").read_text().splitlines())

    def leaves(self):
        """What is left beside the root."""
        return sorted(p.name for p in self.root.parent.iterdir() if p.name not in ("lock", "root"))


def tree(pipe):
    if os.geteuid() != 0:
        raise Skip("only root makes a root")
    tree = Tree(pipe)
    why = tree.start("can")
    why.wait(None)
    if "namespaces" in why.out:
        raise Skip(why.out.strip())
    return tree


def check_nothing_is_left(pipe, tree, mark):
    """No process has the mark in its arguments, and nothing of the tree is mounted."""

    def marked():
        found = []
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if mark in (folder / "cmdline").read_bytes().decode(errors="replace").split("\0"):
                    found.append(folder.name)
            except OSError:
                pass
        return found

    harness.wait_for(lambda: not marked(), "its processes have ended")
    check(str(pipe.scratch.name) not in pathlib.Path("/proc/self/mountinfo").read_text(), "a mount is left")


def a_root_is_made_once_and_again_when_the_lists_change(pipe):
    t = tree(pipe)
    said = t.call("can", code=1).out
    check("the mirror does not answer: http://127.0.0.1:9/none/dists/trixie" in said, said)
    t.call("root")
    t.call("root")
    equal(t.call("run", "cat", "scripts/packages-debian13.txt").out,
          (t.path / "scripts/packages-debian13.txt").read_text(), "the tree in the root")  # fmt: skip
    equal(t.times_made(), 1, "how often it was made")
    t.call("can")
    asked = (t.root / "etc/asked").read_text()
    check("install" in asked and "opentelemetry-cpp-dev" in asked and " gcc " in asked, asked)
    check("doxygen" not in asked, f"what it does not need is asked for: {asked}")
    with open(t.path / "scripts/packages-debian13.txt", "a") as file:
        file.write("one-more # and why\n")
    t.call("run", "ls")
    asked = (t.root / "etc/asked").read_text().splitlines()[-1]
    check("install" in asked and asked.endswith(" one-more"), f"asked for at last: {asked}")
    equal(t.times_made(), 1, "a package more is no reason to begin anew")
    equal(t.leaves(), [], "what is left beside the root")


def a_root_that_cannot_be_made_whole_is_not_there(pipe):
    t = tree(pipe)
    packages = t.path / "scripts/packages-debian13.txt"
    good = packages.read_text()
    packages.write_text(good + "unheard-of\n")
    check("the root could not be made" in t.call("root", code=1).err, "it is told")
    check(not t.root.exists(), "half a root has the name of a whole one")
    t.call("run", "ls", code=1)
    packages.write_text(good)
    t.call("root")
    packages.write_text(good + "unheard-of\n")
    t.call("root", code=1)
    packages.write_text(good)
    # The one of before is as it was.
    t.call("can")
    t.call("run", "ls")
    check("unheard-of" not in (t.root / "etc/asked").read_text(), "the old root was changed")


def what_runs_there_changes_neither_the_root_nor_the_host(pipe):
    t = tree(pipe)
    name = pipe.scratch.name
    t.call("run", "touch", f"/dev/shm/{name}", f"/tmp/{name}", f"/run/{name}", f"/root/{name}", name)
    for folder in ("/dev/shm", "/tmp", "/run", "/root"):
        check(not pathlib.Path(folder, name).exists(), f"{folder} is the host's")
        check(not (t.root / folder[1:] / name).exists(), f"{folder} is the root's")
    check((t.path / name).exists(), "the tree is not the tree")
    for place in ("/usr/bin/new", "/etc/new", "/new"):
        t.call("run", "touch", place, code=1)
    equal(t.call("run", "bash", "-c", "exit 7", code=7).out, "", "an exit status is passed on")
    seen = t.call("run", "bash", "-c", 'echo "${LOG-} ${OTLPIPE_DEBIAN_MIRROR-} $HOME $$"').out.split()
    equal(seen[:2], ["http://127.0.0.1:9/none", "/root"], "variables")
    check_nothing_is_left(pipe, t, "none")


def nothing_outlives_the_script_however_it_ends(pipe):
    t = tree(pipe)
    t.call("root")
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        mark = f"{100000 + pipe.options['seed'] % 100000}.{number}"
        command = f"echo started; (trap '' TERM INT HUP; exec sleep {mark}) & sleep {mark}"
        process = t.start("run", "bash", "-c", command)
        harness.wait_for(lambda: "started" in process.out or not process.is_running(), "it runs")
        check(process.is_running(), lambda: process.tail())
        # Ctrl-C goes to all of a terminal's foreground, and a shell waits for who handles it.
        (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
        process.wait(None)
        check_nothing_is_left(pipe, t, mark)
    # One that makes the root and is killed leaves no root, and the next makes it.
    (t.path / "scripts/packages-debian13.txt").write_text("another\n")
    slow = t.bin / "debootstrap"
    text = slow.read_text()
    mark = f"{200000 + pipe.options['seed'] % 100000}.9"
    slow.write_text(text + f'\n: >"$LOG/slow"\nsleep {mark}\n')
    shutil.rmtree(t.root)
    process = t.start("root")
    harness.wait_for(lambda: (pipe.scratch / "slow").exists() or not process.is_running(), "it is made")
    process.kill()
    check_nothing_is_left(pipe, t, mark)
    check(not t.root.exists(), "half a root has the name of a whole one")
    slow.write_text(text)
    t.call("root")
    equal(t.leaves(), [], "what is left beside the root")


if __name__ == "__main__":
    harness.run(
        [
            a_root_is_made_once_and_again_when_the_lists_change,
            a_root_that_cannot_be_made_whole_is_not_there,
            what_runs_there_changes_neither_the_root_nor_the_host,
            nothing_outlives_the_script_however_it_ends,
        ],
    )
