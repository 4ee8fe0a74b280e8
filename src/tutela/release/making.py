"""Make a release folder, and sign it.

tutela-<version>-py3-none-any.whl     the wheel, built twice
tutela-<version>.tar.gz               the source distribution, built twice
tutela-<version>.cdx.json             the bill of materials
SHA256SUMS                            of these three
SHA256SUMS.note                       the same list as a signed note (C2SP), once it is signed
SHA256SUMS.tlog-proof                 that the release is in a log (C2SP), once it is logged
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tutela.release import sbom, sums
from tutela.release.builds import SURROUNDINGS, Commit, Surroundings, build_twice
from tutela.release.errors import BuildFailed, FileMissing
from tutela.tlog import note

SUMS: Final = "SHA256SUMS"
NOTE: Final = "SHA256SUMS.note"
PROOF: Final = "SHA256SUMS.tlog-proof"
WHEEL_END: Final = "-py3-none-any.whl"
SDIST_END: Final = ".tar.gz"
SBOM_END: Final = ".cdx.json"
MAX_BYTES: Final = 256 * 1024 * 1024


def make(
    source: Path, commit: Commit, *, surroundings: Sequence[Surroundings] = SURROUNDINGS
) -> dict[str, bytes]:
    """Return the files of a release, unsigned: name -> bytes.

    Raises:
        NotReproducible, BuildFailed, NoSource: see `builds.build_twice`.
        BadBillOfMaterials: see `sbom`.
    """
    built = build_twice(source, commit, quote=(sbom.REQUIREMENTS, sbom.VENDORED), surroundings=surroundings)
    wheels = [name for name in built.files if name.endswith(WHEEL_END)]
    if len(wheels) != 1:
        raise BuildFailed(f"The build made {len(wheels)} wheels.")
    stem = wheels[0].removesuffix(WHEEL_END)
    locked = sbom.requirements(built.quoted[sbom.REQUIREMENTS].decode())
    inside = sbom.vendored(built.quoted[sbom.VENDORED].decode())
    wheel = sums.digest(built.files[wheels[0]])
    files = dict(built.files)
    files[stem + SBOM_END] = sbom.make(stem.partition("-")[2], commit, wheel, (*locked, *inside))
    files[SUMS] = sums.write({name: sums.digest(data) for name, data in files.items()})
    return files


def write(folder: Path, files: dict[str, bytes]) -> None:
    """Write a release into a folder, each file whole or not at all; the files of another release go.

    Raises:
        FileMissing: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            if old.name in {NOTE, PROOF} or (old.name not in files and _of_a_release(old.name)):
                old.unlink()
        for name, data in files.items():
            put(folder / name, data)
    except OSError as error:
        raise FileMissing(f"The folder {folder.name} cannot be written.") from error


def sign(folder: Path, signer: note.Signer) -> note.Note:
    """Sign the list of checksums of a folder; signatures of others stay if they are over the same list.

    Raises:
        FileMissing: there is no list.
        BadSums: it is not one.
    """
    data = get(folder / SUMS)
    sums.parse(data)
    signed = note.Note(data.decode(), ())
    if (folder / NOTE).exists():
        before = note.Note.parse(get(folder / NOTE))
        signed = before if before.text == signed.text else signed
    signed = signed.signed([note.sign(signed.text, signer)])
    put(folder / NOTE, signed.to_bytes())
    return signed


def get(path: Path) -> bytes:
    """Return a file's bytes, at most 256 MiB.

    Raises:
        FileMissing: it cannot be read, or is larger.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise FileMissing(f"The file {path.name} cannot be read.") from error
    if len(data) > MAX_BYTES:
        raise FileMissing(f"The file {path.name} is larger than {MAX_BYTES} bytes.")
    return data


def put(path: Path, data: bytes) -> None:
    """Write a public file, whole or not at all.

    Raises:
        FileMissing: it cannot be written.
    """
    new = path.with_name(f".{path.name}.new")
    try:
        new.write_bytes(data)
        new.replace(path)
    except OSError as error:
        raise FileMissing(f"The file {path.name} cannot be written.") from error


def _of_a_release(name: str) -> bool:
    return name.startswith("tutela-") and name.endswith((WHEEL_END, SDIST_END, SBOM_END))
