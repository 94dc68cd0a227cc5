# SPDX-License-Identifier: Apache-2.0
"""What the public headers declare, read from their text: shared by the checks of the interface."""
import os
import re

import sources

FOLDER = "core/include/otlpipe/"
MAP = "core/otlpipe.map"

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_DIRECTIVE = re.compile(r"^[ \t]*#(?:\\\n|[^\n])*", re.MULTILINE)
_RECORD = re.compile(r"\b(struct|union) (otlp_\w+) \{(.*?)\n\};", re.DOTALL)
_ENUM = re.compile(r"\benum (otlp_\w+) \{(.*?)\};", re.DOTALL)
_FIELD = re.compile(r"^(?:const )?(?:(?:struct|union|enum) )?\w+ (.+)$", re.DOTALL)
_DOCUMENTED = re.compile(r"/\*\*((?:(?!\*/).)*)\*/\s*OTLP_API\s[^;{}(]*?(\w+)\([^;{}]*\);", re.DOTALL)
_FUNCTION = re.compile(r"\bOTLP_API\s+([^;{}(]*?)(\w+)\(([^;{}]*)\);", re.DOTALL)


def headers(root):
    return [name for name in sources.files(root, (".h",)) if name.startswith(FOLDER)]


def text(root):
    """All headers in one, without comments and without the preprocessor's lines."""
    whole = "\n".join("\n".join(sources.lines(root, name)) for name in headers(root))
    return _DIRECTIVE.sub("", _COMMENT.sub("", whole))


def comments(root):
    """The text of the doc comment in front of each function, in one line."""
    whole = "\n".join("\n".join(sources.lines(root, name)) for name in headers(root))
    return {
        name: " ".join(re.sub(r"^ *\*", "", text, flags=re.MULTILINE).split())
        for text, name in _DOCUMENTED.findall(whole)
    }


def _fields(body):
    for declaration in body.split(";"):
        found = _FIELD.match(declaration.strip())
        for part in found[1].split(",") if found else ():
            yield from re.findall(r"^\s*\**(\w+)", part)


def records(code):
    """(struct or union, its name, the names of its fields) of each that is defined."""
    return [(kind, name, list(_fields(body))) for kind, name, body in _RECORD.findall(code)]


def enums(code):
    return [name for name, _ in _ENUM.findall(code)]


def constants(code):
    return [
        entry.split("=")[0].strip()
        for _, body in _ENUM.findall(code)
        for entry in body.split(",")
        if entry.strip()
    ]


def constants_without_comment(root):
    """Doxygen says so only from 1.9.8 on."""
    for name in headers(root):
        whole = "\n".join(sources.lines(root, name))
        whole = re.sub(r"/\*\*<.*?\*/", "<", whole, flags=re.DOTALL)
        whole = re.sub(r"/\*\*.*?\*/", ">", whole, flags=re.DOTALL)
        for _, body in _ENUM.findall(_DIRECTIVE.sub("", _COMMENT.sub("", whole))):
            for before, constant, after in re.findall(r"(>?)\s*(OTLP_\w+)[^,<>]*,?\s*(<?)", body):
                if not before and not after:
                    yield constant


def functions(code):
    """(what it returns, its name, [(type, name) of each parameter]) of each exported function."""
    found = []
    code = re.sub(r"\s*__attribute__\(\(format\([^()]*\)\)\)", "", code)
    for returns, name, arguments in _FUNCTION.findall(code):
        split = [" ".join(part.split()) for part in arguments.split(",")]
        parameters = [
            re.match(r"(.*?)(\w+)$", part).groups() for part in split if part not in ("void", "", "...")
        ]
        found.append(
            (" ".join(returns.split()), name, [(kind.strip(), of) for kind, of in parameters])
        )
    return found


def nodes(root):
    """The linker's version script: {node: names}, the oldest first; what is local is left out."""
    script = _COMMENT.sub("", "\n".join(sources.lines(root, MAP)))
    return {
        node: re.findall(r"(\w+);", body.split("local:")[0])
        for node, body in re.findall(r"(\w[\w.]*) \{(.*?)\}", script, re.DOTALL)
    }


def exported(root):
    """The names of all nodes."""
    return [name for names in nodes(root).values() for name in names]
