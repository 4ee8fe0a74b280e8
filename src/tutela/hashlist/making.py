"""A list from a folder of pictures, by the exact path of `tutela.fingerprint`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tutela.errors import InputError
from tutela.hashlist.clusters import clustered
from tutela.hashlist.entries import Entry, Labels
from tutela.hashlist.errors import BadFile
from tutela.voucher.lawful import LawfulPicture, LawfulSet
from tutela.voucher.parameters import Parameters
from tutela.voucher.tokens import least_reliable

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that is not in the list, and why; its name is for whoever owns the folder only."""

    name: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Made:
    """What a folder gave: clustered entries, files that could not be read, and repeated files."""

    entries: tuple[Entry, ...]
    unreadable: tuple[Unreadable, ...]
    duplicates: int


def pictures_of(folder: Path) -> tuple[Path, ...]:
    """Return the files of a folder and its subfolders in order of names, hidden ones left out.

    Raises:
        BadFile: it is not a folder that can be read.
    """
    if not folder.is_dir():
        raise BadFile(f"{folder.name} is not a folder.")
    try:
        found = sorted(path for path in folder.rglob("*") if path.is_file())
    except OSError as error:
        raise BadFile("The folder cannot be read.") from error
    return tuple(path for path in found if not _hidden(path.relative_to(folder)))


def make(
    folder: Path,
    labels: Labels,
    *,
    progress: Progress | None = None,
) -> Made:
    """Fingerprint every picture of a folder.

    Files that cannot be read are reported, not raised, so that the caller decides. The names of files do
    not enter the list.

    Args:
        folder: searched with its subfolders.
        labels: what all entries share; the path of their provenance should be "exact".
        progress: called with (files done, files in all).

    Raises:
        BadFile: there is no such folder.
    """
    from tutela.fingerprint import fingerprint_file

    files = pictures_of(folder)
    found: dict[bytes, Entry] = {}
    unreadable: list[Unreadable] = []
    for done, path in enumerate(files, start=1):
        try:
            digests = fingerprint_file(path, path="exact")
        except (InputError, OSError) as error:
            unreadable.append(_unreadable(str(path.relative_to(folder)), error))
        else:
            if digests.sha256 not in found:
                found[digests.sha256] = labels.entry(
                    pdq=digests.pdq, sha256=digests.sha256, md5=digests.md5, quality=digests.quality
                )
        if progress:
            progress(done, len(files))
    duplicates = len(files) - len(unreadable) - len(found)
    return Made(clustered(tuple(found.values())), tuple(unreadable), duplicates)


def _unreadable(name: str, error: InputError | OSError) -> Unreadable:
    if isinstance(error, InputError):
        return Unreadable(name, error.code, error.message)
    return Unreadable(name, "hashlist.file", "The file cannot be read.")


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def make_lawful(folder: Path, parameters: Parameters, *, progress: Progress | None = None) -> LawfulSet:
    """Return the lawful reference set of a folder of pictures, for one profile.

    Pictures below the profile's quality are left out: devices send random tokens for them.

    Args:
        folder: searched with its subfolders.
        parameters: of the profile.
        progress: called with (files done, files in all).

    Raises:
        BadFile: there is no such folder.
        AuditMalformed: no picture is left, or there are too many.
        FingerprintError: a file is not a readable picture; a published set has no gaps.
    """
    from tutela.fingerprint import fingerprint_file

    files, found = pictures_of(folder), {}
    for done, path in enumerate(files, start=1):
        digests = fingerprint_file(path, path="exact")
        if digests.quality >= parameters.minimum_quality:
            places = least_reliable(parameters, digests.reliability)
            found[digests.sha256] = LawfulPicture(digests.sha256, digests.pdq, places)
        if progress:
            progress(done, len(files))
    return LawfulSet(len(parameters.masks), parameters.probes, tuple(found[name] for name in sorted(found)))
