# SPDX-License-Identifier: Apache-2.0
"""Programs with the real SDK that fork, end early, or end while threads run: what was accepted is
on disk, once, and nothing crashes."""
from __future__ import annotations

import collections
import os
import tempfile
import unittest

from support import pipeline

SETUP = """
import os, sys, threading, time
import otlpipe
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
def make(processor=SimpleSpanProcessor):
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor(otlpipe.OtlpSpanExporter()))
    return provider
def span(provider, name):
    with provider.get_tracer("t").start_as_current_span(name):
        pass
"""


# The allocator of gcc 12's AddressSanitizer does not survive a fork while another thread is in it.
without_threads_in_asan = unittest.skipIf(
    "libasan" in os.environ.get("LD_PRELOAD", ""), "AddressSanitizer may hang in a forked child"
)


LOG_SETUP = """
import os, threading
import otlpipe
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, SimpleLogRecordProcessor
def make(processor=SimpleLogRecordProcessor):
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(processor(otlpipe.OtlpLogExporter()))
    return provider
def log(provider, text):
    provider.get_logger("t").emit(body=text)
"""


class SurvivalTest(unittest.TestCase):
    def run_and_drain(self, script: str, **more: str) -> collections.Counter[str]:
        with pipeline(writer=False) as pipe:
            pipe.run_python(SETUP + script, **more)
            pipe.drain()
            return collections.Counter(pipe.span_names())

    def test_prefork_workers_each_export_through_rings_of_their_own(self) -> None:
        names = self.run_and_drain(
            """
provider = make()
span(provider, "parent")
pids = []
for number in range(4):
    pid = os.fork()
    if pid == 0:
        for n in range(50):
            span(provider, f"worker {number} {n}")
        os._exit(0)
    pids.append(pid)
for pid in pids:
    assert os.waitpid(pid, 0)[1] == 0
span(provider, "parent again")
"""
        )
        self.assertEqual(len(names), 202)
        self.assertEqual(set(names.values()), {1})

    @without_threads_in_asan
    def test_a_batch_processor_and_a_reader_go_on_in_a_forked_child(self) -> None:
        names = self.run_and_drain(
            """
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
provider = make(BatchSpanProcessor)
meters = MeterProvider([PeriodicExportingMetricReader(otlpipe.OtlpMetricExporter(), 60_000)])
counter = meters.get_meter("m").create_counter("c")
pids = []
for number in range(3):
    pid = os.fork()
    if pid == 0:
        counter.add(1)
        for n in range(600):
            span(provider, f"child {number} {n}")
        provider.shutdown()
        meters.shutdown()
        os._exit(0)
    pids.append(pid)
for pid in pids:
    assert os.waitpid(pid, 0)[1] == 0
provider.shutdown()
meters.shutdown()
"""
        )
        self.assertEqual(len(names), 1800)
        self.assertEqual(set(names.values()), {1})

    @without_threads_in_asan
    def test_a_fork_while_other_threads_export(self) -> None:
        names = self.run_and_drain(
            """
provider = make()
done = threading.Event()
def work(number):
    n = 0
    while not done.is_set() and n < 2000:
        span(provider, f"thread {number} {n}")
        n += 1
threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
for thread in threads: thread.start()
for number in range(10):
    pid = os.fork()
    if pid == 0:
        span(provider, f"child {number}")
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
done.set()
for thread in threads: thread.join()
"""
        )
        self.assertEqual({f"child {n}" for n in range(10)} - set(names), set())
        self.assertEqual(set(names.values()), {1})

    def run_logs_and_drain(self, script: str, expect: int = 0) -> collections.Counter[str]:
        with pipeline(writer=False) as pipe:
            pipe.run_python(LOG_SETUP + script, expect=expect)
            pipe.drain()
            return collections.Counter(pipe.log_texts())

    def test_prefork_workers_log_through_rings_of_their_own(self) -> None:
        texts = self.run_logs_and_drain(
            """
provider = make()
log(provider, "parent")
pids = []
for number in range(4):
    pid = os.fork()
    if pid == 0:
        for n in range(50):
            log(provider, f"worker {number} {n}")
        os._exit(0)
    pids.append(pid)
for pid in pids:
    assert os.waitpid(pid, 0)[1] == 0
log(provider, "parent again")
"""
        )
        self.assertEqual(len(texts), 202)
        self.assertEqual(set(texts.values()), {1})

    @without_threads_in_asan
    def test_a_batch_processor_of_logs_goes_on_in_a_forked_child(self) -> None:
        texts = self.run_logs_and_drain(
            """
provider = make(BatchLogRecordProcessor)
pids = []
for number in range(3):
    pid = os.fork()
    if pid == 0:
        for n in range(600):
            log(provider, f"child {number} {n}")
        provider.shutdown()
        os._exit(0)
    pids.append(pid)
for pid in pids:
    assert os.waitpid(pid, 0)[1] == 0
provider.shutdown()
"""
        )
        self.assertEqual(len(texts), 1800)
        self.assertEqual(set(texts.values()), {1})

    def test_a_killed_program_loses_nothing_that_it_logged(self) -> None:
        script = "provider = make()\nfor n in range(100): log(provider, str(n))\n"
        texts = self.run_logs_and_drain(script + "os.kill(os.getpid(), 9)", expect=-9)
        self.assertEqual(texts, collections.Counter(map(str, range(100))))

    def test_multiprocessing_by_fork_and_by_spawn(self) -> None:
        program = (
            SETUP
            + """
import multiprocessing
def work(number):
    provider = make()
    span(provider, f"{multiprocessing.get_start_method()} {number}")
if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    provider = make()
    span(provider, "before")
    processes = [multiprocessing.Process(target=work, args=(n,)) for n in range(3)]
    for process in processes: process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
"""
        )
        for method in ("fork", "spawn"):
            with self.subTest(method), pipeline(writer=False) as pipe:
                with tempfile.NamedTemporaryFile("w", suffix=".py", dir=os.getcwd()) as file:
                    file.write(program)
                    file.flush()
                    script = "import runpy, sys; sys.argv[0] = sys.argv.pop(1);"
                    script += "runpy.run_path(sys.argv[0], run_name='__main__')"
                    if method == "spawn":  # a spawned child imports the program by its file
                        script = (
                            "import os, sys; os.execv(sys.executable, [sys.executable] + "
                            "sys.argv[1:])"
                        )
                    pipe.run_python(script, file.name, method)
                pipe.drain()
                names = pipe.span_names()
                expected = ["before", *(f"{method} {number}" for number in range(3))]
                self.assertEqual(sorted(names), sorted(expected))

    def test_an_exit_without_shutdown_loses_nothing_that_was_exported(self) -> None:
        for end in ("", "os._exit(0)", "sys.exit(0)"):
            with self.subTest(end):
                script = "provider = make()\nfor n in range(100): span(provider, str(n))\n"
                self.assertEqual(len(self.run_and_drain(script + end)), 100)

    def test_a_killed_program_loses_nothing_that_was_exported(self) -> None:
        with pipeline(writer=False) as pipe:
            script = "provider = make()\nfor n in range(100): span(provider, str(n))\n"
            pipe.run_python(SETUP + script + "os.kill(os.getpid(), 9)", expect=-9)
            pipe.drain()
            self.assertEqual(len(pipe.span_names()), 100)

    def test_an_interpreter_that_ends_while_threads_export_and_flush(self) -> None:
        script = (
            SETUP
            + """
provider = make()
library = otlpipe.default_library()
def work(number):
    n = 0
    while True:
        span(provider, f"{number} {n}")
        n += 1
        if number == 0:
            library.flush(None)
for n in range(6):
    threading.Thread(target=work, args=(n,), daemon=True).start()
time.sleep(float(sys.argv[1]))
"""
        )
        for seconds in ("0", "0.01", "0.05", "0.2"):
            with self.subTest(seconds), pipeline() as pipe:
                pipe.run_python(script, seconds)
                pipe.stop_writer()
                names = collections.Counter(pipe.span_names())
                self.assertEqual(set(names.values()) - {1}, set())

    def test_ctrl_c_ends_a_flush_that_would_wait_for_ever(self) -> None:
        # A writer that is stopped holds its lock and writes nothing.
        script = (
            SETUP
            + """
import signal
pid = int(sys.argv[1])
library = otlpipe.default_library()
while not library.flush(1000): time.sleep(0.01)
os.kill(pid, signal.SIGSTOP)
span(make(), "late")
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    library.flush(None)
except KeyboardInterrupt:
    print("interrupted")
finally:
    os.kill(pid, signal.SIGCONT)
"""
        )
        with pipeline() as pipe:
            done = pipe.run_python(script, str(pipe.writer_pid))
            self.assertEqual(done.stdout, "interrupted\n")


if __name__ == "__main__":
    unittest.main()
