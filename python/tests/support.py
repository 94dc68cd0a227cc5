# SPDX-License-Identifier: Apache-2.0
"""What the tests share: a runtime directory with its writer, and what that wrote, read back.

Needs no SDK. The commands are found by $OTLPIPE_WRITER and $OTLPIPE_TOOL, which tests/python/run.py
sets; everything is made below the current directory.
"""
from __future__ import annotations

import contextlib
import glob
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

import otlpipe

WRITER = os.environ.get("OTLPIPE_WRITER") or shutil.which("otlpipe-writer")
TOOL = os.environ.get("OTLPIPE_TOOL") or shutil.which("otlpipe")
LIMIT_SECONDS = 60.0
LIMIT_MILLIS = LIMIT_SECONDS * 1000


# A test that crashes leaves no writer behind.
DIE_WITH_PARENT = ["setpriv", "--pdeathsig", "KILL", "--"] if shutil.which("setpriv") else []


class Pipeline:
    """A runtime directory, an output directory, and a writer between them while it is wanted."""

    def __init__(self, folder: str) -> None:
        self.directory = os.path.join(folder, "shm")
        self.output = os.path.join(folder, "out")
        self._log = os.path.join(folder, "writer.log")
        self._writer: subprocess.Popen[bytes] | None = None
        os.mkdir(self.directory, 0o700)

    def start_writer(self, *arguments: str) -> None:
        command = [WRITER, "--dir", self.directory, "--output", self.output, "--interval", "20ms"]
        command += arguments
        with open(self._log, "ab") as log:
            self._writer = subprocess.Popen(
                [*DIE_WITH_PARENT, *command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        # It says how it writes once it is up; a signal before that would just end it.
        end = time.monotonic() + LIMIT_SECONDS
        while self._writer.poll() is None and os.path.getsize(self._log) == 0:
            if time.monotonic() > end:
                raise AssertionError("the writer did not come up")
            time.sleep(0.005)

    @property
    def writer_pid(self) -> int:
        assert self._writer is not None
        return self._writer.pid

    def stop_writer(self) -> None:
        """Ask it to drain everything and end."""
        writer, self._writer = self._writer, None
        if writer is None:
            return
        writer.send_signal(signal.SIGTERM)
        try:
            status = writer.wait(LIMIT_SECONDS)
        finally:
            writer.kill()
        if status != 0:
            with open(self._log, encoding="utf-8") as log:
                raise AssertionError(f"the writer ended with {status}: {log.read()}")

    def drain(self) -> None:
        """Have what the rings hold written, by a writer that ends then."""
        self.stop_writer()
        command = [WRITER, "--dir", self.directory, "--output", self.output, "--drain"]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL, timeout=LIMIT_SECONDS)

    def snapshots(self) -> int:
        """How many a flight recorder has ended."""
        command = [TOOL, "stat", "--json", "--dir", self.directory]
        done = subprocess.run(command, check=True, capture_output=True)
        return json.loads(done.stdout)["writer"]["flight_recorder"]["snapshots_done"]

    def library(self, **options: object) -> otlpipe.OtlpLibrary:
        return otlpipe.OtlpLibrary(self.directory, **options)

    def files(self, kind: str) -> list[str]:
        """Of one signal: "traces", "metrics" or "logs"."""
        return sorted(glob.glob(os.path.join(self.output, kind, "*.binpb")))

    def json(self, kind: str) -> Iterator[dict]:
        """Each line of `otlpipe cat` as an object."""
        for name in self.files(kind):
            done = subprocess.run([TOOL, "cat", name], check=True, capture_output=True)
            yield from map(json.loads, done.stdout.splitlines())

    def span_names(self) -> list[str]:
        return [
            span["name"]
            for line in self.json("traces")
            for resource in line["resourceSpans"]
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        ]

    def log_records(self) -> list[dict]:
        return [
            record
            for line in self.json("logs")
            for resource in line["resourceLogs"]
            for scope in resource["scopeLogs"]
            for record in scope["logRecords"]
        ]

    def log_texts(self) -> list[str]:
        return [record["body"]["stringValue"] for record in self.log_records()]

    def environment(self, **more: str) -> dict[str, str]:
        """For a program that uses the default library."""
        return {**os.environ, "OTLPIPE_DIR": self.directory, **more}

    def run_python(
        self, script: str, *arguments: str, expect: int = 0, **more: str
    ) -> subprocess.CompletedProcess[str]:
        """A program of its own, so that what it leaves behind can be looked at."""
        command = [*DIE_WITH_PARENT, sys.executable, "-X", "faulthandler", "-c", script]
        done = subprocess.run(
            [*command, *arguments],
            env=self.environment(**more),
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
        )
        if done.returncode != expect:
            raise AssertionError(f"ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done


@contextlib.contextmanager
def pipeline(writer: bool = True) -> Iterator[Pipeline]:
    with tempfile.TemporaryDirectory(prefix="otlpipe-test-", dir=os.getcwd()) as folder:
        made = Pipeline(folder)
        try:
            if writer:
                made.start_writer()
            yield made
        finally:
            made.stop_writer()


def flushed(library: otlpipe.OtlpLibrary) -> None:
    """Flush, also while the writer is still starting."""
    logging.getLogger("otlpipe").disabled = True
    end = time.monotonic() + LIMIT_SECONDS
    try:
        while not library.flush(LIMIT_MILLIS):
            if time.monotonic() > end:
                raise AssertionError("the writer did not come up")
            time.sleep(0.01)
    finally:
        logging.getLogger("otlpipe").disabled = False
