#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""<otlpipe/logger.h>: log statements, as a program makes them and as they are in the files.

usage: test_logger.py BUILD_DIR [words of test names…]
"""
import time

import harness
from harness import check, equal
from log_records import records

BODY_BYTES_MAX = 1024
TRACE, SPAN = "{:02x}" + 15 * "00", "{:02x}" + 7 * "00"


def run(pipe, scenario):
    writer = pipe.writer()
    host = pipe.run("logger_host", scenario, environment={"OTLPIPE_DIR": str(pipe.runtime)})
    writer.stop()
    pipe.verify()
    return host, records(pipe)


def each_form_of_a_statement_is_what_is_written(pipe):
    begin_ns = time.time_ns()
    _, found = run(pipe, "forms")
    for record in found:
        check(begin_ns <= int(record["timeUnixNano"]) <= time.time_ns(), f"the time of {record}")
        equal(record["observedTimeUnixNano"], record["timeUnixNano"], "when it was observed")
        equal(record["scope"], "the scope", "the scope")
    rest = iter(found)

    def expect(body, severity=9, attributes=None, trace=0, span=0, flags=0):
        record = next(rest)
        equal(record["body"], body, "the body")
        equal(record.get("severityNumber", 0), severity, f"the severity of {body}")
        equal(record["attributes"], attributes or {}, f"the attributes of {body}")
        equal(record.get("traceId", ""), TRACE.format(trace) if trace else "", f"the trace of {body}")
        equal(record.get("spanId", ""), SPAN.format(span) if span else "", f"the span of {body}")
        equal(record.get("flags", 0), flags, f"the flags of {body}")

    types = {
        **{"bool": True, "int": -1, "size": 2, "max": float(2**64 - 1), "float": 0.5, "double": 1.25},
        **{"text": "té", "null": "", "str": "s", "bytes": b"\0\xff", "value": 7},
    }
    expect("each type", attributes=types)
    expect("no context")
    expect("outer", trace=1, span=2, flags=1)
    expect("inner", trace=3, span=4)
    expect("given", trace=1, span=2, flags=1)
    expect("outer again", trace=1, span=2, flags=1, attributes={"k": 1, "l": "x"})
    expect("file: No such file or directory", severity=17)
    expect("a" * BODY_BYTES_MAX)
    expect("a" * BODY_BYTES_MAX, attributes={"otlpipe.body.cut_bytes": 1})
    cut = {"k": 1, "otlpipe.body.cut_bytes": 3}
    expect("a" * (BODY_BYTES_MAX - 2), attributes=cut)
    expect("bad \ufffd\ufffd")
    expect("wide %ls", attributes={"otlpipe.body.unformatted": True})
    expect("many", attributes={"n": 64 - 1})
    expect("at the minimum", severity=5)
    expect("all is logged", severity=0)
    equal(list(rest), [], "further records")


def a_signal_handler_may_log_wherever_it_comes(pipe):
    host, found = run(pipe, "handler")
    equal(len(found), int(host.out), "the records that were accepted")
    from_handler = [record for record in found if record["severityNumber"] == 21]
    check(from_handler, "no record of the handler was accepted")
    for record in found:
        is_handlers = record["body"] == "from a handler"
        # Each has the context that its own statement found, however they interrupted one another.
        trace = TRACE.format(3 if is_handlers else 1)
        equal(record["traceId"], trace, f"the trace of {record}")
        check(not is_handlers or record["attributes"] == {"signal": 10, "text": "typed"}, f"{record}")


if __name__ == "__main__":
    harness.run([each_form_of_a_statement_is_what_is_written, a_signal_handler_may_log_wherever_it_comes])
