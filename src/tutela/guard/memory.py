"""What the guard keeps of the epochs it used: pins that the next one must fit, papers, and evidence.

    {"type": "tutela-held", "version": 1, "epochs": [{"since", "checked", "papers"}], "evidence": [text]}

is the file that `held` makes of it: it names nobody, and shows to anybody which lists this device was given,
by whom they were endorsed and where they were published, also of those that were dropped since.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from tutela.guard.epochs import Epoch
from tutela.guard.store import Store
from tutela.hashlist.epoch.admission import Pins
from tutela.hashlist.epoch.folder import Papers
from tutela.hashlist.epoch.holding import Held, HeldEpoch
from tutela.tlog import Evidence, SignedCheckpoint

MAX_EVIDENCE: Final = 16


def pins(store: Store) -> Pins:
    """Return what was pinned."""
    checkpoints = {
        origin: SignedCheckpoint.parse(text.encode()) for origin, text in store.get("checkpoints", {}).items()
    }
    constitutions = {
        bytes.fromhex(first): bytes.fromhex(last) for first, last in store.get("constitutions", {}).items()
    }
    return Pins(checkpoints, constitutions)


def keep_pins(store: Store, found: Pins) -> None:
    """Pin what was seen, before anything else of the epoch is looked at."""
    store.put("checkpoints", {origin: one.to_bytes().decode() for origin, one in found.checkpoints.items()})
    store.put("constitutions", {first.hex(): last.hex() for first, last in found.constitutions.items()})


def keep_papers(store: Store, epoch: Epoch, now: datetime) -> None:
    """Keep the papers of an epoch that is used, with the legal basis only if it held."""
    papers, manifest = epoch.attested.papers, epoch.manifest
    kept = papers if epoch.basis else replace(papers, basis=b"", basis_proof=b"")
    store.keep_papers(
        manifest.digest().hex(), manifest.number, int(now.timestamp()), json.dumps(kept.to_dict())
    )


def keep_evidence(store: Store, evidence: Evidence) -> None:
    """Keep the proof that a log signed two histories."""
    known: list[str] = store.get("evidence", [])
    text = evidence.to_bytes().decode()
    if text not in known and len(known) < MAX_EVIDENCE:
        store.put("evidence", [*known, text])


def held(store: Store) -> Held:
    """Return everything that this device was given and used."""
    found = tuple(
        HeldEpoch(_time(since), _time(checked), Papers.from_dict(json.loads(papers)))
        for since, checked, papers in store.papers()
    )
    return Held(found, tuple(text.encode() for text in store.get("evidence", [])))


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
