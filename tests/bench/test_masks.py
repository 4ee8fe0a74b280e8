import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tutela.bench.corpus import Photograph
from tutela.bench.edits import NAMES
from tutela.bench.masks import gather, learn, rates
from tutela.bench.masks.search import (
    MASK_BITS,
    TRANSPOSED,
    Copies,
    Moments,
    found,
    gains,
    moments,
    search,
)
from tutela.voucher import masks
from tutela.voucher.parameters import Parameters
from tutela.voucher.tokens import device_tokens, entry_tokens

EVERYDAY = masks.load("everyday")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 60))
def test_found_says_exactly_whether_tokens_are_shared(seed, flips):
    generator = np.random.default_rng(seed)
    bits = generator.integers(0, 2, 256).astype(np.uint8)
    reliability = np.abs(generator.normal(size=256)).astype(np.float32)
    weak = np.argsort(reliability, kind="stable")
    copy = bits.copy()
    copy[generator.choice(weak[:80], flips)] ^= 1
    parameters = Parameters("everyday", EVERYDAY)
    listed = set(entry_tokens(parameters, np.packbits(bits).tobytes()))
    sent = device_tokens(parameters, np.packbits(copy).tobytes(), reliability)
    ranks = np.empty(256, dtype=np.uint8)
    ranks[weak] = np.arange(256)
    hits = {j for j, mask in enumerate(EVERYDAY) if found((copy != bits)[None], ranks[None], list(mask))[0]}
    assert {token.mask for token in listed.intersection(sent)} == hits


def random_copies(seed, count=60, flip=0.08):
    generator = np.random.default_rng(seed)
    ranks = np.stack([generator.permutation(256) for _ in range(count)]).astype(np.uint8)
    differs = generator.random((count, 256)) < flip * (ranks < 128)
    return Copies(differs, ranks, generator.random(count).astype(np.float32))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32))
def test_gains_are_what_trying_every_bit_would_find(seed):
    copies = random_copies(seed)
    partial = [int(bit) for bit in np.random.default_rng(seed).choice(256, MASK_BITS - 1, replace=False)]
    quick = gains(copies, partial)
    for bit in set(range(256)) - set(partial):
        slow = copies.weights @ found(copies.differs, copies.ranks, [*partial, bit])
        assert quick[bit] == pytest.approx(slow, abs=1e-4)


def test_search_is_repeatable_and_better_than_its_start():
    copies = random_copies(5, count=300)
    free = Moments(np.zeros(256), np.zeros((256, 256)))
    lines: list[str] = []
    first = search(copies, free, price=0.0, count=2, sweeps=3, progress=lines.append)
    assert first == search(copies, free, price=0.0, count=2, sweeps=3, progress=lambda _: None)
    shares = [float(line.rsplit(" ", 1)[1]) for line in lines]
    assert shares[-1] >= shares[0] > 0
    assert all(len(set(mask)) == MASK_BITS for mask in first)


def test_transposing_twice_changes_nothing():
    assert (TRANSPOSED[TRANSPOSED] == np.arange(256)).all()


def test_moments_see_bias_between_sources_only():
    generator = np.random.default_rng(3)
    bits = generator.random((400, 256)) < 0.5
    bits[:, 7] = True
    bits[:, 9] = bits[:, 8]
    sources = np.array([f"{number // 4}" for number in range(400)])
    measured = moments(bits, sources)
    assert measured.first[7] == pytest.approx(1)
    assert measured.second[8, 9] == pytest.approx(1)
    assert np.median(measured.second) < 0.01
    assert measured.log_false(list(range(40))) > 1.5
    same_within = np.repeat(bits[:100], 4, axis=0)  # four alike of each source: no bias between sources
    assert moments(same_within, sources).first[20:].mean() < 0.02


def unrelated(seed, count=240):
    generator = np.random.default_rng(seed)
    bits = generator.random((count, 256)) < 0.5
    ranks = np.stack([generator.permutation(256) for _ in range(count)]).astype(np.uint8)
    return rates.Pictures(bits, bits, ranks, np.array([str(number) for number in range(count)]))


def test_fair_bits_have_the_ideal_false_rate():
    rate = rates.false_rate(unrelated(1), EVERYDAY)
    assert rate.pairs == 240 * 239
    assert rate.sharing_pairs == 0
    assert rate.at_12 == pytest.approx(1, abs=0.15)
    assert rate.low <= 1 <= rate.high


