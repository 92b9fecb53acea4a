"""Column types of a model as values, with alias types resolved to what they stand for."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.catalog import SqlType
from pipeline.sources.bacpac.elements import Element, Name

Aliases = Mapping[Name, Element]
"""SqlUserDefinedDataType by name."""

_SIZED = {"char", "varchar", "nchar", "nvarchar", "binary", "varbinary"}
_NUMBERS = {"decimal", "numeric"}
_TIMES = {"time", "datetime2", "datetimeoffset"}
_LARGEST_REAL = 24
_OTHER_NAMES = {"timestamp": SqlType("rowversion"), "sysname": SqlType("nvarchar", (128,))}
# What a model leaves out is what T-SQL gives a declaration without it.
_LENGTH, _PRECISION, _SCALE, _FRACTION = 1, 18, 0, 7
_LONGEST, _DIGITS = 8000, 38


def column_type(column: Element, aliases: Aliases) -> SqlType:
    """The type of a SqlSimpleColumn; raises ValueError."""
    specifiers = column.inner.get("TypeSpecifier", ())
    if len(specifiers) != 1:
        raise ValueError(f"column {column.shown} has no type")
    return _type(specifiers[0], aliases)


def _type(specifier: Element, aliases: Aliases) -> SqlType:
    name = specifier.reference("Type")
    properties = specifier.properties
    if alias := aliases.get(name):
        name, properties = alias.reference("Type"), alias.properties
    return _spelled(name, properties)


def _spelled(name: Name, properties: Mapping[str, str]) -> SqlType:
    built_in = len(name) == 1 or name[0] == "sys"
    word = name[-1].lower()
    if not built_in:
        return SqlType(".".join(name))
    if word in _OTHER_NAMES:
        return _OTHER_NAMES[word]
    if word in _SIZED:
        longest = () if properties.get("IsMax") == "True" else (_number(properties, "Length", _LENGTH, 1, _LONGEST),)
        return SqlType(word, longest)
    if word in _NUMBERS:
        precision = _number(properties, "Precision", _PRECISION, 1, _DIGITS)
        return SqlType(word, (precision, _number(properties, "Scale", _SCALE, 0, precision)))
    if word in _TIMES:
        return SqlType(word, (_number(properties, "Scale", _FRACTION, 0, _FRACTION),))
    if word == "float" and _number(properties, "Precision", 53, 1, 53) <= _LARGEST_REAL:
        return SqlType("real")
    return SqlType(word)


def _number(properties: Mapping[str, str], key: str, default: int, least: int, most: int) -> int:
    text = properties.get(key, str(default))
    if not (text.isascii() and text.isdigit() and least <= int(text[:10]) <= most):
        raise ValueError(f"{key} {text[:20]!r} of a type lies outside {least} to {most}")
    return int(text)
