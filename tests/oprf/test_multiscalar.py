"""The compiled sum beside libsodium's: the same results and the same refusals."""

from __future__ import annotations

import ast
import builtins
import contextlib
import hashlib
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tutela.oprf import group, multiscalar
from tutela.oprf.group import ORDER, InvalidPoint, InvalidScalar
from tutela.oprf.multiscalar import by_kernel, by_libsodium

pytest.importorskip("numba", reason="the kernel needs the extra `audit`")

P = 2**255 - 19
# RFC 9496, appendix A.2, all of it
REFUSED = {
    "not canonical": [
        "00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "f3ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ],
    "negative": [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ed57ffd8c914fb201471d1c3d245ce3c746fcbe63a3679d51b6a516ebebe0e20",
        "c34c4e1826e5d403b78e246e88aa051c36ccf0aafebffe137d148a2bf9104562",
        "c940e5a4404157cfb1628b108db051a8d439e1a421394ec4ebccb9ec92a8ac78",
        "47cfc5497c53dc8e61c91d17fd626ffb1c49e2bca94eed052281b510b1117a24",
        "f1c6165d33367351b0da8f6e4511010c68174a03b6581212c71c0e1d026c3c72",
        "87260f7a2f12495118360f02c26a470f450dadf34a413d21042b43b9d93e1309",
    ],
    "no square": [
        "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371",
        "4eac077a713c57b4f4397629a4145982c661f48044dd3f96427d40b147d9742f",
        "de6a7b00deadc788eb6b6c8d20c0ae96c2f2019078fa604fee5b87d6e989ad7b",
        "bcab477be20861e01e4a0e295284146a510150d9817763caf1a6f4b422d67042",
        "2a292df7e32cababbd9de088d1d1abec9fc0440f637ed2fba145094dc14bea08",
        "f4a9e534fc0d216c44b218fa0c42d99635a0127ee2e53c712f70609649fdff22",
        "8268436f8c4126196cf64b3c7ddbda90746a378625f9813dd9b8457077256731",
        "2810e5cbc2cc4d4eece54f61c6f69758e289aa7ab440b3cbeaa21995c2f4232b",
    ],
    "negative product": [
        "3eb858e78f5a7254d8c9731174a94f76755fd3941c0ac93735c07ba14579630e",
        "a45fdc55c76448c049a1ab33f17023edfb2be3581e9c7aade8a6125215e04220",
        "d483fe813c6ba647ebbfd3ec41adca1c6130c2beeee9d9bf065c8d151c5f396e",
        "8a2e1d30050198c65a54483123960ccc38aef6848e1ec8f5f780e8523769ba32",
        "32888462f8b486c68ad7dd9610be5192bbeaf3b443951ac1a8118419d9fa097b",
        "227142501b9d4355ccba290404bde41575b037693cef1f438c47f8fbf35d1165",
        "5c37cc491da847cfeb9281d407efc41e15144c876e0170b499a96a22ed31e01e",
        "445425117cb8c90edcbc7c1cc0e74f747f2c1efa5630a967c64f287792a48a4b",
    ],
    "y is zero": ["ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"],
}


def scalar(value: int) -> bytes:
    return (value % ORDER).to_bytes(32, "little")


def point(seed: int) -> bytes:
    return group.hash_to_group(hashlib.sha512(str(seed).encode()).digest())


G = group.multiply_base(scalar(1))
EDGES = [
    0,
    1,
    2,
    3,
    15,
    16,
    255,
    2**51,
    2**64 - 1,
    2**128,
    2**251,
    2**252 - 1,
    ORDER // 2,
    ORDER - 2,
    ORDER - 1,
]
scalars = st.one_of(st.sampled_from(EDGES), st.integers(0, ORDER - 1)).map(scalar)
points = st.one_of(st.sampled_from([G, group.multiply_base(scalar(-1))]), st.integers(0, 5).map(point))


def verdict(add_up: Any, factors: Sequence[bytes], terms: Sequence[bytes]) -> bytes | str:
    try:
        return bytes(add_up(factors, terms))
    except (InvalidPoint, InvalidScalar) as error:
        return error.code


@pytest.fixture(scope="module", autouse=True)
def compiled() -> ModuleType:
    found = multiscalar.kernel()
    assert found is not None, "numba is there, but the kernel cannot be used"
    return found


@given(st.lists(st.tuples(scalars, points), max_size=12))
@example([])
@settings(max_examples=60, deadline=None)
def test_both_ways_give_the_same_sum(terms: list[tuple[bytes, bytes]]) -> None:
    factors, elements = [a for a, _ in terms], [p for _, p in terms]
    assert by_kernel(factors, elements) == by_libsodium(factors, elements)


