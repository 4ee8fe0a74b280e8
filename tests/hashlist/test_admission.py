"""Each rule of admission refuses by name what breaks it, and nothing else of the folder decides."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from epoch_samples import NOW, PARAMETERS, SIGNER, STRANGER, sample_list, signed
from hypothesis import given, settings
from hypothesis import strategies as st

from trust_world import World
from tutela.errors import TutelaError
from tutela.hashlist import legal_basis
from tutela.hashlist.epoch import Manifest, Model, Trust, TrustedKey, build_epoch, publishing, table_id
from tutela.hashlist.epoch.admission import Admitted, Pins, admit
from tutela.hashlist.epoch.folder import PUBLIC_FILES, Papers
from tutela.hashlist.epoch.holding import Held, HeldEpoch
from tutela.hashlist.epoch.leaves import basis_leaf, epoch_leaf
from tutela.hashlist.governance import Endorsements, sign_constitution
from tutela.hashlist.legal_basis import LegalBasis, file_name, make
from tutela.hashlist.trust import TrustIncomplete
from tutela.oprf import group
from tutela.tlog import Proof, SignedCheckpoint
from tutela.tlog.note import Note
from tutela.voucher.errors import TableError

KEY = group.random_scalar()
BUILDER = TrustedKey("Example Centre", SIGNER.public_key)
LAW = LegalBasis("XX", "Example Act, section 1", NOW - timedelta(days=9), NOW + timedelta(days=80), b"p" * 32)


class Scene:
    """A published epoch, the world behind it, and a device's view of both."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.world = World(NOW - timedelta(hours=1))
        self.world.now = NOW
        self.trust = self.world.trust(BUILDER)
        plan = self.world.plan(3, NOW - timedelta(days=1), NOW + timedelta(days=89))
        self.manifest = build_epoch(
            sample_list(), PARAMETERS, plan, key=KEY, signers=[SIGNER], out_dir=folder
        )
        (folder / file_name("XX")).write_bytes(make(LAW, SIGNER))
        self.world.publish(folder)

    def admit(self, now: datetime | None = None, trust: Trust | None = None, **changes: Any) -> Admitted:
        return admit(self.folder, trust or self.trust, "XX", now or self.world.now, **changes)

    def put(self, manifest: Manifest, *, data: bytes | None = None) -> None:
        """Sign another manifest, and log it as if it were right."""
        (self.folder / "manifest.json").write_bytes(data or signed(manifest))
        self.relog(epoch_leaf(manifest).to_bytes(), "epoch.tlog-proof")

    def relog(self, entry: bytes, name: str) -> None:
        log = self.world.endorsing.log
        log.append([entry])
        under = publishing._published(log, self.world.endorsing.policy, self.world.endorsing.ask)
        papers = {"epoch.tlog-proof", "legal-basis-XX.tlog-proof"} - {name}
        places = {each: Proof.parse((self.folder / each).read_bytes()).index for each in papers}
        publishing._write_proofs(self.folder, log, under, {**places, name: log.size - 1})

    def endorsed_by(self, *names: str) -> None:
        """Publish the endorsements of some organisations only."""
        kept = [
            each
            for each in self.world.version.endorsements.endorsements
            if any(f'"organisation":"{name}"'.encode() in each for name in names)
        ]
        (self.folder / "endorsements.json").write_bytes(Endorsements.of(kept).to_bytes())

    def resigned(self, change: Callable[[Proof], SignedCheckpoint], name: str = "epoch.tlog-proof") -> None:
        path = self.folder / name
        proof = Proof.parse(path.read_bytes())
        path.write_bytes(replace(proof, checkpoint=change(proof)).to_bytes())


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path / "epoch")


def without_witness(proof: Proof) -> SignedCheckpoint:
    note = proof.checkpoint.note
    return replace(proof.checkpoint, note=Note(note.text, note.signatures[:-1]))


def without_log(proof: Proof) -> SignedCheckpoint:
    note = proof.checkpoint.note
    return replace(proof.checkpoint, note=Note(note.text, note.signatures[1:]))


