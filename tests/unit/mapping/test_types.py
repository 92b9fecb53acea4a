from __future__ import annotations

import pytest

from pipeline.catalog import SqlType, Table
from pipeline.mapping.types import family, parse_type
from pipeline.postgres.connect import Target, connect
from pipeline.postgres.introspect import read_table

# One spelling of every kind: canonical, alias, limits at both ends, defaults that PostgreSQL fills in.
_ACCEPTED = {
    "int2": "smallint",
    "INT": "integer",
    "bigint": "bigint",
    "float4": "real",
    "float": "double precision",
    "Double  Precision": "double precision",
    "numeric": "numeric",
    "numeric( 38 , 38 )": "numeric(38,38)",
    "decimal(10)": "numeric(10,0)",
    "bool": "boolean",
    "text": "text",
    "varchar": "varchar",
    "character varying(10485760)": "varchar(10485760)",
    "char": "char(1)",
    "character(3)": "char(3)",
    "bytea": "bytea",
    "date": "date",
    "time(0)": "time(0)",
    "timestamp": "timestamp",
    "timestamp without time zone": "timestamp",
    "timestamp(6)": "timestamp(6)",
    "timestamp with time zone": "timestamptz",
    "interval(3)": "interval(3)",
    "uuid": "uuid",
    "json": "json",
    "jsonb": "jsonb",
    "xml": "xml",
    "inet": "inet",
    "cidr": "cidr",
    "macaddr": "macaddr",
    "text[]": "text[]",
    " INT []": "integer[]",
    "character varying(20)[]": "varchar(20)[]",
    "decimal(10)[]": "numeric(10,0)[]",
    "timestamp(3) []": "timestamp(3)[]",
}


@pytest.mark.parametrize(("written", "canonical"), _ACCEPTED.items())
def test_spellings_have_one_canonical_form(written: str, canonical: str) -> None:
    assert str(parse_type(written)) == canonical
    assert parse_type(canonical) == parse_type(written)


def test_types_of_postgis_are_known_by_name_alone() -> None:
    assert [str(parse_type(name)) for name in ("Geometry", "geography", "geometry[]")] == [
        "geometry",
        "geography",
        "geometry[]",
    ]
    assert family(SqlType("geometry")) != family(SqlType("geography"))
    with pytest.raises(ValueError, match="takes no arguments"):
        parse_type("geometry(4326)")


def test_postgresql_calls_each_type_by_its_canonical_form(database: Target) -> None:
    """Otherwise an existing target table would seem to differ from its own mapping."""
    columns = ", ".join(f"c{i} {type}" for i, type in enumerate(_ACCEPTED.values()))
    with connect(database, application_name="tests") as connection:
        connection.execute(f"create table t ({columns})".encode())
        found = read_table(connection, Table("t", (), schema="public"))
    assert found is not None
    assert [str(column.type) for column in found.columns] == list(_ACCEPTED.values())


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("nvarchar(30)", "did you mean varchar"),
        ("serial", "type: int, identity: true"),
        ("bigserial", "type: bigint, identity: true"),
        ("zzz", "known are smallint"),
        ("numeric(39,2)", "39 is not within 1 to 38"),
        ("numeric(5,6)", "scale 6 is above precision 5"),
        ("varchar(0)", "0 is not within 1"),
        ("timestamp(7)", "7 is not within 0 to 6"),
        ("text[][]", "unknown type"),
        ("zzz[]", "known are smallint"),
        ("text(3)[]", "takes no arguments"),
        ("text(3)", "takes no arguments"),
        ("numeric(1,2,3)", "takes 2 arguments"),
        ("integer); drop table x; --", "not a type"),
        ("text\x00", "unknown type"),
        ("", "not a type"),
    ],
)
def test_any_other_text_is_refused(written: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason.replace("(", r"\(")):
        parse_type(written)


def test_families_tell_what_compares() -> None:
    assert family(SqlType("smallint")) == family(SqlType("numeric", (19, 4)))
    assert family(SqlType("varchar", (3,))) == family(SqlType("text"))
    assert len({family(SqlType(name)) for name in ("integer", "text", "uuid", "timestamp", "bytea", "boolean")}) == 6
