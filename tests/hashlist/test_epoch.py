from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from epoch_samples import (
    GOLDEN,
    NOW,
    PARAMETERS,
    SECOND,
    SIGNER,
    STRANGER,
    TRUST,
    manifest,
    open_epoch,
    photographs,
    plan,
    sample_list,
    signed,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from list_samples import entry

from tutela.hashlist import HashList, epoch
from tutela.hashlist.epoch import CannotBuild, EpochRefused, Manifest, Trust, TrustedKey, verify
from tutela.hashlist.epoch.manifest import slot_seed
from tutela.hashlist.epoch.selection import select
from tutela.oprf import group
from tutela.sealed import KeyFileExists, keyfile
from tutela.voucher.errors import TableError
from tutela.voucher.table import token_point
from tutela.voucher.tokens import Token, entry_tokens

KEY = bytes([9]) + bytes(31)


def test_a_manifest_is_accepted_with_its_endorsers() -> None:
    found = verify(signed(manifest()), TRUST, NOW)
    assert found == manifest()
    assert found.endorsers == ("Example Centre",)
    assert (found.threshold, found.root, found.sizes.voucher) == (8, b"r" * 32, PARAMETERS.voucher_bytes)


def test_the_golden_manifest_has_not_moved() -> None:
    assert GOLDEN.read_bytes() == signed(manifest(), SIGNER, SECOND)
    two = Trust((*TRUST.keys, TrustedKey("Second Centre", SECOND.public_key)), quorum=2)
    found = verify(GOLDEN.read_bytes(), two, NOW)
    assert found.digest().hex() == "d407cc53fc185e4ba8a50bbf9f03605e9486ae04aac3a463a7fe859e5874e889"


def test_a_second_verifier_accepts_the_golden_manifest() -> None:
    """Nothing of ours: the JSON module, SHA-256 and Ed25519 only, written from the docstrings."""
    found = json.loads(GOLDEN.read_text())
    said = found["signed"]
    message = (
        b"tutela signed statement 1\0" + json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
    )
    for item, seed in zip(found["signatures"], (b"\1" * 32, b"\2" * 32), strict=True):
        public = Ed25519PrivateKey.from_private_bytes(seed).public_key()
        public.verify(bytes.fromhex(item["signature"]), message)
        raw = public.public_bytes_raw()
        assert item["key_id"] == hashlib.sha256(b"tutela key id 1\0" + raw).hexdigest()[:32]
    named = {name: said[name] for name in ("number", "build", "category", "list_commitment")}
    canonical = json.dumps(named, sort_keys=True, separators=(",", ":")).encode()
    assert said["table_id"] == hashlib.sha256(b"tutela table id 1\0" + canonical).hexdigest()


BOUNDS = [
    (-86_401, epoch.NotYetValid),
    (-86_400, None),
    (89 * 86_400 - 1, None),
    (89 * 86_400, epoch.Expired),
]


@pytest.mark.parametrize(("seconds", "refusal"), BOUNDS)
def test_time(seconds: int, refusal: type[EpochRefused] | None) -> None:
    with pytest.raises(refusal) if refusal else contextlib.nullcontext():
        verify(signed(manifest()), TRUST, NOW + timedelta(seconds=seconds))


def test_signers() -> None:
    with pytest.raises(epoch.UnknownSigner):
        verify(signed(manifest(), STRANGER), TRUST, NOW)
    with pytest.raises(epoch.UnknownSigner, match="1 of the 2"):
        verify(
            signed(manifest()),
            Trust((*TRUST.keys, TrustedKey("Second Centre", SECOND.public_key)), quorum=2),
            NOW,
        )


def test_another_purpose_is_refused_whoever_signs() -> None:
    with pytest.raises(epoch.OtherCategory):
        verify(signed(manifest(category="another-purpose")), TRUST, NOW)
    for category in ("", None, 1, ["child-sexual-exploitation-and-abuse"]):
        with pytest.raises(epoch.OtherCategory):
            verify(signed({**manifest().to_statement(), "category": category}), TRUST, NOW)


def test_a_year_is_the_most() -> None:
    with pytest.raises(epoch.TooLong):
        verify(signed(manifest(valid_until=NOW + timedelta(days=366))), TRUST, NOW)


def test_succession() -> None:
    before = verify(signed(manifest(number=3, build=2)), TRUST, NOW)
    for older in (manifest(number=2), manifest(number=3, build=1)):
        with pytest.raises(epoch.Older):
            verify(signed(older), TRUST, NOW, before)
    again = verify(signed(manifest(number=3, build=2), SIGNER, SECOND), TRUST, NOW, before)
    assert again == before
    assert verify(signed(manifest(number=4, scalar=8)), TRUST, NOW, before).number == 4
    with pytest.raises(epoch.Equivocation):
        verify(signed(manifest(number=3, build=2, valid_until=NOW + timedelta(days=1))), TRUST, NOW, before)


def test_a_table_key_serves_one_table() -> None:
    before = manifest(number=3)
    with pytest.raises(epoch.SameTableKey):
        verify(signed(manifest(number=4)), TRUST, NOW, before)
    newer = manifest(number=4, scalar=8)
    with pytest.raises(epoch.SameTableKey):
        verify(signed(manifest(number=5)), TRUST, NOW, newer, seen={before.public_key: before.table_id})
    assert verify(signed(before), TRUST, NOW, seen={before.public_key: before.table_id}) == before


SAID = manifest().to_statement()


@pytest.mark.parametrize(
    "change",
    [
        {"threshold": 9}, {"root": "00" * 32}, {"table_id": "00" * 32}, {"number": 4}, {"build": 2}, {"list_commitment": "00" * 32},
        {"sizes": {"table": 1, "voucher": 1}}, {"number": True}, {"number": "3"}, {"number": -1}, {"counts": {}}, {"counts": None},
        {"counts": {**SAID["counts"], "tokens": 65}}, {"counts": {**SAID["counts"], "tokens": -1}}, {"more": 1}, {"table": None},
        {"parameters": []}, {"parameters": {**SAID["parameters"], "masks": [[1]]}}, {"valid_from": "soon"}, {"valid_from": 1},
        {"valid_until": SAID["valid_from"]}, {"checkpoint": "00"}, {"checkpoint": 1}, {"threshold_model": {}},
        {"threshold_model": {**SAID["threshold_model"], "scenes": " 5000"}}, {"type": "tutela-legal-basis"},
    ],
)  # fmt: skip
def test_contradictions_are_refused_even_if_signed(change: dict[str, Any]) -> None:
    with pytest.raises(epoch.Tampered):
        verify(signed({**SAID, **change}), TRUST, NOW)


@pytest.mark.parametrize("name", list(SAID))
def test_every_field_is_needed_and_signed(name: str) -> None:
    with pytest.raises(EpochRefused):
        verify(signed({key: value for key, value in SAID.items() if key != name}), TRUST, NOW)
    found = json.loads(signed(manifest()))
    found["signed"][name] = "changed"
    with pytest.raises(epoch.Tampered):
        verify(json.dumps(found).encode(), TRUST, NOW)


def test_a_threshold_below_its_own_model_is_refused() -> None:
    def with_threshold(t: int) -> bytes:
        return signed({**SAID, "threshold": t, "parameters": {**SAID["parameters"], "threshold": t}})

    assert verify(with_threshold(5), TRUST, NOW).threshold == 5
    with pytest.raises(epoch.Tampered):
        verify(with_threshold(4), TRUST, NOW)


def test_another_version_asks_for_an_update() -> None:
    with pytest.raises(epoch.UnknownVersion, match="does not know"):
        verify(signed({**SAID, "version": 3}), TRUST, NOW)


junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 2**53 - 1)
    | st.text(st.characters(codec="utf-8"), max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["version", "masks", "tokens", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(list(SAID)), junk, max_size=4))
