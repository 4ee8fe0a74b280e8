from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from epoch_samples import (
    NOW,
    PARAMETERS,
    SECOND,
    SIGNER,
    TRUST,
    open_epoch,
    photographs,
    plan,
    sample_list,
)
from list_samples import entry

from tutela.hashlist import HashList, auditing, clustered, envelope, epoch, strict_json
from tutela.hashlist.auditing import LAWFUL_FILE, OtherList
from tutela.hashlist.epoch.building import write_public
from tutela.oprf import group
from tutela.voucher.errors import AuditMalformed, OtherLayout, OtherRoot, OtherStatement, Uncommitted
from tutela.voucher.lawful import LawfulPicture, LawfulSet

KEY = group.random_scalar()
PLACES = ((7,),) * 6
PICTURES = tuple(LawfulPicture(bytes([i]) * 32, pdq, PLACES) for i, pdq in enumerate(photographs(3, seed=99)))
REFERENCE = LawfulSet(6, 1, PICTURES)


def with_digests() -> HashList:
    entries = [entry(i, pdq) for i, pdq in enumerate(photographs(12))]
    entries = [replace(item, sha256=bytes([i]) * 32) for i, item in enumerate(entries)]
    return HashList(clustered(entries), b"s" * 32)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("epochs") / "one"
    epoch.build_epoch(
        with_digests(),
        PARAMETERS,
        plan(lawful_set=REFERENCE.digest),
        key=KEY,
        signers=[SIGNER],
        out_dir=folder,
    )
    return folder


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "copy"))


def prove(folder: Path) -> None:
    proofs = auditing.prove_lawful(folder, TRUST, REFERENCE, key=KEY, random=os.urandom)
    write_public(folder / LAWFUL_FILE, proofs.to_bytes())


def test_the_holder_of_the_list_audits_an_epoch(folder: Path) -> None:
    manifest = auditing.audit_table(folder, TRUST, with_digests())
    assert manifest.lawful_set == REFERENCE.digest
    assert len(manifest.absence) == 32
    assert open_epoch(folder, TRUST, NOW)[0] == manifest
    assert (folder / "table.proof").stat().st_size == 168


def test_another_list_corpus_or_proof_is_refused(folder: Path, tmp_path: Path) -> None:
    whole = with_digests()
    with pytest.raises(OtherList):
        auditing.audit_table(folder, TRUST, HashList(whole.entries[:-1], whole.salt))
    common = epoch.common_tokens(whole.entries[:1], PARAMETERS)
    with pytest.raises(OtherList, match="counts"):
        auditing.audit_table(folder, TRUST, whole, common=common)
    other = tmp_path / "other"
    epoch.build_epoch(whole, PARAMETERS, plan(number=4), key=KEY, signers=[SIGNER], out_dir=other)
    proof = (other / "table.proof").read_bytes()
    (folder / "table.proof").write_bytes(proof[:8] + (folder / "table.proof").read_bytes()[8:72] + proof[72:])
    with pytest.raises(OtherStatement):
        auditing.audit_table(folder, TRUST, whole)
    (folder / "table.proof").write_bytes(b"")
    with pytest.raises(AuditMalformed):
        auditing.audit_table(folder, TRUST, whole)


def test_what_the_manifest_contradicts_is_refused(folder: Path) -> None:
    said = strict_json.read((folder / "manifest.json").read_bytes())["signed"]
    for changes, refusal in (
        ({"absence": "ab" * 32}, OtherList),
        ({"table": {**said["table"], "seed": "ab" * 32}}, OtherLayout),
    ):
        (folder / "manifest.json").write_bytes(envelope.sign({**said, **changes}, [SIGNER]))
        with pytest.raises(refusal):
            auditing.audit_table(folder, TRUST, with_digests())
    (folder / "manifest.json").write_bytes(envelope.sign(said, [SECOND]))
    with pytest.raises(epoch.UnknownSigner):
        auditing.audit_table(folder, TRUST, with_digests())


def test_anyone_audits_the_lawful_set(folder: Path) -> None:
    prove(folder)
    assert auditing.audit_lawful(folder, TRUST, REFERENCE).number == 3
    part = replace(REFERENCE, pictures=PICTURES[:2])
    with pytest.raises(Uncommitted):
        auditing.audit_lawful(folder, TRUST, part)
    with pytest.raises(Uncommitted):
        auditing.prove_lawful(folder, TRUST, part, key=KEY, random=os.urandom)
    data = bytearray((folder / "table.bin").read_bytes())
    data[16:48] = data[48:80]
    (folder / "table.bin").write_bytes(data)
    with pytest.raises(OtherRoot):
        auditing.audit_lawful(folder, TRUST, REFERENCE)


def test_an_epoch_without_a_set_proves_nothing(tmp_path: Path) -> None:
    epoch.build_epoch(sample_list(), PARAMETERS, plan(), key=KEY, signers=[SIGNER], out_dir=tmp_path)
    assert open_epoch(tmp_path, TRUST, NOW)[0].lawful_set == b""
    with pytest.raises(Uncommitted):
        auditing.prove_lawful(tmp_path, TRUST, REFERENCE, key=KEY, random=os.urandom)
