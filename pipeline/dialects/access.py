"""What Access means by its types and defaults.

The formats behind the rows were measured on 255 real files of Jet 3, Jet 4 and ACE 12 to 17.
Calculated columns whose result is not known and unknown type numbers have no rule, so they stop the plan.
"""

from __future__ import annotations

import re

from pipeline.catalog import SqlType
from pipeline.dialects.expressions.translate import check_sql, default_sql, generated_sql
from pipeline.dialects.queries.views import draft_views
from pipeline.dialects.rules import Dialect, TypeRule

_RULES = (
    TypeRule("YesNo", "Boolean", "boolean", "lives in the row's null bitmap, so it is never NULL"),
    TypeRule("Byte", "UInt8", "smallint", "unsigned, 0 to 255; PostgreSQL has no type of one byte"),
    TypeRule("Integer", "Int16", "smallint", "both are 16 bits, signed"),
    TypeRule("Long", "Int32", "integer", "both are 32 bits, signed; an AutoNumber becomes an identity"),
    TypeRule("BigInt", "Int64", "bigint", "Large Number of Access 2016: both are 64 bits, signed"),
    TypeRule("Currency", "Decimal(19,4)", "numeric(19,4)", "64 bits in units of 1/10000: exact; money would round"),
    TypeRule("Decimal(p,s)", "Decimal({0},{1})", "numeric({0},{1})", "exact, at most 28 digits; scale is the column's"),
    TypeRule("Decimal", "String", "numeric", "of a calculated column: each value has its own scale, up to 29 digits"),
    TypeRule("Single", "Float32", "real", "both are IEEE 754 single"),
    TypeRule("Double", "Float64", "double precision", "both are IEEE 754 double"),
    TypeRule(
        "DateTime",
        "Datetime(us)",
        "timestamp",
        "a double of days, read to the microsecond; no zone, so none is invented; years 100 to 9999",
    ),
    TypeRule(
        "DateTimeExtended",
        "Int64",
        "timestamp(6)",
        "100 ns ticks since 0001-01-01, years 1 to 9999",
        converter="ticks",
        notice="Access keeps 7 digits of a second and PostgreSQL 6: a value that uses the 7th arrives without it, "
        "and is recorded as a loss",
    ),
    TypeRule("Text(n)", "String", "varchar({0})", "n counts UTF-16 units in Access and characters here: always fits"),
    TypeRule("Text", "String", "text", "some files declare no length"),
    TypeRule("Memo", "String", "text", "Long Text: up to a gigabyte"),
    TypeRule(
        "Hyperlink",
        "String",
        "text",
        "kept as stored: text#address#subaddress#screen tip; `hyperlink: split` makes a column of each part",
    ),
    TypeRule("Binary", "Binary", "bytea", "PostgreSQL does not limit the length of bytea"),
    TypeRule(
        "OLE",
        "Binary",
        "bytea",
        "kept as stored, with the OLE wrapper; `ole: unwrap` takes out the file, its name and its class",
    ),
    TypeRule("Attachment", "Binary", "bytea", "the attached file itself, unpacked; its name and type stand beside it"),
    TypeRule(
        "Complex",
        "Int32",
        "integer",
        "attachments, multiple values or versions: the number that finds them in a table of their own, which has a "
        "foreign key to it",
        notice="its values are rows of a table of their own; to have them here instead, give it `type: jsonb`, or "
        "`text[]` for multiple values, take out its identity and keys, and skip that table",
        nests=True,
    ),
    TypeRule("GUID", "Binary", "uuid", "16 bytes, read in RFC 4122 order"),
)

_TEXTS = frozenset({"Text", "Memo"})
_NUMBERS = frozenset({"Byte", "Integer", "Long", "BigInt", "Currency", "Decimal", "Single", "Double"})
_NUMBER = re.compile(r"-?[0-9]{1,28}(?:\.[0-9]{1,28})?")


def one_of(choices: tuple[str, ...], type: SqlType) -> str:
    """The values of a lookup list as a validation rule; raises ValueError."""
    if type.name in _TEXTS:
        return f"In ({','.join(_quoted(choice) for choice in choices)})"
    if type.name not in _NUMBERS:
        raise ValueError(f"a list of texts does not tell which values of {type} it means")
    for choice in choices:
        if not _NUMBER.fullmatch(choice):
            raise ValueError(f"{choice[:40]!r} is no number, and the column is {type}")
    return f"In ({','.join(choices)})"


def _quoted(text: str) -> str:
    doubled = text.replace('"', '""')
    return f'"{doubled}"'


ACCESS = Dialect("Access", _RULES, default_sql, check_sql, generated_sql, one_of, draft_views)
