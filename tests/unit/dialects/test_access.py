from __future__ import annotations

import polars as pl
import pytest

from pipeline.catalog import SqlType
from pipeline.dialects.access import ACCESS
from pipeline.dialects.expressions.tree import Untranslatable
from pipeline.mapping.defaults import default_fits
from pipeline.mapping.types import parse_type


@pytest.mark.parametrize(
    ("source", "postgres"),
    [
        ("YesNo", "boolean"),
        ("Byte", "smallint"),
        ("Long", "integer"),
        ("Currency", "numeric(19,4)"),
        ("Text(50)", "varchar(50)"),
        ("Text(0)", "text"),
        ("Text", "text"),
        ("Decimal(18,0)", "numeric(18,0)"),
        ("Decimal", "numeric"),
        ("Binary(16)", "bytea"),
        ("GUID", "uuid"),
        ("Complex", "integer"),
        ("Attachment", "bytea"),
        ("DateTimeExtended", "timestamp(6)"),
    ],
)
def test_types(source: str, postgres: str) -> None:
    type = SqlType.parse(source)
    rule = ACCESS.rule(type)
    assert rule is not None
    assert rule.postgres_for(type) == postgres


@pytest.mark.parametrize("source", ["Unknown complex", "Calculated", "Unknown 0x1f", "text(50)"])
def test_types_without_a_rule(source: str) -> None:
    assert ACCESS.rule(SqlType.parse(source)) is None


def test_every_rule_names_types_that_exist() -> None:
    for rule in ACCESS.rules:
        parse_type(rule.postgres.format(18, 4))
        name, _, arguments = rule.frame.partition("(")
        assert hasattr(pl, name), rule.frame
        assert arguments in ("", "us)", "19,4)", "{0},{1})")


@pytest.mark.parametrize(
    ("expression", "type", "translated"),
    [
        ("0", "integer", "0"),
        ("=0", "numeric(19,4)", "0"),
        ('"5"', "smallint", "5"),
        ("1.5", "integer", None),
        ("1.5", "double precision", "1.5"),
        ("Yes", "boolean", "true"),
        ("=No", "boolean", "false"),
        ("-1", "boolean", "true"),
        ('"it\'s ""new"""', "varchar(30)", "'it''s \"new\"'"),
        ("'x'", "text", "'x'"),
        ("7", "text", "'7'"),
        ("Foo", "text", None),
        ("=Now()", "timestamp", "now()"),
        ("Date()", "timestamp", "current_date"),
        ("Now()", "text", None),
        ("GenGUID()", "uuid", "gen_random_uuid()"),
        ("#1/31/2000#", "timestamp", "'2000-01-31 00:00:00'"),
        ("#2000-01-31 3:04 PM#", "timestamp", "'2000-01-31 15:04:00'"),
        ("#1/1/2000#", "date", "'2000-01-01 00:00:00'"),
        ("#1/1/2000 12:00#", "date", None),
        ("#1/1/2000#", "timestamptz", None),
        ("#31/1/2000#", "timestamp", None),
        ("#1/1/00#", "timestamp", None),
        ("1e3", "integer", "1000"),
        ("- 2", "integer", "-2"),
        ("1e300", "double precision", None),
        ("007", "text", "'7'"),
        ("0.5", "text", None),
        ("Null", "integer", None),
        ("True", "integer", None),
        ("2", "boolean", None),
        ('"a" & "b"', "text", None),
        ("[other]", "integer", None),
        ("DateAdd('d',1,Date())", "timestamp", None),
        ("1;drop table x", "integer", None),
        ("", "integer", None),
    ],
)
def test_defaults(expression: str, type: str, translated: str | None) -> None:
    if translated is None:
        with pytest.raises(Untranslatable):
            ACCESS.default(expression, parse_type(type))
        return
    assert ACCESS.default(expression, parse_type(type)) == translated
    assert default_fits(translated, parse_type(type))
