#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""examples/http-server: what its clients were answered is in the files, also when it is killed."""
import http.client
import json
import re
import shutil
import signal
import threading

import harness


def start(pipe, *arguments, name="http-server"):
    server = pipe.start(name, "--port", 0, *arguments, environment={
        "OTLPIPE_DIR": str(pipe.runtime), "OTEL_SERVICE_NAME": "shop",
    })  # fmt: skip
    found = harness.wait_for(
        lambda: re.search(r"127\.0\.0\.1:(\d+)", server.out) or not server.is_running(), "the server listens"
    )
    harness.check(found is not True, lambda: f"the server has ended\n{server.tail()}")
    server.port = int(found[1])
    return server


def trace_of(number):
    return f"{number:032x}", f"{number:016x}"


class Client(threading.Thread):
    """Asks for one product after another, each in a trace of its own, until the server is gone."""

    def __init__(self, port, first):
        super().__init__(daemon=True)
        self.port, self.first, self.answered, self.stopped = port, first, [], False
        self.start()

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        number = self.first
        try:
            while not self.stopped:
                number += 1
                trace, span = trace_of(number)
                connection.request("GET", f"/products/{number % 1000}", headers={"traceparent": f"00-{trace}-{span}-01"})
                answer = connection.getresponse()
                answer.read()
                if answer.status == 200:
                    self.answered.append(number)
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()


