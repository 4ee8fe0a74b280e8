import numpy as np
import pytest
from PIL import Image

from tutela.bench import corpus
from tutela.bench.corpus import Photograph, TooFewPhotographs, available, fitted, photographs, side_for
from tutela.fingerprint.pdq import compute, hamming


@pytest.fixture
def installed():
    found = available()
    if len(found) < 200:
        pytest.skip("packages that ship photographs are not installed: see tutela.bench.corpus.PACKAGES")
    return found


def test_too_few_names_the_packages():
    with pytest.raises(TooFewPhotographs) as caught:
        photographs(10**6)
    assert "tuxpaint-stamps-default" in caught.value.hint
    assert caught.value.exit_code == 3


def test_without_packages_nothing_is_found(monkeypatch, tmp_path):
    monkeypatch.setattr(corpus, "_SHARE", tmp_path)
    monkeypatch.setattr(corpus.importlib.util, "find_spec", lambda _: None)
    assert available() == []
    with pytest.raises(TooFewPhotographs):
        photographs(1)


def test_names_are_unique_and_crops_of_one_file_do_not_overlap(installed):
    assert len({photo.name for photo in installed}) == len(installed)
    covered: dict[object, list[tuple[int, int, int, int]]] = {}
    for photo in installed:
        left, top, right, bottom = photo.box
        for a, b, c, d in covered.get(photo.source, []):
            assert right <= a or c <= left or bottom <= b or d <= top
        covered.setdefault(photo.source, []).append(photo.box)


def test_the_order_is_stable_and_a_short_prefix_is_varied(installed):
    assert installed == available()
    assert len({photo.source for photo in installed[:30]}) == 30


def test_a_prefix_holds_no_two_copies_of_one_picture(installed):
    hashes = [compute(np.asarray(photo.image(400))).bits for photo in installed[:24]]
    near = [(a, b) for i, a in enumerate(hashes) for b in hashes[:i] if hamming(a, b) <= 31]
    assert not near


def test_at_least_px_counts_the_longer_side(installed):
    assert all(max(photo.image().size) >= 500 for photo in available(at_least_px=500)[:5])


def test_transparency_becomes_white(tmp_path):
    path = tmp_path / "stamp.png"
    Image.new("RGBA", (20, 10), (255, 0, 0, 0)).save(path)
    photo = Photograph("stamp", path, "stamp", (0, 0, 20, 10))
    assert photo.image().getpixel((3, 3)) == (255, 255, 255)
    assert photo.data()[:2] == b"\xff\xd8"


def test_fitted_keeps_the_shape_and_never_enlarges():
    picture = Image.new("RGB", (800, 400))
    assert fitted(picture, 300).size == (300, 150)
    assert fitted(picture, 2000) is picture
    assert fitted(picture, None) is picture


def test_sides_lie_between_300_and_1000():
    sides = {side_for(str(number)) for number in range(3000)}
    assert min(sides) >= 300
    assert max(sides) <= 1000
    assert side_for("a") == side_for("a")
