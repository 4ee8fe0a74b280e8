"""What of governance and of epochs stands in the transparency log: one leaf for each thing, always the same.

| leaf | kind | sha256 | time |
| an endorsement | `endorsement` | its digest | when the register took it in |
| any other record of a history | `list-change` | its digest | when the register took it in |
| a list version | `list-change` | its root | when it was drawn |
| an epoch | `epoch` | its manifest's digest | from when it is valid |
| a legal basis | `legal-basis` | SHA-256 of its file | from when it is valid |

A constitution is a record of its history. Policies and models have leaves that a key signs: `artefacts`.

A leaf follows from the thing, so a device makes it again and asks for the proof of exactly this leaf. No leaf
holds a hash of a picture: entries stand in it by their salted commitments.
"""

from __future__ import annotations

import hashlib
from typing import Final

from tutela.hashlist.epoch.manifest import Manifest
from tutela.hashlist.governance.records import Record
from tutela.hashlist.governance.statements import Endorsement
from tutela.hashlist.legal_basis import LegalBasis
from tutela.tlog import Leaf, SignedCheckpoint

LIST_VERSION: Final = "tutela-list-version"


def checkpoint_digest(signed: SignedCheckpoint) -> bytes:
    """Return SHA-256 of a checkpoint's text: of no signature, for of those there are many to choose from."""
    return hashlib.sha256(signed.note.text.encode()).digest()


def record_leaf(record: Record) -> Leaf:
    """Return the leaf of a record of a register's history."""
    said = record.leaf()
    digest, kind = said.pop("digest"), "endorsement" if isinstance(record.statement, Endorsement) else ""
    said["record"] = said.pop("kind")
    del said["received"]
    return Leaf(kind or "list-change", digest, record.received, said)


def list_leaf(endorsement: Endorsement) -> Leaf:
    """Return the leaf of the list version that an endorsement names; all endorsements of it give the same."""
    said: dict[str, str | int | bool | list[str]] = {
        "type": LIST_VERSION,
        "number": endorsement.number,
        "size": endorsement.size,
        "category": endorsement.category,
        "constitution": endorsement.constitution.hex(),
    }
    return Leaf("list-change", endorsement.root.hex(), endorsement.drawn, said)


def epoch_leaf(manifest: Manifest) -> Leaf:
    """Return the leaf of an epoch."""
    said: dict[str, str | int | bool | list[str]] = {
        "number": manifest.number,
        "build": manifest.build,
        "category": manifest.category,
        "table_root": manifest.root.hex(),
        "list_root": manifest.list_root.hex(),
    }
    return Leaf("epoch", manifest.digest().hex(), manifest.valid_from, said)


def basis_leaf(basis: LegalBasis, data: bytes) -> Leaf:
    """Return the leaf of a legal basis, from the statement and its file."""
    said: dict[str, str | int | bool | list[str]] = {"jurisdiction": basis.jurisdiction, "scope": basis.scope}
    return Leaf("legal-basis", hashlib.sha256(data).hexdigest(), basis.valid_from, said)
