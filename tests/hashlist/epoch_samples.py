"""A small list, invented signers, and manifests with changed fields."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from list_samples import entry

from tutela.hashlist import PURPOSE, HashList, clustered, envelope
from tutela.hashlist.epoch import (
    MANIFEST_FILE,
    Counts,
    Manifest,
    Model,
    Plan,
    Signer,
    Trust,
    TrustedKey,
    open_table,
    table_id,
    verify,
)
from tutela.oprf import group
from tutela.voucher import Parameters
from tutela.voucher.table import Table, TableHeader

NOW = datetime(2026, 2, 1, tzinfo=UTC)
SIGNER, SECOND, STRANGER = (Signer(bytes([n]) * 32) for n in (1, 2, 3))
TRUST = Trust((TrustedKey("Example Centre", SIGNER.public_key),))
#: masks of neighbouring bits: nobody would use them, but they never change
PARAMETERS = Parameters(
    profile="everyday", masks=tuple(tuple(range(32 * j, 32 * j + 40)) for j in range(6)), probes=1
)


def photographs(count: int, seed: int = 5) -> list[bytes]:
    return [row.tobytes() for row in np.random.default_rng(seed).integers(0, 256, (count, 32), np.uint8)]


def sample_list(count: int = 12) -> HashList:
    return HashList(clustered([entry(i, pdq) for i, pdq in enumerate(photographs(count))]), b"s" * 32)


def plan(**changes: Any) -> Plan:
    return Plan(
        **{
            "number": 3,
            "valid_from": NOW - timedelta(days=1),
            "valid_until": NOW + timedelta(days=89),
            "list_root": b"l" * 32,
            "checkpoint": b"p" * 32,
            **changes,
        }
    )


def open_epoch(folder: Path, trust: Trust, now: datetime) -> tuple[Manifest, Table]:
    """Check a built folder as far as its builder can: admission asks for more."""
    found = verify((folder / MANIFEST_FILE).read_bytes(), trust, now)
    return found, open_table(folder, found)


def manifest(*, scalar: int = 7, **changes: Any) -> Manifest:
    """A manifest without a table behind it."""
    commitment = b"c" * 32
    number, build = changes.get("number", 3), changes.get("build", 1)
    category = changes.get("category", PURPOSE)
    header = TableHeader(
        table_id=table_id(number, build, category, commitment),
        public_key=group.multiply_base(scalar.to_bytes(32, "little")),
        tokens=64, segments=10, segment_length=8, seed=b"d" * 32, root=b"r" * 32,
    )  # fmt: skip
    counts = Counts(12, 0, 1, 2, 10, 1, 60, 4, 0)
    said = {
        "number": number, "build": build, "category": category, "parameters": PARAMETERS, "header": header,
        "valid_from": NOW - timedelta(days=1), "valid_until": NOW + timedelta(days=89), "list_commitment": commitment,
        "list_root": b"l" * 32, "checkpoint": b"p" * 32, "counts": counts,
        "model": Model(false_pair_rate=1.5 * 64 * 2.0**-40),
    }  # fmt: skip
    return Manifest(**{**said, **changes})


def signed(statement: Manifest | dict[str, Any], *signers: Signer) -> bytes:
    said = statement.to_statement() if isinstance(statement, Manifest) else statement
    return envelope.sign(said, signers or (SIGNER,))


GOLDEN = Path(__file__).parent / "golden" / "manifest.json"