def test_only_refusals_escape_from_signed_junk(changes: dict[str, Any]) -> None:
    with contextlib.suppress(EpochRefused):
        assert verify(signed({**SAID, **changes}), TRUST, NOW) == manifest()


@given(st.sampled_from(["parameters", "table", "counts", "threshold_model", "sizes"]), st.data())
def test_only_refusals_escape_from_signed_junk_inside(part: str, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(list(SAID[part])))
    with contextlib.suppress(EpochRefused):
        verify(signed({**SAID, part: {**SAID[part], name: data.draw(junk)}}), TRUST, NOW)


@given(st.binary(max_size=200))
def test_only_refusals_escape_from_noise(data: bytes) -> None:
    with pytest.raises(EpochRefused):
        verify(data, TRUST, NOW)


DATA = signed(manifest())


@given(st.integers(0, len(DATA) - 2), st.integers(1, 255))
def test_no_changed_byte_gives_another_manifest(index: int, mask: int) -> None:
    changed = bytearray(DATA)
    changed[index] ^= mask
    with contextlib.suppress(EpochRefused):
        assert verify(bytes(changed), TRUST, NOW) == manifest()


def test_every_refusal_is_a_sentence() -> None:
    for refusal in EpochRefused.__subclasses__():
        error = refusal()
        assert error.message.startswith("T") and error.message.endswith(".") and error.hint.endswith(".")  # noqa: PT018
        assert error.code != EpochRefused.code


