from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from epoch_samples import photographs, sample_list
from list_samples import entry
from typer.testing import CliRunner, Result

from trust_world import World
from tutela.cli.epoch import app
from tutela.errors import UsageError
from tutela.hashlist import BadFile, HashList
from tutela.hashlist.epoch import EpochExists, Older, UnknownSigner
from tutela.hashlist.epoch.errors import Unpublished
from tutela.hashlist.epoch.logged import NotLogged
from tutela.hashlist.legal_basis import BadLegalBasis, LegalBasisMissing
from tutela.hashlist.trust import BadTrust, TrustedKey, TrustIncomplete
from tutela.oprf import group
from tutela.sealed import PassphraseMissing, keyfile

BUILDER = TrustedKey("Any", bytes(32))


@pytest.fixture(autouse=True)
def passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUTELA_KEY_PASSPHRASE", "an invented passphrase")
    monkeypatch.delenv("TUTELA_KEY_PASSPHRASE_FILE", raising=False)
    monkeypatch.setattr(keyfile.save, "__kwdefaults__", {"overwrite": False, "cost": 12})


def call(*args: object) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args])


def output(*args: object) -> dict[str, Any]:
    result = call(*args, "--json")
    assert result.exit_code == 0, result.exception
    assert len(result.stdout.splitlines()) == 1
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    sample_list().save(tmp_path / "list.jsonl")
    args = (
        "--key-out",
        tmp_path / "sign.key",
        "--trust",
        tmp_path / "trust.json",
        "--name",
        "Example Centre",
    )
    assert output("keygen", *args, "--role", "epoch", "--role", "legal-basis")["name"] == "Example Centre"
    world = World(datetime.now(UTC) - timedelta(seconds=2), tmp_path)
    monkeypatch.setattr("tutela.tlog.client.post", world.endorsing.ask)
    _write_register(tmp_path, world)
    trust = ("--trust", tmp_path / "trust.json")
    anchors = ("--constitution", tmp_path / "constitution.json", "--policy", tmp_path / "policy")
    assert output("trust", *trust, *anchors)["constitution"] == world.trust(BUILDER).constitution.hex()
    logged = output("log-list", tmp_path / "bundle", *trust, *log(tmp_path), "--out", tmp_path / "listed")
    assert logged["list_root"] == world.version.root.hex()
    (tmp_path / "root").write_text(logged["list_root"])
    return tmp_path


def _write_register(place: Path, world: World) -> None:
    """Write what a register gives: a list version's files, the constitution, and a log that can be opened."""
    (place / "bundle").mkdir()
    for name, data in world.version.files.items():
        (place / "bundle" / name).write_bytes(data)
    (place / "constitution.json").write_bytes(world.endorsing.history.records()[0].data)
    (place / "policy").write_bytes(world.endorsing.policy.to_bytes())
    world.endorsing.log.close()
    signer = world.endorsing.log._signer
    (place / "world" / "log" / "log.vkey").write_text(f"{signer.key}\n")
    keyfile.save(place / "log.key", signer.private, "an invented passphrase")


def log(place: Path) -> tuple[object, ...]:
    return ("--log", place / "world" / "log", "--log-key", place / "log.key")


def publish(place: Path, folder: str) -> dict[str, Any]:
    trust = ("--trust", place / "trust.json", "--checkpoint", place / "listed")
    return output("publish", place / folder, place / "bundle", *trust, *log(place))


def after(place: Path) -> tuple[object, ...]:
    return ("--list-root", (place / "root").read_text(), "--checkpoint", place / "listed")


def build(place: Path, folder: str, *more: object) -> dict[str, Any]:
    args = (
        "--out",
        place / folder,
        "--signing-key",
        place / "sign.key",
        "--key-out",
        place / f"{folder}.key",
        *after(place),
    )
    return output("build", place / "list.jsonl", *args, *more)


