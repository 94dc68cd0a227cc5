# SPDX-License-Identifier: Apache-2.0
"""What needs no SDK: the library's handle, its rules, and spans and log records that merely look
like the SDK's."""
from __future__ import annotations

import errno
import os
import sys
import threading
import time
import types
import unittest
from typing import Any

import otlpipe
from otlpipe import OtlpError, _native

from support import LIMIT_SECONDS, Pipeline, flushed, pipeline


def duck_span(name: Any, number: int = 1, **more: Any) -> types.SimpleNamespace:
    """An object with a ReadableSpan's public properties, and nothing of the SDK."""
    context = types.SimpleNamespace(
        trace_id=2**127 + number, span_id=number, is_remote=False, trace_flags=1, trace_state=None
    )
    fields = {
        "name": name,
        "context": context,
        "parent": None,
        "kind": 1,
        "start_time": 10,
        "end_time": 20,
        "status": types.SimpleNamespace(status_code=2, description="why"),
        "attributes": {},
        "events": (),
        "links": (),
        "instrumentation_scope": None,
        "resource": None,
    }
    return types.SimpleNamespace(**{**fields, **more})


def duck_log(body: Any, **more: Any) -> types.SimpleNamespace:
    """The same of a log record; `resource` and `instrumentation_scope` are beside it."""
    outer = {name: more.pop(name, None) for name in ("resource", "instrumentation_scope")}
    fields = {
        "body": body,
        "timestamp": 10,
        "observed_timestamp": 20,
        "severity_number": 9,
        "severity_text": "INFO",
        "trace_id": 2**127,
        "span_id": 1,
        "trace_flags": 1,
        "attributes": {},
        "event_name": None,
    }
    return types.SimpleNamespace(log_record=types.SimpleNamespace(**{**fields, **more}), **outer)


def path_with_tests() -> str:
    """$PYTHONPATH for a program of its own that imports from here."""
    tests = os.path.dirname(os.path.abspath(__file__))
    return os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), tests]))


class ModuleTest(unittest.TestCase):
    def test_the_exporters_say_what_is_missing_without_the_sdk(self) -> None:
        script = (
            "import sys\n"
            "class Refuse:\n"
            "    def find_spec(self, name, path=None, target=None):\n"
            "        if name.split('.')[0] == 'opentelemetry':\n"
            "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
            "sys.meta_path.insert(0, Refuse())\n"
            "import otlpipe\n"
            "library = otlpipe.OtlpLibrary()\n"
            "for make in (otlpipe.OtlpSpanExporter, otlpipe.OtlpMetricExporter,\n"
            "             otlpipe.OtlpLogExporter, library.span_exporter,\n"
            "             library.metric_exporter, library.log_exporter):\n"
            "    try:\n"
            "        make()\n"
            "    except ImportError as error:\n"
            "        print(error)\n"
        )
        with pipeline(writer=False) as pipe:
            lines = pipe.run_python(script).stdout.splitlines()
        self.assertEqual(len(lines), 6)
        for line in lines:
            self.assertIn("pip install opentelemetry-sdk", line)

    def test_the_package_says_what_it_has(self) -> None:
        for name in ("OtlpSpanExporter", "OtlpMetricExporter", "OtlpLogExporter"):
            self.assertIn(name, dir(otlpipe))
            self.assertIn(name, otlpipe.__all__)
        self.assertRegex(otlpipe.__version__, r"^\d+\.\d+\.\d+$")
        with self.assertRaises(AttributeError):
            otlpipe.nothing  # type: ignore[attr-defined]


