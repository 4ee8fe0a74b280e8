"""Between frozen dataclasses and XML elements.

A document class lists its parts in the schema's order. A part's XML name is its own in camelCase, unless
`Xml` says otherwise; whether it is optional or repeated follows from its type (`T | None`, `tuple[T, ...]`).
What the schema demands is checked by the schema, not here.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from lxml import etree
from lxml.etree import _Element as Element

from tutela.cybertip import values
from tutela.cybertip.errors import NotWritable, SchemaInvalid
from tutela.cybertip.reading import line_of

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Xml:
    """How a part is written.

    Attributes:
        name: its XML name, where that is not its own in camelCase.
        place: child element, attribute, the element's own text, or nowhere.
        limit: longest text that the documentation allows, 0 for none.
        token: white space is collapsed when read.
        flag: an empty element; present means true.
        wrapped: the element of this name holds one element that is named after its class (`TAG`).
    """

    name: str = ""
    place: Literal["element", "attribute", "text", "none"] = "element"
    limit: int = 0
    token: bool = False
    flag: bool = False
    wrapped: bool = False


Flag = Annotated[bool, Xml(flag=True)]
ATTRIBUTE = Xml(place="attribute")
TEXT = Xml(place="text")
ASIDE = Xml(place="none")


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a class, resolved."""

    attribute: str
    name: str
    xml: Xml
    kinds: tuple[type, ...]
    many: bool


@dataclass(frozen=True, slots=True)
class Parts:
    """A class's parts by place."""

    elements: tuple[Part, ...]
    attributes: tuple[Part, ...]
    text: Part | None


_RESOLVED: dict[type, Parts] = {}


def parts_of(cls: type) -> Parts:
    """Return the parts of a document class; resolved once."""
    if cls not in _RESOLVED:
        _RESOLVED[cls] = _resolve(cls)
    return _RESOLVED[cls]


def _resolve(cls: type) -> Parts:
    hints = get_type_hints(cls, include_extras=True)
    parts = [_part(field.name, hints[field.name]) for field in dataclasses.fields(cls)]
    return Parts(
        tuple(p for p in parts if p.xml.place == "element"),
        tuple(p for p in parts if p.xml.place == "attribute"),
        next((p for p in parts if p.xml.place == "text"), None),
    )


def _part(attribute: str, hint: Any) -> Part:
    xml = Xml()
    many = False
    while True:
        origin, arguments = get_origin(hint), get_args(hint)
        if origin is Annotated:
            hint, xml = arguments[0], next((a for a in arguments[1:] if isinstance(a, Xml)), xml)
        elif origin is tuple:
            hint, many = arguments[0], True
        elif origin in {Union, types.UnionType}:
            kinds = tuple(kind for kind in arguments if kind is not types.NoneType)
            if len(kinds) > 1:
                break
            hint = kinds[0]
        else:
            kinds = (hint,)
            break
    first, *rest = attribute.split("_")
    name = xml.name or first + "".join(word.capitalize() for word in rest)
    return Part(attribute, name, xml, kinds, many)


def write(tag: str, thing: Any) -> Element:
    """Return a document, or a part of one, as an element.

    Raises:
        NotWritable: a text is longer than the documentation allows or has characters that XML cannot carry.
    """
    element = etree.Element(tag)
    parts = parts_of(type(thing))
    for part in parts.attributes:
        value = getattr(thing, part.attribute)
        if value is not None:
            with _Writing(part):
                element.set(part.name, _to_text(part, value))
    if parts.text is not None:
        with _Writing(parts.text):
            element.text = _to_text(parts.text, getattr(thing, parts.text.attribute))
    for part in parts.elements:
        value = getattr(thing, part.attribute)
        items = value if part.many else () if value is None else (value,)
        for item in items:
            _append(element, part, item)
    return element


def _append(element: Element, part: Part, item: Any) -> None:
    if part.xml.flag:
        if item:
            etree.SubElement(element, part.name)
    elif part.xml.wrapped:
        etree.SubElement(element, part.name).append(write(type(item).TAG, item))
    elif dataclasses.is_dataclass(item):
        element.append(write(part.name, item))
    else:
        with _Writing(part):
            etree.SubElement(element, part.name).text = _to_text(part, item)


