"""Reading the homeserver's JSON: bounded, typed, and every defect is one error.

    POST /intake/devices   {"account", "device": as the homeserver knows it, or "", "enrolment": base64}
    POST /intake/vouchers  {"account", "voucher": base64, "ip", "port": number or null, "sent_at": RFC 3339}

Unknown fields are ignored, so that a newer homeserver module can say more.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from tutela.provider.errors import MalformedRequest
from tutela.provider.intake import Delivery

MAX_BODY: Final = 64 * 1024
_MAX_ACCOUNT: Final = 255


def read_object(body: bytes) -> Mapping[str, Any]:
    """Return the JSON object of a request; raises `MalformedRequest`."""
    if len(body) > MAX_BODY:
        raise MalformedRequest("The request is too large.")
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedRequest("The request is not JSON.") from error
    if not isinstance(value, dict):
        raise MalformedRequest("The request is not a JSON object.")
    return value


def read_enrolment(body: bytes) -> tuple[str, str, bytes]:
    """Return account, device ("" if the homeserver knows none) and enrolment; raises `MalformedRequest`."""
    value = read_object(body)
    device = _text(value, "device", _MAX_ACCOUNT) if value.get("device") else ""
    return _account(value), device, _base64(value, "enrolment")


def read_delivery(body: bytes) -> Delivery:
    """Return a voucher's delivery; raises `MalformedRequest`."""
    value = read_object(body)
    return Delivery(
        account=_account(value),
        voucher=_base64(value, "voucher"),
        ip=_address(value),
        port=_port(value),
        sent_at=_moment(value),
    )


def _text(value: Mapping[str, Any], name: str, longest: int) -> str:
    text = value.get(name)
    if not isinstance(text, str) or not 0 < len(text) <= longest:
        raise MalformedRequest(f"{name} is a text of at most {longest} characters.")
    return text


def _account(value: Mapping[str, Any]) -> str:
    text = _text(value, "account", _MAX_ACCOUNT)
    if not text.isprintable():
        raise MalformedRequest("account has characters that no account name has.")
    return text


def _base64(value: Mapping[str, Any], name: str) -> bytes:
    try:
        return base64.b64decode(_text(value, name, MAX_BODY), validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedRequest(f"{name} is not base64.") from error


def _address(value: Mapping[str, Any]) -> str:
    try:
        return str(ipaddress.ip_address(_text(value, "ip", 64).partition("%")[0]))
    except ValueError as error:
        raise MalformedRequest("ip is not an IP address.") from error


def _port(value: Mapping[str, Any]) -> int | None:
    port = value.get("port")
    if port is None:
        return None
    if type(port) is not int or not 0 < port < 1 << 16:
        raise MalformedRequest("port is a number from 1 to 65535, or null.")
    return port


def _moment(value: Mapping[str, Any]) -> datetime:
    try:
        moment = datetime.fromisoformat(_text(value, "sent_at", 40))
        if moment.tzinfo is None:
            raise MalformedRequest("sent_at needs a time zone.")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise MalformedRequest("sent_at is not a time as in RFC 3339.") from error
