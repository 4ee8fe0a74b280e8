"""Response codes of the CyberTipline reporting API, their HTTP statuses and when to try again.

The published list is not exhaustive: an unknown code keeps its number and is judged by its family
(1xxx the server failed, 2xxx and 3xxx access, 4xxx the request, 5xxx the report's state).
"""

from __future__ import annotations

from enum import Enum, IntEnum


class Code(IntEnum):
    """Documented response codes."""

    SUCCESS = 0
    SERVER_ERROR = 1000
    SAVE_FAILED = 1100
    UPLOAD_FAILED = 1110
    FILE_UPLOAD_FAILED = 1111
    RESOURCE_NOT_FOUND = 1210
    UPDATE_FAILED = 1300
    AUTHENTICATION_REQUIRED = 2000
    NOT_AUTHORISED = 3000
    NO_SUBMISSION_RIGHT = 3100
    NO_UPDATE_RIGHT = 3300
    INVALID_REQUEST = 4000
    VALIDATION_FAILED = 4100
    MALFORMED_XML = 4110
    MALFORMED_FILE = 4200
    NO_SUCH_REPORT = 5001
    NO_SUCH_FILE = 5002
    ALREADY_RETRACTED = 5101
    ALREADY_FINISHED = 5102


DESCRIPTIONS: dict[Code, str] = {
    Code.SUCCESS: "Success",
    Code.SERVER_ERROR: "The server failed",
    Code.SAVE_FAILED: "The report could not be saved",
    Code.UPLOAD_FAILED: "The upload failed",
    Code.FILE_UPLOAD_FAILED: "The file could not be stored",
    Code.RESOURCE_NOT_FOUND: "There is no such resource",
    Code.UPDATE_FAILED: "The report could not be updated",
    Code.AUTHENTICATION_REQUIRED: "Authentication is required",
    Code.NOT_AUTHORISED: "Not authorised",
    Code.NO_SUBMISSION_RIGHT: "Not authorised to submit reports",
    Code.NO_UPDATE_RIGHT: "Not authorised to change this report",
    Code.INVALID_REQUEST: "The request is invalid",
    Code.VALIDATION_FAILED: "The document does not follow the schema",
    Code.MALFORMED_XML: "The document is not well-formed XML",
    Code.MALFORMED_FILE: "The file is malformed",
    Code.NO_SUCH_REPORT: "The report does not exist",
    Code.NO_SUCH_FILE: "The file does not exist",
    Code.ALREADY_RETRACTED: "The report has already been retracted",
    Code.ALREADY_FINISHED: "The report has already been finished",
}


class Retry(Enum):
    """What a client does after an answer.

    CONTEXT: the code says where the report stands, and the step that was under way decides.
    """

    DONE = "done"
    AGAIN = "again"
    TERMINAL = "terminal"
    CONTEXT = "context"


_ALREADY = {Code.ALREADY_RETRACTED, Code.ALREADY_FINISHED}
_FAMILY_STATUS = {0: 200, 1: 500, 2: 401, 3: 403, 4: 400, 5: 404}


def http_status(code: int) -> int:
    """Return the HTTP status that goes with a response code.

    5101 and 5102 go out as 200, because clients that know them look for them in a good answer and take
    any 4xx for a failure; everything else carries a status that a client which ignores the body
    understands.
    """
    if code in _ALREADY:
        return 200
    if code == Code.RESOURCE_NOT_FOUND:
        return 404
    return _FAMILY_STATUS.get(code // 1000, 500)


def retry_class(code: int) -> Retry:
    """Return what a client does about a response code; unknown codes go by their family."""
    if code == Code.SUCCESS:
        return Retry.DONE
    if code == Code.RESOURCE_NOT_FOUND:
        return Retry.TERMINAL
    family = code // 1000
    if family == 1:
        return Retry.AGAIN
    return Retry.CONTEXT if family == 5 else Retry.TERMINAL


def describe(code: int) -> str:
    """Return one line about a code."""
    try:
        return DESCRIPTIONS[Code(code)]
    except ValueError:
        return f"Response code {code}"
