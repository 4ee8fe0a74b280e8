"""The receiving side of CyberTipline reporting ("ispws"): its rules, without sockets, clock or database.

Sources: the public schema of November 2025, the published descriptions of the reporting API, and the
retry habits of the clients that speak it. The shell authenticates, takes requests apart, streams uploads
to sealed storage, and sends what the answers say.

- A repeated `/submit` (same provider and canonical document within 24 h) gets the same report while that
  is open, and a repeated `/upload` (same bytes and name, not yet described) the same file: clients repeat
  requests whose answers they lost.
- A report that is left open expires 24 h after it was opened or 1 h after its last change, whichever is
  LATER.
- `/finish` again is 5102 as a `reportDoneResponse` at HTTP 200, so that a client may repeat it.
- Another provider's report does not exist (5001): nobody learns which ids are in use.

What this does NOT protect: it trusts the provider's name that it is given, and the digests of uploads.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tutela.cybertip import documents, schema
from tutela.cybertip.codes import Code, describe, http_status
from tutela.cybertip.documents import FileIds, ReportDoneResponse, ReportResponse
from tutela.cybertip.errors import DocumentError
from tutela.cybertip.storage import (
    OPEN_FOR,
    QUIET_FOR,
    Opening,
    Received,
    State,
    Storage,
    StoredFile,
    StoredReport,
)

CONTENT_TYPE = "application/xml"
FINGERPRINT_DOMAIN = b"tutela ispws submit v1\n"
FILE_ID_BYTES = 16
LONGEST_ID = 18
LONGEST_KEY = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What to send back.

    Attributes:
        status: the HTTP status.
        body: the bytes to send; empty with 401.
        code: the response code in the body.
        report_id: the report concerned, when one is.
        file_id: the file concerned, when one is.
        repeat: this call repeated an earlier one and added nothing; after `upload`, the shell deletes the
            bytes of this `Received`, because the earlier ones are kept.
        headers: all headers that the answer needs, `Content-Type` among them.
    """

    status: int
    body: bytes
    code: int
    report_id: int | None = None
    file_id: str | None = None
    repeat: bool = False
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": CONTENT_TYPE})

    @property
    def accepted(self) -> bool:
        """Whether the call did what it asked for."""
        return self.code == Code.SUCCESS


