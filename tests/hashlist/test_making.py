from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from list_samples import labels
from PIL import Image, ImageFilter

from tutela.fingerprint import fingerprint
from tutela.hashlist import BadFile, HashList
from tutela.hashlist.making import make


def pattern(seed: int) -> Image.Image:
    """A cloudy pattern, large enough to have many gradients."""
    noise = np.random.default_rng(seed).integers(0, 256, (24, 32, 3), np.uint8)
    return Image.fromarray(noise).resize((640, 480), Image.Resampling.BICUBIC)


def test_real_files_become_entries_and_copies_one_cluster(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    pattern(1).save(tmp_path / "a.png")
    pattern(1).filter(ImageFilter.GaussianBlur(1)).save(tmp_path / "sub" / "a.jpg", quality=60)
    pattern(2).save(tmp_path / "b.webp")
    (tmp_path / "c.txt").write_text("not a picture")
    (tmp_path / "d.jpg").write_bytes((tmp_path / "sub" / "a.jpg").read_bytes()[:600])
    (tmp_path / "e.png").write_bytes(b"")
    steps: list[tuple[int, int]] = []
    made = make(tmp_path, labels(), progress=lambda done, total: steps.append((done, total)))
    assert steps == [(n, 6) for n in range(1, 7)]
    assert [bad.name for bad in made.unreadable] == ["c.txt", "d.jpg", "e.png"]
    assert all(bad.code.startswith("fingerprint.") for bad in made.unreadable)
    assert len({entry.cluster for entry in made.entries}) == 2
    listed = HashList(made.entries)
    found = listed.nearest(fingerprint((tmp_path / "sub" / "a.jpg").read_bytes(), path="exact").pdq)
    assert found is not None
    assert found.distance == 0


@pytest.mark.parametrize("name", ["absent", "file"])
def test_what_is_no_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(BadFile):
        make(tmp_path / name, labels())
