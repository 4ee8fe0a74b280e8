"""Epochs: the table that devices load for a time, its signed manifest, and when it is refused."""

from __future__ import annotations

from tutela.hashlist.epoch.building import Plan, build_epoch, build_with_new_key
from tutela.hashlist.epoch.errors import (
    CannotBuild,
    EpochExists,
    EpochRefused,
    Equivocation,
    Expired,
    NotYetValid,
    Older,
    OtherCategory,
    OtherProfile,
    SameTableKey,
    Tampered,
    TooLong,
    UnknownSigner,
    UnknownVersion,
    WeakThreshold,
)
from tutela.hashlist.epoch.manifest import Manifest, Sizes, table_id
from tutela.hashlist.epoch.selection import Counts, common_tokens
from tutela.hashlist.epoch.threshold import Model, choose, false_opening
from tutela.hashlist.epoch.verification import MANIFEST_FILE, PROOF_FILE, TABLE_FILE, open_table, read, verify
from tutela.hashlist.trust import Signer, Trust, TrustedKey

__all__ = [
    "MANIFEST_FILE",
    "PROOF_FILE",
    "TABLE_FILE",
    "CannotBuild",
    "Counts",
    "EpochExists",
    "EpochRefused",
    "Equivocation",
    "Expired",
    "Manifest",
    "Model",
    "NotYetValid",
    "Older",
    "OtherCategory",
    "OtherProfile",
    "Plan",
    "SameTableKey",
    "Signer",
    "Sizes",
    "Tampered",
    "TooLong",
    "Trust",
    "TrustedKey",
    "UnknownSigner",
    "UnknownVersion",
    "WeakThreshold",
    "build_epoch",
    "build_with_new_key",
    "choose",
    "common_tokens",
    "false_opening",
    "open_table",
    "read",
    "table_id",
    "verify",
]
