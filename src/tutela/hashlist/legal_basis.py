"""The legal basis: without a valid one for the device's jurisdiction, no alert goes to any provider.

A legal basis is a signed statement (`tutela.hashlist.envelope`, role "legal-basis") of a competent
authority, or of an operator's counsel: in this jurisdiction, under this statute, for this time, alerts to the
provider are permitted for the one purpose that there is, after the impact assessment with this SHA-256.
Missing, expired, changed, or for another place: the device stays in user-side mode (claim C17).

It also says what may follow an alert: whether a report may be made, for how many days reported content may be
kept, and by which scales what is listed may be classified. `check_use` holds a provider to that. Where two
places permit different things, `tutela.hashlist.conflicts` says so.

Not protected: that the statement is right in law. It makes visible who says so, and it ends.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Final

from tutela.errors import VerificationError
from tutela.hashlist import envelope, strict_json
from tutela.hashlist.categories import PURPOSE, SCALES
from tutela.hashlist.entries import format_time, parse_time
from tutela.hashlist.errors import BadEntry, BadJSON, ListError
from tutela.hashlist.trust import LEGAL_BASIS, Signer, Trust, read_small

TYPE: Final = "tutela-legal-basis"
VERSION: Final = 2
SCOPE: Final = f"provider-alerts:{PURPOSE}"
ALERT: Final = "alert"
REPORT: Final = "report"
#: what a statute may permit, in the order of a statement; closed
ACTS: Final = (ALERT, REPORT)
ALL_SCALES: Final = tuple(sorted(SCALES))
MAX_DAYS: Final = 3 * 366
MAX_KEEP_DAYS: Final = 10 * 366
MAX_STATUTE: Final = 300
_JURISDICTION: Final = re.compile(r"[A-Z]{2}")
_SHA256_BYTES: Final = 32


class BadLegalBasis(ListError):
    """The fields of a legal basis that should be made are unusable."""

    code = "legal_basis.fields"


class LegalBasisMissing(VerificationError):
    """There is no valid legal basis: none at all, or one of the subclasses' defects."""

    code = "legal_basis.missing"
    sentence: ClassVar[str] = "There is no legal basis for alerts to the provider here."

    def __init__(self, detail: str = "") -> None:
        super().__init__(
            f"{self.sentence} {detail}".strip(),
            hint="The protections on this device work without one; nothing is sent to the provider.",
        )


class LegalBasisExpired(LegalBasisMissing):
    """Its time is over."""

    code = "legal_basis.expired"
    sentence = "The legal basis for alerts to the provider has expired."


class LegalBasisNotYetValid(LegalBasisMissing):
    """Its time has not begun."""

    code = "legal_basis.not_yet_valid"
    sentence = "The legal basis for alerts to the provider is not in force yet."


class LegalBasisTampered(LegalBasisMissing):
    """It is damaged, changed, of another scope, or not signed by those who may."""

    code = "legal_basis.tampered"
    sentence = "The legal basis is damaged, changed, or not signed by those who may state it."


class LegalBasisOtherJurisdiction(LegalBasisMissing):
    """It is for another place."""

    code = "legal_basis.other_jurisdiction"
    sentence = "The legal basis is for another jurisdiction than this device's."


class LegalBasisNarrower(LegalBasisMissing):
    """It permits less than what would be done."""

    code = "legal_basis.narrower"
    sentence = "The legal basis permits less than what this provider would do."


class LegalBasisNotLogged(LegalBasisMissing):
    """It is not in the transparency log."""

    code = "legal_basis.not_logged"
    sentence = "The legal basis for alerts to the provider was not published in the transparency log."


@dataclass(frozen=True, slots=True)
class LegalBasis:
    """One statement.

    Attributes:
        jurisdiction: ISO 3166-1 alpha-2 code.
        statute: the law and its article, one line.
        valid_from: UTC.
        valid_until: at most three years later.
        impact_assessment_sha256: 32 bytes, of the published data protection impact assessment.
        acts: of `ACTS`, in their order; always with `ALERT`.
        keep_days: for how long content may be kept after a report; 0: not at all.
        scales: of `SCALES`, sorted: by these what is listed may be classified.
        scope: for what purpose; only `SCOPE` exists.
        signers: names of the trusted signers that the check found; not part of what is signed.

    Raises (on construction): BadLegalBasis.
    """

    jurisdiction: str
    statute: str
    valid_from: datetime
    valid_until: datetime
    impact_assessment_sha256: bytes
    acts: tuple[str, ...] = ACTS
    keep_days: int = 366
    scales: tuple[str, ...] = ALL_SCALES
    scope: str = SCOPE
    signers: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        """Refuse what no statement may say."""
        if not _JURISDICTION.fullmatch(self.jurisdiction):
            raise BadLegalBasis("A jurisdiction is written as two capital letters (ISO 3166-1).")
        if not 0 < len(self.statute) <= MAX_STATUTE or not self.statute.isprintable():
            raise BadLegalBasis(f"The statute is one line of at most {MAX_STATUTE} characters.")
        if self.scope != SCOPE:
            raise BadLegalBasis("The scope of a legal basis is provider alerts for the one purpose.")
        self._check_permissions()
        if len(self.impact_assessment_sha256) != _SHA256_BYTES:
            raise BadLegalBasis("The impact assessment is named by its SHA-256, 32 bytes.")
        if self.valid_from.tzinfo is None or self.valid_until.tzinfo is None:
            raise BadLegalBasis("The times of a legal basis need a time zone.")
        if not timedelta(0) < self.valid_until - self.valid_from <= timedelta(days=MAX_DAYS):
            raise BadLegalBasis(f"A legal basis is valid for at most {MAX_DAYS} days, and for some time.")

    def _check_permissions(self) -> None:
        if ALERT not in self.acts or self.acts != tuple(act for act in ACTS if act in self.acts):
            raise BadLegalBasis(f"The acts are of {', '.join(ACTS)}, in this order, each once; with {ALERT}.")
        if not self.scales or self.scales != tuple(scale for scale in ALL_SCALES if scale in self.scales):
            raise BadLegalBasis(f"The scales are some of {', '.join(ALL_SCALES)}, sorted, each once.")
        if type(self.keep_days) is not int or not 0 <= self.keep_days <= MAX_KEEP_DAYS:
            raise BadLegalBasis(f"Content may be kept for 0 to {MAX_KEEP_DAYS} days.")

    def to_statement(self) -> dict[str, Any]:
        """Return what is signed."""
        return {
            "type": TYPE,
            "version": VERSION,
            "jurisdiction": self.jurisdiction,
            "statute": self.statute,
            "scope": self.scope,
            "acts": list(self.acts),
            "keep_days": self.keep_days,
            "scales": list(self.scales),
            "valid_from": format_time(self.valid_from),
            "valid_until": format_time(self.valid_until),
            "impact_assessment_sha256": self.impact_assessment_sha256.hex(),
        }


