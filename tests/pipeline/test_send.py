#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`otlpipe send`: every record reaches the receiver once, whatever the receiver answers, and what may be
there twice is counted. The receiver is otlp_sink.py.

usage: test_send.py BUILD_DIR
"""
import re
import shutil
import signal
import ssl
import subprocess
import sys

sys.dont_write_bytecode = True
import harness
import otlp_sink
from harness import check, equal, wait_for

SUMS = re.compile(
    r"^sent (?:(\d+) spans)?(?:, )?(?:(\d+) points)?(?:, )?(?:(\d+) logs)? in (\d+) requests .*; (\d+) retries, (\d+) maybe twice, "
    r"(\d+) rejected, (\d+) set aside, (\d+) too old, (\d+) gaps(; not all was sent)?$",
    re.MULTILINE,
)
NAMES = "spans points logs requests retries twice rejected refused old gaps rest".split()
QUICK = ("--backoff-max", "50ms", "--timeout", "20s")


def sink_of(pipe, decide=None, name="got"):
    sink = otlp_sink.Sink(pipe.scratch / name, decide)
    pipe.undo.append(sink.close)
    return sink


def fill(pipe, count=2000, *arguments):
    """An output directory with that many records of each signal, and no writer."""
    writer = pipe.writer("--batch-bytes", "64KiB", "--rotate-bytes", "256KiB")
    pipe.load("--count", count, "--retry", "--wait", "--signal", "all", *arguments).wait()
    writer.stop()


def send(pipe, sink, *arguments, expected=0, wait=True, **others):
    process = pipe.start("otlpipe", "send", "--to", sink.url, *QUICK, *arguments, pipe.output, **others)
    if wait:
        process.wait(expected)
    return process


def sums(process):
    found = SUMS.search(process.out)
    check(found, lambda: f"no sums\n{process.tail()}")
    numbers = dict(zip(NAMES, found.groups()))
    return {name: int(value or 0) if name != "rest" else bool(value) for name, value in numbers.items()}


def got(pipe, sink, duplicates=0):
    """load_scan's counts of what the receiver has."""
    found = pipe.run("load_scan", sink.folder).json()
    equal((found["duplicates"], found["strange"]), (duplicates, 0), f"duplicates and strange in {found}")
    return found


def check_all(pipe, sink, count):
    found = got(pipe, sink)
    equal((found["spans"], found["points"], found["logs"]), (count,) * 3, "what the receiver has")


def what_is_written_is_sent_while_it_is_written(pipe):
    sink = sink_of(pipe)
    # It may be started before its writer has made the directory.
    sender = send(pipe, sink, "--follow", "--compression", "gzip", "--header", "X-Key=a b", wait=False)
    wait_for(lambda: "waiting for it" in sender.err, "a sender that waits")
    writer = pipe.writer("--batch-bytes", "64KiB", "--rotate-bytes", "128KiB")
    for _ in range(3):
        pipe.load("--count", 1000, "--retry", "--wait", "--signal", "all").wait()
    writer.stop()
    wait_for(
        lambda: all(
            re.search(rf"^next {name} \d+ \d+ [1-9]", cursor_text(pipe), re.MULTILINE)
            for name in ("traces", "metrics", "logs")
        )
        and not is_behind(pipe),
        "all is acknowledged",
    )
    sender.stop(signal.SIGTERM)
    equal({**sums(sender), "requests": 0, "retries": 0}, {**dict.fromkeys(NAMES, 0), "spans": 3000,
          "points": 3000, "logs": 3000, "rest": False}, "the sums")
    headers = sink.headers[0]
    equal((headers["X-Key"], headers["Content-Type"]), ("a b", "application/x-protobuf"), "headers")
    # Each load is a process of its own that counts from 0.
    found = pipe.run("load_scan", sink.folder).json()
    equal((found["spans"], found["points"], found["logs"]), (3000,) * 3, "what the receiver has")
    before = sink.requests
    equal(sums(send(pipe, sink))["spans"], 0, "spans that are sent again")
    equal(sink.requests, before, "requests of a sender that has nothing to send")


def cursor_text(pipe, name="default"):
    path = pipe.output / f"otlpipe-send.{name}.cursor"
    return path.read_text(encoding="ascii") if path.exists() else ""


