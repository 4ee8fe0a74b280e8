"""What is wrong with a release is named: sums, signature, bill of materials, log, rebuild."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.release.conftest import ROOT, SIGNER, git
from typer.testing import CliRunner

from tutela.cli.release import app
from tutela.errors import TutelaError
from tutela.release import builds, making, sbom, sums, verification
from tutela.release.errors import (
    BadBillOfMaterials,
    BadSignature,
    BadSums,
    ChecksumDiffers,
    FileMissing,
    NotLogged,
    RebuildDiffers,
    UnlistedFile,
)
from tutela.tlog import Ed25519Signer, Leaf, Proof, checkpoint, note, tree

WHEEL, SBOM = "tutela-0.1.0-py3-none-any.whl", "tutela-0.1.0.cdx.json"
NOW = datetime(2030, 1, 1, tzinfo=UTC)


def relist(folder: Path) -> None:
    """What a clever thief without the key does: new checksums for the changed files."""
    names = [path.name for path in folder.iterdir() if path.name.startswith("tutela-")]
    listed = sums.write({name: sums.digest((folder / name).read_bytes()) for name in names})
    (folder / making.SUMS).write_bytes(listed)


def test_a_release_holds(folder: Path, clone: Path) -> None:
    release = verification.read(folder)
    verification.check_signature(folder, release, SIGNER.key)
    verification.check_rebuild(folder, release, clone)
    assert release.commit == builds.head(clone)


def test_a_changed_file_is_named(folder: Path) -> None:
    (folder / WHEEL).write_bytes((folder / WHEEL).read_bytes()[:-1] + b"x")
    with pytest.raises(ChecksumDiffers, match=re.escape(WHEEL)):
        verification.read(folder)


def test_a_missing_file_and_one_too_many_are_named(folder: Path) -> None:
    (folder / "extra.whl").write_bytes(b"")
    with pytest.raises(UnlistedFile, match=r"extra\.whl"):
        verification.read(folder)
    (folder / WHEEL).unlink()
    with pytest.raises(FileMissing, match=re.escape(WHEEL)):
        verification.read(folder)


def test_a_list_without_the_three_files_is_named(folder: Path) -> None:
    (folder / "tutela-0.1.0.tar.gz").unlink()
    relist(folder)
    with pytest.raises(UnlistedFile, match="three files"):
        verification.read(folder)


def test_a_changed_list_does_not_bear_the_signature(folder: Path) -> None:
    sdist = folder / "tutela-0.1.0.tar.gz"
    sdist.write_bytes(sdist.read_bytes() + b"x")
    relist(folder)
    with pytest.raises(BadSignature, match="another list"):
        verification.check_signature(folder, verification.read(folder), SIGNER.key)


def test_a_signature_of_nobody_or_of_another_key_is_named(folder: Path) -> None:
    release = verification.read(folder)
    other = Ed25519Signer(SIGNER.name, bytes(32))
    with pytest.raises(BadSignature, match="not signed by"):
        verification.check_signature(folder, release, other.key)
    path = folder / making.NOTE
    signed = note.Note.parse(path.read_bytes())
    line = signed.signatures[0]
    forged = note.Signature(line.name, line.key_id, line.value[:-1] + bytes([line.value[-1] ^ 1]))
    path.write_bytes(note.Note(signed.text, (forged,)).to_bytes())
    with pytest.raises(BadSignature, match="does not hold"):
        verification.check_signature(folder, release, SIGNER.key)
    path.write_bytes(b"no note")
    with pytest.raises(BadSignature, match="does not hold"):
        verification.check_signature(folder, release, SIGNER.key)
    path.unlink()
    with pytest.raises(FileMissing):
        verification.check_signature(folder, release, SIGNER.key)


def test_a_second_signer_adds_a_signature(folder: Path) -> None:
    second = Ed25519Signer("example.org/second", bytes(32))
    assert len(making.sign(folder, second).signatures) == 2
    release = verification.read(folder)
    for key in (SIGNER.key, second.key):
        verification.check_signature(folder, release, key)


def test_the_bill_lists_every_locked_package_with_its_hashes(folder: Path, clone: Path) -> None:
    components = json.loads((folder / SBOM).read_text())["components"]
    found = {(each["name"], each["version"]): each["externalReferences"][0]["hashes"] for each in components}
    blocks = re.split(r"^(?=\S)", (clone / "requirements" / "demo.txt").read_text(), flags=re.MULTILINE)
    wanted = [block for block in blocks if block.strip()]
    assert len(wanted) > 100
    for block in wanted:
        name, version = re.match(r"([^=\[]+)(?:\[.*\])?==(\S+)", block).groups()  # type: ignore[union-attr]
        hashes = {each["content"] for each in found[name, version]}
        assert hashes == set(re.findall(r"sha256:([0-9a-f]{64})", block)), name
    assert ("govuk-frontend", "6.6.0") in found


def test_the_bill_says_nothing_of_the_moment_or_the_machine(made: dict[str, bytes], clone: Path) -> None:
    commit = builds.head(clone)
    packages = sbom.requirements((ROOT / "requirements" / "demo.txt").read_text())
    wheel = sums.digest(made[WHEEL])
    one, again = (sbom.make("0.1.0", commit, wheel, each) for each in (packages, packages[::-1]))
    assert one == again
    other = sbom.make("0.1.0", commit, wheel, packages[1:])
    assert json.loads(one)["serialNumber"] != json.loads(other)["serialNumber"]
    assert sbom.subject(one) == ("0.1.0", commit, wheel)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda bill: bill.pop("bomFormat"),
        lambda bill: bill["metadata"].pop("properties"),
        lambda bill: bill["metadata"]["component"].pop("version"),
        lambda bill: bill["metadata"].update(timestamp="yesterday"),
        lambda bill: bill["metadata"]["component"]["hashes"][0].update(content="0" * 64),
        lambda bill: bill["components"][0].update(type="nonsense"),
        lambda bill: bill.update(unknown=1),
    ],
)
def test_a_spoiled_bill_is_named(folder: Path, spoil: object) -> None:
    bill = json.loads((folder / SBOM).read_text())
    spoil(bill)  # type: ignore[operator]
    (folder / SBOM).write_text(json.dumps(bill))
    relist(folder)
    with pytest.raises(BadBillOfMaterials):
        verification.read(folder)


@pytest.mark.parametrize("line", ["numpy", "numpy>=2 --hash=sha256:" + "0" * 64, "numpy==2.4.6"])
def test_a_requirement_without_pin_or_hash_is_refused(line: str) -> None:
    with pytest.raises(BadBillOfMaterials, match="numpy"):
        sbom.requirements(line + "\n")


def test_a_release_of_other_source_is_named(folder: Path, clone: Path, tmp_path: Path) -> None:
    """The commit is claimed, and the wheel is another one's."""
    other = tmp_path / "other"
    git(tmp_path, "clone", "--quiet", str(clone), str(other))
    (other / "src" / "tutela" / "errors.py").write_text("# another source\n")
    git(other, "commit", "--quiet", "--all", "--message", "Another")
    release = verification.read(folder)
    planted = making.make(other, builds.head(other))
    bill = json.loads(planted[SBOM])
    bill["metadata"]["properties"][0]["value"] = release.commit.name
    planted[SBOM] = json.dumps(bill).encode()
    making.write(folder, planted)
    relist(folder)
    with pytest.raises(RebuildDiffers, match=r"tutela/errors\.py differs in its content"):
        verification.check_rebuild(folder, verification.read(folder), clone)


