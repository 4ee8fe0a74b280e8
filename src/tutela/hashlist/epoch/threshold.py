"""The threshold t, computed: how many distinct list entries a device must have sent before anything opens.

Model, for one device and one window:

* The device sends `scenes` different scenes, each as at most `burst` pictures that are alike.
* A picture falls on one listed token of one mask by accident with probability at most
  `false_pair_rate / T`, where T is the number of masks and `false_pair_rate` is the upper end of the
  measured rate of (picture, list entry) pairs that have nothing to do with each other and yet share a
  token in any mask. With `listed` tokens in the fullest mask a scene is *hot* in a mask with probability
  at most `p = burst * listed * false_pair_rate / T`.
* A mask counts distinct entries x only, and one picture at most one of them. So a hot scene adds at most
  `burst`; the model takes it at this worst: all pictures of a hot scene fall on different entries.
* Devices differ (some send many documents or cards): the mean number of hot scenes of a device is
  Gamma-distributed with mean `m = scenes * p` and shape `spread`, so the number K of hot scenes is
  negative binomial with that mean and shape (Poisson for large `spread`).

    P(false opening) <= T * P(K >= ceil(t / burst)),      t = the smallest with P <= target.

Assumptions to be tested on real pictures: scenes of one device are independent given its mean; `burst`
bounds how many pictures of one scene can fall on different entries. Not covered: pictures made so as to
collide (the clear distance and two people's decisions stand behind t). What opens falsely is still
compared in the clear and must keep t distinct clusters before a person sees anything.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tutela.hashlist.epoch.errors import CannotBuild

#: 64 tokens of 40 bits that share nothing but chance: no picture does better
IDEAL_RATE: Final = 64 * 2.0**-40
#: upper end of what was measured on photographs with the published masks (`masks/everyday.json`, validation)
FALSE_PAIR_RATE: Final = 4.6 * IDEAL_RATE
SMALLEST: Final = 2
LARGEST: Final = 1000
MAX_MEAN: Final = 50.0
#: what a device asks of the inputs, so that nobody argues a threshold down
LEAST_SCENES: Final = 1000
LEAST_BURST: Final = 2
MOST_SPREAD: Final = 10.0
MOST_TARGET: Final = 1e-9
_NEGLIGIBLE: Final = 1e-60


@dataclass(frozen=True, slots=True)
class Model:
    """The inputs of the threshold.

    Attributes:
        scenes: different scenes that a busy device sends in one window.
        burst: pictures of one scene that may each fall on another entry.
        false_pair_rate: accidental (picture, entry) pairs, any mask, upper end of its interval.
        spread: shape of the Gamma distribution of means among devices; 1 is exponential, large is none.
        target: largest acceptable probability of a false opening, for each device and window.
    """

    scenes: int = 5000
    burst: int = 2
    false_pair_rate: float = FALSE_PAIR_RATE
    spread: float = 1.0
    target: float = 1e-12

    def __post_init__(self) -> None:
        """Refuse inputs for which the formula says nothing."""
        sound = (
            1 <= self.scenes <= 10**9
            and 1 <= self.burst <= LARGEST
            and 0 < self.false_pair_rate <= 1
            and 0.1 <= self.spread <= 1e6
            and 1e-30 <= self.target < 1
        )
        if not sound:
            raise CannotBuild("The inputs of the threshold are out of range.")

    @property
    def careless(self) -> tuple[str, ...]:
        """Names of the inputs that promise less than a device asks of every epoch: signers choose them."""
        enough = {
            "scenes": self.scenes >= LEAST_SCENES,
            "burst": self.burst >= LEAST_BURST,
            "false_pair_rate": self.false_pair_rate >= IDEAL_RATE,
            "spread": self.spread <= MOST_SPREAD,
            "target": self.target <= MOST_TARGET,
        }
        return tuple(name for name, sound in enough.items() if not sound)

    def mean(self, listed: int, masks: int) -> float:
        """Return m, the mean number of hot scenes of a device in one mask."""
        return self.scenes * min(1.0, self.burst * listed * self.false_pair_rate / masks)

    def to_dict(self) -> dict[str, str]:
        """Return the inputs as texts, which is how the manifest signs them."""
        return {
            "scenes": str(self.scenes),
            "burst": str(self.burst),
            "false_pair_rate": repr(self.false_pair_rate),
            "spread": repr(self.spread),
            "target": repr(self.target),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Model:
        """Read what `to_dict` wrote; raises `CannotBuild` on any defect."""
        try:
            return cls(
                scenes=int(data["scenes"]),
                burst=int(data["burst"]),
                false_pair_rate=float(data["false_pair_rate"]),
                spread=float(data["spread"]),
                target=float(data["target"]),
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise CannotBuild("The inputs of the threshold lack one, or one is not a number.") from error


def false_opening(model: Model, *, listed: int, masks: int, threshold: int) -> float:
    """Return the model's bound on the probability of a false opening, for one device and window.

    Args:
        model: the inputs.
        listed: distinct tokens of the fullest mask, about the number of clusters.
        masks: T.
        threshold: t.
    """
    tails = _tails(model.mean(listed, masks), model.spread)
    hot = -(-threshold // model.burst)
    return min(1.0, masks * tails[hot]) if hot < len(tails) else 0.0


def choose(model: Model, *, listed: int, masks: int) -> int:
    """Return the smallest threshold that keeps the target, at least 2.

    Raises:
        CannotBuild: none up to 1,000 does: the list or the false rate is too large for these masks.
    """
    if listed < 0 or masks < 1:
        raise CannotBuild("The threshold needs a number of tokens and of masks.")
    mean = model.mean(listed, masks)
    if mean <= MAX_MEAN:
        tails = _tails(mean, model.spread)
        hot = next((k for k, tail in enumerate(tails) if k and masks * tail <= model.target), len(tails))
        threshold = max(SMALLEST, (hot - 1) * model.burst + 1)
        if threshold <= LARGEST:
            return threshold
    raise CannotBuild(
        "No threshold keeps false openings rare enough for this list.",
        hint="The list is too large for these masks, or the false rate too high.",
    )


def _tails(mean: float, shape: float) -> list[float]:
    """Return P(K >= k) for k = 0, 1, ... of a negative binomial, until it is negligible."""
    if mean <= 0:
        return [1.0]
    ratio = mean / (shape + mean)
    term = math.exp(-shape * math.log1p(mean / shape))
    terms = [term]
    while term > _NEGLIGIBLE or len(terms) <= mean:
        k = len(terms) - 1
        term *= (shape + k) / (k + 1) * ratio
        terms.append(term)
    tails = [0.0] * len(terms)
    total = 0.0
    for k in range(len(terms) - 1, -1, -1):  # the small terms first
        total += terms[k]
        tails[k] = total
    return tails
