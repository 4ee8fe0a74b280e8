"""`tutela bench audit` measures what it says: tables, proofs and logs that hold, and their sizes."""

from __future__ import annotations

from typing import Any

import pytest

from tutela.bench import audit
from tutela.oprf import multiscalar
from tutela.tlog import tree
from tutela.tlog.log import Log
from tutela.voucher.audit import PROOF_BYTES


class Watched:
    """What the bench really did."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.appended = 0
        self.proofs: list[int] = []


@pytest.fixture(scope="module")
def watched() -> Watched:
    return Watched()


@pytest.fixture(scope="module")
def result(watched: Watched) -> dict[str, Any]:
    append, grow, check = Log.append, tree.Tree.append, tree.verify_inclusion

    def batch(self: Log, entries: Any) -> Any:
        watched.batches.append(len(entries))
        return append(self, entries)

    def leaf(self: tree.Tree, entry: bytes) -> None:
        watched.appended += 1
        grow(self, entry)

    def proof(hashed: bytes, index: int, size: int, hashes: Any, root: bytes) -> None:
        check(hashed, index, size, hashes, root)
        watched.proofs.append(len(hashes))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audit, "TREE_ENTRIES", 3000)
        patch.setattr(audit, "INCLUSIONS", 40)
        patch.setattr(audit, "LAWFUL_PICTURES", 1)
        patch.setattr(Log, "append", batch)
        patch.setattr(tree.Tree, "append", leaf)
        patch.setattr(tree, "verify_inclusion", proof)
        return audit.run(12)


def test_the_table_s_proof_is_the_published_file(result: dict[str, Any]) -> None:
    assert result["proof_bytes"] == PROOF_BYTES < 1000
    assert result["verify_minutes_per_million_tokens"] == pytest.approx(
        result["verify_s"] / result["tokens"] * 1e6 / 60, abs=0.2
    )


def test_a_small_table_does_not_load_the_kernel(result: dict[str, Any]) -> None:
    assert result["kernel"] is False
    assert result["samples"]["slots"] < multiscalar.KERNEL_FROM


def test_every_entry_is_appended_to_a_tree_in_memory_and_proofs_come_from_it(
    result: dict[str, Any], watched: Watched
) -> None:
    assert watched.appended == result["samples"]["tree_entries"] == 3000
    assert len(watched.proofs) == 40
    assert result["inclusion_proof_bytes"] == 32 * max(watched.proofs) < 1000
    assert result["inclusion_us"] > 0 < result["log_append_per_s"]


def test_durable_batches_have_a_thousand_entries(result: dict[str, Any], watched: Watched) -> None:
    assert watched.batches == [1000] * result["samples"]["log_batches"]
    assert result["log_durable_batch_ms"] > 0


def test_people_read_the_same_figures(result: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    audit.show(result)
    shown = capsys.readouterr().out
    for name in ("log_append_per_s", "inclusion_us"):
        assert f"{result[name]:.0f}" in shown
    assert f"{result['log_durable_batch_ms']:.1f} ms" in shown
    assert f"{result['inclusion_proof_bytes']} bytes" in shown