def test_an_epoch_is_built_verified_and_endorsed(place: Path) -> None:
    made = build(place, "one")
    assert (made["number"], made["threshold"], made["counts"]["entries"]) == (1, 5, 12)
    key = keyfile.load(place / "one.key", "an invented passphrase")
    assert len(key) == 32
    unpublished = call("verify", place / "one", "--trust", place / "trust.json")
    assert isinstance(unpublished.exception, Unpublished)
    assert publish(place, "one")["endorsers"] == ["east-hotline", "north-centre", "south-rights"]
    checked = output("verify", place / "one", "--trust", place / "trust.json")
    assert (checked["builders"], checked["root"]) == (["Example Centre"], made["root"])
    assert checked["endorsers"] == ["east-hotline", "north-centre", "south-rights"]
    refreshed = output("refresh", place / "one", "--trust", place / "trust.json", *log(place))
    assert refreshed["size"] == checked["size"]
    assert group.multiply_base(key).hex() in (place / "one" / "manifest.json").read_text()
    second = ("--key-out", place / "second.key", "--trust", place / "trust.json", "--name", "Second Centre")
    assert call("keygen", *second).exit_code == 0
    assert call("endorse", place / "one", "--signing-key", place / "second.key").exit_code == 0
    human = call("verify", place / "one", "--trust", place / "trust.json")
    assert "Example Centre, Second Centre" in human.stdout
    assert isinstance(call("keygen", *second).exception, BadTrust)


def test_succession(place: Path) -> None:
    build(place, "one")
    assert build(place, "two", "--previous", place / "one")["number"] == 2
    publish(place, "one")
    publish(place, "two")
    verify = ("--trust", place / "trust.json", "--previous")
    assert call("verify", place / "two", *verify, place / "one").exit_code == 0
    refused = call("verify", place / "one", *verify, place / "two")
    assert isinstance(refused.exception, Older)
    again = call(
        "build",
        place / "list.jsonl",
        "--out",
        place / "one",
        "--signing-key",
        place / "sign.key",
        "--key-out",
        place / "k",
        *after(place),
    )
    assert isinstance(again.exception, EpochExists)
    assert not (place / "k").exists()


def test_options_of_the_table(place: Path) -> None:
    HashList((entry(1, photographs(1)[0]),)).save(place / "benign.jsonl")
    made = build(
        place,
        "one",
        "--benign",
        place / "benign.jsonl",
        "--number",
        7,
        "--days",
        30,
        "--false-pair-rate",
        "1e-7",
    )
    assert made["counts"]["tokens_common"] == 8
    assert (made["number"], made["counts"]["clusters_without_tokens"]) == (7, 1)
    assert made["threshold"] > 5


def test_legal_basis(place: Path) -> None:
    build(place, "one")
    (place / "assessment.pdf").write_bytes(b"an assessment")
    args = (
        "--jurisdiction",
        "GB",
        "--signing-key",
        place / "sign.key",
        "--impact-assessment",
        place / "assessment.pdf",
    )
    made = output("legal-basis", "make", "--out", place / "one", "--statute", "Example Act 2026", *args)
    assert made["file"].endswith("legal-basis-GB.json")
    trust = ("--trust", place / "trust.json")
    checked = output("legal-basis", "check", place / "one", "--jurisdiction", "GB", *trust)
    assert checked["signers"] == ["Example Centre"]
    refused = call("legal-basis", "check", place / "one", "--jurisdiction", "FR", *trust)
    assert isinstance(refused.exception, LegalBasisMissing)


def test_conflicts_of_laws_are_shown(place: Path) -> None:
    (place / "assessment.pdf").write_bytes(b"an assessment")
    (place / "one").mkdir()
    how = ("--signing-key", place / "sign.key", "--impact-assessment", place / "assessment.pdf")
    for name, *more in (("GB",), ("FR", "--act", "alert", "--keep-days", 90)):
        law = ("--jurisdiction", name, "--statute", f"Example Act of {name}")
        output("legal-basis", "make", "--out", place / "one", *law, *how, *more)
    ask = ("legal-basis", "conflicts", place / "one", "--trust", place / "trust.json")
    found = output(*ask, "--jurisdiction", "DE")
    assert found["jurisdictions"] == ["DE", "FR", "GB"]
    assert [each["kind"] for each in found["conflicts"]] == ["permits", "reports", "keeping"]
    assert {view["jurisdiction"] for view in found["conflicts"][1]["views"]} == {"FR", "GB"}
    said = call(*ask).stdout
    assert "FR: no report may follow" in said
    assert "GB  content may be kept for 366 days after a report" in " ".join(said.split(" " * 4))
    (place / "one" / "legal-basis-FR.json").write_bytes(b"{}")
    assert output(*ask)["unusable"][0]["code"] == "legal_basis.tampered"
    assert "No conflict among the legal bases that are there." in call(*ask).stdout
    refused = call("legal-basis", "make", "--out", place / "one", *law, *how, "--act", "keep")
    assert isinstance(refused.exception, BadLegalBasis)


