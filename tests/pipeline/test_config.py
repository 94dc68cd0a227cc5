#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The writer's configuration file: what it takes, what it refuses, and what SIGHUP makes of it."""
import re
import signal

import harness

LINE = re.compile(r"^(#?)([a-z-]+) = ?(.*?) ?; (.+)$")
# A value that is not the default, and what it is called in the file where it has another word there.
OTHERS = {
    "dir": "/dev/shm/another",
    "output": "another",
    "interval": "123ms",
    "batch-bytes": "2MiB",
    "sync": "batch",
    "io": "pwrite",
    "rotate-bytes": "32MiB",
    "rotate-age": "2h",
    "retain-bytes": "10GiB",
    "retain-age": "7d",
    "min-free": "1GiB",
    "retain-for": "collector,archive",
    "compress": "zstd:5",
    "mode": "flight-recorder",
    "keep": "30s,64MiB",
    "drain": "1",
    "wait-for-producers": "30s",
    "lost-output": "rewrite",
    "metrics-listen": "127.0.0.1:9464",
    "self-metrics": "5s",
}


def printed(pipe, *words, environment=None):
    """What --print-config says: key -> (value, origin); a key that is not set has no value."""
    environment = {"OTLPIPE_SELF_METRICS": None, **(environment or {})}
    process = pipe.run("otlpipe-writer", *words, "--print-config", environment=environment)
    found = {}
    for line in process.out.splitlines():
        match = LINE.match(line)
        harness.check(match, f"a line of --print-config: {line!r}")
        harness.check(match[2] not in found, f"{match[2]} is there twice")
        found[match[2]] = (None if match[1] else match[3], match[4])
    return found


def config(pipe, text, name="writer.conf"):
    path = pipe.scratch / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refused(pipe, text, where, mention):
    """Exit status 2, and one line that names the file, the line and what is wrong."""
    path = config(pipe, text)
    command = ("--config", path, "--dir", pipe.runtime, "--output", pipe.output)
    process = pipe.run("otlpipe-writer", *command, expected=2, cwd=pipe.scratch)
    (line,) = process.err.splitlines()
    begin = f"otlpipe-writer: {path}{where}: "
    harness.check(line.startswith(begin), f"{line!r} does not begin with {begin!r}")
    harness.check(mention in line, f"{mention!r} is not in {line!r}")
    harness.check(not pipe.output.exists(), "it made files")


def the_flag_counts_first_then_the_variable_then_the_file(pipe):
    options = printed(pipe)
    harness.equal(sorted(options), sorted(OTHERS), "the options that this test knows")
    harness.equal({origin for _, origin in options.values()}, {"default"}, "origins")
    for name, value in OTHERS.items():
        variable = "OTLPIPE_" + name.upper().replace("-", "_")
        needs = [] if name != "retain-for" else ["--min-free", "1GiB"]
        flag = [f"--{name}={value}"] if name != "drain" else ["--drain"]
        default = options[name][0]
        path = config(pipe, f"# a comment\n\n  {name}  =  {value} ; why\n")
        named = ["--config", path, *needs]
        harness.equal(printed(pipe, *named)[name], (value, f"{path}:3"), name)
        harness.equal(printed(pipe, *needs, environment={"OTLPIPE_CONFIG": str(path)})[name][1], f"{path}:3", name)
        path = config(pipe, f"{name} = {default or OTHERS[name]}\n")
        environment = {variable: value}
        harness.equal(printed(pipe, *named, environment=environment)[name], (value, "$" + variable), name)
        environment = {variable: default or value}
        found = printed(pipe, *named, *flag, environment=environment)[name]
        harness.equal(found, (value, f"--{name}"), name)
    # --config counts before $OTLPIPE_CONFIG.
    one, two = config(pipe, "io = pwrite\n", "one"), config(pipe, "io = uring\n", "two")
    found = printed(pipe, "--config", one, environment={"OTLPIPE_CONFIG": str(two)})["io"]
    harness.equal(found, ("pwrite", f"{one}:1"), "io")


def what_is_printed_is_a_file_that_says_the_same(pipe):
    path = config(pipe, "".join(f"{name} = {value}\n" for name, value in OTHERS.items()))
    unset = {"OTLPIPE_SELF_METRICS": None}
    first = pipe.run("otlpipe-writer", "--config", path, "--print-config", environment=unset).out
    again = config(pipe, first, "again.conf")
    harness.equal(
        {name: value for name, (value, _) in printed(pipe, "--config", again).items()}, OTHERS, "values"
    )
    defaults = pipe.run("otlpipe-writer", "--print-config", environment=unset).out
    again = config(pipe, defaults, "defaults.conf")
    before, after = printed(pipe), printed(pipe, "--config", again)
    harness.equal({n: v for n, (v, _) in before.items()}, {n: v for n, (v, _) in after.items()}, "values")


