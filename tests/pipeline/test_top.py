#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`otlpipe top` on a real terminal, which tmux is: what stands on it, and that it is given back. Each wait
is for text on the screen."""
import os
import re
import shlex
import shutil
import signal
import subprocess

import harness

# What a shell prints when the command has ended, with its exit status and how the terminal is set.
END = "echo ended:$? $(stty -a | grep -o -w -E -e '-?(echo|icanon)' | sort | tr '\\n' ' '):modes"
SOUND = "ended:{} echo icanon :modes"


class Terminal:
    """A server of tmux of its own, with one pane, in which a shell runs."""

    def __init__(self, pipe, columns=80, rows=24, **environment):
        if shutil.which("tmux") is None:
            raise harness.Skip("tmux is not installed")
        self.pipe = pipe
        self.socket = pipe.shm / "tmux"
        # What ncurses keeps until the end of a process is its own, and no leak of ours.
        keeps = pipe.shm / "ncurses-keeps"
        keeps.write_text("leak:libtinfo\nleak:libncursesw\n", encoding="ascii")
        variables = {**pipe.environment, "PS1": "$ ", "ENV": "", "HISTFILE": "",
                     "LSAN_OPTIONS": f"suppressions={keeps}:print_suppressions=0", **environment}
        variables.pop("TMUX", None)
        term = variables.pop("TERM_INSIDE", "tmux-256color")
        # The server outlives what starts it, and is a child of ours then, as we are a subreaper.
        subprocess.run(
            ["tmux", "-S", str(self.socket), "-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y",
             str(rows), f"exec env TERM={term} sh"],
            env={**variables, "TERM": "xterm"}, check=True,
        )
        self.server = int(self.tmux("display-message", "-p", "#{pid}"))
        pipe.undo.append(self.close)
        self.wait(re.compile("^[$#]"))

    def tmux(self, *words):
        command = ["tmux", "-S", str(self.socket), *words]
        return subprocess.run(command, check=True, capture_output=True, text=True, env=self.pipe.environment).stdout

    def type(self, *keys):
        self.tmux("send-keys", *keys)

    def run(self, *words):
        """In the shell; its end is told."""
        line = " ".join(str(word) for word in words)
        self.tmux("send-keys", "-l", f"clear; {line}; {END}")
        self.type("Enter")

    def top(self, *words, wait="otlpipe top"):
        command = (self.pipe.program("otlpipe"), "top", "--dir", self.pipe.runtime, "-i", "200ms", *words)
        self.run(*(shlex.quote(str(word)) for word in command))
        if wait:
            self.wait(wait)

    def screen(self, *options):
        return self.tmux("capture-pane", "-p", *options)

    def wait(self, wanted, *options):
        """A text, a pattern, or what a function says of the screen."""
        seen = ""

        def found():
            nonlocal seen
            seen = self.screen(*options)
            if callable(wanted):
                return wanted(seen)
            return wanted.search(seen) if isinstance(wanted, re.Pattern) else wanted in seen

        try:
            return harness.wait_for(found, f"{wanted} is on the screen", limit=60)
        except harness.Failure as failure:
            raise harness.Failure(f"{failure}\n{seen}") from None

    def wait_end(self, status=0):
        """The shell is there again, with its modes, and nothing of the page."""
        self.wait(SOUND.format(status))
        harness.equal(self.tmux("display-message", "-p", "#{cursor_flag} #{alternate_on}").split(), ["1", "0"],
                      "the cursor, and the other screen")

    def process(self):
        """The pid of otlpipe, which the shell of the pane runs."""
        shell = int(self.tmux("display-message", "-p", "#{pane_pid}"))
        (pid,) = harness.wait_for(lambda: harness.children(shell), "otlpipe runs")
        return pid

    def resize(self, columns, rows):
        self.tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def close(self):
        """The shell and what runs in it end by the hang-up."""
        subprocess.run(["tmux", "-S", str(self.socket), "kill-server"], check=False, capture_output=True)
        harness.wait_for(lambda: not os.path.exists(f"/proc/{self.server}") or self.is_reaped(), "tmux has ended")

    def is_reaped(self):
        try:
            return os.waitpid(self.server, os.WNOHANG)[0] == self.server
        except ChildProcessError:
            return True


def with_terminal(test):
    """The terminal is gone when it is checked whether something is left."""

    def run(pipe):
        try:
            test(pipe)
        finally:
            while pipe.undo:
                pipe.undo.pop()()

    run.__name__ = test.__name__
    return run


def row_of(text, word):
    return next((line for line in text.splitlines() if re.search(word, line)), "")


@with_terminal
def nothing_there_is_shown(pipe):
    terminal = Terminal(pipe)
    terminal.top()
    terminal.wait("no producers")
    terminal.wait("writer   none")
    terminal.type("q")
    terminal.wait_end()


@with_terminal
def a_producer_is_shown_with_its_rates_and_dead_until_it_is_drained(pipe):
    terminal = Terminal(pipe)
    terminal.top()
    load = pipe.endless_load("--rate", 2000, "--signal", "all", service="caf\u00e9 shop")
    (worker,) = load.workers
    # Rates of all three signals, and its service's name.
    terminal.wait(re.compile(rf"^ *{worker} otlpipe +caf\u00e9 sh\u2026? .*\d%.* [\d.]+k? +[\d.]+k? +[\d.]+k?$", re.M))
    terminal.wait("\u2581")
    os.kill(worker, signal.SIGKILL)
    terminal.wait(lambda text: "dead" in row_of(text, rf"^ *{worker} "))
    terminal.wait("1 of programs that have ended")
    load.wait(None)
    writer = pipe.writer()
    terminal.wait("no producers")
    terminal.wait(f"running, pid {writer.pid}")
    terminal.type("q")
    terminal.wait_end()
    writer.stop()


@with_terminal
def the_writer_is_shown_killed_and_started_again(pipe):
    writer = pipe.writer()
    load = pipe.endless_load("--rate", 1000, "--signal", "all")
    terminal = Terminal(pipe)
    terminal.top()
    terminal.wait(f"running, pid {writer.pid}")
    # It writes, syncs, and has files and a disk.
    terminal.wait(re.compile(r"^traces +[\d.]+k? +[\d.]+k? .*\d(us|ms|s) ", re.M))
    terminal.wait(re.compile(r"^disk .* left, 3 files \(3 open\)", re.M))
    writer.kill()
    terminal.wait(f"DOWN: pid {writer.pid} was killed")
    again = pipe.writer()
    terminal.wait(f"running, pid {again.pid}")
    terminal.wait(re.compile(r"^traces +[\d.]+k? +[1-9][\d.]*k? ", re.M))
    load.stop()
    again.stop()
    terminal.wait(f"DOWN: pid {again.pid} stopped in order")
    terminal.type("q")
    terminal.wait_end()


@with_terminal
def a_writer_in_deep_sleep_is_shown_until_a_push_wakes_it(pipe):
    crowd = pipe.start("crowd", pipe.runtime, 1)
    writer = pipe.writer()
    terminal = Terminal(pipe)
    terminal.top()
    terminal.wait(f"running, asleep, pid {writer.pid}")
    load = pipe.endless_load("--rate", 1000)
    terminal.wait(f"running, pid {writer.pid}")
    load.stop()
    terminal.wait(f"running, asleep, pid {writer.pid}")
    terminal.type("q")
    terminal.wait_end()
    crowd.kill()
    writer.stop()


@with_terminal
def regions_stay_open_from_look_to_look_and_not_while_nobody_looks(pipe):
    crowd = [pipe.start("crowd", pipe.runtime, 10) for _ in range(2)]
    harness.wait_for(lambda: len(pipe.regions()) == 20, "each has its regions")
    terminal = Terminal(pipe)
    terminal.top(wait=" of 20")
    pid = terminal.process()

    def open_regions():
        folder = f"/proc/{pid}/fd"
        targets = [os.readlink(f"{folder}/{fd}") for fd in os.listdir(folder) if os.path.lexists(f"{folder}/{fd}")]
        return sorted(os.path.basename(target) for target in targets if target.endswith(".region"))

    def mapped():
        with open(f"/proc/{pid}/maps", encoding="utf-8") as file:
            return sorted(line.split()[0] for line in file if ".region" in line)

    equal = harness.equal
    harness.wait_for(lambda: open_regions() == pipe.regions(), "all are open")
    addresses = mapped()
    equal(len(addresses), 20, "regions that are mapped")
    # The count of looks is on the page's clock: some seconds are some of them.
    clock = terminal.screen().splitlines()[0].split()[-1]
    terminal.wait(lambda text: text.splitlines()[0].split()[-1] != clock)
    equal(mapped(), addresses, "where they are mapped, some looks later")
    terminal.type("p")
    terminal.wait("PAUSED")
    harness.wait_for(lambda: not open_regions() and not mapped(), "all are closed")
    terminal.type("p")
    harness.wait_for(lambda: len(open_regions()) == 20, "all are open again")
    for process in crowd:
        process.kill()
    writer = pipe.writer()
    harness.wait_for(lambda: not open_regions() and not mapped(), "nothing is kept of what is gone")
    # What is looked at seldom is not kept open meanwhile.
    terminal.type("q")
    terminal.wait_end()
    crowd = pipe.start("crowd", pipe.runtime, 10)
    terminal.top("-i", "1h", wait=" of 10")
    pid = terminal.process()
    equal((open_regions(), mapped()), ([], []), "what is open between two looks an hour apart")
    terminal.type("q")
    terminal.wait_end()
    crowd.kill()
    writer.stop()


@with_terminal
def drops_are_red_and_say_why(pipe):
    load = pipe.load("--count", 2000, "--span-ring-bytes", "16KiB", "--metric-ring-bytes", "16KiB")
    load.wait()
    terminal = Terminal(pipe)
    terminal.top()
    dropped = load.json()["spans"]["dropped"] + load.json()["points"]["dropped"]
    shown = f"{dropped / 1000:.1f}k full"
    terminal.wait(shown)
    # The last colour before it is red; and it is none of them without colours.
    terminal.wait(re.compile(r"\x1b\[[0-9;]*31m[^\x1b]*" + re.escape(shown)), "-e")
    terminal.type("q")
    terminal.wait_end()
    for how in (("--no-color",), ()):
        terminal.run("export NO_COLOR=1") if not how else None
        terminal.top(*how)
        terminal.wait(shown)
        harness.check("31m" not in terminal.screen("-e"), "a colour, though none was wanted")
        terminal.type("q")
        terminal.wait_end()
    pipe.writer("--drain", interval=None, ready=False).wait()


@with_terminal
def a_terminal_of_old_and_one_without_utf_8_are_enough(pipe):
    load = pipe.endless_load("--rate", 500, service="shop")
    terminal = Terminal(pipe, TERM_INSIDE="vt100", LC_ALL="C")
    terminal.top()
    # Its history in ASCII.
    terminal.wait(lambda text: re.search(r"% +[_.:=+*#-]+ ", row_of(text, " shop ")))
    harness.check(terminal.screen().isascii(), lambda: terminal.screen())
    harness.check("31m" not in terminal.screen("-e"), "a colour on a vt100")
    terminal.type("q")
    terminal.wait_end()
    # One whose cursor cannot be moved gets pages, one below the other.
    terminal.run("export TERM=dumb")
    terminal.top()
    terminal.wait(lambda text: text.count(f" {load.workers[0]} otlpipe") >= 2)
    terminal.type("C-c")
    terminal.wait_end()
    terminal.run("export TERM=no-such-terminal")
    terminal.top(wait=None)
    terminal.wait("is not in the list of terminals", "-J")
    terminal.wait("ended:1")
    load.stop()
    pipe.writer("--drain", interval=None, ready=False).wait()


@with_terminal
def three_hundred_producers_are_scrolled_sorted_and_filtered(pipe):
    # Thirty processes with ten regions each: a row is a region.
    crowd = [pipe.start("crowd", pipe.runtime, 10) for _ in range(30)]
    pids = sorted(process.pid for process in crowd)
    harness.wait_for(lambda: len(pipe.regions()) == 300, "each has its regions")
    terminal = Terminal(pipe)
    terminal.top("--sort", "pid", wait=" of 300")
    terminal.wait("1-14 of 300")
    terminal.wait(f" {pids[0]} crowd")
    terminal.type("PageDown")
    terminal.wait("15-28 of 300")
    terminal.wait(f" {pids[1]} crowd")
    terminal.type("End")
    terminal.wait("287-300 of 300")
    terminal.wait(f" {pids[-1]} crowd")
    terminal.type("Home")
    terminal.wait("1-14 of 300")
    terminal.type("r")
    terminal.wait("sort: pid, reversed")
    terminal.wait(lambda text: text.find(f" {pids[-1]} crowd") < text.find(f" {pids[-2]} crowd") != -1)
    terminal.type("s")
    terminal.wait("sort: program, reversed")
    terminal.type("S", "r")
    terminal.wait(re.compile("sort: pid +/ filter"))
    terminal.type("/")
    terminal.wait("filter: ")
    terminal.tmux("send-keys", "-l", f"{pids[15]}x")
    terminal.wait("no producer is like that")
    terminal.type("BSpace", "Enter")
    terminal.wait("1-10 of 10")
    terminal.wait(f" {pids[15]} crowd")
    terminal.type("Escape")
    terminal.wait(" of 300")
    terminal.type("d")
    terminal.wait("0-0 of 0")
    terminal.type("d", "h")
    terminal.wait("any key goes back")
    terminal.type("x")
    terminal.wait(" of 300")
    # The page stays while it is paused, whatever comes.
    terminal.type("p")
    terminal.wait("PAUSED")
    crowd.append(pipe.start("crowd", pipe.runtime, 1))
    harness.wait_for(lambda: len(pipe.regions()) == 301, "one more has its region")
    terminal.type("Down", "Up")
    terminal.wait("1-14 of 300")
    terminal.type("Space")
    terminal.wait("1-14 of 301")
    for process in crowd:
        process.send(signal.SIGKILL)
    for process in crowd:
        process.popen.wait()
    terminal.wait("301 of programs that have ended")
    pipe.writer("--drain", interval=None, ready=False).wait()
    terminal.wait("no producers")
    terminal.type("q")
    terminal.wait_end()


@with_terminal
def every_size_is_drawn_and_a_new_one_is_noticed(pipe):
    load = pipe.endless_load("--rate", 100, service="shop")
    (worker,) = load.workers
    terminal = Terminal(pipe, columns=40, rows=24)
    terminal.top()
    terminal.wait(re.compile(rf"^ *{worker} otlpipe +\d+%", re.M))
    harness.check(all(len(line) <= 40 for line in terminal.screen().splitlines()), terminal.screen)
    for columns, rows in ((200, 60), (12, 3), (80, 24), (2, 1), (40, 5), (80, 2), (132, 43)):
        terminal.resize(columns, rows)
        if rows < 4 or columns < 20:
            terminal.wait("t\u2026" if columns < 9 else "too small")
        else:
            terminal.wait(re.compile(rf"^ *{worker} otlpipe", re.M))
    # There is room for all columns now.
    terminal.wait(re.compile("SPANS .*POINTS .*LOGS .*NOTES"))
    terminal.type("q")
    terminal.wait_end()
    load.stop()
    pipe.writer("--drain", interval=None, ready=False).wait()


@with_terminal
def the_terminal_is_given_back_whatever_ends_it(pipe):
    terminal = Terminal(pipe)
    for number, status in (
        (signal.SIGTERM, 0), (signal.SIGINT, 0), (signal.SIGHUP, 0),
        (signal.SIGSEGV, 139), (signal.SIGABRT, 134), (signal.SIGBUS, 135),
    ):
        terminal.top()
        os.kill(terminal.process(), number)
        terminal.wait_end(status)
    terminal.top()
    terminal.type("C-c")
    terminal.wait_end()


@with_terminal
def nothing_is_written_to_what_it_looks_at(pipe):
    load = pipe.load("--count", 50)
    load.wait()
    (name,) = pipe.regions()
    before = {path.name: path.read_bytes() for path in pipe.runtime.iterdir() if path.is_file()}
    path = pipe.runtime / name
    path.chmod(0o400)
    terminal = Terminal(pipe)
    terminal.top()
    terminal.wait("dead")
    terminal.type("q")
    terminal.wait_end()
    path.chmod(0o600)
    after = {path.name: path.read_bytes() for path in pipe.runtime.iterdir() if path.is_file()}
    harness.equal(after.keys(), before.keys(), "files of the runtime directory")
    for file, data in before.items():
        harness.check(after[file] == data, f"{file} has changed")
    pipe.writer("--drain", interval=None, ready=False).wait()


@with_terminal
def a_directory_that_becomes_unusable_ends_it_with_a_line(pipe):
    terminal = Terminal(pipe)
    terminal.top()
    terminal.wait("no producers")
    pipe.runtime.chmod(0o755)
    terminal.wait("mode 0755", "-J")
    terminal.wait_end(1)
    pipe.runtime.chmod(0o700)


def pages_are_printed_for_programs(pipe):
    writer = pipe.writer()
    load = pipe.endless_load("--rate", 1000, service="shop")
    found = pipe.tool("top", "--dir", pipe.runtime, "--batch", "--count", 2, "--interval", "100ms", "--width", 100)
    text = found.out
    harness.equal(text.count("otlpipe top"), 2, "pages")
    harness.check(f"running, pid {writer.pid}" in text, text)
    rows = re.findall(rf"^ *{load.workers[0]} otlpipe +shop .*$", text, re.M)
    harness.equal(len(rows), 2, "rows of the producer")
    harness.check("\x1b" not in text and all(len(line) <= 100 for line in text.splitlines()), text)
    found = pipe.tool("top", "--dir", pipe.runtime, "-bn1", "-i", "100ms", "--filter", "nobody")
    harness.check("no producer is like that" in found.out, found.out)
    # Until it is told to stop.
    endless = pipe.start("otlpipe", "top", "--dir", pipe.runtime, "-b", "-i", "100ms")
    harness.wait_for(lambda: endless.out.count("otlpipe top") > 2, "pages")
    endless.stop()
    load.stop()
    writer.stop()


def errors_are_errors(pipe):
    found = pipe.tool("top", "--dir", pipe.runtime, expected=1)
    harness.check("--batch" in found.err and "otlpipe stat --json" in found.err, found.err)
    for words in (("--interval", "1ms"), ("--sort", "colour"), ("--count", "3"), ("-b", "-n", "0"), ("what",),
                  ("-b", "--width", "3"), ("--filter", "x" * 64)):
        found = pipe.tool("top", *words, expected=2)
        harness.check("--help" in found.err, found.err)
    harness.check(len(pipe.tool("top", "--help").out.splitlines()) <= 24, "its help fits a screen")


if __name__ == "__main__":
    harness.run(
        [
            nothing_there_is_shown,
            a_producer_is_shown_with_its_rates_and_dead_until_it_is_drained,
            the_writer_is_shown_killed_and_started_again,
            a_writer_in_deep_sleep_is_shown_until_a_push_wakes_it,
            regions_stay_open_from_look_to_look_and_not_while_nobody_looks,
            drops_are_red_and_say_why,
            a_terminal_of_old_and_one_without_utf_8_are_enough,
            three_hundred_producers_are_scrolled_sorted_and_filtered,
            every_size_is_drawn_and_a_new_one_is_noticed,
            the_terminal_is_given_back_whatever_ends_it,
            nothing_is_written_to_what_it_looks_at,
            a_directory_that_becomes_unusable_ends_it_with_a_line,
            pages_are_printed_for_programs,
            errors_are_errors,
        ]
    )
