# SPDX-License-Identifier: Apache-2.0
"""The exporter of log records, as the OpenTelemetry SDK wants it."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

try:
    from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult
except ImportError:  # their names before version 1.39
    from opentelemetry.sdk._logs.export import LogExporter as LogRecordExporter
    from opentelemetry.sdk._logs.export import (  # type: ignore[assignment]
        LogExportResult as LogRecordExportResult,
    )

from ._library import FLUSH_MILLIS, OtlpLibrary, default_library, to_ns
from ._report import Reporter

if TYPE_CHECKING:
    from opentelemetry.sdk._logs import ReadableLogRecord

    from . import _native


class OtlpLogExporter(LogRecordExporter):
    """Pushes log records into an OtlpLibrary, by default into the process's own.

    May serve any number of logger providers and threads: each record names its own resource. Its
    shutdown() leaves the library to the others that share it.
    """

    def __init__(self, library: OtlpLibrary | None = None) -> None:
        self._library = library if library is not None else default_library()
        self._native: _native.LogExporter = self._library._native.log_exporter()
        self._reporter = Reporter("log exporter", self._native.last_error)

    def export(self, batch: Sequence[ReadableLogRecord], **kwargs: Any) -> LogRecordExportResult:
        try:
            is_done = self._reporter.exported(self._native.export(batch))
        except Exception as error:  # an exporter never raises into the SDK
            is_done = self._reporter.failed(error)
        return LogRecordExportResult.SUCCESS if is_done else LogRecordExportResult.FAILURE

    def force_flush(self, timeout_millis: float | None = FLUSH_MILLIS) -> bool:
        return self._reporter.waited(self._native.force_flush(to_ns(timeout_millis)))

    def shutdown(self, timeout_millis: float | None = None) -> None:
        """Nothing to do: what was accepted is in shared memory, and the library is shared."""
