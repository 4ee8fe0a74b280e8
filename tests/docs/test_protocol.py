"""docs/PROTOCOL.md is true: its numbers, its layouts, its building rule, computed here from its words."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import os
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tutela.hashlist import HashList, strict_json
from tutela.oprf import group
from tutela.voucher import Parameters, everyday
from tutela.voucher.sealing import DeviceSecrets, Picture, Sealer
from tutela.voucher.table import Table, TableHeader
from tutela.voucher.wire import INNER_BYTES, Attachment, Inner

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "PROTOCOL.md").read_text()
VECTORS = json.loads((ROOT / "vectors" / "voucher.json").read_text())
MANIFEST = json.loads((ROOT / "tests" / "hashlist" / "golden" / "manifest.json").read_text())
HEADER = VECTORS["table"]["header"]
TABLE_ID = bytes.fromhex(HEADER["table_id"])
LENGTH, SEGMENTS = HEADER["segment_length"], HEADER["segments"]


def blake(name: str, data: bytes, size: int = 32, key: bytes = b"") -> bytes:
    return hashlib.blake2b(data, digest_size=size, key=key, person=name.encode().ljust(16, b"\0")).digest()


def tagged(name: str, *parts: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\0" + b"".join(parts)).digest()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_worked_example_is_that_of_the_vectors() -> None:
    tokens, opened = VECTORS["tokens"][0], [row["opened"] for row in VECTORS["vouchers"]]
    device = VECTORS["device"]
    expected = {
        "table key `a`": VECTORS["table"]["key"],
        "public key `A`": HEADER["public_key"],
        "tokens, segments, segment length, slots": f"{HEADER['tokens']}, {SEGMENTS}, {LENGTH}, {(SEGMENTS + 2) * LENGTH}",
        "root": HEADER["root"],
        "PDQ hash of entry 1": tokens["pdq"],
        "its token in mask 0": tokens["entry"][0],
        "`H(y)` of that token": VECTORS["points"][0]["point"],
        "its slots": ", ".join(map(str, VECTORS["points"][0]["slots"])),
        "least reliable places in mask 0": ", ".join(map(str, tokens["places"][0])),
        "tokens 0 to 3 of a picture with that hash": ", ".join(tokens["device"][:4]),
        "account, device": f"{device['account']}, {device['device']}",
        "device tag": VECTORS["vouchers"][0]["voucher"][2 * 36 : 2 * 52],
        "commitment in the enrolment": device["enrolment"][2 * 36 : 2 * 68],
        "image key of voucher 0": opened[0]["image_key"],
        "`x`, share in mask 0 of voucher 0": ", ".join(opened[0]["hits"][0][1:]),
        "`x`, share in mask 0 of voucher 1": ", ".join(opened[1]["hits"][0][1:]),
        "account key": device["secrets"][:32],
    }
    shown = dict(
        re.findall(
            r"^\| (.+?) \| `([^`]+)` \|$", PAGE.split("## Worked example")[1].split("\n## ")[0], re.MULTILINE
        )
    )
    assert shown == expected


@pytest.mark.parametrize("code", blocks("python"))
def test_python_on_the_page_runs(code: str) -> None:
    exec(compile(code, "docs/PROTOCOL.md", "exec"), {})


@pytest.mark.parametrize("text", blocks("json"))
def test_json_on_the_page_reads(text: str) -> None:
    read = json.loads(text)
    assert isinstance(read, dict)


def test_the_manifest_on_the_page_has_every_field() -> None:
    shown = next(json.loads(text) for text in blocks("json") if '"threshold_model"' in text)
    assert _names(shown) == _names(MANIFEST["signed"])


def _names(value: Any) -> Any:
    return {name: _names(item) for name, item in value.items()} if isinstance(value, dict) else type(value)


def test_names_in_the_manifest_follow_the_page() -> None:
    said = MANIFEST["signed"]
    named = {name: said[name] for name in ("number", "build", "category", "list_commitment")}
    canonical = json.dumps(named, sort_keys=True, separators=(",", ":")).encode()
    assert tagged("tutela table id 1", canonical).hex() == said["table_id"]
    for signature in MANIFEST["signatures"]:
        assert len(signature["key_id"]) == 32
    entries: tuple[Any, ...] = ()
    commitment = tagged("tutela list commitment 1", bytes(32), len(entries).to_bytes(8, "big"))
    assert HashList(entries).commitment() == commitment


def test_a_key_id_follows_the_page() -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.from_private_bytes(b"\1" * 32)
    name = tagged("tutela key id 1", private.public_key().public_bytes_raw()).hex()[:32]
    signature = {row["key_id"]: row["signature"] for row in MANIFEST["signatures"]}[name]
    message = b"tutela signed statement 1\0" + strict_json.canonical(MANIFEST["signed"])
    private.public_key().verify(bytes.fromhex(signature), message)


def test_the_list_commitment_of_entries_follows_the_page() -> None:
    from tests.fuzz.seeds import entry

    first = entry()
    canonical = json.dumps(first.to_dict(), sort_keys=True, separators=(",", ":")).encode()
    expected = tagged(
        "tutela list commitment 1", b"s" * 32, (1).to_bytes(8, "big"), hashlib.sha256(canonical).digest()
    )
    assert HashList((first,), b"s" * 32).commitment() == expected


def slots_of(token: bytes, seed: bytes) -> list[int]:
    word = blake("tutela1 slots", token, 16, seed)
    start = (int.from_bytes(word[:8], "little") * SEGMENTS >> 64) * LENGTH
    v = int.from_bytes(word[8:], "little")
    return [start + v % LENGTH, start + LENGTH + (v >> 20) % LENGTH, start + 2 * LENGTH + (v >> 40) % LENGTH]


def peeled(tokens: list[bytes], seed: bytes) -> list[tuple[int, int]] | None:
    """Tokens in the order in which they are taken, each with the slot that it owns."""
    slots = [slots_of(token, seed) for token in tokens]
    left, order = set(range(len(tokens))), []
    while left:
        touched: dict[int, list[int]] = {}
        for token in left:
            for slot in slots[token]:
                touched.setdefault(slot, []).append(token)
        owned: dict[int, int] = {}
        for slot in sorted(touched):
            if len(touched[slot]) == 1:
                owned.setdefault(touched[slot][0], slot)
        if not owned:
            return None
        order += sorted(owned.items())
        left -= set(owned)
    return order


def test_the_table_is_built_again_from_the_page() -> None:
    tokens = sorted({bytes.fromhex(row["token"]) for row in VECTORS["points"]})
    step = 2 ** max(4, math.floor(math.log2(len(tokens))) - 6)
    tokens += [b"\xff" + i.to_bytes(5, "big") for i in range(-len(tokens) % step)]
    given, key = hashlib.sha256(b"seed").digest(), bytes.fromhex(VECTORS["table"]["key"])
    seeds = (blake("tutela1 slotseed", given + c.to_bytes(4, "little")) for c in range(600))
    seed = next(seed for seed in seeds if peeled(tokens, seed) is not None)
    assert seed.hex() == HEADER["seed"]
    order = peeled(tokens, seed)
    assert order is not None
    table: dict[int, bytes] = {}
    for slot in set(range((SEGMENTS + 2) * LENGTH)) - {slot for _, slot in order}:
        point = group.hash_to_group(blake("tutela1 free", slot.to_bytes(8, "little"), 64, TABLE_ID))
        table[slot] = group.multiply(key, point)
    for token, slot in reversed(order):
        rest = group.multiply(key, group.hash_to_group(blake("tutela1 point", tokens[token], 64, TABLE_ID)))
        for other in slots_of(tokens[token], seed):
            rest = rest if other == slot else group.subtract(rest, table[other])
        table[slot] = rest
    file = b"tutelaT1" + len(table).to_bytes(8, "little") + b"".join(table[i] for i in range(len(table)))
    assert file.hex() == VECTORS["table"]["file"]
    assert hashlib.sha256(b"\0" + file[16:]).hexdigest() == HEADER["root"]  # one leaf


def offsets(section: str, title: str) -> list[tuple[int, str]]:
    text = PAGE.split(section)[1].split(title)[1]
    rows = re.findall(
        r"^\| (\d[\d, +Nnm]*) \| ([^|]+) \| (.+) \|$", text.split("\n\n**")[0].split("\n## ")[0], re.MULTILINE
    )
    return [(int(at.replace(",", "")), content) for at, _, content in rows if at.replace(",", "").isdigit()]


def test_inner_has_its_fields_at_the_offsets_of_the_page() -> None:
    marks = {32: b"K" * 32, 16: b"V" * 16}
    attachment = Attachment(marks[32], marks[16], b"H" * 32, "MMM", b"FFF")
    parameters = everyday(8)
    count = len(parameters.masks) * parameters.probes
    places = ((39, 38, 37),) * len(parameters.masks)
    data = Inner(1, 77, b"S" * 32, b"P" * 32, places, attachment, b"DDD").to_bytes()
    found = {
        "version": data.index(b"\1"), "seed": data.index(b"S" * 32), "PDQ hash": data.index(b"P" * 32),
        "places": data.index(bytes((39, 38, 37))), "the attachment": data.index(b"K" * 32),
        "its first counter": data.index(b"V" * 16), "SHA-256": data.index(b"H" * 32),
        "u16 length, the messenger": data.index(b"MMM") - 2, "u16 length, franking": data.index(b"FFF") - 2,
        "u16 length, small grey": data.index(b"DDD") - 2,
    }  # fmt: skip
    table = offsets("## Voucher", "**Inner**")
    for words, at in found.items():
        assert [place for place, content in table if content.startswith(words)] == [at], words
    assert data[2] == 77
    assert data[3] == count
    assert table[-1][0] + 38 == INNER_BYTES == len(data) == 3168
    assert not any(data[table[-1][0] :])


def test_sizes_on_the_page() -> None:
    parameters = everyday(8)
    assert parameters.tokens == 64
    assert parameters.voucher_bytes == 8540 == 92 + 81 * 64 + 3200 + 64
    assert "3,292 + 81 N" in PAGE
    row = f"| `masks` | `T` lists of 40 distinct bit positions, 0 to 255 | {len(parameters.masks)} masks |"
    assert row in PAGE
    assert (parameters.probes, parameters.hits, parameters.minimum_quality) == (3, 1, 50)


def test_every_hashing_name_of_the_code_stands_on_the_page() -> None:
    from tutela.hashlist import absence
    from tutela.oprf import dleq, inequality
    from tutela.voucher import hashing

    used = {
        value.decode()
        for module in (hashing, dleq, inequality, absence)
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, bytes) and value.startswith(b"tutela1 ")
    }
    shown = set(re.findall(r"^\| `(tutela1 [a-z]+)` \|", PAGE, re.MULTILINE))
    assert shown == used


PRIME = 2**128 - 159


def at_zero(points: list[tuple[int, int]]) -> int:
    total = 0
    for x, y in points:
        term = y
        for other, _ in points:
            if other != x:
                term = term * other * pow(other - x, -1, PRIME) % PRIME
        total += term
    return total % PRIME


def xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


@pytest.mark.parametrize("hits", [1, 2])
def test_a_voucher_is_opened_by_the_words_of_the_page(hits: int, tmp_path: Path) -> None:
    """Arrive and recover, without a line of `tutela.voucher` on the opening side."""
    parameters = replace(Parameters.from_dict(VECTORS["parameters"]), hits=hits)
    (tmp_path / "table.bin").write_bytes(bytes.fromhex(VECTORS["table"]["file"]))
    table = Table.open(tmp_path / "table.bin", TableHeader.from_dict(HEADER))
    secrets = DeviceSecrets.generate(os.urandom)
    sealer = Sealer(table, parameters, "@ann:example.org", "PHONE", secrets, os.urandom)
    key, shares = bytes.fromhex(VECTORS["table"]["key"]), {}
    for number, row in enumerate(VECTORS["tokens"][:2]):
        ranks = np.array(row["reliability"], np.float32)
        picture = Picture(bytes.fromhex(row["pdq"]), 90, ranks, b"small")
        data = sealer.seal(picture, Attachment(bytes(32), bytes(16), bytes(32)), number)
        names = b"".join(
            len(n).to_bytes(4, "little") + n for n in (b"voucher", b"@ann:example.org", b"PHONE")
        )
        context = blake("tutela1 context", names + TABLE_ID + data[52:60] + data[60:92])
        wraps = []
        for place in range(64):
            sent = data[92 + 81 * place : 92 + 81 * (place + 1)]
            shared = group.multiply(key, sent[:32])
            pad = blake("tutela1 pad", sent[:32] + context + bytes([place]), 49, shared)
            wraps.append((shared, xor(sent[32:], pad)))
        image_key = next(
            candidate
            for chosen in itertools.combinations(wraps, hits)
            if len({wrap[:8] for _, wrap in chosen}) == 1 and len({wrap[8] for _, wrap in chosen}) == hits
            for candidate in [
                at_zero([(w[8] + 1, int.from_bytes(w[9:25], "little")) for _, w in chosen]).to_bytes(
                    16, "little"
                )
            ]
            if blake("tutela1 com", candidate) == data[60:92]
        )
        for shared, wrap in wraps:
            z = xor(wrap[25:], blake("tutela1 share", shared + context, 24, image_key))
            if wrap[8] == 0 and wrap[:8] == _common(wraps):
                shares[int.from_bytes(z[:8], "little")] = int.from_bytes(z[8:], "little")
    assert len(shares) == 2
    assert at_zero(list(shares.items())).to_bytes(16, "little") == secrets.account_key


def _common(wraps: list[tuple[bytes, bytes]]) -> bytes:
    """Return the `w` that the wraps of a match share: noise repeats nothing."""
    return Counter(wrap[:8] for _, wrap in wraps).most_common(1)[0][0]
