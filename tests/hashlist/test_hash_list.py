from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from list_samples import entry

from tutela.hashlist import BadEntry, Entry, HashList, ListError, clustered, clusters
from tutela.hashlist.index import FlatIndex


def flip(pdq: bytes, bits: int, seed: int = 0) -> bytes:
    chosen = np.random.default_rng(seed).permutation(256)[:bits]
    unpacked = np.unpackbits(np.frombuffer(pdq, np.uint8))
    unpacked[chosen] ^= 1
    return np.packbits(unpacked).tobytes()


def hashes(count: int, seed: int = 1) -> list[bytes]:
    return [row.tobytes() for row in np.random.default_rng(seed).integers(0, 256, (count, 32), np.uint8)]


def distance(left: bytes, right: bytes) -> int:
    return (int.from_bytes(left) ^ int.from_bytes(right)).bit_count()


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 300), st.integers(0, 60), st.integers(0, 2**32))
def test_nearest_is_what_a_plain_loop_finds(count: int, bits: int, seed: int) -> None:
    known = hashes(count, seed)
    query = flip(known[seed % count], bits, seed)
    found = HashList(tuple(entry(i, pdq) for i, pdq in enumerate(known))).nearest(query, radius=31)
    best = min(range(count), key=lambda i: (distance(known[i], query), i))
    expected = distance(known[best], query)
    assert found == (None if expected > 31 else (entry(best, known[best]), expected))


def test_radius_is_inclusive_and_entries_without_pdq_are_passed_over() -> None:
    pdq = hashes(1)[0]
    made = HashList((entry(1, None), entry(2, pdq)))
    assert made.nearest(flip(pdq, 31)) == (entry(2, pdq), 31)
    assert made.nearest(flip(pdq, 32)) is None
    assert made.nearest(flip(pdq, 32), radius=32) is not None
    assert HashList(()).nearest(pdq) is None
    with pytest.raises(BadEntry):
        made.nearest(b"short")


def test_a_million_hashes_are_scanned_quickly() -> None:
    rows = np.random.default_rng(3).integers(0, 256, (1_000_000, 32), np.uint8)
    index = FlatIndex([rows.tobytes()[i * 32 : i * 32 + 32] for i in (0,)])
    index._columns = np.ascontiguousarray(rows.view(np.uint64).T)
    query = flip(rows[765_432].tobytes(), 20)
    began = time.process_time()
    assert index.nearest(query, 31) == (765_432, 20)
    assert time.process_time() - began < 0.5


def brute_force(entries: tuple[Entry, ...]) -> list[set[str]]:
    groups = [{e.id} for e in entries]
    for a in entries:
        for b in entries:
            near = a.pdq is not None and b.pdq is not None and distance(a.pdq, b.pdq) <= 31
            if near or a.cluster == b.cluster:
                left = next(g for g in groups if a.id in g)
                right = next(g for g in groups if b.id in g)
                if left is not right:
                    left |= right
                    groups.remove(right)
    return sorted(groups, key=min)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 40), st.sampled_from(["", "s", "t"])),
        min_size=1,
        max_size=25,
    ),
    st.integers(0, 99),
)
def test_clusters_are_chains_of_near_hashes_and_given_groups(
    plan: list[tuple[int, int, str]], seed: int
) -> None:
    seeds = hashes(4, seed)
    entries = tuple(entry(i, flip(seeds[s], bits, i), cluster=name) for i, (s, bits, name) in enumerate(plan))
    grouped = clusters(clustered(entries))
    assert sorted(({e.id for e in members} for members in grouped.values()), key=min) == brute_force(entries)
    assert all(name == min(e.id for e in members) for name, members in grouped.items())
    assert clustered(clustered(entries)) == clustered(entries)
    assert [replace(e, cluster="") for e in clustered(entries)] == [replace(e, cluster="") for e in entries]


def test_clustering_ten_thousand_is_quick_and_a_dense_group_does_not_hurt() -> None:
    base = hashes(1)[0]
    dense = [flip(base, 4, i) for i in range(1500)]
    entries = tuple(entry(i, pdq) for i, pdq in enumerate(hashes(8500, 9) + dense))
    began = time.process_time()
    assert len(clusters(clustered(entries))) == 8501
    assert time.process_time() - began < 20


def test_a_cluster_given_by_name_joins_the_entry_of_that_name() -> None:
    a, b = (entry(i, pdq) for i, pdq in enumerate(hashes(2)))
    assert len(clusters(clustered((a, replace(b, cluster=a.id))))) == 1
    assert clustered(()) == ()


def test_the_commitment_covers_every_field_and_no_order() -> None:
    entries = tuple(entry(i, pdq) for i, pdq in enumerate(hashes(5)))
    made = HashList(entries, b"s" * 32)
    assert HashList(entries[::-1], b"s" * 32).commitment() == made.commitment()
    others = [
        HashList(entries[:-1], b"s" * 32),
        HashList(entries, b"t" * 32),
        HashList((*entries[:-1], replace(entries[-1], category="B")), b"s" * 32),
        HashList((*entries[:-1], replace(entries[-1], quality=None)), b"s" * 32),
    ]
    assert len({made.commitment(), *(other.commitment() for other in others)}) == 5
    assert made.commitment().hex() == "3b3a4a9e47276e61397d7af15a7359965239e57ee2b1a02d943bc1b24991eb17"


def test_ids_are_distinct_and_entries_can_be_withdrawn() -> None:
    with pytest.raises(BadEntry):
        HashList((entry(1, bytes(32)), entry(1, None)))
    with pytest.raises(BadEntry):
        HashList((), b"short")
    made = HashList((entry(1, bytes(32)), entry(2, None)))
    assert made.get("e00002") == entry(2, None)
    assert made.without("e00001").entries == (entry(2, None),)
    with pytest.raises(ListError):
        made.without("e00009")
