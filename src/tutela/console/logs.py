"""Log lines of events and numbers.

A traceback keeps its frames and loses its messages: the text of an error may quote what somebody sent.
"""

from __future__ import annotations

import logging
import traceback
from types import TracebackType

from tutela.errors import TutelaError

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class EventFormatter(logging.Formatter):
    """`2026-01-02T03:04:05Z LEVEL logger message`, with message-free tracebacks."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s", "%Y-%m-%dT%H:%M:%S%z")

    def formatException(self, ei: _ExcInfo) -> str:  # noqa: N802  (the name is logging's)
        """Return the frames and the type of the error, and the code of our own errors."""
        kind, error, trace = ei
        if kind is None:
            return ""
        frames = traceback.extract_tb(trace)
        lines = [f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
        code = f" [{error.code}]" if isinstance(error, TutelaError) else ""
        return "\n".join([*lines, f"  {kind.__module__}.{kind.__qualname__}{code}"])
