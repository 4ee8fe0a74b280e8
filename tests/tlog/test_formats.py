"""Notes, checkpoints, cosignatures, policies, proofs, tiles and leaves, against what others wrote."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutela.tlog import Leaf, Policy, Proof, SignedCheckpoint, VerifierKey, cosignature, note, tiles
from tutela.tlog import checkpoint as checkpoints
from tutela.tlog.checkpoint import Checkpoint
from tutela.tlog.errors import (
    BadCosignature,
    BadLeaf,
    BadLogSignature,
    BadPolicy,
    Malformed,
    Stale,
    TooFewWitnesses,
    Truncated,
    TrustError,
    UnknownLog,
    Unsupported,
)
from tutela.tlog.note import Note, Signature
from tutela.tlog.tree import EMPTY_ROOT, Tree
from tutela.tlog.verification import cosigners, verify_checkpoint

from .conftest import LOG, ORIGIN, policy_of, signed_by, witness_signer

# the example key and message of Go's signed-note package (sumdb/note)
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NOTE = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
).encode()
# a checkpoint of a public log of May 2026, with cosignatures of four public witnesses, and all their keys
PUBLIC_LOG = "arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f"
PUBLIC_WITNESSES = {
    "garden": "transparency.dev/DEV:witness-little-garden+d8042a87+BCtusOxINQNUTN5Oj8HObRkh2yHf/MwYaGX4CPdiVEPM",
    "smartit": "witness1.smartit.nu/witness1+a48c820f+BPSFWg9G6KPiO7QPryYO5Xq4oYJJ+kAvLKLSimDhoxMO",
    "remora": "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
    "stagemole": "witness.stagemole.eu+67f7aea0+BEqSG3yu9YrmcM3BHvQYTxwFj3uSWakQepafafpUqklv",
}
PUBLIC_CHECKPOINT = """arche2025h1.staging.ct.transparency.dev
1432088532
U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=