def logged(leaf: bytes) -> tuple[bytes, bytes]:
    """A proof that a log of three has the leaf, and a policy without witnesses."""
    signer = Ed25519Signer("example.org/log", bytes(range(1, 33)))
    hashes = [tree.leaf_hash(each) for each in (b"one", leaf, b"three")]
    left = tree.node_hash(hashes[0], hashes[1])
    signed = checkpoint.sign(
        checkpoint.Checkpoint("example.org/log", 3, tree.node_hash(left, hashes[2])), signer
    )
    return Proof(1, (hashes[0], hashes[2]), signed).to_bytes(), f"log {signer.key}\nquorum none\n".encode()


def test_the_leaf_says_what_the_release_is(folder: Path) -> None:
    release = verification.read(folder)
    leaf = Leaf.parse(release.leaf().to_bytes())
    assert leaf.kind == "release"
    assert leaf.sha256 == sha256((folder / making.SUMS).read_bytes()).hexdigest()
    assert leaf.fields["commit"] == release.commit.name
    assert leaf.fields["sbom"] == release.sums[SBOM]
    assert len(leaf.fields["files"]) == 2  # type: ignore[arg-type]


def test_a_logged_release_holds_and_another_does_not(folder: Path) -> None:
    release = verification.read(folder)
    proof, policy = logged(release.leaf().to_bytes())
    assert verification.check_logged(release, proof, policy, NOW).index == 1
    for bad in (logged(b"another release")[0], proof[:-20], b""):
        with pytest.raises(NotLogged):
            verification.check_logged(release, bad, policy, NOW)
    with pytest.raises(NotLogged):
        verification.check_logged(release, proof, b"quorum none\n", NOW)


