#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The numbers of the writer and the rings for those who watch: OpenMetrics text, by the tool and by
the writer's own page; they are those of `otlpipe stat --json`."""
import contextlib
import json
import mmap
import os
import re
import shutil
import signal
import socket
import stat as modes
import struct
import subprocess

import harness
from prometheus_client.openmetrics.parser import text_string_to_metric_families

TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"

# shm/status.h: when the writer last looked at the rings, in writer.lock.
HEARTBEAT_AT = 48
HOUR_NS = 3600 * 10**9
WORD = struct.Struct("<Q")


def parsed(text):
    """(name, labels as a frozenset) -> value; the parser refuses what is no OpenMetrics."""
    found = {}
    for family in text_string_to_metric_families(text):
        harness.check(family.name.startswith("otlpipe_"), family.name)
        harness.check(family.documentation, f"{family.name} has no HELP")
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            harness.check(key not in found, f"{key} is there twice")
            found[key] = sample.value
    return found


def get(found, name, **labels):
    return found[(f"otlpipe_{name}", frozenset(labels.items()))]


def same_as_json(found, stat):
    """Each number of `stat --json` that is one of Prometheus's too."""
    writer = stat["writer"]
    harness.equal(get(found, "writer_up"), writer["running"], "writer_up")
    state = writer["state"]
    harness.equal(get(found, "writer_state", otlpipe_writer_state=state), 1, "writer_state")
    harness.equal(get(found, "writer_regions_left_aside_total"), writer["regions_left_aside"], "left aside")
    for name, signal_of in writer["signals"].items():
        for field in ("batches", "batch_bytes", "written_items", "invalid_items", "lost_items"):
            harness.equal(get(found, f"writer_{field}_total", signal=name), signal_of[field], field)
        for field in ("torn_bytes", "files_sealed", "errors", "syncs"):
            harness.equal(get(found, f"writer_{field}_total", signal=name), signal_of[field], field)
        for reason in ("full", "too_large", "invalid"):
            dropped = get(found, "writer_dropped_items_total", signal=name, reason=reason)
            harness.equal(dropped, signal_of[f"dropped_{reason}_items"], reason)
        seconds = get(found, "writer_sync_seconds_total", signal=name)
        harness.check(abs(seconds - signal_of["sync_ns"] / 1e9) < 1e-6, "sync_ns")
        output = stat["disk"]["signals"].get(name)
        if stat["disk"]["readable"]:
            harness.equal(get(found, "output_files", signal=name), output["files"], "files")
            harness.equal(get(found, "output_bytes", signal=name), output["bytes"], "bytes")
    for field in ("runs", "removed_files", "removed_bytes", "missing_files", "failures"):
        harness.equal(get(found, f"retention_{field}_total"), writer["retention"][field], field)
    totals = stat["totals"]
    for field in ("size_bytes", "used_bytes", "waiting_bytes", "accepted_items", "blocked"):
        harness.equal(get(found, f"rings_{field}"), totals[field], field)
    for reason in ("full", "too_large", "invalid"):
        harness.equal(
            get(found, "rings_dropped_items", reason=reason), totals[f"dropped_{reason}_items"], reason
        )
    for field in ("held_bytes", "ended_held_bytes", "ended_waiting_bytes", "ended_regions"):
        harness.equal(get(found, field), stat["memory"][field], field)
    harness.equal(get(found, "regions"), len(stat["regions"]) + stat["unlisted_regions"], "regions")
    harness.equal(get(found, "unreadable_regions"), stat["unreadable_regions"], "unreadable")
    for name, dropped in stat["without_ring"]["dropped_items"].items():
        harness.equal(get(found, "without_ring_dropped_items_total", signal=name), dropped, "without ring")
    rows = 0
    signals = {"spans": "traces", "metrics": "metrics", "logs": "logs"}
    for region in stat["regions"]:
        for ring in region["rings"]:
            labels = {"region": region["id"], "pid": str(region["pid"]), "program": region["program"]}
            labels |= {"service": region["service"], "signal": signals[ring["signal"]]}
            for field in ("size_bytes", "used_bytes", "waiting_bytes"):
                harness.equal(get(found, f"ring_{field}", **labels), ring[field], field)
            harness.equal(get(found, "ring_accepted_items_total", **labels), ring["accepted_items"], "accepted")
            for reason in ("full", "too_large", "invalid"):
                dropped = get(found, "ring_dropped_items_total", reason=reason, **labels)
                harness.equal(dropped, ring[f"dropped_{reason}_items"], reason)
            rows += 1
    return rows


def stat_of(pipe):
    return pipe.tool("stat", "--json", "--dir", pipe.runtime).json()


def text_of(pipe):
    return pipe.tool("stat", "--prometheus", "--dir", pipe.runtime).out


