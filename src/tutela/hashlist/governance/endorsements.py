"""What a device checks of a list before it uses an epoch: small, offline, and by name where it fails.

    {"type": "tutela-endorsements", "version": 1, "endorsements": [signed statement, ...]}

An epoch's manifest names the root of a list version; this file, beside it, holds the endorsements of that
root. The device knows the constitution (by its digest, or as the successor of the one it knew). It does not
see the history: that the list follows from it by the rules is what each endorser signed, and what anybody
checks with `verify_list`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from tutela.hashlist import strict_json
from tutela.hashlist.errors import BadJSON
from tutela.hashlist.governance import fields
from tutela.hashlist.governance.admission import check_window
from tutela.hashlist.governance.constitution import MAX_ENDORSERS, Constitution
from tutela.hashlist.governance.errors import (
    ConflictingStatement,
    Expired,
    Malformed,
    NotYetValid,
    OtherCategory,
    OtherConstitution,
    OtherRoot,
    WrongRole,
)
from tutela.hashlist.governance.organisations import ENDORSER, Organisation
from tutela.hashlist.governance.signing import MAX_STATEMENT, Verified, check_quorum, verify
from tutela.hashlist.governance.statements import Endorsement

TYPE: Final = "tutela-endorsements"
VERSION: Final = 1
MAX_BYTES: Final = (MAX_ENDORSERS + 1) * MAX_STATEMENT


def _read_signed(value: Any) -> bytes:
    try:
        return strict_json.canonical(value) + b"\n"
    except BadJSON as error:
        raise Malformed(error.message) from error


_SCHEMA: Final[fields.Schema] = {
    "endorsements": fields.Codec(
        lambda listed: [strict_json.read(data) for data in listed],
        fields.read_list(_read_signed, MAX_ENDORSERS),
    )
}


@dataclass(frozen=True, slots=True)
class Endorsements:
    """The signed endorsements of one list version, unverified."""

    endorsements: tuple[bytes, ...]

    @classmethod
    def of(cls, signed: Iterable[bytes]) -> Endorsements:
        """Gather statements' files; raises `Malformed` for what is no such file."""
        try:
            return cls.parse(cls(tuple(signed)).to_bytes())
        except BadJSON as error:
            raise Malformed(error.message) from error

    def to_bytes(self) -> bytes:
        """Return the file."""
        said = {"type": TYPE, "version": VERSION, **fields.write(_SCHEMA, self)}
        return strict_json.canonical(said) + b"\n"

    @classmethod
    def parse(cls, data: bytes) -> Endorsements:
        """Read the file; raises `Malformed`."""
        try:
            found = strict_json.read(data, max_bytes=MAX_BYTES)
        except BadJSON as error:
            raise Malformed(error.message) from error
        return cls(**fields.read(_SCHEMA, found, {"type": TYPE, "version": VERSION}))

    def verify(
        self, root: bytes, category: str, now: datetime, constitution: Constitution
    ) -> tuple[Organisation, ...]:
        """Return the organisations that endorse this root now, a quorum of them, in order of their ids.

        Args:
            root: of the list version, as the epoch's manifest names it.
            category: of the manifest.
            now: the time, with its zone.
            constitution: the one that the device believes in.

        Raises:
            GovernanceError: `Malformed`, `UnknownOrganisation`, `ForgedSignature`, `WrongRole`,
                `DuplicateSigner`, `OtherCategory`, `OtherConstitution`, `OtherRoot`, `ConflictingStatement`,
                `NotYetValid`, `Expired`, `TooFewEndorsements` or `AlliedOnly`.
        """
        _check_time(constitution.valid_from, constitution.valid_until, now)
        found = [verify(data, constitution.directory) for data in self.endorsements]
        signers = [_endorser(each, root, category, now, constitution) for each in found]
        if len({each.statement.version for each in found if isinstance(each.statement, Endorsement)}) > 1:
            raise ConflictingStatement("The endorsements are of different list versions.")
        check_quorum(signers, constitution, constitution.quorum)
        return tuple(sorted(signers, key=lambda each: each.id))


def _endorser(
    verified: Verified, root: bytes, category: str, now: datetime, constitution: Constitution
) -> Organisation:
    statement, organisation = verified.statement, verified.organisation
    if not isinstance(statement, Endorsement) or organisation is None:
        raise Malformed("A statement among the endorsements is none.")
    if statement.category != category or category not in constitution.categories:
        raise OtherCategory
    if statement.constitution != constitution.digest:
        raise OtherConstitution
    if statement.root != root:
        raise OtherRoot(number=statement.number)
    if ENDORSER not in organisation.roles:
        raise WrongRole(organisation=organisation.id)
    check_window(statement, constitution)
    _check_time(statement.valid_from, statement.valid_until, now)
    return organisation


def _check_time(begin: datetime, end: datetime, now: datetime) -> None:
    if now < begin:
        raise NotYetValid
    if now >= end:
        raise Expired
