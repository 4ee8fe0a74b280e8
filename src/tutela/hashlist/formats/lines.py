"""Read a text file line by line within bounds, and write one whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from tutela.hashlist.errors import BadFile, BadLine

MAX_LINE_BYTES: Final = 4096
MAX_LINES: Final = 10_000_000


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (number from 1, line without its end); a byte order mark at the start is dropped.

    Raises:
        BadFile: the file cannot be read, or has too many lines.
        BadLine: a line is too long or not UTF-8.
    """
    try:
        with path.open("rb") as file:
            for number in range(1, MAX_LINES + 2):
                raw = file.readline(MAX_LINE_BYTES + 1)
                if not raw:
                    return
                yield number, _text(number, raw)
    except OSError as error:
        raise BadFile(f"The file {path.name} cannot be read.") from error
    raise BadFile(f"The file has more than {MAX_LINES} lines.")


def _text(number: int, raw: bytes) -> str:
    if len(raw) > MAX_LINE_BYTES:
        raise BadLine(number, f"longer than {MAX_LINE_BYTES} bytes.")
    try:
        text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise BadLine(number, "not UTF-8 text.") from error
    return text.rstrip("\r\n")


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write lines to a file that only its owner reads, in one step at the end.

    Raises:
        BadFile: the folder is not there or not writable.
    """
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise BadFile(
            f"The file {path.name} cannot be written.", hint="Does its folder exist, and is it yours?"
        ) from error
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.writelines(line + "\n" for line in lines)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise BadFile(f"The file {path.name} cannot be written.") from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
