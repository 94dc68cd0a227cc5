# SPDX-License-Identifier: Apache-2.0
"""The peers that are programs of their own: spdlog's asynchronous logger, quill, LTTng-UST with a
session daemon of ours, and a daemon for syslog(3). One that cannot run here is called missing, with
the reason."""

import json
import os
import re
import shutil
import subprocess
import time

from bench_run import Failed, run_json, spread

MIN_SECONDS = "0.02"
LTTNG_EVENTS = 2_000_000
LTTNG_CHANNEL = ["--subbuf-size=4M", "--num-subbuf=8"]
LTTNG_START_SECONDS_MAX = 5


class Missing(Exception):
    pass


def read_google(path):
    """Nanoseconds of one operation by bench, from google-benchmark's own JSON."""
    with open(path, encoding="utf-8") as text:
        runs = [one for one in json.load(text)["benchmarks"] if one["run_type"] == "iteration"]
    grouped = {}
    for one in runs:
        grouped.setdefault(one["run_name"].replace("/manual_time", ""), []).append(one)
    ret = {}
    for name, reps in grouped.items():
        failed = next((one["error_message"] for one in reps if one.get("error_occurred")), None)
        if failed is not None:
            ret[name] = {"missing": failed}
            continue
        ret[name] = spread([one["real_time"] / one["operations"] for one in reps])
        for counter in ("record_bytes", "output_bytes", "bytes"):
            if counter in reps[0]:
                ret[name][counter] = round(reps[0][counter], 1)
        if "dropped" in reps[0]:
            ret[name]["dropped"] = int(sum(one["dropped"] for one in reps))
    return ret


def google(run, program):
    out = os.path.join(run.folder, program + ".json")
    run.call(
        [
            run.program(program),
            f"--benchmark_repetitions={run.repetitions}",
            "--benchmark_min_time=" + MIN_SECONDS,
            "--benchmark_out=" + out,
            "--benchmark_out_format=json",
        ]
    )
    return read_google(out)


def spdlog(run):
    if run.program("bench_spdlog") is None:
        raise Missing("libspdlog-dev was not there at build time")
    return google(run, "bench_spdlog")


def quill(run):
    if run.program("bench_quill") is None:
        raise Missing("quill was not there at build time; Debian 12 has no package of it")
    return google(run, "bench_quill")


class Syslog:
    """A daemon at /dev/log, where there is none: busybox's, which writes a file of a size."""

    SOCKET = "/dev/log"
    START_SECONDS_MAX = 5

    def __init__(self, run):
        self.run = run
        self.daemon = None

    def __enter__(self):
        if os.path.lexists(self.SOCKET) or os.geteuid() != 0 or shutil.which("busybox") is None:
            return self
        log = os.path.join(self.run.folder, "syslog")
        with open(os.devnull, "w", encoding="utf-8") as null:
            self.daemon = self.run.start(["busybox", "syslogd", "-n", "-O", log], stdout=null, stderr=null)
        deadline = time.monotonic() + self.START_SECONDS_MAX
        while not os.path.exists(self.SOCKET) and self.daemon.poll() is None:
            if time.monotonic() > deadline:
                break  # the bench says that there is none
            time.sleep(0.05)
        return self

    def __exit__(self, *_):
        if self.daemon is None:
            return
        self.daemon.terminate()
        self.daemon.wait()
        self.run.children.remove(self.daemon)
        # It leaves its socket, at which nobody would listen.
        if os.path.lexists(self.SOCKET):
            os.unlink(self.SOCKET)


