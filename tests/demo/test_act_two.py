"""Act two with real witnesses on a small list: each refusal has its own name, and a weak device shows."""

from __future__ import annotations

import json
import shutil
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tutela.bench import corpus
from tutela.demo import act_two, checker, liar
from tutela.demo.act_two import FAULT, WEAK, Setting
from tutela.demo.distributing import Distribution
from tutela.demo.endorsing import Endorsing
from tutela.demo.epoch import BUILDER, JURISDICTION, Props
from tutela.demo.witnesses import HONEST, Witnesses
from tutela.guard import open_guard
from tutela.guard.core import Guard, Policy
from tutela.guard.store import FILE
from tutela.hashlist import HashList, Labels, Provenance, clustered
from tutela.hashlist import legal_basis as basis
from tutela.hashlist.epoch import Plan, build_epoch
from tutela.hashlist.epoch.leaves import checkpoint_digest
from tutela.hashlist.trust import Trust, TrustedKey
from tutela.messenger.updates import EpochWatch
from tutela.oprf import group
from tutela.sealed import keyfile
from tutela.tlog import COSIGNATURE_ED25519, Ed25519Signer, SignedCheckpoint
from tutela.tlog import cosignature as cosignatures
from tutela.tlog.client import collect
from tutela.tlog.errors import BadCosignature, Malformed, NoQuorum
from tutela.tlog.note import Signature
from tutela.tlog.witness import AddCheckpoint
from tutela.voucher import everyday

PEOPLE = ("amina", WEAK)
ENVIRONMENT = {keyfile.PASSPHRASE_VARIABLE: "a passphrase"}
INVENTED = "writes rules of its own, with endorsers that it invented"
SAID = {
    "one witness": "tlog.too-few-witnesses",
    "a lie": "tlog.cosignature",
    "quorum": "accepted",
    "own table": "epoch.unknown_signer",
    "alone": "governance.too_few_endorsements",
    "ally": "governance.too_few_endorsements",
    "won over": "governance.allied_only",
    "forged": "governance.forged_signature",
    "borrowed": "governance.other_root",
    "not logged": "tlog.inclusion",
    "own rules": "governance.other_constitution",
}


