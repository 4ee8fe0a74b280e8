"""Which epoch the device uses, under which legal basis, and in a sentence why not.

The order of the reasons is that of the rules: what the app offers, the rules of
`tutela.hashlist.epoch.admission`, and, at each use again, everything that has a time: the list, its
endorsements, the witnesses' cosignatures and the law. Without all of them the device stays in user-side mode;
nothing here is decided remotely.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from tutela.errors import TutelaError
from tutela.hashlist.conflicts import read_folders
from tutela.hashlist.epoch import (
    EpochRefused,
    Expired,
    Manifest,
    NotYetValid,
    OtherProfile,
    Trust,
    admission,
    read,
)
from tutela.hashlist.epoch.admission import Admitted, Attested, Pins
from tutela.hashlist.epoch.errors import NoLongerEndorsed, NotInUse
from tutela.hashlist.legal_basis import LegalBasis, LegalBasisExpired, LegalBasisMissing
from tutela.tlog.verification import check_fresh
from tutela.voucher import everyday
from tutela.voucher.table import Progress, Table

ALERTS: Final = "provider alerts"
USER_SIDE: Final = "user-side only"
NONE_LOADED: Final = "epoch.none"


@dataclass(frozen=True, slots=True)
class Mode:
    """What the guard does with pictures that are sent.

    Attributes:
        name: "provider alerts" or "user-side only".
        code: stable name of the reason.
        sentence: the reason, for the user.
    """

    name: str
    code: str
    sentence: str

    @property
    def alerts(self) -> bool:
        """Whether vouchers carry anything."""
        return self.name == ALERTS

    def to_dict(self) -> dict[str, str]:
        """Return the mode for `--json`."""
        return {"name": self.name, "code": self.code, "sentence": self.sentence}


@dataclass(frozen=True, slots=True)
class Epoch:
    """An epoch in use: every rule held when it was loaded or renewed; those with a time are asked again.

    Attributes:
        admitted: what held.
        trust: under which it did.
        laws: the signed legal bases beside it, of whatever place; the device's own only if it holds or held.
    """

    admitted: Admitted
    trust: Trust
    laws: tuple[LegalBasis, ...]

    @property
    def attested(self) -> Attested:
        """What its papers show."""
        return self.admitted.attested

    @property
    def manifest(self) -> Manifest:
        """The manifest."""
        return self.admitted.manifest

    @property
    def table(self) -> Table:
        """The table, checked whole."""
        return self.admitted.table

    @property
    def basis(self) -> LegalBasis | None:
        """The law under which it may alert."""
        return self.admitted.basis

    @property
    def why_no_basis(self) -> LegalBasisMissing | None:
        """Why there is none."""
        return self.admitted.why_no_basis

    @property
    def ends(self) -> datetime:
        """When it is over for good: its own time, that of its endorsements, or that of its legal basis."""
        ends = min(self.manifest.valid_until, self.attested.endorsed_until)
        return ends if self.basis is None else min(ends, self.basis.valid_until)

    def describe(self) -> dict[str, Any]:
        """Return what the user may see of it."""
        manifest = self.manifest
        return {
            "number": manifest.number,
            "build": manifest.build,
            "category": manifest.category,
            "table_id": manifest.table_id.hex(),
            "tokens": manifest.header.tokens,
            "table_bytes": manifest.sizes.table,
            "voucher_bytes": manifest.sizes.voucher,
            "threshold": manifest.threshold,
            "threshold_inputs": manifest.model.to_dict(),
            "valid_from": manifest.valid_from.isoformat(),
            "valid_until": manifest.valid_until.isoformat(),
            "signers": list(manifest.endorsers),
        }


def attest(directory: Path, trust: Trust, jurisdiction: str, now: datetime, pins: Pins) -> Attested:
    """Check all of a folder but its table; raises as `tutela.hashlist.epoch.admission.admit`."""
    attested = admission.attest_folder(directory, trust, jurisdiction, now, pins)
    _check_profile(attested.manifest)
    return attested


def complete(
    attested: Attested,
    directory: Path,
    trust: Trust,
    jurisdiction: str,
    now: datetime,
    *,
    previous: bytes | None,
    seen: Mapping[bytes, bytes],
    progress: Progress | None = None,
) -> Epoch:
    """Check the rest and return the epoch.

    Args:
        attested: what `attest` returned for this folder.
        directory: the folder.
        trust: keys, constitution and policy that came with the app.
        jurisdiction: of the device, as in the legal basis.
        now: the time.
        previous: bytes of the last accepted manifest.
        seen: table keys of earlier epochs, each with its table id.
        progress: called while the table is checked.

    Raises:
        EpochRefused, TableError: the epoch must not be used.
    """
    before = _before(previous, trust)
    found = admission.complete(
        attested, directory, trust, jurisdiction, now, previous=before, seen=seen, progress=progress
    )
    return Epoch(found, trust, _laws(directory, found, jurisdiction, trust))


def renew(epoch: Epoch, attested: Attested, directory: Path, jurisdiction: str, now: datetime) -> Epoch:
    """Return the epoch in use with newer proofs.

    Raises:
        NotInUse: they are those of another epoch.
    """
    if attested.manifest.digest() != epoch.manifest.digest():
        raise NotInUse
    basis, missing = None, None
    try:
        basis = admission.check_basis(attested, epoch.trust, jurisdiction, now)
    except LegalBasisMissing as error:
        missing = error
    found = Admitted(attested, epoch.table, basis, missing)
    return Epoch(found, epoch.trust, _laws(directory, found, jurisdiction, epoch.trust))


def _laws(directory: Path, found: Admitted, jurisdiction: str, trust: Trust) -> tuple[LegalBasis, ...]:
    """Return the signed legal bases of a folder; the device's own only if it holds, or held till it ended."""
    own = found.basis is not None or isinstance(found.why_no_basis, LegalBasisExpired)
    return tuple(
        law for law in read_folders([directory], trust)[0] if own or law.jurisdiction != jurisdiction
    )


