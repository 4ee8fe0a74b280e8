"""Parts of documents that are newer than the public schema of November 2025, by name.

Providers' clients already send them. A report about a child is not refused over them: they are taken with
a warning. Anything else that is unknown is an error, so that a mistake shows while it can be corrected.

| where | part | what is done |
|---|---|---|
| `reportAnnotations` | `informational` | kept |
| a person, `associatedAccount` | `ageAssertionDiscrepancy` | kept |
| `associatedAccount` | `@accountType` | read as `@type` |
| `associatedAccount` | `@thirdPartyUser` | read as `platform/@thirdPartyUser` |
| `nameValuePair` | `@type` | read as `details/@type`, where all pairs agree |
| `lawEnforcement` | `@fleaCountry` | read as `servedLegalProcessInternational/@fleaCountry` |
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lxml.etree import _Element as Element

PEOPLE = ("reportingPerson", "personOrUserReportedPerson", "intendedRecipientPerson", "victimPerson")
ELEMENTS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "informational": (frozenset({"reportAnnotations"}), frozenset({"", "true"})),
    "ageAssertionDiscrepancy": (
        frozenset({*PEOPLE, "associatedAccount"}),
        frozenset({"true", "false", "1", "0"}),
    ),
}
"""Newer elements: in which parents, and with which content."""

MOVED: tuple[tuple[str, str, str, str], ...] = (
    ("associatedAccount", "accountType", ".", "type"),
    ("associatedAccount", "thirdPartyUser", "platform", "thirdPartyUser"),
    ("lawEnforcement", "fleaCountry", "servedLegalProcessInternational", "fleaCountry"),
)
"""Attributes in another place than the schema's: element, attribute, relative path, attribute there."""


def put_in_place(root: Element) -> list[str]:
    """Move attributes to where the schema has them. Returns one warning for each kind that was found."""
    warnings = []
    for tag, attribute, path, name in MOVED:
        moved = [_move(element, attribute, path, name) for element in root.iter(tag)]
        if any(moved):
            warnings.append(f"{tag}/@{attribute} is newer than the schema and was read as {name}")
    if any([_lift_types(details) for details in root.iter("details")]):  # noqa: C419 (all are moved)
        warnings.append("nameValuePair/@type is newer than the schema and was read as details/@type")
    return warnings


def _move(element: Element, attribute: str, path: str, name: str) -> bool:
    value = element.get(attribute)
    target = element.find(path)
    if value is None or target is None or target.get(name) is not None:
        return False
    del element.attrib[attribute]
    target.set(name, value)
    return True


def _lift_types(details: Element) -> bool:
    pairs = details.findall("nameValuePair")
    kinds = {pair.get("type") for pair in pairs}
    kind = next(iter(kinds)) if len(kinds) == 1 else None
    if kind is None or details.get("type") not in {None, kind}:
        return False
    for pair in pairs:
        del pair.attrib["type"]
    details.set("type", kind)
    return True


@contextmanager
def set_aside(root: Element) -> Iterator[list[str]]:
    """Take the newer elements out while the schema is asked, and put them back afterwards.

    Yields:
        One warning for each kind of element that was taken out.
    """
    taken = []
    for tag in ELEMENTS:
        for element in list(root.iter(tag)):
            parent = element.getparent()
            if parent is not None and _is_newer(element, parent):
                taken.append((parent, parent.index(element), element))
                parent.remove(element)
    try:
        yield [f"{tag} is newer than the schema" for tag in sorted({str(e.tag) for _, _, e in taken})]
    finally:
        for parent, place, element in reversed(taken):
            parent.insert(place, element)


def _is_newer(element: Element, parent: Element) -> bool:
    parents, contents = ELEMENTS[str(element.tag)]
    plain = not len(element) and not element.attrib and not (element.tail or "").strip()
    alone = len(parent.findall(str(element.tag))) == 1
    return plain and alone and str(parent.tag) in parents and (element.text or "").strip() in contents
