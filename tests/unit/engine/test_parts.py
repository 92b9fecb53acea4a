"""One source column on its way to several columns of PostgreSQL: rows, rejects, losses, replay and filter."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from pipeline.batch import Defect
from pipeline.catalog import Catalog, Column, SqlType
from pipeline.engine.plan import Plan
from pipeline.engine.replay import replay
from pipeline.mapping.models import Condition, Encoding
from pipeline.postgres.connect import Target, connect
from tests.frames import FrameSource
from tests.unit.load.walk import column, findings, key, mapping_of, migrate, plan_of, retyped, rows, table
from tests.unit.transform.ole_writer import packed

DOCS = table(
    "docs", (column("id"), column("link", "Hyperlink"), column("file", "OLE"), column("body", "Memo")), key("id")
)
DOCS = replace(DOCS, columns=(*DOCS.columns[:3], Column("body", SqlType("Memo"), rich_text=True)))
SCHEMA = {"id": pl.Int32(), "link": pl.String(), "file": pl.Binary(), "body": pl.String()}


def given() -> FrameSource:
    frame = pl.DataFrame(
        [
            (1, "Site#http://x#top#tip", packed("한.pdf".encode("cp949"), b"", b"%PDF"), "<div>a</div><div>b</div>"),
            (2, "a#b#c#d#e", b"raw", None),
            (3, None, b"\x15\x1c", "plain"),
            (4, None, None, None),
        ],
        schema=SCHEMA,
        orient="row",
    )
    defects = {"docs": (Defect(3, "link", "lone surrogate", b"\x3d\xd8", "\ufffd#y"),)}
    return FrameSource(Catalog((DOCS,)), {"docs": frame}, defects)


def planned(made: FrameSource, *, invalid: str = "replace", **fields: object) -> Plan:
    mapping = mapping_of(made, {"docs": fields})
    mapping = retyped(mapping, "docs", "link", hyperlink="split", encoding=Encoding(invalid=invalid))  # type: ignore[arg-type]
    mapping = retyped(mapping, "docs", "file", ole="unwrap", encoding=Encoding(repair="cp949"))
    return plan_of(made, retyped(mapping, "docs", "body", rich_text="strip"))


def test_parts_arrive_and_what_cannot_be_taken_apart_is_refused_once(database: Target) -> None:
    made = given()
    plan = planned(made)
    migrate(made, plan, database)
    with connect(database, application_name="t", autocommit=True) as connection:
        assert rows(connection, "select * from docs order by id") == [
            (1, "Site", "http://x", "top", "tip", b"%PDF", "한.pdf", "Package", "a\nb"),
            (4, "\ufffd", "y", None, None, None, None, None, None),
        ]
        assert rows(connection, "select locator, reason, detail from _naru.reject order by locator") == [
            (1, "hyperlink", "column link: a#b#c#d#e"),
            (2, "ole_unwrap", "column file: claims 14 bytes at 2 of 2: \\x151c"),
        ]
        assert [
            (rule, after)
            for rule, after in rows(connection, 'select rule, after from _naru.loss order by rule, after collate "C"')
        ] == [
            ("ole_unwrap", "\\x25504446"),
            ("replace_invalid", "y"),
            ("replace_invalid", "\ufffd"),
            ("replace_invalid", None),
            ("replace_invalid", None),
            ("rich_text", "a\nb"),
        ]
    assert {found[0] for found in findings(made, plan, database)} == {"rejects"}


def test_a_row_is_replayed_under_another_mapping(database: Target) -> None:
    made = given()
    migrate(made, planned(made, invalid="reject"), database)
    with connect(database, application_name="t", autocommit=True) as connection:
        assert replay(connection, planned(made)) == (1, 2)
        assert rows(connection, "select link, link_address from docs where id = 4") == [("\ufffd", "y")]


def test_a_filter_compares_the_whole_value(database: Target) -> None:
    made = given()
    whole = Condition(column="link", op="=", value="Site#http://x#top#tip")
    migrate(made, planned(made, filter=(whole,)), database)
    with connect(database, application_name="t", autocommit=True) as connection:
        assert rows(connection, "select id, link_address from docs") == [(1, "http://x")]
