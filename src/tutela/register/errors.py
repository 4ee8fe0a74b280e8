"""Errors of the register. Refusals of statements are those of `tutela.hashlist.governance.errors`.

EnvironmentProblem
├── RegisterNotReady   the folder lacks the constitution, the log or its key
└── LogStuck           another process holds the log for too long
VerificationError
└── HistoryChanged     stored rows are not what was accepted
InputError
├── NotToSign          a file is no statement that could be signed
├── BadRules           a file of rules is no constitution's
└── TooManyDisputes    an account opened its share of disputes for today
"""

from __future__ import annotations

from tutela.errors import EnvironmentProblem, InputError, VerificationError


class RegisterNotReady(EnvironmentProblem):
    """The folder lacks the constitution, the log or its key."""

    code = "register.not_ready"


class LogStuck(EnvironmentProblem):
    """Another process holds the log for too long."""

    code = "register.log_stuck"


class HistoryChanged(VerificationError):
    """Stored rows are not what was accepted."""

    code = "register.history_changed"


class NotToSign(InputError):
    """A file is no statement that could be signed."""

    code = "register.not_to_sign"


class BadRules(InputError):
    """The file of rules is not TOML of the form that is read here, or drops what must keep its place."""

    code = "register.rules"


class TooManyDisputes(InputError):
    """An account opened its share of disputes for today."""

    code = "register.too_many_disputes"
