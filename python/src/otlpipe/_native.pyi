# SPDX-License-Identifier: Apache-2.0
"""The extension. Its public face is the package's."""
import os
from collections.abc import Mapping
from typing import Any, final

INVALID: int
NO_MEMORY: int
ACCESS: int
NO_SPACE: int
TIMEOUT: int
TOO_LARGE: int
FULL: int
NO_WRITER: int
SHUTDOWN: int
ABI: int

version: str

# The cause, how many records it refused, each refused record and each omission in words.
_Outcome = tuple[int, int, tuple[str, ...], tuple[str, ...]]
_Signal = tuple[int, int, int, int, int]

class OtlpError(RuntimeError):
    code: int

@final
class SpanExporter:
    def export(self, spans: Any, /) -> _Outcome | None: ...
    def force_flush(self, timeout_ns: int, /) -> int: ...

@final
class MetricExporter:
    def export(self, metrics_data: Any, /) -> _Outcome | None: ...
    def force_flush(self, timeout_ns: int, /) -> int: ...
    def temporality(self, instrument_kind: int, /) -> int: ...
    def temporality_preference(self) -> int: ...

@final
class Library:
    def __new__(
        cls,
        runtime_dir: str | bytes | os.PathLike[str] = ...,
        resource: Mapping[str, Any] | Any | None = None,
        span_ring_bytes: int = 0,
        metric_ring_bytes: int = 0,
        temporality: int = -1,
    ) -> Library: ...
    def span_exporter(self) -> SpanExporter: ...
    def metric_exporter(self) -> MetricExporter: ...
    def export_traces(self, spans: Any, /) -> _Outcome | None: ...
    def flush(self, timeout_ns: int, /) -> int: ...
    def shutdown(self, timeout_ns: int, /) -> int: ...
    def stats(self) -> tuple[_Signal, _Signal, int]: ...
    def diagnostics(self) -> tuple[str, ...]: ...

def bind_sdk(known: dict[str, Any], /) -> None: ...
def error_text(error: int, /) -> str: ...
