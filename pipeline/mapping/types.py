"""The PostgreSQL types that a mapping may name: spelling, limits, and what compares with what.

A closed table, because a type's text goes into DDL: whatever is not here is refused with the
nearest known name, and never reaches the server. An array, `text[]`, is of any type that is here.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from pipeline.catalog import SqlType

_FRACTION = range(7)  # PostgreSQL keeps microseconds
_LENGTH = range(1, 10_485_761)


@dataclass(frozen=True, slots=True)
class PostgresType:
    name: str
    """Canonical: the short spelling that mappings, catalogs and schema.sql use."""
    family: str
    """Types of one family can be compared, so they can face each other in a foreign key."""
    aliases: tuple[str, ...] = ()
    limits: tuple[range, ...] = ()
    """One range per argument that the type may carry."""
    filled: tuple[int, ...] = ()
    """What PostgreSQL assumes for arguments that are left out."""


_TYPES = (
    PostgresType("smallint", "number", ("int2",)),
    PostgresType("integer", "number", ("int4", "int")),
    PostgresType("bigint", "number", ("int8",)),
    PostgresType("real", "number", ("float4",)),
    PostgresType("double precision", "number", ("float8", "float")),
    # 38 digits are what a frame holds exactly; numeric without arguments has no such bound.
    PostgresType("numeric", "number", ("decimal", "dec"), (range(1, 39), range(39))),
    PostgresType("boolean", "boolean", ("bool",)),
    PostgresType("text", "text"),
    PostgresType("varchar", "text", ("character varying",), (_LENGTH,)),
    PostgresType("char", "text", ("character", "bpchar"), (_LENGTH,), filled=(1,)),
    PostgresType("citext", "text"),
    PostgresType("bytea", "bytea"),
    PostgresType("date", "time"),
    PostgresType("timestamp", "time", ("timestamp without time zone",), (_FRACTION,)),
    PostgresType("timestamptz", "time", ("timestamp with time zone",), (_FRACTION,)),
    PostgresType("time", "clock", ("time without time zone",), (_FRACTION,)),
    PostgresType("interval", "interval", (), (_FRACTION,)),
    PostgresType("uuid", "uuid"),
    PostgresType("json", "json"),
    PostgresType("jsonb", "jsonb"),
    PostgresType("xml", "xml"),
    PostgresType("inet", "inet"),
    PostgresType("cidr", "inet"),
    PostgresType("macaddr", "macaddr"),
    PostgresType("geometry", "geometry"),  # these two are PostGIS's, without arguments
    PostgresType("geography", "geography"),
)
_BY_NAME = {name: type for type in _TYPES for name in (type.name, *type.aliases)}
INTEGERS = frozenset({"smallint", "integer", "bigint"})


def parse_type(text: str) -> SqlType:
    """The canonical form of a type as a person writes it; raises ValueError for any other text."""
    written = SqlType.parse(text)
    if written.element and not written.element.element:
        element = parse_type(str(written.element))
        return SqlType(f"{element.name}[]", element.args)
    name = " ".join(written.name.lower().split())
    known = _BY_NAME.get(name)
    if known is None:
        raise ValueError(f"unknown type {text!r}{_advice(name)}")
    return SqlType(known.name, _arguments(known, written.args))


def family(type: SqlType) -> str:
    return f"{family(type.element)}[]" if type.element else _BY_NAME[type.name].family


def _advice(name: str) -> str:
    if name in {"serial", "bigserial", "smallserial"}:
        return f"; write `type: {name.replace('serial', 'int')}, identity: true`"
    close = get_close_matches(name, _BY_NAME, n=1)
    return f"; did you mean {close[0]}?" if close else f"; known are {', '.join(type.name for type in _TYPES)}"


def _arguments(known: PostgresType, args: tuple[int, ...]) -> tuple[int, ...]:
    if len(args) > len(known.limits):
        raise ValueError(f"{known.name} takes {len(known.limits) or 'no'} arguments")
    for value, allowed in zip(args, known.limits, strict=False):
        if value not in allowed:
            raise ValueError(f"{known.name}: {value} is not within {allowed.start} to {allowed.stop - 1}")
    if known.name != "numeric" or not args:
        return args or known.filled
    precision, scale = (*args, 0)[:2]
    if scale > precision:
        raise ValueError(f"numeric: scale {scale} is above precision {precision}")
    return precision, scale
