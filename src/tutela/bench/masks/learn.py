"""The published procedure that learns masks: `python -m tutela.bench.masks.learn --out everyday.json`.

It hashes photographs of installed packages and their everyday copies (`gather`), and searches (`search`).
Figures come from two folds: masks learned from one half of the source files are measured on the other half
(recall here, false rates in `rates`), both ways round, and recall is pooled. The masks that are published
are then learned in the same way from all the files, because there are few. It prints what it used and what
it measured, and writes both beside the masks. The same packages, versions and seed give the same file.
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
from tutela.bench.masks import gather, rates
from tutela.bench.masks.gather import MINIMUM_QUALITY, STRENGTHS, Samples
from tutela.bench.masks.search import (
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
KIND_WEIGHTS: Final = MappingProxyType(
    {"wallpaper": 1.0, "sample": 1.0, "view": 1.0, "scene": 1.0, "stamp": 0.3}
)
COST_WEIGHTS: Final = MappingProxyType({"photograph": 0.6, "stamp": 0.15, "document": 0.15, "screen": 0.1})
PHOTOGRAPHS: Final = ("wallpaper", "sample")
CLEAR_DISTANCE = 31
#: held-out samples and the masks that are measured on them
Fold = tuple[Samples, Masks]
Progress = Callable[[str], None]
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


def recall(folds: Sequence[Fold]) -> dict[str, dict[str, float]]:
    """Return for every edit at its usual strength the share found by 1 and by 2 masks, and by distance."""
    table = {}
    for index, name in enumerate(NAMES):
        column = index * STRENGTHS
        hits = np.concatenate([_hits(samples, masks, column) for samples, masks in folds])
        near = np.concatenate([_distances(samples, column) <= CLEAR_DISTANCE for samples, _ in folds])
        table[name] = {"hits_1": _share(hits >= 1), "hits_2": _share(hits >= 2), "clear": _share(near)}
    return table


def _distances(samples: Samples, column: int) -> npt.NDArray[np.int64]:
    distances: npt.NDArray[np.int64] = (samples.copy_bits[:, column] != samples.bits).sum(axis=1)
    return distances


def _hits(samples: Samples, masks: Masks, column: int) -> npt.NDArray[np.int64]:
    """Return how many masks find each copy of one edit; none where its quality is too poor."""
    differs, ranks = samples.copy_bits[:, column] != samples.bits, samples.copy_ranks[:, column]
    good = samples.copy_quality[:, column] >= MINIMUM_QUALITY
    hits: npt.NDArray[np.int64] = np.sum([found(differs, ranks, mask) for mask in masks], axis=0) * good
    return hits


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


def learn(samples: Samples, *, seed: int, price: float, progress: Progress = print) -> Masks:
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


def _validation(folds: Sequence[Fold]) -> dict[str, Any]:
    """Return pooled recall, and the false rates of both folds; each fold: held-out samples, masks."""
    photographs = [(one.select(_of_class(one, "photograph")), masks) for one, masks in folds]
    groups = {
        "photographs": photographs,
        "photographs of at most 500 px": [
            (one.select(one.sides <= 500), masks) for one, masks in photographs
        ],
        "stamps on white": [(one.select(one.kinds == "stamp"), masks) for one, masks in folds],
    }
    return {
        "method": "two folds by source file: learned from one half, measured on the other, recall pooled",
        "recall": {name: recall(group) for name, group in groups.items()},
        "samples": {name: sum(len(one.names) for one, _ in group) for name, group in groups.items()},
        "false_rates": [
            {name: rate.to_dict() for name, rate in false_rates(samples, masks).items()}
            for samples, masks in folds
        ],
    }


def report(samples: Samples, *, seed: int, price: float, progress: Progress = print) -> dict[str, Any]:
    """Learn and measure both folds, learn from everything, and return the data file."""
    folds = []
    for half in (0, 1):
        progress(f"fold {half + 1} of 2")
        used, kept = samples.select(samples.halves == half), samples.select(samples.halves != half)
        folds.append((kept, learn(used, seed=seed, price=price, progress=progress)))
    progress("all files")
    masks = learn(samples, seed=seed, price=price, progress=progress)
    return {
        "version": 1,
        "profile": "everyday",
        "bits": MASK_BITS,
        "probes": PROBES,
        "hits": 1,
        "procedure": {
            "module": "tutela.bench.masks.learn",
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
                "Views (random crops) and scenes (stamps pasted on crops) are learned from only; documents, "
                "screens and cards are drawn. Halves are split by source file."
            ),
            "halves": [describe(samples.select(samples.halves == half)) for half in (0, 1)],
        },
        "validation": _validation(folds),
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
    for fold in data["validation"]["false_rates"]:
        lines.append(rates.show({name: rates.FalseRate(**fields) for name, fields in fold.items()}))
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Learn, print and write."""
    parser = argparse.ArgumentParser(prog="python -m tutela.bench.masks.learn", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="data file to write")
    parser.add_argument("--samples", type=Path, help="file that keeps the hashed pictures between runs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--price", type=float, default=0.002, help="price of a false rate")
    parser.add_argument("--drawings", type=int, default=200, help="drawn pictures of each class")
    given = parser.parse_args(arguments)
    if given.samples and given.samples.exists():
        samples = gather.load(given.samples)
    else:
        samples = gather.gather(drawings=given.drawings, workers=os.cpu_count() or 1)
        if given.samples:
            gather.save(samples, given.samples)
    data = report(samples, seed=given.seed, price=given.price)
    print(json.dumps(data["corpus"], indent=1))  # noqa: T201 - a procedure that is run by hand
    print(show(data))  # noqa: T201
    temporary = given.out.with_suffix(".part")
    temporary.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    temporary.replace(given.out)


if __name__ == "__main__":
    main()