class Session:
    """A session daemon, and one recording session in it at a time."""

    def __init__(self, run):
        self.run = run
        self.trace = os.path.join(run.folder, "lttng-trace")
        home = os.path.join(run.folder, "lttng-home")
        os.makedirs(home, exist_ok=True)
        run.environment["LTTNG_HOME"] = home

    def lttng(self, *arguments, check=True):
        done = subprocess.run(
            ["lttng", "--no-sessiond", *arguments],
            env=self.run.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if check and done.returncode != 0:
            raise Missing(f"lttng {arguments[0]}: " + (done.stderr or done.stdout).strip())
        return done.stdout if done.returncode == 0 else None

    def __enter__(self):
        if self.lttng("list", check=False) is not None:
            raise Missing("a session daemon runs already, which is not ours")
        log = open(os.path.join(self.run.folder, "lttng-sessiond.log"), "w", encoding="utf-8")
        with log:
            self.daemon = self.run.start(["lttng-sessiond", "--no-kernel"], stdout=log, stderr=log)
        deadline = time.monotonic() + LTTNG_START_SECONDS_MAX
        while self.lttng("list", check=False) is None:
            if time.monotonic() > deadline:
                self.end()
                raise Missing("lttng-sessiond did not start")
            time.sleep(0.1)
        return self

    def end(self):
        self.daemon.terminate()
        self.daemon.wait()
        self.run.children.remove(self.daemon)

    def __exit__(self, *_):
        self.end()

    def start(self):
        self.lttng("create", "otlpipe-bench", "--output=" + self.trace)
        self.lttng("enable-channel", "-u", "bench", *LTTNG_CHANNEL)
        self.lttng("enable-event", "-u", "otlpipe_bench:record,lttng_ust_tracef:event", "-c", "bench")
        self.lttng("start")

    def stop(self):
        """Returns when the trace is complete."""
        self.lttng("stop")

    def discarded(self):
        """How many events the stopped session lacks. Ends it."""
        said = self.lttng("list", "otlpipe-bench")
        self.lttng("destroy", "otlpipe-bench")
        shutil.rmtree(self.trace, ignore_errors=True)
        return sum(int(found) for found in re.findall(r"Discarded events: (\d+)", said))


def sustained(run, session, threads):
    """From the first event until the trace is complete. A thread that shares its processor with the
    consumer is not blamed for what that takes: two threads are measured by what they used."""
    session.start()
    one = run_json(run, "bench_lttng", "--sustained", LTTNG_EVENTS, threads)
    started = time.monotonic()
    session.stop()
    seconds = one["seconds"] + time.monotonic() - started
    discarded = session.discarded()
    return {
        "ns": one["seconds" if threads == 1 else "cpu_seconds"] / LTTNG_EVENTS * 1e9,
        "discarded": discarded,
        "events_per_second": (LTTNG_EVENTS - discarded) / seconds,
    }


def cold_lttng(run, session):
    """Single tracepoints and bursts after pauses, as bench_cold has them; a session for each."""
    session.start()
    one = run_json(run, "bench_lttng", "--cold")
    session.stop()
    session.discarded()
    return one


def spreads(runs):
    return {key: spread([one[key] for one in runs]) for key in runs[0]}


def lttng(run):
    if run.program("bench_lttng") is None:
        raise Missing("liblttng-ust-dev was not there at build time")
    if not (shutil.which("lttng-sessiond") and shutil.which("lttng")):
        raise Missing("lttng-tools are not installed")
    with Session(run) as session:
        session.start()
        ret = google(run, "bench_lttng")
        session.stop()
        ret["lttng_ust/128"]["dropped"] = session.discarded()  # tracef()'s too
        runs = [sustained(run, session, 1) for _ in range(run.repetitions)]
        pairs = [sustained(run, session, 2) for _ in range(run.cold_repetitions)]
        cold = [cold_lttng(run, session) for _ in range(run.cold_repetitions)]
    for name in ("lttng_ust/128", "lttng_ust/128/2"):
        run.results.setdefault("cold", {})[name] = spreads([one[name] for one in cold])
    ret["lttng_sustained/128"] = spreads(runs)
    ret["lttng_sustained/128/2"] = spreads(pairs)
    return ret


def run_all(run):
    peers = {}
    for names, function in (
        (("spdlog_async/128", "spdlog_async/L", "spdlog_sink/L"), spdlog),
        (("quill/L",), quill),
        (("lttng_ust/128", "lttng_ust/128/2", "lttng_tracef/L"), lttng),
    ):
        try:
            peers.update(function(run))
        except (Missing, Failed) as why:
            peers.update({name: {"missing": str(why)} for name in names})
    run.results["peers"] = peers