def test_what_is_wrong_is_said(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(place, "one")
    assert (
        call(
            "keygen", "--key-out", place / "x.key", "--trust", place / "other.json", "--name", "Other"
        ).exit_code
        == 0
    )
    publish(place, "one")
    refused = call("verify", place / "one", "--trust", place / "other.json")
    assert isinstance(refused.exception, TrustIncomplete)
    anchors = ("--constitution", place / "constitution.json", "--policy", place / "policy")
    assert call("trust", "--trust", place / "other.json", *anchors).exit_code == 0
    refused = call("verify", place / "one", "--trust", place / "other.json")
    assert isinstance(refused.exception, UnknownSigner)
    assert isinstance(call("verify", place / "absent", "--trust", place / "trust.json").exception, BadFile)
    monkeypatch.delenv("TUTELA_KEY_PASSPHRASE")
    assert isinstance(
        call("endorse", place / "one", "--signing-key", place / "sign.key").exception, PassphraseMissing
    )


def test_what_was_published_is_audited(place: Path) -> None:
    from tutela.cli.audit import app as audit

    def audited(*args: object) -> dict[str, Any]:
        result = CliRunner().invoke(audit, [*map(str, args), "--trust", str(place / "trust.json"), "--json"])
        assert result.exit_code == 0, result.exception
        found: dict[str, Any] = json.loads(result.stdout)
        return found

    build(place, "one")
    publish(place, "one")
    assert audited("list", place / "bundle")["number"] == 1
    where = place / "world" / "log"
    whole = audited(
        "log", where, "--list", place / "bundle", "--epoch", place / "one", "--previous", place / "listed"
    )
    assert whole["leaves"]["epoch"] == 1
    assert whole["leaves"]["endorsement"] == 3
    assert whole["found"] == whole["size"] + 2  # the three endorsements name one list version
    build(place, "two", "--previous", place / "one")
    args = ["log", str(where), "--epoch", str(place / "two"), "--trust", str(place / "trust.json")]
    assert isinstance(CliRunner().invoke(audit, args).exception, NotLogged)


def test_the_builder_is_told_to_destroy_its_copy_of_the_table_key(place: Path) -> None:
    args = ("--out", place / "told", "--signing-key", place / "sign.key", "--key-out", place / "told.key")
    said = call("build", place / "list.jsonl", *args, *after(place)).stdout
    assert f"{place / 'told.key'} to the provider" in said
    assert "destroy your copy of it and its backups" in said


def test_policies_and_models_in_use_are_logged(place: Path) -> None:
    from tutela.cli.audit import app as audit
    from tutela.cli.log import app as logs

    def by(program: Any, *args: object) -> Result:
        return CliRunner().invoke(program, [*map(str, args), "--json"])

    folder, trust = place / "world" / "log", place / "trust.json"
    check = ("log", folder, "--trust", trust, "--in-use")
    assert isinstance(by(audit, *check).exception, NotLogged)
    files = {
        "trust": ("policy", trust),
        "log-policy": ("policy", place / "policy"),
        "everyday": ("model", ""),
    }
    for name, (kind, file) in files.items():
        args = ("leaf", name, *([file] if file else []), "--kind", kind, "--version", 1)
        made = by(logs, *args, "--signing-key", place / "sign.key", "--out", place / f"{name}.leaf")
        assert made.exit_code == 0, made.exception
    leaves = [place / f"{name}.leaf" for name in files]
    append = ("append", folder, *leaves, "--signing-key", place / "log.key", "--policy", place / "policy")
    assert by(logs, *append).exit_code == 0
    done = by(audit, *check)
    assert done.exit_code == 0, done.exception
    found = json.loads(done.stdout)
    assert (found["found"], found["leaves"]["model"], found["leaves"]["policy"]) == (3, 1, 2)
    assert [(each["name"], each["signer"]) for each in found["published"]] == [
        (name, "Example Centre") for name in files
    ]
    shown = CliRunner().invoke(audit, [str(arg) for arg in check]).stdout
    assert "model everyday: version 1, signed by Example Centre" in shown
    trust.write_text(trust.read_text().replace("Example Centre", "Example Center"))
    assert isinstance(by(audit, *check).exception, NotLogged)
    refused = by(
        logs, "leaf", "rules", "--kind", "policy", "--version", 1, *append[5:7], "--out", place / "x"
    )
    assert isinstance(refused.exception, UsageError)
