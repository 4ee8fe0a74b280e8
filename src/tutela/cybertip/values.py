"""Plain values between XML Schema's text and Python (W3C XML Schema Part 2).

A time without a zone stays without one: to guess it would invent evidence. Fractions beyond
microseconds are cut. Years outside 1 to 9999 cannot be held and are refused.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime, time, timedelta, timezone

from tutela.cybertip.errors import RuleBroken

_SPACE = re.compile(r"[ \t\r\n]+")
_MOMENT = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)?", re.ASCII)
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:Z|[+-]\d\d:\d\d)?", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d{1,40}", re.ASCII)
_DOUBLE = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_TRUTH = {"true": True, "1": True, "false": False, "0": False}
_SPECIAL = {"INF": math.inf, "+INF": math.inf, "-INF": -math.inf, "NaN": math.nan}
_LAST_HOUR = 24


def collapse(text: str) -> str:
    """Return text with XML white space collapsed, as `xs:token` has it."""
    return _SPACE.sub(" ", text).strip(" ")


def read_bool(text: str) -> bool:
    """Read an `xs:boolean`."""
    try:
        return _TRUTH[collapse(text)]
    except KeyError:
        raise RuleBroken("a truth value is none of true, false, 1 and 0") from None


def read_int(text: str) -> int:
    """Read an `xs:int` or `xs:long`; their ranges are the schema's to check."""
    text = collapse(text)
    if not _INTEGER.fullmatch(text):
        raise RuleBroken("a number is not an integer")
    return int(text)


def read_float(text: str) -> float:
    """Read an `xs:double`."""
    text = collapse(text)
    if text in _SPECIAL:
        return _SPECIAL[text]
    if len(text) > 400 or not _DOUBLE.fullmatch(text):
        raise RuleBroken("a number is not a decimal number")
    return float(text)


def read_moment(text: str) -> datetime:
    """Read an `xs:dateTime`; without a zone in it, the result is naive."""
    found = _MOMENT.fullmatch(collapse(text))
    if not found:
        raise RuleBroken("a time is not of the form 2026-01-31T23:59:59Z")
    year, month, day, hour, minute, second = (int(found.group(n)) for n in range(1, 7))
    micro = int((found.group(7) or "0")[:6].ljust(6, "0"))
    try:
        if hour == _LAST_HOUR:
            if minute or second or micro:
                raise RuleBroken("a time of day is after 24:00:00")
            moment = datetime.combine(date(year, month, day), time()) + timedelta(days=1)
        else:
            moment = datetime(year, month, day, hour, minute, second, micro)  # noqa: DTZ001 (its own zone follows)
        return moment.replace(tzinfo=_zone(found.group(8)))
    except (ValueError, OverflowError):
        raise RuleBroken("a time does not exist or lies outside the years 1 to 9999") from None


def _zone(text: str | None) -> timezone | None:
    if not text:
        return None
    if text == "Z":
        return UTC
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[4:6]))
    return timezone(-offset if text[0] == "-" else offset)


def read_date(text: str) -> date:
    """Read an `xs:date`; a zone is dropped."""
    found = _DATE.fullmatch(collapse(text))
    if not found:
        raise RuleBroken("a date is not of the form 2026-01-31")
    try:
        return date(*(int(found.group(n)) for n in range(1, 4)))
    except ValueError:
        raise RuleBroken("a date does not exist") from None


def write_moment(moment: datetime) -> str:
    """Write an `xs:dateTime`. Zones that it cannot carry (seconds, more than 14 h) are turned into UTC."""
    offset = moment.utcoffset()
    if offset is not None and (offset % timedelta(minutes=1) or abs(offset) > timedelta(hours=14)):
        moment, offset = moment.astimezone(UTC), timedelta()
    if offset is None:
        return moment.isoformat()
    text = moment.replace(tzinfo=None).isoformat()
    if not offset:
        return text + "Z"
    minutes = abs(offset) // timedelta(minutes=1)
    return f"{text}{'-' if offset < timedelta() else '+'}{minutes // 60:02}:{minutes % 60:02}"


def write_float(value: float) -> str:
    """Write an `xs:double`."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "INF" if value > 0 else "-INF"
    return repr(value)