def limbs(bound: int) -> st.SearchStrategy[tuple[np.uint64, ...]]:
    """Five limbs below a bound, often just below: where a carry would be lost."""
    limb = st.one_of(st.just(bound - 1), st.just(0), st.integers(0, bound - 1))
    return st.tuples(*[limb] * 5).map(lambda said: tuple(np.uint64(one) for one in said))


def value_of(element: Sequence[Any]) -> int:
    return sum(int(limb) << 51 * place for place, limb in enumerate(element))


TIGHT, LOOSE = 2**51 + 2**13, 2**54
MOST = tuple(np.uint64(LOOSE - 1) for _ in range(5))


@given(limbs(LOOSE), limbs(LOOSE))
@example(MOST, MOST)
@settings(deadline=None)
def test_products_of_loose_elements_are_tight(
    compiled: ModuleType, left: tuple[Any, ...], right: tuple[Any, ...]
) -> None:
    for made, expected in (
        (compiled.mul(left, right), value_of(left) * value_of(right)),
        (compiled.squared(left, 1), value_of(left) ** 2),
    ):
        assert value_of(made) % P == expected % P
        assert max(map(int, made)) < TIGHT
    assert value_of(compiled.canonical(left)) == value_of(left) % P
    assert max(map(int, compiled.canonical(left))) < 2**51


@given(limbs(TIGHT), limbs(TIGHT), limbs(TIGHT))
@settings(deadline=None)
def test_differences_of_tight_elements_are_loose(
    compiled: ModuleType, a: tuple[Any, ...], b: tuple[Any, ...], c: tuple[Any, ...]
) -> None:
    zero = (np.uint64(0),) * 5
    for made, expected in (
        (compiled.add(a, b), value_of(a) + value_of(b)),
        (compiled.sub(a, b), value_of(a) - value_of(b)),
        (compiled.sub(compiled.add(a, b), c), value_of(a) + value_of(b) - value_of(c)),
        (compiled.sub(a, compiled.add(b, c)), value_of(a) - value_of(b) - value_of(c)),
        (compiled.sub(compiled.sub(zero, a), b), -value_of(a) - value_of(b)),
    ):
        assert value_of(made) % P == expected % P
        assert max(map(int, made)) < LOOSE


@pytest.mark.parametrize("near", [0, 1, 18, 19, P - 1, P, P + 1, P + 18, 2**255 - 1, 2 * P - 1, 2 * P])
def test_the_canonical_form_is_below_the_modulus(compiled: ModuleType, near: int) -> None:
    low = [near >> 51 * place & 2**51 - 1 for place in range(4)]
    element = tuple(np.uint64(limb) for limb in [*low, near >> 204])
    assert value_of(compiled.canonical(element)) == near % P


@pytest.mark.parametrize("value", EDGES)
def test_one_multiple(value: int) -> None:
    expected = group.multiply(scalar(value), G) if value else group.IDENTITY
    assert by_kernel([scalar(value)], [G]) == expected


@pytest.mark.parametrize("bits", range(2, 16))
def test_every_width_of_the_window_gives_the_same_sum(compiled: ModuleType, bits: int) -> None:
    factors = [scalar(value) for value in EDGES] + [scalar((1 << bits - 1) * n) for n in (1, 3, 2**200)]
    terms = [point(n % 7) for n in range(len(factors))]
    result = np.zeros(4, np.uint64)
    said = multiscalar._words(factors), multiscalar._words(terms)
    assert compiled.weighted_sum(*said, bits, result) == -1
    assert result.tobytes() == by_libsodium(factors, terms)


def test_repeated_points_and_sums_that_vanish() -> None:
    """The additions meet equal points, opposite points and the identity."""
    assert by_kernel([scalar(1)] * 40, [G] * 40) == group.multiply_base(scalar(40))
    assert by_kernel([scalar(7), scalar(-7)], [G, G]) == group.IDENTITY
    assert by_kernel([scalar(7)] * 2, [G, group.multiply_base(scalar(-1))]) == group.IDENTITY
    assert by_kernel([scalar(0)] * 3, [point(1), point(2), G]) == group.IDENTITY
    assert by_kernel([], []) == group.IDENTITY


def test_more_points_than_fit_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multiscalar, "CHUNK", 64)
    factors = [group.reduce_scalar(hashlib.sha512(bytes([n])).digest()) for n in range(150)]
    terms = [point(n) for n in range(150)]
    assert by_kernel(factors, terms) == by_libsodium(factors, terms)


@pytest.mark.parametrize("encoded", [one for group_of in REFUSED.values() for one in group_of])
@pytest.mark.parametrize("factor", [0, 1, ORDER - 1])
def test_encodings_that_the_rfc_refuses(encoded: str, factor: int) -> None:
    terms = [G, bytes.fromhex(encoded), point(3)]
    factors = [scalar(5), scalar(factor), scalar(6)]
    for add_up in (by_kernel, by_libsodium):
        with pytest.raises(InvalidPoint):
            add_up(factors, terms)


