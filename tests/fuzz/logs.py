"""The parsers of the transparency log, and small valid inputs of each."""

from __future__ import annotations

import contextlib
import functools
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from tutela.errors import TutelaError
from tutela.tlog import (
    COSIGNATURE_ED25519,
    Ed25519Signer,
    Evidence,
    Leaf,
    Policy,
    Proof,
    SignedCheckpoint,
    VerifierKey,
    cosignature,
    tiles,
    verify_offline,
)
from tutela.tlog import checkpoint as checkpoints
from tutela.tlog.client import cosigned
from tutela.tlog.log import Log
from tutela.tlog.serving import read_file
from tutela.tlog.tree import Tree, leaf_hash
from tutela.tlog.witness import AddCheckpoint, Answer, Witness
from tutela.tlog.witness_store import WitnessStore

NOW = datetime(2026, 2, 1, tzinfo=UTC)
LOG_ENTRIES = [b"entry %d" % index for index in range(9)]
LOG_SIGNER = Ed25519Signer("example.org/log", b"\1" * 32)
WITNESS_SIGNER = Ed25519Signer("example.org/w", b"\2" * 32, COSIGNATURE_ED25519)


@functools.cache
def _log_checkpoint(size: int) -> checkpoints.SignedCheckpoint:
    root = Tree(map(leaf_hash, LOG_ENTRIES)).root(size)
    signed = checkpoints.sign(checkpoints.Checkpoint("example.org/log", size, root), LOG_SIGNER)
    return signed.signed([cosignature.cosign(signed.note.text, WITNESS_SIGNER, 1_769_904_000)])


def checkpoint_seeds() -> tuple[bytes, ...]:
    return (_log_checkpoint(9).to_bytes(), _log_checkpoint(0).to_bytes())


def proof_seeds() -> tuple[bytes, ...]:
    hashes = Tree(map(leaf_hash, LOG_ENTRIES)).inclusion_proof(4)
    made = Proof(4, hashes, _log_checkpoint(9))
    return (made.to_bytes(), Proof(4, hashes, _log_checkpoint(9), b"context").to_bytes())


def policy_seeds() -> tuple[bytes, ...]:
    lines = f"log {LOG_SIGNER.key}\nwitness w {WITNESS_SIGNER.key} https://w.example.org/\n"
    return ((lines + "group g any w\ngroup h all g\nquorum h\n").encode(), b"# nobody\nquorum none\n")


def request_seeds() -> tuple[bytes, ...]:
    proof = Tree(map(leaf_hash, LOG_ENTRIES)).consistency_proof(3)
    return (
        AddCheckpoint(3, proof, _log_checkpoint(9)).to_bytes(),
        AddCheckpoint(0, (), _log_checkpoint(9)).to_bytes(),
    )


def evidence_seeds() -> tuple[bytes, ...]:
    other = checkpoints.sign(checkpoints.Checkpoint("example.org/log", 9, b"x" * 32), LOG_SIGNER)
    return (Evidence(_log_checkpoint(9), other).to_bytes(),)


def leaf_seeds() -> tuple[bytes, ...]:
    time = datetime(2026, 1, 2, tzinfo=UTC)
    return (
        Leaf("epoch", "ab" * 32, time, {"number": 3, "signers": ["x"]}).to_bytes(),
        Leaf("policy", "", time).to_bytes(),
    )


def bundle_seeds() -> tuple[bytes, ...]:
    return (tiles.to_bundle(LOG_ENTRIES),)


def path_seeds() -> tuple[bytes, ...]:
    return (b"tile/0/x001/x234/067.p/5", b"tile/entries/000")


def read_checkpoint(data: bytes) -> None:
    """Read, and written as it was read: what is signed has one form."""
    assert SignedCheckpoint.parse(data).to_bytes() == data


def read_proof(data: bytes) -> None:
    """Read and written, then verified as a device does: only the seed's own leaf may pass."""
    with contextlib.suppress(TutelaError):
        read = Proof.parse(data)
        assert Proof.parse(read.to_bytes()) == read
    policy = Policy.parse(policy_seeds()[0])
    assert verify_offline(data, LOG_ENTRIES[4], policy, NOW).index == 4


def read_policy(data: bytes) -> None:
    read = Policy.parse(data)
    assert Policy.parse(read.to_bytes()) == read


