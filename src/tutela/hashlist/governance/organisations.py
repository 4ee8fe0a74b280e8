"""Organisations: who they are, what they may state, with which keys, and who counts as one with whom.

Alliances are named at each organisation: a parent, a legal alliance, an intelligence-sharing treaty. Two
organisations that share one are *allied*; allied organisations count once. Being allied is not transitive:
what counts is the largest set of organisations of which no two are allied, so that one more signature never
makes the count smaller.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from tutela.hashlist.governance import fields
from tutela.hashlist.governance.errors import BadConstitution, Malformed, UnknownOrganisation
from tutela.hashlist.trust import key_id

SUBMITTER: Final = "submitter"
POLICE: Final = "police"
VERIFIER: Final = "verifier"
ENDORSER: Final = "endorser"
ADJUDICATOR: Final = "adjudicator"
AUDITOR: Final = "auditor"
ROLES: Final = frozenset({SUBMITTER, POLICE, VERIFIER, ENDORSER, ADJUDICATOR, AUDITOR})
MAX_ORGANISATIONS: Final = 64
MAX_KEYS: Final = 16
MAX_ALLIANCES: Final = 16
MAX_NAME: Final = 80
#: ISO 3166-1 alpha-2; the user-assigned codes (XN, XS, ...) are those of examples
_JURISDICTION: Final = re.compile(r"[A-Z]{2}", re.ASCII)


def _read_name(value: Any) -> str:
    sound = isinstance(value, str) and 0 < len(value) <= MAX_NAME and value.isprintable()
    if not sound or value != value.strip():
        raise Malformed(f"A name is one line of at most {MAX_NAME} characters.")
    return str(value)


def _read_jurisdiction(value: Any) -> str:
    if isinstance(value, str) and _JURISDICTION.fullmatch(value):
        return value
    raise Malformed("A jurisdiction is written as two capital letters (ISO 3166-1).")


@dataclass(frozen=True, slots=True)
class Key:
    """A raw Ed25519 public key (RFC 8032) and the time in which it signs, the end excluded."""

    public_key: bytes
    valid_from: datetime
    valid_until: datetime
    id: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse what no directory can say; raises `Malformed`."""
        fields.check(_KEY, self)
        if self.valid_from >= self.valid_until:
            raise Malformed("A key is valid for some time.")
        object.__setattr__(self, "id", key_id(self.public_key))

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return fields.write(_KEY, self)

    @classmethod
    def from_dict(cls, data: Any) -> Key:
        """Read the JSON form; raises `Malformed`."""
        return cls(**fields.read(_KEY, data))


_KEY: Final[fields.Schema] = {
    "public_key": fields.HASH,
    "valid_from": fields.TIME,
    "valid_until": fields.TIME,
}


@dataclass(frozen=True, slots=True)
class Organisation:
    """One organisation.

    Attributes:
        id: 1 to 64 of a-z 0-9 . : _ -
        name: for people.
        jurisdiction: ISO 3166-1 alpha-2.
        roles: some of `ROLES`, in order.
        alliances: groups in which it counts together with the others, in order.
        keys: in order of their public keys. A key that ends keeps its place, so that what it signed verifies.

    Raises (on construction): Malformed.
    """

    id: str
    name: str
    jurisdiction: str
    roles: tuple[str, ...]
    keys: tuple[Key, ...]
    alliances: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what no directory can say."""
        fields.check(_ORGANISATION, self)
        if not self.keys:
            raise Malformed("An organisation has a key.")

    def allied(self, other: Organisation) -> bool:
        """Say whether the two count once."""
        return self.id == other.id or not set(self.alliances).isdisjoint(other.alliances)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return fields.write(_ORGANISATION, self)

    @classmethod
    def from_dict(cls, data: Any) -> Organisation:
        """Read the JSON form; raises `Malformed`."""
        return cls(**fields.read(_ORGANISATION, data))


_ORGANISATION: Final[fields.Schema] = {
    "id": fields.LABEL,
    "name": fields.Codec(lambda value: value, _read_name),
    "jurisdiction": fields.Codec(lambda value: value, _read_jurisdiction),
    "roles": fields.labels(len(ROLES), fields.one_of(ROLES).read),
    "keys": fields.Codec(
        lambda keys: [key.to_dict() for key in keys], fields.read_list(Key.from_dict, MAX_KEYS)
    ),
    "alliances": fields.labels(MAX_ALLIANCES),
}


@dataclass(frozen=True)
class Directory:
    """All organisations of a register, in order of their ids, former ones included.

    Raises (on construction): BadConstitution.
    """

    organisations: tuple[Organisation, ...]
    _by_id: Mapping[str, Organisation] = field(init=False, repr=False, compare=False)
    _by_key: Mapping[str, tuple[Organisation, Key]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse one id or one key that stands for two."""
        ids = [each.id for each in self.organisations]
        keys = {key.id: (each, key) for each in self.organisations for key in each.keys}
        distinct = len(keys) == sum(len(each.keys) for each in self.organisations)
        if ids != sorted(set(ids)) or not distinct or not 0 < len(ids) <= MAX_ORGANISATIONS:
            raise BadConstitution("Organisations stand in order; each id and each key is one's alone.")
        object.__setattr__(self, "_by_id", {each.id: each for each in self.organisations})
        object.__setattr__(self, "_by_key", keys)

    def get(self, name: str) -> Organisation | None:
        """Return the organisation of this id."""
        return self._by_id.get(name)

    def __getitem__(self, name: str) -> Organisation:
        """Return the organisation of this id; raises `UnknownOrganisation`."""
        if (found := self._by_id.get(name)) is None:
            raise UnknownOrganisation(organisation=name)
        return found

    def signer(self, key: str, at: datetime) -> tuple[Organisation, Key]:
        """Return whose key this was at that time; raises `UnknownOrganisation`."""
        found = self._by_key.get(key)
        if found is None or not found[1].valid_from <= at < found[1].valid_until:
            raise UnknownOrganisation(key=key)
        return found


def independent(
    organisations: Iterable[Organisation],
    enough: int,
    one: Callable[[Organisation, Organisation], bool] = Organisation.allied,
) -> int:
    """Return the size of the largest set of which no two are one, but no more than `enough`.

    Args:
        organisations: any number; the search is exponential in what is asked for, so `enough` is small.
        enough: where to stop.
        one: says whether two count once.
    """
    distinct = {(each.jurisdiction, each.alliances or each.id): each for each in organisations}
    return _grow(sorted(distinct.values(), key=lambda each: each.id), enough, one)


def _grow(
    rest: Sequence[Organisation], enough: int, one: Callable[[Organisation, Organisation], bool]
) -> int:
    best = 0
    for place, chosen in enumerate(rest):
        if best >= enough or len(rest) - place <= best:
            break
        others = [each for each in rest[place + 1 :] if not one(chosen, each)]
        best = max(best, 1 + _grow(others, enough - 1, one) if enough > 1 else 1)
    return best


def same_law(one: Organisation, other: Organisation) -> bool:
    """Say whether two are of one jurisdiction, or allied."""
    return one.jurisdiction == other.jurisdiction or one.allied(other)
