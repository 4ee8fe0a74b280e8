"""Every parser of bytes that come from outside, as `name -> (function, seeds)`.

A function takes any bytes. It may raise `TutelaError` and its subclasses, and nothing else; where it returns,
it has also checked that what was read can be written and read again.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.fuzz import distribution, django_ready, logs, published, seeds

from tutela import audit, fingerprint
from tutela.audit import lines as audit_lines
from tutela.cybertip import documents
from tutela.cybertip.errors import DocumentError
from tutela.errors import TutelaError
from tutela.guard import status as guard_status
from tutela.guard.store import Store
from tutela.hashlist import HashList, Labels, Provenance, absence, envelope, legal_basis, strict_json
from tutela.hashlist.epoch import verify as verify_manifest
from tutela.hashlist.formats import plain, table
from tutela.hashlist.trust import Trust
from tutela.homeserver.delivery import parse_answer
from tutela.hub import multipart, reading
from tutela.hub.routing.ranges import Ranges
from tutela.hub.routing.rules import Rules
from tutela.messenger.attachments import FileKey
from tutela.messenger.outgoing import Outgoing
from tutela.oprf import group
from tutela.provider import config, requests
from tutela.sealed import keyfile, stream
from tutela.voucher import lawful
from tutela.voucher.audit import TableProof
from tutela.voucher.opening import Opened, Opener
from tutela.voucher.parameters import Parameters
from tutela.voucher.table import TableHeader
from tutela.voucher.wire import Enrolment, Inner

assert django_ready.READY
NOW = datetime(2026, 2, 1, tzinfo=UTC)
TINY = fingerprint.Limits(bytes=1 << 20, pixels=1 << 18)
SCRATCH = Path(tempfile.mkdtemp(prefix="tutela-fuzz-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))


@dataclass(frozen=True, slots=True)
class Target:
    """A parser and what to begin from.

    Attributes:
        run: raises nothing but `TutelaError`.
        seeds: makes valid inputs, and a few near them.
        longest: bytes of an input.
    """

    run: Callable[[bytes], object]
    seeds: Callable[[], tuple[bytes, ...]]
    longest: int = 4096


def _signed(data: bytes) -> bytes:
    return data + Ed25519PrivateKey.from_private_bytes(seeds.SECRETS.identity).sign(data)


def enrolment(data: bytes) -> None:
    parsed = Enrolment.parse(data)
    assert parsed.unsigned() + data[-64:] == data


def signed_enrolment(data: bytes) -> None:
    """Names and lengths, behind a signature that always fits."""
    body = data[:68] + seeds.SECRETS.public_identity() + data[100:-64]
    enrolment(_signed(body))


_HEADER = TableHeader(
    seeds.TABLE_ID, group.multiply_base(b"\7" + bytes(31)), 16, 4, 8, b"s" * 32, b"r" * 32
)  # fmt: skip
_OPENER = Opener(_HEADER, seeds.SMALL, b"\7" + bytes(31))


def voucher(data: bytes) -> None:
    """Arrival at the provider; the signature always fits."""
    size = seeds.SMALL.voucher_bytes - 64
    _OPENER.arrive(_signed(data[:size].ljust(size, b"\0")), Enrolment.parse(seeds.enrolments()[0]))


def inner(data: bytes) -> None:
    parsed = Inner.from_bytes(data, seeds.SMALL)
    assert Inner.from_bytes(parsed.to_bytes(), seeds.SMALL) == parsed


def opened(data: bytes) -> None:
    parsed = Opened.from_bytes(data)
    assert Opened.from_bytes(parsed.to_bytes()) == parsed


def parameters(data: bytes) -> None:
    for kind in (Parameters, TableHeader):
        try:
            read = kind.from_dict(strict_json.read(data))
        except TutelaError:
            continue
        assert kind.from_dict(read.to_dict()) == read


def manifest(data: bytes) -> None:
    verify_manifest(data, seeds.TRUST, NOW)


def statement(data: bytes) -> None:
    """What a trusted key might sign by mistake: everything behind the signature."""
    manifest(_as_signed(data))


def basis(data: bytes) -> None:
    legal_basis.check(data, "XN", seeds.TRUST, NOW)


def signed_basis(data: bytes) -> None:
    basis(_as_signed(data))


def _as_signed(data: bytes) -> bytes:
    value = strict_json.read(data)
    return envelope.sign(value, [seeds.SIGNER]) if isinstance(value, dict) else data


def trust(data: bytes) -> None:
    read = Trust.from_dict(strict_json.read(data))
    assert Trust.from_dict(read.to_dict()) == read


def _file(data: bytes) -> Path:
    path = SCRATCH / f"{os.getpid()}.list"
    path.write_bytes(data)
    return path


def plain_list(data: bytes) -> None:
    numbers = iter(range(10**9))
    labels = Labels("tutela-demo", "A", Provenance("fuzz", NOW), lambda: str(next(numbers)))
    plain.load(_file(data), labels)


def csv_list(data: bytes) -> None:
    entries = table.load(_file(data))
    copy = SCRATCH / f"{os.getpid()}.csv"
    table.save(copy, entries)
    assert table.load(copy) == entries


def jsonl_list(data: bytes) -> None:
    read = HashList.load(_file(data))
    copy = SCRATCH / f"{os.getpid()}.jsonl"
    read.save(copy)
    assert HashList.load(copy) == read


def picture(data: bytes) -> None:
    for path in ("auto", "exact", "fast"):
        try:
            found = fingerprint.fingerprint(data, path=path, limits=TINY)  # type: ignore[arg-type]
        except fingerprint.FingerprintError:
            continue
        assert len(found.pdq) == 32
    assert len(fingerprint.derivative(data)) <= 2400


def report(data: bytes) -> None:
    read = documents.parse_report(data)
    documents.canonical(data)
    reading.summary(read)
    reading.facts(read)
    _again(read, documents.parse_report)


def file_details(data: bytes) -> None:
    _again(documents.parse_file_details(data), documents.parse_file_details)


def response(data: bytes) -> None:
    documents.parse_response(data)


def _again(read: Any, parse: Callable[[bytes], Any]) -> None:
    """Write what was read, unless it held something that only its sender's schema knows."""
    if read.warnings:
        return
    try:
        written = documents.to_xml(read)
    except DocumentError:
        return
    assert parse(written) == read


