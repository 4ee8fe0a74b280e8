"""Audit records as lines of JSON, for export and for an outside check."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from tutela.audit.chain import MalformedRecord, Record, canonical, digest_of, stamp

LARGEST_LINE = 1 << 20
FIELDS = frozenset({"sequence", "at", "actor", "action", "subject", "detail", "previous", "digest"})
DIGEST_HEX = 64


def dump(record: Record) -> bytes:
    """Return a record as one line of canonical JSON, without the line's end."""
    return canonical(
        {
            "sequence": record.sequence,
            "at": stamp(record.at),
            "actor": record.actor,
            "action": record.action,
            "subject": record.subject,
            "detail": dict(record.detail),
            "previous": record.previous.hex(),
            "digest": record.digest.hex(),
        }
    )


def load(line: bytes) -> Record:
    """Read one line that `dump` wrote. The digest is read, not checked: `verify` does that.

    Raises:
        MalformedRecord: not JSON, not these fields, or values that no record may hold.
    """
    if len(line) > LARGEST_LINE:
        raise MalformedRecord("a line of an audit export is longer than 1 MiB")
    try:
        body = json.loads(line, object_pairs_hook=_no_repeats)
    except (ValueError, RecursionError) as error:
        raise MalformedRecord("a line of an audit export is not JSON") from error
    if not isinstance(body, dict) or body.keys() != FIELDS:
        raise MalformedRecord("a line of an audit export does not have the fields of a record")
    record = _from_fields(body)
    digest_of(
        record.sequence,
        record.at,
        record.actor,
        record.action,
        record.subject,
        record.detail,
        record.previous,
    )
    return record


def _from_fields(body: dict[str, Any]) -> Record:
    if type(body["sequence"]) is not int or not isinstance(body["detail"], dict):
        raise MalformedRecord("the sequence or the detail of an audit record is of the wrong kind")
    return Record(
        sequence=body["sequence"],
        at=_moment(body["at"]),
        actor=_text(body["actor"]),
        action=_text(body["action"]),
        subject=_text(body["subject"]),
        detail=body["detail"],
        previous=_digest(body["previous"]),
        digest=_digest(body["digest"]),
    )


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    body = dict(pairs)
    if len(body) != len(pairs):
        raise MalformedRecord("a line of an audit export names a field twice")
    return body


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise MalformedRecord("a text of an audit record is of the wrong kind")
    return value


def _digest(value: object) -> bytes:
    text = _text(value)
    try:
        raw = bytes.fromhex(text)
    except ValueError as error:
        raise MalformedRecord("a digest of an audit record is not hexadecimal") from error
    if len(text) != DIGEST_HEX or raw.hex() != text:
        raise MalformedRecord("a digest of an audit record is not 64 lower-case hexadecimal digits")
    return raw


def _moment(value: object) -> datetime:
    text = _text(value)
    try:
        moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise MalformedRecord("the time of an audit record is not a UTC timestamp") from error
    if stamp(moment) != text:
        raise MalformedRecord("the time of an audit record is not written in its canonical form")
    return moment
