"""The published procedure that learns masks: `python -m tutela.voucher.masks.learn --out everyday.json`.

It hashes photographs of installed packages and their everyday copies (`gather`), searches on one half of
the source files (`search`), and measures recall and false rates on the other half (`rates`). It prints
what it used and what it measured, and writes both beside the masks. The same packages, versions and seed
give the same file.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tutela.bench.edits import NAMES
from tutela.voucher.masks import gather, rates
from tutela.voucher.masks.gather import MINIMUM_QUALITY, STRENGTHS, Samples
from tutela.voucher.masks.search import (
    DIMINISH,
    MASK_BITS,
    PROBES,
    Bools,
    Copies,
    Masks,
    Moments,
    blend,
    found,
    moments,
    search,
)

PROCEDURE = 1
#: how much finding a copy counts, by edit
EDIT_WEIGHTS: Final = MappingProxyType(
    {
        "jpeg_50": 1.5,
        "jpeg_20": 1.5,
        "half": 4.0,
        "quarter": 2.5,
        "messenger": 3.0,
        "brightness": 1.5,
        "contrast": 1.0,
        "grey": 0.5,
        "blur": 1.0,
        "noise": 1.0,
        "crop_2": 2.5,
        "crop_5": 0.3,
        "rotate_1": 1.5,
        "caption": 1.0,
        "border": 0.1,
    }
)
#: how much a class counts in what is to be found, and in the false rate
KIND_WEIGHTS: Final = MappingProxyType({"wallpaper": 1.0, "sample": 1.0, "scene": 0.5, "stamp": 0.3})
COST_WEIGHTS: Final = MappingProxyType({"photograph": 0.6, "stamp": 0.15, "document": 0.15, "screen": 0.1})
PHOTOGRAPHS: Final = ("wallpaper", "sample")
CLEAR_DISTANCE = 31
_USUAL = slice(0, None, STRENGTHS)
_SENT_AS = NAMES.index("jpeg_50") * STRENGTHS


def copies_of(samples: Samples) -> Copies:
    """Return all copies of all samples, weighted by edit, class, and the root of the source's size."""
    count = samples.copy_bits.shape[1]
    differs = samples.copy_bits != samples.bits[:, None]
    _, place, size = np.unique(samples.sources, return_inverse=True, return_counts=True)
    kinds = np.array([KIND_WEIGHTS[str(kind)] for kind in samples.kinds])
    edits = np.repeat([EDIT_WEIGHTS[name] for name in NAMES], STRENGTHS)
    weights = (kinds * size[place] ** -0.5)[:, None] * edits * (samples.copy_quality >= MINIMUM_QUALITY)
    shape = (len(samples.names) * count, -1)
    return Copies(
        differs.reshape(shape),
        samples.copy_ranks.reshape(shape),
        weights.ravel().astype(np.float32),
    )


def cost_of(samples: Samples) -> Moments:
    """Return the blended moments of unrelated pictures of all classes."""
    parts = []
    for name, weight in COST_WEIGHTS.items():
        chosen = _of_class(samples, name) & samples.once()
        parts.append((weight, moments(samples.bits[chosen], samples.sources[chosen])))
    return blend(parts)


def _of_class(samples: Samples, name: str) -> Bools:
    kinds = PHOTOGRAPHS if name == "photograph" else (name,)
    result: Bools = np.isin(samples.kinds, kinds)
    return result


def recall(samples: Samples, masks: Masks) -> dict[str, dict[str, float]]:
    """Return for every edit at its usual strength the share found by 1 and by 2 masks, and by distance."""
    table = {}
    for index, name in enumerate(NAMES):
        column = index * STRENGTHS
        differs = samples.copy_bits[:, column] != samples.bits
        ranks, good = samples.copy_ranks[:, column], samples.copy_quality[:, column] >= MINIMUM_QUALITY
        hits = np.sum([found(differs, ranks, mask) for mask in masks], axis=0) * good
        table[name] = {
            "hits_1": _share(hits >= 1),
            "hits_2": _share(hits >= 2),
            "clear": _share(differs.sum(axis=1) <= CLEAR_DISTANCE),
        }
    return table


def _share(hits: npt.NDArray[Any]) -> float:
    return round(float(np.mean(hits)), 4) if len(hits) else 0.0


def false_rates(samples: Samples, masks: Masks) -> dict[str, rates.FalseRate]:
    """Return the false rate of each class of pictures."""
    result = {}
    for name in ("photograph", "stamp", "document", "screen", "card"):
        one = samples.select(_of_class(samples, name) & samples.once())
        if len(np.unique(one.sources)) > 1:
            sent, ranks = one.copy_bits[:, _SENT_AS], one.copy_ranks[:, _SENT_AS]
            pictures = rates.Pictures(one.bits, sent, ranks, one.sources)
            result[name] = rates.false_rate(pictures, masks)
    return result


