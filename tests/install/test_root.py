#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A newcomer's machine: a Debian root that boots under systemd-nspawn, our packages in it, and what
one does with them. scripts/test.sh has a configuration for it, which makes the root and the packages.

usage: test_root.py BUILD_DIR [--place DIR] [words of test names…]
    --place   has root (scripts/install-root.sh) and deb (scripts/build-deb.sh); else $OTLPIPE_INSTALL
"""
import ctypes
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "pipeline"))
import harness
from harness import check, equal, wait_for

CLONE_NEWNS = 0x00020000
RINGS, FILES, UNIT = "/run/otlpipe", "/var/lib/otlpipe", "otlpipe-writer"
ENVIRONMENT = ["env", "-i", "HOME=/root", "LC_ALL=C.UTF-8", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
USER, UID = "alice", 1000


def call(*command, expected=0, **others):
    done = subprocess.run(
        [str(word) for word in command], text=True, capture_output=True, stdin=subprocess.DEVNULL,
        check=False, **others,
    )  # fmt: skip
    check(
        expected is None or done.returncode == expected,
        lambda: f"{command}: exit status {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}",
    )
    return done


def place_of(pipe):
    if not pipe.options["place"]:
        raise harness.Skip("no --place and no $OTLPIPE_INSTALL: scripts/test.sh install makes both")
    return pathlib.Path(pipe.options["place"]).resolve()


def packages(place):
    return sorted(path for path in place.glob("deb/*.deb") if "dbgsym" not in path.name)


class Machine:
    """The root with the packages, and what this test writes there above it; booted when told to."""

    def __init__(self, pipe):
        self.pipe, self.place = pipe, place_of(pipe)
        if os.geteuid() != 0:
            raise harness.Skip("only root can boot a root")
        check((self.place / "root").is_dir(), f"{self.place} has no root: scripts/install-root.sh make")
        # Mounts that end with this process, however it ends.
        check(harness.libc.unshare(CLONE_NEWNS) == 0, lambda: os.strerror(ctypes.get_errno()))
        call("mount", "--make-rprivate", "/")
        layer = self.place / "installed"
        if not (layer / "stamp").exists() or (layer / "stamp").read_text() != self.stamp():
            self.install(layer)
        self.root = self.overlay(pipe.scratch / "machine", f"{layer}/upper:{self.place}/root")
        self.process = self.leader = None

    def stamp(self):
        return (self.place / "deb/stamp").read_text() + (self.place / "root/etc/otlpipe-root").read_text()

    def overlay(self, folder, lower):
        # Short names: the tree may lie below a path with a comma or a colon.
        for name in ("upper", "work", "root"):
            (folder / name).mkdir(parents=True)
        call("mount", "-t", "overlay", "overlay", "-o", f"lowerdir={lower},upperdir={folder}/upper,workdir={folder}/work",
             folder / "root")  # fmt: skip
        self.pipe.undo.append(lambda: call("umount", "-l", folder / "root", expected=None))
        return folder / "root"

    def install(self, layer):
        """The packages, as apt would: nothing that they need may be missing."""
        shutil.rmtree(layer, ignore_errors=True)
        root = self.overlay(layer, self.place / "root")
        (root / "debs").mkdir()
        for path in packages(self.place):
            shutil.copy(path, root / "debs")
        call("systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--pipe", "-D", root, "--",
             "sh", "-c", "dpkg -i /debs/*.deb && rm -r /debs")  # fmt: skip
        call("umount", root)
        self.pipe.undo.pop()
        (layer / "stamp").write_text(self.stamp())

    def boot(self):
        self.process = harness.Process(
            self.pipe, "nspawn",
            ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--link-journal=no", "--console=pipe",
             f"--machine=otlpipe-{os.getpid()}", "-b", "-D", self.root],
        )  # fmt: skip

        wait_for(self.is_up, "the machine has booted")

    def first_process(self):
        """Of the machine. systemd-nspawn has another child before it has this one."""
        for pid in harness.children(self.process.pid):
            try:
                status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
            except OSError:
                continue
            if re.search(r"^NSpid:.*\t1$", status, re.MULTILINE):
                return pid
        return None

    def is_up(self):
        check(self.process.is_running(), lambda: f"systemd-nspawn has ended\n{self.process.tail()}")
        self.leader = self.first_process()
        if self.leader is None:
            return False
        state = self.run("systemctl", "is-system-running", expected=None).stdout.strip()
        return state in ("running", "degraded")

    def put_disk(self):
        """Before it boots: a disk of its own for the files, which can be full, and outlives the boots."""
        disk = self.root / FILES.lstrip("/")
        call("mount", "-t", "tmpfs", "-o", "size=64m,mode=0755", "disk", disk)
        self.pipe.undo.append(lambda: call("umount", "-l", disk, expected=None))

    def fill_disk(self):
        """By somebody else; then the room that open files have reserved is used up, and the writer cannot go on."""
        self.shell(f"dd if=/dev/zero of={FILES}/somebody bs=1M status=none || true")
        count = 0

        def is_stalled():
            nonlocal count
            if "stalled" in self.shell(f"otlpipe stat --dir {RINGS}"):
                return True
            # What a full ring drops is no failure here: what it took has to be in the files.
            said = self.run("otlpipe", "load", "--dir", RINGS, "--count", 500, "--signal", "all").stdout
            count += json.loads(said.splitlines()[-1])["spans"]["accepted"]
            return False

        wait_for(is_stalled, "it cannot write")
        return count

    def power_off(self):
        # systemd-nspawn hands it on as a request to power off.
        self.process.send(signal.SIGTERM)
        self.process.wait(None)

    def inside(self, *words):
        return ["nsenter", "-t", str(self.leader), "-m", "-u", "-i", "-n", "-p", "-C", "--", *ENVIRONMENT,
                *(str(word) for word in words)]  # fmt: skip

    def run(self, *words, expected=0):
        return call(*self.inside(*words), expected=expected)

    def as_user(self, *words, expected=0):
        """As a program that the user starts."""
        return self.run(
            "setpriv", f"--reuid={USER}", f"--regid={USER}", "--init-groups", "env", f"HOME=/home/{USER}",
            f"XDG_RUNTIME_DIR=/run/user/{UID}", *words, expected=expected,
        )  # fmt: skip

    def service(self, name, *words, options=()):
        """A program that runs until it is stopped, and how it ends; "User=" and so on are options."""
        self.run("systemd-run", "--quiet", f"--unit={name}", "-p", "KillSignal=SIGINT", "-p", "RemainAfterExit=yes",
                 *(word for option in options for word in ("-p", option)), "--", *words)  # fmt: skip

    def accepted(self, name):
        """Stop a load generator that runs as a service: what it has pushed."""
        # The first process alone, which tells its workers.
        self.shell(f"kill -INT {self.property('MainPID', name)}")
        wait_for(lambda: self.property("SubState", name) != "running", f"{name} has ended")
        self.run("journalctl", "--sync")
        found = json.loads(self.shell(f"journalctl -o cat -u {name} --no-pager | grep '^{{'").splitlines()[-1])
        self.run("systemctl", "stop", name)
        return found["spans"]["accepted"]

    def top(self, *wanted):
        """`otlpipe top` on a terminal of its own, until all of these words stand there; then q."""
        pid, terminal = pty.fork()
        if pid == 0:
            words = self.inside("TERM=xterm", "otlpipe", "top", "--dir", RINGS)
            os.execvp(words[0], words)
        try:
            seen = b""

            def has_drawn():
                nonlocal seen
                while select.select([terminal], [], [], 0)[0]:
                    seen += os.read(terminal, 65536)
                return all(word.encode() in seen for word in wanted)

            try:
                wait_for(has_drawn, f"{wanted} on the screen")
            except harness.Failure as failure:
                raise harness.Failure(f"{failure}\n{seen!r}") from None
            os.write(terminal, b"q")

            def has_ended():
                try:
                    while select.select([terminal], [], [], 0)[0]:
                        os.read(terminal, 65536)
                except OSError:  # nobody has the other end any more
                    return True
                return False

            wait_for(has_ended, "top has ended")
        finally:
            os.close(terminal)
            status = os.waitpid(pid, 0)[1]
        equal(status, 0, "top's exit status")

    def shell(self, text, expected=0):
        return self.run("sh", "-euc", text, expected=expected).stdout

    def journal(self):
        return self.shell(f"journalctl -o cat -u {UNIT} --no-pager")

    def property(self, name, unit=UNIT):
        return self.run("systemctl", "show", "--value", "-p", name, unit).stdout.strip()

    def is_active(self):
        return self.property("ActiveState") == "active"

    def doctor(self, expected=0, prefix=()):
        words = [*prefix, "otlpipe", "doctor", "--json", "--dir", RINGS]
        return json.loads(self.run(*words, expected=expected).stdout)["checks"]

    def is_well(self):
        text = self.run("otlpipe", "doctor", "--dir", RINGS).stdout
        check(re.search(r"\nall is well(; \d warnings?)?\n$", text), text)

    def names(self, what, *texts, state="wrong", prefix=()):
        """`doctor` names what is wrong, and nothing else is."""
        found = self.doctor(expected=1 if state == "wrong" else 0, prefix=prefix)
        said = [each for each in found if each["check"] == what and each["state"] == state]
        check(said, f"no {state} of {what}: {found}")
        text = " ".join(each["text"] + " " + each["mend"] for each in said)
        for expected in texts:
            check(expected in text, f"{expected!r} is not in {text!r}")
        others = [each for each in found if each["state"] == "wrong" and each["check"] != what]
        equal([each for each in others if each["check"] not in ("writing", "disk")], [], "what else is wrong")

    def load(self, count, *words):
        said = self.run("otlpipe", "load", "--dir", RINGS, "--count", count, "--signal", "all", *words).stdout
        found = json.loads(said.splitlines()[-1])
        equal([found[name]["accepted"] for name in ("spans", "points", "logs")], [count] * 3, "accepted")
        return count

    def verify(self, spans):
        found = json.loads(self.run("otlpipe", "verify", "--json", "--dir", RINGS, FILES).stdout)
        equal((found["ok"], found["signals"]["traces"]["written_items"]), (True, spans), "verify, and its spans")


def the_packages_have_no_fault_that_lintian_knows(pipe):
    place = place_of(pipe)
    (changes,) = place.glob("deb/*.changes")
    equal([path.name.split("_")[0] for path in packages(place)],
          ["libotlpipe-dev", "libotlpipe0", "otlpipe", "python3-otlpipe"], "packages")  # fmt: skip
    said = call("lintian", "--allow-root", "--fail-on", "error,warning", "--show-overrides", changes, expected=None)
    equal((said.returncode, re.findall(r"^[EWO]: .*$", said.stdout, re.MULTILINE)), (0, []), "lintian")
    version = packages(place)[0].name.split("_")[1]
    header = (harness.SOURCE / "core/include/otlpipe/version.h").read_text(encoding="utf-8")
    equal(version, ".".join(re.findall(r"OTLP_VERSION_\w+ (\d+)", header)), "version of packages and header")


def a_newcomer_installs_it_pushes_a_span_and_sees_it(pipe):
    machine = Machine(pipe)
    machine.put_disk()
    machine.boot()
    equal(machine.property("ActiveState"), "inactive", "the unit behind the installation")
    machine.run("systemctl", "enable", "--now", UNIT)
    equal(machine.shell(f"stat -c '%a %U %G' {RINGS}").strip(), "3770 otlpipe otlpipe-push", RINGS)
    equal(machine.shell(f"stat -c '%a %U %G' {FILES}").strip(), "750 otlpipe otlpipe", FILES)
    # The README's ten lines, and its command.
    readme = (harness.SOURCE / "README.md").read_text(encoding="utf-8")
    (machine.root / "hello.c").write_text(re.search(r"^```c\n(.*?)^```$", readme, re.M | re.S).group(1))
    machine.shell(f"""cc /hello.c $(pkg-config --cflags --libs otlpipe) -o /usr/local/bin/hello
        OTLPIPE_DIR={RINGS} OTEL_SERVICE_NAME=hello /usr/local/bin/hello""")
    wait_for(lambda: '"hello"' in machine.shell(f"otlpipe cat {FILES}/traces"), "the record in otlpipe cat")
    check('"user.name"' in machine.shell(f"otlpipe cat {FILES}/traces"), "its attribute")
    machine.is_well()

    def regions():
        return machine.shell(f"cd {RINGS}; ls | grep region$ || true").split()

    wait_for(lambda: not regions(), "what hello left is drained")
    machine.service("busy", "otlpipe", "load", "--dir", RINGS, "--count", "0", "--rate", "100", "--signal", "spans")
    (region,) = wait_for(regions, "its region")
    machine.top("running", "traces", machine.property("MainPID"), region.split("-")[0])
    spans = machine.accepted("busy")
    # Python's, from its package.
    machine.shell(f"""OTLPIPE_DIR={RINGS} python3 -c 'import otlpipe; otlpipe.OtlpLibrary().shutdown()'""")
    # Another user pushes if it is in the group, and only then.
    machine.shell("useradd --system outsider; useradd --system --groups otlpipe-push member")
    push = f"OTLPIPE_DIR={RINGS} OTEL_SERVICE_NAME=$0 /usr/local/bin/hello"
    for user, code in (("outsider", 1), ("member", 0)):
        machine.run("setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "sh", "-c", push, user,
                    expected=code)  # fmt: skip
    wait_for(lambda: '"member"' in machine.shell(f"otlpipe cat {FILES}/traces"), "a member's record")
    check('"outsider"' not in machine.shell(f"otlpipe cat {FILES}/traces"), "an outsider's record")

    # One thing broken at a time: rights, the writer, its version, seccomp, the disk.
    machine.shell(f"chmod 3777 {RINGS}")
    machine.names("directory", RINGS)
    machine.shell(f"chmod 3770 {RINGS}")
    machine.run("systemctl", "stop", UNIT)
    spans += machine.load(10)
    machine.names("writer", "no writer runs", "systemctl start otlpipe-writer   (as root)")
    machine.run("systemctl", "start", UNIT)
    put = "import sys; f = open(sys.argv[1], 'r+b'); f.seek(8); f.write(bytes([int(sys.argv[2])]))"
    major = machine.shell(f"od -An -tu1 -j8 -N1 {RINGS}/writer.lock").strip()
    machine.run("python3", "-c", put, f"{RINGS}/writer.lock", 1)
    machine.names("writer", "a writer of another version runs", "systemctl restart otlpipe-writer")
    machine.run("python3", "-c", put, f"{RINGS}/writer.lock", major)
    forbids = ("systemd-run", "--quiet", "--pipe", "--wait", "-p", "SystemCallFilter=~io_uring_setup",
               "-p", "SystemCallErrorNumber=EPERM")  # fmt: skip
    machine.names("io_uring", "seccomp", state="warning", prefix=forbids)
    spans += machine.fill_disk()
    machine.names("writing", "No space left", f"df -h {FILES}")
    machine.shell(f"rm {FILES}/somebody")
    wait_for(lambda: "stalled" not in machine.shell(f"otlpipe stat --dir {RINGS}"), "it writes again")
    machine.is_well()
    machine.verify(spans + 2)  # hello's, and the member's
    machine.power_off()


def kills_hangs_reloads_a_full_disk_and_a_boot_lose_nothing(pipe):
    machine = Machine(pipe)
    machine.put_disk()
    drop_in = machine.root / "etc/systemd/system/otlpipe-writer.service.d"
    drop_in.mkdir(parents=True)
    (drop_in / "test.conf").write_text("[Service]\nWatchdogSec=5\nStartLimitIntervalSec=0\n")
    machine.boot()
    machine.run("systemctl", "enable", "--now", UNIT)
    spans = machine.load(500)

    pid = machine.property("MainPID")
    machine.shell(f"kill -9 {pid}")
    spans += machine.load(500)
    wait_for(lambda: machine.is_active() and machine.property("MainPID") not in (pid, "0"), "it is there again")

    pid = machine.property("MainPID")
    machine.shell(f"kill -STOP {pid}")
    spans += machine.load(500)
    # More often than once it may be, on a machine that is so busy.
    wait_for(lambda: machine.is_active() and machine.property("MainPID") not in (pid, "0"), "it is there again")
    wait_for(lambda: "watchdog" in machine.journal().lower(), "the journal says why")

    # Written before the reload, or there would be nothing to seal.
    spans += machine.load(500, "--wait")
    sealed = "set -- " + FILES + "/traces/*.binpb; echo $#"
    before = machine.shell(sealed)
    machine.run("systemctl", "reload", UNIT)
    wait_for(lambda: machine.shell(sealed) != before, "the reload has sealed a file")

    # The writer says so, and its stop leaves in the rings what it cannot write.
    spans += machine.fill_disk()
    machine.names("writing", "No space left")
    machine.run("systemctl", "stop", UNIT)
    wait_for(lambda: "stopped while the disk takes nothing" in machine.journal(), "the journal says so")
    machine.shell(f"rm {FILES}/somebody")
    machine.run("systemctl", "start", UNIT)
    spans += machine.load(500)
    machine.run("systemctl", "stop", UNIT)
    machine.verify(spans)
    machine.power_off()
    machine.boot()
    equal(machine.is_active(), True, "the unit behind a boot")
    spans += machine.load(500)
    machine.run("systemctl", "stop", UNIT)
    machine.verify(spans)
    machine.power_off()


def a_users_writer_has_all_at_a_logout_and_goes_on_behind_it_with_lingering(pipe):
    machine = Machine(pipe)
    # The user's manager ends with the last session, not 10 s later.
    settings = machine.root / "etc/systemd/logind.conf.d"
    settings.mkdir(parents=True)
    (settings / "test.conf").write_text("[Login]\nUserStopDelaySec=0\nRemoveIPC=yes\n")
    machine.boot()
    machine.shell(f"useradd --create-home --uid {UID} {USER}")
    rings, manager = f"/dev/shm/otlpipe-{UID}", f"user@{UID}.service"

    def log_in():
        machine.service("visit", "sleep", "infinity", options=("PAMName=login", f"User={USER}"))
        wait_for(lambda: machine.property("ActiveState", manager) == "active", "the user's manager runs")
        check(USER in machine.shell("loginctl list-sessions --no-legend"), "the session")

    def log_out():
        machine.run("systemctl", "stop", "visit")
        wait_for(lambda: USER not in machine.shell("loginctl list-sessions --no-legend"), "the session has ended")

    def is_there(path):
        return machine.run("test", "-e", path, expected=None).returncode == 0

    def has_ended():
        return machine.property("ActiveState", manager) == "inactive" and not is_there(rings)

    def load(count):
        said = machine.as_user("otlpipe", "load", "--count", count, "--signal", "spans").stdout
        equal(json.loads(said.splitlines()[-1])["spans"]["accepted"], count, "accepted")
        return count

    def doctor(expected=0):
        found = json.loads(machine.as_user("otlpipe", "doctor", "--json", expected=expected).stdout)["checks"]
        return {each["check"]: each for each in found if each["state"] in ("wrong", "warning")}

    def verify(spans):
        folders = f"/home/{USER}/.local/state/otlpipe /home/{USER}/.config/otlpipe"
        folder = machine.shell(f"for d in {folders}; do [ ! -d $d ] || echo $d; done").strip()
        found = json.loads(machine.as_user("otlpipe", "verify", "--json", folder).stdout)
        equal((found["ok"], found["signals"]["traces"]["written_items"]), (True, spans), "verify, and its spans")

    # Without lingering: what was pushed before the logout is in the files, and then the rings go.
    log_in()
    machine.as_user("systemctl", "--user", "enable", "--now", UNIT)
    spans = load(500)
    check("enable-linger alice" in doctor()["logout"]["mend"], "the doctor says what a logout takes away")
    machine.as_user("systemctl", "--user", "stop", UNIT)
    spans += load(500)
    check("systemctl --user start otlpipe-writer" in doctor(1)["writer"]["mend"], "the user's unit")
    machine.as_user("systemctl", "--user", "start", UNIT)
    pid = machine.as_user("systemctl", "--user", "show", "--value", "-p", "MainPID", UNIT).stdout.strip()
    spans += load(500)
    machine.shell(f"kill -9 {pid}")
    spans += load(500)
    wait_for(lambda: "writer" not in doctor(expected=None), "it is there again")
    machine.as_user("systemctl", "--user", "reload", UNIT)
    spans += load(500)
    log_out()
    wait_for(has_ended, "the user's manager has ended, and /dev/shm is emptied")
    verify(spans)

    # With it the logout ends and empties nothing.
    machine.run("loginctl", "enable-linger", USER)
    log_in()
    machine.service("busy", "otlpipe", "load", "--count", "0", "--rate", "200", "--signal", "spans",
                    options=(f"User={USER}",))  # fmt: skip
    wait_for(lambda: is_there(rings), "the rings")
    equal("logout" in doctor(), False, "the doctor's warning")
    log_out()
    written = json.loads(machine.as_user("otlpipe", "stat", "--json").stdout)["writer"]["signals"]["traces"]
    wait_for(
        lambda: json.loads(machine.as_user("otlpipe", "stat", "--json").stdout)["writer"]["signals"]["traces"][
            "written_items"] > written["written_items"] + 100,
        "the writer writes on behind the logout",
    )  # fmt: skip
    spans += machine.accepted("busy")
    # And it is there behind a boot, before anybody has logged in.
    machine.power_off()
    machine.boot()
    wait_for(lambda: "writer" not in doctor(expected=None), "the user's writer runs, and nobody is there")
    spans += load(500)
    machine.run("loginctl", "disable-linger", USER)
    wait_for(has_ended, "the user's manager has ended, and /dev/shm is emptied")
    verify(spans)
    machine.power_off()


if __name__ == "__main__":
    harness.run(
        [
            the_packages_have_no_fault_that_lintian_knows,
            a_newcomer_installs_it_pushes_a_span_and_sees_it,
            kills_hangs_reloads_a_full_disk_and_a_boot_lose_nothing,
            a_users_writer_has_all_at_a_logout_and_goes_on_behind_it_with_lingering,
        ],
        place=os.environ.get("OTLPIPE_INSTALL", ""),
    )