def test_the_commands(clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUTELA_KEY_PASSPHRASE", "a passphrase for this test only")

    def call(*words: str) -> dict[str, object]:
        done = CliRunner().invoke(app, [*words, "--json"], catch_exceptions=False)
        assert done.exit_code == 0
        return dict(json.loads(done.stdout))

    out, key, name = str(tmp_path / "dist"), str(tmp_path / "release.key"), "example.org/release"
    call("build", "--out", out, "--source", str(clone))
    public = str(tmp_path / "release.pub")
    printed = call("keygen", "--key-out", key, "--public-out", public, "--name", name)["key"]
    assert Path(public).read_text() == f"{printed}\n"
    call("sign", out, "--signing-key", key, "--name", name)
    proof, policy = logged(str(call("leaf", out)["leaf"]).encode())
    (tmp_path / "proof").write_bytes(proof)
    (tmp_path / "policy").write_bytes(policy)
    logs = ("--proof", str(tmp_path / "proof"), "--policy", str(tmp_path / "policy"))
    done = call("verify", out, "--key", public, *logs, "--rebuild", "--source", str(clone))
    assert done["checked"] == ["checksums", "bill of materials", "signature", "log", "rebuild"]
    with pytest.raises(TutelaError, match="asks for --policy"):
        call("verify", out, "--key", public, "--proof", str(tmp_path / "proof"))


NAMES = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._+-]{0,40}", fullmatch=True)
SUMS = st.dictionaries(NAMES, st.binary(min_size=32, max_size=32).map(bytes.hex), min_size=1, max_size=20)


@given(SUMS)
def test_sums_come_back(listed: dict[str, str]) -> None:
    assert sums.parse(sums.write(listed)) == listed


@given(st.binary(max_size=300) | st.text("0af /\n.x\\-", max_size=300).map(str.encode))
@example(b"0" * 64 + b"  ../a\n")
@example(b"0" * 64 + b"  a\n\n")
@example(b"0" * 64 + b"  a\n" + b"0" * 64 + b"  a\n")
@example(b"0" * 64 + b"  b\n" + b"0" * 64 + b"  a\n")
@example(b"0" * 64 + b" *a\n")
@example(b"0" * 64 + b"  a\r\n")
@example(b"0" * 64 + b"  .hidden\n")
def test_whatever_is_read_is_in_the_one_form(data: bytes) -> None:
    try:
        listed = sums.parse(data)
    except BadSums:
        return
    assert sums.write(listed) == data


@given(SUMS, st.data())
def test_one_changed_byte_never_reads_as_the_same_list(listed: dict[str, str], data: st.DataObject) -> None:
    written = sums.write(listed)
    at = data.draw(st.integers(0, len(written) - 1))
    changed = written[:at] + bytes([data.draw(st.integers(0, 255))]) + written[at + 1 :]
    try:
        assert (sums.parse(changed) == listed) == (changed == written)
    except BadSums:
        assert changed != written


def test_a_list_too_long_is_refused() -> None:
    with pytest.raises(BadSums, match="larger"):
        sums.parse(b"0" * (sums.MAX_BYTES + 1))
