#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""No option without its documentation, and none documented that is not there.

What `otlpipe COMMAND --help-all` and `otlpipe-writer --help-all` list is compared with the tables of
docs/cli.md (the command's section, or that for all commands) and of README.md (that of the writer).
Each option that a page names anywhere is one of ours. The writer's variables follow from its options,
as README.md says, or a page names them. What --help says fits a terminal of 24 lines and 80 columns.

usage: check_options.py ROOT OTLPIPE OTLPIPE_WRITER
"""
import re
import subprocess
import sys

import sources

LINES_MAX, COLUMNS_MAX = 24, 80
COMMAND = re.compile(r"^  (\w+) +\S", re.MULTILINE)
OPTION = re.compile(r"^ +(?:(-\w), )?(--[a-z][a-z-]*)", re.MULTILINE)
VARIABLE = re.compile(r"\$(OTLPIPE_[A-Z_]+)")
SECTION = re.compile(r"^## (.*)$", re.MULTILINE)
ROW = re.compile(r"^\| (`-.*?) \|", re.MULTILINE)
NAME = re.compile(r"(?<![\w-])(-\w|--[a-z][a-z-]*)\b")
# An option in running text: a code span that begins with it, or a command line of ours.
SPAN = re.compile(r"`(--[a-z][a-z-]*)[^`]*`")
OURS = re.compile(r"(?:^\s*|[`;|&]\s*)otlpipe(?:-writer)? [^`|&;#]*")
FOR_ALL = "For all commands"
WRITER = "Launch the writer"
# Options of other programs that stand alone in a code span, by their page.
FOREIGN = {"docs/performance.md", "docs/reference.md"}


def help_of(program, *command, option="--help-all"):
    done = subprocess.run([program, *command, option], capture_output=True, text=True, check=True)
    return done.stdout


def options_of(text):
    """The names in a help text, short ones too."""
    return {name for pair in OPTION.findall(text) for name in pair if name}


def sections_of(text):
    """The options in the tables of each section of a page, by its heading."""
    parts = SECTION.split(text)
    return {
        heading.strip("` "): {name for row in ROW.findall(body) for name in NAME.findall(row)}
        for heading, body in zip(parts[1::2], parts[2::2])
    }


def check_screen(what, text):
    lines = text.splitlines()
    if len(lines) > LINES_MAX:
        yield f"{what} --help has {len(lines)} lines, more than {LINES_MAX}"
    for line in lines:
        if len(line) >= COLUMNS_MAX:
            yield f"{what} --help: a line has {len(line)} columns: {line}"


def check_sections(helps, text):
    """Each command has a section in docs/cli.md, with its options, and no other."""
    sections = sections_of(text)
    for_all = sections.get(FOR_ALL, set())
    for command, help_text in helps.items():
        heading = f"otlpipe {command}"
        if heading not in sections:
            yield f"docs/cli.md: no section {heading}"
            continue
        options, documented = options_of(help_text), sections[heading]
        for name in sorted(options - documented - for_all):
            yield f"docs/cli.md: {heading}: {name} is not in its table"
        for name in sorted(documented - options):
            yield f"docs/cli.md: {heading}: there is no {name}"
    for heading in sorted(sections):
        if heading.startswith("otlpipe ") and heading.split()[1] not in helps:
            yield f"docs/cli.md: there is no command {heading}"


def check_writer(writer_help, pages, for_all):
    """The table of the writer's options, and its variables."""
    options, text = options_of(writer_help), "\n".join(pages.values())
    documented = sections_of(pages["README.md"]).get(WRITER, set())
    for name in sorted(options - documented - for_all):
        yield f"README.md: {WRITER}: {name} is not in its table"
    for name in sorted(documented - options):
        yield f"README.md: {WRITER}: otlpipe-writer has no {name}"
    by_rule = {"OTLPIPE_" + name[2:].upper().replace("-", "_") for name in options}
    for name in sorted(set(VARIABLE.findall(writer_help)) - by_rule):
        if not re.search(rf"\b{name}\b", text):
            yield f"${name}: neither README.md nor docs/ has it"


def check_pages(pages, known):
    """Whatever a page names in a code span or on a command line of ours is there."""
    for page, page_text in pages.items():
        for number, line in enumerate(page_text.splitlines(), 1):
            names = [] if page in FOREIGN else SPAN.findall(line)
            for command in OURS.findall(line):
                names += [name for name in NAME.findall(command) if name.startswith("--")]
            for name in sorted(set(names) - known):
                yield f"{page}:{number}: nothing of ours has {name}"


def check(root, tool, writer):
    of_tool = help_of(tool, option="--help")
    helps = {name: help_of(tool, name) for name in COMMAND.findall(of_tool)}
    writer_help = help_of(writer)
    pages = {
        name: "\n".join(sources.lines(root, name))
        for name in sources.files(root, (".md",))
        if name in ("README.md", "SECURITY.md") or name.startswith("docs/")
    }
    known = options_of(writer_help).union(*map(options_of, helps.values()))
    for_all = sections_of(pages["docs/cli.md"]).get(FOR_ALL, set())
    problems = [
        *check_sections(helps, pages["docs/cli.md"]),
        *check_writer(writer_help, pages, for_all),
        *check_pages(pages, known),
    ]
    problems += check_screen("otlpipe", of_tool)
    for name in helps:
        problems += check_screen(f"otlpipe {name}", help_of(tool, name, option="--help"))
    problems += check_screen("otlpipe-writer", help_of(writer, option="--help"))
    return problems, len(known)


if __name__ == "__main__":
    sources.report("options", *check(*sys.argv[1:4]))