— arche2025h1.staging.ct.transparency.dev zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQFX6hoGREPMHbdQ3urbllzalApkptQIgIpwtEroeW2BXaHAI4kJXFbon5Ch9MNL5zRNZ55lvGt0=
— arche2025h1.staging.ct.transparency.dev ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=
— transparency.dev/DEV:witness-little-garden 2AQqhwAAAABqEiEgzgFIqqhbUoDwjMWE6UP8nd8/KYTzwZ2rhIgcqoXHAwVkjZr4AscylP3v7sEodkRAErumC2q44vdgJY096st5BQ==
— witness1.smartit.nu/witness1 pIyCDwAAAABqEiEghIp82KWebrw7/oHQwlTAm3g2RKS4+eebl8eO0WH+/iEcxZ75W3u5hNI7TOQtmJbqmNWVuE0tgh0XwzdZsDsUAQ==
— remora.n621.de 2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==
— witness.stagemole.eu Z/euoAAAAABqEiEgw0i+7g2ENfDAWHmtRzCfKTHSDwYDJA2NmKeGi9Y8FtEyOUvVr+AJmIY/2TUFucgKi7lI7cUiOvKFYe/TmN9DAg==
""".encode()
PUBLIC_TIME = datetime.fromtimestamp(0x6A122120, UTC)


def test_go_notes_verify_here() -> None:
    parsed, key = Note.parse(NOTE), VerifierKey.parse(PETER)
    assert (parsed.to_bytes(), str(key)) == (NOTE, PETER)
    note.verify(parsed.text, parsed.signatures[0], key)
    with pytest.raises(TrustError):
        note.verify(parsed.text + "x\n", parsed.signatures[0], key)


def public_policy(quorum: str = "all") -> Policy:
    lines = [f"log {PUBLIC_LOG}", *(f"witness {name} {key}" for name, key in PUBLIC_WITNESSES.items())]
    return Policy.parse(
        "\n".join([*lines, f"group q {quorum} {' '.join(PUBLIC_WITNESSES)}", "quorum q\n"]).encode()
    )


def test_a_public_log_and_its_four_public_witnesses_verify_here() -> None:
    signed = SignedCheckpoint.parse(PUBLIC_CHECKPOINT)
    assert signed.to_bytes() == PUBLIC_CHECKPOINT
    found = verify_checkpoint(signed, public_policy(), PUBLIC_TIME + timedelta(hours=1))
    assert set(found.witnesses) == set(PUBLIC_WITNESSES)
    assert set(found.witnesses.values()) == {PUBLIC_TIME}
    with pytest.raises(Stale):
        verify_checkpoint(signed, public_policy(), PUBLIC_TIME + timedelta(hours=25))


@pytest.mark.parametrize("line", range(5, 10))
def test_each_signature_of_the_public_checkpoint_counts(line: int) -> None:
    lines = PUBLIC_CHECKPOINT.decode().split("\n")
    raw = note.decoded(lines[line].rsplit(" ", 1)[1])
    lines[line] = lines[line].rsplit(" ", 1)[0] + " " + note.encoded(raw[:-1] + bytes([raw[-1] ^ 1]))
    changed = SignedCheckpoint.parse("\n".join(lines).encode())
    with pytest.raises((BadCosignature, BadLogSignature)):
        verify_checkpoint(changed, public_policy("any"), PUBLIC_TIME)


def test_a_cosignature_has_the_time_that_others_read() -> None:
    line = "— x ZGhGuQAAAABm/qTPeyKXD+R2rzyQsxPiP8mXum7qq/iF0u4vanlqJyocWODBt97w9uL+8qT7S5gxEHWWOworDcFiEBYJXORmnFBOBA=="
    assert int.from_bytes(Signature.parse(line).value[:8], "big") == 1727964367  # transparency-dev/formats


@pytest.mark.parametrize(
    "text",
    [
        "PeterNeumann+c74f20a3",
        PETER.replace("c74f20a3", "c74f20a4"),
        PETER.replace("c74f20a3", "C74F20A3"),
        PETER[:-1],
        "a b+00000000+AQ==",
        "rekor.sigstore.dev+12345678+AwEB",
        "x+12345678+",
        "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ],
)
def test_a_bad_verifier_key_is_refused(text: str) -> None:
    with pytest.raises((Malformed, Unsupported)):
        VerifierKey.parse(text)


@pytest.mark.parametrize("cut", [1, 5, 90, len(PUBLIC_CHECKPOINT) - 30])
def test_a_truncated_note_says_so(cut: int) -> None:
    with pytest.raises(Truncated):
        Note.parse(PUBLIC_CHECKPOINT[:-cut])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a\n",
        "a\n1\n",
        "a\n01\n%R\n",
        "a\n-1\n%R\n",
        "\n1\n%R\n",
        "a\n1\nAAAA\n",
        "a\n1\n%R\n\nx\n",
        "a\n0\n%R\n",
        "a\n9223372036854775808\n%R\n",
    ],
)
def test_a_bad_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        Checkpoint.parse(text.replace("%R", "gJyioq6dwR9n+NjEWORfYmH+ubeYm3kH42BBQ0bTpYI="))


@given(
    st.integers(0, 1 << 62),
    st.binary(min_size=32, max_size=32),
    st.lists(st.sampled_from(["a", "b c"]), max_size=3),
)
def test_checkpoints_are_read_as_written(size: int, root: bytes, extensions: list[str]) -> None:
    made = Checkpoint(ORIGIN, size, root if size else EMPTY_ROOT, tuple(extensions))
    signed = checkpoints.sign(made, LOG)
    assert SignedCheckpoint.parse(signed.to_bytes()) == signed
    assert checkpoints.verify(signed, (LOG.key,)) == LOG.key


def test_only_the_logs_own_key_signs_its_checkpoint() -> None:
    signed = signed_by(Tree([b"x" * 32]))
    with pytest.raises(UnknownLog):
        checkpoints.verify(signed, ())
    with pytest.raises(UnknownLog):
        checkpoints.sign(Checkpoint("example.org/other", 0, EMPTY_ROOT), LOG)
    other = VerifierKey(ORIGIN, note.ED25519, b"\7" * 32)
    with pytest.raises(BadLogSignature):
        checkpoints.verify(signed, (other,))


def test_the_same_key_in_another_role_does_not_verify() -> None:
    """A witness's key does not sign checkpoints, and a log's does not cosign them."""
    witness = witness_signer("a")
    with pytest.raises(Unsupported):
        cosignature.cosign("x\n", LOG, 1)
    with pytest.raises(Unsupported):
        checkpoints.sign(Checkpoint(witness.name, 0, EMPTY_ROOT), witness)
    plain = Signature(witness.key.name, witness.key.id, witness.sign(b"x\n"))
    with pytest.raises(BadCosignature):
        cosignature.verify("x\n", plain, witness.key)


POLICY = f"""
# two child-safety bodies of three, and a civil-liberties witness
log {LOG.key} https://log.example.org/
witness A {witness_signer("a").key}
 witness\tB {witness_signer("b").key}  https://b.example.org/
