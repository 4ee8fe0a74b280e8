"""What proofs cost, on one core: table audit, lawful pictures, log, and the device's check of a table.

The list is invented (uniform hashes), because nothing here depends on what pictures show. Seconds are
processor time of one worker. `verify_minutes_per_million_tokens` is the measured time for each token, times
a million; small tables have up to 6 % more slots a token than one of a million, so that it errs upwards.
Loading the kernel of `tutela.oprf.multiscalar`, which is compiled once a machine, is not in it; `kernel` says
whether the table was large enough to use it.

`log_append_per_s` is wall-clock time of appending to a tree in memory, `log_durable_batch_ms` that of a batch
of the log, signed and on the disk. `inclusion_us` is proving and checking one entry of the tree in memory,
and `inclusion_proof_bytes` the largest proof's hashes.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from tutela.bench.machine import machine, versions
from tutela.cli.output import stdout
from tutela.oprf import group, multiscalar, sodium
from tutela.voucher import audit, everyday, lawful
from tutela.voucher.building import build_table
from tutela.voucher.parameters import Parameters
from tutela.voucher.table import Table
from tutela.voucher.tokens import Token, entry_tokens, least_reliable

LAWFUL_PICTURES: Final = 20
TREE_ENTRIES: Final = 1 << 17
LOG_BATCH: Final = 1000
LOG_BATCHES: Final = 11
INCLUSIONS: Final = 400
MILLION: Final = 1_000_000


@dataclass(slots=True)
class Clock:
    """Processor seconds of the last measured block."""

    seconds: float = 0.0

    @contextmanager
    def measure(self) -> Iterator[None]:
        """Measure a block."""
        start = time.process_time()
        yield
        self.seconds = time.process_time() - start


@dataclass(frozen=True, slots=True)
class House:
    """An invented list and its table."""

    parameters: Parameters
    tokens: tuple[Token, ...]
    key: bytes
    table: Table


def run(entries: int) -> dict[str, Any]:
    """Measure, and return the object that `tutela bench audit --json` prints.

    Args:
        entries: of the invented list; each has a token in every mask.
    """
    rng = np.random.default_rng(20261123)
    with tempfile.TemporaryDirectory() as folder:
        house = _house(Path(folder), entries, rng)
        return {
            "entries": entries,
            "tokens": len(house.tokens),
            **_table(house, rng.bytes),
            **_lawful(house, rng),
            **_tree(rng),
            **_log(Path(folder) / "log", rng.bytes),
            **_device(house),
            "machine": machine(),
            "versions": {**versions(["tutela", "numpy", "numba"]), "libsodium": sodium.version()},
            "samples": {
                "lawful_pictures": LAWFUL_PICTURES,
                "tree_entries": TREE_ENTRIES,
                "log_batch": LOG_BATCH,
                "log_batches": LOG_BATCHES,
                "inclusions": INCLUSIONS,
                "slots": house.table.header.slots,
            },
        }


def show(result: dict[str, Any]) -> None:
    """Print a result for people."""
    say = partial(stdout.print, soft_wrap=True)
    say(f"{result['entries']} entries, {result['tokens']} tokens; one core")
    say(
        f"table     prove {result['prove_s']:.1f} s, verify {result['verify_s']:.1f} s, "
        f"{result['verify_minutes_per_million_tokens']:.2f} minutes a million tokens, "
        f"{result['proof_bytes']} bytes"
    )
    say(f"lawful    prove {result['lawful_prove_ms']:.1f} ms, verify {result['lawful_verify_ms']:.1f} ms")
    say(
        f"log       {result['log_append_per_s']:.0f} entries/s in memory, "
        f"{result['log_durable_batch_ms']:.1f} ms a durable batch of {LOG_BATCH}; "
        f"inclusion {result['inclusion_us']:.0f} us, {result['inclusion_proof_bytes']} bytes"
    )
    say(f"device    {result['device_check_us_per_slot']:.2f} us a slot")


def _house(folder: Path, entries: int, rng: np.random.Generator) -> House:
    parameters = everyday()
    tokens = tuple({t for _ in range(entries) for t in entry_tokens(parameters, rng.bytes(32))})
    key, path = group.reduce_scalar(rng.bytes(64)), folder / "table.bin"
    header = build_table(tokens, key=key, table_id=rng.bytes(32), seed=rng.bytes(32), path=path)
    return House(parameters, tokens, key, Table.open(path, header))


def _table(house: House, random: Callable[[int], bytes]) -> dict[str, Any]:
    clock, slots = Clock(), house.table.header.slots
    kernel = multiscalar.summation(slots) is multiscalar.by_kernel  # and compiled now, where it is not yet
    with clock.measure():
        proof = audit.prove_table(house.table.header, house.tokens, key=house.key, random=random, workers=1)
    prove_s = clock.seconds
    with clock.measure():
        audit.verify_table(house.table, house.tokens, proof, workers=1)
    minutes = clock.seconds / len(house.tokens) * MILLION / 60
    return {
        "prove_s": round(prove_s, 3),
        "verify_s": round(clock.seconds, 3),
        "verify_minutes_per_million_tokens": round(minutes, 3),
        "proof_bytes": len(proof.to_bytes()),
        "kernel": kernel,
    }


def _lawful(house: House, rng: np.random.Generator) -> dict[str, float]:
    """Milliseconds for one picture with all tokens that a device sends for it."""
    parameters, pictures = house.parameters, []
    for name in range(LAWFUL_PICTURES):
        places = least_reliable(parameters, rng.random(256).astype(np.float32))
        pictures.append(lawful.LawfulPicture(name.to_bytes(32), rng.bytes(32), places))
    chosen = lawful.LawfulSet(len(parameters.masks), parameters.probes, tuple(pictures))
    said, clock = (chosen, chosen.digest, house.table, parameters), Clock()
    with clock.measure():
        proofs = lawful.prove(*said, key=house.key, random=rng.bytes)
    prove_s = clock.seconds
    with clock.measure():
        lawful.verify(*said, proofs)
    each = 1000 / LAWFUL_PICTURES
    return {
        "lawful_prove_ms": round(prove_s * each, 2),
        "lawful_verify_ms": round(clock.seconds * each, 2),
    }


def _tree(rng: np.random.Generator) -> dict[str, float]:
    """Appending to a tree in memory, and proofs from it."""
    from tutela.tlog import tree

    leaves, grown = _leaves(rng.bytes, TREE_ENTRIES), tree.Tree()
    start = time.perf_counter()
    for leaf in leaves:
        grown.append(leaf)
    rate = TREE_ENTRIES / (time.perf_counter() - start)
    took, sizes, root = [], [], grown.root()
    for index in rng.integers(TREE_ENTRIES, size=INCLUSIONS).tolist():
        begin = time.perf_counter()
        hashes = grown.inclusion_proof(index)
        tree.verify_inclusion(tree.leaf_hash(leaves[index]), index, TREE_ENTRIES, hashes, root)
        took.append(time.perf_counter() - begin)
        sizes.append(len(b"".join(hashes)))
    return {
        "log_append_per_s": round(rate, 1),
        "inclusion_us": round(statistics.median(took) * 1e6, 1),
        "inclusion_proof_bytes": max(sizes),
    }


def _log(folder: Path, random: Callable[[int], bytes]) -> dict[str, float]:
    """Milliseconds (median) to append a batch and have it signed and on the disk."""
    from tutela.tlog import Ed25519Signer
    from tutela.tlog.log import Log

    took = []
    with Log.create(folder, Ed25519Signer("example.org/bench", random(32))) as log:
        for _ in range(LOG_BATCHES):
            batch = _leaves(random, LOG_BATCH)
            begin = time.perf_counter()
            log.append(batch)
            took.append(time.perf_counter() - begin)
    return {"log_durable_batch_ms": round(statistics.median(took) * 1000, 2)}


def _leaves(random: Callable[[int], bytes], count: int) -> list[bytes]:
    from tutela.tlog import Leaf

    now = datetime(2026, 1, 1, tzinfo=UTC)
    return [Leaf("epoch", random(32).hex(), now, {}).to_bytes() for _ in range(count)]


def _device(house: House) -> dict[str, float]:
    clock = Clock()
    with clock.measure():
        house.table.check()
    return {"device_check_us_per_slot": round(clock.seconds / house.table.header.slots * 1e6, 3)}
