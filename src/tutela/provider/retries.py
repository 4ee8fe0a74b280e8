"""When something that failed is tried again: doubling from two seconds to an hour."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

FIRST: Final = timedelta(seconds=2)
LONGEST: Final = timedelta(hours=1)


def later(now: datetime, attempts: int) -> datetime:
    """Return the time of the next try after `attempts` that failed (1 or more)."""
    doublings: int = min(max(attempts, 1) - 1, 16)
    return now + min(LONGEST, FIRST * (1 << doublings))
