"""model.xml, one object at a time: elements with properties, relationships and annotations.

Each object of the database is an `Element` below `Model`; what belongs to it (columns, type specifiers) are elements
within its relationships, and what it refers to are `References` by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element as Xml

Name = tuple[str, ...]
"""Schema, table, column, as far as it goes."""
_OBJECT_DEPTH = 3
"""DataSchemaModel, Model, Element."""
_MOST_DEPTH = 64
_MOST_NODES = 1 << 20
"""Of one object: a table of 1,024 columns has some 15,000."""
_PART = re.compile(r"\[((?:[^\]]|\]\])+)\]")


@dataclass(frozen=True, slots=True)
class Element:
    """One object of the model, or a part of one."""

    type: str
    name: Name
    """The parts of its name: schema, table, column; empty for an object without one."""
    properties: dict[str, str] = field(default_factory=dict)
    inner: dict[str, tuple[Element, ...]] = field(default_factory=dict)
    """Elements within it, by relationship."""
    references: dict[str, tuple[Name, ...]] = field(default_factory=dict)
    """Names that it refers to, by relationship; empty for what has none."""
    annotations: dict[str, Element] = field(default_factory=dict)

    def true(self, property: str) -> bool:
        return self.properties.get(property) == "True"

    def reference(self, relationship: str) -> Name:
        """The one name that it refers to; raises ValueError where there is none, or are more."""
        names = self.named(relationship)
        if len(names) != 1:
            raise ValueError(f"{self.type} {self.shown} has {len(names)} references as {relationship}, and not one")
        return names[0]

    def named(self, relationship: str) -> tuple[Name, ...]:
        """The names that it refers to, none of them empty; raises ValueError where one is."""
        names = self.references.get(relationship, ())
        if () in names:
            raise ValueError(f"{self.type} {self.shown} refers to something without a name as {relationship}")
        return names

    @property
    def shown(self) -> str:
        return ".".join(self.name) or "without a name"


def read_objects(pieces: Iterable[bytes]) -> Iterator[Element]:
    """The objects of a model in its order; raises ValueError for what is no model.

    No document type is taken, and so no entity is expanded and nothing outside is asked for.
    """
    builder = _Objects()
    for _ in _parsed(pieces, builder):
        yield from builder.taken()


def read_tree(pieces: Iterable[bytes]) -> Xml:
    """The root of a small document; raises ValueError as `read_objects` does."""
    builder = _Builder()
    for _ in _parsed(pieces, builder):
        continue
    return builder.close()


def local(node: Xml) -> str:
    """Its name without the namespace."""
    return str(node.tag).rpartition("}")[2]


def _parsed(pieces: Iterable[bytes], builder: _Builder) -> Iterator[None]:
    """Parses piece by piece, and yields after each."""
    parser = ElementTree.XMLParser(target=builder)  # noqa: S314 (the builder refuses what makes XML dangerous)
    try:
        for piece in pieces:
            parser.feed(piece)
            yield
        parser.close()
    except ElementTree.ParseError as error:
        raise ValueError(f"is no XML that can be read: {error}") from error
    yield


def parse_name(text: str) -> Name:
    """`[dbo].[Order Details]` in its parts; raises ValueError for anything else."""
    parts, at = [], 0
    while match := _PART.match(text, at):
        parts.append(match[1].replace("]]", "]"))
        at = match.end() + 1
        if match.end() == len(text):
            return tuple(parts)
        if text[match.end()] != ".":
            break
    raise ValueError(f"{text[:80]!r} is not a name in brackets")


class _Builder(ElementTree.TreeBuilder):
    """A tree of bounded size, without a document type."""

    def __init__(self) -> None:
        super().__init__()
        self._open: list[Xml] = []
        self._nodes = 0

    def doctype(self, *_: object) -> None:
        raise ValueError("has a document type, which no model has")

    def start(self, tag: Any, attrs: Any, /) -> Xml:
        self._nodes += 1
        if len(self._open) >= _MOST_DEPTH or self._nodes > _MOST_NODES:
            raise ValueError(f"nests deeper than {_MOST_DEPTH}, or has an object of more than {_MOST_NODES:,} elements")
        node = super().start(tag, attrs)
        self._open.append(node)
        return node

    def end(self, tag: Any, /) -> Xml:
        self._open.pop()
        return super().end(tag)


class _Objects(_Builder):
    """Lets go of each object as soon as it is whole."""

    def __init__(self) -> None:
        super().__init__()
        self._whole: list[Element] = []

    def end(self, tag: Any, /) -> Xml:
        node = super().end(tag)
        if len(self._open) == _OBJECT_DEPTH - 1:
            if local(node) == "Element":
                self._whole.append(_element(node))
            self._open[-1].clear()
            self._nodes = 0
        return node

    def taken(self) -> list[Element]:
        whole, self._whole = self._whole, []
        return whole


def _element(node: Xml) -> Element:
    made = Element(node.get("Type", ""), _name(node))
    for child in node:
        match local(child):
            case "Property":
                made.properties[child.get("Name", "")] = _value(child)
            case "Annotation":
                # A name is of what it tells, and not always in brackets; nothing here needs it but inline keys'.
                made.annotations[child.get("Type", "")] = Element("", _name_or_none(child), _properties(child))
            case "Relationship":
                within = [one for entry in child for one in entry]
                key = child.get("Name", "")
                made.inner[key] = tuple(_element(one) for one in within if local(one) == "Element")
                made.references[key] = tuple(_name(one) for one in within if local(one) == "References")
    return made


def _properties(node: Xml) -> dict[str, str]:
    return {child.get("Name", ""): _value(child) for child in node if local(child) == "Property"}


def _value(property: Xml) -> str:
    """Short values are attributes; scripts stand in an element of their own."""
    attribute = property.get("Value")
    return attribute if attribute is not None else "".join(child.text or "" for child in property)


def _name(node: Xml) -> Name:
    text = node.get("Name")
    if text is None:
        return ()
    return _name_or_none(node) or (text,)


def _name_or_none(node: Xml) -> Name:
    try:
        return parse_name(node.get("Name", ""))
    except ValueError:
        return ()
