"""The constitution: who takes part, how many must agree, what a list may be about, and every clock.

It is a JSON document of type "tutela-constitution" that a quorum signs. The first one is believed because
its digest is known from elsewhere (it comes with the program); every later one names its predecessor's
digest and is signed by a quorum of the *predecessor's* endorsers, by the predecessor's rules. So nobody
changes the rules with less than what the rules ask for.

Not protected: a coalition that reaches the amendment quorum can change everything in here, save what
`Constitution` refuses for all constitutions and the closed categories of the program itself. That is why the
constitution is published, logged, and ends.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final

from tutela.hashlist import strict_json
from tutela.hashlist.categories import PURPOSE, SCALES
from tutela.hashlist.governance import fields
from tutela.hashlist.governance.errors import BadConstitution
from tutela.hashlist.governance.fields import WHOLE, Codec
from tutela.hashlist.governance.organisations import (
    ENDORSER,
    MAX_ORGANISATIONS,
    Directory,
    Organisation,
    independent,
    same_law,
)

TYPE: Final = "tutela-constitution"
VERSION: Final = 1
MAX_ENDORSERS: Final = 15
MAX_ENTRY_DAYS: Final = 366
MAX_LIST_DAYS: Final = 366
MAX_CONSTITUTION_DAYS: Final = 3 * 366
LEAST_SUBMITTERS: Final = 2
LEAST_JURISDICTIONS: Final = 2
MOST_SUBMITTERS: Final = 8
#: the closed set of the program, as `scale:code`
CLASSIFICATIONS: Final = tuple(sorted(f"{scale}:{code}" for scale, codes in SCALES.items() for code in codes))


@dataclass(frozen=True, kw_only=True)
class Constitution:
    """One version of the rules.

    Attributes:
        number: 1, 2, ...
        previous: digest of the one before, or 32 zero bytes for the first.
        valid_from: UTC.
        valid_until: at most three years later.
        endorsers: ids of the n organisations that endorse, in order.
        quorum: k of them, allied ones counting once; more than half of n.
        amendment_quorum: as many for the next constitution; at least `quorum`.
        submitters: organisations that must have submitted an entry; at least 2.
        jurisdictions: of which pairwise unallied and of different jurisdictions; at least 2.
        categories: closed set; of the program's own set.
        classifications: closed set of `scale:code`; of the program's own set.
        source_share: percent of the live list that entries of one source may be.
        source_floor: entries that any source may have whatever its share, so that a young list can begin.
        entry_days: a submission lives so long; at most 366.
        list_days: an endorsement lives at most so long; at most 366.
        answer_days: a dispute is answered within this time.
        delivery_hours: a statement reaches the history within this time.
        organisations: all, former ones included, in order of their ids.

    Raises (on construction): BadConstitution, Malformed.
    """

    number: int
    previous: bytes
    valid_from: datetime
    valid_until: datetime
    endorsers: tuple[str, ...]
    quorum: int = 3
    amendment_quorum: int = 3
    submitters: int = LEAST_SUBMITTERS
    jurisdictions: int = LEAST_JURISDICTIONS
    categories: tuple[str, ...] = (PURPOSE,)
    classifications: tuple[str, ...] = CLASSIFICATIONS
    source_share: int = 60
    source_floor: int = 1000
    entry_days: int = 366
    list_days: int = 90
    answer_days: int = 14
    delivery_hours: int = 24
    organisations: tuple[Organisation, ...]

    def __post_init__(self) -> None:
        """Refuse what no constitution may say."""
        fields.check(_SCHEMA, self)
        sound = (
            self.number >= 1
            and (self.previous == bytes(fields.HASH_BYTES)) is (self.number == 1)
            and timedelta(0) < self.valid_until - self.valid_from <= timedelta(days=MAX_CONSTITUTION_DAYS)
            and LEAST_SUBMITTERS <= self.submitters <= MOST_SUBMITTERS
            and LEAST_JURISDICTIONS <= self.jurisdictions <= self.submitters
            and len(self.categories) > 0
            and set(self.categories) <= {PURPOSE}
            and len(self.classifications) > 0
            and set(self.classifications) <= set(CLASSIFICATIONS)
        )
        if not (sound and self._clocks() and self._quorums()):
            raise BadConstitution

    def _clocks(self) -> bool:
        return (
            0 < self.source_share <= 100
            and 0 < self.entry_days <= MAX_ENTRY_DAYS
            and 0 < self.list_days <= MAX_LIST_DAYS
            and 0 < self.answer_days <= MAX_ENTRY_DAYS
            and 0 < self.delivery_hours <= 24 * 7
        )

    def _quorums(self) -> bool:
        """More than half, so that no two lists of one number both have a quorum; and one that can be met."""
        count = len(self.endorsers)
        if not count < 2 * self.quorum <= 2 * self.amendment_quorum <= 2 * count:
            return False
        found = [self.directory.get(name) for name in self.endorsers]
        able = [each for each in found if each is not None and ENDORSER in each.roles]
        return len(able) == count and independent(able, self.amendment_quorum) == self.amendment_quorum

    @cached_property
    def directory(self) -> Directory:
        """The organisations, by id and by key."""
        return Directory(self.organisations)

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the canonical document, by which endorsements and successors name it."""
        return hashlib.sha256(strict_json.canonical(self.to_dict())).digest()

    def met_by(self, submitters: list[Organisation]) -> bool:
        """Say whether these organisations are enough to submit an entry: the intersection rule."""
        distinct = {each.id for each in submitters}
        enough = independent(submitters, self.jurisdictions, same_law) >= self.jurisdictions
        return len(distinct) >= self.submitters and enough

    def to_dict(self) -> dict[str, Any]:
        """Return what is signed."""
        return {"type": TYPE, "version": VERSION, **fields.write(_SCHEMA, self)}

    @classmethod
    def from_dict(cls, data: Any) -> Constitution:
        """Read what `to_dict` wrote; raises `Malformed` or `BadConstitution`."""
        return cls(**fields.read(_SCHEMA, data, {"type": TYPE, "version": VERSION}))


_SCHEMA: Final[fields.Schema] = {
    "number": WHOLE,
    "previous": fields.HASH,
    "valid_from": fields.TIME,
    "valid_until": fields.TIME,
    "endorsers": fields.labels(MAX_ENDORSERS),
    **dict.fromkeys(("quorum", "amendment_quorum", "submitters", "jurisdictions"), WHOLE),
    "categories": fields.labels(16, fields.read_code),
    "classifications": fields.labels(64, fields.read_code),
    **dict.fromkeys(("source_share", "source_floor"), WHOLE),
    **dict.fromkeys(("entry_days", "list_days", "answer_days", "delivery_hours"), WHOLE),
    "organisations": Codec(
        lambda listed: [each.to_dict() for each in listed],
        fields.read_list(Organisation.from_dict, MAX_ORGANISATIONS),
    ),
}
