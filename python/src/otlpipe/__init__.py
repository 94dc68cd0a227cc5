# SPDX-License-Identifier: Apache-2.0
"""OpenTelemetry export by reference into shared memory.

An OtlpLibrary holds this process's shared-memory rings; OtlpSpanExporter,
OtlpMetricExporter and OtlpLogExporter are exporters of the OpenTelemetry SDK that push into them.
A separate process, otlpipe-writer, writes them to disk as OTLP. The package
imports without the SDK; the exporters then say what is missing.
"""
from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import _library
from ._library import OtlpError, OtlpLibrary, SignalStats, Stats, default_library
from ._native import version as __version__

if TYPE_CHECKING:
    from ._exporters import OtlpMetricExporter, OtlpSpanExporter
    from ._log_exporter import OtlpLogExporter

__all__ = [
    "OtlpError",
    "OtlpLibrary",
    "OtlpLogExporter",
    "OtlpMetricExporter",
    "OtlpSpanExporter",
    "SignalStats",
    "Stats",
    "__version__",
    "default_library",
]

# Where each exporter is. The SDK's logs are not stable yet: what becomes of them must not cost the
# others.
_EXPORTERS = {
    "OtlpLogExporter": "._log_exporter",
    "OtlpMetricExporter": "._exporters",
    "OtlpSpanExporter": "._exporters",
}


def _without_sdk(name: str, cause: ImportError) -> type:
    """A class in the exporter's place that says what is missing when it is used."""

    def refuse(self: object, *args: object, **kwargs: object) -> None:
        raise ImportError(
            f"{name} needs the OpenTelemetry SDK, which cannot be imported ({cause}): "
            "pip install opentelemetry-sdk"
        ) from cause

    return type(name, (), {"__init__": refuse, "__module__": __name__})


def __getattr__(name: str) -> Any:
    # The SDK is imported when an exporter is first asked for, not with this package.
    if name not in _EXPORTERS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        exporter = getattr(import_module(_EXPORTERS[name], __name__), name)
    except ImportError as cause:
        return _without_sdk(name, cause)
    globals()[name] = exporter
    return exporter


_library.exporter_class = __getattr__


def __dir__() -> list[str]:
    return sorted({*globals(), *_EXPORTERS})