def is_behind(pipe):
    """By the cursor: is there a file that it has not passed?"""
    nexts = dict(re.findall(r"^next (\w+) (\d+)", cursor_text(pipe), re.MULTILINE))
    return any(
        int(path.name.split("-")[2].split(".")[0]) >= int(nexts.get(kind, 0))
        for kind, path in pipe.files()
    )


def requests_are_cut_below_the_limit_and_joined_up_to_it(pipe):
    fill(pipe, 1000)
    sizes = []
    sink = sink_of(pipe, lambda name, body, number: sizes.append(len(body)) or otlp_sink.TAKE)
    send(pipe, sink, "--request-bytes", "20KiB", "--name", "small")
    check(max(sizes) <= 20 << 10 and min(sizes[:5]) > 18 << 10, f"sizes of the requests: {sizes}")
    check_all(pipe, sink, 1000)
    large = sink_of(pipe, name="large")
    equal(sums(send(pipe, large, "--name", "large", "--request-bytes", "16MiB"))["requests"], 3, "requests")
    check_all(pipe, large, 1000)


def what_is_not_taken_is_sent_again(pipe):
    """All that a receiver may answer instead of taking a request, and then it takes them."""
    fill(pipe, 500)
    plain = {"Content-Type": "text/plain"}
    answers = {
        1: (429, {"Retry-After": "1"}, b"slowly"),
        2: (503, plain, b"later"),
        3: (200, {"Content-Type": "text/html", "X-Drop": "1"}, b"<html>please log in</html>"),
        4: (200, {"Content-Type": "application/x-protobuf", "X-Drop": "1"}, b"\xff\xff\xff"),
        5: "cut",
        6: (502, plain, b""),
        7: (503, {"Retry-After": "Thu, 01 Jan 2026 00:00:00 GMT"}, b""),
        8: (500, plain, b"oops"),
        9: "stuck",
    }
    sink = sink_of(pipe, lambda name, body, number: answers.get(number, otlp_sink.TAKE))
    sender = send(pipe, sink, "--concurrency", 1, "--timeout", "500ms")
    found = sums(sender)
    check_all(pipe, sink, 500)
    equal((found["retries"], found["rest"]), (len(answers), False), "retries, and what is left")
    # Those of 3, 4, 5, 6, 8 and 9, whoever took them.
    check(found["twice"] >= 6, f"maybe twice: {found}")
    check("it takes" in sender.err and "again, after" in sender.err, sender.err)


def an_answer_that_is_cut_is_counted_as_maybe_twice(pipe):
    fill(pipe, 300)
    sink = sink_of(pipe, lambda name, body, number: "cut-answer" if number == 1 else otlp_sink.TAKE)
    process = send(pipe, sink, "--concurrency", 1, "--signal", "traces")
    equal(sums(process)["twice"], 300, "spans that may be there twice")
    # The first copy is not kept by the sink, which is as good as lost.
    equal(got(pipe, sink)["spans"], 300, "spans that the receiver has")


def a_partial_success_is_counted_and_is_a_failure(pipe):
    fill(pipe, 200)
    text = b"\x08\x03\x12\x07too bad"  # 3 rejected
    partial = (200, {"Content-Type": "application/x-protobuf"}, b"\x0a" + bytes([len(text)]) + text)
    sink = sink_of(pipe, lambda name, body, number: partial)
    process = send(pipe, sink, expected=1)
    equal(sums(process)["rejected"], 9, "rejected items")
    check("too bad" in process.err, process.err)
    equal(send(pipe, sink).err, "", "what a second run says, which has nothing to send")