def test_the_left_out_rule() -> None:
    first, second, third, near, low = photographs(5)
    near = first[:24] + bytes([first[24] ^ 1]) + first[25:]  # one bit, in the last mask only
    shared = second[:5] + third[5:]  # the first mask's bits are those of `second`
    entries = (
        entry(1, first), entry(2, near, cluster="e00001"), entry(3, second), entry(4, shared, quality=None),
        entry(5, low, quality=49), entry(6, None), entry(7, photographs(9)[8], quality=50),
    )  # fmt: skip
    common = frozenset(entry_tokens(PARAMETERS, first)[:2])
    selection = select(HashList(entries), PARAMETERS, common)
    counts = selection.counts
    assert (counts.entries, counts.clusters) == (7, 6)
    assert (counts.entries_without_pdq, counts.entries_of_low_quality, counts.entries_of_unknown_quality) == (
        1,
        1,
        1,
    )
    assert counts.clusters_without_tokens == 2
    assert counts.tokens_in_several_clusters == 1
    assert counts.tokens_common == 2
    # 4 clusters of 6 tokens each; one more for the near duplicate; 2 x 1 shared; 2 common
    assert counts.tokens == len(selection.tokens) == 4 * 6 + 1 - 2 - 2
    assert not set(selection.tokens) & (common | {entry_tokens(PARAMETERS, second)[0]})
    assert selection.tokens == tuple(sorted(set(selection.tokens)))
    assert selection.fullest == 5


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 12), st.integers(0, 2**32), st.integers(1, 3))
def test_tokens_are_counted_without_loss(count: int, seed: int, groups: int) -> None:
    pdqs = photographs(count, seed)
    entries = [entry(i, pdq, cluster=f"c{i % groups}") for i, pdq in enumerate(pdqs)]
    everything = {token for pdq in pdqs for token in entry_tokens(PARAMETERS, pdq)}
    common = frozenset(sorted(everything)[::3])
    counts = select(HashList(tuple(entries)), PARAMETERS, common).counts
    assert counts.tokens + counts.tokens_common + counts.tokens_in_several_clusters == len(everything)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    folder = tmp_path_factory.mktemp("epoch") / "3"
    steps: list[tuple[int, int]] = []
    made = epoch.build_epoch(
        sample_list(), PARAMETERS, plan(), key=KEY, signers=[SIGNER], out_dir=folder,
        progress=lambda done, total: steps.append((done, total)),
    )  # fmt: skip
    assert steps[-1][0] == steps[-1][1] > 0
    return folder, made


def test_a_built_epoch_opens_and_holds_the_list(built: tuple[Path, Manifest]) -> None:
    folder, made = built
    found, table = open_epoch(folder, TRUST, NOW)
    assert found == made
    assert made.public_key == group.multiply_base(KEY)
    assert (made.threshold, made.counts.tokens, made.list_commitment) == (5, 72, sample_list().commitment())
    assert sorted(path.name for path in folder.iterdir()) == ["manifest.json", "table.bin", "table.proof"]
    for pdq in photographs(12):
        for token in entry_tokens(PARAMETERS, pdq):
            assert table.decode(token.to_bytes()) == group.multiply(
                KEY, token_point(made.table_id, token.to_bytes())
            )
    other = Token(0, b"other")
    assert table.decode(other.to_bytes()) != group.multiply(KEY, token_point(made.table_id, other.to_bytes()))


