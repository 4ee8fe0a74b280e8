"""Read multipart/form-data (RFC 7578, RFC 2046 section 5.1) as a stream, in constant memory.

    parts = Multipart(request, boundary)
    while (part := parts.next_part()) is not None:
        part.name, part.filename; part.read(65536) ... b""

Parts come in the sender's order and are read once: `next_part` skips what was left of the one before.
A body that ends before its closing delimiter raises, so that a cut connection is never taken for a
whole file. Bounds: header block 8 KiB, 16 parts, preamble 64 KiB.
"""

from __future__ import annotations

import re
from typing import Final, Protocol

from django.utils.http import parse_header_parameters

from tutela.hub.errors import MultipartError, TooLargeError

CHUNK: Final = 64 * 1024
MAX_HEADERS: Final = 8 * 1024
MAX_PARTS: Final = 16
MAX_NAME: Final = 500
_BOUNDARY: Final = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


class Reader(Protocol):
    """Anything that gives bytes; a short read is not the end, an empty one is."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes."""


def boundary_of(content_type: str) -> bytes:
    """Return the boundary that a Content-Type header names.

    Raises:
        MultipartError: it is another type, or has no usable boundary.
    """
    kind, parameters = _parameters(content_type)
    boundary = parameters.get("boundary", "")
    if kind != "multipart/form-data" or not _BOUNDARY.fullmatch(boundary):
        raise MultipartError("The request is not multipart/form-data with a boundary.")
    return boundary.encode("ascii")


def _parameters(header: str) -> tuple[str, dict[str, str]]:
    """Split a header into its value and its parameters, whatever the sender wrote there."""
    try:
        kind, parameters = parse_header_parameters(header)
    except (ValueError, LookupError, TypeError) as error:  # TypeError: a name in mixed pieces
        raise MultipartError("A header of the request cannot be read.") from error
    return kind.lower(), parameters


class Part:
    """One field or file of the form.

    Attributes:
        name: the field's name.
        filename: the file's name as sent, without control characters; None for a plain field.
    """

    def __init__(self, source: Multipart, name: str, filename: str | None) -> None:
        self._source = source
        self.name = name
        self.filename = filename
        self.ended = False

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes; b"" at the part's end.

        Raises:
            MultipartError: the body ends inside the part.
        """
        if self.ended:
            return b""
        data = self._source.read_until_delimiter(size)
        self.ended = not data
        return data

    def text(self, limit: int = 1024) -> str:
        """Return a plain field's text.

        Raises:
            TooLargeError: it is longer than `limit` bytes.
            MultipartError: it is not UTF-8.
        """
        data = bytearray()
        while part := self.read(CHUNK):
            data += part
            if len(data) > limit:
                raise TooLargeError(f"A field of the form is longer than {limit} bytes.")
        try:
            return data.decode("utf-8").strip()
        except UnicodeDecodeError as error:
            raise MultipartError("A field of the form is not UTF-8.") from error


class Multipart:
    """A form that is read part by part."""

    def __init__(self, reader: Reader, boundary: bytes) -> None:
        self._reader = reader
        self._delimiter = b"\r\n--" + boundary
        self._buffer = bytearray(b"\r\n")  # so that the first delimiter looks like every other one
        self._part: Part | None = Part(self, "", None)  # the preamble
        self._parts = 0

    def next_part(self) -> Part | None:
        """Return the next part, or None after the closing delimiter.

        Raises:
            MultipartError: the body is malformed or ends too early.
        """
        if self._part is None:
            return None
        self._skip(self._part)
        del self._buffer[: len(self._delimiter)]
        if self._is_last():
            self._part = None
            return None
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise MultipartError(f"The form has more than {MAX_PARTS} parts.")
        self._part = self._begin(self._headers())
        return self._part

    def read_until_delimiter(self, size: int) -> bytes:
        """Return bytes before the next delimiter, at most `size`; b"" where it stands."""
        while True:
            found = self._buffer.find(self._delimiter)
            # Bytes that could be the beginning of a delimiter wait for what follows them.
            safe = found if found >= 0 else len(self._buffer) - len(self._delimiter) + 1
            if safe > 0:
                data = bytes(self._buffer[: min(safe, size)])
                del self._buffer[: len(data)]
                return data
            if found == 0:
                return b""
            self._fill()

    def _skip(self, part: Part) -> None:
        preamble, skipped = self._parts == 0, 0
        while data := part.read(CHUNK):
            skipped += len(data)
            if preamble and skipped > CHUNK:
                raise MultipartError("The form does not begin with its boundary.")

    def _is_last(self) -> bool:
        self._need(2)
        return self._buffer.startswith(b"--")

    def _headers(self) -> str:
        while (end := self._buffer.find(b"\r\n\r\n")) < 0 and len(self._buffer) <= MAX_HEADERS:
            self._fill()
        first_line = self._buffer.find(b"\r\n")
        if not 0 <= end <= MAX_HEADERS or self._buffer[:first_line].strip(b" \t"):
            raise MultipartError("A part of the form has no usable headers.")
        block = bytes(self._buffer[first_line + 2 : end])
        del self._buffer[: end + 4]
        return block.decode("utf-8", "replace")

    def _begin(self, headers: str) -> Part:
        for line in headers.split("\r\n"):
            key, _, value = line.partition(":")
            if key.strip().lower() == "content-disposition":
                kind, parameters = _parameters(value.strip())
                if kind == "form-data" and "name" in parameters:
                    filename = parameters.get("filename")
                    clean = None if filename is None else _CONTROL.sub("", filename)[:MAX_NAME]
                    return Part(self, parameters["name"], clean)
        raise MultipartError("A part of the form has no name.")

    def _need(self, count: int) -> None:
        while len(self._buffer) < count:
            self._fill()

    def _fill(self) -> None:
        data = self._reader.read(CHUNK)
        if not data:
            raise MultipartError("The request ends before the form does.")
        self._buffer += data
