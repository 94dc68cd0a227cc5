#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""No circles between files: whom a file calls, that one does not call back, over however many others.

x.h and x.c are one file here. A C file leads to those whose headers it includes, and to those that
define a function that it names, whatever header declares it. A Python module leads to those that it
imports, also inside a function, but for what only a type checker reads.

usage: check_circles.py ROOT
"""
import ast
import os
import re
import sys

import sources

COMMENT_OR_TEXT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
NAME = re.compile(r"[A-Za-z_]\w*")
FREE = ("bench/", "tests/")
# A definition at the start of a line, with its brace on a line of its own.
FUNCTION = re.compile(r"^(?![#\s{}])([^;{}#=]*?)\b(\w+)\s*\((?:[^;{}]*)\)\s*\{$", re.MULTILINE)
OBJECT = re.compile(r"^(?![#\s{}])([^;{}#=()]*?)\b(\w+)(?:\[[^\]]*\])*\s*=", re.MULTILINE)


def noun(name):
    return os.path.splitext(name)[0]


class File:
    def __init__(self):
        self.defines, self.names, self.includes = set(), set(), set()


def read_c(root, names):
    files = {}
    for name in names:
        with open(os.path.join(root, name), encoding="utf-8", errors="replace") as text:
            whole = text.read()
        file = files.setdefault(noun(name), File())
        file.includes.update(INCLUDE.findall(whole))
        code = COMMENT_OR_TEXT.sub(" ", whole)
        code = re.sub(r"^\s*#.*?(?<!\\)$", "", code, flags=re.MULTILINE | re.DOTALL)
        for pattern in (FUNCTION, OBJECT):
            for before, defined in pattern.findall(code):
                if "static" not in before.split() and "typedef" not in before.split():
                    file.defines.add(defined)
        # What a header declares it does not use; in it only the bodies of functions count.
        file.names.update(NAME.findall(bodies(code) if name.endswith(".h") else code))
    return files


def bodies(code):
    """The text between the braces of functions that are defined in a header."""
    found = []
    for match in FUNCTION.finditer(code):
        end = code.find("\n}", match.end())
        found.append(code[match.end() : end])
    return " ".join(found)


def near(path, candidates):
    """Of files with one name that which is meant: the only one, or the only one in the folder. No
    file of a room means one of a test, which may stand in for what the system has."""
    if not path.startswith(FREE):
        candidates = [c for c in candidates if not c.startswith(FREE)]
    here = [c for c in candidates if os.path.dirname(c) == os.path.dirname(path)]
    found = here if len(here) == 1 else candidates
    return found[0] if len(found) == 1 else None


def c_graph(root, names):
    files = read_c(root, names)
    definers = {}
    for path, file in files.items():
        for defined in file.defines:
            definers.setdefault(defined, []).append(path)
    definers.pop("main", None)
    graph = {}
    for path, file in files.items():
        leads = {noun(include) for include in file.includes}
        leads |= {near(path, definers[used]) for used in file.names - file.defines if used in definers}
        graph[path] = {other for other in leads if other in files and other != path}
    return graph


def is_for_types_alone(node):
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def imports(node):
    """(level, module, name or None) of each import that is carried out."""
    if isinstance(node, ast.Import):
        yield from ((0, alias.name, None) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield from ((node.level, node.module or "", alias.name) for alias in node.names)
    for child in () if is_for_types_alone(node) else ast.iter_child_nodes(node):
        yield from imports(child)


def python_graph(root, names):
    files = {noun(name) for name in names}
    by_word = {}
    for path in files:
        by_word.setdefault(os.path.basename(path), []).append(path)
        if os.path.basename(path) == "__init__":
            by_word.setdefault(os.path.basename(os.path.dirname(path)), []).append(path)

    def resolve(path, level, module, name):
        """A module, or, where the name is none of a package's modules, the package itself."""
        words, folder = module.split(".") if module else [], os.path.dirname(path)
        if level == 0:
            package = near(path, by_word.get(words[0], []))
            if package is None or not package.endswith("__init__"):
                return package
            words, folder = words[1:], os.path.dirname(package)
        for _ in range(level - 1):
            folder = os.path.dirname(folder)
        inside = os.path.join(folder, *words)
        if name is not None and os.path.exists(os.path.join(root, inside, name + ".pyi")):
            return None # an extension
        candidates = [os.path.join(inside, name)] if name is not None else []
        candidates += [inside, os.path.join(inside, "__init__")]
        return next((p for p in candidates if p in files), None)

    graph = {}
    for name in names:
        path = noun(name)
        with open(os.path.join(root, name), encoding="utf-8") as text:
            tree = ast.parse(text.read(), name)
        leads = {resolve(path, *found) for found in imports(tree)}
        graph[path] = leads - {None, path}
    return graph


def circles(graph):
    """Each group of files that all lead to each other (Tarjan)."""
    index, low, stack, found = {}, {}, [], []

    def visit(path):
        index[path] = low[path] = len(index)
        stack.append(path)
        for other in sorted(graph[path]):
            if other not in index:
                visit(other)
                low[path] = min(low[path], low[other])
            elif other in stack:
                low[path] = min(low[path], index[other])
        if low[path] == index[path]:
            group = stack[stack.index(path) :]
            del stack[stack.index(path) :]
            if len(group) > 1:
                found.append(sorted(group))

    for path in sorted(graph):
        if path not in index:
            visit(path)
    return found


def check(root):
    problems, checked = [], 0
    for kind, suffixes, make in (("C", (".c", ".h"), c_graph), ("Python", (".py",), python_graph)):
        graph = make(root, sources.files(root, suffixes))
        checked += len(graph)
        for group in circles(graph):
            ways = [
                f"{path} -> {other}" for path in group for other in sorted(graph[path]) if other in group
            ]
            problems.append(f"a circle of {kind} files: {', '.join(ways)}")
    return problems, checked


if __name__ == "__main__":
    sys.setrecursionlimit(10000)
    sources.report("circles", *check(sys.argv[1]))