class _Writing:
    """Turn lxml's refusal of a text into our error, with the part's name and without the text."""

    def __init__(self, part: Part) -> None:
        self.part = part

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ValueError):
            raise NotWritable(f"{self.part.name} has characters that XML cannot carry") from error


def _to_text(part: Part, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return values.write_float(value)
    if isinstance(value, datetime):
        return values.write_moment(value)
    if isinstance(value, date):
        return value.isoformat()
    text = str(value)
    if part.xml.limit and len(text) > part.xml.limit:
        raise NotWritable(
            f"{part.name} is longer than {part.xml.limit} characters",
            hint="Shorten it, or move a part of it to additionalInfo.",
        )
    return text


def read(element: Element, cls: type[T], warnings: list[str]) -> T:
    """Return what an element says, as `cls`. The element has been checked against the schema.

    Args:
        element: the element.
        cls: a document class.
        warnings: readable notices are added here: names of parts only, never values.

    Raises:
        SchemaInvalid: a value that the schema allows cannot be held (or the schema was not asked).
    """
    parts = parts_of(cls)
    known = {part.name: part for part in parts.elements}
    found: dict[str, Any] = {part.attribute: [] for part in parts.elements if part.many}
    for child in element:
        part = known.get(str(child.tag))
        if part is None:
            raise SchemaInvalid(
                f"{element.tag} holds an element that is not known there", line=line_of(child)
            )
        value = _read_child(child, part, warnings)
        if part.many:
            found[part.attribute].append(value)
        else:
            found[part.attribute] = value
    arguments = {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}
    arguments |= _read_attributes(element, parts, warnings)
    if parts.text is not None:
        arguments[parts.text.attribute] = _from_text(element, parts.text, element.text or "", warnings)
    try:
        return cls(**arguments)
    except TypeError:
        raise SchemaInvalid(f"{element.tag} lacks a part that it must have", line=line_of(element)) from None


def _read_attributes(element: Element, parts: Parts, warnings: list[str]) -> dict[str, Any]:
    known = {part.name: part for part in parts.attributes}
    found = {}
    for name, text in element.attrib.items():
        part = known.get(str(name))
        if part is None:
            raise SchemaInvalid(f"{element.tag} has an attribute that is not known", line=line_of(element))
        found[part.attribute] = _from_text(element, part, str(text), warnings)
    return found


def _read_child(child: Element, part: Part, warnings: list[str]) -> Any:
    if part.xml.flag:
        return True
    if part.xml.wrapped:
        return _read_wrapped(child, part, warnings)
    if dataclasses.is_dataclass(part.kinds[0]):
        return read(child, part.kinds[0], warnings)
    if len(child):
        raise SchemaInvalid(f"{child.tag} holds elements", line=line_of(child))
    return _from_text(child, part, child.text or "", warnings)


def _read_wrapped(child: Element, part: Part, warnings: list[str]) -> Any:
    kinds = {cast("Any", kind).TAG: kind for kind in part.kinds}
    if len(child) != 1 or child[0].tag not in kinds:
        raise SchemaInvalid(f"{child.tag} does not hold exactly one known element", line=line_of(child))
    return read(child[0], kinds[str(child[0].tag)], warnings)


_READERS: dict[type, Callable[[str], Any]] = {
    bool: values.read_bool,
    int: values.read_int,
    float: values.read_float,
    datetime: values.read_moment,
    date: values.read_date,
}


def _from_text(element: Element, part: Part, text: str, warnings: list[str]) -> Any:
    kind = part.kinds[0]
    try:
        if kind in _READERS:
            return _READERS[kind](text)
        if issubclass(kind, StrEnum):
            return kind(text)
    except SchemaInvalid as error:
        raise type(error)(f"{part.name}: {error.reason}", line=line_of(element)) from error
    except ValueError:
        raise SchemaInvalid(f"{part.name} is not one of its fixed words", line=line_of(element)) from None
    if part.xml.token:
        text = values.collapse(text)
    if part.xml.limit and len(text) > part.xml.limit:
        warnings.append(f"{part.name} is longer than {part.xml.limit} characters")
    return text
