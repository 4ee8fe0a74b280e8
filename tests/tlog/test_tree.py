"""The tree against the vectors of Certificate Transparency, a naive reading of the RFC, and forgeries."""

from __future__ import annotations

import time
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutela.tlog import tree
from tutela.tlog.errors import Fork, Malformed, NotIncluded
from tutela.tlog.tree import Frontier, Tree

# Leaves, roots and paths of the reference implementation of RFC 6962 (certificate-transparency, merkle_tree_test)
CT_LEAVES = tuple(
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
)
CT_ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
_23 = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
_47 = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
_67 = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
_1 = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
_4 = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
_45 = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
CT_INCLUSION = (
    (0, 1, ()),
    (0, 8, (_1, _23, _47)),
    (5, 8, (_4, _67, CT_ROOTS[3])),
    (2, 3, (CT_ROOTS[1],)),
    (1, 5, (CT_ROOTS[0], _23, _4)),
)
CT_CONSISTENCY = ((1, 1, ()), (1, 8, (_1, _23, _47)), (6, 8, (_45, _67, CT_ROOTS[3])), (2, 5, (_23, _4)))
SMALL = 34


def naive_root(leaves: list[bytes]) -> bytes:
    """MTH as RFC 9162, 2.1.1 defines it."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0]).digest()
    k = naive_split(len(leaves))
    return sha256(b"\1" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


def naive_split(n: int) -> int:
    k = 1
    while 2 * k < n:
        k *= 2
    return k


def naive_path(m: int, leaves: list[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    k = naive_split(len(leaves))
    if m < k:
        return [*naive_path(m, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(m - k, leaves[k:]), naive_root(leaves[:k])]


def naive_subproof(m: int, leaves: list[bytes], whole: bool) -> list[bytes]:
    if m == len(leaves):
        return [] if whole else [naive_root(leaves)]
    k = naive_split(len(leaves))
    if m <= k:
        return [*naive_subproof(m, leaves[:k], whole), naive_root(leaves[k:])]
    return [*naive_subproof(m - k, leaves[k:], False), naive_root(leaves[:k])]


def grown(count: int) -> tuple[Tree, list[bytes]]:
    leaves = [b"leaf %d" % index for index in range(count)]
    made = Tree()
    for leaf in leaves:
        made.append(leaf)
    return made, leaves


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_those_of_certificate_transparency(size: int) -> None:
    made = Tree(tree.leaf_hash(leaf) for leaf in CT_LEAVES)
    assert made.root(size).hex() == CT_ROOTS[size - 1]
    assert Frontier().extended(map(tree.leaf_hash, CT_LEAVES[:size])).root().hex() == CT_ROOTS[size - 1]


def test_paths_are_those_of_certificate_transparency() -> None:
    made = Tree(tree.leaf_hash(leaf) for leaf in CT_LEAVES)
    for index, size, path in CT_INCLUSION:
        proof = made.inclusion_proof(index, size)
        assert tuple(step.hex() for step in proof) == path
        tree.verify_inclusion(tree.leaf_hash(CT_LEAVES[index]), index, size, proof, made.root(size))
    for old, new, path in CT_CONSISTENCY:
        assert tuple(step.hex() for step in made.consistency_proof(old, new)) == path


def test_the_empty_tree() -> None:
    assert Tree().root() == Frontier().root() == tree.EMPTY_ROOT
    tree.verify_consistency(0, tree.EMPTY_ROOT, 0, tree.EMPTY_ROOT, ())
    with pytest.raises(Malformed):
        Tree().inclusion_proof(0)
    for old_root, new_root in ((b"x" * 32, tree.EMPTY_ROOT), (tree.EMPTY_ROOT, b"x" * 32)):
        with pytest.raises(Fork):
            tree.verify_consistency(0, old_root, 0, new_root, ())


def test_every_small_tree_is_as_the_rfc_defines_it() -> None:
    made, leaves = grown(SMALL)
    for size in range(1, SMALL + 1):
        part = leaves[:size]
        assert made.root(size) == naive_root(part)
        assert Frontier.of(made.node, size).root() == naive_root(part)
        for index in range(size):
            proof = made.inclusion_proof(index, size)
            assert list(proof) == naive_path(index, part)
            tree.verify_inclusion(tree.leaf_hash(leaves[index]), index, size, proof, made.root(size))
        for old in range(1, size + 1):
            proof = made.consistency_proof(old, size)
            assert list(proof) == naive_subproof(old, part, True)
            tree.verify_consistency(old, made.root(old), size, made.root(size), proof)


@given(st.integers(1, 3000), st.data())
def test_larger_trees_verify_and_frontiers_agree(size: int, data: st.DataObject) -> None:
    made = LARGE
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size))
    tree.verify_inclusion(
        made.node(0, index), index, size, made.inclusion_proof(index, size), made.root(size)
    )
    tree.verify_consistency(old, made.root(old), size, made.root(size), made.consistency_proof(old, size))
    more = [made.node(0, at) for at in range(old, size)]
    assert Frontier.of(made.node, old).extended(more) == Frontier.of(made.node, size)


LARGE = grown(3000)[0]


def forgeries(proof: tuple[bytes, ...]) -> list[tuple[bytes, ...]]:
    found = [proof[:-1], (*proof, b"x" * 32), proof[1:], (b"x" * 32, *proof), proof[::-1]]
    found += [(*proof[:at], bytes(32), *proof[at + 1 :]) for at in range(len(proof))]
    found += [(*proof[:at], b"short", *proof[at + 1 :]) for at in range(len(proof))]
    return [forged for forged in found if forged != proof]


def test_no_forged_proof_passes() -> None:
    made, _ = grown(SMALL)
    tried = 0
    for size in range(1, SMALL + 1):
        root = made.root(size)
        for index in range(size):
            leaf, proof = made.node(0, index), made.inclusion_proof(index, size)
            cases = [(leaf, index, size, forged, root) for forged in forgeries(proof)]
            cases += [
                (leaf, other, size, proof, root) for other in (index + 1, index - 1, size) if other != index
            ]
            cases += [(leaf, index, size, proof, bytes(32)), (bytes(32), index, size, proof, root)]
            for case in cases:
                tried += 1
                with pytest.raises(NotIncluded):
                    tree.verify_inclusion(*case)
        for old in range(1, size):
            old_root, proof = made.root(old), made.consistency_proof(old, size)
            forks = [(old, old_root, size, root, forged) for forged in forgeries(proof)]
            forks += [(old, bytes(32), size, root, proof), (old, old_root, size, bytes(32), proof)]
            forks += [(size, root, old, old_root, proof), (old, old_root, size, root, ())]
            for fork in forks:
                tried += 1
                with pytest.raises(Fork):
                    tree.verify_consistency(*fork)
    assert tried > 10_000


def test_a_wrong_size_passes_only_where_it_proves_the_same() -> None:
    """A path says how the leaf sits in a tree of that shape; the size is bound by the signed checkpoint."""
    made, _ = grown(7)
    with pytest.raises(NotIncluded):
        tree.verify_inclusion(made.node(0, 6), 6, 8, made.inclusion_proof(6), made.root())


def test_appending_is_quick() -> None:
    hashes = [tree.leaf_hash(b"%d" % index) for index in range(50_000)]
    began = time.process_time()
    Tree(hashes)
    assert len(hashes) / (time.process_time() - began) > 100_000