def _check_profile(manifest: Manifest) -> None:
    """Refuse all but the published profile: masks are fixed before any list is, and not by who makes one."""
    if manifest.parameters != everyday(manifest.threshold):
        raise OtherProfile


def _before(previous: bytes | None, trust: Trust) -> Manifest | None:
    """Return the last accepted manifest, unless the app no longer trusts who signed it."""
    try:
        return read(previous, trust) if previous else None
    except EpochRefused:
        return None


def decide(*, offered: bool, epoch: Epoch | None, refused: TutelaError | None, now: datetime) -> Mode:
    """Return the mode at a moment.

    Args:
        offered: whether the app offers alerts to the provider at all.
        epoch: the epoch in use.
        refused: why the last one that was offered is not.
        now: the time.
    """
    reason = None if offered else ("policy.off", "This app does not offer alerts to the provider.")
    reason = reason or _missing(epoch, refused) or _out_of_time(epoch, now)
    if reason is not None:
        return Mode(USER_SIDE, *reason)
    assert epoch is not None
    assert epoch.basis is not None
    sentence = (
        f"Alerts to the provider are allowed in {epoch.basis.jurisdiction} until "
        f"{epoch.basis.valid_until:%Y-%m-%d} ({epoch.basis.statute}); the list was endorsed by "
        f"{', '.join(each.name for each in epoch.attested.endorsers)}."
    )
    return Mode(ALERTS, "alerts.on", sentence)


def _missing(epoch: Epoch | None, refused: TutelaError | None) -> tuple[str, str] | None:
    if epoch is None and refused is None:
        return NONE_LOADED, "No list was loaded on this device."
    why = refused if epoch is None else epoch.why_no_basis
    return (why.code, why.message) if why is not None else None


def _out_of_time(epoch: Epoch | None, now: datetime) -> tuple[str, str] | None:
    assert epoch is not None
    if now >= epoch.manifest.valid_until:
        return Expired.code, Expired.sentence
    if now < epoch.manifest.valid_from:
        return NotYetValid.code, NotYetValid.sentence  # the clock was set back
    if now >= epoch.attested.endorsed_until:
        return NoLongerEndorsed.code, NoLongerEndorsed.sentence
    try:
        check_fresh(epoch.attested.log.witnesses, epoch.trust.anchors()[1], now)
    except TutelaError as error:
        return error.code, error.message
    assert epoch.basis is not None
    if now >= epoch.basis.valid_until:
        return LegalBasisExpired.code, LegalBasisExpired.sentence
    return None
