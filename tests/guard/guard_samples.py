"""Generated patterns instead of photographs, a small endorsed epoch, and a clock that tests turn."""

from __future__ import annotations

import hashlib
import io
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from trust_world import World
from tutela.fingerprint import fingerprint
from tutela.guard.core import Guard, Policy
from tutela.guard.keys import MemoryKeys
from tutela.guard.store import Store
from tutela.hashlist import Entry, HashList, Provenance, clustered
from tutela.hashlist.epoch import Model, Signer, TrustedKey, build_epoch
from tutela.hashlist.legal_basis import LegalBasis, file_name, make
from tutela.oprf import group
from tutela.voucher import Parameters, everyday
from tutela.voucher.wire import Attachment

START = datetime(2026, 11, 1, 12, tzinfo=UTC)
SIGNER, STRANGER = Signer(b"\1" * 32), Signer(b"\2" * 32)
WORLD = World(START - timedelta(hours=2))
WORLD.now = START
TRUST = WORLD.trust(TrustedKey("Example Centre", SIGNER.public_key))
ANNA = "@anna:lab.example.org"
ON = Policy("XX", provider_alerts=True)


def pattern(seed: int, size: tuple[int, int] = (320, 240), quality: int = 88) -> bytes:
    """A smooth coloured pattern with enough detail for a hash of quality, as a JPEG."""
    noise = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), np.uint8)
    image = Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(1))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()


def attachment(name: bytes = b"") -> Attachment:
    name = name or os.urandom(8)
    return Attachment(b"k" * 32, b"i" * 16, hashlib.sha256(name).digest(), "$event")


def hash_list(pictures: list[bytes]) -> HashList:
    origin = Provenance(source="example.org collection", added=START, note="", path="exact")
    entries = [
        Entry(
            id=f"e{number}", scale="tutela-demo", category="A", pdq=fingerprint(data).pdq, sha256=None, md5=None,
            quality=90, cluster="", provenance=origin,
        )
        for number, data in enumerate(pictures)
    ]  # fmt: skip
    return HashList(clustered(entries), b"s" * 32)


def build(
    folder: Path,
    pictures: list[bytes],
    *,
    number: int = 1,
    key: bytes | None = None,
    start: datetime = START,
    days: int = 60,
    signer: Signer = SIGNER,
    basis: str = "XX",
    basis_days: int = 60,
    parameters: Parameters | None = None,
    model: Model | None = None,
) -> tuple[Path, bytes]:
    key = key or group.random_scalar()
    plan = WORLD.plan(
        number, start - timedelta(hours=1), start + timedelta(days=days), model=model or Model()
    )
    profile = parameters or everyday()
    build_epoch(hash_list(pictures), profile, plan, key=key, signers=[signer], out_dir=folder)
    if basis:
        law = LegalBasis(
            basis,
            "Example Act, section 1",
            START - timedelta(days=9),
            START + timedelta(days=basis_days),
            b"p" * 32,
        )
        (folder / file_name(basis)).write_bytes(make(law, SIGNER))
    WORLD.publish(folder)
    return folder, key


def publish_as_of(folder: Path, now: datetime) -> None:
    """Renew an epoch's proofs at another time of the witnesses."""
    before, WORLD.now = WORLD.now, now
    try:
        WORLD.refresh(folder)
    finally:
        WORLD.now = before


@dataclass
class Clock:
    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **time: float) -> None:
        self.now += timedelta(**time)


def guard(
    policy: Policy = ON,
    *,
    store: Store | None = None,
    keys: MemoryKeys | None = None,
    clock: Clock | None = None,
    device: str = "PHONE",
) -> Guard:
    return Guard(
        ANNA, device, policy, store=store or Store.memory(), keys=keys or MemoryKeys(), clock=clock or Clock()
    )
