"""Read a log from a URL or a folder, and collect cosignatures from witnesses.

Whatever is read is verified against a checkpoint that a known key of the log signed, before it is returned.
"""

from __future__ import annotations

import http.client
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

from tutela.tlog import checkpoint as checkpoints
from tutela.tlog import cosignature, files, tiles, tree
from tutela.tlog.checkpoint import SignedCheckpoint
from tutela.tlog.errors import (
    Absent,
    Malformed,
    NoQuorum,
    NotIncluded,
    StoreRolledBack,
    StoreTruncated,
    TrustError,
    Unreachable,
    WitnessRefused,
)
from tutela.tlog.log import CHECKPOINT, Log
from tutela.tlog.note import MAX_NOTE_BYTES, Signature, VerifierKey, decimal, plain_text
from tutela.tlog.policy import Policy, WitnessLine
from tutela.tlog.proof import Proof
from tutela.tlog.witness import MAX_BODY_BYTES, AddCheckpoint, Answer

TIMEOUT_SECONDS: Final = 10.0
#: a witness that is ahead of what we assume says so once; a second time it moved in between
_TRIES: Final = 3

Ask = Callable[[WitnessLine, bytes], Answer]


class Source(Protocol):
    """Where a log's files lie."""

    def read(self, path: str, limit: int) -> bytes:
        """Return a file of at most `limit` bytes.

        Raises:
            Absent: there is none. Unreachable: it cannot be had now.
        """
        ...


@dataclass(frozen=True, slots=True)
class FolderSource:
    """A log, or a copy of one, in a folder."""

    folder: Path

    def read(self, path: str, limit: int) -> bytes:
        """Return a file (`Source.read`)."""
        try:
            return files.read(self.folder, path, limit)
        except StoreTruncated as error:
            raise Absent(f"The folder {self.folder.name} has no {path}.") from error


@dataclass(frozen=True, slots=True)
class UrlSource:
    """A log behind a URL prefix, `http` or `https`."""

    url: str
    timeout: float = TIMEOUT_SECONDS

    def read(self, path: str, limit: int) -> bytes:
        """Return a file (`Source.read`)."""
        answer = request("GET", f"{self.url.rstrip('/')}/{path}", b"", limit, self.timeout)
        if answer.status == http.client.NOT_FOUND:
            raise Absent(f"The log has no {path}.")
        if answer.status != http.client.OK:
            raise Unreachable(f"The log answers {answer.status} for {path}.", hint="Try again later.")
        return answer.body


