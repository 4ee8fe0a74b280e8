"""What a register, an epoch's folder, a device's held file and a release bring: parsers and small valid inputs."""

from __future__ import annotations

import functools
import io
import json
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.fuzz import seeds
from tests.trust_world import World, few_entries

from tutela.hashlist import governance, legal_basis, strict_json
from tutela.hashlist.epoch import build_epoch
from tutela.hashlist.epoch.admission import Chain, Pins, attest_folder, read_chain
from tutela.hashlist.epoch.holding import Held, HeldEpoch
from tutela.hashlist.governance import (
    Constitution,
    Endorsements,
    publication,
    read_constitution,
    statements,
    verify,
    verify_list,
)
from tutela.hashlist.trust import Trust, TrustedKey
from tutela.register import book, signing
from tutela.release import archives, builds, sbom, sums
from tutela.tlog import Ed25519Signer, note
from tutela.voucher import everyday

NOW = datetime(2026, 2, 1, tzinfo=UTC)
RELEASE_SIGNER = Ed25519Signer("example.org/release", b"\3" * 32)


def constitution(data: bytes) -> None:
    read_constitution(data, seeds.constitution().digest)


def constitution_unsigned(data: bytes) -> None:
    read = Constitution.from_dict(strict_json.read(data))
    assert Constitution.from_dict(read.to_dict()) == read


def constitutions_unsigned() -> tuple[bytes, ...]:
    return (json.dumps(seeds.constitution().to_dict()).encode(),)


def governance_statement(data: bytes) -> None:
    verify(data, seeds.constitution().directory)


def governance_unsigned(data: bytes) -> None:
    """What an organisation might sign by mistake."""
    read = statements.from_dict(strict_json.read(data))
    assert statements.from_dict(read.to_dict()) == read


def endorsements(data: bytes) -> None:
    read = Endorsements.parse(data)
    assert Endorsements.parse(read.to_bytes()) == read
    root = seeds.published().root
    read.verify(root, "child-sexual-exploitation-and-abuse", NOW, seeds.constitution())


def governance_history(data: bytes) -> None:
    files = {**seeds.published().files, "history.jsonl": data}
    verify_list(files, seeds.constitution().digest, NOW)


def commitments(data: bytes) -> None:
    publication.read_commitments(data)


def chains() -> tuple[bytes, ...]:
    return (Chain(seeds.constitutions()).to_bytes(),)


def chain(data: bytes) -> None:
    read_chain(data, seeds.constitution().digest)
    assert Chain.parse(Chain.parse(data).to_bytes()) == Chain.parse(data)


@functools.cache
def _held() -> tuple[bytes, Trust]:
    """One epoch of three patterns, published with its log and witnesses, as a device keeps its papers."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(NOW)
        plan = world.plan(1, NOW - timedelta(days=1), NOW + timedelta(days=60))
        build_epoch(
            few_entries(),
            everyday(),
            plan,
            key=b"\5" + bytes(31),
            signers=[seeds.SIGNER],
            out_dir=Path(folder),
        )
        world.publish(Path(folder))
        trust = world.trust(TrustedKey("Example Centre", seeds.SIGNER.public_key))
        papers = attest_folder(Path(folder), trust, "XX", NOW, Pins()).papers
        world.endorsing.close()
    return Held((HeldEpoch(NOW, NOW, papers),)).to_bytes(), trust


def held_epochs() -> tuple[bytes, ...]:
    return (_held()[0],)


def held(data: bytes) -> None:
    """Read, written, and checked as anybody does with the file that a device's owner gives away."""
    read = Held.parse(data)
    assert Held.parse(read.to_bytes()) == read
    read.verify(_held()[1])
    read.check_evidence(_held()[1])


def claimed(data: bytes) -> None:
    """What a publisher is handed, before anybody verified it."""
    read = legal_basis.claimed(data)
    assert legal_basis.from_statement(read.to_statement()) == read


def documents() -> tuple[bytes, ...]:
    return (*seeds.governance_statements(), *seeds.constitutions())