def the_text_has_the_numbers_of_the_json(pipe):
    harness.equal(same_as_json(parsed(text_of(pipe)), stat_of(pipe)), 0, "rows of nothing")
    name = 'a"b\\c} 1 é'
    small = ("--span-ring-bytes", "16KiB", "--metric-ring-bytes", "16KiB")
    pipe.load("--count", 1000, *small, service=name).wait()
    pipe.load("--count", 10, service="other").wait()
    text = text_of(pipe)
    found, stat = parsed(text), stat_of(pipe)
    harness.check(same_as_json(found, stat) >= 4, "so few rings")
    harness.check(stat["totals"]["dropped_full_items"] > 0, "nothing was dropped")
    services = {dict(labels).get("service") for _, labels in found}
    harness.check({name, "other"} <= services, f"services: {services}")
    writer = pipe.writer()
    harness.wait_for(lambda: not pipe.regions(), "all is drained")
    writer.stop()
    found, stat = parsed(text_of(pipe)), stat_of(pipe)
    harness.equal(same_as_json(found, stat), 0, "rings after a drain")
    harness.check(get(found, "writer_written_items_total", signal="traces") > 0, "nothing written")
    pipe.tool("stat", "--prometheus", "--json", expected=2)


def each_name_is_in_the_docs_and_no_other(pipe):
    """docs/metrics.md, against all that is given with a producer, an output and a sender's cursor."""
    load = pipe.endless_load("--rate", 100)
    writer = pipe.writer()
    harness.wait_for(lambda: pipe.files("open"), "a file is written")
    given = set(re.findall(r"^(otlpipe_\w+)[{ ]", text_of(pipe), re.MULTILINE))
    text = (harness.SOURCE / "docs" / "metrics.md").read_text(encoding="utf-8")
    table = "\n".join(line for line in text.splitlines() if line.startswith("| `otlpipe_"))
    named = set(re.findall(r"`(otlpipe_\w+)`", table))
    # These need a sender's cursor.
    harness.equal(named - given, {"otlpipe_sender_up", "otlpipe_sender_unsent_files"}, "not given")
    harness.equal(given - named, set(), "names that docs/metrics.md has not")
    # What the dashboard and the rules ask for is there.
    for name in ("dashboard.json", "alerts.yml"):
        path = harness.SOURCE / "examples" / "monitoring" / name
        asked = set(re.findall(r"\botlpipe_\w+", path.read_text(encoding="utf-8")))
        harness.check(len(asked) > 10, f"{name} asks for {asked}")
        harness.equal(asked - named, set(), f"names in {name} that nobody gives")
    promtool = shutil.which("promtool")
    if promtool:
        subprocess.run([promtool, "check", "rules", path], check=True, stdout=subprocess.DEVNULL)
    dashboard = json.loads((harness.SOURCE / "examples" / "monitoring" / "dashboard.json").read_text())
    harness.equal(len({panel["id"] for panel in dashboard["panels"]}), len(dashboard["panels"]), "panels")
    load.stop()
    writer.stop()


# ---- the writer's own page ----


def listening(pipe, at="127.0.0.1:0", *words, **others):
    """A writer that serves; what to ask it."""
    writer = pipe.writer("--metrics-listen", at, *words, **others)
    match = re.search(r"metrics: (?:(http://\S+)/metrics|unix:(\S+))", writer.err)
    harness.check(match, writer.tail)
    return writer, match[1] or match[2]


def curl(at, path, *words, expected=0):
    """(status, body, headers) by a real client."""
    command = ["curl", "-sS", "-m", "60", "-D", "-", *words]
    command += [at + path] if at.startswith("http") else ["--unix-socket", at, "http://writer" + path]
    done = subprocess.run(command, capture_output=True, check=False)
    if expected is not None:
        harness.equal(done.returncode, expected, f"curl {path}: {done.stderr.decode()}")
    head, _, body = done.stdout.decode().partition("\r\n\r\n")
    status, *lines = head.split("\r\n")
    headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
    return int(status.split()[1]) if head else 0, body, headers


def the_page_is_that_of_the_tool(pipe):
    pipe.load("--count", 500).wait()
    writer, at = listening(pipe)
    harness.wait_for(lambda: not pipe.regions(), "all is drained")

    def quiet():
        status, body, headers = curl(at, "/metrics")
        harness.equal((status, headers["content-type"]), (200, TYPE), "answer")
        found, stat = parsed(body), stat_of(pipe)
        try:  # the page may be a second old
            same_as_json(found, stat)
        except harness.Failure:
            return False
        return get(found, "writer_written_items_total", signal="traces") > 0

    harness.wait_for(quiet, "the page has the numbers of stat --json")
    status, body, _ = curl(at, "/metrics", "--head")
    harness.check(status == 200 and "otlpipe_" not in body, f"HEAD: {status} {body}")
    harness.equal(curl(at, "/")[0], 404, "another path")
    status, _, headers = curl(at, "/metrics", "-d", "x=1")
    harness.equal((status, headers.get("allow")), (405, "GET, HEAD"), "POST")
    harness.equal(curl(at, "/healthz")[:2], (200, "ok\n"), "health")
    writer.stop()
    harness.equal(curl(at, "/healthz", expected=None)[0], 0, "somebody still answers")


