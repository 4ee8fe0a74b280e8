import pytest

from tutela.bench.drawn import CLASSES


@pytest.mark.parametrize("kind", CLASSES)
def test_drawings_are_fixed_by_their_seed_and_differ(kind):
    draw = CLASSES[kind]
    assert draw(3).tobytes() == draw(3).tobytes()
    assert len({draw(seed).tobytes() for seed in range(20)}) == 20
