#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The source of a manual page, for scdoc, from what the tree says already.

The page of a command is its section of docs/cli.md. The others are the files *.scd here, with lines
that are replaced:

    @section PAGE HEADING       the text below a heading of a page of docs/, or of README.md
    @table PAGE HEADING         the first table below it
    @declare HEADER NAME...     the declarations of functions and types of a public header
    @describe HEADER NAME...    what the header says about each function
    @keys FILE                  the keys of a configuration file in which all is a comment
    @commands                   the commands of otlpipe, with the references to their pages

usage: make_page.py ROOT PAGE SCDOC   the page, made by scdoc. PAGE: otlpipe-cat.1, otlp_span.3
       make_page.py ROOT --list       the names of all pages
       make_page.py ROOT --names PAGE   the functions that a page of section 3 describes
"""
import pathlib
import re
import subprocess
import sys
import textwrap

HERE = pathlib.Path(__file__).resolve().parent
WIDTH = 72
ROFF_BYTES = 80


class Wrong(Exception):
    """What the sources have that this cannot make a page of."""


# ---- text ----


def escaped(text):
    return re.sub(r"([\\*_#`])", r"\\\1", text)


def reference(match):
    """A link: to a page of ours where there is one, else its text alone."""
    text, target = match.groups()
    command = re.fullmatch(r"#otlpipe-([a-z]+)", target)
    return f"`otlpipe-{command.group(1)}`(1)" if command else text


def inline(text):
    """Markdown of one paragraph or cell as scdoc."""
    text = re.sub(r"!?\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()]*)\)", reference, text)
    text = text.replace("\\|", "|")
    parts = re.split(r"(`[^`]+`|\*\*[^*]+\*\*|(?<![\w*])\*[^*\s][^*]*\*(?![\w*]))", text)
    made = []
    for part in parts:
        if part.startswith("`"):
            made.append("*" + escaped(part[1:-1]) + "*")
        elif part.startswith("**"):
            made.append("*" + escaped(part[2:-2].replace("`", "")) + "*")
        elif part.startswith("*") and len(part) > 1:
            made.append("_" + escaped(part[1:-1].replace("`", "")) + "_")
        else:
            made.append(escaped(part))
    return "".join(made)


def guarded(line):
    """What is text in Markdown must be no list or table of scdoc's."""
    return "\\" + line if re.match(r"[\[\]|:.\-<>]", line) else line


def wrapped(text, first="", rest=""):
    """Lines of at most WIDTH columns, none of which begins something."""
    lines = textwrap.wrap(
        text, WIDTH, break_long_words=False, break_on_hyphens=False, initial_indent="", subsequent_indent="",
    )
    for number, line in enumerate(lines):
        yield (rest if number else first) + (line if number == 0 and first.endswith("- ") else guarded(line))


def paragraph(lines):
    return wrapped(inline(" ".join(line.strip() for line in lines)))


def cells(row):
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", row.strip())[1:-1]]


def table(rows):
    """A definition list: terminals are narrow, and cells are long."""
    header = cells(rows[0])
    for row in map(cells, rows[2:]):
        fields = list(zip(header[1:], row[1:]))
        default = next((text for name, text in fields if name == "default" and text), None)
        fields = [(name, text) for name, text in fields if name != "default" and text]
        if default is not None:
            name, text = fields.pop(0) if fields else ("", "")
            fields.insert(0, (name, f"{text}. Default: {default}."))
        yield from wrapped(inline(row[0]) or "-")
        for number, (name, text) in enumerate(fields):
            if number:
                yield "\t"
                text = f"{name[:1].upper()}{name[1:]}: {text}"
            yield from wrapped(inline(text), "\t", "\t")
        yield ""


def literal(lines, indent):
    return ["```", *(line[indent:].rstrip().replace("\\", "\\\\") for line in lines), "```", ""]