witness C {witness_signer("c").key}
witness L {witness_signer("l").key}
group safety 2 A B C
group liberties any L
group both all safety liberties
quorum both
"""


@pytest.mark.parametrize(
    ("names", "enough"),
    [
        ("", False),
        ("A B C", False),
        ("A L", False),
        ("A B L", True),
        ("B C L", True),
        ("A B C L X", True),
        ("L", False),
    ],
)
def test_nested_groups_are_counted(names: str, enough: bool) -> None:
    policy = Policy.parse(POLICY.encode())
    assert policy.quorum_met(set(names.split())) is enough
    assert Policy.parse(policy.to_bytes()) == policy


@pytest.mark.parametrize(
    "change",
    [
        ("quorum both", ""),
        ("quorum both", "quorum D"),
        ("quorum both", "quorum both\nquorum A"),
        ("group safety 2 A B C", "group safety 4 A B C"),
        ("group safety 2 A B C", "group safety 0 A B C"),
        ("group safety 2 A B C", "group safety 2 A A C"),
        ("group safety 2 A B C", "group safety 2 A B both"),
        ("group safety 2 A B C", "group safety 2 A B none"),
        ("group safety 2 A B C", "group safety 2"),
        ("group liberties any L", "group liberties any L A"),
        ("group liberties any L", "group none any L"),
        ("group liberties any L", "group A any L"),
        ("witness C", "witness A"),
        ("witness C", "witnes C"),
        (str(witness_signer("c").key), str(witness_signer("b").key)),
        (str(witness_signer("c").key), str(LOG.key)),
        (str(LOG.key), str(witness_signer("c").key)),
        ("# two", "\x01"),
    ],
)
def test_a_bad_policy_is_refused(change: tuple[str, str]) -> None:
    assert change[0] in POLICY
    with pytest.raises(BadPolicy):
        Policy.parse(POLICY.replace(*change).encode())


def test_a_policy_may_ask_for_nobody() -> None:
    assert Policy.parse(b"quorum none\n").quorum_met(set())
    with pytest.raises(TooFewWitnesses):
        policy_of("a", "b", quorum="all").require({"a"})


def test_proofs_are_read_as_written_and_small() -> None:
    tree = Tree(bytes([n]) * 32 for n in range(200))
    proof = Proof(7, tree.inclusion_proof(7), signed_by(tree, "a", "b", "c"), b"context")
    assert Proof.parse(proof.to_bytes()) == proof
    assert len(proof.to_bytes()) < 1024
    data = proof.to_bytes()
    for size in range(len(data)):
        try:
            shorter = Proof.parse(data[:size])
        except Malformed:
            continue
        # Cut between two signature lines: what is lost is cosignatures, which the quorum notices.
        assert (
            shorter.checkpoint.note.signatures
            == proof.checkpoint.note.signatures[: -(data[size:].count(b"\n"))]
        )
    with pytest.raises(Truncated):
        Proof.parse(data[:-1])


def test_tile_paths_are_those_of_the_specification() -> None:
    assert tiles.path(0, 1234067) == "tile/0/x001/x234/067"
    assert tiles.path("entries", 0, 5) == "tile/entries/000.p/5"
    for name in ("tile/0/x001/x234/067", "tile/63/000.p/255", "tile/entries/x999/000"):
        place = tiles.parse_path(name)
        assert tiles.path(place.level, place.index, place.width) == name
    for name in ("tile/64/000", "tile/00/000", "tile/0/0", "tile/0/x000/000", "tile/0/000.p/0", "tile/0/000.p/256",
                 "tile/0/../../etc", "tile/0/000/../000", "", "checkpoint", "tile/0/1000", "tile/0/000.p/01"):  # fmt: skip
        with pytest.raises(Malformed):
            tiles.parse_path(name)


def test_tile_widths_are_those_of_the_specification() -> None:
    """The example of tlog-tiles: a tree of 70,000 entries."""
    assert [tiles.width(0, n, 70_000) for n in (0, 272, 273)] == [256, 256, 112]
    assert [tiles.width(1, n, 70_000) for n in (0, 1, 2)] == [256, 17, -239]
    assert tiles.width(2, 0, 70_000) == 1
    assert (tiles.width(0, 0, 256), tiles.width(1, 0, 256)) == (256, 1)


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_bundles_are_read_as_written(entries: list[bytes]) -> None:
    data = tiles.to_bundle(entries)
    assert tiles.parse_bundle(data, len(entries)) == entries
    with pytest.raises(Truncated):
        tiles.parse_bundle(data, len(entries) + 1)


LEAF = Leaf(
    "epoch",
    "ab" * 32,
    datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    {"number": 3, "category": "A", "signers": ["x"]},
)


def test_a_leaf_has_one_form() -> None:
    data = LEAF.to_bytes()
    assert data == (
        b'{"fields":{"category":"A","number":3,"signers":["x"]},"kind":"epoch","sha256":"' + b"ab" * 32
        + b'","time":"2026-01-02T03:04:05Z"}'
    )  # fmt: skip
    assert Leaf.parse(data) == LEAF
    for other in (b" " + data, data.replace(b":3", b": 3"), data.replace(b"A", b"\\u0041"), data.replace(b"epoch", b"other"),
                  data.replace(b":3", b":3.0"), data.replace(b"ab", b"AB"), data.replace(b'"x"', b"1"), b"[]", b"{}", b"\xff",
                  data.replace(b"number", b"Number"), data.replace(b"05Z", b"5Z"), data.replace(b":3", b":99999999999999999999"),
                  data.replace(b'{"category', b'{"category":"B","category'), data.replace(b":3", b":null")):  # fmt: skip
        assert other != data
        with pytest.raises(BadLeaf):
            Leaf.parse(other)


def test_a_leaf_is_bounded() -> None:
    time = datetime(2026, 1, 1, tzinfo=UTC)
    for fields in (
        {"a": "x" * 20_000},
        {f"f{n}": 1 for n in range(40)},
        {"a": 1 << 53},
        {"a": "\ud800"},
        {"a": 1.5},
    ):
        with pytest.raises(BadLeaf):
            Leaf("epoch", "", time, fields)  # type: ignore[arg-type]
    for bad in (time.replace(tzinfo=None), time.replace(microsecond=1)):
        with pytest.raises(BadLeaf):
            Leaf("epoch", "", bad)


def test_a_witness_counts_once_however_often_it_signed() -> None:
    signed = signed_by(Tree([b"x" * 32]), "a", "a")
    again = signed.signed([cosignature.cosign(signed.note.text, witness_signer("a"), 1_790_000_001)])
    assert len(again.note.signatures) == 3
    policy = policy_of("a", "b", quorum="2")
    assert set(cosigners(again, policy)) == {"a"}
    with pytest.raises(TooFewWitnesses):
        verify_checkpoint(again, policy, datetime.fromtimestamp(1_790_000_001, UTC))
