"""Which epoch the device uses, under which legal basis, and in a sentence why not.

The order of the reasons is that of the rules: what the app offers, the manifest and its table, the time, the
law. Without all of them the device stays in user-side mode; nothing here is decided remotely.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from tutela.errors import TutelaError
from tutela.hashlist.epoch import (
    MANIFEST_FILE,
    EpochRefused,
    Expired,
    Manifest,
    Model,
    NotYetValid,
    OtherProfile,
    Trust,
    WeakThreshold,
    open_epoch,
    read,
)
from tutela.hashlist.epoch.threshold import IDEAL_RATE
from tutela.hashlist.legal_basis import LegalBasis, LegalBasisExpired, LegalBasisMissing, check_folder
from tutela.hashlist.trust import read_small
from tutela.voucher import everyday
from tutela.voucher.table import Progress, Table

ALERTS: Final = "provider alerts"
USER_SIDE: Final = "user-side only"
#: a threshold from inputs that promise less than these is refused, whoever signed them
_LEAST: Final = Model(scenes=1000, burst=2, false_pair_rate=IDEAL_RATE, spread=10.0, target=1e-9)


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
    """A verified epoch: its manifest, its whole table checked, and the law under which it may alert."""

    manifest: Manifest
    table: Table
    basis: LegalBasis | None
    why_no_basis: LegalBasisMissing | None

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


def load(
    directory: Path,
    trust: Trust,
    jurisdiction: str,
    now: datetime,
    *,
    previous: bytes | None,
    seen: Mapping[bytes, bytes],
    progress: Progress | None = None,
) -> tuple[Epoch, bytes]:
    """Verify an epoch's folder and return it with its manifest's bytes.

    Args:
        directory: manifest.json, table.bin and, where there is one, legal-basis-<JURISDICTION>.json.
        trust: keys and quorum that came with the app.
        jurisdiction: of the device, as in the legal basis.
        now: the time.
        previous: bytes of the last accepted manifest.
        seen: table keys of earlier epochs, each with its table id.
        progress: called while the table is checked.

    Raises:
        EpochRefused, TableError, BadFile: the epoch must not be used.
    """
    data = read_small(directory / MANIFEST_FILE)
    before = _before(previous, trust)
    offered = read(data, trust)
    _check_profile(offered)
    _check_threshold(offered.model)
    manifest, table = open_epoch(directory, trust, now, before, seen=seen, progress=progress)
    try:
        return Epoch(manifest, table, check_folder(directory, jurisdiction, trust, now), None), data
    except LegalBasisMissing as error:
        return Epoch(manifest, table, None, error), data


def _check_profile(manifest: Manifest) -> None:
    """Refuse all but the published profile: masks are fixed before any list is, and not by who makes one."""
    if manifest.parameters != everyday(manifest.threshold):
        raise OtherProfile


def _check_threshold(model: Model) -> None:
    """Refuse inputs under which false openings would be likelier than here allowed: signers choose them."""
    weak = [
        name
        for name, enough in (
            ("scenes", model.scenes >= _LEAST.scenes),
            ("burst", model.burst >= _LEAST.burst),
            ("false_pair_rate", model.false_pair_rate >= _LEAST.false_pair_rate),
            ("spread", model.spread <= _LEAST.spread),
            ("target", model.target <= _LEAST.target),
        )
        if not enough
    ]
    if weak:
        raise WeakThreshold(f"Inputs out of bounds: {', '.join(weak)}.")


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
        f"{epoch.basis.valid_until:%Y-%m-%d} ({epoch.basis.statute}); "
        f"the list was signed by {', '.join(epoch.manifest.endorsers)}."
    )
    return Mode(ALERTS, "alerts.on", sentence)


def _missing(epoch: Epoch | None, refused: TutelaError | None) -> tuple[str, str] | None:
    if epoch is None and refused is None:
        return "epoch.none", "No list was loaded on this device."
    why = refused if epoch is None else epoch.why_no_basis
    return (why.code, why.message) if why is not None else None


def _out_of_time(epoch: Epoch | None, now: datetime) -> tuple[str, str] | None:
    assert epoch is not None
    if now >= epoch.manifest.valid_until:
        return Expired.code, Expired.sentence
    if now < epoch.manifest.valid_from:
        return NotYetValid.code, NotYetValid.sentence  # the clock was set back
    assert epoch.basis is not None
    if now >= epoch.basis.valid_until:
        return LegalBasisExpired.code, LegalBasisExpired.sentence
    return None
