# SPDX-License-Identifier: Apache-2.0
"""What the relay says to the provider, and what it understands of the answer. Pure; standard library only."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

#: 4xx answers that speak of our token, route or rate and not of the set: try again
NOT_FINAL = frozenset({401, 403, 407, 408, 421, 425, 429})


class Answer(NamedTuple):
    """The provider's own words: a refusal's code and message, and whether the device must renew its key."""

    code: str
    message: str
    renew: bool


def request_of(row: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the provider's route and body for a row of the queue."""
    sealed = base64.b64encode(bytes(row["body"])).decode()
    if row["kind"] == "enrolment":
        return "/intake/devices", {"account": row["account"], "device": row["device"], "enrolment": sealed}
    at = datetime.fromtimestamp(row["claimed"] / 1000, UTC).isoformat(timespec="milliseconds")
    origin = {"ip": row["ip"], "port": row["port"], "sent_at": at.replace("+00:00", "Z")}
    return "/intake/vouchers", {"account": row["account"], "voucher": sealed, **origin}


def is_final(status: int) -> bool:
    """Whether a status, with the provider's own code in the body, is its last word on a set."""
    return 400 <= status < 500 and status not in NOT_FINAL


def parse_answer(body: bytes) -> Answer | None:
    """Read the provider's own answer; None if it is somebody else's (a proxy's page, for example)."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(answer, dict):
        return None
    return Answer(
        _text(answer.get("code"), 100), _text(answer.get("message"), 500), answer.get("key") == "renew"
    )


def _text(value: Any, limit: int) -> str:
    """Return a text that every database stores."""
    if not isinstance(value, str):
        return ""
    return value[:limit].encode(errors="replace").decode().replace("\0", "")
