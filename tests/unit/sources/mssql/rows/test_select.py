"""What is asked of the server for a column of each type."""

from __future__ import annotations

import pytest

from pipeline.catalog import SqlType
from pipeline.errors import UnsupportedSource
from pipeline.sources.mssql.rows.select import selected
from pipeline.sources.mssql.schema.tables import SqlColumn


def column(type: str, code_page: int | None = 949, name: str = "c") -> SqlColumn:
    return SqlColumn(name, SqlType.parse(type), code_page, None)


@pytest.mark.parametrize(
    ("type", "parts"),
    [
        *((type, ["[c]"]) for type in ("bit", "tinyint", "int", "bigint", "real", "float", "decimal(5,2)", "money")),
        *((type, ["[c]"]) for type in ("date", "datetime", "smalldatetime", "time(6)", "datetime2(0)")),
        *((type, ["[c]", "DATEPART(nanosecond, [c])"]) for type in ("time(7)", "datetime2(7)", "datetime2")),
        ("datetimeoffset(6)", ["[c]", "DATEPART(tzoffset, [c])"]),
        ("datetimeoffset(7)", ["[c]", "DATEPART(nanosecond, [c])", "DATEPART(tzoffset, [c])"]),
        ("char(10)", ["CAST([c] AS varbinary(10))"]),
        ("varchar", ["CAST([c] AS varbinary(max))"]),
        ("nvarchar(4000)", ["CAST([c] AS varbinary(8000))"]),
        ("text", ["CAST(CAST([c] AS varchar(max)) AS varbinary(max))"]),
        ("ntext", ["CAST(CAST([c] AS nvarchar(max)) AS varbinary(max))"]),
        ("xml", ["CAST(CAST([c] AS nvarchar(max)) AS varbinary(max))"]),
        ("json", ["CAST(CAST([c] AS nvarchar(max)) AS varbinary(max))"]),
        ("image", ["CAST([c] AS varbinary(max))"]),
        ("rowversion", ["CAST([c] AS varbinary(8))"]),
        ("uniqueidentifier", ["CAST([c] AS binary(16))"]),
        ("hierarchyid", ["CAST([c] AS varbinary(892))"]),
        ("geography", ["CAST([c] AS varbinary(max))"]),
    ],
)
def test_no_driver_decodes_text_or_rounds_a_value(type: str, parts: list[str]) -> None:
    assert list(selected(column(type)).parts) == parts


def test_a_name_stays_a_name() -> None:
    assert selected(column("char(1)", name="a] {n} {c} --")).parts == ("CAST([a]] {n} {c} --] AS varbinary(1))",)


@pytest.mark.parametrize(("type", "code_page"), [("varchar(5)", 0), ("char(5)", None), ("text", 12345)])
def test_a_code_page_that_nobody_knows(type: str, code_page: int | None) -> None:
    with pytest.raises(UnsupportedSource, match=r"column 'c': code page .* is not known"):
        selected(column(type, code_page))


def test_a_type_that_nobody_knows() -> None:
    with pytest.raises(UnsupportedSource, match="column 'c': vector is not read"):
        selected(column("vector"))
