# SPDX-License-Identifier: Apache-2.0
"""What an export call came to, in the log: each cause at most once in a few seconds."""
from __future__ import annotations

import logging
import time
from collections.abc import Callable

from . import _native

Outcome = tuple[int, int, tuple[str, ...], tuple[str, ...]]

_logger = logging.getLogger("otlpipe")

# A full ring is met by every export call until it drains: the log must not be flooded.
REPEAT_SECONDS = 5.0
# A cause is a text that can hold a record's name: the memory of them has a limit.
CAUSES_MAX = 256
# Failures that the extension puts into words, and how many of them in one call.
FAILURES_MAX = 8
_NAMED = (_native.INVALID, _native.TOO_LARGE)
# Those that say that this process has no ring; the library knows more about why.
_WITHOUT_RING = (
    _native.ACCESS,
    _native.NO_SPACE,
    _native.NO_MEMORY,
    _native.LIMIT,
    _native.ABI,
)


class Reporter:
    """Logs failures of one exporter. Threads may race here: a line more or less is no harm."""

    def __init__(self, what: str, last_error: Callable[[], str]) -> None:
        self._what = what
        self._last_error = last_error
        self._seen: dict[str, tuple[float, int]] = {}

    def _is_news(self, cause: str) -> tuple[bool, int]:
        now = time.monotonic()
        logged, suppressed = self._seen.get(cause, (None, 0))
        if logged is not None and now - logged < REPEAT_SECONDS:
            self._seen[cause] = (logged, suppressed + 1)
            return False, 0
        if len(self._seen) >= CAUSES_MAX:
            self._seen.clear()
        self._seen[cause] = (now, 0)
        return True, suppressed

    def _log(self, level: int, cause: str, text: str) -> None:
        is_news, suppressed = self._is_news(cause)
        if is_news and suppressed:
            text += f" (and {suppressed} more times since it was last logged)"
        if is_news:
            _logger.log(level, "otlpipe: %s: %s", self._what, text)

    def _reason(self, cause: int) -> str:
        reason = self._last_error() if cause in _WITHOUT_RING else ""
        return f": {reason}" if reason else ""

    def exported(self, outcome: Outcome | None) -> bool:
        """Whether all was taken; what was not is logged with its cause."""
        if outcome is None:
            return True
        cause, refused, failures, notes = outcome
        for note in notes:
            self._log(logging.WARNING, note, note)
        for failure in failures:
            self._log(logging.ERROR, failure, f"refused {failure}")
        if cause and (not failures or cause not in _NAMED):
            text = _native.error_text(cause)
            self._log(logging.ERROR, text, f"{text} ({refused} refused){self._reason(cause)}")
        elif len(failures) == FAILURES_MAX:
            text = f"more than {FAILURES_MAX} records were refused in one call"
            self._log(logging.ERROR, text, f"{text}: {refused} spans, points or log records in all")
        return cause == 0

    def waited(self, error: int) -> bool:
        """Whether a flush came to its end."""
        if error:
            text = _native.error_text(error)
            self._log(logging.WARNING, text, text + self._reason(error))
        return error == 0

    def failed(self, error: Exception) -> bool:
        """An export call that could not read what it was given."""
        text = f"{type(error).__name__}: {error}"
        self._log(logging.ERROR, text, text)
        return False