@dataclass(frozen=True, slots=True)
class LogReader:
    """A log that is read from outside.

    Args:
        source: its files.
        keys: of the log.
    """

    source: Source
    keys: Sequence[VerifierKey]

    def checkpoint(self) -> SignedCheckpoint:
        """Return the newest published checkpoint, the log's signature on it verified.

        Raises:
            Unreachable, Malformed, UnknownLog, BadLogSignature: see `errors`.
        """
        signed = SignedCheckpoint.parse(self.source.read(CHECKPOINT, MAX_NOTE_BYTES))
        checkpoints.verify(signed, self.keys)
        return signed

    def nodes(self, size: int) -> tiles.TileNodes:
        """Return the unverified nodes of the tree of a published size."""
        return tiles.TileNodes(self._tile, size)

    def consistency(self, old: SignedCheckpoint, new: SignedCheckpoint) -> tuple[bytes, ...]:
        """Return the proof that one published checkpoint continues another.

        Raises:
            Fork: what the log serves does not prove it.
        """
        one, two = old.checkpoint, new.checkpoint
        proof = tree.consistency_proof(self.nodes(two.size), one.size, two.size)
        tree.verify_consistency(one.size, one.root, two.size, two.root, proof)
        return proof

    def proof(self, index: int, signed: SignedCheckpoint) -> Proof:
        """Return the offline proof of an entry.

        Raises:
            NotIncluded: what the log serves does not prove it.
        """
        nodes, under = self.nodes(signed.checkpoint.size), signed.checkpoint
        hashes = tree.inclusion_proof(nodes, index, under.size)
        tree.verify_inclusion(nodes(0, index), index, under.size, hashes, under.root)
        return Proof(index, hashes, signed)

    def entries(self, signed: SignedCheckpoint, start: int = 0, stop: int | None = None) -> list[bytes]:
        """Return entries, each verified to be in the checkpointed tree.

        Raises:
            NotIncluded: one is not what the tree holds.
        """
        under = signed.checkpoint
        stop = under.size if stop is None else min(stop, under.size)
        nodes, found = self.nodes(under.size), []
        for index in range(start // tiles.WIDTH, -(-stop // tiles.WIDTH)):
            first, wide = index * tiles.WIDTH, tiles.width(0, index, under.size)
            bundle = tiles.parse_bundle(self._tile(tiles.path(tiles.ENTRIES, index, wide)), wide)
            if [tree.leaf_hash(entry) for entry in bundle] != [nodes(0, first + at) for at in range(wide)]:
                raise NotIncluded("The entries that the log serves are not those that it signed.")
            # One proof binds the whole tile: all its other hashes are siblings on the way up.
            path = tree.inclusion_proof(nodes, first, under.size)
            tree.verify_inclusion(nodes(0, first), first, under.size, path, under.root)
            found += bundle[max(0, start - first) : stop - first]
        return found

    def _tile(self, path: str) -> bytes:
        limit = tiles.MAX_BUNDLE_BYTES if tiles.ENTRIES in path else tiles.MAX_TILE_BYTES
        try:
            return self.source.read(path, limit)
        except Absent:
            full, gap, _ = path.partition(".p/")
            if not gap:
                raise
            return self.source.read(full, limit)


def collect(log: Log, policy: Policy, ask: Ask | None = None) -> SignedCheckpoint:
    """Return the log's head with the cosignatures of witnesses that make the policy's quorum.

    Witnesses are asked in the policy's order, and no more once the quorum is met.

    Args:
        log: whose head is submitted.
        policy: names the witnesses, and their URLs.
        ask: sends a request to a witness; default: over HTTP, to its URL.

    Raises:
        NoQuorum: too few cosigned.
        StoreRolledBack: a witness knows a larger tree of this log than its own folder holds.
    """
    signed, met, problems = log.head, set[str](), list[str]()
    for witness in policy.witnesses:
        if policy.quorum_met(met):
            break
        try:
            signed = signed.signed([cosigned(log, witness, ask or post)])
            met.add(witness.name)
        except (Unreachable, WitnessRefused, TrustError, Malformed) as error:
            problems.append(f"{witness.name}: {error.message}")
    if not policy.quorum_met(met):
        raise NoQuorum(
            f"{len(met)} witnesses cosigned, which is not the quorum {policy.quorum!a}.",
            hint=" ".join(problems) or "Name more witnesses in the policy.",
        )
    return signed


def cosigned(log: Log, witness: WitnessLine, ask: Ask) -> Signature:
    """Return one witness's verified cosignature on the log's head.

    Raises:
        WitnessRefused, Unreachable, BadCosignature, StoreRolledBack: see `collect`.
    """
    published = log.published()
    old = published.checkpoint.size if published and published.note.by(witness.key) else 0
    for _ in range(_TRIES):
        body = AddCheckpoint(old, log.consistency(old), log.head).to_bytes()
        answer = ask(witness, body)
        if answer.status == http.client.OK:
            return _cosignature(log.head, witness, answer)
        if answer.status != http.client.CONFLICT:
            break
        old = decimal(plain_text(answer.body, 32)[:-1])
        if old > log.size:
            raise StoreRolledBack(
                f"The witness {witness.name} saw {old} entries of this log; its folder holds {log.size}.",
                hint="Never append to this copy: restore the newest one, or found a new log.",
            )
    said = answer.body[:200].decode("utf-8", "replace").strip()
    raise WitnessRefused(answer.status, f"It answers {answer.status}: {said!a}")


def _cosignature(signed: SignedCheckpoint, witness: WitnessLine, answer: Answer) -> Signature:
    for line in plain_text(answer.body)[:-1].split("\n"):
        found = Signature.parse(line)
        if witness.key.made(found):
            cosignature.verify(signed.note.text, found, witness.key)
            return found
    raise WitnessRefused(answer.status, "It answers without a cosignature of its key.")


def post(witness: WitnessLine, body: bytes) -> Answer:
    """Send `add-checkpoint` to a witness's URL.

    Raises:
        Unreachable: it has none, or does not answer.
    """
    if not witness.url:
        raise Unreachable("The policy names no URL for it.")
    url = f"{witness.url.rstrip('/')}/add-checkpoint"
    return request("POST", url, body, MAX_BODY_BYTES, TIMEOUT_SECONDS)


def request(method: str, url: str, body: bytes, limit: int, timeout: float) -> Answer:
    """Send one HTTP request; follow nothing, and read at most `limit` bytes (of an error: the first).

    Raises:
        Unreachable: no connection, no answer in time, or an answer that is too long.
    """
    try:
        parts = urlsplit(url)
        kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
        connection = kinds[parts.scheme](parts.hostname or "", parts.port, timeout=timeout)
    except (ValueError, KeyError, http.client.HTTPException) as error:
        raise Unreachable("The address is not an http or https URL.") from error
    try:
        connection.request(method, parts.path or "/", body or None)
        answer = connection.getresponse()
        data = answer.read(limit + 1)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unreachable(f"{parts.hostname} does not answer.", hint="Is the address right?") from error
    finally:
        connection.close()
    if len(data) > limit and answer.status == http.client.OK:
        raise Unreachable(f"{parts.hostname} answers with more than {limit} bytes.")
    return Answer(answer.status, data[:limit], answer.headers.get("Content-Type", ""))
