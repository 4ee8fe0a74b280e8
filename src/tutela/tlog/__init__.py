"""An append-only log that anyone can check, in the formats of C2SP: what devices are given, in the open.

`tree` (RFC 9162), `note`, `checkpoint`, `cosignature`, `policy`, `proof`, `tiles` and `leaves` are formats;
`verification` is what a device does offline; `witness` is the protocol core of a witness, without I/O;
`log`, `witness_store`, `client` and `serving` are the shells around them.

What this does NOT protect: a log shows what was published, to everyone the same. It does not say that it is
right. A quorum of witnesses that collude with the log can show a device another history.
"""

from __future__ import annotations

from tutela.tlog.checkpoint import Checkpoint, SignedCheckpoint
from tutela.tlog.evidence import Evidence
from tutela.tlog.leaves import Leaf
from tutela.tlog.note import COSIGNATURE_ED25519, ED25519, Ed25519Signer, Signer, VerifierKey
from tutela.tlog.policy import Policy
from tutela.tlog.proof import Proof
from tutela.tlog.verification import Verified, verify_checkpoint, verify_offline

__all__ = [
    "COSIGNATURE_ED25519",
    "ED25519",
    "Checkpoint",
    "Ed25519Signer",
    "Evidence",
    "Leaf",
    "Policy",
    "Proof",
    "SignedCheckpoint",
    "Signer",
    "Verified",
    "VerifierKey",
    "verify_checkpoint",
    "verify_offline",
]
