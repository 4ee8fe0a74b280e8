import json
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
from PIL import Image

from tutela.bench import vouchers
from tutela.bench.corpus import TooFewPhotographs
from tutela.bench.edits import NAMES, edit
from tutela.bench.vouchers import Photograph, by_tokens, run, show
from tutela.fingerprint import fingerprint
from tutela.voucher.parameters import everyday


def cloudy(seed, side=240):
    """A pattern with structure at several scales, as photographs have."""
    generator = np.random.default_rng(seed)
    total = np.zeros((side, side))
    for cells, height in ((4, 60), (9, 50), (19, 40), (40, 25)):
        noise = Image.fromarray(generator.normal(0, height, (cells, cells)).astype(np.float32))
        total += np.asarray(noise.resize((side, side), Image.Resampling.BICUBIC))
    return Image.fromarray(np.clip(total + 127, 0, 255).astype(np.uint8)).convert("RGB")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("photos")
    for seed in range(24):
        cloudy(seed).save(path / f"{seed:02d}.jpg", quality=92)
    cloudy(3).save(path / "copy-of-03.jpg", quality=60)
    Image.new("RGB", (200, 200), "white").save(path / "flat.png")
    (path / "notes.txt").write_text("no picture")
    return path


@pytest.fixture(scope="module")
def result(folder):
    seen = []
    made = run(folder, lambda done, of: seen.append((done, of)), entries=60, workers=2)
    assert seen[-1] == (12, 12)
    return made


def test_the_result_has_the_agreed_fields(result):
    assert json.loads(json.dumps(result)) == result
    assert {"photos", "profile", "tokens", "token_bytes", "body_bytes", "device_ms", "provider_ms"} <= set(
        result
    )
    assert {"table_bytes_per_entry", "build_us_per_token", "unlisted_opened", "machine", "versions"} <= set(
        result
    )
    assert tuple(result["recall"]) == tuple(result["clear_recall"]) == NAMES
    assert (result["tokens"], result["token_bytes"], result["profile"]) == (64, 64 * 81, "everyday")
    assert (result["entries"], result["fillers"]) == (60, 48)
    assert result["held_out"]


def test_easy_copies_are_found_and_unlisted_photographs_stay_closed(result):
    assert result["recall"]["grey"] == 1
    assert result["recall"]["jpeg_50"] > 0.9
    assert result["unlisted_opened"] == 0
    assert result["samples"]["copies_by_tokens"] == 0


def test_what_cannot_be_used_is_counted(result):
    assert result["photos"] == 24
    assert result["samples"]["left_out"] == {"unreadable": 1, "near_another": 1, "poor": 1}


def test_it_reads_well(result, capsys):
    show(result)
    printed = capsys.readouterr().out
    assert "24 photographs" in printed
    assert "rotate_1" in printed


def test_tokens_and_vouchers_say_the_same_of_every_copy(folder, tmp_path):
    parameters = everyday()
    photographs = [Photograph(folder / f"{seed:02d}.jpg") for seed in range(24)]
    with ProcessPoolExecutor(1) as pool:
        sample = vouchers._sample(photographs, parameters, pool)
    scene, _ = vouchers._build(sample, parameters, tmp_path / "table.bin", 40)
    agreed = []
    for index, prepared in enumerate(sample.listed[:4]):
        image = Image.open(prepared.photograph.source).convert("RGB")
        copies = [fingerprint(edit(name, image, seed=seed)) for name in NAMES for seed in (0, index + 1)]
        real = vouchers._by_vouchers(scene, copies, index * 100)
        assert real == [by_tokens(parameters, prepared.pdq, copy) for copy in copies]
        agreed += real
    assert any(agreed)
    assert not all(agreed)


def test_beyond_the_limit_the_rest_is_compared_by_tokens(folder):
    small = run(folder, entries=40, vouchers=60, workers=1)
    assert small["samples"]["copies_through_vouchers"] == 60
    assert small["samples"]["copies_by_tokens"] == 120


def test_a_folder_without_photographs_is_a_typed_error(tmp_path):
    with pytest.raises(TooFewPhotographs):
        run(tmp_path)
    with pytest.raises(TooFewPhotographs):
        run(tmp_path / "nowhere")