def a_record_that_is_refused_is_found_and_set_aside(pipe):
    fill(pipe, 1000)
    bad = []

    def decide(name, body, number):
        if name == "traces" and not bad:
            at = body.index(b"\x0a\x10", len(body) // 3)  # a trace id
            bad.append(body[at : at + 18 + 10])  # with the span id behind it
        if bad and bad[0] in body:
            return (400, {"Content-Type": "application/x-protobuf"}, b"\x12\x08bad span")
        return otlp_sink.TAKE

    sink = sink_of(pipe, decide)
    process = send(pipe, sink, expected=1)
    found = sums(process)
    equal((found["spans"], found["refused"], found["rest"]), (999, 1, False), "sent, set aside, left")
    check("bad span" in process.err, process.err)
    aside = pipe.output / "otlpipe-send.default.refused-traces.binpb"
    check(b"400 Bad Request: bad span" in aside.read_bytes(), "the reason in the file")
    equal(pipe.tool("cat", aside).out.count('"spanId"'), 1, "spans that cat finds in it")
    shutil.copy(aside, sink.folder / "traces" / "traces-20260101T000000Z-99999999.binpb")
    check_all(pipe, sink, 1000)
    send(pipe, sink)
    equal(sink.requests, len(sink.headers), "requests")


def what_is_only_too_large_is_halved_and_the_limit_is_learnt(pipe):
    fill(pipe, 4000)
    for status in (413, 400):
        sink = sink_of(
            pipe,
            lambda name, body, number, status=status: (status, {}, b"http: request body too large")
            if len(body) > 200000
            else otlp_sink.TAKE,
            f"got-{status}",
        )
        process = send(pipe, sink, "--name", f"s{status}")
        check_all(pipe, sink, 4000)
        equal(sums(process)["refused"], 0, "set aside")
        check("takes their halves" in process.err, process.err)


def a_receiver_that_takes_nothing_ends_it_with_one_line(pipe):
    fill(pipe, 200)
    for status in (401, 403, 404, 301):
        sink = sink_of(pipe, lambda name, body, number, status=status: (status, {"Location": "/x"}, b"no"), f"g{status}")
        process = send(pipe, sink, expected=1)
        check(f"{status} " in process.err or "redirects" in process.err, process.err)
        equal(process.err.count("\n"), 1, f"lines of {process.err}")
        equal(sums(process)["rest"], True, "something is left")
    refusing = sink_of(pipe, lambda *_: (400, {}, b"no"), "refusing")
    process = send(pipe, refusing, "--request-bytes", "1KiB", "--signal", "logs", expected=1)
    check("in a row and taken none" in process.err, process.err)
    sink = sink_of(pipe)
    found = sums(send(pipe, sink))
    refused = sum(path.read_bytes().count(b"400 Bad Request") for path in pipe.output.glob("*refused*"))
    equal(found["spans"] + found["points"] + found["logs"] + refused, 600, "all of it, once")


def a_receiver_that_is_away_is_waited_for(pipe):
    fill(pipe, 200)
    sink = sink_of(pipe)
    url = sink.url
    sink.close()
    process = pipe.tool(
        "send", "--to", url, "--backoff-max", "20ms", "--give-up-after", "300ms", pipe.output, expected=1
    )
    check("--give-up-after" in process.err and "next try" in process.err, process.err)
    equal((sums(process)["twice"], sums(process)["spans"]), (0, 0), "twice and sent")
    again = sink_of(pipe, name="again")
    equal(sums(send(pipe, again))["twice"], 0, "what may be there twice: nothing went out")
    check_all(pipe, again, 200)


def a_cursor_is_one_senders_and_is_never_guessed(pipe):
    fill(pipe, 100)
    sink = sink_of(pipe, lambda *_: "stuck")
    first = send(pipe, sink, "--grace", "0", wait=False)
    wait_for(lambda: sink.requests > 0, "a request is under way")
    check("another sender uses this cursor" in send(pipe, sink, expected=1).err, "the second sender")
    first.kill()
    sink.release()
    path = pipe.output / "otlpipe-send.default.cursor"
    good = path.read_bytes()
    for change, text in (
        (good[:-30], "damaged"),
        (good.replace(b"next", b"nexT"), "damaged"),
        (b"", "damaged"),
    ):
        path.write_bytes(change)
        check(text in send(pipe, sink, expected=1).err, f"a cursor of {change[:40]}")
    path.write_bytes(good)
    taker = sink_of(pipe, name="taker")
    equal(sums(send(pipe, taker))["twice"], 300, "what was under way may be there twice")
    check_all(pipe, taker, 100)


def a_cursor_that_cannot_be_written_is_waited_for(pipe):
    fill(pipe, 100)
    sink = sink_of(pipe)
    aside = pipe.output / "otlpipe-send.default.cursor.new"
    aside.mkdir()
    sender = send(pipe, sink, wait=False)
    wait_for(lambda: "the cursor cannot be written" in sender.err, "it is said")
    equal(sink.requests, 0, "requests without a cursor")
    aside.rmdir()
    sender.wait()
    check("sending goes on" in sender.err, sender.err)
    check_all(pipe, sink, 100)


def told_to_stop_it_waits_for_answers_for_a_while(pipe):
    fill(pipe, 100)
    sink = sink_of(pipe, lambda *_: "late")
    sender = send(pipe, sink, "--follow", "--grace", "60s", wait=False)
    wait_for(lambda: sink.requests == 3, "three requests are under way")
    sender.send(signal.SIGTERM)
    sink.release()
    sender.wait()
    equal((sums(sender)["spans"], sums(sender)["rest"]), (100, False), "sent, and left")
    equal(sums(send(pipe, sink))["requests"], 0, "requests of the next run")
    stuck = sink_of(pipe, lambda *_: "stuck", "stuck")
    sender = send(pipe, stuck, "--follow", "--name", "other", "--grace", "10ms", wait=False)
    wait_for(lambda: stuck.requests == 3, "three requests are under way")
    sender.stop()
    equal((sums(sender)["spans"], sums(sender)["rest"]), (0, True), "sent, and left")


def a_batch_that_was_written_again_is_passed_over(pipe):
    """As after a disk error: the same batches stand in a later file too."""
    fill(pipe, 2000)
    files = [path for name, path in pipe.files("sealed") if name == "traces"]
    number = int(files[-1].name.split("-")[2].split(".")[0])
    for path in files[-2:]:
        number += 1
        shutil.copy(path, path.with_name(f"traces-20300101T000000Z-{number:08d}.binpb"))
    sink = sink_of(pipe)
    equal(sums(send(pipe, sink))["gaps"], 0, "gaps")
    check_all(pipe, sink, 2000)


def what_retention_took_is_a_gap_that_is_named(pipe):
    fill(pipe, 3000)
    sink = sink_of(pipe, lambda name, body, number: otlp_sink.TAKE if number == 1 else (404, {}, b""))
    send(pipe, sink, "--signal", "traces", "--concurrency", 1, "--request-bytes", "64KiB", expected=1)
    files = [path for name, path in pipe.files("sealed") if name == "traces"]
    check(len(files) > 3, f"files: {files}")
    for path in files[:-1]:
        path.unlink()
    sink.decide = lambda *_: otlp_sink.TAKE
    process = send(pipe, sink, "--signal", "traces", expected=1)
    check(sums(process)["gaps"] > 0, f"gaps: {process.out}")
    check("are missing in front of" in process.err or "were removed before" in process.err, process.err)
    again = send(pipe, sink, "--signal", "traces")
    equal((again.err, sums(again)["gaps"]), ("", 0), "a gap is told once")


def retention_keeps_what_is_not_sent(pipe):
    fill(pipe, 3000)
    words = ("--retain-bytes", "64KiB", "--retain-for", "x", "--min-free", "1")
    first = [path for name, path in pipe.files() if name == "traces"][0]
    # A writer looks when it starts, and then every ten seconds.
    writer = pipe.writer(*words)
    wait_for(lambda: "more is kept than --retain-bytes" in writer.err, "the log says that more is kept")
    check("--retain-for x: it has no cursor yet" in writer.err, writer.err)
    stat = lambda: pipe.tool("stat", "--json", "--dir", pipe.runtime).out
    wait_for(lambda: "(--retain-for)" in stat(), "the status says it too")
    sink = sink_of(pipe)
    equal(sums(send(pipe, sink, "--name", "x"))["gaps"], 0, "gaps: nothing was removed before")
    check_all(pipe, sink, 3000)
    writer.stop()
    check(first.exists(), "the oldest file was kept")
    writer = pipe.writer(*words)
    wait_for(lambda: not first.exists(), "what is sent is removed")
    writer.stop()


def metrics_and_max_age(pipe):
    fill(pipe, 100)
    sink = sink_of(pipe)
    path = pipe.scratch / "metrics.prom"
    harness.nap(0.1)
    found = sums(send(pipe, sink, "--max-age", "50ms", "--metrics", path))
    equal((found["old"], found["spans"], sink.requests), (300, 0, 0), "too old, sent, requests")
    text = path.read_text(encoding="ascii")
    check('otlpipe_send_too_old_items_total{signal="traces"} 100' in text, text)
    equal(sums(send(pipe, sink))["spans"], 0, "what was passed over is passed")


def certificates(pipe):
    """A key and a certificate for 127.0.0.1 that is its own authority."""
    if shutil.which("openssl") is None:
        raise harness.Skip("no openssl")
    key, certificate = pipe.scratch / "key.pem", pipe.scratch / "cert.pem"
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1"
    command = ["openssl", *words.split(), "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        [*command, "-keyout", key, "-out", certificate], check=True, stderr=subprocess.DEVNULL
    )
    return key, certificate


def over_tls_both_ends_are_checked(pipe):
    fill(pipe, 100)
    key, certificate = certificates(pipe)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    tls.load_verify_locations(certificate)
    tls.verify_mode = ssl.CERT_REQUIRED
    sink = otlp_sink.Sink(pipe.scratch / "got", tls=tls)
    pipe.undo.append(sink.close)
    process = send(pipe, sink, expected=1)
    check("certificate" in process.err, process.err)
    equal(sink.requests, 0, "requests to a receiver that nobody vouches for")
    process = send(pipe, sink, "--ca", pipe.scratch / "none.pem", expected=1)
    check("none.pem" in process.err, process.err)
    send(pipe, sink, "--ca", certificate, "--certificate", certificate, "--key", key)
    check_all(pipe, sink, 100)


def wrong_words_are_told(pipe):
    pipe.output.mkdir()
    for arguments, environment, text in (
        (("--to", "localhost:4318"), {}, "--to takes http://"),
        (("--request-bytes", "21MiB"), {}, "--request-bytes takes"),
        (("--name", "../x"), {}, "--name takes"),
        ((), {"OTEL_EXPORTER_OTLP_LOGS_TIMEOUT": "soon"}, "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT takes"),
        ((), {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "http/protobuf"),
        ((), {"OTEL_EXPORTER_OTLP_HEADERS": "no"}, "OTEL_EXPORTER_OTLP_HEADERS takes"),
    ):
        process = pipe.tool("send", *arguments, pipe.output, expected=2, environment=environment)
        check(text in process.err, lambda: f"{arguments} {environment}: {process.err}")


def variables_say_where_and_how(pipe):
    fill(pipe, 50)
    sink = sink_of(pipe)
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"{sink.url}/base/",
        "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": f"{sink.url}/own/logs",
        "OTEL_EXPORTER_OTLP_HEADERS": "api-key=a%20b, x=y",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
    }
    paths = []
    answer = sink.answer
    sink.answer = lambda handler: paths.append(handler.path) or answer(handler)
    pipe.tool("send", pipe.output, environment=environment)
    equal(sorted(paths), ["/base/v1/metrics", "/base/v1/traces", "/own/logs"], "paths")
    equal((sink.headers[0]["api-key"], sink.headers[0]["x"]), ("a b", "y"), "headers")
    check_all(pipe, sink, 50)


if __name__ == "__main__":
    harness.run(
        [
            what_is_written_is_sent_while_it_is_written,
            requests_are_cut_below_the_limit_and_joined_up_to_it,
            what_is_not_taken_is_sent_again,
            an_answer_that_is_cut_is_counted_as_maybe_twice,
            a_partial_success_is_counted_and_is_a_failure,
            a_record_that_is_refused_is_found_and_set_aside,
            what_is_only_too_large_is_halved_and_the_limit_is_learnt,
            a_receiver_that_takes_nothing_ends_it_with_one_line,
            a_receiver_that_is_away_is_waited_for,
            a_cursor_is_one_senders_and_is_never_guessed,
            a_cursor_that_cannot_be_written_is_waited_for,
            told_to_stop_it_waits_for_answers_for_a_while,
            a_batch_that_was_written_again_is_passed_over,
            what_retention_took_is_a_gap_that_is_named,
            retention_keeps_what_is_not_sent,
            metrics_and_max_age,
            over_tls_both_ends_are_checked,
            wrong_words_are_told,
            variables_say_where_and_how,
        ]
    )