@dataclass
class Stage:
    """One act's setting, and a provider's store that act one left."""

    setting: Setting
    provider: Path

    def play(self) -> dict[str, Any]:
        facts = act_two.play(self.setting, lambda line: None)
        json.dumps(facts)  # as the checker gets them
        return facts

    def check(self, facts: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
        check = checker.Check(
            {
                "homeserver": {},
                "provider": {"database": str(self.provider)},
                "hub": {"database": ""},
                "trust": facts,
            }
        )
        return check.trust(), check.complaints


@pytest.fixture(scope="module")
def props(tmp_path_factory: pytest.TempPathFactory) -> Props:
    """A published list of few entries, as `epoch.prepare` leaves one."""
    folder = tmp_path_factory.mktemp("cache")
    now = datetime.now(UTC).replace(microsecond=0)
    until = now + timedelta(days=30)
    random = np.random.default_rng(7)
    origin = Provenance(source="example.org", added=now, note="", path="exact")
    names = iter(range(1000))
    labels = Labels("tutela-demo", "A", origin, lambda: f"e{next(names)}")
    hash_list = HashList(clustered([labels.entry(pdq=random.bytes(32), quality=90) for _ in range(60)]))
    hash_list.save(folder / "list.jsonl")
    endorsing = Endorsing.create(folder / "world")
    endorsing.submit(hash_list, hash_list.salt)
    version = endorsing.endorse()
    logged = endorsing.log_version(version)
    builder = endorsing.signer(BUILDER)
    plan = Plan(1, now, until, list_root=version.root, checkpoint=checkpoint_digest(logged))
    manifest = build_epoch(
        hash_list, everyday(), plan,
        key=group.random_scalar(), signers=[builder], out_dir=folder / "epoch",
    )  # fmt: skip
    law = basis.LegalBasis(JURISDICTION, "Act (invented)", now, until, bytes(32))
    (folder / "epoch" / basis.file_name(JURISDICTION)).write_bytes(basis.make(law, builder))
    endorsing.publish(folder / "epoch", version, logged)
    endorsing.trust([TrustedKey("Register", builder.public_key)]).save(folder / "trust.json")
    endorsing.close()
    return Props(
        folder=folder / "epoch",
        list_file=folder / "list.jsonl",
        table_key=folder / "table.key",
        trust_file=folder / "trust.json",
        world=folder / "world",
        manifest=manifest,
        listed=(),
        ordinary=(corpus.photographs(1, at_least_px=300)[0].data(400),),
        source="photographs",
    )


def stage(props: Props, folder: Path, plant: str = "") -> Stage:
    """Return a setting in which every device uses list 1."""
    guards: dict[str, Guard] = {}
    watches: dict[str, EpochWatch] = {}
    distribution = Distribution(folder / "repository")
    distribution.publish(props.folder)
    for name in PEOPLE:
        policy = Policy(JURISDICTION, provider_alerts=True)
        guards[name] = open_guard(folder / name, f"@{name}:example.org", name, policy, "a passphrase")
        watches[name] = distribution.watch(folder / name / "updates")
        assert watches[name].update(guards[name], Trust.load(props.trust_file)).alerts
    run = folder / "run"
    run.mkdir()
    stores = {name: folder / name / FILE for name in PEOPLE}
    provider = folder / "provider.sqlite3"
    with sqlite3.connect(provider) as connection:
        connection.execute("CREATE TABLE provider_device (id INTEGER PRIMARY KEY, table_id TEXT)")
        connection.execute("CREATE TABLE provider_arrival (device_id INTEGER)")
        connection.execute("INSERT INTO provider_device VALUES (1, ?)", (props.manifest.table_id.hex(),))
        connection.execute("INSERT INTO provider_arrival VALUES (1), (1)")
    connection.close()
    return Stage(Setting(props, distribution, guards, watches, stores, run, ENVIRONMENT, plant), provider)


@pytest.mark.e2e
def test_each_refusal_has_its_own_name(props: Props, tmp_path: Path) -> None:
    played = stage(props, tmp_path)
    facts = played.play()
    rows = [*facts["updates"], *facts["attempts"]]
    assert {row["name"]: {one["code"] for one in row["answers"].values()} for row in rows} == {
        name: {code} for name, code in SAID.items()
    }
    assert facts["updates"][0]["publisher"]["code"] == "tlog.no-quorum"
    assert [reason["code"] for reason in facts["register"]] == [
        "governance.single_source",
        "governance.not_endorsed",
    ]
    assert facts["tables"]["before"] == props.manifest.table_id.hex() != facts["tables"]["now"]
    assert (facts["endorsers_needed"], facts["witnesses_needed"]) == (3, 2)
    result, complaints = played.check(facts)
    assert complaints == []
    assert [row["accepted"] for row in result["updates"]] == [[], [], list(PEOPLE)]
    assert not any(row["accepted"] for row in result["attempts"])
    assert (result["sets_under_an_attempts_table"], result["sets_before"]) == (0, 2)


@pytest.mark.e2e
def test_a_device_that_believes_in_whoever_asks_is_noticed(props: Props, tmp_path: Path) -> None:
    played = stage(props, tmp_path, FAULT)
    result, complaints = played.check(played.play())
    assert complaints == [
        f"{WEAK} accepted what one organisation alone tried: it {INVENTED}",
        f"{WEAK} keeps a table that it should not",
        f"{WEAK} seals pictures under another table",
    ]
    assert [row["accepted"] for row in result["attempts"]] == [[]] * 7 + [[WEAK]]


@pytest.mark.e2e
def test_witnesses_answer_over_http_and_are_killed(props: Props, tmp_path: Path) -> None:
    world = tmp_path / "world"
    shutil.copytree(props.world, world)
    endorsing = Endorsing.open(world, Trust.load(props.trust_file).constitution)
    witnesses = Witnesses(endorsing, world, tmp_path, ENVIRONMENT)
    try:
        witnesses.launch()
        witnesses.wait()
        met = endorsing.policy.quorum_met
        signed = collect(endorsing.log, witnesses.policy())
        assert met({line.name for line in endorsing.policy.witnesses if signed.note.by(line.key)})
        witnesses.servers[HONEST].kill()
        with pytest.raises(NoQuorum) as caught:
            collect(endorsing.log, witnesses.policy())
        assert "does not answer" in caught.value.hint
        assert "does not verify" in caught.value.hint  # the liar
        witnesses.servers[HONEST].start()
        collect(endorsing.log, witnesses.policy())
    finally:
        witnesses.stop()
        endorsing.close()


def test_a_lie_is_well_formed_and_does_not_verify(props: Props) -> None:
    signer = Ed25519Signer("witness.example.org", b"l" * 32, COSIGNATURE_ED25519)
    shown = SignedCheckpoint.parse((props.world / "log" / "checkpoint").read_bytes())
    answer = liar.lie(AddCheckpoint(0, (), shown).to_bytes(), signer, 1_800_000_000)
    signature = Signature.parse(answer.decode().rstrip("\n"))
    assert signer.key.made(signature)
    with pytest.raises(BadCosignature):
        cosignatures.verify(shown.note.text, signature, signer.key)
    with pytest.raises(Malformed):
        liar.lie(b"old 0\n", signer, 1_800_000_000)
