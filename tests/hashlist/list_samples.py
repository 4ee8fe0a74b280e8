"""Entries for property tests: random bits, invented sources."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import strategies as st

from tutela.hashlist import SCALES, Entry, Labels, Provenance

WHEN = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
ORIGIN = Provenance(source="example.org collection", added=WHEN, note="file 7", path="exact")

texts = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=40).filter(
    lambda text: text.isprintable() and not text.startswith(("=", "+", "-", "@"))
)
ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,20}", fullmatch=True)
categories = st.sampled_from([(scale, code) for scale, codes in SCALES.items() for code in sorted(codes)])
provenances = st.builds(
    Provenance,
    source=texts,
    added=st.datetimes(datetime(1, 1, 2), datetime(9999, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    note=st.one_of(st.just(""), texts),
    path=st.sampled_from(["exact", "fast", "unknown"]),
)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    scale, category = draw(categories)
    signals = {
        name: draw(st.none() | st.binary(min_size=size, max_size=size))
        for name, size in (("pdq", 32), ("sha256", 32), ("md5", 16))
    }
    if not any(signals.values()):
        signals["pdq"] = draw(st.binary(min_size=32, max_size=32))
    return Entry(
        id=draw(ids),
        scale=scale,
        category=category,
        quality=draw(st.none() | st.integers(0, 100)),
        cluster=draw(st.just("") | ids),
        provenance=draw(provenances),
        **signals,  # type: ignore[arg-type]
    )


def entry(number: int, pdq: bytes | None, *, quality: int | None = 90, cluster: str = "") -> Entry:
    return Entry(
        id=f"e{number:05}",
        scale="tutela-demo",
        category="A",
        pdq=pdq,
        sha256=number.to_bytes(32),
        quality=quality,
        cluster=cluster,
        provenance=ORIGIN,
    )


def labels() -> Labels:
    numbers = iter(range(10**9))
    return Labels("tutela-demo", "A", ORIGIN, lambda: f"n{next(numbers)}")
