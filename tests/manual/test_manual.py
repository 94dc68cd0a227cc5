#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Manual pages and completions say what the programs say, and their examples run.

usage: test_manual.py BUILD_DIR --cc CC [words of test names…]
"""
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS / "pipeline"), str(TESTS.parent / "man"), str(TESTS / "lint")]
import check_options
import harness
import make_page
import otlp_sink

COMPLETIONS = harness.SOURCE / "system" / "completions"
PAGES = make_page.pages(harness.SOURCE)


def needs(program):
    found = shutil.which(program)
    if found is None:
        raise harness.Skip(f"{program} is not installed")
    return found


def output_of(*command, **others):
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, stdin=subprocess.DEVNULL,
        check=False, **others,
    )  # fmt: skip
    harness.equal((done.returncode, done.stderr), (0, ""), f"{command[0]} of {command[1:4]}")
    return done.stdout


def programs(pipe):
    """{the words of a program and its command: its help}"""
    tool = pipe.program("otlpipe")
    commands = check_options.COMMAND.findall(output_of(tool, "--help"))
    harness.check(len(commands) >= 12, f"commands: {commands}")
    helps = {("otlpipe", name): output_of(tool, name, "--help-all") for name in commands}
    helps["otlpipe-writer",] = output_of(pipe.program("otlpipe-writer"), "--help-all")
    return helps


def page_of(words):
    return "otlpipe-writer.8" if words[0] == "otlpipe-writer" else f"otlpipe-{words[1]}.1"


# ---- the pages ----


def no_page_has_a_fault_that_mandoc_knows(pipe):
    needs("mandoc")
    for page in PAGES:
        said = output_of("mandoc", "-Tlint", pipe.build / "man" / page)
        harness.equal(said, "", f"mandoc -Tlint {page}")


def each_command_has_a_page_with_its_options_and_no_others(pipe):
    needs("mandoc")
    found = programs(pipe)
    harness.equal(
        {page_of(words) for words in found} | {"otlpipe.1", "otlpipe.7"},
        {page for page in PAGES if page.endswith((".1", ".7", ".8"))}, "pages of commands",
    )  # fmt: skip
    for words, text in found.items():
        shown = output_of("mandoc", "-Tascii", "-Owidth=300", pipe.build / "man" / page_of(words))
        shown = re.sub(".\b", "", shown)
        options = re.search(r"^OPTIONS$(.*?)^[A-Z]", shown, re.MULTILINE | re.DOTALL).group(1)
        # Those of the list itself: an entry has the indent of the first.
        entries = re.findall(r"^ {5,8}(-.*)$", options, re.MULTILINE)
        described = {name for entry in entries for name in check_options.NAME.findall(entry)}
        harness.equal(described, check_options.options_of(text), f"options of {page_of(words)}")


def each_public_function_of_a_signal_has_a_page(_pipe):
    described = {name for page in PAGES if page.endswith(".3")
                 for name in make_page.functions(harness.SOURCE, page)}  # fmt: skip
    header = (harness.SOURCE / "core/include/otlpipe/otlpipe.h").read_text(encoding="utf-8")
    declared = set(re.findall(r"^OTLP_API[^;]*?\b(otlp_\w+)\(", header, re.MULTILINE))
    harness.equal(described, declared, "functions of otlpipe.h in pages of section 3")


# ---- the examples ----


def place_of_examples(pipe):
    """A folder with the output of a real writer that is at work, and a receiver."""
    place = pipe.scratch / "examples"
    place.mkdir()
    writer = pipe.writer(output=place / "otlpipe-data")
    pipe.load("--count", 300, "--signal", "all", "--wait").wait()
    sink = otlp_sink.Sink(pipe.scratch)
    pipe.undo.append(sink.close)
    environment = {
        "OTLPIPE_DIR": str(pipe.runtime),
        "OTEL_EXPORTER_OTLP_ENDPOINT": sink.url,
        "PATH": f"{pipe.program('otlpipe').parent}:{pipe.program('otlpipe-writer').parent}:/usr/bin:/bin",
    }
    return place, environment, writer


def the_examples_of_commands_run(pipe):
    place, environment, writer = place_of_examples(pipe)
    ran = 0
    # The writer's own last: while another one runs it would be refused.
    for page in sorted((page for page in PAGES if not page.endswith(".3")), key=lambda page: page[-1]):
        if page == "otlpipe-writer.8":
            writer.stop()
        for block in make_page.examples(harness.SOURCE, page):
            for line in block.splitlines():
                process = harness.Process(
                    pipe, f"example-{page}", ["bash", "-eu", "-o", "pipefail", "-c", line], environment,
                    cwd=place,
                )  # fmt: skip
                process.wait(0)
                ran += 1
    harness.check(ran >= 20, f"{ran} examples")
    harness.check((place / "otlpipe-more").is_dir(), "the writer's examples were run")
    harness.check((place / "report.html").stat().st_size > 0, "otlpipe report wrote a page")


def the_programs_of_pages_compile_and_push(pipe):
    pushed = 0
    for page in PAGES:
        for block in make_page.examples(harness.SOURCE, page) if page.endswith(".3") else ():
            source = pipe.scratch / f"example{pushed}.c"
            source.write_text(block)
            program = source.with_suffix("")
            output_of(
                *shlex.split(pipe.options["cc"]), "-std=c11", "-Wall", "-Wextra", "-Werror",
                f"-I{harness.SOURCE}/core/include", source, "-o", program, f"-L{pipe.build}/core",
                "-lotlpipe", f"-Wl,-rpath,{pipe.build}/core",
            )  # fmt: skip
            harness.Process(pipe, page, [program], {"OTLPIPE_DIR": str(pipe.runtime)}).wait(0)
            pushed += 1
    harness.equal(pushed, 4, "programs")
    pipe.run("otlpipe-writer", "--dir", pipe.runtime, "--output", pipe.output, "--drain")
    found = pipe.verify()
    written = [found[name]["written_items"] for name in ("spans", "points", "logs")]
    harness.equal(written, [1, 1, 1], "what they pushed")


# ---- completions ----


def offered(pipe, words, run):
    """What a shell offers behind `otlpipe cat -`, and behind the first word."""
    found = programs(pipe)
    names = sorted({pair[1] for pair in found if len(pair) > 1})
    commands = set(run(("otlpipe", "")))
    harness.equal(sorted(commands), sorted([*names, *words]), "commands that are offered")
    for pair, text in found.items():
        options = set(run((*pair, "-")))
        harness.equal(options, check_options.options_of(text), f"options that are offered behind {pair}")


def shell_environment(pipe):
    folders = f"{pipe.program('otlpipe').parent}:{pipe.program('otlpipe-writer').parent}"
    return {"PATH": f"{folders}:/usr/bin:/bin", "HOME": str(pipe.scratch), "LC_ALL": "C.UTF-8"}


def bash_offers_what_there_is(pipe):
    bash = needs("bash")

    def run(words):
        script = f"""source {shlex.quote(str(COMPLETIONS / "otlpipe.bash"))}
            COMP_WORDS=({shlex.join(words)}) COMP_CWORD={len(words) - 1}; _otlpipe
            printf '%s\\n' "${{COMPREPLY[@]}}" """
        return output_of(bash, "--norc", "-c", script, env=shell_environment(pipe), cwd=here).splitlines()

    here = pipe.scratch / "here"
    (here / "folder").mkdir(parents=True)
    (here / "file").touch()
    offered(pipe, ["--help", "--version"], run)
    harness.equal(run(("otlpipe-writer", "--dir", "=", "f")), ["folder"], "directories behind --dir=")
    harness.equal(run(("otlpipe-writer", "-d", "")), ["folder"], "directories behind -d")
    harness.equal(run(("otlpipe-writer", "--io", "f")), [""], "nothing behind what is no path")
    harness.equal(sorted(run(("otlpipe", "cat", "f"))), ["file", "folder"], "files")
    # A program that cannot be run is no reason to say something.
    harness.equal(run(("no-such-program", "-")), [""], "what cannot be asked")


def fish_offers_what_there_is(pipe):
    fish = needs("fish")

    def run(words):
        script = f"""source {shlex.quote(str(COMPLETIONS / "otlpipe.fish"))}
            complete -C {shlex.quote(" ".join(words))}"""
        said = output_of(fish, "--no-config", "-c", script, env=shell_environment(pipe), cwd=here)
        return [line.split("\t")[0] for line in said.splitlines()]

    here = pipe.scratch / "here"
    (here / "folder").mkdir(parents=True)
    (here / "file").touch()
    offered(pipe, ["--help", "--version"], run)
    harness.equal(run(("otlpipe-writer", "--dir", "f")), ["folder/"], "directories behind --dir")
    harness.equal(run(("otlpipe-writer", "--io", "f")), [], "nothing behind what is no path")
    harness.equal(sorted(run(("otlpipe", "cat", "f"))), ["file", "folder/"], "files")


def zsh_offers_what_there_is(pipe):
    zsh = needs("zsh")

    def run(words):
        # _arguments and _describe are zsh's own: what they are told is what is offered.
        script = f"""_call_program() {{ shift; "$@"; }}
            _describe() {{ print -rl -- $commands; }}
            _arguments() {{ print -rl -- "$@"; }}
            words=({shlex.join(words)}); CURRENT={len(words)}
            source {shlex.quote(str(COMPLETIONS / "_otlpipe"))}"""
        said = output_of(zsh, "-f", "-c", script, env=shell_environment(pipe)).splitlines()
        if len(words) == 2 and words[0] == "otlpipe":
            return [line.split(":")[0] for line in said]
        harness.equal((said[:2], said[-1]), (["-s", "-S"], "*:file:_files"), "the frame")
        specs = [re.fullmatch(r"\*(-\w|--[a-z-]+)([+=]?)\[([^][]*)\](:.+:.+)?", line) for line in said[2:-1]]
        harness.check(None not in specs, lambda: f"specifications: {said}")
        for spec in specs:
            harness.equal(bool(spec[2]), bool(spec[4]), f"a value of {spec[0]}")
        return [spec[1] for spec in specs]

    offered(pipe, ["--help", "--version"], run)
    # As zsh itself loads it.
    said = output_of(zsh, "-f", "-c", f"""fpath=({shlex.quote(str(COMPLETIONS))} $fpath)
        autoload -Uz compinit; compinit -u -D; print $_comps[otlpipe] $_comps[otlpipe-writer]""",
        env=shell_environment(pipe))  # fmt: skip
    harness.equal(said, "_otlpipe _otlpipe\n", "the function that compinit finds")


if __name__ == "__main__":
    harness.run(
        [
            no_page_has_a_fault_that_mandoc_knows,
            each_command_has_a_page_with_its_options_and_no_others,
            each_public_function_of_a_signal_has_a_page,
            the_examples_of_commands_run,
            the_programs_of_pages_compile_and_push,
            bash_offers_what_there_is,
            fish_offers_what_there_is,
            zsh_offers_what_there_is,
        ],
        cc="cc",
    )