class _Refused(Exception):
    """Ends a call with a code; never leaves this module."""

    def __init__(self, code: Code, report_id: int | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.report_id = report_id


class Ispws:
    """The rules, over a store.

    Args:
        storage: the store; every call but `status` and `xsd` runs in its `exclusive`.
        clock: returns the present moment, aware.
        random: returns that many random bytes.
    """

    def __init__(
        self, storage: Storage, *, clock: Callable[[], datetime], random: Callable[[int], bytes]
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._random = random

    def status(self) -> Answer:
        """`GET /status`: the login works."""
        return answer(Code.SUCCESS)

    def xsd(self) -> Answer:
        """`GET /xsd`: the schema that documents are judged by."""
        return Answer(status=200, body=schema.text(), code=Code.SUCCESS)

    def submit(self, provider: str, body: bytes, *, idempotency_key: str | None = None) -> Answer:
        """`POST /submit`: open a report, or find the open one that this request opened before."""
        if idempotency_key is not None and not 0 < len(idempotency_key) <= LONGEST_KEY:
            return answer(Code.INVALID_REQUEST, f"Idempotency-Key has 1 to {LONGEST_KEY} characters")
        try:
            document = documents.parse_report(body)
            mark = fingerprint(provider, body, idempotency_key)
        except DocumentError as error:
            return answer(error.response, error.message)
        now = self._clock()
        with self._storage.exclusive(provider):
            known = self._storage.open_report(provider, mark, now - OPEN_FOR)
            if known is not None and now < known.expires_at:
                self._touch(known, now)
                return answer(Code.SUCCESS, report_id=known.report_id, repeat=True)
            opening = Opening(provider=provider, fingerprint=mark, at=now, document=document, raw=body)
            return answer(Code.SUCCESS, report_id=self._storage.create_report(opening))

    def refuse_upload(self, provider: str, report_id: str) -> Answer | None:
        """Return the refusal that an upload would get, so that the shell need not take its bytes first."""
        with self._storage.exclusive(provider):
            try:
                self._open_report(provider, report_id, self._clock())
            except _Refused as refusal:
                return answer(refusal.code, report_id=refusal.report_id)
        return None

    def upload(self, provider: str, report_id: str, received: Received) -> Answer:
        """`POST /upload`: add a file to an open report. Answers with its id and the MD5 of its bytes."""
        now = self._clock()
        with self._storage.exclusive(provider):
            try:
                report = self._open_report(provider, report_id, now)
            except _Refused as refusal:
                return answer(refusal.code, report_id=refusal.report_id)
            known = next((f for f in self._storage.files(report.report_id) if _repeats(f, received)), None)
            file = known or self._new_file(report, received)
            if known is None:
                self._storage.add_file(file, received.handle, now)
            self._touch(report, now)
        return answer(
            Code.SUCCESS,
            report_id=report.report_id,
            file_id=file.file_id,
            md5=file.md5,
            repeat=known is not None,
        )

    def file_info(self, provider: str, body: bytes) -> Answer:
        """`POST /fileinfo`: say more about an uploaded file. Said again differently, it is a correction."""
        try:
            details = documents.parse_file_details(body)
            digest = hashlib.sha256(documents.canonical(body)).digest()
        except DocumentError as error:
            return answer(error.response, error.message)
        now = self._clock()
        with self._storage.exclusive(provider):
            try:
                report = self._open_report(provider, str(details.report_id), now)
                file = self._file(report, details.file_id)
            except _Refused as refusal:
                return answer(refusal.code, report_id=refusal.report_id)
            repeat = file.details_sha256 == digest
            if not repeat:
                described = dataclasses.replace(file, details_sha256=digest)
                self._storage.describe_file(described, details, body, now)
            self._touch(report, now)
        return answer(Code.SUCCESS, report_id=report.report_id, file_id=file.file_id, repeat=repeat)

    def finish(self, provider: str, report_id: str) -> Answer:
        """`POST /finish`: nothing is added afterwards. Again: 5102, with the same files, as a good answer."""
        now = self._clock()
        with self._storage.exclusive(provider):
            try:
                report = self._kept_report(provider, report_id, now)
            except _Refused as refusal:
                return answer(refusal.code, report_id=refusal.report_id)
            if report.state is State.OPEN:
                self._storage.change_report(report.report_id, State.FINISHED, max(now, report.changed_at))
            code = Code.SUCCESS if report.state is State.OPEN else Code.ALREADY_FINISHED
            files = tuple(file.file_id for file in self._storage.files(report.report_id))
        return _done(code, report.report_id, files)

    def retract(self, provider: str, report_id: str) -> Answer:
        """`POST /retract`: withdraw an open report. 5101 if it was before, 5102 if it is finished."""
        now = self._clock()
        with self._storage.exclusive(provider):
            try:
                report = self._open_report(provider, report_id, now)
            except _Refused as refusal:
                return answer(refusal.code, report_id=refusal.report_id)
            self._storage.change_report(report.report_id, State.RETRACTED, max(now, report.changed_at))
        return answer(Code.SUCCESS, report_id=report.report_id)

    def sweep(self) -> int:
        """Mark reports whose time has passed as expired; returns how many. To be called now and then."""
        now = self._clock()
        expired = 0
        for candidate in self._storage.overdue(now - OPEN_FOR, now - QUIET_FOR):
            with self._storage.exclusive(candidate.provider):
                report = self._storage.report(candidate.report_id)
                if report is not None and report.state is State.OPEN and self._expire(report, now):
                    expired += 1
        return expired

    def _open_report(self, provider: str, text: str, now: datetime) -> StoredReport:
        """Return the provider's report while it can still change."""
        report = self._kept_report(provider, text, now)
        if report.state is State.FINISHED:
            raise _Refused(Code.ALREADY_FINISHED, report.report_id)
        return report

    def _kept_report(self, provider: str, text: str, now: datetime) -> StoredReport:
        """Return the provider's report if it is open or finished; another's is as good as none."""
        report_id = _report_id(text)
        report = self._storage.report(report_id)
        if report is None or report.provider != provider or report.state is State.EXPIRED:
            raise _Refused(Code.NO_SUCH_REPORT, report_id)
        if report.state is State.RETRACTED:
            raise _Refused(Code.ALREADY_RETRACTED, report_id)
        if report.state is State.OPEN and self._expire(report, now):
            raise _Refused(Code.NO_SUCH_REPORT, report_id)
        return report

    def _expire(self, report: StoredReport, now: datetime) -> bool:
        if now < report.expires_at:
            return False
        self._storage.change_report(report.report_id, State.EXPIRED, report.changed_at)
        return True

    def _touch(self, report: StoredReport, now: datetime) -> None:
        self._storage.change_report(report.report_id, State.OPEN, max(now, report.changed_at))

    def _file(self, report: StoredReport, file_id: str) -> StoredFile:
        for file in self._storage.files(report.report_id):
            if file.file_id == file_id:
                return file
        raise _Refused(Code.NO_SUCH_FILE, report.report_id)

    def _new_file(self, report: StoredReport, received: Received) -> StoredFile:
        return StoredFile(
            file_id=_file_id(self._random(FILE_ID_BYTES)),
            report_id=report.report_id,
            name=received.name,
            size=received.size,
            md5=received.md5,
            sha256=received.sha256,
        )


def answer(
    code: Code,
    description: str = "",
    *,
    report_id: int | None = None,
    file_id: str | None = None,
    md5: bytes | None = None,
    repeat: bool = False,
) -> Answer:
    """Return an answer of the ordinary kind; the shell uses it for refusals of its own too.

    `answer(Code.NO_SUBMISSION_RIGHT)` is a 403, `answer(Code.SERVER_ERROR)` a 500 (never after a commit).
    """
    document = ReportResponse(
        response_code=code,
        response_description=_printable(description or describe(code)),
        report_id=report_id,
        file_id=file_id,
        hash=None if md5 is None else md5.hex(),
    )
    return Answer(
        status=http_status(code),
        body=documents.to_xml(document),
        code=code,
        report_id=report_id,
        file_id=file_id,
        repeat=repeat,
    )


def unauthenticated() -> Answer:
    """The answer to a bad login: 401 with an empty body."""
    headers = {"WWW-Authenticate": 'Basic realm="ispws", charset="UTF-8"', "Content-Type": CONTENT_TYPE}
    return Answer(status=401, body=b"", code=Code.AUTHENTICATION_REQUIRED, headers=headers)


def fingerprint(provider: str, body: bytes, idempotency_key: str | None = None) -> bytes:
    """Return 32 bytes that are the same for a repeated `/submit` and for nothing else.

    An `Idempotency-Key` sets two equal documents apart that are not a repetition.

    Raises:
        DocumentError: the body cannot be read.
    """
    digest = hashlib.sha256(FINGERPRINT_DOMAIN)
    for part in (
        provider.encode("utf-8", "surrogatepass"),
        (idempotency_key or "").encode("utf-8", "surrogatepass"),
    ):
        digest.update(len(part).to_bytes(8, "big") + part)
    digest.update(documents.canonical(body))
    return digest.digest()


def _done(code: Code, report_id: int, files: tuple[str, ...]) -> Answer:
    document = ReportDoneResponse(response_code=code, report_id=report_id, files=FileIds(file_id=files))
    return Answer(
        status=http_status(code),
        body=documents.to_xml(document),
        code=code,
        report_id=report_id,
        repeat=code is Code.ALREADY_FINISHED,
    )


def _report_id(text: str) -> int:
    text = text.strip()
    if not (text.isascii() and text.isdigit() and len(text) <= LONGEST_ID):
        raise _Refused(Code.INVALID_REQUEST)
    return int(text)


def _file_id(random: bytes) -> str:
    """Return 32 hex digits that begin with a letter: some clients take an id of digits for a number."""
    text = random.hex()
    return "abcdef"[random[0] % 6] + text[1:]


def _repeats(file: StoredFile, received: Received) -> bool:
    return file.details_sha256 is None and (file.sha256, file.name) == (received.sha256, received.name)


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())
