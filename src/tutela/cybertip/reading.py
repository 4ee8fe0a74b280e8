"""Hardened reading of XML from the network, before anything looks at what it says.

Only UTF-8 (or ASCII) is taken. A document type declaration is refused before the parser sees it, so no
entity, no external subset and no expansion exists; the parser itself has the network, DTDs and entity
resolution off as well. Bytes, depth, elements and attributes are capped while the tree grows.

What this does NOT protect: it says nothing about the meaning of a document (see `schema`), and it holds
a whole document in memory. Files travel beside documents and are never read here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from lxml import etree
from lxml.etree import _Element as Element

from tutela.cybertip.errors import DocumentTooLarge, MalformedXml, SchemaInvalid

XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
LOCATIONS = frozenset({XSI + "schemaLocation", XSI + "noNamespaceSchemaLocation"})
CHUNK = 1 << 16
LONGEST_PROLOG = 100

_DECLARATION = re.compile(rb"<\?xml\s[^>]{0,200}?\?>")
_ENCODING = re.compile(rb"encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")
_ENCODINGS = frozenset({b"utf-8", b"utf8", b"us-ascii", b"ascii"})
_SPACE = re.compile(rb"[ \t\r\n]*")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Caps:
    """What a document may measure at most."""

    size: int = 16 << 20
    depth: int = 24
    elements: int = 100_000
    attributes: int = 16


DEFAULT_CAPS = Caps()


def read_tree(data: bytes, caps: Caps = DEFAULT_CAPS) -> Element:
    """Parse a document and return its root element, without comments and processing instructions.

    Hints for where a schema lies (`xsi:noNamespaceSchemaLocation`) are dropped: the reader chooses the
    schema, not the sender.

    Raises:
        DocumentTooLarge: a cap is passed.
        MalformedXml: not well-formed, not UTF-8, or with a document type declaration.
        SchemaInvalid: `xsi:type` or `xsi:nil` is used.
    """
    if len(data) > caps.size:
        raise DocumentTooLarge(f"the document is longer than {caps.size} bytes")
    _check_encoding(data)
    _check_prolog(data)
    parser = etree.XMLPullParser(
        events=("start", "end"),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        remove_comments=True,
        remove_pis=True,
        huge_tree=False,
        encoding="utf-8",
    )
    try:
        return _grow(parser, data, caps)
    except etree.XMLSyntaxError as error:
        line = error.lineno or 0
        raise MalformedXml(f"the document is not well-formed XML (line {line})", line=line) from error


def _grow(parser: etree.XMLPullParser, data: bytes, caps: Caps) -> Element:
    depth = elements = 0
    view = memoryview(data)
    for start in range(0, max(len(data), 1), CHUNK):
        parser.feed(bytes(view[start : start + CHUNK]))
        for event, element in parser.read_events():
            if not isinstance(element, Element):
                continue
            if event == "end":
                depth -= 1
                continue
            depth += 1
            elements += 1
            _check_size(depth, elements, len(element.attrib), caps)
            _check_instance_attributes(element)
    root = parser.close()
    if root.getroottree().docinfo.internalDTD is not None:
        raise MalformedXml("the document has a document type declaration")
    return root


def _check_size(depth: int, elements: int, attributes: int, caps: Caps) -> None:
    if depth > caps.depth:
        raise DocumentTooLarge(f"the document is nested more than {caps.depth} deep")
    if elements > caps.elements:
        raise DocumentTooLarge(f"the document has more than {caps.elements} elements")
    if attributes > caps.attributes:
        raise DocumentTooLarge(f"an element of the document has more than {caps.attributes} attributes")


def _check_instance_attributes(element: Element) -> None:
    for name in list(element.attrib):
        if name in LOCATIONS:
            del element.attrib[name]
        elif str(name).startswith(XSI):
            raise SchemaInvalid("xsi:type and xsi:nil are not accepted", line=line_of(element))


def _check_encoding(data: bytes) -> None:
    declared = _DECLARATION.match(data.removeprefix(_BOM))
    named = _ENCODING.search(declared.group()) if declared else None
    if named and named.group(1).lower() not in _ENCODINGS:
        raise MalformedXml("the document is not declared as UTF-8", hint="Send XML in UTF-8.")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise MalformedXml(f"the document is not UTF-8 (line {line})", line=line) from error


def _check_prolog(data: bytes) -> None:
    """Refuse `<!` before the root element unless it opens a comment: only a DOCTYPE could stand there."""
    position = len(_BOM) if data.startswith(_BOM) else 0
    for _ in range(LONGEST_PROLOG):
        position = _blank(data, position)
        if data.startswith(b"<!--", position):
            end = data.find(b"-->", position + 4)
        elif data.startswith(b"<?", position):
            end = data.find(b"?>", position + 2)
        elif data.startswith(b"<!", position):
            raise MalformedXml(
                "the document has a document type declaration", hint="Send it without a DOCTYPE."
            )
        else:
            return
        if end < 0:
            raise MalformedXml("the document ends inside a comment or an instruction")
        position = data.index(b">", end) + 1
    raise DocumentTooLarge(f"more than {LONGEST_PROLOG} comments and instructions stand before the root")


def _blank(data: bytes, position: int) -> int:
    """Return where white space that begins at a place ends."""
    found = _SPACE.match(data, position)
    return found.end() if found else position


def line_of(element: Element) -> int:
    """Return the line that an element starts on, or 0 when it is not known."""
    line: Any = element.sourceline
    return int(line or 0)
