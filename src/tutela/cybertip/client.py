"""Sends CyberTipline reports: the seven calls of the reporting API over HTTPS, with retries.

Sources: the published descriptions of the reporting API; the public clients. A request is repeated when no
answer came or the server says that it failed (1xxx), never when it was refused. To repeat `/submit` after a
lost answer may open a second report: it is never finished, so the receiving side deletes it after its
time, and one that knows repetitions gives the first one again. `session` keeps a whole report to exactly one.

What this does NOT protect: the report is readable to the receiving system and to whoever holds the account's
password. Transport security is TLS; plain HTTP is refused but to this machine.
"""

from __future__ import annotations

import hashlib
import io
import secrets
import time
from collections.abc import Callable, Container
from dataclasses import dataclass
from ipaddress import ip_address
from typing import IO, TYPE_CHECKING, Any, Self, TypeVar

from tutela.cybertip import documents
from tutela.cybertip.codes import Code
from tutela.cybertip.documents import FileDetails, Report, ReportDoneResponse, Response
from tutela.cybertip.errors import DocumentError
from tutela.cybertip.remote import (
    CybertipError,
    LoginRefused,
    NotPermitted,
    RequestRefused,
    ServerFailed,
    TransferDamaged,
    Unreachable,
    UnreadableAnswer,
    error_for,
    worth_repeating,
)
from tutela.errors import UsageError

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")
XML_HEADERS = {"Content-Type": "text/xml; charset=utf-8"}
LARGEST_ANSWER = 4 << 20
LONGEST_REQUEST_ID = 200
TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Backoff:
    """How often and how patiently a request is repeated.

    Attributes:
        attempts: how often it is sent at most.
        first: seconds before the second attempt; doubled each time.
        longest: seconds that no pause exceeds.
    """

    attempts: int = 5
    first: float = 0.5
    longest: float = 30.0

    def pause(self, failures: int, chance: float) -> float:
        """Return the seconds to wait after so many failures; `chance` in [0, 1) spreads clients apart."""
        return min(self.longest, self.first * 2.0 ** (failures - 1)) * (0.5 + chance / 2)


PATIENT = Backoff()
CHANCE = secrets.SystemRandom().random