def file_name(jurisdiction: str) -> str:
    """Return the name that a legal basis has in an epoch's folder."""
    return f"legal-basis-{jurisdiction}.json"


def make(basis: LegalBasis, signer: Signer) -> bytes:
    """Return the signed file of a legal basis."""
    return envelope.sign(basis.to_statement(), [signer])


def check(data: bytes | None, jurisdiction: str, trust: Trust, now: datetime) -> LegalBasis:
    """Return the legal basis in `data`, if it holds here and now.

    Args:
        data: bytes of the file, or None where there is none.
        jurisdiction: the device's, two capital letters.
        trust: keys with the role "legal-basis", and the quorum.
        now: the time, with its zone.

    Raises:
        LegalBasisMissing: or its subclass that says why.
    """
    if data is None:
        raise LegalBasisMissing
    basis = read(data, trust)
    if basis.jurisdiction != jurisdiction:
        raise LegalBasisOtherJurisdiction
    if now < basis.valid_from:
        raise LegalBasisNotYetValid
    if now >= basis.valid_until:
        raise LegalBasisExpired
    return basis


def check_folder(directory: Path, jurisdiction: str, trust: Trust, now: datetime) -> LegalBasis:
    """Check the legal basis that an epoch's folder holds for a jurisdiction.

    Raises:
        LegalBasisMissing: as `check`; also if the folder holds none.
    """
    if not _JURISDICTION.fullmatch(jurisdiction):
        raise LegalBasisMissing("The jurisdiction is not a country's two letters.")
    path = directory / file_name(jurisdiction)
    return check(read_small(path) if path.is_file() else None, jurisdiction, trust, now)


def check_use(
    basis: LegalBasis,
    *,
    acts: Collection[str] = (ALERT,),
    keep_days: int = 0,
    scales: Collection[str] = (),
) -> None:
    """Refuse what a legal basis does not permit.

    Args:
        basis: in force.
        acts: that would be done.
        keep_days: for which content would be kept after a report.
        scales: by which the list classifies.

    Raises:
        LegalBasisNarrower: one of them is not permitted; the message names it.
    """
    if missing := sorted(set(acts) - set(basis.acts)):
        raise LegalBasisNarrower(f"It does not permit: {', '.join(missing)}.")
    if keep_days > basis.keep_days:
        raise LegalBasisNarrower(f"Content may be kept for {basis.keep_days} days, not for {keep_days}.")
    if missing := sorted(set(scales) - set(basis.scales)):
        raise LegalBasisNarrower(f"It does not know the classification by: {', '.join(missing)}.")


def read(data: bytes, trust: Trust) -> LegalBasis:
    """Return the legal basis in `data` if those signed it who may, whatever its place and time.

    Raises:
        LegalBasisTampered: it is none.
    """
    try:
        verified = envelope.verify(data, trust, LEGAL_BASIS)
        return from_statement(verified.statement, verified.signers)
    except (envelope.BrokenStatement, envelope.UnknownSigners, BadEntry, BadLegalBasis) as error:
        raise LegalBasisTampered(error.message) from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise LegalBasisTampered from error


def claimed(data: bytes) -> LegalBasis:
    """Return what a legal basis says, without verifying anything: for whoever publishes it.

    Raises:
        LegalBasisTampered: it is none.
    """
    try:
        return from_statement(strict_json.read(data)["signed"], ())
    except (BadJSON, BadEntry, BadLegalBasis) as error:
        raise LegalBasisTampered(error.message) from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise LegalBasisTampered from error


def from_statement(data: Mapping[str, Any], signers: tuple[str, ...] = ()) -> LegalBasis:
    """Return the legal basis of a statement that was verified before.

    Raises:
        BadLegalBasis, BadEntry, KeyError, TypeError, ValueError, AttributeError: it is none.
    """
    basis = LegalBasis(
        jurisdiction=data["jurisdiction"],
        statute=data["statute"],
        scope=data["scope"],
        acts=tuple(data["acts"]),
        keep_days=data["keep_days"],
        scales=tuple(data["scales"]),
        valid_from=parse_time(data["valid_from"]),
        valid_until=parse_time(data["valid_until"]),
        impact_assessment_sha256=bytes.fromhex(data["impact_assessment_sha256"]),
        signers=signers,
    )
    if basis.to_statement() != data:
        raise BadLegalBasis("It is a statement of another kind or version, or says something unknown.")
    return basis
