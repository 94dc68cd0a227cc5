#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The producer library exports what core/otlpipe.map lists, and needs the C library alone.

The shared library has each name in the node of its release, the static one has the same names, and
the public headers declare them all and no others.

usage: check_symbols.py ROOT SHARED STATIC
"""
import re
import subprocess
import sys

import public_api
import sources

PUBLIC = re.compile(r"^otlp_[a-z0-9_]+$")
NODE = re.compile(r"^OTLPIPE_\d+\.\d+$")
# The loader is named for thread-local storage on some machines; it is part of the C library.
NEEDED = re.compile(r"^(libc\.so\.6|ld-linux.*\.so\.\d+)$")


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def defined(path, *options):
    """Names that the file defines for others, with their nodes; an archive has other lines too."""
    rows = [line.split() for line in output("nm", "-g", "--defined-only", *options, path).splitlines()]
    return {row[2] for row in rows if len(row) == 3 and row[1] != "A"}


def differ(what, found, wanted):
    yield from (f"{what}: has {name}, which the list does not" for name in sorted(found - wanted))
    yield from (f"{what}: does not have {name}" for name in sorted(wanted - found))


def check_list(nodes):
    names = [name for of_node in nodes.values() for name in of_node]
    yield from (f"{public_api.MAP}: {name} is no name of ours" for name in names if not PUBLIC.match(name))
    yield from (f"{public_api.MAP}: {node} is no release" for node in nodes if not NODE.match(node))
    for of_node in nodes.values():
        if of_node != sorted(set(of_node)):
            yield f"{public_api.MAP}: names are not in order, or twice"
    if len(names) != len(set(names)):
        yield f"{public_api.MAP}: a name is in two nodes"


def check_needed(shared):
    for name in re.findall(r"\(NEEDED\).*\[(.*)\]", output("readelf", "-dW", shared)):
        if not NEEDED.match(name):
            yield f"{shared}: needs {name}"


def check(root, shared, static):
    nodes = public_api.nodes(root)
    names = set(public_api.exported(root))
    versioned = {f"{name}@@{node}" for node, of_node in nodes.items() for name in of_node}
    declared = {name for _, name, _ in public_api.functions(public_api.text(root))}
    problems = [
        *check_list(nodes),
        *differ(shared, defined(shared, "--dynamic", "--with-symbol-versions"), versioned),
        *differ(static, defined(static), names),
        *differ("the public headers", declared, names),
        *check_needed(shared),
    ]
    return problems, len(names)


if __name__ == "__main__":
    sources.report("symbols", *check(*sys.argv[1:4]))
