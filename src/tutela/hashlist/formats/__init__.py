"""Lists in and out: our own JSON lines, plain `signal_type hash` lines, and CSV."""

from __future__ import annotations
