"""What SQL Server means by its types; its expressions are read in `tsql/`.

`n`, `p` and `s` are what the column declares. A type without a rule (one of the user's own assemblies) stops the plan.
"""

from __future__ import annotations

from dataclasses import replace

from pipeline.dialects.rules import Dialect, TypeRule
from pipeline.dialects.tsql.collation import Collation
from pipeline.dialects.tsql.defaults import default_sql, one_of
from pipeline.dialects.tsql.terms import OPAQUE
from pipeline.dialects.tsql.translate import Translations
from pipeline.dialects.tsql.views import Views

_SEVENTH = (
    "SQL Server keeps 7 digits of a second and PostgreSQL 6: a value that uses the 7th arrives without it, "
    "and is recorded as a loss"
)


def _to_the_tick(source: str, postgres: str, converter: str, why: str, frame: str = "Int64") -> tuple[TypeRule, ...]:
    """A type of up to 7 digits of a second; none declared is 7."""
    exact = f"{why}; at most 6 digits, as PostgreSQL has them"
    return (
        TypeRule(f"{source}(7)", frame, f"{postgres}(6)", why, converter, _SEVENTH),
        TypeRule(f"{source}(0)", frame, f"{postgres}(0)", exact, converter),
        TypeRule(f"{source}(s)", frame, f"{postgres}({{0}})", exact, converter),
        TypeRule(source, frame, f"{postgres}(6)", "without a scale it is of 7 digits", converter, _SEVENTH),
    )


_RULES = (
    TypeRule("bit", "Boolean", "boolean", "0, 1 or NULL"),
    TypeRule("tinyint", "UInt8", "smallint", "unsigned, 0 to 255; PostgreSQL has no type of one byte"),
    TypeRule("smallint", "Int16", "smallint", "both are 16 bits, signed"),
    TypeRule("int", "Int32", "integer", "both are 32 bits, signed"),
    TypeRule("bigint", "Int64", "bigint", "both are 64 bits, signed"),
    TypeRule("decimal(p,s)", "Decimal({0},{1})", "numeric({0},{1})", "exact, at most 38 digits in both"),
    TypeRule("numeric(p,s)", "Decimal({0},{1})", "numeric({0},{1})", "another name of decimal"),
    TypeRule("money", "Decimal(19,4)", "numeric(19,4)", "64 bits in units of 1/10000: exact; money would round"),
    TypeRule("smallmoney", "Decimal(10,4)", "numeric(10,4)", "32 bits in units of 1/10000: exact"),
    TypeRule("real", "Float32", "real", "both are IEEE 754 single"),
    TypeRule("float", "Float64", "double precision", "both are IEEE 754 double"),
    TypeRule("date", "Date", "date", "years 1 to 9999"),
    TypeRule(
        "datetime",
        "Datetime(us)",
        "timestamp(3)",
        "counts in 1/300 s and shows .000, .003 and .007; no zone, so none is invented",
    ),
    TypeRule("smalldatetime", "Datetime(us)", "timestamp(0)", "whole minutes; no zone, so none is invented"),
    *_to_the_tick("time", "time", "clock_ticks", "100 ns ticks since midnight"),
    *_to_the_tick("datetime2", "timestamp", "ticks", "100 ns ticks since 0001-01-01; no zone, so none is invented"),
    *_to_the_tick(
        "datetimeoffset",
        "timestamptz",
        "zoned_ticks",
        "100 ns ticks since 0001-01-01 in UTC: the same moment; the offset it was written with is left and recorded "
        "as a loss, or with `offset: keep` has a column of its own",
        "Struct(ticks, offset)",
    ),
    TypeRule(
        "char(n)",
        "String",
        "char({0})",
        "padded with blanks in both, which neither compares nor counts; n are bytes in SQL Server and characters "
        "here: always fits",
    ),
    TypeRule("nchar(n)", "String", "char({0})", "as char; n counts UTF-16 units in SQL Server: always fits"),
    TypeRule(
        "varchar(n)",
        "String",
        "varchar({0})",
        "n are bytes in SQL Server and characters here: always fits; trailing blanks are kept, and count when "
        "PostgreSQL compares",
    ),
    TypeRule("varchar", "String", "text", "varchar(max): up to 2 GB there and 1 GB here"),
    TypeRule("nvarchar(n)", "String", "varchar({0})", "n counts UTF-16 units there and characters here: always fits"),
    TypeRule("sysname", "String", "varchar(128)", "another name of nvarchar(128)"),
    TypeRule("nvarchar", "String", "text", "nvarchar(max): up to 2 GB there and 1 GB here"),
    TypeRule("text", "String", "text", "the older varchar(max)"),
    TypeRule("ntext", "String", "text", "the older nvarchar(max)"),
    TypeRule("binary", "Binary", "bytea", "filled with zeros to its length, which stay; bytea has no length"),
    TypeRule("varbinary", "Binary", "bytea", "PostgreSQL does not limit the length of bytea"),
    TypeRule("image", "Binary", "bytea", "the older varbinary(max)"),
    TypeRule("rowversion", "Binary", "bytea", "8 bytes that each change of the row raised; nothing raises them here"),
    TypeRule("uniqueidentifier", "Binary", "uuid", "16 bytes, read in RFC 4122 order; PostgreSQL sorts them otherwise"),
    TypeRule(
        "xml",
        "String",
        "text",
        "the text itself; give `type: xml` where PostgreSQL is built with libxml, as some are not",
    ),
    TypeRule(
        "json",
        "String",
        "json",
        "the text that the server writes; `type: jsonb` can be searched by index, and keeps the last of two equal keys",
    ),
    TypeRule(
        "hierarchyid",
        "Binary",
        "text",
        "its path: /1/2.5/; give `type: bytea` to keep it as stored, which sorts as the tree does",
        "hierarchy_path",
    ),
    *(
        TypeRule(
            source,
            "Binary",
            "text",
            f"EWKT: SRID=4326;POINT(126.978 37.5665); give `type: {source}` where PostgreSQL has PostGIS, or "
            "`type: bytea` to keep it as stored",
            f"{source}_ewkt",
        )
        for source in ("geography", "geometry")
    ),
    TypeRule(
        "sql_variant",
        "String",
        "jsonb",
        'each value with the type that it has: {"type": "decimal(5,2)", "value": "12.50"}',
    ),
)


_LIVE = tuple(replace(rule, opaque=rule.source in OPAQUE) for rule in _RULES)
_NOT_SEEN = ("json", "sql_variant")
"""Types whose form in a .bacpac no real file has shown."""


def _offline(rule: TypeRule) -> TypeRule:
    return replace(rule, converter="zoned_ticks_at_zero") if rule.converter == "zoned_ticks" else rule


_OFFLINE = tuple(_offline(rule) for rule in _LIVE if rule.source not in _NOT_SEEN)


def sql_server(collation: str, *, offline: bool = False) -> Dialect:
    """The dialect of a database with that collation, which decides how it compares text; `offline` is a .bacpac's."""
    comparing, rules = Collation.named(collation), _OFFLINE if offline else _LIVE
    made = Translations(comparing)
    return Dialect(
        "SQL Server", rules, default_sql, made.check, made.generated, one_of, Views(comparing).draft, one_null=True
    )


MSSQL = sql_server("SQL_Latin1_General_CP1_CI_AS")
"""With the collation that SQL Server is installed with where nobody chooses another."""
