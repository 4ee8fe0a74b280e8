"""Make the vectors: the private-matching protocol and its audit under fixed secrets."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from tutela.hashlist import Entry, HashList, Provenance
from tutela.hashlist.absence import AbsenceMap
from tutela.oprf import dleq, group, inequality
from tutela.voucher import lawful, masks
from tutela.voucher.audit import prove_table
from tutela.voucher.building import build_table
from tutela.voucher.lawful import LawfulPicture, LawfulSet
from tutela.voucher.opening import Opener
from tutela.voucher.parameters import Parameters
from tutela.voucher.sealing import DeviceSecrets, Picture, Sealer
from tutela.voucher.table import Table, TableHeader, slots_of, token_point
from tutela.voucher.tokens import device_tokens, entry_tokens, least_reliable
from tutela.voucher.wire import Attachment, Enrolment

HERE = Path(__file__).parent
ACCOUNT, DEVICE = "@ann:example.org", "PHONE"
TABLE_ID, SEED = hashlib.sha256(b"table").digest(), hashlib.sha256(b"seed").digest()


def fixed(name: str) -> Callable[[int], bytes]:
    """Return a source of 'randomness' that repeats."""
    state = hashlib.shake_256(name.encode()).digest(1 << 16)
    at = 0

    def draw(count: int) -> bytes:
        nonlocal at
        at += count
        return state[at - count : at]

    return draw


def pdq(number: int) -> bytes:
    return hashlib.sha256(b"picture" + bytes([number])).digest()


def reliability(number: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    ranks = np.frombuffer(hashlib.shake_128(bytes([number])).digest(512), "<u2")
    return ranks.astype(np.float32) / 256


def attachment(number: int) -> Attachment:
    return Attachment(
        bytes([number]) * 32, bytes([number]) * 16, hashlib.sha256(bytes([number])).digest(), f"${number}"
    )


def vectors() -> dict[str, Any]:
    """Return the whole file as plain data."""
    parameters = Parameters("everyday", masks.load("everyday"), threshold=2)
    key = group.reduce_scalar(hashlib.sha512(b"table key").digest())
    listed = [pdq(i) for i in range(4)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.bin"
        tokens = [token for entry in listed for token in entry_tokens(parameters, entry)]
        header = build_table(tokens, key=key, table_id=TABLE_ID, seed=SEED, path=path)
        table = Table.open(path, header)
        file = path.read_bytes()
        secrets = DeviceSecrets.generate(fixed("device"))
        sealer = Sealer(table, parameters, ACCOUNT, DEVICE, secrets, fixed("vouchers"))
        enrolment = Enrolment.parse(sealer.enrolment())
        opener = Opener(header, parameters, key)
        pictures = [Picture(pdq(i), 90, reliability(i), bytes([i]) * (100 + i)) for i in (0, 1, 9)]
        vouchers = [sealer.seal(picture, attachment(i), i) for i, picture in enumerate(pictures)]
        vouchers.append(sealer.seal(None, attachment(3), 3))
        opened = [opener.arrive(voucher, enrolment) for voucher in vouchers]
    first = vouchers[0]
    return {
        "format": "tutela voucher vectors 1",
        "parameters": parameters.to_dict(),
        "tokens": [
            {
                "pdq": entry.hex(),
                "reliability": [float(x) for x in reliability(i)],
                "entry": [token.to_bytes().hex() for token in entry_tokens(parameters, entry)],
                "places": [list(row) for row in least_reliable(parameters, reliability(i))],
                "device": [
                    token.to_bytes().hex() for token in device_tokens(parameters, entry, reliability(i))
                ],
            }
            for i, entry in enumerate(listed[:2])
        ],
        "points": [
            {
                "token": token.to_bytes().hex(),
                "point": token_point(TABLE_ID, token.to_bytes()).hex(),
                "slots": slots_of(
                    token.to_bytes(),
                    seed=header.seed,
                    segments=header.segments,
                    segment_length=header.segment_length,
                ),
            }
            for token in tokens
        ],
        "table": {"key": key.hex(), "header": header.to_dict(), "file": file.hex()},
        "device": {
            "account": ACCOUNT,
            "device": DEVICE,
            "secrets": secrets.to_bytes().hex(),
            "enrolment": sealer.enrolment().hex(),
        },
        "vouchers": [
            {
                "voucher": voucher.hex(),
                "opened": None
                if item is None
                else {
                    "image_key": item.image_key.hex(),
                    "hits": [[hit.mask, hit.x.hex(), hit.share.hex()] for hit in item.hits],
                },
            }
            for voucher, item in zip(vouchers, opened, strict=True)
        ],
        "refused": {
            "one byte short": first[:-1].hex(),
            "one byte long": (first + b"\0").hex(),
            "other version": (b"TV\2" + first[3:]).hex(),
            "other slot": (first[:52] + b"\7" + first[53:]).hex(),
            "other table": (first[:4] + bytes(32) + first[36:]).hex(),
            "other device": (first[:36] + bytes(16) + first[52:]).hex(),
            "changed signature": (first[:-1] + bytes([first[-1] ^ 1])).hex(),
        },
        "refused_points": {
            "identity": bytes(32).hex(),
            "not canonical": "ff" * 32,
            "negative": "01" + "00" * 31,
            "not on the curve": "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371",
        },
    }


def audit_vectors() -> dict[str, Any]:
    """Return vectors/audit.json: proofs about the table of voucher.json, and about a list's exact digests."""
    voucher = vectors()
    header = TableHeader.from_dict(voucher["table"]["header"])
    key, parameters = bytes.fromhex(voucher["table"]["key"]), Parameters.from_dict(voucher["parameters"])
    tokens = [token for i in range(4) for token in entry_tokens(parameters, pdq(i))]
    pairs = [(token_point(TABLE_ID, bytes([i])), i) for i in range(3)]
    joined = [(h, group.multiply(key, h)) for h, _ in pairs]
    apart = [(h, group.multiply_base(group.reduce_scalar(bytes([i + 1]) * 64))) for h, i in pairs]
    chosen = LawfulSet(
        len(parameters.masks),
        parameters.probes,
        tuple(
            LawfulPicture(bytes([i]) * 32, pdq(i), least_reliable(parameters, reliability(i)))
            for i in (20, 21)
        ),
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.bin"
        path.write_bytes(bytes.fromhex(voucher["table"]["file"]))
        table = Table.open(path, header)
        proofs = lawful.prove(chosen, chosen.digest, table, parameters, key=key, random=fixed("lawful"))
    places = AbsenceMap.of(digests())
    return {
        "format": "tutela audit vectors 1",
        "batch": {
            "context": b"vectors".hex(),
            "secret": key.hex(),
            "pairs": [[h.hex(), p.hex()] for h, p in joined],
            "proof": dleq.prove_batch(key, b"vectors", joined, fixed("batch")).to_bytes().hex(),
        },
        "unequal": {
            "context": b"vectors".hex(),
            "pairs": [[h.hex(), w.hex()] for h, w in apart],
            "proof": inequality.prove(key, b"vectors", apart, fixed("unequal")).to_bytes().hex(),
        },
        "table": {
            "tokens": [token.to_bytes().hex() for token in tokens],
            "proof": prove_table(header, tokens, key=key, random=fixed("table")).to_bytes().hex(),
        },
        "lawful": {
            "set": chosen.to_bytes().hex(),
            "digest": chosen.digest.hex(),
            "proofs": proofs.to_bytes().hex(),
        },
        "absence": {
            "commitment": places.commitment().hex(),
            "listed": [entry.sha256.hex() for entry in digests().entries if entry.sha256],
            "kind": "sha256",
            "digest": hashlib.sha256(b"absent").hexdigest(),
            "proof": places.prove("sha256", hashlib.sha256(b"absent").digest(), fixed("absent"))
            .to_bytes()
            .hex(),
        },
    }


def digests() -> HashList:
    """Return a list of five exact digests."""
    origin = Provenance("Example Centre", datetime(2026, 1, 1, tzinfo=UTC), "file 1", "exact")
    entries = (
        Entry(
            id=str(i), scale="tutela-demo", category="A", sha256=hashlib.sha256(bytes([i])).digest(),
            provenance=origin,
        )
        for i in range(5)
    )  # fmt: skip
    return HashList(tuple(entries), hashlib.sha256(b"salt").digest())


if __name__ == "__main__":
    (HERE / "voucher.json").write_text(json.dumps(vectors(), indent=1) + "\n")
    (HERE / "audit.json").write_text(json.dumps(audit_vectors(), indent=1) + "\n")