def read_key(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    assert str(VerifierKey.parse(text)) == text


def key_seeds() -> tuple[bytes, ...]:
    return (str(LOG_SIGNER.key).encode(), str(WITNESS_SIGNER.key).encode())


def read_request(data: bytes) -> None:
    """What anyone posts to a witness: always an answer."""
    with contextlib.suppress(TutelaError):
        read = AddCheckpoint.parse(data)
        assert read.to_bytes() == data
    answer = _WITNESS.handle(data)
    assert answer.status in {200, 400, 403, 404, 409, 422}


_WITNESS = Witness(
    WITNESS_SIGNER,
    {"example.org/log": (LOG_SIGNER.key,)},
    WitnessStore(Path(":memory:")),
    lambda: 1,
)


def read_evidence(data: bytes) -> None:
    read = Evidence.parse(data)
    assert Evidence.parse(read.to_bytes()) == read
    read.check((LOG_SIGNER.key,))


def read_leaf(data: bytes) -> None:
    assert Leaf.parse(data).to_bytes() == data


def read_bundle(data: bytes) -> None:
    entries = tiles.parse_bundle(data, 9)
    assert data.startswith(tiles.to_bundle(entries))


def read_path(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    place = tiles.parse_path(text)
    assert tiles.path(place.level, place.index, place.width) == text


def tile_seeds() -> tuple[bytes, ...]:
    return (b"".join(map(leaf_hash, LOG_ENTRIES)), b"")


def read_tile(data: bytes) -> None:
    """A tile of nine hashes, or of as many as it has."""
    for count in (9, len(data) // 32):
        with contextlib.suppress(TutelaError):
            assert data.startswith(b"".join(tiles.parse_tile(data, count)))


_FOLDER = tempfile.TemporaryDirectory(prefix="tutela-fuzz-")


@functools.cache
def _log() -> Log:
    log = Log.create(Path(_FOLDER.name) / "log", LOG_SIGNER)
    log.append(LOG_ENTRIES)
    return log


def answer_seeds() -> tuple[bytes, ...]:
    made = cosignature.cosign(_log().head.note.text, WITNESS_SIGNER, 1_769_904_000)
    return (made.line().encode(), b"3\n")


def read_answer(data: bytes) -> None:
    """What a witness answers to whoever runs a log: a cosignature that verifies, or a refusal by name."""
    witness = Policy.parse(policy_seeds()[0]).witnesses[0]
    with contextlib.suppress(TutelaError):
        cosigned(_log(), witness, lambda *_: Answer(409, data))
    found = cosigned(_log(), witness, lambda *_: Answer(200, data))
    cosignature.verify(_log().head.note.text, found, WITNESS_SIGNER.key)


def served_seeds() -> tuple[bytes, ...]:
    return (
        b"healthz",
        b"checkpoint",
        b"tile/0/000.p/9",
        b"tile/entries/000.p/9",
        b"../secret",
        b"tile/../../x",
    )


def read_served(data: bytes) -> None:
    """A path that anybody asks a log for: nothing of another folder comes back."""
    folder = Path(_FOLDER.name) / "log"
    _log()
    (folder.parent / "secret").write_bytes(b"a secret")
    answer, _ = read_file(folder, data.decode("latin-1"))
    assert b"a secret" not in answer.body


Row = tuple[Callable[[bytes], object], Callable[[], tuple[bytes, ...]], int]

#: name -> (function, seeds, longest), as the rows of `targets`
PARSERS: Mapping[str, Row] = {
    "log-checkpoint": (read_checkpoint, checkpoint_seeds, 2048),
    "log-proof": (read_proof, proof_seeds, 2048),
    "log-policy": (read_policy, policy_seeds, 2048),
    "log-key": (read_key, key_seeds, 512),
    "log-request": (read_request, request_seeds, 2048),
    "log-evidence": (read_evidence, evidence_seeds, 2048),
    "log-leaf": (read_leaf, leaf_seeds, 2048),
    "log-bundle": (read_bundle, bundle_seeds, 2048),
    "log-path": (read_path, path_seeds, 128),
    "log-tile": (read_tile, tile_seeds, 1024),
    "log-answer": (read_answer, answer_seeds, 1024),
    "log-served": (read_served, served_seeds, 128),
}