def learn(samples: Samples, *, seed: int, price: float, progress: Callable[[str], None] = print) -> Masks:
    """Return the masks learned from `samples` (all of them: choose the half before)."""
    learned_from = samples.select(np.isin(samples.kinds, list(KIND_WEIGHTS)))
    copies = copies_of(learned_from)
    return search(
        copies.select(copies.weights > 0).with_transposed(),
        cost_of(samples),
        price=price,
        seed=seed,
        progress=progress,
    )


def describe(samples: Samples) -> dict[str, Any]:
    """Return what a set of samples consists of: pictures by class, sources, copies."""
    once = samples.select(samples.once())
    photographs = samples.select(_of_class(samples, "photograph"))
    return {
        "pictures": {str(kind): count for kind, count in sorted(Counter(once.kinds.tolist()).items())},
        "source_files_of_photographs": len(np.unique(photographs.sources)),
        "pictures_in_all_sizes": len(samples.names),
        "copies_of_each": samples.copy_bits.shape[1],
    }


def _validation(samples: Samples, masks: Masks) -> dict[str, Any]:
    photographs = samples.select(_of_class(samples, "photograph"))
    small = photographs.select(photographs.sides <= 500)
    return {
        "recall": {
            "photographs": recall(photographs, masks),
            "photographs of at most 500 px": recall(small, masks),
            "stamps on white": recall(samples.select(samples.kinds == "stamp"), masks),
        },
        "samples": {
            "photographs": len(photographs.names),
            "photographs of at most 500 px": len(small.names),
        },
        "false_rates": {name: rate.to_dict() for name, rate in false_rates(samples, masks).items()},
    }


def report(samples: Samples, masks: Masks, *, seed: int, price: float) -> dict[str, Any]:
    """Return the data file: masks, procedure, corpus and validation figures."""
    used, kept = samples.select(samples.halves == 0), samples.select(samples.halves == 1)
    return {
        "version": 1,
        "profile": "everyday",
        "bits": MASK_BITS,
        "probes": PROBES,
        "hits": 1,
        "procedure": {
            "module": "tutela.voucher.masks.learn",
            "version": PROCEDURE,
            "seed": seed,
            "price": price,
            "diminish": DIMINISH,
            "edit_weights": dict(EDIT_WEIGHTS),
            "kind_weights": dict(KIND_WEIGHTS),
            "cost_weights": dict(COST_WEIGHTS),
        },
        "corpus": {
            "note": (
                "Photographs that Debian's wallpaper packages, tuxpaint-stamps-default and scikit-image "
                "ship: whole wallpapers, their crops that do not overlap each other, stamps on white. "
                "Scenes (stamps pasted on crops) are learned from only; documents, screens and cards are "
                "drawn. Halves are split by source file."
            ),
            "learned_from": describe(used),
            "tested_on": describe(kept),
        },
        "validation": _validation(kept, masks),
        "masks": masks,
    }


def show(data: dict[str, Any]) -> str:
    """Return the figures as text."""
    lines = []
    for group, table in data["validation"]["recall"].items():
        lines += [group, "  edit        1 mask  2 masks  distance<=31"]
        lines += [
            f"  {name:11s} {row['hits_1']:.3f}   {row['hits_2']:.3f}    {row['clear']:.3f}"
            for name, row in table.items()
        ]
    found_rates = {
        name: rates.FalseRate(**fields) for name, fields in data["validation"]["false_rates"].items()
    }
    return "\n".join([*lines, rates.show(found_rates)])


def main(arguments: Sequence[str] | None = None) -> None:
    """Learn, print and write."""
    parser = argparse.ArgumentParser(prog="python -m tutela.voucher.masks.learn", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="data file to write")
    parser.add_argument("--samples", type=Path, help="file that keeps the hashed pictures between runs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--price", type=float, default=0.003, help="price of a false rate")
    parser.add_argument("--drawings", type=int, default=200, help="drawn pictures of each class")
    given = parser.parse_args(arguments)
    if given.samples and given.samples.exists():
        samples = gather.load(given.samples)
    else:
        samples = gather.gather(drawings=given.drawings, workers=os.cpu_count() or 1)
        if given.samples:
            gather.save(samples, given.samples)
    masks = learn(samples.select(samples.halves == 0), seed=given.seed, price=given.price)
    data = report(samples, masks, seed=given.seed, price=given.price)
    print(json.dumps(data["corpus"], indent=1))  # noqa: T201 - a procedure that is run by hand
    print(show(data))  # noqa: T201
    temporary = given.out.with_suffix(".part")
    temporary.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    temporary.replace(given.out)


if __name__ == "__main__":
    main()
