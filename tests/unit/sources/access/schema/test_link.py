"""What a link says, and what of it may be seen."""

from __future__ import annotations

import pytest

from pipeline.sources.access.schema.link import LINK, ODBC_LINK, Link, parse_link


@pytest.mark.parametrize(
    ("connect", "database", "file", "password"),
    [
        (None, r"C:\data\Teile.accdb", "Teile.accdb", None),
        ("", r"\\server\share\부품.mdb", "부품.mdb", None),
        (";PWD=a=b", "/Users/me/parts.accdb", "parts.accdb", "a=b"),
        ("MS Access;PWD=secret;", r"..\parts.accdb", "parts.accdb", "secret"),
        (r";DATABASE=C:\data\parts.accdb", None, "parts.accdb", None),
        (r"MS Access;pwd=s;DATABASE=C:\data/parts.accdb", "", "parts.accdb", "s"),
    ],
)
def test_a_link_to_an_access_file(connect: str | None, database: str | None, file: str, password: str | None) -> None:
    link = parse_link(LINK, connect, database, "Parts")
    assert link == Link("an Access file", file, "Parts", password)
    assert "secret" not in repr(link)
    assert str(link) == f"table 'Parts' of the Access file {file!r}"


@pytest.mark.parametrize(
    ("type", "connect", "kind"),
    [
        (ODBC_LINK, "ODBC;DSN=x;UID=me;PWD=secret", "an ODBC data source"),
        (LINK, "Excel 12.0 Xml;HDR=YES;IMEX=2;PWD=secret", "an Excel workbook"),
        (LINK, "Text;DSN=secret;FMT=Delimited", "a text file"),
        (LINK, "dBASE IV;", "a dBASE file"),
        (LINK, "ACEWSS;HDR=NO;DATABASE=https://secret", "a SharePoint list"),
        (LINK, "secret;", "the data of another program"),
    ],
)
def test_any_other_link_is_a_kind_and_no_more(type: int, connect: str, kind: str) -> None:
    link = parse_link(type, connect, r"C:\secret\file", "secret")
    assert link == Link(kind)
    assert str(link) == kind


@pytest.mark.parametrize(("database", "table"), [(None, "T"), ("C:\\", "T"), ("x.accdb", None), ("x.accdb", "")])
def test_a_link_that_names_no_table_or_file_is_none_to_follow(database: str | None, table: str | None) -> None:
    assert parse_link(LINK, None, database, table).file is None


def test_a_hostile_name_is_shown_in_part() -> None:
    assert len(str(parse_link(LINK, None, "C:\\" + "a" * 100_000, "b" * 100_000))) < 300
