"""From signals to an agency.

For each country, support within a kind of signal is its strongest confidence there, times the share
of that kind's confidence that speaks for it; the kinds are combined as independent witnesses
(1 - product of the doubts). The confidence of the leading country is its support times its share of
all support, so that

- a further signal for a country never lowers that country's confidence;
- a signal for another country never raises a country's support;
- repeating the same kind of fact (ten logins) does not make a weak kind certain;
- the order of the facts does not matter.

Below the rules' minimum, in a tie, or where no rule names the country, the centre's own desk decides.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tutela.hub.routing.rules import Rules
from tutela.hub.routing.signals import Signal

_TIE = 1e-9


@dataclass(frozen=True, slots=True)
class Decision:
    """Where a report should go.

    Attributes:
        agency: slug of the rule table.
        country: the leading country, or None where no signal names one.
        confidence: 0..1 that `country` is right; 0 without a country.
        placed: False where the desk took it because the rules or the signals did not decide.
        reasons: sentences, the deciding one first.
        cautions: of all signals, each once.
        signals: all of them, whether they spoke for the leader or not.
        others: countries with some support besides the leader -> their confidence.
    """

    agency: str
    country: str | None
    confidence: float
    placed: bool
    reasons: tuple[str, ...]
    cautions: tuple[str, ...]
    signals: tuple[Signal, ...]
    others: tuple[tuple[str, float], ...] = ()


def support(signals: Iterable[Signal]) -> dict[str, float]:
    """Return each country's support, 0..1."""
    kinds: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for signal in signals:
        if signal.country is not None:
            kinds[signal.kind][signal.country].append(signal.confidence)
    doubt: dict[str, float] = defaultdict(lambda: 1.0)
    for _, countries in sorted(kinds.items()):
        total = sum(sum(sorted(values)) for _, values in sorted(countries.items()))
        for country, values in countries.items():
            doubt[country] *= 1.0 - max(values) * sum(sorted(values)) / total
    return {country: 1.0 - value for country, value in sorted(doubt.items())}


def confidences(signals: Iterable[Signal]) -> list[tuple[str, float]]:
    """Return (country, confidence) pairs, the most likely first."""
    found = support(signals)
    total = sum(found.values())
    pairs = [(country, value * value / total) for country, value in found.items() if value > 0]
    return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))


def decide(signals: tuple[Signal, ...], rules: Rules) -> Decision:
    """Choose the agency for a report with these signals."""
    ranking = confidences(signals)
    country, confidence = ranking[0] if ranking else (None, 0.0)
    tie = len(ranking) > 1 and ranking[0][1] - ranking[1][1] < _TIE
    agency, placed, reason = _choose(country, confidence, rules, tie=tie)
    return Decision(
        agency=agency,
        country=country,
        confidence=round(confidence, 3),
        placed=placed,
        reasons=(reason, *_tally(signals, country)),
        cautions=tuple(dict.fromkeys(text for signal in signals for text in signal.cautions)),
        signals=signals,
        others=tuple((other, round(value, 3)) for other, value in ranking[1:]),
    )


def _choose(country: str | None, confidence: float, rules: Rules, *, tie: bool) -> tuple[str, bool, str]:
    """Return (agency, placed by a rule, the deciding sentence)."""
    if country is None:
        return rules.desk, False, "No fact of this report names a country, so the centre's desk decides."
    if tie:
        return rules.desk, False, "The signals point to two countries alike, so the centre's desk decides."
    if confidence < rules.minimum_confidence:
        reason = (
            f"{country} is the most likely country, but {confidence:.0%} is below the minimum of "
            f"{rules.minimum_confidence:.0%}, so the centre's desk decides."
        )
        return rules.desk, False, reason
    agency = rules.agency_of.get(country)
    if agency is None:
        return rules.desk, False, f"{country} is the most likely country, but no rule names its agency."
    return agency, True, f"{country} is the most likely country ({confidence:.0%}); a rule names its agency."


def _tally(signals: tuple[Signal, ...], country: str | None) -> tuple[str, ...]:
    if country is None:
        return ()
    kinds: Mapping[str, str] = {
        "ip": "internet addresses",
        "phone": "telephone numbers",
        "address": "declared addresses",
        "estimated": "estimated locations",
    }
    lines = []
    for kind, name in kinds.items():
        told = {_fact(s) for s in signals if s.kind == kind and s.country is not None}
        agree = {_fact(s) for s in signals if s.kind == kind and s.country == country}
        if told:
            lines.append(f"{len(agree)} of {len(told)} {name} with a country point to {country}.")
    return tuple(lines)


def _fact(signal: Signal) -> str:
    """Return what counts once: an address is the same behind each of its ports."""
    return signal.evidence.partition(" port ")[0]
