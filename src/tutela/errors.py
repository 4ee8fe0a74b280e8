"""The one error tree of Tutela.

    TutelaError
    ├── UsageError          exit 2   the command was called wrongly
    ├── EnvironmentProblem  exit 3   the machine lacks something (library, server, key)
    ├── InputError          exit 4   a file or message that we were given is unusable
    ├── VerificationError   exit 1   a signature, root, proof or policy does not hold
    └── RemoteError         exit 5   another system failed or refused

Each room derives its own errors from these five. `code` is stable and machine readable; `hint` says
what the reader can do. Neither may ever hold content, hashes of unlisted content or personal data.
"""

from __future__ import annotations

from typing import ClassVar


class TutelaError(Exception):
    """Root of all errors that Tutela raises on purpose.

    Args:
        message: what happened, in one sentence, without content or personal data.
        hint: what the reader can do about it.
    """

    code: ClassVar[str] = "tutela"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def diagnostics(self) -> dict[str, str]:
        """Return the error as the object that `--json` and the HTTP APIs print."""
        return {"code": self.code, "message": self.message, "hint": self.hint}


class UsageError(TutelaError):
    """The command was called wrongly."""

    code = "usage"
    exit_code = 2


class EnvironmentProblem(TutelaError):
    """The machine lacks something that is needed: a library, a server, a key."""

    code = "environment"
    exit_code = 3


class InputError(TutelaError):
    """A file or message that was given cannot be used."""

    code = "input"
    exit_code = 4


class VerificationError(TutelaError):
    """A signature, root, proof or policy does not hold."""

    code = "verification"
    exit_code = 1


class RemoteError(TutelaError):
    """Another system failed or refused."""

    code = "remote"
    exit_code = 5