def blocks(lines):
    """Markdown of a section as lines of scdoc."""
    at, item = 0, False
    lines = [*lines, ""]
    while at < len(lines) - 1:
        line = lines[at]
        begin = at
        if not line.strip() or line.startswith("<!--"):
            at += 1
            continue
        if line.startswith("```"):
            at = next(i for i in range(begin + 1, len(lines)) if lines[i].startswith("```"))
            yield from literal(lines[begin + 1 : at], 0)
            at += 1
        elif line.startswith("|"):
            while lines[at].startswith("|"):
                at += 1
            yield from table(lines[begin:at])
        elif line.startswith("### "):
            yield from ("## " + escaped(line[4:].replace("`", "")), "")
            at += 1
        elif line.startswith("    ") or (item and line.startswith("      ")):
            while lines[at].startswith("    ") or (not lines[at].strip() and lines[at + 1 :][:1] and
                                                   lines[at + 1].startswith("    ")):  # fmt: skip
                at += 1
            indent = min(len(text) - len(text.lstrip()) for text in lines[begin:at] if text.strip())
            yield from literal(lines[begin:at], indent)
        elif line.startswith("- "):
            at += 1
            while lines[at].startswith("  ") and not lines[at].startswith("      "):
                at += 1
            text = inline(" ".join(part.strip() for part in [line[2:], *lines[begin + 1 : at]]))
            yield from (*wrapped(text, "- ", "  "), "")
            item = True
            continue
        else:
            at += 1
            while lines[at].strip() and not lines[at].startswith(("|", "- ", "```", "#", "    ")):
                at += 1
            yield from (*paragraph(lines[begin:at]), "")
        item = False


# ---- pages of docs/ ----


def sections(root, page):
    text = (root / page).read_text(encoding="utf-8")
    parts = re.split(r"^## (.*)$", text, flags=re.MULTILINE)
    return {heading.strip("` "): body.split("\n") for heading, body in zip(parts[1::2], parts[2::2])}


def section(root, page, heading):
    found = sections(root, page).get(heading)
    if found is None:
        raise Wrong(f"{page} has no section {heading}")
    return found


def first_table(root, page, heading):
    rows = []
    for line in section(root, page, heading):
        if line.startswith("|"):
            rows.append(line)
        elif rows:
            break
    if not rows:
        raise Wrong(f"{page}: {heading} has no table")
    return rows


def commands(root):
    """The name of each command, and what it does, by the first table of docs/cli.md."""
    text = (root / "docs/cli.md").read_text(encoding="utf-8").split("\n## ")[0]
    return dict(re.findall(r"^\| \[`otlpipe ([a-z]+)`\]\([^)]*\) \| (.*) \|$", text, re.MULTILINE))


def title(page, name):
    stem, number = page.rsplit(".", 1)
    what = "Programmer's Manual" if number == "3" else "otlpipe"
    return [f'{stem.upper()}({number}) "otlpipe" "{what}"', "", "# NAME", "", *wrapped(f"{stem} - {name}"), ""]


def command_page(root, command):
    """The page of a command: its section, in the order that manual pages have."""
    lines = section(root, "docs/cli.md", f"otlpipe {command}")
    what = commands(root).get(command)
    if what is None:
        raise Wrong(f"docs/cli.md: otlpipe {command} is not in the first table")
    usage = next((re.match(r"`(otlpipe [^`]*)`", line) for line in lines if line.startswith("`otlpipe ")), None)
    if usage is None:
        raise Wrong(f"docs/cli.md: otlpipe {command}: no line begins with its usage")
    at = next(i for i, line in enumerate(lines) if line.startswith("| option |") or line.startswith("|---"))
    end = next(i for i in range(at, len(lines)) if not lines[i].startswith("|"))
    examples, rest = [], lines[end:]
    if "### Examples" in rest:
        begin = rest.index("### Examples")
        stop = next((i for i in range(begin + 1, len(rest)) if rest[i].startswith("### ")), len(rest))
        examples, rest = rest[begin + 1 : stop], rest[:begin] + rest[stop:]
    yield from title(f"otlpipe-{command}.1", inline(re.sub(r"[`*]", "", what)))
    yield from ("# SYNOPSIS", "", "*" + escaped(usage.group(1)) + "*", "", "# DESCRIPTION", "")
    yield from blocks(lines[:at])
    yield from ("# OPTIONS", "")
    yield from table(lines[at:end])
    yield from ("*-h*, *--help*, *--help-all*, *--usage*, *-V*, *--version*", "\tAs every command: *otlpipe*(1).", "")
    if any(line.strip() for line in rest):
        yield from ("# NOTES", "")
        yield from blocks(rest)
    if examples:
        yield from ("# EXAMPLES", "")
        yield from blocks(examples)
    yield from ("# SEE ALSO", "", "*otlpipe*(1), *otlpipe*(7), *otlpipe-writer*(8)")


