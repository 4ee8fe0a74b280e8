"""JSON as it is signed and read here: bounded, without floats, without repeated names, one byte form.

The canonical form is that of RFC 8785 for what remains: names sorted, no spaces, UTF-8, integers only.
"""

from __future__ import annotations

import json
from typing import Any, Final, Never

from tutela.hashlist.errors import BadJSON

MAX_BYTES: Final = 1 << 20
MAX_DEPTH: Final = 12
MAX_INTEGER: Final = (1 << 53) - 1


def canonical(value: Any) -> bytes:
    """Return the one byte form of a value made of objects, lists, texts, integers, booleans and null.

    Raises:
        BadJSON: it holds anything else.
    """
    _check(value, 0)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def read(data: bytes, *, max_bytes: int = MAX_BYTES) -> Any:
    """Return the value that `data` writes, in any layout.

    Raises:
        BadJSON: too large, too deep, not JSON, or with floats, huge integers or repeated names.
    """
    if len(data) > max_bytes:
        raise BadJSON(f"The text is larger than {max_bytes} bytes.")
    try:
        value = json.loads(
            data.decode(),
            object_pairs_hook=_unique,
            parse_float=_refuse,
            parse_constant=_refuse,
            parse_int=_integer,
        )
    except (ValueError, RecursionError) as error:
        raise BadJSON("The text is not JSON.") from error
    _check(value, 0)
    return value


def _check(value: Any, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise BadJSON("The text is nested too deeply.")
    if isinstance(value, dict):
        for name, item in value.items():
            _check_name(name)
            _check(item, depth + 1)
    elif isinstance(value, list | tuple):
        for item in value:
            _check(item, depth + 1)
    elif isinstance(value, str):
        _check_text(value)
    elif isinstance(value, int):
        if abs(value) > MAX_INTEGER:
            raise BadJSON("A number is too large.")
    elif value is not None:
        raise BadJSON("The text holds something that is not signed here, such as a fraction.")


def _check_name(name: Any) -> None:
    if not isinstance(name, str) or not name.isascii():
        raise BadJSON("A name is not plain text.")


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadJSON("A text holds half of a character.") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadJSON("A name occurs twice.")
    return found


def _integer(text: str) -> int:
    if len(text) > 17:
        raise BadJSON("A number is too large.")
    return int(text)


def _refuse(text: str) -> Never:
    del text
    raise BadJSON("The text holds a fraction, and only integers are read here.")
