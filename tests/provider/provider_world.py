"""A small world around the provider: pictures, a list, an epoch, devices, a homeserver and a centre.

The listed pictures are generated patterns; nothing of them means anything.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from PIL import Image

from trust_world import World as TrustWorld
from tutela.cybertip.memory import MemoryStorage
from tutela.cybertip.server import Ispws, Received, unauthenticated
from tutela.fingerprint import fingerprint_and_derivative
from tutela.hashlist import Entry, HashList, Provenance, clustered
from tutela.hashlist.epoch import Model, build_epoch
from tutela.hashlist.legal_basis import LegalBasis, file_name, make
from tutela.hashlist.trust import Signer, TrustedKey
from tutela.oprf import group
from tutela.provider.config import Config, Secrets, save
from tutela.sealed import keyfile
from tutela.voucher import everyday
from tutela.voucher.sealing import DeviceSecrets, Picture, Sealer
from tutela.voucher.table import Table
from tutela.voucher.wire import Attachment

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
START = datetime(2026, 3, 1, tzinfo=UTC)
END = datetime(2026, 6, 1, tzinfo=UTC)
PASSPHRASE = "a long passphrase for tests"
HUB_USER, HUB_PASSWORD = "example-messenger", "hub password"
MEDIA_TOKEN = "media token"
ACCOUNT = "@ole:example.org"
LISTED = 6


def pattern(seed: int, *, quality: int = 90, size: tuple[int, int] = (400, 300)) -> bytes:
    """Return a JPEG of soft coloured blobs: as rich in structure as a photograph, and of nothing."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 255, (14, 18, 3), dtype=np.uint8))
    stream = io.BytesIO()
    small.resize(size, Image.Resampling.BICUBIC).save(stream, "JPEG", quality=quality)
    return stream.getvalue()


@dataclass(frozen=True)
class World:
    """An epoch of `LISTED` patterns with threshold 3, and the files that a provider needs."""

    folder: Path
    pictures: tuple[bytes, ...]
    hash_list: HashList
    table: Table
    signer: Signer
    trust: TrustWorld

    @property
    def epoch(self) -> Path:
        return self.folder / "epoch"

    def config(self, **changes: Any) -> Config:
        return Config(**{
            "jurisdiction": "XX",
            "organisation": "Example Messenger",
            "contact_email": "safety@example.org",
            "epoch": str(self.epoch),
            "hash_list": str(self.folder / "list.jsonl"),
            "table_key": str(self.folder / "table.key"),
            "trust": str(self.folder / "trust.json"),
            "passphrase_file": str(self.folder / "passphrase"),
            "hub": "http://127.0.0.1:9/ispws",
            "hub_user": HUB_USER,
            "homeserver": "http://127.0.0.1:8",
            **changes,
        })  # fmt: skip

    def renew_proofs(self, now: datetime) -> None:
        """Let the witnesses look again: devices and providers admit what was seen within a day."""
        self.trust.now = now
        self.trust.refresh(self.epoch)

    def install(self, state: Path, **changes: Any) -> None:
        save(state, self.config(**changes), Secrets(bytes(range(32)), HUB_PASSWORD, MEDIA_TOKEN))


def build_world(
    folder: Path,
    *,
    start: datetime = START,
    end: datetime = END,
    now: datetime | None = None,
    number: int = 7,
) -> World:
    """Build the list and its epoch, published at `now`, which is the start by default; about a second."""
    now = now or start
    pictures = tuple(pattern(100 + i) for i in range(LISTED))
    entries = clustered([_entry(i, data) for i, data in enumerate(pictures)])
    hash_list = HashList(tuple(entries), bytes(range(32)))
    hash_list.save(folder / "list.jsonl")
    signer, key = Signer(bytes(range(1, 33))), group.random_scalar()
    keyfile.save(folder / "table.key", key, PASSPHRASE, cost=12)
    (folder / "passphrase").write_text(PASSPHRASE + "\n")
    trust = TrustWorld(now)
    trust.trust(TrustedKey("Example authority", signer.public_key)).save(folder / "trust.json")
    plan = trust.plan(number, start, end, model=Model(burst=2, target=1e-9))
    manifest = build_epoch(hash_list, everyday(), plan, key=key, signers=[signer], out_dir=folder / "epoch")
    assert manifest.threshold == 3
    basis = LegalBasis("XX", "Example Act 2026, section 1", start, end, bytes(32))
    (folder / "epoch" / file_name("XX")).write_bytes(make(basis, signer))
    trust.publish(folder / "epoch")
    table = Table.open(folder / "epoch" / "table.bin", manifest.header)
    return World(folder, pictures, hash_list, table, signer, trust)


def _entry(index: int, data: bytes) -> Entry:
    digests, _ = fingerprint_and_derivative(data)
    return Entry(
        id=f"entry-{index}", scale="tutela-demo", category="A", pdq=digests.pdq, quality=digests.quality,
        provenance=Provenance("Example authority", START, path="fast"),
    )  # fmt: skip