def test_a_changed_table_is_refused(built: tuple[Path, Manifest], tmp_path: Path) -> None:
    for name in ("manifest.json", "table.bin"):
        (tmp_path / name).write_bytes((built[0] / name).read_bytes())
    table = bytearray((tmp_path / "table.bin").read_bytes())
    table[100] ^= 1
    (tmp_path / "table.bin").write_bytes(table)
    with pytest.raises(TableError):
        open_epoch(tmp_path, TRUST, NOW)


def test_the_table_id_and_the_seed_follow_from_the_list(built: tuple[Path, Manifest]) -> None:
    made = built[1]
    ids = {
        epoch.table_id(n, b, c, x)
        for n, b, c, x in [
            (3, 1, "p", b"l"),
            (4, 1, "p", b"l"),
            (3, 2, "p", b"l"),
            (3, 1, "q", b"l"),
            (3, 1, "p", b"m"),
        ]
    }
    assert len(ids) == 5
    assert made.table_id == epoch.table_id(3, 1, made.category, made.list_commitment)
    assert slot_seed(b"c", b"") != slot_seed(b"c", b"x")


def test_a_slot_seed_that_does_not_follow_from_the_list_is_refused(
    built: tuple[Path, Manifest], tmp_path: Path
) -> None:
    """Whoever could choose the seed could choose it against the list."""
    folder, made = built
    (tmp_path / "table.bin").write_bytes((folder / "table.bin").read_bytes())
    chosen = replace(made, header=replace(made.header, seed=bytes(32)))
    (tmp_path / "manifest.json").write_bytes(signed(chosen))
    with pytest.raises(EpochRefused, match="arranged"):
        open_epoch(tmp_path, TRUST, NOW)


def test_a_list_that_cannot_be_built_leaves_nothing(tmp_path: Path) -> None:
    def build(hash_list: HashList, **changes: Any) -> None:
        epoch.build_epoch(
            hash_list, PARAMETERS, plan(**changes), key=KEY, signers=[SIGNER], out_dir=tmp_path / "x"
        )

    near = HashList((entry(1, bytes(32)), entry(2, bytes(31) + b"\1")))
    for hash_list in (near, HashList(()), HashList((entry(1, bytes(32), quality=0),))):
        with pytest.raises(CannotBuild):
            build(hash_list)
    with pytest.raises(CannotBuild):
        build(sample_list(), model=epoch.Model(false_pair_rate=0.1))
    with pytest.raises(CannotBuild):
        epoch.build_epoch(sample_list(), PARAMETERS, plan(), key=KEY, signers=[], out_dir=tmp_path / "x")
    for changes in (
        {"valid_until": NOW + timedelta(days=400)},
        {"valid_until": NOW - timedelta(days=2)},
        {"valid_from": NOW.replace(tzinfo=None)},
    ):
        with pytest.raises(CannotBuild):
            plan(**changes)
    assert not list(tmp_path.iterdir())


def test_a_new_key_is_kept_sealed_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyfile, "DEFAULT_COST", 12)
    monkeypatch.setattr(keyfile.save, "__kwdefaults__", {"overwrite": False, "cost": 12})
    key_path, folder = tmp_path / "table.key", tmp_path / "epoch"

    def build(out: Path, path: Path = key_path) -> Manifest:
        return epoch.build_with_new_key(
            sample_list(), PARAMETERS, plan(), key_path=path, passphrase="p", signers=[SIGNER], out_dir=out
        )

    made = build(folder)
    assert group.multiply_base(keyfile.load(key_path, "p")) == made.public_key
    with pytest.raises(KeyFileExists):
        build(tmp_path / "another")
    with pytest.raises(epoch.EpochExists):
        build(folder, tmp_path / "second.key")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["epoch", "table.key"]


def test_an_endorser_can_be_replaced_without_changing_what_is_said() -> None:
    assert replace(manifest(), endorsers=("x",)) == manifest()