def test_what_was_published_as_one_should_is_admitted(scene: Scene) -> None:
    found = scene.admit()
    assert (found.basis, found.why_no_basis) == (LAW, None)
    assert [each.id for each in found.attested.endorsers] == ["east-hotline", "north-centre", "south-rights"]
    assert found.attested.fresh_until == NOW + timedelta(hours=24)
    assert found.attested.log.index == found.attested.log.checkpoint.size - 2
    public = {str(path.relative_to(scene.folder)) for path in scene.folder.rglob("*") if path.is_file()}
    assert set(PUBLIC_FILES) - {"lawful.proof"} < public


def other_builder(scene: Scene) -> None:
    (scene.folder / "manifest.json").write_bytes(signed(scene.manifest, STRANGER))


def careless(scene: Scene) -> None:
    scene.put(replace(scene.manifest, model=Model(target=1e-6)))


def other_root(scene: Scene) -> None:
    scene.put(replace(scene.manifest, list_root=b"o" * 32))


def other_checkpoint(scene: Scene) -> None:
    scene.put(replace(scene.manifest, checkpoint=b"o" * 32))


def not_logged(scene: Scene) -> None:
    (scene.folder / "manifest.json").write_bytes(
        signed(replace(scene.manifest, number=3, lawful_set=b"o" * 32))
    )


def other_seed(scene: Scene) -> None:
    scene.put(replace(scene.manifest, header=replace(scene.manifest.header, seed=bytes(32))))


def other_table(scene: Scene) -> None:
    data = bytearray((scene.folder / "table.bin").read_bytes())
    data[200] ^= 1
    (scene.folder / "table.bin").write_bytes(data)


def unproved_list(scene: Scene) -> None:
    path = scene.folder / "list.tlog-proof"
    proof = Proof.parse(path.read_bytes())
    path.write_bytes(replace(proof, index=proof.index - 1).to_bytes())


def unsigned_list(scene: Scene) -> None:
    scene.resigned(without_log, "list.tlog-proof")


def shortened(scene: Scene) -> None:
    for path in (scene.folder / "log" / "tile").rglob("*"):
        if path.is_file():
            path.unlink()


def other_tiles(scene: Scene) -> None:
    for path in (scene.folder / "log" / "tile").rglob("*"):
        if path.is_file():
            path.write_bytes(bytes(len(path.read_bytes())))


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (other_builder, "epoch.unknown_signer"),
        (careless, "epoch.weak_threshold"),
        (lambda scene: (scene.folder / "endorsements.json").unlink(), "epoch.unpublished"),
        (lambda scene: (scene.folder / "constitution.json").unlink(), "epoch.unpublished"),
        (lambda scene: (scene.folder / "epoch.tlog-proof").unlink(), "epoch.unpublished"),
        (lambda scene: (scene.folder / "list.tlog-proof").unlink(), "epoch.unpublished"),
        (lambda scene: scene.endorsed_by("east-hotline", "south-rights"), "governance.too_few_endorsements"),
        (other_root, "governance.other_root"),
        (not_logged, "tlog.inclusion"),
        (lambda scene: scene.resigned(without_log), "tlog.log-signature"),
        (lambda scene: scene.resigned(without_witness), "tlog.too-few-witnesses"),
        (other_checkpoint, "epoch.other_checkpoint"),
        (unproved_list, "tlog.inclusion"),
        (unsigned_list, "tlog.log-signature"),
        (shortened, "tlog.consistency-missing"),
        (other_tiles, "tlog.fork"),
        (other_seed, "epoch.other_seed"),
    ],
)
def test_each_rule_refuses_by_name(scene: Scene, spoil: Callable[[Scene], object], code: str) -> None:
    spoil(scene)
    with pytest.raises(TutelaError) as refused:
        scene.admit()
    assert refused.value.code == code
    assert refused.value.message


def test_a_table_that_is_not_the_signed_one_is_refused(scene: Scene) -> None:
    other_table(scene)
    with pytest.raises(TableError):
        scene.admit()


@pytest.mark.parametrize(
    ("now", "code"),
    [
        (NOW + timedelta(hours=25), "tlog.stale"),
        (NOW - timedelta(hours=2), "tlog.future"),
        (NOW + timedelta(days=90), "epoch.expired"),
        (NOW - timedelta(days=2), "epoch.not_yet_valid"),
    ],
)
def test_time_is_asked(scene: Scene, now: datetime, code: str) -> None:
    if code == "tlog.future":  # as old as the endorsements allow, and still before the witnesses
        now = NOW - timedelta(minutes=30)
    with pytest.raises(TutelaError) as refused:
        scene.admit(now)
    assert refused.value.code == code