def form(data: bytes) -> None:
    """A form in pieces of a few bytes, as a slow connection brings it."""
    for step in (1, 7, 1 << 20):
        parts = multipart.Multipart(_Slow(data, step), seeds.BOUNDARY)
        while (part := parts.next_part()) is not None:
            while part.read(5):
                pass


class _Slow(io.BytesIO):
    def __init__(self, data: bytes, step: int) -> None:
        super().__init__(data)
        self._step = step

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(self._step, size if size and size > 0 else self._step))


def content_type(data: bytes) -> None:
    multipart.boundary_of(data.decode("latin-1"))


def sealed_stream(data: bytes) -> None:
    stream.open_stream(io.BytesIO(data), io.BytesIO(), seeds.PRIVATE)


def key_file(data: bytes) -> None:
    """The cost is held low, so that a guess takes milliseconds."""
    cheap = data[:8] + bytes([min(data[8], 12)]) + data[9:] if len(data) > 8 else data
    keyfile.unseal(cheap, seeds.PASSPHRASE)


def receipts(data: bytes) -> None:
    """What a homeserver says of a device's sets: never an error, whatever it is."""
    value = _json_or_none(data)
    if isinstance(value, dict):
        guard_status.note_receipts(_STORE, value, 0)


_STORE = Store.memory()


