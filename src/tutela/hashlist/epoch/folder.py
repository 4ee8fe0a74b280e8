"""The names of the files in a published epoch's folder, and the small ones of them read at once: its papers.

manifest.json, table.bin, table.proof   the epoch (`building`)
constitution.json                       every constitution, from the first to the one in force
endorsements.json                       who endorsed the list version that the manifest names
list.tlog-proof                         that version in the log, under the checkpoint that the manifest names
epoch.tlog-proof                        the manifest in the log, under a checkpoint with fresh cosignatures
legal-basis-XX.json, .tlog-proof        the law of a jurisdiction, and that it is in the log
log/checkpoint, log/tile/...            hashes of the log: it continues what a device saw before
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from tutela.errors import InputError
from tutela.hashlist.epoch.errors import BadPapers, Unpublished
from tutela.hashlist.epoch.verification import MANIFEST_FILE, PROOF_FILE, TABLE_FILE
from tutela.hashlist.errors import BadFile
from tutela.hashlist.legal_basis import file_name
from tutela.hashlist.trust import read_small
from tutela.tlog import SignedCheckpoint, tree
from tutela.tlog.client import FolderSource, LogReader, Source
from tutela.tlog.errors import Absent, ConsistencyMissing
from tutela.tlog.log import CHECKPOINT
from tutela.tlog.proof import SUFFIX, Proof
from tutela.tlog.tiles import HEIGHT, WIDTH, path, width

CONSTITUTION_FILE: Final = "constitution.json"
ENDORSEMENTS_FILE: Final = "endorsements.json"
LIST_PROOF_FILE: Final = f"list{SUFFIX}"
EPOCH_PROOF_FILE: Final = f"epoch{SUFFIX}"
LAWFUL_FILE: Final = "lawful.proof"
LOG_FOLDER: Final = "log"
#: what is served beside the table, whatever the jurisdiction
SMALL_FILES: Final = (MANIFEST_FILE, CONSTITUTION_FILE, ENDORSEMENTS_FILE, LIST_PROOF_FILE, EPOCH_PROOF_FILE)
#: all of a folder that is public under a fixed name
PUBLIC_FILES: Final = (*SMALL_FILES, TABLE_FILE, PROOF_FILE, LAWFUL_FILE, f"{LOG_FOLDER}/{CHECKPOINT}")
MAX_SMALL: Final = 1 << 22
_BASIS: Final = re.compile(rf"legal-basis-[A-Z]{{2}}(?:\.json|{re.escape(SUFFIX)})", re.ASCII)


def basis_proof_name(jurisdiction: str) -> str:
    """Return the name of the proof that a jurisdiction's legal basis is in the log."""
    return file_name(jurisdiction).removesuffix(".json") + SUFFIX


def is_basis_name(name: str) -> bool:
    """Say whether a file is a legal basis, or the proof of one."""
    return _BASIS.fullmatch(name) is not None


def published_files(folder: Path) -> tuple[str, ...]:
    """Return the names of the public files that an epoch's folder holds, sorted; nothing else is."""
    found = [name for name in PUBLIC_FILES if (folder / name).is_file()]
    found += [path.name for path in folder.glob("legal-basis-*") if is_basis_name(path.name)]
    tiles = (path for path in (folder / LOG_FOLDER).glob("tile/**/[!.]*") if path.is_file())
    found += [path.relative_to(folder).as_posix() for path in tiles]
    return tuple(sorted(found))


def tile_names(size: int) -> tuple[str, ...]:
    """Return the paths of all hash tiles of a log of `size` leaves."""
    found: list[str] = []
    level = 0
    while (count := size >> HEIGHT * level) > 0:
        found += [path(level, at, width(level, at, size)) for at in range(-(-count // WIDTH))]
        level += 1
    return tuple(found)


def continuation(source: Source, before: SignedCheckpoint | None, now: SignedCheckpoint) -> tuple[bytes, ...]:
    """Return the hashes that should show that one checkpoint continues another; nothing is verified here.

    Raises:
        ConsistencyMissing: the tiles that are needed are not there.
    """
    old, new = (0 if before is None else before.checkpoint.size), now.checkpoint.size
    if not 0 < old < new:
        return ()
    try:
        return tree.consistency_proof(LogReader(source, ()).nodes(new), old, new)
    except (Absent, InputError) as error:
        raise ConsistencyMissing(
            "The folder lacks the hashes that show that the log continues what was seen before.",
            hint="Fetch it again.",
        ) from error


@dataclass(frozen=True, slots=True)
class Papers:
    """What is checked of an epoch beside its table, as bytes: enough to check it again at any time.

    Attributes:
        manifest, constitution, endorsements, list_proof, epoch_proof: the files.
        since_list: the log between the checkpoint of `list_proof` and that of `epoch_proof`.
        basis, basis_proof: the files of the jurisdiction; empty where there are none.
    """

    manifest: bytes
    constitution: bytes
    endorsements: bytes
    list_proof: bytes
    epoch_proof: bytes
    since_list: tuple[bytes, ...] = ()
    basis: bytes = b""
    basis_proof: bytes = b""

    @classmethod
    def of(cls, folder: Path, jurisdiction: str) -> Self:
        """Read an epoch's folder.

        Raises:
            BadFile: the manifest is not there.
            Unpublished: another file is not there.
            Malformed, Truncated, ConsistencyMissing: a proof is none, or the log's hashes are not there.
        """
        manifest = read_small(folder / MANIFEST_FILE)
        constitution, endorsements, listed, logged = (_read(folder / name) for name in SMALL_FILES[1:])
        source = FolderSource(folder / LOG_FOLDER)
        since = continuation(source, Proof.parse(listed).checkpoint, Proof.parse(logged).checkpoint)
        basis, proof = (_law(folder, name(jurisdiction)) for name in (file_name, basis_proof_name))
        return cls(manifest, constitution, endorsements, listed, logged, since, basis, proof)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        files = {name: getattr(self, name).decode() for name in self.__slots__ if name != "since_list"}
        return {**files, "since_list": [step.hex() for step in self.since_list]}

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        """Read the JSON form; raises `BadPapers`."""
        try:
            files = {name: data[name].encode() for name in cls.__slots__ if name != "since_list"}
            return cls(**files, since_list=tuple(bytes.fromhex(step) for step in data["since_list"]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadPapers("The papers of an epoch lack a file, or one has another form.") from error


def _law(folder: Path, name: str) -> bytes:
    """Return a file of the jurisdiction; of what is no jurisdiction there is none."""
    path = folder / name
    return _read(path) if is_basis_name(name) and path.is_file() else b""


def _read(path: Path) -> bytes:
    try:
        return read_small(path, MAX_SMALL)
    except BadFile as error:
        raise Unpublished(f"The file {path.name} is missing.") from error