def the_file_that_is_shipped_has_each_key_with_its_default_and_nothing_else(pipe):
    path = harness.SOURCE / "etc" / "otlpipe" / "writer.conf"
    text = path.read_text(encoding="utf-8")
    keys = dict(re.findall(r"^#([a-z-]+) =(?: (.*))?$", text, re.MULTILINE))
    options = printed(pipe)
    # The default runtime directory is another for each user.
    wanted = {name: value or "" for name, (value, _) in options.items()} | {"dir": ""}
    harness.equal(keys, wanted, "keys and values of the file")
    harness.equal(printed(pipe, "--config", path), options, "options with the file as it is")
    # Each works where its # is taken away.
    lines = [line[1:] if re.match(r"#[a-z-]+ = .", line) else line for line in text.splitlines()]
    found = printed(pipe, "--config", config(pipe, "\n".join(lines)))
    harness.equal({n: v for n, (v, _) in found.items()}, {n: v for n, (v, _) in options.items()}, "values")


def what_is_wrong_is_named_with_its_line(pipe):
    for text, line, mention in (
        ("intervall = 1s\n", 1, '"intervall"; is interval meant?'),
        ("\n# x\nbatch_bytes = 1MiB", 3, "is batch-bytes meant?"),
        ("Interval = 1s\n", 1, "is interval meant?"),
        ("quite-something-else = 1s\n", 1, "--print-config shows all"),
        ("x" * 150 + " = 1s\n", 1, "there is no key"),
        ("config = x\n", 1, "for the command line alone"),
        ("io = auto\nsync = batch\nio = pwrite\n", 3, "io is given twice, the first time on line 1"),
        ("io = auto\n  io = pwrite\n", 2, "io is given twice"),
        ("interval = 2h\n", 1, 'interval takes a time from 1ms to 1h, not "2h"'),
        ("interval = 1s # a comment?\n", 1, 'not "1s # a comment?"'),
        ("interval =\n", 1, 'a time from 1ms to 1h, not ""'),
        ("output =\n", 1, 'output takes a path, not ""'),
        ("retain-for = a,../b\nmin-free = 1GiB\n", 1, "retain-for takes up to 8 names"),
        ("drain = yes\n", 1, "drain takes 0 or 1"),
        ("io = auto\nio\n", 2, 'neither "key = value" nor a comment'),
        ("[writer]\nio = auto\n", 2, "no sections: leave [writer] out"),
        ("io = auto\n[writer\n", 2, 'neither "key = value" nor a comment'),
        ("output = /" + "x" * 300 + "\n", 1, "the line is longer than"),
        (b"io = au\0to\n", 1, "NUL"),
    ):
        refused(pipe, text, f":{line}", mention)
    refused(pipe, "# x\n" * 20000, "", "larger than 65536 bytes")
    # A comment may be as long as it likes.
    path = config(pipe, "# " + "x" * 5000 + "\nio = pwrite")
    harness.equal(printed(pipe, "--config", path)["io"], ("pwrite", f"{path}:2"), "io")
    for path, mention in (("none", "No such file"), (".", "no plain file"), ("/dev/null", "no plain file")):
        process = pipe.run("otlpipe-writer", "--config", path, expected=2, cwd=pipe.scratch)
        harness.check(mention in process.err, process.err)
    # Of several options together, wherever they come from.
    path = config(pipe, "batch-bytes = 2MiB\n")
    process = pipe.run("otlpipe-writer", "--config", path, "--rotate-bytes", "1MiB", expected=2)
    harness.check("--rotate-bytes" in process.err, process.err)
    # A wrong value that a flag takes the place of is wrong all the same.
    path = config(pipe, "interval = soon\n")
    process = pipe.run("otlpipe-writer", "--config", path, "--interval", "1s", expected=2)
    harness.check(f"{path}:1" in process.err, process.err)


def says(writer, *mentions):
    """A line that has all of these words."""

    def said():
        return any(all(m in line for m in mentions) for line in writer.err.splitlines())

    try:
        harness.wait_for(said, f"the writer says {mentions}")
    except harness.Failure as failure:
        raise harness.Failure(f"{failure}\n{writer.tail()}") from failure