def _json_or_none(data: bytes) -> Any:
    """Return what the messenger's own reader would hand on."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def audit_line(data: bytes) -> None:
    read = audit_lines.load(data)
    assert audit_lines.load(audit_lines.dump(read)) == read


def audit_lines_of() -> tuple[bytes, ...]:
    record = audit.append(None, "worker", "case.opened", "case/1", NOW, {"state": "x", "n": 3})
    return (audit_lines.dump(record),)


def routing_rules(data: bytes) -> None:
    Rules.parse(data)


def address_ranges(data: bytes) -> None:
    Ranges.parse(data.decode("utf-8", "replace").splitlines())


def file_key(data: bytes) -> None:
    value = _json_or_none(data)
    if isinstance(value, dict):
        FileKey.from_dict(value)


def file_keys() -> tuple[bytes, ...]:
    return (json.dumps(FileKey(b"k" * 32, b"v" * 16, b"h" * 32).to_dict("mxc://example.org/a")).encode(),)


def held_file(data: bytes) -> None:
    read = Outgoing.from_bytes(data)
    assert Outgoing.from_bytes(read.to_bytes()) == read


def held_files() -> tuple[bytes, ...]:
    key = FileKey(b"k" * 32, b"v" * 16, b"h" * 32)
    return (Outgoing("!room:example.org", "a.jpg", "image/jpeg", key, b"voucher", b"ciphertext").to_bytes(),)


def intake(data: bytes) -> None:
    """What the homeserver posts."""
    for read in (requests.read_enrolment, requests.read_delivery):
        with contextlib.suppress(TutelaError):
            read(data)


def provider_answer(data: bytes) -> None:
    """What a provider, or a proxy before it, answers to the homeserver: whatever it is, it can be stored."""
    answer = parse_answer(data)
    if answer is not None:
        (answer.code + answer.message).encode()


def provider_config(data: bytes) -> None:
    value = _json_or_none(data)
    if isinstance(value, dict):
        config.Config.from_dict(value)


def table_proof(data: bytes) -> None:
    assert TableProof.from_bytes(data).to_bytes() == data


def lawful_set(data: bytes) -> None:
    assert lawful.LawfulSet.from_bytes(data).to_bytes() == data


def lawful_proofs(data: bytes) -> None:
    assert lawful.LawfulProofs.from_bytes(data).to_bytes() == data


def absence_proof(data: bytes) -> None:
    """Read, and checked as an asker would: the seed's digest is the only one that may pass."""
    read = absence.AbsenceProof.from_bytes(data)
    assert read.to_bytes() == data
    absence.verify(read, seeds.ABSENCE_COMMITMENT, "sha256", seeds.ABSENT)
    assert data in seeds.absence_proofs()


def opened_seeds() -> tuple[bytes, ...]:
    return (bytes(24), bytes(24 + 25))


TARGETS: Mapping[str, Target] = {
    "enrolment": Target(enrolment, seeds.enrolments, 1100),
    "enrolment-signed": Target(signed_enrolment, seeds.enrolments, 1100),
    "voucher": Target(voucher, seeds.vouchers, 4096),
    "inner": Target(inner, seeds.inners, 3300),
    "opened": Target(opened, opened_seeds, 300),
    "table-proof": Target(table_proof, seeds.table_proofs, 200),
    "lawful-set": Target(lawful_set, seeds.lawful_sets, 1024),
    "lawful-proofs": Target(lawful_proofs, seeds.lawful_proofs, 8192),
    "absence-proof": Target(absence_proof, seeds.absence_proofs, 1600),
    "parameters": Target(parameters, seeds.parameters),
    "manifest": Target(manifest, seeds.manifests, 8192),
    "manifest-signed": Target(statement, seeds.statements, 8192),
    "legal-basis": Target(basis, seeds.signed_legal_bases, 2048),
    "legal-basis-signed": Target(signed_basis, seeds.legal_bases, 2048),
    "trust": Target(trust, seeds.trusts, 2048),
    "list-plain": Target(plain_list, seeds.plain_lists),
    "list-csv": Target(csv_list, seeds.csv_lists),
    "list-jsonl": Target(jsonl_list, seeds.jsonl_lists),
    "picture": Target(picture, seeds.pictures, 1 << 15),
    "report": Target(report, seeds.reports),
    "file-details": Target(file_details, seeds.file_details),
    "response": Target(response, seeds.responses),
    "form": Target(form, seeds.forms),
    "content-type": Target(content_type, seeds.content_types, 512),
    "sealed-stream": Target(sealed_stream, seeds.sealed_streams, 1 << 17),
    "key-file": Target(key_file, seeds.key_files, 1024),
    "receipts": Target(receipts, seeds.receipts),
    "intake": Target(intake, seeds.intakes, 4096),
    "provider-answer": Target(provider_answer, seeds.provider_answers, 2048),
    "provider-config": Target(provider_config, seeds.provider_configs),
    "audit-line": Target(audit_line, audit_lines_of, 2048),
    "routing-rules": Target(routing_rules, seeds.rules),
    "address-ranges": Target(address_ranges, seeds.ranges),
    "file-key": Target(file_key, file_keys, 2048),
    "held-file": Target(held_file, held_files, 2048),
    **{
        name: Target(*row)
        for rows in (logs.PARSERS, published.PARSERS, distribution.PARSERS)
        for name, row in rows.items()
    },
}
