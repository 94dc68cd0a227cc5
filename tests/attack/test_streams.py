#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Standard streams as users, supervisors and shells leave them: a disk that is full, a reader that
has gone, streams that are closed, a terminal that hangs up. The exit status and the message tell
what became of the output; nothing is printed into a file that nobody meant."""
import os
import pathlib
import pty
import select
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "pipeline"))
import harness

END_SECONDS = 60
FULL = "stdout: No space left on device"
CLOSED = "stdout: Bad file descriptor"


def stored(pipe):
    writer = pipe.writer()
    pipe.load("--count", 3000, "--retry", "--wait").wait()
    writer.stop()


def commands(pipe):
    """Every command that prints something, and what it ends with where all is well."""
    return [
        (0, "otlpipe", "cat", pipe.output),
        (0, "otlpipe", "cat", "--format", "frames", "--signal", "traces", pipe.output),
        (0, "otlpipe", "stat", "--dir", pipe.runtime),
        (0, "otlpipe", "stat", "--json", "--dir", pipe.runtime),
        (0, "otlpipe", "stat", "--watch=3600", "--dir", pipe.runtime),
        (0, "otlpipe", "verify", pipe.output),
        (0, "otlpipe", "verify", "--json", pipe.output, "--dir", pipe.runtime),
        (0, "otlpipe", "load", "--count", 10, "--dir", pipe.runtime),
        (1, "otlpipe", "verify", pipe.scratch),
        *((0, "otlpipe", *words, option) for words in ((), ("cat",), ("load",), ("rotate",))
          for option in ("--help", "--version")),
        (0, "otlpipe", "stat", "--usage"),
        (0, "otlpipe-writer", "--help"),
        (0, "otlpipe-writer", "--usage"),
        (0, "otlpipe-writer", "--version"),
    ]


def words_of(pipe, name, *words):
    return [str(pipe.program(name)), *map(str, words)]


def ended(pipe, status, err, mention, words, expected):
    what = f"{' '.join(map(str, words))}"
    harness.equal(status, expected, f"exit status of {what}, which says {err!r}")
    if mention is None:
        harness.equal(err, "", f"what {what} says")
    else:
        harness.equal(err.count("\n"), 1, f"lines of {what}: {err!r}; their number")
        harness.check(mention in err, f"{what}: {mention!r} is not in {err!r}")
        name = pathlib.Path(words[0]).name
        harness.check(err.startswith(name), f"{what}: {err!r} does not begin with its name")


def run(pipe, command, expected, mention=None, **streams):
    """Runs it with these streams; its standard error is what is looked at."""
    words = words_of(pipe, *command)
    done = subprocess.run(
        words, stderr=subprocess.PIPE, timeout=END_SECONDS, check=False, text=True,
        env=pipe.environment, **{"stdin": subprocess.DEVNULL, **streams},
    )
    ended(pipe, done.returncode, done.stderr, mention, command, expected)


def closing(*numbers):
    def before_exec():
        for number in numbers:
            os.close(number)

    return before_exec


def clear(pipe):
    """What the load generator has pushed."""
    pipe.writer("--drain", ready=False).wait()


def a_full_disk_is_an_error_of_every_command(pipe):
    stored(pipe)
    for _, *command in commands(pipe):
        with open("/dev/full", "wb") as full:
            run(pipe, command, 1, FULL, stdout=full)
    clear(pipe)


def a_reader_that_has_gone_is_none(pipe):
    """The exit status is that of the command: a check that failed has failed."""
    stored(pipe)
    for expected, *command in commands(pipe):
        if "--help" in command or command[0] == "otlpipe-writer":
            continue  # see below
        source, sink = os.pipe()
        os.close(source)
        run(pipe, command, expected, stdout=sink)
        os.close(sink)
    for command in (("otlpipe", "--help"), ("otlpipe", "cat", "--help"), ("otlpipe-writer", "--help")):
        # By SIGPIPE or with 0, and without a word.
        source, sink = os.pipe()
        os.close(source)
        done = subprocess.run(words_of(pipe, *command), stdout=sink, stderr=subprocess.PIPE, check=False)
        os.close(sink)
        harness.check(done.returncode in (0, -13), f"{command}: exit status {done.returncode}")
        harness.equal(done.stderr, b"", f"what {command} says")
    clear(pipe)


def a_closed_standard_output_is_an_error(pipe):
    stored(pipe)
    for _, *command in commands(pipe):
        run(pipe, command, 1, CLOSED, preexec_fn=closing(1))
    clear(pipe)


def a_closed_standard_input_changes_nothing(pipe):
    stored(pipe)
    for expected, *command in commands(pipe):
        if "--watch=3600" in command:
            continue
        run(pipe, command, expected, stdout=subprocess.DEVNULL, preexec_fn=closing(0))
    for command in (("cat", "--signal", "traces", "-"), ("cat", "--follow", "--signal", "traces", "-")):
        run(pipe, ("otlpipe", *command), 1, "Bad file descriptor", preexec_fn=closing(0))
    clear(pipe)


def without_standard_error_the_exit_status_tells(pipe):
    """And no message is written into a file that was opened for something else."""
    stored(pipe)
    before = {path: path.read_bytes() for _, path in pipe.files()}
    wrong = [
        (1, "otlpipe", "cat", pipe.scratch / "none"),
        (2, "otlpipe", "cat", "--nonsense"),
        (2, "otlpipe", "nonsense"),
        (1, "otlpipe", "verify", pipe.scratch),
        (1, "otlpipe", "rotate", "--dir", pipe.runtime),
        (2, "otlpipe-writer", "--interval", "soon"),
        (1, "otlpipe-writer", "--dir", pipe.scratch / "none" / "none"),
        (0, "otlpipe-writer", "--dir", pipe.runtime, "--output", pipe.output, "--drain"),
        (0, "otlpipe", "cat", pipe.output),
        (0, "otlpipe", "stat", "--dir", pipe.runtime),
    ]
    for streams in ((2,), (0, 2), (0, 1, 2)):
        for expected, *command in wrong:
            done = subprocess.run(
                words_of(pipe, *command), stdout=subprocess.DEVNULL, timeout=END_SECONDS, check=False,
                stdin=subprocess.DEVNULL, preexec_fn=closing(*streams), env=pipe.environment,
                cwd=pipe.scratch,
            )
            # What cannot be printed is an error too.
            prints = command[1] in ("cat", "stat") and 1 in streams
            harness.equal(done.returncode, max(expected, int(prints)), f"{streams} closed: {command}")
    with open("/dev/full", "wb") as full:
        for expected, *command in wrong:
            done = subprocess.run(
                words_of(pipe, *command), stdout=subprocess.DEVNULL, stderr=full, check=False,
                timeout=END_SECONDS, env=pipe.environment, cwd=pipe.scratch,
            )
            harness.equal(done.returncode, expected, f"a full standard error: {command}")
    harness.equal({p: p.read_bytes() == b for p, b in before.items()}, {p: True for p in before}, "files")


def a_watch_ends_when_its_reader_has_gone(pipe):
    """It would print again in an hour, and only then find out."""
    for words in (("--watch=3600",), ("--json", "--watch", "3600")):
        command = words_of(pipe, "otlpipe", "stat", "--dir", pipe.runtime, *words)
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as watch:
            pipe.undo.append(watch.kill)
            harness.check(watch.stdout.read(8), "it prints nothing")
            watch.stdout.close()
            harness.equal(watch.wait(END_SECONDS), 0, "exit status")
            harness.equal(watch.stderr.read(), b"", "what it says")


def a_terminal_that_hangs_up_ends_what_goes_on(pipe):
    writer = pipe.writer()
    harness.wait_for((pipe.output / "traces").is_dir, "the output directory is there")
    pipe.load("--count", 10, "--wait").wait()
    for words in (("cat", "--follow", pipe.output), ("stat", "--watch=3600", "--dir", pipe.runtime)):
        terminal, end = pty.openpty()
        with subprocess.Popen(
            words_of(pipe, "otlpipe", *words), stdout=end, stdin=end, stderr=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            pipe.undo.append(process.kill)
            os.close(end)
            select.select([terminal], [], [], END_SECONDS)
            text = os.read(terminal, 4096)
            harness.check(text, "it prints nothing")
            harness.equal(b"\033[H" in text, words[0] == "stat", "whether it clears the screen")
            os.close(terminal)
            harness.equal(process.wait(END_SECONDS), 0, f"exit status of {words[0]}")
            harness.equal(process.stderr.read(), b"", f"what {words[0]} says")
    writer.stop()


if __name__ == "__main__":
    harness.run(
        [
            a_full_disk_is_an_error_of_every_command,
            a_reader_that_has_gone_is_none,
            a_closed_standard_output_is_an_error,
            a_closed_standard_input_changes_nothing,
            without_standard_error_the_exit_status_tells,
            a_watch_ends_when_its_reader_has_gone,
            a_terminal_that_hangs_up_ends_what_goes_on,
        ]
    )
