"""What proofs cost, on one core: table audit, lawful pictures, log, and the device's check of a table.

The list is invented (uniform hashes), because nothing here depends on what pictures show. Seconds are
processor time of one worker. `verify_minutes_per_million_tokens` is the measured time for each token, times a
million; small tables have up to 6 % more slots a token than one of a million, so that it errs upwards.
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
from tutela.oprf import group, sodium
from tutela.voucher import audit, everyday, lawful
from tutela.voucher.building import build_table
from tutela.voucher.parameters import Parameters
from tutela.voucher.table import Table
from tutela.voucher.tokens import Token, entry_tokens, least_reliable

LAWFUL_PICTURES: Final = 20
LOG_ENTRIES: Final = 4096
LOG_BATCH: Final = 256
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
            **_log(Path(folder) / "log", rng.bytes),
            **_device(house),
            "machine": machine(),
            "versions": {**versions(["tutela", "numpy"]), "libsodium": sodium.version()},
            "samples": {
                "lawful_pictures": LAWFUL_PICTURES,
                "log_entries": LOG_ENTRIES,
                "log_batch": LOG_BATCH,
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
    say(f"log       {result['log_append_per_s']:.0f} entries/s, inclusion {result['inclusion_us']:.0f} us")
    say(f"device    {result['device_check_us_per_slot']:.2f} us a slot")


def _house(folder: Path, entries: int, rng: np.random.Generator) -> House:
    parameters = everyday()
    tokens = tuple({t for _ in range(entries) for t in entry_tokens(parameters, rng.bytes(32))})
    key, path = group.reduce_scalar(rng.bytes(64)), folder / "table.bin"
    header = build_table(tokens, key=key, table_id=rng.bytes(32), seed=rng.bytes(32), path=path)
    return House(parameters, tokens, key, Table.open(path, header))


def _table(house: House, random: Callable[[int], bytes]) -> dict[str, Any]:
    clock = Clock()
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


def _log(folder: Path, random: Callable[[int], bytes]) -> dict[str, float]:
    """Wall-clock entries a second, each batch on the disk; and microseconds to prove and check one entry."""
    from tutela.tlog import Ed25519Signer, Leaf, tree
    from tutela.tlog.log import Log

    now = datetime(2026, 1, 1, tzinfo=UTC)
    leaves = [Leaf("epoch", random(32).hex(), now, {}).to_bytes() for _ in range(LOG_ENTRIES)]
    with Log.create(folder, Ed25519Signer("example.org/bench", random(32))) as log:
        start = time.perf_counter()
        for at in range(0, LOG_ENTRIES, LOG_BATCH):
            log.append(leaves[at : at + LOG_BATCH])
        rate = LOG_ENTRIES / (time.perf_counter() - start)
        head = log.head.checkpoint
        took = []
        for index in range(0, LOG_ENTRIES, LOG_ENTRIES // INCLUSIONS):
            begin = time.perf_counter()
            hashes = tree.inclusion_proof(log.nodes(), index, head.size)
            tree.verify_inclusion(tree.leaf_hash(leaves[index]), index, head.size, hashes, head.root)
            took.append(time.perf_counter() - begin)
    return {"log_append_per_s": round(rate, 1), "inclusion_us": round(statistics.median(took) * 1e6, 1)}


def _device(house: House) -> dict[str, float]:
    clock = Clock()
    with clock.measure():
        house.table.check()
    return {"device_check_us_per_slot": round(clock.seconds / house.table.header.slots * 1e6, 3)}