def test_allied_endorsers_count_once(tmp_path: Path) -> None:
    """Three signatures, two of one pact: neither does the register put it in force, nor does a device."""
    scene = Scene(tmp_path / "epoch")
    third = scene.world.endorsing
    scene.world.now += timedelta(minutes=1)
    assert third.endorse(("east-hotline", "north-centre", "north-police")).number == 1
    allied = [each.data for each, _ in third.history.endorsements()][-3:]
    (scene.folder / "endorsements.json").write_bytes(Endorsements.of(allied).to_bytes())
    with pytest.raises(TutelaError) as refused:
        scene.admit()
    assert refused.value.code == "governance.allied_only"


def test_another_constitution_is_none(scene: Scene) -> None:
    with pytest.raises(TutelaError) as refused:
        scene.admit(trust=replace(scene.trust, constitution=b"o" * 32))
    assert refused.value.code == "governance.other_constitution"
    pinned = Pins(constitutions={scene.trust.constitution: b"o" * 32})
    with pytest.raises(TutelaError) as refused:
        scene.admit(pins=pinned)
    assert refused.value.code == "epoch.other_constitution"


def test_another_log_is_none(scene: Scene, tmp_path: Path) -> None:
    other = World(NOW, tmp_path).endorsing
    policy = other.policy.to_bytes().decode().replace("log.example.org", "other.example.org")
    with pytest.raises(TutelaError) as refused:
        scene.admit(trust=replace(scene.trust, log_policy=policy))
    assert refused.value.code in {"tlog.unknown-log", "hashlist.trust"}


@pytest.mark.parametrize("change", [{"constitution": b""}, {"log_policy": ""}])
def test_there_is_no_trust_without_anchors(scene: Scene, change: dict[str, Any]) -> None:
    with pytest.raises(TrustIncomplete):
        scene.admit(trust=replace(scene.trust, **change))


def test_the_log_continues_what_was_seen(scene: Scene, tmp_path: Path) -> None:
    old = tmp_path / "old"
    shutil.copytree(scene.folder, old)
    pins = scene.admit().attested.pinned(Pins())
    scene.world.now += timedelta(hours=1)
    scene.world.new_version()
    scene.world.refresh(scene.folder)
    later = scene.admit(pins=pins).attested.pinned(pins)
    assert later.checkpoints != pins.checkpoints
    scene.folder = old
    with pytest.raises(TutelaError) as refused:
        scene.admit(pins=later)
    assert refused.value.code == "tlog.rolled-back"


def test_a_log_that_signed_two_histories_is_proved(scene: Scene, tmp_path: Path) -> None:
    """The same log's key, the same witnesses, another history of the same length."""
    pins = scene.admit().attested.pinned(Pins())
    twin = Scene(tmp_path / "twin")
    assert twin.manifest.digest() != b""
    twin.world.now += timedelta(seconds=1)
    (twin.folder / file_name("XX")).write_bytes(make(replace(LAW, statute="Another Act"), SIGNER))
    twin.relog(b"{}", "unused.tlog-proof")
    scene.relog(b"[]", "unused.tlog-proof")
    pins = scene.admit().attested.pinned(pins)
    with pytest.raises(TutelaError) as refused:
        admit(twin.folder, scene.trust, "XX", NOW, pins=pins)
    assert refused.value.code == "tlog.equivocation"


def test_succession_and_one_table_for_each_key(scene: Scene) -> None:
    found = scene.admit()
    with pytest.raises(TutelaError) as refused:
        scene.admit(seen={found.manifest.public_key: b"another table" + bytes(19)})
    assert refused.value.code == "epoch.same_table_key"
    number, build = found.manifest.number, found.manifest.build + 1
    newer = replace(
        found.manifest,
        build=build,
        header=replace(
            found.manifest.header,
            table_id=table_id(number, build, found.manifest.category, found.manifest.list_commitment),
        ),
    )
    with pytest.raises(TutelaError) as refused:
        scene.admit(previous=newer)
    assert refused.value.code == "epoch.older"