def canonical_and_even(value: int) -> bytes:
    return (value % P & ~1).to_bytes(32, "little")


@given(
    st.one_of(
        st.binary(min_size=32, max_size=32),
        st.integers(0, P - 1).map(canonical_and_even),
        st.integers(0, 300).map(lambda n: (2**255 - 1 - n).to_bytes(32, "little")),
        st.integers(0, 300).map(lambda n: n.to_bytes(32, "little")),
        st.tuples(points, st.integers(0, 255)).map(
            lambda said: (int.from_bytes(said[0], "little") ^ 1 << said[1]).to_bytes(32, "little")
        ),
    )
)
@settings(max_examples=1500, deadline=None)
def test_the_verdict_on_any_encoding_is_that_of_libsodium(encoded: bytes) -> None:
    """Half of all canonical, even strings fail for want of a square, a quarter for a sign."""
    try:
        group.check_point(encoded)
    except InvalidPoint:
        with pytest.raises(InvalidPoint):
            by_kernel([scalar(1)], [encoded])
    else:
        assert by_kernel([scalar(1)], [encoded]) == encoded


@pytest.mark.parametrize(
    ("factors", "terms"),
    [
        ([scalar(3)], [group.IDENTITY]),
        ([scalar(0)], [group.IDENTITY]),
        ([ORDER.to_bytes(32, "little")], [G]),
        ([(2**256 - 1).to_bytes(32, "little")], [G]),
        ([(2**255 + 1).to_bytes(32, "little")], [G]),
        ([bytes(31)], [G]),
        ([scalar(1)], [G[:31]]),
        ([scalar(1)] * 2, [G + b"\0", G[:31]]),
        ([scalar(1)] * 2, [G]),
        ([scalar(1)], []),
    ],
)
def test_both_ways_refuse_the_same(factors: list[bytes], terms: list[bytes]) -> None:
    said = verdict(by_kernel, factors, terms)
    assert said == verdict(by_libsodium, factors, terms)
    assert said in {InvalidPoint.code, InvalidScalar.code}


def test_few_points_do_not_load_the_kernel() -> None:
    assert multiscalar.summation(multiscalar.KERNEL_FROM - 1) is by_libsodium
    assert multiscalar.summation(multiscalar.KERNEL_FROM) is by_kernel


@contextlib.contextmanager
def fresh() -> Iterator[None]:
    multiscalar.kernel.cache_clear()
    try:
        yield
    finally:
        multiscalar.kernel.cache_clear()


@pytest.mark.parametrize("problem", [ImportError, RuntimeError])
def test_without_numba_libsodium_does_it(monkeypatch: pytest.MonkeyPatch, problem: type[Exception]) -> None:
    really = builtins.__import__

    def missing(name: str, *rest: Any, **more: Any) -> Any:
        if name == "tutela.oprf" and "kernel" in (rest[2] or ()):
            raise problem(name)
        return really(name, *rest, **more)

    with fresh():
        monkeypatch.setattr(builtins, "__import__", missing)
        assert multiscalar.kernel() is None
        assert multiscalar.summation(multiscalar.KERNEL_FROM) is by_libsodium
        assert by_kernel([scalar(9)], [G]) == group.multiply_base(scalar(9))
        monkeypatch.undo()


def test_a_kernel_that_answers_wrongly_is_not_used(
    monkeypatch: pytest.MonkeyPatch, compiled: ModuleType
) -> None:
    really = compiled.weighted_sum

    def wrong(factors: Any, terms: Any, bits: int, result: Any) -> int:
        bad = int(really(factors, terms, bits, result))
        result[0] ^= np.uint64(2)
        return bad

    with fresh():
        monkeypatch.setattr(compiled, "weighted_sum", wrong)
        assert multiscalar.kernel() is None
        monkeypatch.undo()


def test_nothing_but_the_audit_s_sums_reaches_the_kernel() -> None:
    """Whoever imports it must have been looked at: it takes no secrets."""
    source = Path(multiscalar.__file__).parents[1]
    importers: dict[str, set[str]] = {"multiscalar": set(), "kernel": set()}
    for path in source.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == "tutela.oprf":
                for name in {alias.name for alias in node.names} & importers.keys():
                    importers[name].add(str(path.relative_to(source)))
            elif isinstance(node, ast.ImportFrom | ast.Import):
                assert not re.search(r"oprf\.(multiscalar|kernel)", ast.unparse(node)), path
    assert importers == {
        "multiscalar": {"bench/audit.py", "voucher/audit.py"},
        "kernel": {"oprf/multiscalar.py"},
    }


def test_importing_the_audit_does_not_import_numba() -> None:
    program = "import sys, tutela.voucher.audit; print('numba' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