def hand_in(data: bytes) -> None:
    """What anybody with an account posts to a register: read, and judged by the rules."""
    document = book.document_of(data)
    history = governance.History.begin(seeds.constitutions()[0], seeds.constitution().digest, seeds.BEGIN)
    take = history.amend if document.kind == book.CONSTITUTION else history.append
    record = take(document.data, seeds.BEGIN)
    assert history.records()[-1] == record


def to_sign(data: bytes) -> None:
    """A document as a page gave it: what is signed is what was shown."""
    signed = signing.sign_document(data, seeds.SIGNER)
    assert json.loads(signed.data)["signed"] == signed.said


def documents_to_sign() -> tuple[bytes, ...]:
    return (*seeds.governance_unsigned(), json.dumps(seeds.constitution().to_dict()).encode())


def checksums(data: bytes) -> None:
    assert sums.write(sums.parse(data)) == data


def checksum_files() -> tuple[bytes, ...]:
    return (sums.write({"tutela-0.1.0.tar.gz": "ab" * 32, "tutela-0.1.0-py3-none-any.whl": "cd" * 32}),)


def release_note(data: bytes) -> None:
    """Read, and its signature looked at as `tutela release verify` does."""
    read = note.Note.parse(data)
    assert read.to_bytes() == data
    for signature in read.by(RELEASE_SIGNER.key):
        note.verify(read.text, signature, RELEASE_SIGNER.key)


def release_notes() -> tuple[bytes, ...]:
    text = checksum_files()[0].decode()
    return (note.Note(text, (note.sign(text, RELEASE_SIGNER),)).to_bytes(),)


def bill(data: bytes) -> None:
    version, commit, wheel = sbom.subject(data)
    assert isinstance(version, str)
    assert isinstance(commit.time, int)
    assert isinstance(wheel, str)


def bills() -> tuple[bytes, ...]:
    commit = builds.Commit("ab" * 20, 1_769_904_000)
    packages = [sbom.Package("pypi", "example", "1.0", ("cd" * 32,))]
    return (sbom.make("0.1.0", commit, "ef" * 32, packages),)


@functools.cache
def wheels() -> tuple[bytes, ...]:
    found = []
    for kind in (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", kind) as archive:
            archive.writestr("tutela/__init__.py", b"VERSION = 1\n" * 9)
            archive.writestr("tutela/errors.py", b"")
        found.append(file.getvalue())
    return tuple(found)


@functools.cache
def sources() -> tuple[bytes, ...]:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        member = tarfile.TarInfo("tutela/__init__.py")
        member.size = 12
        archive.addfile(member, io.BytesIO(b"VERSION = 1\n"))
    return (file.getvalue(),)


def wheel(data: bytes) -> None:
    """A release that is not what was built here: the difference is said, whatever was put into it."""
    assert bool(archives.difference("a.whl", data, wheels()[0])) == (data != wheels()[0])


def source(data: bytes) -> None:
    assert bool(archives.difference("a.tar.gz", data, sources()[0])) == (data != sources()[0])


Row = tuple[Callable[[bytes], object], Callable[[], tuple[bytes, ...]], int]

#: name -> (function, seeds, longest), as the rows of `targets`
PARSERS: Mapping[str, Row] = {
    "constitution": (constitution, seeds.constitutions, 8192),
    "constitution-unsigned": (constitution_unsigned, constitutions_unsigned, 8192),
    "governance-statement": (governance_statement, seeds.governance_statements, 4096),
    "governance-unsigned": (governance_unsigned, seeds.governance_unsigned, 2048),
    "governance-history": (governance_history, seeds.histories, 1 << 14),
    "endorsements": (endorsements, seeds.endorsement_files, 8192),
    "commitments": (commitments, seeds.commitment_files, 2048),
    "constitution-chain": (chain, chains, 8192),
    "held": (held, held_epochs, 1 << 15),
    "legal-basis-claimed": (claimed, seeds.signed_legal_bases, 2048),
    "register-hand-in": (hand_in, documents, 8192),
    "register-to-sign": (to_sign, documents_to_sign, 8192),
    "release-sums": (checksums, checksum_files, 2048),
    "release-note": (release_note, release_notes, 2048),
    "release-bill": (bill, bills, 8192),
    "release-wheel": (wheel, wheels, 2048),
    "release-source": (source, sources, 2048),
}