# ---- the public headers ----


def header(root, name):
    return (root / "core/include/otlpipe" / name).read_text(encoding="utf-8")


def found_in_header(root, name, what):
    """(the doc comment, the declaration) of a function, struct or enum."""
    text = header(root, name)
    if what.startswith(("struct ", "enum ")):
        pattern = rf"/\*\*((?:[^*]|\*(?!/))*)\*/\s*({what} {{.*?^}};)"
    else:
        pattern = rf"/\*\*((?:[^*]|\*(?!/))*)\*/\s*((?:OTLP_API|static)[^;{{}}]*?\b{what}\([^;{{}}]*\))"
    match = re.search(pattern, text, re.MULTILINE | re.DOTALL)
    if match is None:
        raise Wrong(f"{name} declares no {what}")
    comment = [re.sub(r"^\s*\* ?", "", line) for line in match.group(1).split("\n")]
    return comment, match.group(2)


def declaration(text):
    text = re.sub(r"^(?:OTLP_API|static __inline__|static)\s+", "", text)
    if "{" not in text:
        text = re.sub(r"\s+", " ", text) + ";"
        if len(text) > 76:
            text = re.sub(r", ", ",\n    ", text)
    return text.expandtabs(8).split("\n")


def spoken(text):
    """Doxygen's marks: references to what is ours."""
    text = re.sub(r"#(OTLP_\w+)", r"`\1`", text)
    return re.sub(r"(?<![`\w])(otlp_\w+)\(\)", r"`\1`()", text)


def described(root, name, what):
    comment, text = found_in_header(root, name, what)
    yield from ("*" + escaped(what) + "*()", "")
    parts, part = [], []
    for line in comment:
        if line.startswith("@") or not line.strip():
            parts.append(part)
            part = []
        if line.strip():
            part.append(line.strip())
    for part in [*parts, part]:
        if not part:
            continue
        text = spoken(" ".join(part))
        param = re.match(r"@param\s+(\w+)\s+(.*)", text)
        if param:
            text = f"_{escaped(param.group(1))}_: " + inline(param.group(2))
        elif text.startswith("@return"):
            text = "Returns " + inline(text[len("@return ") :].strip())
        else:
            text = inline(text)
        yield from (*wrapped(text, "\t", "\t"), "\t")
    yield ""


def functions(root, page):
    """The functions that a page describes."""
    source = (HERE / f"{page}.scd").read_text(encoding="utf-8")
    return [name for line in re.findall(r"^@describe \S+ (.*)$", source, re.MULTILINE) for name in line.split()]


def keys(root, page):
    """A configuration file in which all is a comment: each key, and the text above it."""
    text = []
    for line in (root / page).read_text(encoding="utf-8").split("\n"):
        key = re.match(r"#([a-z-]+) =(.*)$", line)
        if key:
            default = f" Default: {key.group(2).strip()}." if key.group(2).strip() else ""
            yield "*" + escaped(key.group(1)) + "*"
            yield from wrapped(inline(" ".join(text) + default), "\t", "\t")
            yield ""
        text = [*text, line[2:]] if line.startswith("# ") and not key else []


# ---- the files here ----