def test_a_legal_basis_that_was_not_logged_permits_nothing(scene: Scene) -> None:
    other = make(replace(LAW, statute="Another Act"), SIGNER)
    (scene.folder / file_name("XX")).write_bytes(other)
    found = scene.admit()
    assert found.basis is None
    assert found.why_no_basis
    assert found.why_no_basis.code == "legal_basis.not_logged"
    scene.relog(basis_leaf(legal_basis.claimed(other), other).to_bytes(), "legal-basis-XX.tlog-proof")
    assert scene.admit().basis
    (scene.folder / "legal-basis-XX.tlog-proof").unlink()
    assert scene.admit().why_no_basis


def test_what_does_not_belong_together_is_not_published(scene: Scene) -> None:
    scene.put(replace(scene.manifest, list_root=b"o" * 32))
    with pytest.raises(TutelaError) as refused:
        scene.world.publish(scene.folder)
    assert refused.value.code == "epoch.not_publishable"


def test_publishing_again_adds_nothing_to_the_log(scene: Scene) -> None:
    before = scene.world.endorsing.log.size
    scene.world.publish(scene.folder)
    scene.world.endorsing.log_version(scene.world.version)
    assert scene.world.endorsing.log.size == before


def test_a_chain_of_constitutions_is_followed(scene: Scene) -> None:
    world, first = scene.world.endorsing, scene.world.endorsing.history.constitution
    second = replace(first, number=2, previous=first.digest, answer_days=10)
    scene.world.now += timedelta(minutes=1)
    names = ("east-hotline", "south-rights", "west-centre")
    world.history.amend(sign_constitution(second, [world.signer(name) for name in names]), scene.world.now)
    scene.world.new_version()
    folder, plan = scene.folder.parent / "second", scene.world.plan(4, NOW, NOW + timedelta(days=30))
    build_epoch(sample_list(), PARAMETERS, plan, key=group.random_scalar(), signers=[SIGNER], out_dir=folder)
    scene.world.publish(folder)
    pins = scene.admit().attested.pinned(Pins())
    scene.folder = folder
    later = scene.admit(pins=pins).attested
    assert later.constitution.number == 2
    scene.folder = folder.parent / "epoch"
    scene.world.refresh(scene.folder)
    with pytest.raises(TutelaError) as refused:
        scene.admit(pins=later.pinned(pins))
    assert refused.value.code == "epoch.other_constitution"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Scene, Admitted]:
    scene = Scene(tmp_path_factory.mktemp("whole") / "epoch")
    return scene, scene.admit()


@given(data=st.data(), place=st.integers(0, 10**7), flip=st.integers(1, 255))
@settings(max_examples=120, deadline=None)
def test_any_changed_byte_is_refused_or_irrelevant(
    whole: tuple[Scene, Admitted], tmp_path_factory: pytest.TempPathFactory, data: Any, place: int, flip: int
) -> None:
    scene, before = whole
    names = sorted(str(path.relative_to(scene.folder)) for path in scene.folder.rglob("*") if path.is_file())
    name = data.draw(st.sampled_from(names))
    path = scene.folder / name
    kept = path.read_bytes()
    changed = bytearray(kept)
    changed[place % len(changed)] ^= flip
    path.write_bytes(changed)
    try:
        found = scene.admit()
    except TutelaError:
        return
    else:
        assert found.manifest == before.manifest
        assert found.attested.endorsers == before.attested.endorsers
        assert found.attested.constitution == before.attested.constitution
        assert found.attested.log.checkpoint == before.attested.log.checkpoint
        assert found.basis in {None, before.basis}
        assert name not in {"table.bin", "endorsements.json"}
    finally:
        path.write_bytes(kept)


def test_papers_are_enough_to_check_again_later(whole: tuple[Scene, Admitted]) -> None:
    scene, _ = whole
    held = Held((HeldEpoch(NOW, NOW, Papers.of(scene.folder, "XX")),))
    again = Held.parse(held.to_bytes())
    assert again == held
    (found,) = again.verify(scene.trust)
    assert found.manifest == scene.manifest
    late = Held((replace(held.epochs[0], checked=NOW + timedelta(days=2)),))
    with pytest.raises(TutelaError) as refused:
        late.verify(scene.trust)
    assert refused.value.code == "tlog.stale"


@given(st.binary(max_size=60) | st.sampled_from([b"[]", b"{}", b'{"type":"tutela-held","version":1}']))
def test_only_our_errors_escape_from_held_files(data: bytes) -> None:
    with pytest.raises(TutelaError):
        Held.parse(data)
