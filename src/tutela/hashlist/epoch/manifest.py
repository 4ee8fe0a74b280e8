"""The manifest of an epoch: everything about a table that devices check before they use it.

It is a signed statement (`tutela.hashlist.envelope`) of type "tutela-epoch". It says nothing of the list's
contents: the commitment is salted, the counts are counts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from tutela.errors import TutelaError
from tutela.hashlist import strict_json
from tutela.hashlist.entries import format_time, parse_time
from tutela.hashlist.epoch.errors import CannotBuild
from tutela.hashlist.epoch.selection import Counts
from tutela.hashlist.epoch.threshold import Model, choose
from tutela.voucher.parameters import Parameters
from tutela.voucher.table import PREAMBLE, SLOT_BYTES, TableHeader

TYPE: Final = "tutela-epoch"
VERSION: Final = 2
MAX_NUMBER: Final = 1 << 32
MAX_DAYS: Final = 366
HASH_BYTES: Final = 32
_TABLE_ID: Final = b"tutela table id 1\0"
_SLOT_SEED: Final = b"tutela slot seed 1\0"


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes of the table's file and of every voucher."""

    table: int
    voucher: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """One epoch.

    Attributes:
        number: of the epoch; only ever grows.
        build: of the same epoch; grows when it is built again.
        category: the purpose; `tutela.hashlist.PURPOSE` is the only one that is accepted.
        parameters: of the vouchers, with the threshold.
        header: of the table.
        valid_from: first moment of use, UTC.
        valid_until: first moment after it.
        list_commitment: 32 bytes, `HashList.commitment()`.
        list_root: 32 bytes, root of the list version that organisations endorsed.
        checkpoint: 32 bytes, digest of the checkpoint of the log under which that list version was published;
            the slot seed follows from it, so nobody could try seeds against the list.
        counts: what is in the table and what was left out.
        model: inputs of the threshold.
        lawful_set: 32 bytes, digest of the lawful reference set that this epoch is proved against, or empty.
        absence: 32 bytes, commitment to the list's exact digests (`tutela.hashlist.absence`), or empty.
        endorsers: names of the trusted signers that verification found; not part of what is signed.

    Raises (on construction): CannotBuild.
    """

    number: int
    build: int
    category: str
    parameters: Parameters
    header: TableHeader
    valid_from: datetime
    valid_until: datetime
    list_commitment: bytes
    list_root: bytes
    checkpoint: bytes
    counts: Counts
    model: Model
    lawful_set: bytes = b""
    absence: bytes = b""
    endorsers: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        """Refuse a manifest that contradicts itself."""
        sound = (
            1 <= self.number <= MAX_NUMBER
            and 1 <= self.build <= MAX_NUMBER
            and self.valid_from < self.valid_until
            and {len(self.list_commitment), len(self.list_root), len(self.checkpoint)} == {HASH_BYTES}
            and {len(self.lawful_set), len(self.absence)} <= {0, HASH_BYTES}
            and self.counts.tokens <= self.header.tokens
            and self.table_id == table_id(self.number, self.build, self.category, self.list_commitment)
        )
        if not sound or self.threshold < self._least_threshold():
            raise CannotBuild("The manifest contradicts itself.")

    def _least_threshold(self) -> int:
        """Return what the model asks for with the tokens spread evenly over the masks: the least."""
        masks = len(self.parameters.masks)
        return choose(self.model, listed=-(-self.counts.tokens // masks), masks=masks)

    @property
    def table_id(self) -> bytes:
        """32 bytes that name the table."""
        return self.header.table_id

    @property
    def public_key(self) -> bytes:
        """A, the table's public key."""
        return self.header.public_key

    @property
    def root(self) -> bytes:
        """Tree hash of the table."""
        return self.header.root

    @property
    def threshold(self) -> int:
        """Distinct entries in one mask before a device opens."""
        return self.parameters.threshold

    @property
    def sizes(self) -> Sizes:
        """Bytes of the table's file and of every voucher."""
        return Sizes(PREAMBLE + self.header.slots * SLOT_BYTES, self.parameters.voucher_bytes)

    def digest(self) -> bytes:
        """Return SHA-256 of the canonical statement, by which a manifest is named in logs."""
        return hashlib.sha256(strict_json.canonical(self.to_statement())).digest()

    def to_statement(self) -> dict[str, Any]:
        """Return what is signed; commitments that an epoch does not make are left out."""
        made = {"lawful_set": self.lawful_set, "absence": self.absence}
        return {
            "type": TYPE,
            "version": VERSION,
            "number": self.number,
            "build": self.build,
            "category": self.category,
            "table_id": self.table_id.hex(),
            "parameters": self.parameters.to_dict(),
            "table": self.header.to_dict(),
            "sizes": {"table": self.sizes.table, "voucher": self.sizes.voucher},
            "threshold": self.threshold,
            "threshold_model": self.model.to_dict(),
            "valid_from": format_time(self.valid_from),
            "valid_until": format_time(self.valid_until),
            "root": self.root.hex(),
            "list_commitment": self.list_commitment.hex(),
            "list_root": self.list_root.hex(),
            "checkpoint": self.checkpoint.hex(),
            "counts": self.counts.to_dict(),
            **{name: value.hex() for name, value in made.items() if value},
        }

    @classmethod
    def from_statement(cls, data: Mapping[str, Any], endorsers: tuple[str, ...] = ()) -> Manifest:
        """Read a statement whose type and version were checked; what it says twice must agree.

        Raises:
            CannotBuild: a field is missing, unknown, of another form, or contradicts another.
        """
        try:
            manifest = cls(
                number=_whole(data["number"]),
                build=_whole(data["build"]),
                category=data["category"],
                parameters=Parameters.from_dict(data["parameters"]),
                header=TableHeader.from_dict(data["table"]),
                valid_from=parse_time(data["valid_from"]),
                valid_until=parse_time(data["valid_until"]),
                list_commitment=bytes.fromhex(data["list_commitment"]),
                list_root=bytes.fromhex(data["list_root"]),
                checkpoint=bytes.fromhex(data["checkpoint"]),
                counts=Counts.from_dict(data["counts"]),
                model=Model.from_dict(data["threshold_model"]),
                lawful_set=bytes.fromhex(data.get("lawful_set", "")),
                absence=bytes.fromhex(data.get("absence", "")),
                endorsers=endorsers,
            )
            same = strict_json.canonical(manifest.to_statement()) == strict_json.canonical(data)
        except (KeyError, TypeError, ValueError, AttributeError, TutelaError) as error:
            raise CannotBuild("The manifest lacks a field, or one has another form.") from error
        if not same:
            raise CannotBuild("The manifest contradicts itself, or says something unknown.")
        return manifest


def table_id(number: int, build: int, category: str, list_commitment: bytes) -> bytes:
    """Return the name of a table: a hash of epoch, build counter, category and list commitment."""
    said = {
        "number": number,
        "build": build,
        "category": category,
        "list_commitment": list_commitment.hex(),
    }
    return hashlib.sha256(_TABLE_ID + strict_json.canonical(said)).digest()


def slot_seed(list_commitment: bytes, checkpoint: bytes) -> bytes:
    """Return the seed from which slot seeds are tried: nobody chooses it against the list."""
    return hashlib.sha256(_SLOT_SEED + list_commitment + checkpoint).digest()


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise CannotBuild("A number of the manifest is not a whole number.")
    return value
