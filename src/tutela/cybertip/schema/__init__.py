"""Our own schema of CyberTipline documents, and the judgement whether bytes follow it.

`reporting.xsd`, with the three files that it includes, is an XML Schema 1.0 description of the whole of
both documents and both answers. It states the same language as the public schema of November 2025 (a
test compares the two). `validate` adds what `tutela.cybertip.additions` names. Rules that no schema can
state are checked by `tutela.cybertip.documents`.
"""

from __future__ import annotations

import threading
from importlib import resources
from typing import Any

from lxml import etree
from lxml.etree import _Element as Element

from tutela.cybertip import additions
from tutela.cybertip.errors import SchemaInvalid
from tutela.cybertip.reading import DEFAULT_CAPS, Caps, line_of, read_tree

ROOTS = frozenset({"report", "fileDetails", "reportResponse", "reportDoneResponse"})
FILES = ("reporting.xsd", "parties.xsd", "words.xsd", "codes.xsd")
_local = threading.local()


def text() -> bytes:
    """Return the schema as one document, without an include, as `GET /xsd` gives it out."""
    root = _load(FILES[0])
    for name in FILES[1:]:
        root.extend(list(_load(name)))
    for include in root.findall("{*}include"):
        root.remove(include)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def country_codes() -> tuple[str, ...]:
    """Return the country codes that documents may use, sorted."""
    return _words("CountryCode")


def state_codes() -> tuple[str, ...]:
    """Return the United States' state codes that documents may use, sorted."""
    return _words("StateCode")


def validate(data: bytes, *, strict: bool = False, caps: Caps = DEFAULT_CAPS) -> tuple[str, ...]:
    """Check one document against the schema.

    Args:
        data: the document.
        strict: refuse the additions that are newer than the schema too.
        caps: what the document may measure.

    Returns:
        Warnings: which newer parts were taken, by name.

    Raises:
        SchemaInvalid: with the line and the reason of the first fault.
        DocumentError: the bytes cannot be read at all (see `reading.read_tree`).
    """
    return check(read_tree(data, caps), strict=strict)


def check(root: Element, *, strict: bool = False) -> tuple[str, ...]:
    """Check a document that has been read; newer attributes are moved to the schema's places in it.

    Raises:
        SchemaInvalid: with the line and the reason of the first fault.
    """
    if root.tag not in ROOTS:
        raise SchemaInvalid("the root element is not one of this protocol", line=line_of(root))
    if strict:
        _judge(root)
        return ()
    warnings = additions.put_in_place(root)
    with additions.set_aside(root) as taken:
        _judge(root)
    return tuple(warnings + taken)


def _judge(root: Element) -> None:
    schema = _compiled()
    if schema.validate(root):
        return
    errors: Any = schema.error_log
    first = errors[0]
    raise SchemaInvalid(_reason(first.message), line=int(first.line))


def _reason(message: str) -> str:
    """Return libxml2's reason without the values that it quotes: they may be personal data."""
    element, _, rest = message.partition(": ")
    if "Expected is" in rest:
        return f"{element}: not expected here; expected {rest.partition('Expected is')[2].strip()}"
    for known, reason in _REASONS.items():
        if known in rest:
            return f"{element}: {reason}"
    return f"{element}: its value is not allowed"


_REASONS = {
    "This element is not expected": "not expected here",
    "Missing child element": "a required element is missing",
    "is required but missing": "a required attribute is missing",
    "is not allowed": "an attribute is not allowed",
    "is not an element of the set": "not one of its fixed words",
    "[facet 'pattern']": "not of its pattern",
    "fixed value constraint": "must be empty or true",
    "Character content": "text is not allowed here",
    "is not a valid value": "not a value of its type",
    "Element content is not allowed": "elements are not allowed here",
}


def _compiled() -> etree.XMLSchema:
    """Return this thread's compiled schema: its error log is not shared safely."""
    if not hasattr(_local, "schema"):
        _local.schema = etree.XMLSchema(etree.fromstring(text()))
    schema = _local.schema
    if not isinstance(schema, etree.XMLSchema):
        raise TypeError("the schema of this thread is not a schema")
    return schema


def _load(name: str) -> Element:
    data = resources.files(__name__).joinpath(name).read_bytes()
    return etree.fromstring(
        data, etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True)
    )


def _words(name: str) -> tuple[str, ...]:
    kind = next(t for t in _load("codes.xsd").iter("{*}simpleType") if t.get("name") == name)
    return tuple(sorted(str(word.get("value")) for word in kind.iter("{*}enumeration") if word.get("value")))
