"""Each check that the epoch in use passed, in one sentence for the user, and until when it holds."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tutela.guard.epochs import Epoch
from tutela.hashlist.governance import Organisation
from tutela.hashlist.governance.constitution import MAX_ENDORSERS
from tutela.hashlist.governance.organisations import independent


def explain(epoch: Epoch) -> list[dict[str, Any]]:
    """Return the checks in their order: `name`, `sentence`, `until` (or None), and facts of some."""
    return [
        _builder(epoch),
        _rules(epoch),
        _endorsement(epoch),
        *_log(epoch),
        _one("succession", "No newer list was used here before, and its secret key served no other list."),
        _table(epoch),
        *_basis(epoch),
    ]


def _one(name: str, sentence: str, until: datetime | None = None, **facts: Any) -> dict[str, Any]:
    return {"name": name, "sentence": sentence, "until": until.isoformat() if until else None, **facts}


def _builder(epoch: Epoch) -> dict[str, Any]:
    manifest = epoch.manifest
    sentence = (
        f"{', '.join(manifest.endorsers)} built and signed it, for {manifest.category} only, "
        f"until {_day(manifest.valid_until)}."
    )
    return _one("builder", sentence, manifest.valid_until)


def _rules(epoch: Epoch) -> dict[str, Any]:
    rules = epoch.attested.constitution
    sentence = (
        f"Constitution {rules.number}, which follows from the one that came with this app, asks for "
        f"{rules.quorum} of {len(rules.endorsers)} endorsers; allied ones count once."
    )
    return _one("constitution", sentence, rules.valid_until, number=rules.number, quorum=rules.quorum)


def _endorsement(epoch: Epoch) -> dict[str, Any]:
    found = epoch.attested.endorsers
    places = sorted({each.jurisdiction for each in found})
    sentence = (
        f"{', '.join(f'{each.name} ({each.jurisdiction})' for each in found)} endorsed exactly this list: "
        f"{independent(found, MAX_ENDORSERS)} that count, in {len(places)} jurisdictions."
    )
    return _one(
        "endorsement",
        sentence,
        epoch.attested.endorsed_until,
        endorsers=[_organisation(each) for each in found],
        independent=independent(found, MAX_ENDORSERS),
        jurisdictions=places,
    )


def _organisation(each: Organisation) -> dict[str, Any]:
    return {
        "id": each.id,
        "name": each.name,
        "jurisdiction": each.jurisdiction,
        "alliances": list(each.alliances),
    }


def _log(epoch: Epoch) -> list[dict[str, Any]]:
    found = epoch.attested.log
    origin, size = found.checkpoint.origin, found.checkpoint.size
    times = {name: time.isoformat() for name, time in sorted(found.witnesses.items())}
    included = f"It is entry {found.index} of {size} in the public log {origin}."
    kept = "The log kept everything that this device saw of it, and held the list before the table was drawn."
    seen = (
        f"{len(times)} witnesses vouched for the log: {', '.join(f'{n} at {t}' for n, t in times.items())}."
    )
    return [
        _one("log", included, origin=origin, size=size, index=found.index),
        _one("consistency", kept),
        _one("witnesses", seen, witnesses=times),
        _one(
            "freshness",
            "A quorum of them did so within the last 24 hours before each use.",
            epoch.attested.fresh_until,
        ),
    ]


def _table(epoch: Epoch) -> dict[str, Any]:
    manifest = epoch.manifest
    sentence = (
        f"Every slot of the table is the signed one, in the order that list and log prescribe; "
        f"{manifest.threshold} distinct matches open, by inputs that are careful enough."
    )
    return _one("table", sentence, threshold=manifest.threshold)


def _basis(epoch: Epoch) -> list[dict[str, Any]]:
    if epoch.basis is None:
        return []
    basis = epoch.basis
    sentence = (
        f"Alerts are allowed in {basis.jurisdiction} under {basis.statute} until {_day(basis.valid_until)}; "
        f"the statement is signed and in the log."
    )
    return [_one("legal basis", sentence, basis.valid_until)]


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"
