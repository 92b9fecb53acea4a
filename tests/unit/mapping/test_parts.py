"""Options that make several columns of one: their names, and where they do not fit."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pipeline.catalog import Catalog, Column, SqlType, Table
from pipeline.dialects.access import ACCESS
from pipeline.dialects.mssql import MSSQL
from pipeline.engine.plan import make_plan
from pipeline.errors import MappingError
from pipeline.mapping.read import MappingFile
from pipeline.mapping.target import target_catalog

Read = Callable[[str], MappingFile]

SOURCE = Catalog(
    (
        Table(
            "Docs",
            (
                Column("Id", SqlType("Long")),
                Column("Link", SqlType("Hyperlink")),
                Column("File", SqlType("OLE")),
                Column("Body", SqlType("Memo"), rich_text=True),
            ),
        ),
    )
)
GOOD = """\
naru: 1
tables:
  Docs:
    columns:
      Id: {type: integer}
      Link: {to: url, type: text, hyperlink: split, required: true}
      File: {type: bytea, ole: unwrap}
      Body: {type: text, rich_text: strip, trim: both}
    checks: [{name: linked, sql: url_address <> ''}]
"""


def test_the_parts_stand_beside_their_column_under_its_name(read: Read) -> None:
    (table,) = target_catalog(read(GOOD).mapping, SOURCE).tables
    assert [(column.name, str(column.type), column.nullable) for column in table.columns] == [
        ("id", "integer", True),
        ("url", "text", False),
        ("url_address", "text", True),
        ("url_subaddress", "text", True),
        ("url_screen_tip", "text", True),
        ("file", "bytea", True),
        ("file_file_name", "text", True),
        ("file_class", "text", True),
        ("body", "text", True),
    ]


def test_each_source_column_is_read_once(read: Read) -> None:
    (task,) = make_plan(SOURCE, read(GOOD).mapping, ACCESS).tasks
    assert task.chain.source_columns == ("Id", "Link", "File", "Body")


ZONED = """\
naru: 1
tables:
  T:
    columns:
      At: {type: timestamptz(3), offset: keep, round: true, default_sql: now(), required: true}
"""


def test_the_minutes_of_an_offset_stand_beside_the_moment(read: Read) -> None:
    source = Catalog((Table("T", (Column("At", SqlType("datetimeoffset", (7,))),)),))
    (task,) = make_plan(source, read(ZONED).mapping, MSSQL).tasks
    assert [(column.name, str(column.type), column.nullable, column.default) for column in task.target.columns] == [
        ("at", "timestamptz(3)", False, "now()"),
        ("at_offset", "smallint", True, None),
    ]


@pytest.mark.parametrize(
    ("type", "written", "instead", "said"),
    [
        ("datetime2(7)", "", "", r"m\.yaml:5: .*offset: keep does not fit the source's datetime2\(7\)"),
        ("datetimeoffset(7)", "timestamptz(3)", "text", r"m\.yaml:5: .*offset yields time, and the type is text"),
        ("datetimeoffset(7)", "timestamptz(3)", "timestamp", r"datetimeoffset\(7\) cannot be carried as timestamp"),
        ("datetimeoffset(7)", "required: true", "default: 0", r"m\.yaml:5: .*offset and default exclude each other"),
    ],
)
def test_an_offset_is_kept_of_what_has_one(read: Read, type: str, written: str, instead: str, said: str) -> None:
    source = Catalog((Table("T", (Column("At", SqlType.parse(type)),)),))

    def planned() -> None:
        file = read(ZONED.replace(written, instead))
        make_plan(source, file.mapping, MSSQL, where=file.where)

    with pytest.raises(MappingError, match=said):
        planned()


@pytest.mark.parametrize(
    ("written", "instead", "said"),
    [
        ("Id: {type: integer}", "Id: {to: url_address, type: integer}", r"m\.yaml:6: .*two columns are named 'url_add"),
        ("File: {", f"File: {{to: {'u' * 60}, ", r"m\.yaml:7: .*70 bytes"),
        ("Id: {type: integer}", "Id: {type: text, hyperlink: split}", r"m\.yaml:5: .*does not fit the source's Long"),
        ("Id: {type: integer}", "Id: {type: bytea, ole: unwrap}", r"m\.yaml:5: .*does not fit the source's Long"),
        ("Id: {type: integer}", "Id: {type: text, rich_text: strip}", r"m\.yaml:5: .*does not say that this is any"),
        ("url_address <>", "url_adress <>", r"m\.yaml:9: .*no column 'url_adress'"),
        ("type: bytea", "type: text", r"m\.yaml:7: .*ole yields bytea, and the type is text"),
        ("type: text, hyperlink", "type: uuid, hyperlink", r"m\.yaml:6: .*hyperlink yields text, and the type is uuid"),
        ("type: text, rich_text", "type: integer, rich_text", r"m\.yaml:8: .*rich_text yields text"),
        ("ole: unwrap", "ole: unwrap, values: {a: b}", r"m\.yaml:7: .*ole and values exclude each other"),
        ("hyperlink: split", "hyperlink: split, trim: both", r"m\.yaml:6: .*hyperlink and trim exclude each other"),
        ("hyperlink: split", "hyperlink: split, default: x", r"m\.yaml:6: .*hyperlink and default exclude each other"),
        ("hyperlink: split", "hyperlink: join", r"m\.yaml:6: .*hyperlink: not 'split'"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_line(read: Read, written: str, instead: str, said: str) -> None:
    assert written in GOOD

    def planned() -> None:
        file = read(GOOD.replace(written, instead))
        make_plan(SOURCE, file.mapping, ACCESS, where=file.where)

    with pytest.raises(MappingError, match=said):
        planned()
