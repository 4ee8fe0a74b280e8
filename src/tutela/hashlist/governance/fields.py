"""How the fields of signed documents are written and read: one codec each, bounded, one form only."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from tutela.hashlist.entries import format_time, parse_time
from tutela.hashlist.errors import BadEntry
from tutela.hashlist.governance.errors import Malformed

HASH_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
MAX_WHOLE: Final = 1 << 32
MAX_LABEL: Final = 64
_LABEL: Final = re.compile(r"[a-z0-9][a-z0-9.:_-]{0,63}", re.ASCII)
_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:_-]{0,63}", re.ASCII)
_HEX: Final = re.compile(r"[0-9a-f]*", re.ASCII)
#: so that adding a period of the constitution to any time stays a time
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Codec:
    """Write a field's value as JSON, and read it; `read` raises `Malformed`."""

    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


def _same(value: Any) -> Any:
    return value


def read_label(value: Any) -> str:
    """Return an identifier: 1 to 64 of a-z 0-9 . : _ - ."""
    if isinstance(value, str) and _LABEL.fullmatch(value):
        return value
    raise Malformed("An identifier is 1 to 64 of a-z 0-9 . : _ - and begins with a letter or a digit.")


def read_code(value: Any) -> str:
    """Return a category or classification; whether it may be used is for the rules to say."""
    if isinstance(value, str) and _CODE.fullmatch(value):
        return value
    raise Malformed("A category is 1 to 64 of A-Z a-z 0-9 . : _ - and begins with a letter or a digit.")


def read_bytes(value: Any, size: int = HASH_BYTES) -> bytes:
    """Return exactly `size` bytes of lower-case hex."""
    if isinstance(value, str) and len(value) == 2 * size and _HEX.fullmatch(value):
        return bytes.fromhex(value)
    raise Malformed(f"A value of {size} bytes is written as {2 * size} lower-case hexadecimal digits.")


def read_time(value: Any) -> datetime:
    """Return a time of 2000 to 2199, UTC, whole seconds."""
    try:
        found = parse_time(value)
    except (BadEntry, TypeError) as error:
        raise Malformed("A time is written as 2026-01-31T12:00:00Z.") from error
    return check_time(found)


def check_time(value: datetime) -> datetime:
    """Return a time that every document can write; raises `Malformed`."""
    if value.tzinfo is not UTC or value.microsecond or not EARLIEST <= value < LATEST:
        raise Malformed("A time is UTC, in whole seconds, from 2000 to 2199.")
    return value


def read_whole(value: Any) -> int:
    """Return a whole number from 0 to 2^32."""
    if type(value) is int and 0 <= value <= MAX_WHOLE:
        return value
    raise Malformed("A number is whole and from 0 to 4294967296.")


def one_of(choices: Iterable[str]) -> Codec:
    """Return the codec of a closed set of texts."""
    allowed = frozenset(choices)

    def read(value: Any) -> str:
        if isinstance(value, str) and value in allowed:
            return value
        raise Malformed(f"One of {', '.join(sorted(allowed))} was expected.")

    return Codec(_same, read)


LABEL: Final = Codec(_same, read_label)
CODE: Final = Codec(_same, read_code)
HASH: Final = Codec(bytes.hex, read_bytes)
TIME: Final = Codec(format_time, read_time)
WHOLE: Final = Codec(_same, read_whole)

Schema = Mapping[str, Codec]


def write(schema: Schema, value: object) -> dict[str, Any]:
    """Return the fields of an object as JSON."""
    return {name: codec.write(getattr(value, name)) for name, codec in schema.items()}


def read(schema: Schema, data: Any, also: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the values of exactly the fields of `schema`, beside the constant ones in `also`.

    Raises:
        Malformed: another set of fields, another constant, or a field of another form.
    """
    constants = also or {}
    if not isinstance(data, dict) or set(data) != {*schema, *constants}:
        raise Malformed("A field is missing, or one is unknown.")
    if any(type(data[name]) is not type(value) or data[name] != value for name, value in constants.items()):
        raise Malformed("It is a document of another kind or version.")
    return {name: codec.read(data[name]) for name, codec in schema.items()}


def check(schema: Schema, value: object) -> None:
    """Raise `Malformed` unless each field of an object is one that can be written and read again."""
    for name, codec in schema.items():
        held = getattr(value, name)
        try:
            same = codec.read(codec.write(held)) == held
        except (TypeError, AttributeError, ValueError) as error:
            raise Malformed(f"The field {name} has another form.") from error
        if not same:
            raise Malformed(f"The field {name} has another form.")


def read_list(read_one: Callable[[Any], Any], most: int) -> Callable[[Any], tuple[Any, ...]]:
    """Return a reader of lists of at most `most` items."""

    def read_all(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list) or len(value) > most:
            raise Malformed(f"A list of at most {most} was expected.")
        return tuple(read_one(item) for item in value)

    return read_all


def labels(most: int, read_one: Callable[[Any], str] = read_label) -> Codec:
    """Return the codec of a sorted set of identifiers."""
    read_all = read_list(read_one, most)

    def read_sorted(value: Any) -> tuple[str, ...]:
        found = read_all(value)
        if list(found) != sorted(set(found)):
            raise Malformed("A set is written in order, and each member once.")
        return found

    return Codec(list, read_sorted)