def a_socket_of_a_dead_writer_is_replaced_and_a_living_one_is_not(pipe):
    path = pipe.shm / "metrics"
    writer, at = listening(pipe, f"unix:{path}")
    harness.equal(modes.S_IMODE(path.stat().st_mode), 0o600, "mode")
    harness.equal(curl(at, "/healthz")[:2], (200, "ok\n"), "health")
    words = ("--dir", pipe.shm / "other", "--output", pipe.scratch / "other")
    second = pipe.start("otlpipe-writer", *words, "--metrics-listen", f"unix:{path}")
    second.wait(1)
    harness.check("somebody listens there already" in second.err, second.tail)
    writer.kill()
    harness.check(path.is_socket(), "a killed writer removed its socket")
    writer, at = listening(pipe, f"unix:{path}")
    harness.equal(curl(at, "/healthz")[:2], (200, "ok\n"), "health")
    writer.stop()
    harness.check(not path.exists(), "the socket is left behind")
    path.write_text("mine")
    second = pipe.start("otlpipe-writer", *words, "--metrics-listen", f"unix:{path}")
    second.wait(1)
    harness.check("there is a file that is no socket" in second.err, second.tail)
    harness.equal(path.read_text(), "mine", "the file")
    shutil.rmtree(pipe.shm / "other")


def an_address_that_others_reach_is_warned_of(pipe):
    writer, _ = listening(pipe, "0.0.0.0:0")
    harness.check("whoever reaches this address" in writer.err, writer.tail)
    writer.stop()
    writer, _ = listening(pipe)
    harness.check("whoever reaches this address" not in writer.err, writer.tail)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        at = f"127.0.0.1:{taken.getsockname()[1]}"
        words = ("--dir", pipe.shm / "other", "--output", pipe.scratch / "other", "--metrics-listen", at)
        second = pipe.start("otlpipe-writer", *words)
        second.wait(1)
        harness.check(f"--metrics-listen {at}: somebody listens there already" in second.err, second.tail)
    writer.stop()
    for wrong in ("localhost:1", "9464", "unix:", "127.0.0.1:70000"):
        process = pipe.run("otlpipe-writer", "--metrics-listen", wrong, expected=2, cwd=pipe.scratch)
        harness.check("--metrics-listen takes ADDRESS:PORT" in process.err, process.err)
    shutil.rmtree(pipe.shm / "other")


def health_says_what_is_wrong(pipe):
    writer, at = listening(pipe)
    load = pipe.endless_load("--rate", 200)
    harness.wait_for(lambda: pipe.files("open"), "a file is written")
    harness.equal(curl(at, "/healthz")[:2], (200, "ok\n"), "health")
    away = pipe.scratch / "away"
    pipe.output.rename(away)
    harness.wait_for(lambda: curl(at, "/healthz")[0] == 503, "it is not well without its directory")
    status, body, _ = curl(at, "/healthz")
    harness.check(status == 503 and str(pipe.output) in body, f"{status}: {body}")
    away.rename(pipe.output)
    harness.wait_for(lambda: curl(at, "/healthz")[0] == 200, "it is well again")
    load.stop()
    writer.stop()


def heartbeat(pipe):
    """When the writer last looked at the rings."""
    return WORD.unpack_from((pipe.runtime / "writer.lock").read_bytes(), HEARTBEAT_AT)[0]


@contextlib.contextmanager
def with_heartbeat(pipe, at_ns):
    """It is held open meanwhile: that somebody closes a file after writing wakes the writer."""
    with (pipe.runtime / "writer.lock").open("r+b") as file, mmap.mmap(file.fileno(), 0) as page:
        WORD.pack_into(page, HEARTBEAT_AT, at_ns)
        yield


def all_call_it_alive(pipe, writer, at):
    pipe.tool("stat", "--check", "--dir", pipe.runtime)
    harness.equal(stat_of(pipe)["writer"]["state"], "running", "the state")
    for text in (text_of(pipe), curl(at, "/metrics")[1]):
        found = parsed(text)
        # What examples/monitoring/alerts.yml calls a writer that is down, or cannot write.
        harness.equal(get(found, "writer_up"), 1, "writer_up")
        harness.equal(get(found, "writer_state", otlpipe_writer_state="running"), 1, "running")
        for name in ("traces", "metrics", "logs"):
            harness.equal(get(found, "writer_problem", signal=name), 0, "writer_problem")
    harness.equal(curl(at, "/healthz")[:2], (200, "ok\n"), "health")
    top = pipe.tool("top", "--batch", "--count", 1, "--interval", "100ms", "--dir", pipe.runtime).out
    harness.check(f"running, pid {writer.pid}" in top, top)