def test_pictures_of_one_template_show_in_the_false_rate():
    fair = unrelated(2)
    bits = fair.sent.copy()
    bits[:, ::2] = bits[0, ::2]
    rate = rates.false_rate(rates.Pictures(bits, bits, fair.ranks, fair.sources), EVERYDAY)
    assert rate.over_ideal > 1000


def samples(count=40):
    generator = np.random.default_rng(4)
    bits = generator.random((count, 256)) < 0.5
    copies = len(NAMES) * gather.STRENGTHS
    flips = generator.random((count, copies, 256)) < 0.03
    kinds = ["wallpaper", "stamp", "scene", "document", "screen", "card"]
    return gather.Samples(
        names=np.array([f"p{number}" for number in range(count)]),
        sources=np.array([f"s{number // 2}" for number in range(count)]),
        kinds=np.array([kinds[number // 2 % len(kinds)] for number in range(count)]),
        sides=np.full(count, 400),
        halves=np.arange(count) // 2 % 2,
        bits=bits,
        copy_bits=bits[:, None] ^ flips,
        copy_ranks=np.broadcast_to(np.arange(256, dtype=np.uint8), flips.shape).copy(),
        copy_quality=np.full((count, copies), 100, dtype=np.uint8),
    )


def test_the_procedure_runs_from_kept_samples_and_writes_what_it_measured(tmp_path, capsys):
    kept = samples()
    gather.save(kept, tmp_path / "samples.npz")
    again = gather.load(tmp_path / "samples.npz")
    assert (again.copy_bits == kept.copy_bits).all()
    out = tmp_path / "masks.json"
    learn.main(["--out", str(out), "--samples", str(tmp_path / "samples.npz"), "--seed", "3"])
    data = json.loads(out.read_text())
    assert data["procedure"]["seed"] == 3
    assert [len(mask) for mask in data["masks"]] == [40] * 8
    assert "jpeg_50" in capsys.readouterr().out
    assert list(tmp_path.glob("*.part")) == []


def test_poor_copies_are_never_found():
    kept = samples()
    poor = gather.Samples(
        **{
            **{name: getattr(kept, name) for name in gather.Samples.__dataclass_fields__},
            "copy_quality": np.full(kept.copy_quality.shape, 49, dtype=np.uint8),
        }
    )
    table = learn.recall([(poor, [list(mask) for mask in EVERYDAY])])
    assert all(row["hits_1"] == 0 for row in table.values())


def pattern(path, seed, size, mode="RGB"):
    generator = np.random.default_rng(seed)
    noise = Image.fromarray(generator.integers(0, 255, (23, 31)).astype(np.uint8))
    noise.resize(size, Image.Resampling.BICUBIC).convert(mode).save(path)
    return path


def test_gathering_keeps_every_source_in_one_half(tmp_path, monkeypatch):
    walls = [
        Photograph(f"w{k}", pattern(tmp_path / f"w{k}.png", k, (1000, 700)), "wallpaper", (0, 0, 1000, 700))
        for k in range(2)
    ]
    stamps = [
        Photograph(
            f"s{k}", pattern(tmp_path / f"s{k}.png", 9 + k, (200, 160), "RGBA"), "stamp", (0, 0, 200, 160)
        )
        for k in range(2)
    ]
    monkeypatch.setattr(gather, "available", lambda: stamps)
    monkeypatch.setattr(gather, "wallpapers", lambda: walls)
    monkeypatch.setattr(gather, "_VIEWS", 2)
    monkeypatch.setattr(gather, "_SCENES", 1)
    rows = [row for job in gather._jobs(2) for row in gather._run(job)]
    made = gather._samples(rows)
    assert {"wallpaper", "stamp", "view", "scene", "document"} <= set(made.kinds)
    for source in np.unique(made.sources):
        assert len(set(made.halves[made.sources == source])) == 1
    assert set(made.halves[made.kinds == "wallpaper"]) == {0, 1}
    stamp_half = dict(zip(made.names[made.kinds == "stamp"], made.halves[made.kinds == "stamp"], strict=True))
    for name, half in zip(made.names, made.halves, strict=True):
        if name.startswith("scene-"):
            assert stamp_half[name.split("-")[1]] == half
    assert (np.sort(made.copy_ranks[0], axis=1) == np.arange(256)).all()
    easy = made.copy_bits[:, NAMES.index("grey") * gather.STRENGTHS] != made.bits
    assert easy.sum(axis=1).mean() < 10