def a_reload_changes_what_can_change_and_names_what_cannot(pipe):
    path = config(pipe, "interval = 1h\nio = pwrite\nrotate-bytes = 1MiB\nbatch-bytes = 64KiB\n")
    words = ("--config", path, "--rotate-age", "3h")
    writer = pipe.writer(*words, interval=None)
    pipe.load("--count", 100).wait()
    config(
        pipe,
        "interval = 20ms\nio = uring\nrotate-bytes = 128KiB\nbatch-bytes = 128KiB\nrotate-age = 4h\n"
        "output = elsewhere\nretain-bytes = 1GiB\nmin-free = 4KiB\nretain-for = a,b\n",
    )
    writer.send(signal.SIGHUP)
    says(writer, f"{path}: interval is 20ms now, and was 1h")
    says(writer, "retain-bytes is 1GiB now, and was 0")
    says(writer, "retain-for is a,b now, and was nothing")
    says(writer, "io stays pwrite: uring needs a restart")
    says(writer, "batch-bytes stays 64KiB: 128KiB needs a restart")
    says(writer, "rotate-bytes is 128KiB now, and was 1MiB")
    harness.check("rotate-age" not in writer.err, "a flag counts before the file")
    harness.check("output" not in writer.err, "a flag counts before the file")
    config(pipe, "batch-bytes = 2MiB\nrotate-bytes = 1MiB\n")
    writer.send(signal.SIGHUP)
    says(writer, "the configuration stays as it was: --rotate-bytes (1048576) must not be less")
    writer.stop()


def a_reload_is_in_effect_at_once(pipe):
    """An interval of an hour, and then one of 20 ms: what was pushed is written soon."""
    path = config(pipe, "interval = 1h\n")
    writer = pipe.writer("--config", path, interval=None)
    config(pipe, "interval = 20ms\nrotate-bytes = 64KiB\nbatch-bytes = 64KiB\n")
    load = pipe.endless_load("--rate", 2000)
    writer.send(signal.SIGHUP)
    says(writer, "interval is 20ms now")
    says(writer, "rotate-bytes stays 64MiB: 64KiB needs a restart")
    harness.wait_for(lambda: pipe.files(), "a file is written")
    config(pipe, "interval = 20ms\nrotate-bytes = 1MiB\n")
    writer.send(signal.SIGHUP)
    says(writer, "rotate-bytes is 1MiB now, and was 64MiB")
    sealed = len(pipe.files("sealed"))
    harness.wait_for(lambda: len(pipe.files("sealed")) > sealed + 3, "small files")
    # And back to the default, since it is not in the file any more.
    config(pipe, "interval = 20ms\n")
    writer.send(signal.SIGHUP)
    says(writer, "rotate-bytes is 64MiB now, and was 1MiB")
    load.stop()
    writer.stop()
    pipe.verify()


def a_file_that_is_wrong_at_a_reload_changes_nothing(pipe):
    path = config(pipe, "interval = 20ms\n")
    writer = pipe.writer("--config", path, interval=None)
    load = pipe.endless_load("--rate", 1000)
    harness.wait_for(lambda: pipe.files("open"), "a file is written")
    config(pipe, "retain-bytes = 1GiB\nintervall = 1h\n")
    writer.send(signal.SIGHUP)
    says(writer, f"the configuration stays as it was: {path}:2: there is no key")
    path.unlink()
    writer.send(signal.SIGHUP)
    says(writer, "stays as it was", f"{path}: the configuration cannot be read: No such file")
    harness.check("retain-bytes is" not in writer.err, "a part of a wrong file was taken")
    # The signal does what it always did.
    harness.wait_for(lambda: pipe.files("sealed"), "a file is sealed")
    config(pipe, "interval = 20ms\n")
    writer.send(signal.SIGHUP)
    says(writer, f"{path} was read again: nothing has changed")
    load.stop()
    writer.stop()
    pipe.verify()


def a_reload_hands_retention_its_limits(pipe):
    path = config(pipe, "interval = 20ms\nrotate-bytes = 64KiB\nbatch-bytes = 64KiB\n")
    writer = pipe.writer("--config", path, interval=None)
    load = pipe.load("--count", 4000, "--retry", "--wait")
    load.wait()
    harness.wait_for(lambda: len(pipe.files("sealed")) > 4, "some files")
    config(pipe, path.read_text() + "retain-bytes = 1\n")
    writer.send(signal.SIGHUP)
    says(writer, "retain-bytes is 1 now")
    harness.wait_for(lambda: not pipe.files("sealed"), "retention removes what is sealed")
    writer.stop()


if __name__ == "__main__":
    harness.run(
        [
            the_flag_counts_first_then_the_variable_then_the_file,
            what_is_printed_is_a_file_that_says_the_same,
            the_file_that_is_shipped_has_each_key_with_its_default_and_nothing_else,
            what_is_wrong_is_named_with_its_line,
            a_reload_changes_what_can_change_and_names_what_cannot,
            a_reload_is_in_effect_at_once,
            a_file_that_is_wrong_at_a_reload_changes_nothing,
            a_reload_hands_retention_its_limits,
        ]
    )
