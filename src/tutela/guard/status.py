"""What left this device, under which epoch, signed by whom, and why; read without any key."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from tutela.guard.epochs import ALERTS, USER_SIDE
from tutela.guard.help_lines import help_lines
from tutela.guard.notices import notice
from tutela.guard.store import STATES, Store
from tutela.hashlist.conflicts import conflicts, touching
from tutela.hashlist.epoch.errors import NoLongerEndorsed
from tutela.hashlist.legal_basis import from_statement

MAX_ITEMS: Final = 1000
MAX_TEXT: Final = 500
#: check -> what to say once its time is over
_ENDED: Final = {
    "builder": ("epoch.expired", "The time of the list on this device is over."),
    "endorsement": (NoLongerEndorsed.code, NoLongerEndorsed.sentence),
    "freshness": ("tlog.stale", "No witness has vouched for the public log lately enough."),
    "legal basis": ("legal_basis.expired", "The legal basis for alerts here is over."),
}


def describe(store: Store, now: datetime) -> dict[str, Any]:
    """Return the status of a device as one JSON object.

    Args:
        store: the guard's memory.
        now: UTC; an epoch or legal basis that ended since the app last ran is shown as ended.
    """
    state = store.get("state", {})
    account, device = store.get("device", ["", ""])
    totals = store.totals()
    held, held_bytes, since = store.outbox_size()
    return {
        "version": 1,
        "account": account,
        "device": device,
        "mode": _mode_now(state, now),
        "epoch": _epoch_now(state.get("epoch"), now),
        "refused_epoch": state.get("refused_epoch"),
        "conflicts": _conflicts_now(state, now),
        "checks": [_check_now(check, now) for check in state.get("checks", [])],
        "sent": {
            "count": sum(count for count, _ in totals.values()),
            "bytes": sum(size for _, size in totals.values()),
            "by_state": {name: totals.get(name, (0, 0))[0] for name in STATES},
            "last": [_sent(item) for item in store.sent()],
        },
        "held": {"count": held, "bytes": held_bytes, "since": _time(since)},
        "uploads": store.get("uploads"),
        "help": [line.to_dict() for line in help_lines(state.get("country", ""))],
    }


def _sent(item: Any) -> dict[str, Any]:
    return {
        "slot": item.slot,
        "at": _time(item.at),
        "bytes": item.bytes,
        "epoch": item.epoch,
        "mode": item.mode,
        "state": item.state,
        "code": item.code,
        "message": item.message,
    }


def _time(milliseconds: int | None) -> str | None:
    if milliseconds is None:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds")


def _epoch_now(epoch: dict[str, Any] | None, now: datetime) -> dict[str, Any] | None:
    if epoch is None:
        return None
    begins, ends = (datetime.fromisoformat(epoch[name]) for name in ("valid_from", "valid_until"))
    return {**epoch, "valid_now": begins <= now < ends}


def _conflicts_now(state: Mapping[str, Any], now: datetime) -> list[dict[str, Any]]:
    """Return where the law of the device's place and that of others, as far as stated, differ."""
    laws, place = state.get("laws", []), state.get("jurisdiction", "")
    found = conflicts([from_statement(law) for law in laws], now, {place} if laws else ())
    return [conflict.to_dict() for conflict in touching(found, place)]


def _mode_now(state: Mapping[str, Any], now: datetime) -> dict[str, str]:
    mode: dict[str, str] = state.get("mode") or {
        "name": USER_SIDE,
        "code": "epoch.none",
        "sentence": "No list was loaded on this device.",
    }
    if mode["name"] != ALERTS:
        return mode
    ends = {check["name"]: check["until"] for check in state.get("checks", [])}
    for name, (code, sentence) in _ENDED.items():
        if (end := ends.get(name)) and now >= datetime.fromisoformat(end):
            return {"name": USER_SIDE, "code": code, "sentence": sentence}
    return mode


def _check_now(check: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Say whether a check that held when the app last ran still does."""
    until = check["until"]
    return {**check, "holds": until is None or now < datetime.fromisoformat(until)}


def note_receipts(store: Store, receipts: Mapping[str, Any], now: int) -> None:
    """Take over a homeserver's answer; whatever is not of its form is passed over, never an error.

    Args:
        store: the guard's memory.
        receipts: the object of `GET receipts`.
        now: UTC milliseconds.
    """
    items = receipts.get("items")
    for item in items[:MAX_ITEMS] if isinstance(items, list) else ():
        if isinstance(item, dict) and item.get("state") in STATES and (name := _text(item.get("ct_sha256"))):
            store.settle(name, item["state"], _text(item.get("code")), _text(item.get("message")))
    given = receipts.get("reason")
    code = _text(given.get("code")) if isinstance(given, dict) else None
    reason = notice(code).to_dict() if code else None
    state = "refused" if receipts.get("uploads") == "refused" else "open"
    store.put("uploads", {"state": state, "reason": reason, "asked": _time(now)})


def _text(value: Any) -> str | None:
    """Return a text of the homeserver as far as it can be stored and shown; None for anything else."""
    if not isinstance(value, str):
        return None
    return value[:MAX_TEXT].encode(errors="replace").decode() or None