def a_writer_that_has_slept_for_an_hour_is_alive_to_all_who_ask(pipe):
    """With nothing to do it looks at nothing, so its last look says nothing about its health."""
    writer, at = listening(pipe, "127.0.0.1:0", "--self-metrics", "0")
    pipe.load("--count", 100).wait()
    harness.wait_for(lambda: not pipe.regions(), "all is drained")

    def sleeps():
        before = heartbeat(pipe)
        harness.nap(2)
        return heartbeat(pipe) == before

    harness.wait_for(sleeps, "it looks at the rings no more", 60)
    long_ago = heartbeat(pipe) - HOUR_NS
    with with_heartbeat(pipe, long_ago):
        all_call_it_alive(pipe, writer, at)
        harness.equal(heartbeat(pipe), long_ago, "it was woken by who asked")
        # The doctor tries whether it may make files there, which wakes the writer.
        checks = pipe.tool("doctor", "--json", "--runtime-dir", pipe.runtime, expected=None).json()["checks"]
        wrong = [each for each in checks if each["check"] == "writer" and each["state"] != "ok"]
        harness.equal(wrong, [], "what doctor says of the writer")
    pipe.load("--count", 100).wait()
    harness.wait_for(lambda: not pipe.regions(), "all is drained")
    harness.check(heartbeat(pipe) > long_ago, "it drained without a look")
    writer.stop()


def clients_that_are_slow_or_hostile_hurt_nobody(pipe):
    """1000 connections that say nothing, headers that go on and on, requests that are none, a byte now
    and then: what is pushed is written meanwhile, and then the page answers as before."""
    writer, at = listening(pipe)
    host, port = at.removeprefix("http://").split(":")
    load = pipe.endless_load("--rate", 1000)
    before = stat_of(pipe)["writer"]["signals"]["traces"]["written_items"]
    idle = []
    try:
        for _ in range(1000):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex((host, int(port)))
            idle.append(client)
        harness.wait_for(
            lambda: stat_of(pipe)["writer"]["signals"]["traces"]["written_items"] > before + 500,
            "spans are written while 1000 clients say nothing",
        )
        harness.check(harness.descriptors(writer.pid) < 200, "the writer holds all of them")
    finally:
        for client in idle:
            client.close()
    harness.wait_for(lambda: curl(at, "/healthz", expected=None)[0] == 200, "it answers again")
    # A header as long as one likes, and lines without an end.
    for begin, piece in ((b"GET /metrics HTTP/1.1\r\nX: ", b"x" * 65536), (b"GET /", b"x" * 65536)):
        with socket.create_connection((host, int(port)), timeout=harness.LIMIT_SECONDS) as client:
            try:
                client.sendall(begin)
                for _ in range(64):
                    client.sendall(piece)
            except (BrokenPipeError, ConnectionResetError):
                pass
    with socket.create_connection((host, int(port)), timeout=harness.LIMIT_SECONDS) as client:
        client.sendall(os.urandom(4096) + b"\r\n\r\n")
        try:
            harness.check(b" 200 " not in client.recv(4096), "noise was answered")
        except ConnectionResetError:
            pass
    # A byte now and then keeps no place: the connection has a deadline, whatever comes.
    with socket.create_connection((host, int(port)), timeout=1) as client:
        client.sendall(b"GET /metrics HTTP/1.1\r\n")

        def has_ended():
            try:
                client.sendall(b"X")
                return client.recv(4096) == b""
            except TimeoutError:
                return False
            except OSError:
                return True

        harness.wait_for(has_ended, "the slow client is let go of")
    harness.equal(curl(at, "/healthz")[:2], (200, "ok\n"), "health")
    parsed(curl(at, "/metrics")[1])
    load.stop()
    writer.stop()
    pipe.verify()


if __name__ == "__main__":
    harness.run(
        [
            the_text_has_the_numbers_of_the_json,
            each_name_is_in_the_docs_and_no_other,
            the_page_is_that_of_the_tool,
            a_socket_of_a_dead_writer_is_replaced_and_a_living_one_is_not,
            an_address_that_others_reach_is_warned_of,
            health_says_what_is_wrong,
            a_writer_that_has_slept_for_an_hour_is_alive_to_all_who_ask,
            clients_that_are_slow_or_hostile_hurt_nobody,
        ]
    )