class LibraryTest(unittest.TestCase):
    def test_a_library_that_cannot_be_opened_says_why(self) -> None:
        with self.assertRaises(OtlpError) as raised:
            otlpipe.OtlpLibrary("/dev/null/nothing")
        self.assertIn("/dev/null/nothing", str(raised.exception))
        self.assertLess(raised.exception.code, 0)

    def test_wrong_arguments_are_errors_that_name_them(self) -> None:
        with pipeline(writer=False) as pipe:
            for options, error in (
                ({"span_ring_bytes": -1}, ValueError),
                ({"metric_ring_bytes": True}, ValueError),
                ({"log_ring_bytes": "1MiB"}, ValueError),
                ({"span_ring_bytes": 2**31}, OtlpError),
                ({"log_ring_bytes": 2**31}, OtlpError),
                ({"lanes": -1}, ValueError),
                ({"lanes": "two"}, ValueError),
                ({"lanes": 3}, OtlpError),
                ({"lanes": 16}, OtlpError),
                ({"temporality": "sometimes"}, ValueError),
                ({"resource": 5}, Exception),
                ({"resource": {"a": object()}}, TypeError),
                ({"resource": {"a": "\ud800"}}, UnicodeEncodeError),
            ):
                with self.subTest(options), self.assertRaises(error):
                    pipe.library(**options)

    def test_a_library_tells_the_temporality_that_it_prefers(self) -> None:
        with pipeline(writer=False) as pipe:
            for given, told in ((None, "cumulative"), ("Delta", "delta"), ("lowmemory",) * 2):
                library = pipe.library(temporality=given)
                self.assertEqual(library.temporality_preference, told)

    def test_a_timeout_below_for_ever_is_refused_by_the_extension(self) -> None:
        with pipeline(writer=False) as pipe:
            native = pipe.library()._native
            self.assertEqual(native.flush(-2), otlpipe._native.INVALID)
            self.assertEqual(native.shutdown(-2), otlpipe._native.INVALID)
            self.assertEqual(native.flush(-1), 0)

    def test_spans_by_their_public_properties_come_back_from_the_file(self) -> None:
        with pipeline() as pipe:
            library = pipe.library(resource={"service.name": "duck", "n": 1})
            events = [types.SimpleNamespace(name="e", timestamp=15, attributes={"x": b"y"})]
            attributes = {"true": True, "one": 1, "big": 2**64, "list": [1.5, None], "map": {1: 2}}
            self.assertTrue(
                library.export_traces([duck_span("a", attributes=attributes, events=events)])
            )
            flushed(library)
            pipe.stop_writer()
            (line,) = pipe.json("traces")
            resource = line["resourceSpans"][0]["resource"]["attributes"]
            self.assertEqual(resource[0]["value"], {"stringValue": "duck"})
            span = line["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
            self.assertEqual(span["traceId"], f"{2**127 + 1:032x}")
            self.assertEqual(span["spanId"], f"{1:016x}")
            self.assertEqual(span["kind"], 2)
            self.assertEqual(span["status"], {"message": "why", "code": 2})
            self.assertEqual(span["events"][0]["timeUnixNano"], "15")
            values = {item["key"]: item["value"] for item in span["attributes"]}
            self.assertEqual(values["true"], {"boolValue": True})
            self.assertEqual(values["one"], {"intValue": "1"})
            self.assertEqual(values["big"], {"stringValue": str(2**64)})
            self.assertEqual(values["map"]["kvlistValue"]["values"][0]["key"], "1")

    def test_log_records_by_their_public_properties_come_back_from_the_file(self) -> None:
        with pipeline() as pipe:
            library = pipe.library(resource={"service.name": "duck"})
            scope = types.SimpleNamespace(
                name="app.db", version="1", schema_url="https://s", attributes={"s": 1}
            )
            record = duck_log(
                {"list": [True, None, b"y"]}, attributes={"big": 2**64}, event_name="it.happened",
                instrumentation_scope=scope, dropped_attributes=3,
            )  # fmt: skip
            self.assertTrue(library.export_logs([record]))
            flushed(library)
            pipe.stop_writer()
            (line,) = pipe.json("logs")
            group = line["resourceLogs"][0]
            resource = group["resource"]["attributes"]
            self.assertEqual(resource[0]["value"], {"stringValue": "duck"})
            scoped = group["scopeLogs"][0]
            self.assertEqual(scoped["scope"]["name"], "app.db")
            self.assertEqual(scoped["scope"]["attributes"][0]["key"], "s")
            self.assertEqual(scoped["schemaUrl"], "https://s")
            values = [{"boolValue": True}, {}, {"bytesValue": "eQ=="}]
            entry = {"key": "list", "value": {"arrayValue": {"values": values}}}
            self.assertEqual(
                scoped["logRecords"],
                [
                    {
                        "timeUnixNano": "10",
                        "observedTimeUnixNano": "20",
                        "severityNumber": 9,
                        "severityText": "INFO",
                        "body": {"kvlistValue": {"values": [entry]}},
                        "attributes": [{"key": "big", "value": {"stringValue": str(2**64)}}],
                        "droppedAttributesCount": 3,
                        "flags": 1,
                        "traceId": f"{2**127:032x}",
                        "spanId": f"{1:016x}",
                        "eventName": "it.happened",
                    }
                ],
            )

    def test_flush_without_a_writer_returns_at_once_and_says_so(self) -> None:
        with pipeline(writer=False) as pipe:
            library = pipe.library()
            library.export_traces([duck_span("waits")])
            with self.assertLogs("otlpipe", "WARNING") as logs:
                self.assertFalse(library.flush(None))
            self.assertIn("no writer is running", logs.output[0])
            pipe.drain()
            self.assertEqual(pipe.span_names(), ["waits"])

    def test_after_shutdown_an_export_fails_and_is_counted(self) -> None:
        with pipeline() as pipe:
            library = pipe.library()
            flushed(library)
            self.assertTrue(library.export_traces([duck_span("before")]))
            self.assertTrue(library.shutdown())
            self.assertTrue(library.shutdown())
            with self.assertLogs("otlpipe", "ERROR") as logs:
                self.assertFalse(library.export_traces([duck_span("after")] * 3))
            self.assertIn("shut down", logs.output[0])
            self.assertIn("3 refused", logs.output[0])
            self.assertEqual(library.stats().rejected_after_shutdown, 1)
            self.assertFalse(library.export_logs([duck_log("after")]))
            self.assertEqual(library.stats().rejected_after_shutdown, 2)
            with self.assertRaises(OtlpError) as raised:
                library._native.span_exporter()
            self.assertEqual(raised.exception.code, _native.SHUTDOWN)
            for make in (library._native.metric_exporter, library._native.log_exporter):
                with self.assertRaises(OtlpError):
                    make()
            pipe.stop_writer()
            self.assertEqual(pipe.span_names(), ["before"])

    def test_the_context_manager_shuts_down(self) -> None:
        with pipeline() as pipe:
            with pipe.library() as library:
                flushed(library)
                library.export_traces([duck_span("inside")])
            self.assertFalse(library.export_traces([duck_span("outside")]))
            pipe.stop_writer()
            self.assertEqual(pipe.span_names(), ["inside"])

    def test_a_full_ring_drops_counts_and_is_logged_once(self) -> None:
        with pipeline(writer=False) as pipe:
            library = pipe.library(span_ring_bytes=4096)
            with self.assertLogs("otlpipe", "ERROR") as logs:
                for _ in range(50):
                    library.export_traces([duck_span("x" * 200, n + 1) for n in range(10)])
            self.assertEqual(len(logs.output), 1)
            self.assertIn("full", logs.output[0])
            stats = library.stats().spans
            self.assertEqual(stats.accepted + stats.dropped_full, 500)
            self.assertGreater(stats.dropped_full, 0)
            pipe.drain()
            self.assertEqual(len(pipe.span_names()), stats.accepted)

    def test_logs_have_a_ring_and_counters_of_their_own(self) -> None:
        with pipeline(writer=False) as pipe:
            library = pipe.library(log_ring_bytes=4096)
            with self.assertLogs("otlpipe", "ERROR") as logs:
                for _ in range(50):
                    library.export_logs([duck_log("x" * 200) for _ in range(10)])
                self.assertFalse(library.export_logs([duck_log("x" * 5000)]))
            self.assertEqual(len(logs.output), 2)
            self.assertRegex(logs.output[1], "takes 5[0-9]{3} bytes, and the ring carries 1016")
            self.assertIn("OTLPIPE_LOG_RING_BYTES", library.last_error())
            self.assertTrue(library.export_traces([duck_span("has room")]))
            stats = library.stats()
            self.assertEqual(stats.logs.accepted + stats.logs.dropped_full, 500)
            self.assertGreater(stats.logs.dropped_full, 0)
            self.assertEqual(stats.logs.dropped_too_large, 1)
            self.assertEqual(stats.spans.accepted, 1)
            pipe.drain()
            self.assertEqual(pipe.log_texts(), ["x" * 200] * stats.logs.accepted)

    def test_a_span_that_is_too_large_names_sizes_and_option(self) -> None:
        with pipeline(writer=False) as pipe:
            library = pipe.library(span_ring_bytes=4096)
            with self.assertLogs("otlpipe", "ERROR") as logs:
                self.assertFalse(library.export_traces([duck_span("x" * 5000)]))
            self.assertRegex(logs.output[0], "takes 5[0-9]{3} bytes, and the ring carries 1016")
            self.assertIn("OTLPIPE_SPAN_RING_BYTES", logs.output[0])
            self.assertIn("ring carries", library.last_error())
            self.assertEqual(library.stats().spans.dropped_too_large, 1)

    def test_a_forked_child_without_a_ring_says_why_until_it_has_one(self) -> None:
        script = (
            "import os, resource, time, otlpipe\n"
            "from test_plain import duck_span\n"
            "library = otlpipe.OtlpLibrary()\n"
            "pid = os.fork()\n"
            "if pid == 0:\n"
            "    limits = resource.getrlimit(resource.RLIMIT_FSIZE)\n"
            "    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, limits[1]))\n"
            "    taken = library.export_traces([duck_span('refused')])\n"
            "    print(taken, library.stats().ring_error, library.last_error())\n"
            "    resource.setrlimit(resource.RLIMIT_FSIZE, limits)\n"
            "    refused = 1\n"
            "    while not library.export_traces([duck_span('taken')]):\n"
            "        refused += 1\n"
            "        time.sleep(0.005)\n"
            "    stats = library.stats()\n"
            "    print(stats.ring_error, stats.spans.dropped_full - refused, flush=True)\n"
            "    os._exit(0)\n"
            "assert os.waitpid(pid, 0)[1] == 0\n"
        )
        with pipeline(writer=False) as pipe:
            done = pipe.run_python(script, PYTHONPATH=path_with_tests())
            said, after = done.stdout.splitlines()
            self.assertIn(f"False {_native.LIMIT} no ring can be made in {pipe.directory}", said)
            self.assertIn("RLIMIT_FSIZE (ulimit -f) is 1024 KiB", said)
            self.assertEqual(after, "0 0")
            # Without a handler the logging module prints it.
            self.assertIn("RLIMIT_FSIZE", done.stderr)
            pipe.drain()
            self.assertEqual(pipe.span_names(), ["taken"])

    def wait_for_snapshots(self, pipe: Pipeline, count: int) -> None:
        end = time.monotonic() + LIMIT_SECONDS
        while pipe.snapshots() < count:
            self.assertLess(time.monotonic(), end, "the snapshot is not done")
            time.sleep(0.01)

    def test_a_snapshot_has_what_was_exported_before_it(self) -> None:
        with pipeline(writer=False) as pipe:
            pipe.start_writer("--mode", "flight-recorder")
            library = pipe.library()
            flushed(library)
            self.assertTrue(library.export_traces([duck_span("first")]))
            flushed(library)
            self.assertEqual(pipe.span_names(), [])
            self.assertTrue(library.export_traces([duck_span("second")]))
            self.assertTrue(library.snapshot())
            self.wait_for_snapshots(pipe, 1)
            self.assertEqual(sorted(pipe.span_names()), ["first", "second"])

    def test_a_snapshot_that_no_writer_hears_is_the_next_recorders(self) -> None:
        with pipeline(writer=False) as pipe:
            library = pipe.library()
            self.assertTrue(library.export_traces([duck_span("waits")]))
            with self.assertNoLogs("otlpipe"):
                self.assertTrue(library.snapshot())
            pipe.start_writer("--mode", "flight-recorder")
            self.wait_for_snapshots(pipe, 1)
            self.assertEqual(pipe.span_names(), ["waits"])

    def test_a_snapshot_of_a_writer_that_writes_all_changes_nothing(self) -> None:
        with pipeline() as pipe:
            library = pipe.library()
            flushed(library)
            with self.assertNoLogs("otlpipe"):
                self.assertTrue(library.snapshot())
            self.assertTrue(library.export_traces([duck_span("written anyway")]))
            flushed(library)
            self.assertEqual(pipe.snapshots(), 0)
            pipe.stop_writer()
            self.assertEqual(pipe.span_names(), ["written anyway"])

    def test_a_snapshot_that_cannot_be_asked_for_says_why(self) -> None:
        script = (
            "import os, resource, otlpipe\n"
            "from test_plain import duck_span\n"
            "library = otlpipe.OtlpLibrary()\n"
            "pid = os.fork()\n"
            "if pid == 0:\n"
            "    limits = resource.getrlimit(resource.RLIMIT_FSIZE)\n"
            "    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, limits[1]))\n"
            "    library.export_traces([duck_span('refused')])\n"
            "    print(library.snapshot(), library.last_error(), flush=True)\n"
            "    os._exit(0)\n"
            "assert os.waitpid(pid, 0)[1] == 0\n"
        )
        with pipeline(writer=False) as pipe:
            done = pipe.run_python(script, PYTHONPATH=path_with_tests())
            self.assertIn(f"False no ring can be made in {pipe.directory}", done.stdout)
            self.assertIn("RLIMIT_FSIZE", done.stderr)

    def test_an_empty_batch_is_a_success_that_writes_nothing(self) -> None:
        with pipeline(writer=False) as pipe:
            library = pipe.library()
            for nothing in ([], (), iter(())):
                self.assertTrue(library.export_traces(nothing))
                self.assertTrue(library.export_logs(nothing))
            self.assertEqual(library.stats().spans.accepted_bytes, 0)
            self.assertEqual(library.stats().logs.accepted_bytes, 0)

    def test_the_interpreter_runs_on_while_a_flush_waits(self) -> None:
        with pipeline(writer=False) as pipe:
            library = pipe.library()
            pipe.start_writer()
            flushed(library)
            done = threading.Event()

            def work() -> None:
                while not done.is_set():
                    library.export_traces([duck_span("while waiting")])
                    library.flush(10_000)

            threads = [threading.Thread(target=work) for _ in range(4)]
            for thread in threads:
                thread.start()
            for number in range(200):
                self.assertTrue(library.export_traces([duck_span(str(number))]))
            done.set()
            for thread in threads:
                thread.join()
            self.assertEqual(library.stats().spans.dropped_full, 0)


class BadInputTest(unittest.TestCase):
    """Each: a clear error, the record refused and counted, its neighbours taken."""

    def check(self, bad: Any, *words: str) -> None:
        with pipeline(writer=False) as pipe:
            library = pipe.library()
            with self.assertLogs("otlpipe", "ERROR") as logs:
                taken = library.export_traces([duck_span("first"), bad, duck_span("last")])
            self.assertFalse(taken)
            for word in words:
                self.assertIn(word, logs.output[0])
            self.assertEqual(library.stats().spans.dropped_invalid, 1)
            pipe.drain()
            self.assertEqual(sorted(pipe.span_names()), ["first", "last"])

    def test_surrogates(self) -> None:
        self.check(duck_span("\ud800"), "UnicodeEncodeError", "\\ud800")
        self.check(duck_span("s", attributes={"k": "\udfff"}), "'s'", "UnicodeEncodeError")
        self.check(duck_span("s", attributes={"\udfff": 1}), "'s'", "UnicodeEncodeError")
        self.check(duck_span("s", attributes={"k": [{"a": "\udfff"}]}), "UnicodeEncodeError")

    def test_surrogates_of_a_resource_are_replaced_and_noted(self) -> None:
        """Python has bytes of the environment that are not UTF-8 as surrogates."""
        attributes = {"a\udcff": "M\udcfcller", "list": ["\ud800", "x"]}
        resource = types.SimpleNamespace(attributes=attributes, schema_url=None)
        with pipeline(writer=False) as pipe:
            library = pipe.library()
            with self.assertLogs("otlpipe", "WARNING") as logs:
                self.assertTrue(library.export_traces([duck_span("s", resource=resource)]))
            self.assertEqual(len(logs.output), 3)
            self.assertIn("'M\\udcfcller' of a resource is not UTF-8", "".join(logs.output))
            with self.assertLogs("otlpipe", "WARNING") as logs:
                own = pipe.library(resource=resource)
            self.assertEqual(len(logs.output), 3)
            self.assertTrue(own.export_traces([duck_span("own", 2)]))
            del own
            pipe.drain()
            for line in pipe.json("traces"):
                for found in line["resourceSpans"]:
                    values = {i["key"]: i["value"] for i in found["resource"]["attributes"]}
                    self.assertEqual(values["a\ufffd"], {"stringValue": "M\ufffdller"})
                    self.assertEqual(
                        values["list"]["arrayValue"]["values"][1], {"stringValue": "x"}
                    )
            self.assertEqual(sorted(pipe.span_names()), ["own", "s"])

    def test_ids_that_are_none(self) -> None:
        self.check(duck_span("zero", 0), "'zero'", "invalid argument")
        context = types.SimpleNamespace(trace_id=2**128, span_id=1)
        self.check(duck_span("wide", context=context), "'wide'", "OverflowError")
        context = types.SimpleNamespace(trace_id=-1, span_id=1)
        self.check(duck_span("minus", context=context), "'minus'", "OverflowError")
        self.check(duck_span("none", context=None), "no context")
        self.check(object(), "AttributeError")

    def test_fields_of_wrong_types(self) -> None:
        self.check(duck_span(5), "name must be str, not int")
        self.check(duck_span("t", start_time=1.5), "start time must be int, not float")
        self.check(duck_span("t", end_time=-1), "OverflowError")
        self.check(duck_span("t", end_time=2**64), "OverflowError")
        self.check(duck_span("k", kind=9), "ValueError")
        self.check(duck_span("a", attributes=5), "'a'")
        self.check(duck_span("e", events=5), "TypeError")
        self.check(duck_span("e", events=[None]), "AttributeError")

    def test_nesting_without_end(self) -> None:
        endless: list[Any] = []
        endless.append(endless)
        self.check(duck_span("endless", attributes={"k": endless}), "nested deeper than 16")

    def test_an_exception_inside_the_attributes(self) -> None:
        class Broken(dict):
            def items(self) -> Any:
                yield "fine", 1
                raise RuntimeError("in the middle")

        self.check(duck_span("b", attributes=Broken(a=1)), "'b'", "RuntimeError: in the middle")

    def test_attributes_that_change_while_they_are_read(self) -> None:
        victim: dict[str, Any] = {f"key {n}": f"value {n}" for n in range(100)}

        class Evil(list):
            def __iter__(self) -> Any:
                victim.clear()
                return iter(["done"])

        victim["evil"] = Evil([1])
        victim["after"] = "x" * 100
        with pipeline(writer=False) as pipe:
            library = pipe.library()
            self.assertTrue(library.export_traces([duck_span("evil", attributes=victim)]))
            pipe.drain()
            (line,) = pipe.json("traces")
            span = line["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
            self.assertEqual(len(span["attributes"]), 102)
            self.assertEqual(span["attributes"][-1]["value"], {"stringValue": "x" * 100})

    def test_an_interrupt_is_passed_on(self) -> None:
        class Interrupted(dict):
            def items(self) -> Any:
                raise KeyboardInterrupt

        with pipeline(writer=False) as pipe:
            library = pipe.library()
            with self.assertRaises(KeyboardInterrupt):
                library.export_traces([duck_span("i", attributes=Interrupted(a=1))])

    def test_an_attribute_without_an_otlp_form_is_left_out_and_counted(self) -> None:
        attributes = {"odd": object(), 5: "key", "kept": 1, "deep": [object()]}
        with pipeline(writer=False) as pipe:
            library = pipe.library()
            with self.assertLogs("otlpipe", "WARNING") as logs:
                self.assertTrue(library.export_traces([duck_span("s", attributes=attributes)]))
            self.assertEqual(len(logs.output), 3)
            pipe.drain()
            (line,) = pipe.json("traces")
            span = line["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
            self.assertEqual([item["key"] for item in span["attributes"]], ["kept"])
            self.assertEqual(span["droppedAttributesCount"], 3)

    def test_a_batch_that_is_no_sequence_raises(self) -> None:
        with pipeline(writer=False) as pipe, self.assertRaises(TypeError):
            pipe.library().export_traces(5)  # type: ignore[arg-type]


class BadLogTest(unittest.TestCase):
    """The same for log records."""

    def check(self, bad: Any, *words: str) -> None:
        with pipeline(writer=False) as pipe:
            library = pipe.library()
            with self.assertLogs("otlpipe", "ERROR") as logs:
                taken = library.export_logs([duck_log("first"), bad, duck_log("last")])
            self.assertFalse(taken)
            for word in words:
                self.assertIn(word, logs.output[0])
            self.assertEqual(library.stats().logs.dropped_invalid, 1)
            pipe.drain()
            self.assertEqual(pipe.log_texts(), ["first", "last"])

    def test_surrogates(self) -> None:
        scope = types.SimpleNamespace(name="app.db")
        self.check(
            duck_log("\ud800", instrumentation_scope=scope), "'app.db'", "UnicodeEncodeError"
        )
        self.check(duck_log({"a": ["\udfff"]}, event_name="e"), "'e'", "UnicodeEncodeError")
        self.check(duck_log("b", attributes={"\udfff": 1}), "UnicodeEncodeError")
        self.check(duck_log("b", severity_text="\udfff"), "UnicodeEncodeError")
        self.check(duck_log("b", event_name="\udfff"), "'\\udfff'", "UnicodeEncodeError")
        self.check(
            duck_log("b", instrumentation_scope=types.SimpleNamespace(name="\udfff")),
            "UnicodeEncodeError",
        )

    def test_surrogates_of_a_resource_are_replaced_and_noted(self) -> None:
        resource = types.SimpleNamespace(attributes={"r": "M\udcfcller"}, schema_url=None)
        with pipeline(writer=False) as pipe:
            library = pipe.library()
            with self.assertLogs("otlpipe", "WARNING") as logs:
                self.assertTrue(library.export_logs([duck_log("b", resource=resource)]))
            self.assertIn("of a resource is not UTF-8", logs.output[0])
            pipe.drain()
            (line,) = pipe.json("logs")
            (found,) = line["resourceLogs"][0]["resource"]["attributes"]
            self.assertEqual(found["value"], {"stringValue": "M\ufffdller"})

    def test_fields_of_wrong_types(self) -> None:
        self.check(duck_log("b", timestamp=1.5), "time must be int, not float")
        self.check(duck_log("b", observed_timestamp=-1), "OverflowError")
        self.check(duck_log("b", timestamp=2**64), "OverflowError")
        self.check(duck_log("b", severity_number=25), "ValueError")
        self.check(duck_log("b", severity_number=-1), "ValueError")
        self.check(duck_log("b", severity_number="INFO"), "AttributeError")
        self.check(duck_log("b", severity_text=5), "severity text must be str, not int")
        self.check(duck_log("b", event_name=5), "event's name must be str, not int")
        self.check(duck_log("b", trace_id=2**128), "OverflowError")
        self.check(duck_log("b", span_id=-1), "OverflowError")
        self.check(duck_log("b", trace_flags="1"), "trace flags must be int, not str")
        self.check(duck_log("b", attributes=5), "log record")
        self.check(types.SimpleNamespace(log_record=None), "AttributeError")
        self.check(object(), "AttributeError")

    def test_a_body_that_cannot_be_told(self) -> None:
        class Broken:
            def __str__(self) -> str:
                raise RuntimeError("no text of it")

        endless: list[Any] = []
        endless.append(endless)
        self.check(duck_log(endless), "nested deeper than 16")
        self.check(duck_log([Broken()]), "RuntimeError: no text of it")
        self.check(duck_log(10**5000), "an integer of too many digits")

    def test_an_attribute_without_an_otlp_form_is_left_out_and_counted(self) -> None:
        with pipeline(writer=False) as pipe:
            library = pipe.library()
            with self.assertLogs("otlpipe", "WARNING"):
                odd = duck_log("b", attributes={"odd": object(), "kept": 1})
                self.assertTrue(library.export_logs([odd]))
            pipe.drain()
            (record,) = pipe.log_records()
            self.assertEqual([item["key"] for item in record["attributes"]], ["kept"])
            self.assertEqual(record["droppedAttributesCount"], 1)

    def test_an_interrupt_is_passed_on(self) -> None:
        class Interrupted:
            def __str__(self) -> str:
                raise KeyboardInterrupt

        with pipeline(writer=False) as pipe:
            library = pipe.library()
            with self.assertRaises(KeyboardInterrupt):
                library.export_logs([duck_log(Interrupted())])

    def test_a_batch_that_is_no_sequence_raises(self) -> None:
        with pipeline(writer=False) as pipe, self.assertRaises(TypeError):
            pipe.library().export_logs(5)  # type: ignore[arg-type]


class ReferenceTest(unittest.TestCase):
    def test_an_export_gives_back_every_reference(self) -> None:
        with pipeline(writer=False) as pipe:
            library = pipe.library()
            resource = types.SimpleNamespace(attributes={"r": 1}, schema_url=None)
            scope = types.SimpleNamespace(name="s", version=None, schema_url="", attributes=None)
            value = "a value that nobody else has"
            span = duck_span(
                "s", attributes={"k": value}, resource=resource, instrumentation_scope=scope
            )
            library.export_traces([span])
            objects = (span, scope, resource, value, span.attributes)
            before = [sys.getrefcount(item) for item in objects]
            for _ in range(1000):
                library.export_traces([span])
                library.export_traces([duck_span("\ud800", resource=resource)])
            self.assertEqual(before, [sys.getrefcount(item) for item in objects])

    def test_an_export_of_logs_gives_back_every_reference(self) -> None:
        with pipeline(writer=False) as pipe:
            library = pipe.library()
            resource = types.SimpleNamespace(attributes={"r": 1}, schema_url=None)
            scope = types.SimpleNamespace(name="s", version=None, schema_url="", attributes=None)
            value, body = "a value that nobody else has", ["a body that nobody else has"]
            spelled = object()
            body.append(spelled)
            record = duck_log(
                body, attributes={"k": value}, resource=resource, instrumentation_scope=scope
            )
            library.export_logs([record])
            objects = (record, record.log_record, scope, resource, value, body, spelled)
            before = [sys.getrefcount(item) for item in objects]
            for _ in range(1000):
                library.export_logs([record])
                library.export_logs([duck_log("\ud800", resource=resource)])
            self.assertEqual(before, [sys.getrefcount(item) for item in objects])

    def test_the_error_codes_are_the_librarys(self) -> None:
        self.assertEqual(_native.INVALID, -errno.EINVAL)
        self.assertEqual(_native.LIMIT, -errno.EDQUOT)
        self.assertIn("full", _native.error_text(_native.FULL))


if __name__ == "__main__":
    unittest.main()
