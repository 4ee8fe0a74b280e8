"""Write and check constitutions: from rules that people edit together to the document that endorsers sign.

    quorum = 3                                   # rules that are left out have the constitution's defaults
    days = 730                                   # or valid_from, valid_until
    endorsers = ["north-hotline", ...]           # left out: all organisations with that role

    [[organisation]]
    id = "north-hotline"
    name = "North Hotline"
    jurisdiction = "XN"
    roles = ["endorser", "submitter"]
    alliances = ["northern-pact"]
    keys = ["<64 hexadecimal digits>"]           # or tables with public_key, valid_from, valid_until

Everything is judged by the parser of `tutela.hashlist.governance`; nothing here can say more than it allows.
Not protected: alliances that nobody writes down, and keys of people who are not who they say.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tutela.errors import InputError
from tutela.hashlist.entries import format_time
from tutela.hashlist.governance import Constitution, GovernanceError, Organisation, read_constitution
from tutela.hashlist.governance.constitution import MAX_ENDORSERS, TYPE, VERSION
from tutela.hashlist.governance.errors import BadConstitution, Malformed
from tutela.hashlist.governance.fields import EARLIEST, LATEST
from tutela.hashlist.governance.organisations import ENDORSER, Directory, independent
from tutela.hashlist.governance.signing import MAX_CONSTITUTION, split
from tutela.hashlist.strict_json import read as read_json
from tutela.register.errors import BadRules

DAYS: Final = 730
_MADE_HERE: Final = frozenset({"number", "previous", "organisations"})
_RULES: Final = {each.name: each.default for each in fields(Constitution) if each.name not in _MADE_HERE}
_ORGANISATION: Final = frozenset({"id", "name", "jurisdiction", "roles", "alliances", "keys"})
_FIRST: Final = bytes(32)


def draft(text: str, now: datetime, previous: Constitution | None = None) -> Constitution:
    """Return the constitution that a file of rules asks for.

    Args:
        text: TOML, as above.
        now: from when it holds, unless the rules say otherwise; with its zone.
        previous: the one in force, if this is not the first.

    Raises:
        BadRules: the file is not of the form, or a former organisation or key is left out.
        Malformed, BadConstitution: no constitution may say this.
    """
    rules = _toml(text)
    listed = rules.pop("organisation", [])
    begins, ends = _times(rules, now)
    earlier = _keys(previous.organisations if previous else ())
    found = [_organisation(each, place, begins, ends, earlier) for place, each in enumerate(listed, 1)]
    organisations = sorted(found, key=lambda each: each.id)
    Directory(tuple(organisations))
    _keeps(previous, organisations)
    said = {name: default for name, default in _RULES.items() if default is not MISSING} | rules
    said["endorsers"] = rules.get("endorsers", [each.id for each in organisations if ENDORSER in each.roles])
    _check_endorsers(said, organisations)
    return Constitution.from_dict(
        {
            **{name: sorted(value) if isinstance(value, tuple) else value for name, value in said.items()},
            "type": TYPE,
            "version": VERSION,
            "valid_from": begins,
            "valid_until": ends,
            "number": previous.number + 1 if previous else 1,
            "previous": (previous.digest if previous else _FIRST).hex(),
            "organisations": [each.to_dict() for each in organisations],
        }
    )


def read(data: bytes) -> tuple[Constitution, tuple[str, ...]]:
    """Return a constitution, and whose keys its signatures name; no signature is checked.

    Raises:
        Malformed, BadConstitution: it is none.
    """
    try:
        whole = read_json(data, max_bytes=MAX_CONSTITUTION)
    except InputError as error:
        raise Malformed(error.message) from error
    if isinstance(whole, dict) and "signed" not in whole:
        return Constitution.from_dict(whole), ()
    signed, signatures = split(data, MAX_CONSTITUTION)
    constitution = Constitution.from_dict(signed)
    holders = {key.id: each.id for each in constitution.organisations for key in each.keys}
    return constitution, tuple(holders.get(key, key) for key, _ in signatures)


def check(files: Sequence[bytes], anchor: bytes) -> Constitution:
    """Return the last of a chain of signed constitutions, the first of which has the digest `anchor`.

    Raises:
        GovernanceError: one of its subclasses says what does not hold.
    """
    known: bytes | Constitution = anchor
    for data in files:
        known = read_constitution(data, known)
    if isinstance(known, bytes):
        raise Malformed("There is no constitution.")
    return known


def describe(constitution: Constitution, signers: Sequence[str] = ()) -> dict[str, Any]:
    """Return what people want to know of a constitution before they sign it, for `--json` too."""
    endorsers = [constitution.directory[name] for name in constitution.endorsers]
    said = constitution.to_dict()
    of_all = {name: said[name] for name in said if name not in {"type", "version", "organisations"}}
    return {
        **of_all,
        "digest": constitution.digest.hex(),
        "unallied_endorsers": independent(endorsers, len(endorsers)),
        "organisations": [
            {name: value for name, value in each.to_dict().items() if name != "keys"}
            | {"keys": len(each.keys)}
            for each in constitution.organisations
        ],
        "signed_by": list(signers),
    }


def _toml(text: str) -> dict[str, Any]:
    try:
        rules = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRules(f"The rules are not TOML: {str(error)[:200]}.") from error
    if unknown := sorted(rules.keys() - _RULES.keys() - {"days", "organisation"}):
        raise BadRules(f"No rule is named {unknown[0]!a:.60}.", hint=f"Known: {', '.join(sorted(_RULES))}.")
    if not isinstance(rules.get("organisation"), list):
        raise BadRules("The rules name no [[organisation]].")
    return rules


def _times(rules: dict[str, Any], now: datetime) -> tuple[str, str]:
    """Take the times out of the rules, and return them as the document writes them."""
    begins = rules.pop("valid_from", now.replace(microsecond=0))
    days, ends = rules.pop("days", DAYS), rules.pop("valid_until", None)
    if type(days) is not int or not 0 < days <= 10_000:
        raise BadRules("The number of days is not one.")
    if ends is None and isinstance(begins, datetime):
        try:
            ends = begins + timedelta(days=days)
        except OverflowError as error:
            raise BadRules("The rules end after all calendars.") from error
    if ends is None:
        raise BadRules("With valid_from as text the rules need valid_until too.")
    return _time(begins), _time(ends)


def _time(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, datetime) and value.tzinfo is not None and EARLIEST <= value < LATEST:
        return format_time(value.astimezone(UTC))
    raise BadRules("A time is written as 2026-01-31T12:00:00Z, from 2000 to 2199.")


def _organisation(
    said: Any, place: int, begins: str, ends: str, earlier: Mapping[str, dict[str, Any]]
) -> Organisation:
    if (
        not isinstance(said, dict)
        or said.keys() - _ORGANISATION
        or _ORGANISATION - {"alliances"} - said.keys()
    ):
        raise BadRules(
            f"Organisation {place} lacks a field, or has an unknown one.",
            hint=f"Fields: {', '.join(sorted(_ORGANISATION))}.",
        )
    try:
        keys = [_key(each, begins, ends, earlier) for each in said["keys"]]
        keys.sort(key=lambda each: str(each["public_key"]))
        lists = {name: sorted(said.get(name, [])) for name in ("roles", "alliances")}
        return Organisation.from_dict({**said, **lists, "keys": keys})
    except TypeError as error:
        raise BadRules(f"Organisation {place}: roles, alliances and keys are lists.") from error
    except GovernanceError as error:
        raise Malformed(f"Organisation {place}: {error.message}", organisation=place) from error


def _key(said: Any, begins: str, ends: str, earlier: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """A key that stood in the one before keeps its beginning, or what it signed would not verify."""
    if isinstance(said, str):
        return {"public_key": said, "valid_from": begins, "valid_until": ends} | {
            name: value for name, value in earlier.get(said, {}).items() if name == "valid_from"
        }
    if not isinstance(said, dict) or "public_key" not in said:
        raise BadRules("A key is 64 hexadecimal digits, or a table with public_key, valid_from, valid_until.")
    whole = {"valid_from": begins, "valid_until": ends, **said}
    return {name: _time(value) if name.startswith("valid_") else value for name, value in whole.items()}


def _keys(organisations: Sequence[Organisation]) -> dict[str, dict[str, Any]]:
    return {key.public_key.hex(): key.to_dict() for each in organisations for key in each.keys}


def _keeps(previous: Constitution | None, organisations: Sequence[Organisation]) -> None:
    """Former organisations and ended keys keep their place, so that what they signed verifies."""
    now = {each.id: set(_keys([each])) for each in organisations}
    for each in previous.organisations if previous else ():
        if not set(_keys([each])) <= now.get(each.id, set()):
            raise BadRules(
                f"The organisation {each.id} or one of its keys is left out.",
                hint="Take its roles away, or end its key; its place stays.",
            )


def _is_list_of_text(value: Any) -> bool:
    listed = isinstance(value, list) and len(value) <= MAX_ENDORSERS
    return listed and all(isinstance(each, str) for each in value)


def _check_endorsers(said: Mapping[str, Any], organisations: Sequence[Organisation]) -> None:
    """Say in words what the parser would refuse of the quorums."""
    able = {each.id: each for each in organisations if ENDORSER in each.roles}
    names, quorum, amending = said["endorsers"], said["quorum"], said["amendment_quorum"]
    if {type(quorum), type(amending)} != {int} or not _is_list_of_text(names):
        raise BadRules(f"Endorsers are a list of at most {MAX_ENDORSERS} ids, quorums are numbers.")
    for name in names:
        if name not in able:
            raise BadConstitution(f"{name!a:.70} endorses and is no organisation with that role.")
    if 2 * quorum <= len(names):
        raise BadConstitution(f"A quorum of {quorum} is not more than half of {len(names)} endorsers.")
    found = independent([able[name] for name in names], len(names))
    if found < amending:
        raise BadConstitution(
            f"{found} of its {len(names)} endorsers are unallied; the next constitution asks for {amending}.",
            found=found,
            needed=amending,
        )