@dataclass
class Media:
    """The homeserver's media route."""

    blobs: dict[str, bytes] = field(default_factory=dict)
    status: int = 200
    asked: int = 0

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if request.headers.get("Authorization") != f"Bearer {MEDIA_TOKEN}":
            return httpx.Response(401)
        blob = self.blobs.get(request.url.path.rsplit("/", 1)[1])
        if self.status != 200 or blob is None:
            return httpx.Response(404 if self.status == 200 else self.status)
        return httpx.Response(200, content=blob)


@dataclass
class Device:
    """An honest device with the guard; `lie` makes it encrypt another picture than it describes."""

    world: World
    media: Media
    account: str = ACCOUNT
    name: str = "DEVICE1"
    slot: int = 0
    secrets: DeviceSecrets = field(default_factory=lambda: DeviceSecrets.generate(os.urandom))

    @property
    def sealer(self) -> Sealer:
        parameters = everyday(3)
        return Sealer(self.world.table, parameters, self.account, self.name, self.secrets, os.urandom)

    def enrolment(self) -> bytes:
        return self.sealer.enrolment()

    def renew(self) -> None:
        self.secrets = self.secrets.rotated(os.urandom)

    def send(self, picture: bytes | None, *, lie: bytes | None = None, slot: int | None = None) -> bytes:
        """Upload a picture (or a file that is none) and return its voucher."""
        data = lie or picture or b"a document"
        key, iv = os.urandom(32), os.urandom(8) + bytes(8)
        context = Cipher(algorithms.AES(key), modes.CTR(iv)).encryptor()
        ciphertext = context.update(data) + context.finalize()
        digest = hashlib.sha256(ciphertext).digest()
        self.media.blobs[digest.hex()] = ciphertext
        if slot is None:
            slot, self.slot = self.slot, self.slot + 1
        return self.sealer.seal(describe(picture), Attachment(key, iv, digest, "$event"), slot)


def describe(picture: bytes | None) -> Picture | None:
    if picture is None:
        return None
    digests, derivative = fingerprint_and_derivative(picture)
    return Picture(digests.pdq, digests.quality, digests.reliability, derivative)


@dataclass
class Hub:
    """The national centre's wire, in memory. `fail` is called before each request and may raise or answer."""

    storage: MemoryStorage = field(default_factory=MemoryStorage)
    files: dict[str, bytes] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    fail: Callable[[str], httpx.Response | None] = lambda _: None
    now: datetime = NOW

    def __post_init__(self) -> None:
        self.ispws = Ispws(self.storage, clock=lambda: self.now, random=os.urandom)

    def finished(self) -> list[int]:
        return [r.report_id for r in self.storage.reports() if r.state == "finished"]

    def answer(self, request: httpx.Request) -> httpx.Response:
        call = request.url.path.rsplit("/", 1)[1]
        self.calls.append(call)
        refused = self.fail(call)
        if refused is not None:
            return refused
        got = unauthenticated() if not _signed_in(request) else self._route(call, request)
        return httpx.Response(got.status, content=got.body, headers=dict(got.headers))

    def _route(self, call: str, request: httpx.Request) -> Any:
        body = request.read()
        if call == "submit":
            return self.ispws.submit(HUB_USER, body, idempotency_key=request.headers.get("Idempotency-Key"))
        if call == "fileinfo":
            return self.ispws.file_info(HUB_USER, body)
        if call == "upload":
            report_id, name, data = _multipart(request.headers["Content-Type"], body)
            received = Received(
                name=name, size=len(data), md5=hashlib.md5(data).digest(),
                sha256=hashlib.sha256(data).digest(), handle=name,
            )  # fmt: skip
            got = self.ispws.upload(HUB_USER, report_id, received)
            if got.file_id:
                self.files[got.file_id] = data
            return got
        report_id = body.decode().partition("id=")[2]
        return {"finish": self.ispws.finish, "retract": self.ispws.retract}[call](HUB_USER, report_id)


def _signed_in(request: httpx.Request) -> bool:
    return request.headers.get("Authorization") == httpx.BasicAuth(HUB_USER, HUB_PASSWORD)._auth_header


def _multipart(content_type: str, body: bytes) -> tuple[str, str, bytes]:
    from email.parser import BytesParser

    message = BytesParser().parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    parts = {part.get_param("name", header="Content-Disposition"): part for part in message.get_payload()}
    file = parts["file"]
    return parts["id"].get_payload().strip(), file.get_filename() or "", file.get_payload(decode=True)


def http_to(hub: Hub, media: Media) -> Callable[[], httpx.Client]:
    """Return the factory of a client that reaches both without a socket."""

    def answer(request: httpx.Request) -> httpx.Response:
        return (hub if "/ispws/" in request.url.path else media).answer(request)

    return lambda: httpx.Client(transport=httpx.MockTransport(answer))


def as_json(value: bytes) -> Any:
    return json.loads(value)


WEEK = timedelta(days=7)
