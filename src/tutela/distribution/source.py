"""Where a repository's files come from: a web address, or a folder; the rest of the room sees no difference.

Nothing that comes out of here is believed. What is bounded here: a redirection is not followed, an answer
has to begin within a time, silence is bounded, and so is dripping (so and so many bytes in every window).
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final, Protocol
from urllib.parse import SplitResult, quote, urlsplit

from tutela.distribution.errors import BadAddress, CutShort, Malformed, NotThere, Slow, Unreachable
from tutela.distribution.storage import PART

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_RANGE: Final = re.compile(r"bytes (?:([0-9]{1,16})-([0-9]{1,16})|\*)/([0-9]{1,16})", re.ASCII)
_LENGTH: Final = re.compile(r"[0-9]{1,16}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Body:
    """What an answer brings.

    Attributes:
        start: the first byte's place in the file; 0 from a server that knows no ranges.
        total: the whole file's length as far as the source says it.
        parts: the bytes; raises `DistributionFailed`.
    """

    start: int
    total: int | None
    parts: Iterator[bytes]


class Source(Protocol):
    """Gives files by their name in the repository."""

    def open(self, name: str, start: int = 0) -> AbstractContextManager[Body]:
        """Open a file from a place on; raises `NotThere` and other `DistributionFailed`."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a source may take, in seconds.

    Attributes:
        silence: without a single byte.
        answer: from the question to the end of the answer's head.
        window: in every such time at least `least` bytes must arrive.
        least: bytes.
    """

    silence: float = 30.0
    answer: float = 60.0
    window: float = 30.0
    least: int = 30 * 1024


def source_of(location: str | Path, patience: Patience | None = None) -> Source:
    """Return the source at an address or in a folder; raises `BadAddress`."""
    if isinstance(location, Path) or "://" not in location:
        return Folder(Path(location))
    try:
        parts = urlsplit(location)
        sound = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError as error:
        raise BadAddress from error
    plain = parts.scheme == "http" and parts.hostname in _LOOPBACK
    unusual = parts.query or parts.fragment or parts.username or parts.password
    if not sound or unusual or not (parts.scheme == "https" or plain) or not location.isascii():
        raise BadAddress
    return Web(parts, patience or Patience())


@dataclass(frozen=True, slots=True)
class Folder:
    """An offline mirror."""

    folder: Path

    @contextmanager
    def open(self, name: str, start: int = 0) -> Iterator[Body]:
        """Open a file from a place on."""
        if not (self.folder / "metadata").is_dir():
            raise Unreachable("(The folder holds none.)")
        try:
            with (self.folder / name).open("rb") as file:
                total = file.seek(0, 2)
                place = file.seek(min(start, total))
                yield Body(place, total, _file_parts(file))
        except FileNotFoundError as error:
            raise NotThere from error
        except (IsADirectoryError, PermissionError) as error:
            raise Unreachable("(A file of the folder cannot be read.)") from error


def _file_parts(file: IO[bytes]) -> Iterator[bytes]:
    try:
        while part := file.read(PART):
            yield part
    except OSError as error:
        raise CutShort from error


@dataclass(frozen=True, slots=True)
class Web:
    """A server. Every file is a question of its own; nothing is remembered between them."""

    address: SplitResult
    patience: Patience = Patience()
    clock: Callable[[], float] = field(default=time.monotonic, compare=False)

    @contextmanager
    def open(self, name: str, start: int = 0) -> Iterator[Body]:
        """Open a file from a place on."""
        connection = self._connection()
        try:
            answer = self._ask(connection, name, start)
            yield _body(answer, start, self._parts(answer))
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        host, port, silence = self.address.hostname or "", self.address.port, self.patience.silence
        if self.address.scheme == "https":
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(host, port, timeout=silence, context=context)
        return http.client.HTTPConnection(host, port, timeout=silence)

    def _ask(self, connection: http.client.HTTPConnection, name: str, start: int) -> http.client.HTTPResponse:
        headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={start}-"} if start else {})}
        late = threading.Event()

        def end() -> None:
            late.set()
            with suppress(OSError):
                if connection.sock is not None:
                    connection.sock.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(self.patience.answer, end)
        timer.daemon = True
        try:
            timer.start()
            connection.connect()
            connection.request("GET", f"{self.address.path.rstrip('/')}/{quote(name)}", headers=headers)
            answer = connection.getresponse()
        except TimeoutError as error:
            raise Slow from error
        except (OSError, http.client.HTTPException) as error:
            raise (Slow if late.is_set() else Unreachable) from error
        finally:
            timer.cancel()
        if late.is_set():  # the end that we made looks like the head's own
            raise Slow
        return answer

    def _parts(self, answer: http.client.HTTPResponse) -> Iterator[bytes]:
        began, received = self.clock(), 0
        try:
            while part := answer.read1(PART):
                received += len(part)
                if self.clock() - began > self.patience.window:
                    if received < self.patience.least:
                        raise Slow
                    began, received = self.clock(), 0
                yield part
        except TimeoutError as error:
            raise Slow from error
        except (OSError, http.client.HTTPException) as error:
            raise CutShort from error
        if answer.length:
            raise CutShort


def _body(answer: http.client.HTTPResponse, start: int, parts: Iterator[bytes]) -> Body:
    if answer.status in {403, 404}:
        raise NotThere
    if answer.chunked:  # a line of it can be dripped without end
        raise Unreachable("(It does not say how long its answer is.)")
    if answer.status == http.client.OK:
        return Body(0, _whole(answer.getheader("Content-Length")), parts)
    if start and answer.status in {http.client.PARTIAL_CONTENT, http.client.REQUESTED_RANGE_NOT_SATISFIABLE}:
        place, total = content_range(answer.getheader("Content-Range") or "")
        if answer.status == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            return Body(start, total, iter(()))
        if place == start:
            return Body(place, total, parts)
        raise Malformed("(It answers with another part than was asked for.)")
    raise Unreachable(f"(HTTP {answer.status}.)")


def content_range(header: str) -> tuple[int | None, int]:
    """Return first place and whole length of a Content-Range header (RFC 9110, 14.4); raises `Malformed`."""
    found = _RANGE.fullmatch(header)
    if found is None:
        raise Malformed("(Its range is none.)")
    total = int(found[3])
    if found[1] is None:
        return None, total
    first, last = int(found[1]), int(found[2])
    if not first <= last < total:
        raise Malformed("(Its range contradicts itself.)")
    return first, total


def _whole(header: str | None) -> int | None:
    return int(header) if header is not None and _LENGTH.fullmatch(header) else None
