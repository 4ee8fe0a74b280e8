"""Errors of the hub.

InputError
├── RulesError         a routing rule file cannot be used
├── RangesError        an address range file cannot be used
├── MultipartError     an upload is not well-formed multipart/form-data
├── TooLargeError      a body is over its limit
└── IllegalMoveError   the report's state does not allow this action
EnvironmentProblem
└── HubNotReady        the data folder lacks the hub's key or rules
"""

from __future__ import annotations

from tutela.errors import EnvironmentProblem, InputError


class RulesError(InputError):
    """A routing rule file cannot be used."""

    code = "hub.rules"


class RangesError(InputError):
    """An address range file cannot be used."""

    code = "hub.ranges"


class MultipartError(InputError):
    """An upload is not well-formed multipart/form-data."""

    code = "hub.multipart"


class TooLargeError(InputError):
    """A body is over its limit."""

    code = "hub.too_large"


class IllegalMoveError(InputError):
    """The report's state does not allow this action."""

    code = "hub.illegal_move"


class HubNotReady(EnvironmentProblem):
    """The data folder lacks the hub's key or rules."""

    code = "hub.not_ready"
