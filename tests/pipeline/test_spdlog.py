#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""<otlpipe/spdlog.h>: what a program logs through spdlog, field by field, as it is in the files.

usage: test_spdlog.py BUILD_DIR [words of test names…]
"""
import time

import harness
from harness import check, equal
from log_records import records

LEVELS = [("trace", 1), ("debug", 5), ("info", 9), ("warning", 13), ("error", 17), ("critical", 21)]


def what_spdlog_is_given_is_what_is_written(pipe):
    begin_ns = time.time_ns()
    writer = pipe.writer()
    pipe.run("spdlog_host", environment={"OTLPIPE_DIR": str(pipe.runtime)})
    writer.stop()
    pipe.verify()
    found = records(pipe)
    for record in found:
        check(begin_ns <= int(record["timeUnixNano"]) <= time.time_ns(), f"the time of {record}")
        later = record["body"].startswith("asynchronous")
        equal(record["scope"], "later" if later else "the logger", f"the scope of {record['body']}")
        check(record["attributes"].pop("thread.id") > 0, "the thread")
    by_body = {record["body"]: record for record in found}
    for number, (name, severity) in enumerate(LEVELS):
        record = by_body.pop(f"level {number}")
        equal((record["severityText"], record["severityNumber"]), (name, severity), "the level")
        equal(record["attributes"], {}, "attributes of a statement without its place")
    check(by_body.pop("t\u00e9xt \ufffd\ufffd(\ufffd\ufffd\ufffd"), "the text with bytes that are not UTF-8")
    check(by_body.pop(""), "the empty text")
    place = by_body.pop("with its place")["attributes"]
    check(place.pop("code.file.path").endswith("spdlog_host.cc"), "the file")
    equal(place, {"code.line.number": 37, "code.function.name": "main"}, "the place")
    record = by_body.pop("in a span")
    equal((record["traceId"], record["spanId"], record["flags"]), ("01" + 30 * "0", "02" + 14 * "0", 1), "ids")
    for thread in range(4):
        for n in range(100):
            check("traceId" not in by_body.pop(f"thread {thread} {n}"), "a context of another thread")
    equal(list(by_body), [f"asynchronous {n}" for n in range(100)], "what the asynchronous logger had")
    equal(len(found), 6 + 2 + 2 + 400 + 100, "records")


if __name__ == "__main__":
    harness.run([what_spdlog_is_given_is_what_is_written])