@dataclass(frozen=True, slots=True)
class Uploaded:
    """An upload that the other side has: its id, and the MD5 of the bytes in hex."""

    file_id: str
    md5: str


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished report: the files that it holds, and whether it had been finished before."""

    report_id: int
    file_ids: tuple[str, ...]
    already: bool


class Client:
    """One account at one receiving system.

    Args:
        base_url: where the seven calls are, without a slash at the end ("https://hub.example.org/ispws").
        username: the account.
        password: its password.
        http: a client to send with; its own settings for proxies and certificates hold. Closed by its owner.
        backoff: how requests are repeated.
        sleep: waits for so many seconds.
        chance: returns a number in [0, 1).
        allow_plain: permit plain HTTP to another machine (inside a private test network only).

    Raises:
        UsageError: the address is not HTTPS.
    """

    def __init__(
        self,
        base_url: str,
        username: str,
        password: str,
        http: httpx.Client | None = None,
        *,
        backoff: Backoff = PATIENT,
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = CHANCE,
        allow_plain: bool = False,
    ) -> None:
        import httpx

        _check_address(base_url, allow_plain=allow_plain)
        self._base = base_url.rstrip("/")
        self._auth = httpx.BasicAuth(username, password)
        self._owns = http is None
        self._http = http or httpx.Client(timeout=TIMEOUT_SECONDS, follow_redirects=False)
        self._backoff = backoff
        self._sleep = sleep
        self._chance = chance

    def close(self) -> None:
        """Close the connections, if they are this client's own."""
        if self._owns:
            self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def status(self) -> None:
        """`GET /status`: raises unless the address and the login work."""
        self._repeat(lambda: self._call("GET", "status"))

    def xsd(self) -> bytes:
        """`GET /xsd`: the receiving side's schema."""
        return self._repeat(lambda: self._fetch("xsd"))

    def submit(self, report: Report | bytes, *, idempotency_key: str = "") -> int:
        """`POST /submit`: open a report and return its id.

        Args:
            report: the document, or one that `to_xml` made before.
            idempotency_key: sent along; a system that knows it recognises a repetition by it.
        """
        body = report if isinstance(report, bytes) else documents.to_xml(report)
        headers = XML_HEADERS | ({"Idempotency-Key": idempotency_key} if idempotency_key else {})

        def send() -> int:
            answer = self._call("POST", "submit", content=body, headers=headers)
            if not answer.report_id:
                raise UnreadableAnswer("the answer to a submission names no report")
            return answer.report_id

        return self._repeat(send)

    def upload(self, report_id: int, name: str, stream: IO[bytes]) -> Uploaded:
        """`POST /upload`: stream a file, from where `stream` stands to its end.

        A stream that cannot be rewound is sent once.

        Raises:
            TransferDamaged: the other side's MD5 is another one.
        """
        reader = _Reader(stream)

        def send() -> Uploaded:
            files = {"file": (name, reader, "application/octet-stream")}
            answer = self._call("POST", "upload", data={"id": str(report_id)}, files=files)
            if isinstance(answer, ReportDoneResponse) or not answer.file_id:
                raise UnreadableAnswer("the answer to an upload names no file", report_id=report_id)
            md5 = reader.md5
            if answer.hash and answer.hash.lower() != md5:
                raise TransferDamaged(
                    "the other side received other bytes than were sent", report_id=report_id
                )
            return Uploaded(answer.file_id, md5)

        return self._repeat(send, most=None if stream.seekable() else 1)

    def fileinfo(self, details: FileDetails) -> None:
        """`POST /fileinfo`: say more about an uploaded file."""
        body = documents.to_xml(details)
        self._repeat(lambda: self._call("POST", "fileinfo", content=body, headers=XML_HEADERS))

    def finish(self, report_id: int) -> Finished:
        """`POST /finish`: close the report. That it was closed before (5102) is a good answer too."""
        good = (Code.SUCCESS, Code.ALREADY_FINISHED)
        answer = self._repeat(lambda: self._call("POST", "finish", good, data={"id": str(report_id)}))
        files = answer.file_ids if isinstance(answer, ReportDoneResponse) else ()
        return Finished(report_id, files, already=answer.response_code != Code.SUCCESS)

    def retract(self, report_id: int) -> None:
        """`POST /retract`: withdraw an open report. That it was withdrawn before (5101) is good too.

        Raises:
            AlreadyFinished: it can no longer be withdrawn.
            NoSuchReport: it has expired.
        """
        good = (Code.SUCCESS, Code.ALREADY_RETRACTED)
        self._repeat(lambda: self._call("POST", "retract", good, data={"id": str(report_id)}))

    def _repeat(self, send: Callable[[], T], most: int | None = None) -> T:
        most = self._backoff.attempts if most is None else most
        failures = 0
        while True:
            try:
                return send()
            except CybertipError as error:
                failures += 1
                if failures >= most or not worth_repeating(error):
                    raise
            self._sleep(self._backoff.pause(failures, self._chance()))

    def _call(self, method: str, path: str, good: Container[int] = (0,), **content: Any) -> Response:
        body, status, request_id = self._send(method, path, **content)
        try:
            answer = documents.parse_response(body)
        except DocumentError as error:
            raise _error_for_status(status, request_id) from error
        if answer.response_code in good:
            if status >= 300:
                raise _error_for_status(status, request_id)
            return answer
        said = "" if isinstance(answer, ReportDoneResponse) else answer.response_description
        raise error_for(answer.response_code, said, report_id=answer.report_id, request_id=request_id)

    def _fetch(self, path: str) -> bytes:
        body, status, request_id = self._send("GET", path)
        if status != 200:
            raise _error_for_status(status, request_id)
        return body

    def _send(self, method: str, path: str, **content: Any) -> tuple[bytes, int, str]:
        import httpx

        try:
            with self._http.stream(method, f"{self._base}/{path}", auth=self._auth, **content) as response:
                request_id = response.headers.get("Request-ID", "")[:LONGEST_REQUEST_ID]
                return _read_capped(response), response.status_code, request_id
        except httpx.HTTPError as error:
            raise Unreachable(
                f"the receiving system could not be reached ({type(error).__name__})",
                hint="Check the address and the network.",
            ) from error


def _read_capped(response: httpx.Response) -> bytes:
    body = bytearray()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > LARGEST_ANSWER:
            raise UnreadableAnswer(f"the answer is longer than {LARGEST_ANSWER} bytes")
    return bytes(body)


def _error_for_status(status: int, request_id: str) -> CybertipError:
    """Return the error for an answer whose body says nothing."""
    kind: type[CybertipError] = RequestRefused
    if status < 300:
        kind = UnreadableAnswer
    elif status == 429 or status >= 500:
        kind = ServerFailed
    elif status == 401:
        kind = LoginRefused
    elif status == 403:
        kind = NotPermitted
    return kind(
        f"the receiving system answered HTTP {status} without a readable document", request_id=request_id
    )


def _check_address(base_url: str, *, allow_plain: bool) -> None:
    import httpx

    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL as error:
        raise UsageError("the receiving system's address cannot be read") from error
    if url.host and (url.scheme == "https" or (url.scheme == "http" and (allow_plain or _is_here(url.host)))):
        return
    raise UsageError(
        "reports are sent over HTTPS only",
        hint="Give the address as https://host/path; plain HTTP works to this machine only.",
    )


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _Reader:
    """A stream from where it stands, hashed while it is read, and rewound when a request is repeated."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._start = stream.tell() if stream.seekable() else 0
        self._md5 = hashlib.md5(usedforsecurity=False)

    @property
    def md5(self) -> str:
        """The MD5 of what has been read since the last rewinding, in hex."""
        return self._md5.hexdigest()

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._md5.update(data)
        return data

    def tell(self) -> int:
        return self._stream.tell() - self._start

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if not self._stream.seekable():
            raise io.UnsupportedOperation("this stream cannot be rewound")
        if whence == io.SEEK_SET:
            offset += self._start
            self._md5 = hashlib.md5(usedforsecurity=False)
        return self._stream.seek(offset, whence) - self._start
