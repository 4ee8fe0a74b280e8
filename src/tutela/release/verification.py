"""Check a release: its checksums, its signature, its bill of materials, its leaf, and a build of one's own.

Every way to fail has its own error (see `errors`).

What this does NOT protect: a release key that a thief has signs what the thief wants; the log shows it to
everyone, and a rebuild shows whether it is the source's. Neither says that the source is good.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from tutela.errors import TutelaError
from tutela.release import builds, making, sbom, sums
from tutela.release.archives import difference
from tutela.release.errors import (
    BadBillOfMaterials,
    BadSignature,
    ChecksumDiffers,
    NotLogged,
    RebuildDiffers,
    UnlistedFile,
)
from tutela.tlog import Leaf, Policy, Verified, note, verify_offline
from tutela.tlog.leaves import Value

#: a release stays in the log for ever: a proof of it is as good as on the day that it was made
_NO_AGE: Final = timedelta(days=36_500)


@dataclass(frozen=True, slots=True)
class Release:
    """What a folder says that it is, after its checksums and its bill of materials were checked."""

    version: str
    commit: builds.Commit
    sums: dict[str, str]
    listed: bytes

    @property
    def wheel(self) -> str:
        """The wheel's file name."""
        return f"tutela-{self.version}{making.WHEEL_END}"

    @property
    def sbom(self) -> str:
        """The file name of the bill of materials."""
        return f"tutela-{self.version}{making.SBOM_END}"

    def leaf(self) -> Leaf:
        """Return what a transparency log records of this release; `sha256` is that of SHA256SUMS."""
        when = datetime.fromtimestamp(self.commit.time, UTC)
        files = [f"{value}  {name}" for name, value in sorted(self.sums.items()) if name != self.sbom]
        fields: dict[str, Value] = {
            "version": self.version,
            "commit": self.commit.name,
            "files": files,
            "sbom": self.sums[self.sbom],
        }
        return Leaf("release", sums.digest(self.listed), when, fields)


def read(folder: Path) -> Release:
    """Return the release in a folder.

    Raises:
        FileMissing, BadSums: the list or a file is missing or malformed.
        UnlistedFile: there is more than the list names, or the list names another set than a release.
        ChecksumDiffers: a file is not the listed one.
        BadBillOfMaterials: it does not fit its schema, or is of another release.
    """
    listed = making.get(folder / making.SUMS)
    stated = sums.parse(listed)
    _check_files(folder, stated)
    bills = [name for name in stated if name.endswith(making.SBOM_END)]
    if len(bills) != 1:
        raise UnlistedFile(f"SHA256SUMS names {len(bills)} bills of materials.")
    version, commit, wheel = sbom.subject(making.get(folder / bills[0]))
    release = Release(version, commit, stated, listed)
    if stated.keys() != {release.wheel, release.sbom, f"tutela-{version}{making.SDIST_END}"}:
        raise UnlistedFile(f"SHA256SUMS does not name the three files of release {version[:40]!a}.")
    if stated[release.wheel] != wheel:
        raise BadBillOfMaterials("The bill of materials is that of another wheel.")
    return release


def check_signature(folder: Path, release: Release, key: note.VerifierKey) -> None:
    """Check that the signed note is over this list, and signed by a key.

    Raises:
        FileMissing: there is no note.
        BadSignature: the note is malformed, over another list, or not validly signed by the key.
    """
    data = making.get(folder / making.NOTE)
    try:
        signed = note.Note.parse(data)
        for signature in signed.by(key):
            note.verify(signed.text, signature, key)
    except TutelaError as error:
        raise BadSignature(f"The signed note does not hold. {error.message}") from error
    if signed.text.encode() != release.listed:
        raise BadSignature("The signed note is over another list of checksums.")
    if not signed.by(key):
        raise BadSignature(f"The signed note is not signed by {key.name}.")


def check_logged(release: Release, proof: bytes, policy: bytes, now: datetime) -> Verified:
    """Check that the release's leaf is in a log that the policy's witnesses vouched for.

    Raises:
        NotLogged: the proof or the policy is malformed, or does not hold; the message says why.
    """
    try:
        return verify_offline(proof, release.leaf().to_bytes(), Policy.parse(policy), now, max_age=_NO_AGE)
    except TutelaError as error:
        raise NotLogged(f"The release is not shown to be logged. {error.message}", hint=error.hint) from error


def check_rebuild(
    folder: Path,
    release: Release,
    source: Path,
    surroundings: Sequence[builds.Surroundings] = builds.SURROUNDINGS,
) -> None:
    """Build the release's commit here, and compare every file of the release byte for byte.

    Raises:
        NoSource, BuildFailed, NotReproducible: there is nothing to compare with.
        RebuildDiffers: a file differs; the message names its member.
    """
    commit = builds.head(source, name=release.commit.name)
    made = making.make(source, commit, surroundings=surroundings)
    made.pop(making.SUMS)
    if made.keys() != release.sums.keys():
        raise RebuildDiffers("The commit gives a release of another version.")
    for name, data in made.items():
        released = making.get(folder / name)
        if data == released:
            continue
        said = f"{name} differs" if name == release.sbom else difference(name, released, data)
        raise RebuildDiffers(
            f"What the commit gives here is not what was released. {said}.",
            hint="The same members packed differently mean another zlib; anything else needs an explanation.",
        )


def _check_files(folder: Path, stated: dict[str, str]) -> None:
    for name, value in stated.items():
        if sums.digest(making.get(folder / name)) != value:
            raise ChecksumDiffers(f"The file {name} is not the one that SHA256SUMS names.")
    known = {*stated, making.SUMS, making.NOTE, making.PROOF}
    for path in sorted(folder.iterdir()):
        if path.name not in known:
            raise UnlistedFile(f"SHA256SUMS does not name {path.name}, which lies beside it.")
