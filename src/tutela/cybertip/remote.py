"""Errors of the sending side: what the other system answered, with its code and its Request-ID."""

from __future__ import annotations

from tutela.cybertip.codes import Code, Retry, describe, retry_class
from tutela.errors import RemoteError


class CybertipError(RemoteError):
    """The receiving system failed, refused, or could not be reached.

    Attributes:
        response: the response code, or None when there was no readable answer.
        report_id: the report concerned, when the answer names one.
        request_id: the answer's `Request-ID`, which the other side can look up; "" without one.
    """

    code = "cybertip.remote"

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        response: int | None = None,
        report_id: int | None = None,
        request_id: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.response = response
        self.report_id = report_id
        self.request_id = request_id

    def diagnostics(self) -> dict[str, str]:
        """Return the error with the two things that the other side asks for first."""
        found = super().diagnostics()
        if self.response is not None:
            found["response"] = str(self.response)
        if self.request_id:
            found["request_id"] = self.request_id
        return found


class Unreachable(CybertipError):
    """No answer arrived. Whether the request had an effect is not known."""

    code = "cybertip.unreachable"


class UnreadableAnswer(CybertipError):
    """An answer arrived that is not of this protocol. Whether the request had an effect is not known."""

    code = "cybertip.unreadable-answer"


class ServerFailed(CybertipError):
    """The other system says that it failed (1xxx, or HTTP 429 or 5xx without a readable body)."""

    code = "cybertip.server-failed"


class LoginRefused(CybertipError):
    """The user name or password is wrong (401, 2000)."""

    code = "cybertip.login-refused"


class NotPermitted(CybertipError):
    """This account may not do that (3xxx)."""

    code = "cybertip.not-permitted"


class RequestRefused(CybertipError):
    """The document or request is wrong (4xxx): sending it again changes nothing."""

    code = "cybertip.request-refused"


class NoSuchReport(CybertipError):
    """The report does not exist: it expired, or it is another account's (5001)."""

    code = "cybertip.no-such-report"


class NoSuchFile(CybertipError):
    """The report has no such file (5002)."""

    code = "cybertip.no-such-file"


class AlreadyRetracted(CybertipError):
    """The report was retracted before (5101)."""

    code = "cybertip.already-retracted"


class AlreadyFinished(CybertipError):
    """The report was finished before (5102)."""

    code = "cybertip.already-finished"


class TransferDamaged(CybertipError):
    """The other side received other bytes than were sent. The report must not be finished."""

    code = "cybertip.transfer-damaged"


_BY_CODE: dict[int, type[CybertipError]] = {
    Code.NO_SUCH_REPORT: NoSuchReport,
    Code.NO_SUCH_FILE: NoSuchFile,
    Code.ALREADY_RETRACTED: AlreadyRetracted,
    Code.ALREADY_FINISHED: AlreadyFinished,
}
_BY_FAMILY: dict[int, type[CybertipError]] = {
    1: ServerFailed,
    2: LoginRefused,
    3: NotPermitted,
    4: RequestRefused,
}
_HINTS: dict[type[CybertipError], str] = {
    ServerFailed: "Try again later.",
    LoginRefused: "Check the user name and the password of the reporting account.",
    NotPermitted: "Ask the receiving organisation for the right, or use the account that opened the report.",
    RequestRefused: "Correct the document; the answer's description names the place.",
}


def error_for(code: int, description: str, *, report_id: int | None, request_id: str) -> CybertipError:
    """Return the error for a response code other than 0."""
    kind = _BY_CODE.get(code) or _BY_FAMILY.get(code // 1000, CybertipError)
    if code == Code.RESOURCE_NOT_FOUND:
        kind = RequestRefused
    said = f": {description[:500]}" if description else ""
    return kind(
        f"the receiving system answered {code} ({describe(code)}){said}",
        hint=_HINTS.get(kind, ""),
        response=code,
        report_id=report_id,
        request_id=request_id,
    )


def worth_repeating(error: CybertipError) -> bool:
    """Whether the same request may succeed later."""
    if error.response is not None:
        return retry_class(error.response) is Retry.AGAIN
    return isinstance(error, Unreachable | UnreadableAnswer | ServerFailed)
