"""The table audit: a table holds the tokens of a list and nothing else (design, section 3).

Whoever holds the list computes, without the key a, the base point of every token, H(x), and of every free
slot. There are as many of them as slots, and peeling makes their equations triangular, so that together
they fix every slot of the table D:

    D[s1(x)] + D[s2(x)] + D[s3(x)] = a*H(x)       for each token x, dummies included
    D[s]                           = a*H("free", s)  for each slot that no token owns

One batched proof (`tutela.oprf.dleq`) shows all of them under the a of the public key. The right sides fold
to M = sum d_i*H_i. The left sides fold to sums over *slots*, Z = sum c_s*D[s], where c_s adds the d_i of all
equations in which the slot occurs: that costs no decoding of tokens at all, one multiple a slot.

Both sums are of what a verifier has, so they may take a time that depends on it (`tutela.oprf.multiscalar`):
the prover's key comes only to M. The list itself is not protected from who shares a verifier's machine.

The root on which all d_i depend is a digest of the sorted tokens, the layout and the table's own root. These
determine all pairs and their order.

Not protected here: that the list is the endorsed one (the manifest's commitment, checked by
`tutela.hashlist.auditing`), that devices load this table (its root in the log, gossip), and what the list's
holders agreed to list. The verifier must hold the list; nobody else learns anything from the proof.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from tutela.oprf import dleq, group, multiscalar
from tutela.oprf.dleq import Batch, ProofRefused, Random
from tutela.voucher import building, errors, hashing
from tutela.voucher.table import Progress, Table, TableHeader, free_point, token_point
from tutela.voucher.tokens import Token

MAGIC: Final = b"tutelaX1"
PROOF_BYTES: Final = len(MAGIC) + 3 * 32 + dleq.PROOF_BYTES
_SHARE: Final = multiscalar.CHUNK
_LIMBS: Final = 8

Limbs = npt.NDArray[np.uint64]
Terms = tuple[list[bytes], list[bytes]]


@dataclass(frozen=True, slots=True)
class TableProof:
    """What is published beside a table: 168 bytes, whatever the table's size.

    Attributes:
        table_id: of the table.
        public_key: A.
        statement: 32 bytes that determine all pairs.
        proof: of the batch.
    """

    table_id: bytes
    public_key: bytes
    statement: bytes
    proof: dleq.Proof

    def to_bytes(self) -> bytes:
        """Return the file's bytes."""
        return MAGIC + self.table_id + self.public_key + self.statement + self.proof.to_bytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a proof file; raises `AuditMalformed`."""
        if len(data) != PROOF_BYTES or not data.startswith(MAGIC):
            raise errors.AuditMalformed("This is not a table proof of this version.")
        table_id, public_key, statement = (data[at : at + 32] for at in (8, 40, 72))
        try:
            proof = dleq.Proof.from_bytes(data[104:])
        except dleq.ProofMalformed as error:
            raise errors.AuditMalformed(error.message) from error
        return cls(table_id, public_key, statement, proof)


@dataclass(frozen=True, slots=True)
class Equations:
    """All that a list and a header say of a table.

    Attributes:
        header: of the table.
        keys: the sorted tokens and dummies, as numbers.
        slots: shape (n, 3), the slots of each token.
        free: the slots that no token owns, ascending.
    """

    header: TableHeader
    keys: building.Keys
    slots: building.Slots
    free: building.Slots

    @classmethod
    def of(cls, header: TableHeader, tokens: Iterable[Token]) -> Self:
        """Lay the tokens out as the header says.

        Raises:
            OtherCount: the header is for another number of tokens.
            OtherLayout: its layout does not peel.
            TableError: there are no tokens.
        """
        keys = building.padded_keys(tokens)
        if len(keys) != header.tokens:
            raise errors.OtherCount(
                f"The table is for {header.tokens} tokens, but the list gives {len(keys)} (dummies included)."
            )
        slots = building.slots_of_all(keys, header.seed, header.segments, header.segment_length)
        peeled = building.peel(slots, header.slots)
        if peeled is None:
            raise errors.OtherLayout("The list's tokens cannot be placed as the table's header says.")
        return cls(header, keys, slots, np.setdiff1d(np.arange(header.slots), peeled[1]))

    def batch(self) -> Batch:
        """Return the batch whose root determines every pair: tokens, layout, and every slot."""
        header = self.header
        digest = hashlib.blake2b(digest_size=32, person=hashing.TOKENS.ljust(16, b"\0"))
        for start in range(0, len(self.keys), _SHARE):
            part = self.keys[start : start + _SHARE]
            digest.update(part.astype(">u8").view(np.uint8).reshape(-1, 8)[:, 2:].tobytes())
        layout = header.segments.to_bytes(4, "little") + header.segment_length.to_bytes(4, "little")
        said = hashing.frame(digest.digest(), header.seed, layout, header.root)
        root = hashing.digest(hashing.STATEMENT, said)
        return Batch(header.table_id, header.public_key, root, header.slots)

    def base(self, index: int) -> bytes:
        """Return H_i: tokens in order, then free slots in order."""
        tokens = len(self.keys)
        if index < tokens:
            return token_point(self.header.table_id, building.token_bytes(self.keys[index]))
        return free_point(self.header.table_id, int(self.free[index - tokens]))

    def fold_bases(self, batch: Batch, progress: Callable[[int], None], workers: int = 1) -> bytes:
        """Return M = sum d_i*H_i."""
        d = batch.coefficients()

        def terms(indices: range) -> Terms:
            return [d(i) for i in indices], [self.base(i) for i in indices]

        return _sum(terms, self.header.slots, progress, workers)

    def fold_slots(
        self, batch: Batch, table: Table, progress: Callable[[int], None], workers: int = 1
    ) -> bytes:
        """Return Z = sum c_s*D[s]; raises `InvalidPoint` where a slot is not a group element."""
        c = self._slot_coefficients(batch)

        def terms(indices: range) -> Terms:
            return [_scalar(c[s]) for s in indices], [table.slot(s) for s in indices]

        return _sum(terms, self.header.slots, progress, workers)

    def _slot_coefficients(self, batch: Batch) -> Limbs:
        """Return c_s for each slot, in limbs of 32 bits with room above: shape (slots, 8)."""
        d, tokens = batch.coefficients(), len(self.keys)
        total = np.zeros((self.header.slots, _LIMBS), np.uint64)
        for start in range(0, self.header.slots, _SHARE):
            count = min(_SHARE, self.header.slots - start)
            drawn = b"".join(d(index) for index in range(start, start + count))
            limbs = np.frombuffer(drawn, "<u4").reshape(-1, _LIMBS).astype(np.uint64)
            listed = max(0, min(count, tokens - start))
            for column in self.slots[start : start + listed].T:
                np.add.at(total, column, limbs[:listed])
            first = start + listed - tokens
            total[self.free[first : first + count - listed]] += limbs[listed:]
        return total


def prove_table(
    header: TableHeader,
    tokens: Iterable[Token],
    *,
    key: bytes,
    random: Random,
    progress: Progress | None = None,
    workers: int | None = None,
) -> TableProof:
    """Prove that the table of `header` holds exactly `tokens` under `key`.

    The prover folds only the base points; what it proves is false, and refused, if the table is not the one
    that `build_table` makes of these tokens.

    Args:
        header: of the built table.
        tokens: of the list.
        key: the table's secret scalar a.
        random: gives n bytes; a hedge for the derived nonce.
        progress: called with (points done, points in all).
        workers: threads; default: one for each core.

    Raises:
        SecretRefused: the key is not the one of the header.
        OtherCount, OtherLayout: the tokens are not those of the header.
    """
    if group.multiply_base(key) != header.public_key:
        raise dleq.SecretRefused("The key is not the one of this table.")
    equations = Equations.of(header, tokens)
    batch = equations.batch()
    base = equations.fold_bases(batch, _step(progress, 0, header.slots), _cores(workers))
    _, proof = dleq.prove_folded(key, batch, base, random)
    return TableProof(header.table_id, header.public_key, batch.root, proof)


def verify_table(
    table: Table,
    tokens: Iterable[Token],
    proof: TableProof,
    progress: Progress | None = None,
    workers: int | None = None,
) -> None:
    """Check that a table holds `tokens` under the one key of its header, and nothing else.

    Args:
        table: opened against the header that the manifest signs.
        tokens: of the list.
        proof: from the proof file.
        progress: called with (points done, points in all).
        workers: threads; default: one for each core.

    Raises:
        AuditFailed: one of its subclasses says what is wrong.
    """
    header = table.header
    if (proof.table_id, proof.public_key) != (header.table_id, header.public_key):
        raise errors.OtherTable("The proof names another table, or another key.")
    equations = Equations.of(header, tokens)
    try:
        table.check_root()
    except errors.TableError as error:
        raise errors.OtherRoot(error.message) from error
    batch = equations.batch()
    if proof.statement != batch.root:
        raise errors.OtherStatement("The proof is about another list of tokens, or another table.")
    slots = header.slots
    try:
        product = equations.fold_slots(batch, table, _step(progress, 0, 2 * slots), _cores(workers))
    except group.InvalidPoint as error:
        raise errors.BadSlot("A slot of the table is not a group element.") from error
    base = equations.fold_bases(batch, _step(progress, slots, 2 * slots), _cores(workers))
    try:
        dleq.verify_folded(proof.proof, batch, base, product)
    except ProofRefused as error:
        raise errors.Inexact("The table does not hold exactly the list under one key.") from error


def rebuild(
    table: Table,
    tokens: Iterable[Token],
    *,
    key: bytes,
    seed: bytes,
    folder: Path,
    progress: Progress | None = None,
) -> None:
    """Build the table again in a temporary file of `folder` and compare: for whoever holds list *and* key.

    Raises:
        Differs: another header or root comes out.
    """
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        again = building.build_table(
            tokens,
            key=key,
            table_id=table.header.table_id,
            seed=seed,
            path=Path(temporary) / "table",
            progress=progress,
        )
    if again != table.header:
        raise errors.Differs("Built again from the list and the key, the table is another one.")
    try:
        table.check_root()
    except errors.TableError as error:
        raise errors.OtherRoot(error.message) from error


def _scalar(limbs: Limbs) -> bytes:
    """Return the scalar of eight limbs that may exceed 32 bits each."""
    total = sum(limb << 32 * place for place, limb in enumerate(limbs.tolist()))
    return group.reduce_scalar(total.to_bytes(64, "little"))


def _cores(workers: int | None) -> int:
    return workers or os.cpu_count() or 1


def _sum(terms: Callable[[range], Terms], count: int, progress: Callable[[int], None], workers: int) -> bytes:
    """Return the sum of scalar*point over all indices, by shares on `workers` threads."""
    add_up = multiscalar.summation(count)
    total = group.IDENTITY
    with ThreadPoolExecutor(workers) as pool:
        for block in _blocks(count, workers):
            for point in pool.map(lambda indices: add_up(*terms(indices)), block):
                total = group.add(total, point)
            progress(block[-1].stop)
    return total


def _blocks(count: int, workers: int) -> Iterator[list[range]]:
    """Yield for each round one range of indices a worker, so that little is held at once."""
    share = min(_SHARE, -(-count // workers))
    step = share * workers
    for start in range(0, count, step):
        ends = range(start, min(start + step, count), share)
        yield [range(end, min(end + share, count)) for end in ends]


def _step(progress: Progress | None, before: int, whole: int) -> Callable[[int], None]:
    def step(done: int) -> None:
        if progress:
            progress(before + done, whole)

    return step
