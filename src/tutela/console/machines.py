"""Machine accounts: how a program proves who it is.

A token is 256 random bits, shown once and stored as its SHA-256: with that much randomness a slow hash
would add nothing. It travels as `Authorization: Bearer TOKEN`, or by HTTP Basic with the account's name
as user name and the token as password. Does not protect: a token that leaks is good until it is
disabled, so run the routes behind TLS.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse

from tutela.errors import VerificationError

if TYPE_CHECKING:
    from .models import MachineAccount

Refuse = Callable[[HttpRequest, int, Mapping[str, str]], HttpResponseBase]

_PREFIX = "tutela_"
_MAX_HEADER = 512
_NO_HASH = bytes(32)


class MachineRefused(VerificationError):
    """The caller is not a known machine account (401), or may not do this (403)."""

    code = "console.machine-unknown"
    status: ClassVar[int] = 401


class MachineForbidden(MachineRefused):
    """A known machine account that was not given the permission."""

    code = "console.machine-forbidden"
    status = 403


def new_token() -> str:
    """Return a fresh token of 256 random bits."""
    return _PREFIX + secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """Return the 32 bytes that are stored in a token's place."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def authenticate(authorization: str, permission: str) -> MachineAccount:
    """Return the account behind an Authorization header.

    Raises:
        MachineRefused: no such account, wrong token, or disabled.
        MachineForbidden: the account does not have `permission`.
    """
    name, token = _credentials(authorization)
    account = _find(name, token)
    if permission not in account.permissions:
        raise MachineForbidden(
            "This machine account may not do this.", hint=f"Give it the permission {permission}."
        )
    return account


def refuse_as_json(request: HttpRequest, status: int, diagnostics: Mapping[str, str]) -> HttpResponse:
    """Build the refusal that JSON routes answer with."""
    del request
    response = JsonResponse(dict(diagnostics), status=status)
    if status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="tutela", Basic realm="tutela", charset="UTF-8"'
    return response


def _credentials(authorization: str) -> tuple[str | None, str]:
    scheme, _, value = authorization[:_MAX_HEADER].partition(" ")
    value = value.strip()
    if scheme.lower() == "bearer" and value:
        return None, value
    if scheme.lower() == "basic" and value:
        try:
            name, colon, token = base64.b64decode(value, validate=True).decode("utf-8").partition(":")
        except (binascii.Error, UnicodeDecodeError):
            name, colon, token = "", "", ""
        if colon:
            return name, token
    raise MachineRefused(
        "This route is for machine accounts.", hint="Send the account's token as Bearer or HTTP Basic."
    )


def _find(name: str | None, token: str) -> MachineAccount:
    from .models import MachineAccount

    digest = token_hash(token)
    # By name (Basic) or by the hash of 256 random bits (Bearer): neither look-up tells anything useful.
    known = {"token_hash": digest} if name is None else {"name": name}
    account = MachineAccount.objects.filter(disabled_at=None, **known).first()
    stored = bytes(account.token_hash) if account else _NO_HASH
    if not hmac.compare_digest(stored, digest) or account is None:
        raise MachineRefused("The machine account or its token is not known.", hint="Ask for a new token.")
    return account
