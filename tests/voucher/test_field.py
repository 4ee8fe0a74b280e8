from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tutela.voucher import field

elements = st.integers(0, field.PRIME - 1)


@given(st.lists(elements, min_size=1, max_size=12), st.data())
def test_as_many_points_as_coefficients_give_the_secret(coefficients: list[int], data: st.DataObject) -> None:
    count = len(coefficients)
    xs = data.draw(st.lists(st.integers(1, 2**64), min_size=count, max_size=count, unique=True))
    points = [(x, field.evaluate(coefficients, x)) for x in xs]
    assert field.interpolate_at_zero(points) == coefficients[0]


@given(elements)
def test_elements_have_sixteen_bytes(value: int) -> None:
    assert int.from_bytes(field.to_bytes(value), "little") == value


def test_the_modulus_is_prime() -> None:
    """Fermat for 40 bases, and Pocklington is not needed to notice a typing error."""
    assert all(pow(base, field.PRIME - 1, field.PRIME) == 1 for base in range(2, 42))