def replaced(root, line):
    word, _, rest = line.partition(" ")
    if word == "@section":
        page, heading = rest.split(" ", 1)
        yield from blocks(section(root, page, heading))
    elif word == "@table":
        page, heading = rest.split(" ", 1)
        yield from table(first_table(root, page, heading))
    elif word == "@keys":
        yield from keys(root, rest)
    elif word == "@commands":
        for command, what in commands(root).items():
            yield from (f"*otlpipe-{command}*(1)", "\t" + inline(what), "")
    elif word == "@declare":
        name, names = rest.split(" ", 1)
        yield "```"
        for what in re.findall(r"(?:struct |enum )?\w+", names):
            yield from declaration(found_in_header(root, name, what)[1])
        yield from ("```", "")
    elif word == "@describe":
        name, *names = rest.split()
        for what in names:
            yield from described(root, name, what)
    else:
        raise Wrong(f"what is {word}?")


def file_page(root, page):
    for line in (HERE / f"{page}.scd").read_text(encoding="utf-8").split("\n"):
        if line.startswith("@"):
            yield from replaced(root, line)
        elif not line.startswith("; "):
            yield line


def roff_bytes(text):
    """As mandoc counts: what is not ASCII is an escape of 8 bytes."""
    return sum(1 if ord(char) < 128 else 8 for char in text)


def broken(line):
    """A line of text that is longer than ROFF_BYTES, as several."""
    words, made = line.split(" "), []
    for word in words:
        if made and roff_bytes(f"{made[-1]} {word}") <= ROFF_BYTES:
            made[-1] += " " + word
        else:
            # At the begin of a line these would be a request.
            made.append("\\&" + word if made and word.startswith((".", "'")) else word)
    return made


def tidy(text):
    """What scdoc made, without empty paragraphs and long lines: mandoc -Tlint has no complaint."""
    previous = None
    while text != previous:
        previous = text
        text = re.sub(r"^\.P\n(?=\.(P|SH|SS)\b)", "", text, flags=re.MULTILINE)
        text = text.replace("\n.P\n.RE\n", "\n.RE\n.P\n")
        text = re.sub(r"^(\.(?:TH|SH|SS) .*\n)\.P\n", r"\1", text, flags=re.MULTILINE)
    lines, is_text = [], True
    for line in text.split("\n"):
        if line in (".nf", ".fi", ".TS", ".TE"):
            is_text = line in (".fi", ".TE")
        lines += broken(line) if is_text and not line.startswith((".", "'")) else [line]
    return "\n".join(lines)


def examples(root, page):
    """The literal blocks of its EXAMPLES, as they are typed."""
    text = "\n".join(scdoc_lines(root, page))
    found = re.search(r"^# EXAMPLES\n(.*?)(?=^# |\Z)", text, re.MULTILINE | re.DOTALL)
    blocks_found = re.findall(r"^```\n(.*?)^```$", found.group(1) if found else "", re.MULTILINE | re.DOTALL)
    return [block.replace("\\\\", "\\") for block in blocks_found]


def scdoc_lines(root, page):
    command = re.fullmatch(r"otlpipe-([a-z]+)\.1", page)
    return list(command_page(root, command.group(1)) if command else file_page(root, page))


def pages(root):
    return sorted([f"otlpipe-{name}.1" for name in commands(root)] + [path.stem for path in HERE.glob("*.scd")])


def main():
    root = pathlib.Path(sys.argv[1])
    if sys.argv[2] == "--list":
        print("\n".join(pages(root)))
        return
    if sys.argv[2] == "--names":
        print("\n".join(functions(root, sys.argv[3])))
        return
    page = sys.argv[2]
    try:
        lines = scdoc_lines(root, page)
    except Wrong as wrong:
        sys.exit(f"make_page.py: {page}: {wrong}")
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(line if line != "\t" else "" for line in lines))
    done = subprocess.run(
        [sys.argv[3]], input=text.rstrip("\n") + "\n", stdout=subprocess.PIPE, encoding="utf-8", check=False,
    )
    if done.returncode != 0:
        sys.exit(f"make_page.py: {page}: {sys.argv[3]} refuses it")
    sys.stdout.write(tidy(done.stdout))


if __name__ == "__main__":
    main()
