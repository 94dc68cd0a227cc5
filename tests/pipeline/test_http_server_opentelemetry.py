#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The server of examples/http-server with opentelemetry-cpp: it is compared with the one without, so it has
to say the same of the same requests, whichever exporter it has."""
import re

import harness
import otlp_sink
from test_http_server import attributes, drained, get, items, start, trace_of

TWIN = "http-server-opentelemetry"
# What is asked, and how many spans and log records come of it.
REQUESTS = (("/", "GET"), ("/products/42", "GET"), ("/fail", "GET"), ("/nobody", "GET"), ("/", "POST"))
SPANS, LOGS = 1 + 3 + 2 + 1 + 1, 2


def ask(server):
    for number, (path, method) in enumerate(REQUESTS, 1):
        trace, span = trace_of(number)
        get(server, path, method, **{"traceparent": f"00-{trace}-{span}-01", "User-Agent": "tester/1"})
    trace, span = trace_of(77)
    get(server, "/products/7", traceparent=f"00-{trace}-{span}-00")


def said(pipe, server):
    """What is in the files, without what differs from run to run."""

    def of(item):
        return {key: value for key, value in attributes(item).items() if key != "server.port"}

    spans = items(pipe, "traces")
    names = {span["spanId"]: span["name"] for span in spans}
    told = [
        (
            span["traceId"],
            names.get(span.get("parentSpanId"), span.get("parentSpanId")),
            span["name"],
            span["kind"],
            span.get("status"),
            of(span),
            [(event["name"], attributes(event)) for event in span.get("events", ())],
        )
        for span in spans
    ]
    for span in spans:
        harness.check(int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"]), f"{span}")
        harness.equal(attributes(span).get("server.port", server.port), server.port, "server.port")
    logs = [
        (
            log["traceId"],
            names.get(log["spanId"]),
            log["severityNumber"],
            log["severityText"],
            log["body"],
            of(log),
        )
        for log in items(pipe, "logs")
    ]
    return sorted(told, key=str), sorted(logs, key=str)


def its_spans_and_logs_are_those_of_the_server_without_the_sdk(pipe):
    found = []
    for name, words in (("http-server", ()), (TWIN, ("--exporter", "otlpipe"))):
        writer = pipe.writer(output=pipe.scratch / name)
        pipe.output = pipe.scratch / name
        server = start(pipe, *words, name=name)
        ask(server)
        server.stop()
        drained(pipe, writer)
        found.append(said(pipe, server))
    harness.equal(len(found[0][0]), SPANS, "spans")
    harness.equal(found[1][0], found[0][0], "spans of the twin")
    # The request that is not sampled has a log record all the same, whose span nobody has.
    harness.equal(len(found[0][1]), LOGS + 1, "log records")
    harness.equal(found[1][1], found[0][1], "log records of the twin")


def what_it_ended_it_exported(pipe):
    sink = otlp_sink.Sink(pipe.scratch / "sink")
    pipe.undo.append(sink.close)
    file = pipe.scratch / "spans"
    for exporter in (f"otlp:{sink.url.rsplit(':', 1)[1]}", f"ostream:{file}"):
        server = start(pipe, "--exporter", exporter, name=TWIN)
        ask(server)
        server.stop()
        wanted = f"spans: {SPANS} ended, {SPANS} exported; logs: {LOGS + 1} emitted, {LOGS + 1} exported"
        harness.check(wanted in server.out, f"{exporter}: {server.out}")
    harness.check(sink.kept >= 2, f"the receiver got {sink.kept} requests")
    text = file.with_name("spans.spans").read_text(encoding="utf-8")
    harness.equal(len(re.findall(r"^  name +:", text, re.MULTILINE)), SPANS, "spans in the file")
    text = file.with_name("spans.logs").read_text(encoding="utf-8")
    harness.equal(len(re.findall(r"^  severity_text +:", text, re.MULTILINE)), LOGS + 1, "logs in the file")


def a_wrong_command_line_is_an_error(pipe):
    for words in ((), ("--exporter", "otlpipe", "--queue", "1"), ("--exporter", "otlpipe", "more")):
        found = pipe.run(TWIN, *words, expected=2)
        harness.check("usage" in found.err, found.err)
    for exporter in ("nobody", f"ostream:{pipe.scratch}/none/there"):
        found = pipe.run(TWIN, "--exporter", exporter, expected=1)
        harness.check("no exporter can be made" in found.err, found.err)


if __name__ == "__main__":
    harness.run(
        [
            its_spans_and_logs_are_those_of_the_server_without_the_sdk,
            what_it_ended_it_exported,
            a_wrong_command_line_is_an_error,
        ]
    )
