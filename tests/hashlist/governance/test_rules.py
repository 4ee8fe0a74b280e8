"""No sequence of statements lists an entry against the rules: random histories before an oracle of its own."""

from __future__ import annotations

import pytest
from random_histories import run

FEW, MANY = 5_000, 100_000


def play(seeds: range) -> None:
    live = accepted = 0
    for seed in seeds:
        found = run(seed)
        live, accepted = live + (found[0] > 0), accepted + found[1]
    assert live > len(seeds) / 20, "too few histories list anything for the comparison to mean much"
    assert accepted > 3 * len(seeds)


def test_histories_agree_with_the_oracle() -> None:
    play(range(FEW))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_many_histories_agree_with_the_oracle() -> None:
    play(range(FEW, FEW + MANY))
