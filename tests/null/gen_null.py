#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a C program that gives NULL to each pointer of each exported function.

The functions are those of the list of exported symbols, their parameters those of the public
headers: a new function is tried without anybody's doing, and one whose parameters are not known
here stops the build. Each pointer is NULL once alone, with good values for the others, and once
together with all others.

usage: gen_null.py ROOT OUTPUT
"""
import os
import sys

ROOT = sys.argv[1]
sys.path.insert(0, os.path.join(ROOT, "tests", "lint"))

import public_api  # noqa: E402

# A good value of each type, in terms of what null_fixture.h has.
GOOD = {
    "bool": "true",
    "char *": "got.text",
    "const char *": '"text"',
    "const struct otlp_attribute *": "&given.attribute",
    "const struct otlp_log_record *": "&given.log",
    "const struct otlp_log_context *": "&given.context",
    "const struct otlp_logger *": "&given.logger",
    "const struct otlp_metric_exporter *": "given.metrics",
    "const struct otlp_options *": "&given.options",
    "const struct otlp_resource *": "&given.resource",
    "const struct otlp_resource_metrics *": "&given.resource_metrics",
    "const struct otlp_span *": "&given.span",
    "const struct otlp_value *": "&given.attribute.value",
    "double": "0.5",
    "enum otlp_instrument_kind": "OTLP_COUNTER",
    "enum otlp_severity_number": "OTLP_SEVERITY_INFO",
    "int": "0",
    "int64_t": "0",
    "size_t": "1",
    "struct otlp_bytes": "given.bytes",
    "struct otlp_library *": "given.library",
    "struct otlp_library **": "&got.library",
    "struct otlp_log_exporter *": "given.logs",
    "struct otlp_log_exporter **": "&got.logs",
    "struct otlp_log_shape *": "given.log_shape",
    "struct otlp_log_shape **": "&got.log_shape",
    "struct otlp_metric_exporter *": "given.metrics",
    "struct otlp_metric_exporter **": "&got.metrics",
    "struct otlp_options *": "&got.options",
    "struct otlp_shape *": "given.shape",
    "struct otlp_shape **": "&got.shape",
    "struct otlp_span_exporter *": "given.spans",
    "struct otlp_span_exporter **": "&got.spans",
    "struct otlp_stats *": "&got.stats",
    "struct otlp_str": 'OTLP_STR("text")',
    "va_list": "*given.arguments",
}
# Where a number says how large the struct in front of it is.
SIZES = {"struct otlp_options *": "options", "struct otlp_stats *": "stats"}

# What NULL is documented to be good for. Everything else that can fail has to refuse it.
FINE = {
    ("otlp_library_open", "options"),
    ("otlp_library_export_shaped", "shape"),
    ("otlp_span_exporter_export_shaped", "shape"),
    ("otlp_library_export_logs_shaped", "shape"),
    ("otlp_log_exporter_export_shaped", "shape"),
    ("otlp_logger_emit", "context"),
    ("otlp_logger_printf", "context"),
    ("otlp_logger_vprintf", "context"),
}
# What functions that cannot fail say to NULL.
ANSWERS = {
    "otlp_metric_exporter_temporality": "OTLP_TEMPORALITY_UNSPECIFIED",
    "otlp_metric_exporter_temporality_preference": "OTLP_PREFER_CUMULATIVE",
}
# They put the pointer into what they return, and look at nothing.
BUILDERS = ("otlp_str_from", "otlp_value_", "otlp_attr_")


def is_pointer(kind):
    return kind.endswith("*")


def arguments(parameters, nulls):
    values, before = [], None
    for kind, name in parameters:
        if name in nulls:
            values.append("NULL")
        elif kind == "size_t" and before in SIZES:
            values.append(f"sizeof(got.{SIZES[before]})")
        else:
            values.append(GOOD[kind])
        before = kind
    return ", ".join(values)


def expectation(returns, name, call, nulls):
    error = "OTLP_OK" if all((name, null) in FINE for null in nulls) else "OTLP_ERR_INVALID"
    if returns == "int":
        return f"expect_code(#CALL, CALL, {error})"
    if returns == "struct otlp_sdk_result":
        return f"expect_result(#CALL, CALL, {error})"
    if returns in ("void", "size_t") or name.startswith(BUILDERS):
        return "expect_return(#CALL, (void)CALL)"
    if is_pointer(returns):
        return "expect_null(#CALL, CALL)"
    return f"expect_code(#CALL, (int)CALL, {ANSWERS[name]})"


def calls(root):
    declared = {name: (returns, of) for returns, name, of in public_api.functions(public_api.text(root))}
    for name in public_api.exported(root):
        returns, parameters = declared[name]
        pointers = [of for kind, of in parameters if is_pointer(kind)]
        for nulls in [{of} for of in pointers] + ([set(pointers)] if len(pointers) > 1 else []):
            call = f"{name}({arguments(parameters, nulls)})"
            yield expectation(returns, name, call, nulls).replace("#CALL", quote(call)).replace("CALL", call)


def quote(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def main():
    lines = [f"\t{call};" for call in calls(ROOT)]
    with open(sys.argv[2], "w", encoding="utf-8") as out:
        out.write('#include "tests/null/null_fixture.h"\n\n')
        # A format that is NULL is what is tried.
        out.write('#pragma GCC diagnostic ignored "-Wformat"\n')
        out.write('#pragma GCC diagnostic ignored "-Wformat-extra-args"\n\nvoid null_calls(void)\n{\n')
        out.write("\n".join(lines) + "\n}\n")


main()