def get(server, path, method="GET", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def plain(value):
    """Of OTLP JSON's AnyValue."""
    ((kind, content),) = value.items()
    return int(content) if kind == "intValue" else content


def attributes(item):
    return {a["key"]: plain(a["value"]) for a in item.get("attributes", ())}


def items(pipe, signal_name):
    lines = pipe.tool("cat", "--signal", signal_name, pipe.output).out.splitlines()
    outer, scopes, inner = {
        "traces": ("resourceSpans", "scopeSpans", "spans"),
        "metrics": ("resourceMetrics", "scopeMetrics", "metrics"),
        "logs": ("resourceLogs", "scopeLogs", "logRecords"),
    }[signal_name]
    return [
        item
        for line in lines
        for resource in json.loads(line)[outer]
        for scope in resource[scopes]
        for item in scope[inner]
    ]


def drained(pipe, writer):
    harness.wait_for(lambda: not pipe.regions(), "all is written")
    writer.stop()
    found = pipe.verify()
    for name in ("spans", "points", "logs"):
        harness.equal(found[name]["invalid_items"], 0, f"invalid {name}")
    return found


def every_answered_request_is_in_the_files_when_the_server_is_killed(pipe):
    writer = pipe.writer()
    server = start(pipe)
    clients = [Client(server.port, 1_000_000 * (i + 1)) for i in range(4)]
    harness.wait_for(lambda: sum(len(c.answered) for c in clients) > 500, "500 answers")
    server.kill()
    for client in clients:
        client.join(60)
        harness.check(not client.is_alive(), "a client hangs")
    answered = [number for client in clients for number in client.answered]
    found = drained(pipe, writer)
    harness.equal(sum(found["dropped_items"].values()), 0, "dropped items")
    spans = items(pipe, "traces")
    servers = {span["traceId"]: span for span in spans if span["kind"] == 2}
    below = {}
    for span in spans:
        if span["kind"] != 2:
            below.setdefault((span["traceId"], span["parentSpanId"]), set()).add(span["name"])
    for number in answered:
        trace, parent = trace_of(number)
        harness.check(trace in servers, lambda: f"request {number} was answered, and its span is not there")
        harness.equal(servers[trace]["parentSpanId"], parent, "the client's span")
        names = below.get((trace, servers[trace]["spanId"]), set())
        harness.equal(names, {"SELECT products", "render product.html"}, "the spans below it")
    logs = {(log["traceId"], log["spanId"]) for log in items(pipe, "logs")}
    missing = [n for n in answered if (trace_of(n)[0], servers[trace_of(n)[0]]["spanId"]) not in logs]
    harness.equal(missing, [], "answered requests without their log record")


def spans_have_the_names_of_the_semantic_conventions(pipe):
    writer = pipe.writer()
    server = start(pipe)
    harness.equal(get(server, "/products/42", **{"User-Agent": "tester/1"}), 200, "status")
    harness.equal(get(server, "/fail"), 500, "status")
    harness.equal(get(server, "/nobody"), 404, "status")
    harness.equal(get(server, "/products/42x"), 404, "status")
    harness.equal(get(server, "/", "POST"), 405, "status")
    harness.equal(get(server, "/", "BREW"), 405, "status")
    server.stop()
    drained(pipe, writer)
    spans = items(pipe, "traces")
    by_path = {}
    for span in spans:
        if span["kind"] == 2:
            by_path.setdefault(attributes(span)["url.path"], []).append(span)
    (product,) = by_path["/products/42"]
    harness.equal(product["name"], "GET /products/{id}", "name")
    found = attributes(product)
    harness.equal(found.pop("server.port"), server.port, "server.port")
    harness.equal(found, {
        "http.request.method": "GET", "url.path": "/products/42", "url.scheme": "http",
        "http.route": "/products/{id}", "http.response.status_code": 200, "server.address": "127.0.0.1",
        "client.address": "127.0.0.1", "user_agent.original": "tester/1", "network.protocol.name": "http",
        "network.protocol.version": "1.1",
    }, "attributes")  # fmt: skip
    harness.check("parentSpanId" not in product and "status" not in product, f"{product}")
    (failure,) = by_path["/fail"]
    harness.equal(failure["status"], {"message": "the database did not answer", "code": 2}, "status")
    harness.equal(attributes(failure)["error.type"], "shop.database_unavailable", "error.type")
    (event,) = failure["events"]
    harness.equal((event["name"], attributes(event)["exception.type"]),
                  ("exception", "shop.database_unavailable"), "the event")  # fmt: skip
    (database,) = [s for s in spans if s.get("parentSpanId") == failure["spanId"]]
    harness.equal((database["kind"], database["status"]["code"]), (3, 2), "the call that failed")
    harness.equal(attributes(database)["db.system.name"], "postgresql", "db.system.name")
    for path in ("/nobody", "/products/42x"):
        (span,) = by_path[path]
        harness.check(span["name"] == "GET" and "http.route" not in attributes(span), f"{span}")
    brew = next(s for s in by_path["/"] if s["name"] == "HTTP")
    harness.equal(attributes(brew)["http.request.method_original"], "BREW", "the client's method")
    (error,) = [log for log in items(pipe, "logs") if log["severityText"] == "ERROR"]
    harness.equal((error["traceId"], error["spanId"]), (failure["traceId"], failure["spanId"]), "the log's")


def durations_and_active_requests_are_exported(pipe):
    writer = pipe.writer()
    server = start(pipe)
    for _ in range(20):
        harness.equal(get(server, "/products/1"), 200, "status")
    harness.equal(get(server, "/fail"), 500, "status")
    server.stop()
    drained(pipe, writer)
    metrics = items(pipe, "metrics")
    durations = [m for m in metrics if m["name"] == "http.server.request.duration"]
    harness.check(all(m["unit"] == "s" for m in durations), f"{durations}")
    last = {
        attributes(p)["http.route"]: p for m in durations for p in m["histogram"]["dataPoints"]
    }
    harness.equal(int(last["/products/{id}"]["count"]), 20, "count of products")
    point = last["/fail"]
    harness.equal((int(point["count"]), attributes(point)["error.type"], attributes(point)["http.response.status_code"]),
                  (1, "shop.database_unavailable", 500), "the failure")  # fmt: skip
    harness.equal(point["explicitBounds"], [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
                  "bounds")  # fmt: skip
    active = [m for m in metrics if m["name"] == "http.server.active_requests"]
    harness.check(active and all(not m["sum"].get("isMonotonic") for m in active), f"{active}")
    newest = {attributes(p)["http.request.method"]: p for m in active for p in m["sum"]["dataPoints"]}
    harness.equal(int(newest["GET"]["asInt"]), 0, "active requests at the end")


def a_trace_parent_that_is_none_begins_a_trace_and_one_not_sampled_makes_none(pipe):
    writer = pipe.writer()
    server = start(pipe)
    trace, span = trace_of(77)
    wrong = (f"00-{trace}-{span}", f"ff-{trace}-{span}-01", f"00-{trace}-{'0' * 16}-01", f"00-{trace.replace('4', 'G')}-{span}-01",
             f"00-{trace}-{span}-01-more", "x", f"00-{'0' * 32}-{span}-01")  # fmt: skip
    for text in wrong:
        harness.equal(get(server, "/", traceparent=text), 200, "status")
    harness.equal(get(server, "/products/7", traceparent=f"00-{trace}-{span}-00"), 200, "status")
    harness.equal(get(server, "/", traceparent=f"cc-{trace}-{span}-01-later", tracestate="a=b"), 200, "status")
    server.stop()
    drained(pipe, writer)
    spans = items(pipe, "traces")
    harness.equal(len(spans), len(wrong) + 1, "spans")
    (later,) = [s for s in spans if s["traceId"] == trace]
    harness.equal((later["parentSpanId"], later["traceState"]), (span, "a=b"), "the parent, and its state")
    harness.equal(len({s["traceId"] for s in spans}), len(spans), "traces")
    (log,) = items(pipe, "logs")
    harness.equal(log["traceId"], trace, "the trace of a log record of a request that is not sampled")


def load_by_wrk_and_a_kill_lose_nothing_that_was_pushed(pipe):
    if shutil.which("wrk") is None:
        raise harness.Skip("wrk is not installed")
    writer = pipe.writer()
    server = start(pipe)
    wrk = harness.Process(pipe, "wrk", ["wrk", "-t1", "-c8", "-d30s", f"http://127.0.0.1:{server.port}/products/5"])

    def served():
        regions = pipe.tool("stat", "--json", "--dir", pipe.runtime).json()["regions"]
        return sum(ring["accepted_items"] for region in regions for ring in region["rings"]) > 20000

    harness.wait_for(served, "20000 items are pushed")
    server.kill()
    wrk.kill()
    drained(pipe, writer)
    found = pipe.verify()
    harness.check(found["spans"]["written_items"] > 1000, f"{found}")


def a_wrong_command_line_and_a_taken_port_are_errors(pipe):
    for words in (("--port", "70000"), ("--threads", "1"), ("what",), ("--db-us", "-1")):
        found = pipe.run("http-server", *words, expected=2)
        harness.check("usage" in found.err, found.err)
    server = start(pipe, "--no-telemetry")
    harness.equal(get(server, "/products/1"), 200, "status")
    found = pipe.run("http-server", "--port", server.port, "--no-telemetry", expected=1)
    harness.check("cannot listen" in found.err, found.err)
    server.stop()
    harness.equal(pipe.regions(), [], "regions of a server without telemetry")


if __name__ == "__main__":
    harness.run(
        [
            every_answered_request_is_in_the_files_when_the_server_is_killed,
            spans_have_the_names_of_the_semantic_conventions,
            durations_and_active_requests_are_exported,
            a_trace_parent_that_is_none_begins_a_trace_and_one_not_sampled_makes_none,
            load_by_wrk_and_a_kill_lose_nothing_that_was_pushed,
            a_wrong_command_line_and_a_taken_port_are_errors,
        ]
    )
