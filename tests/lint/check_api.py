#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The public headers keep what they promise to other programs and to binding generators.

- tests/headers/abi.c pins each struct, field, enum and constant;
- a struct that is passed in an array, or stands in one that is, has reserved room;
- no struct, union or enum is unnamed;
- each constant and function has a doc comment, a function's with each parameter and what is returned, and says from which
  threads it may be called and whether a signal handler may;
- what can fail returns int, an exporter's own calls struct otlp_sdk_result;
- the Python extension has each error.

usage: check_api.py ROOT
"""
import re
import sys

import public_api
import sources

PINS = "tests/headers/abi.c"
PYTHON = ("python/src/module.c", "python/src/otlpipe/_native.pyi")
# Two numbers, or a pointer and a count, each for ever: a bigger one would cost each push.
COMPLETE = {
    "otlp_str",
    "otlp_bytes",
    "otlp_array",
    "otlp_kvlist",
    "otlp_number",
    "otlp_quantile",
    "otlp_exp_buckets",
    # Eight of them in a usual span: a value grows by new types.
    "otlp_value",
    "otlp_attribute",
    "otlp_attributes",
    # Its point has the room.
    "otlp_number_point",
    # Returned in registers.
    "otlp_sdk_result",
    # As long as the caller says.
    "otlp_stats",
}
SAFETY = re.compile(r"Any thread; (async-signal-safe|not from a signal handler)\.")
RESULT = "struct otlp_sdk_result"
UNNAMED = re.compile(r"\b(?:struct|union|enum) *\{")


def check_pins(code, pins):
    for kind, name, fields in public_api.records(code):
        wanted = [f"SIZE({kind} {name}, "]
        if kind == "struct":
            wanted += [f"OFFSET({name}, {field}, " for field in fields]
        yield from (f"{PINS}: has no {line}…)" for line in wanted if line not in pins)
    for name in public_api.enums(code):
        if f"SIZE(enum {name}, " not in pins:
            yield f"{PINS}: has no SIZE(enum {name}, …)"
    for name in public_api.constants(code):
        if f"VALUE({name}, " not in pins:
            yield f"{PINS}: has no VALUE({name}, …)"


def check_records(code):
    for kind, name, fields in public_api.records(code):
        if kind == "struct" and "reserved" not in fields and name not in COMPLETE:
            yield f"struct {name} has no reserved room"
    if UNNAMED.search(code):
        yield "a struct, union or enum has no name"


def check_comment(comment, returns, parameters):
    if comment is None:
        yield "has no doc comment"
        return
    told = re.findall(r"@param (\w+)", comment)
    wanted = [name for _, name in parameters]
    if told != wanted:
        yield f"tells of the parameters {told}, and has {wanted}"
    if ("@return" in comment) != (returns != "void"):
        yield "does not tell what it returns" if returns != "void" else "returns nothing"
    if not SAFETY.search(comment):
        yield "does not say where it may be called"


def check_functions(root, code):
    for name in public_api.constants_without_comment(root):
        yield f"{name} has no doc comment"
    comments = public_api.comments(root)
    for returns, name, parameters in public_api.functions(code):
        for problem in check_comment(comments.get(name), returns, parameters):
            yield f"{name}(): {problem}"
        is_exporters = re.match(r"otlp_\w+_exporter_", name) is not None
        if returns in ("int", RESULT) and (returns == RESULT) != is_exporters:
            yield f"{name}(): returns {returns}, against the convention of error.h"


def check_python(root, code):
    for path in PYTHON:
        words = set(re.findall(r"\w+", "\n".join(sources.lines(root, path))))
        for name in public_api.constants(code):
            short = name.removeprefix("OTLP_ERR_")
            if short != name and short not in words:
                yield f"{path}: does not have {name}"


def check(root):
    code = public_api.text(root)
    pins = "\n".join(sources.lines(root, PINS))
    problems = [
        *check_pins(code, pins),
        *check_records(code),
        *check_functions(root, code),
        *check_python(root, code),
    ]
    return problems, len(public_api.records(code)) + len(public_api.functions(code))


if __name__ == "__main__":
    sources.report("api", *check(sys.argv[1]))
