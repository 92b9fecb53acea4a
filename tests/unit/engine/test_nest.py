"""Rows of a child table in a column of their parent, as a mapping may ask: jsonb of any kind, arrays of one value."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import polars as pl
import pytest

from pipeline.batch import Defect, Unread, Unreadable
from pipeline.catalog import Action, Catalog, Column, ForeignKey, Identity, SqlType, Table
from pipeline.dialects.access import ACCESS
from pipeline.dialects.draft import draft
from pipeline.engine import lookup
from pipeline.engine.dryrun import forecast
from pipeline.engine.plan import Plan, make_plan
from pipeline.engine.replay import replay
from pipeline.engine.run import Options
from pipeline.errors import DamagedSource, MappingError
from pipeline.mapping.models import ColumnMapping, Condition, Mapping, TableMapping
from pipeline.postgres.connect import Target
from tests.frames import FrameSource
from tests.unit.engine.test_run import column, connection, index, migrate, rows  # noqa: F401  # a fixture

PARENT = Table(
    "Doc",
    (column("ID", "Long", nullable=False), column("Tags", "Complex"), column("Files", "Complex")),
    indexes=(
        index("PrimaryKey", "ID", unique=True, primary=True),
        index("t", "Tags", unique=True),
        index("f", "Files", unique=True),
    ),
)
TAGS = Table(
    "Doc.Tags",
    (column("_Tags", "Long"), column("No", "Long", identity=Identity()), column("Value", "Text(20)")),
    indexes=(index("PrimaryKey", "No", unique=True, primary=True),),
    foreign_keys=(ForeignKey("t", ("_Tags",), "Doc", ("Tags",), on_delete=Action.CASCADE),),
)
FILES = Table(
    "Doc.Files",
    (
        column("_Files", "Long"),
        column("FileName", "Text(20)"),
        column("FileData", "Attachment"),
        column("FileSize", "Double"),
        column("At", "DateTime"),
        column("Id", "GUID"),
        column("Ok", "YesNo"),
        column("Price", "Currency"),
    ),
    foreign_keys=(ForeignKey("f", ("_Files",), "Doc", ("Files",), on_delete=Action.CASCADE),),
)
CATALOG = Catalog((PARENT, TAGS, FILES))
_FILE_DTYPES = {
    "_Files": pl.Int32,
    "FileName": pl.String,
    "FileData": pl.Binary,
    "FileSize": pl.Float64,
    "At": pl.Datetime("us"),
    "Id": pl.Binary,
    "Ok": pl.Boolean,
    "Price": pl.Decimal(19, 4),
}
_FILE = (7, 'a"\\é', b"\x00\xff", 0.1, datetime.fromisoformat("2020-01-02T03:04:05"), bytes(range(16)), True, "1.2500")
_FILE_JSON = {
    "file_name": 'a"\\é', "file_data": "AP8=", "file_size": 0.1, "at": "2020-01-02T03:04:05.000000",
    "id": "00010203-0405-0607-0809-0a0b0c0d0e0f", "ok": True, "price": 1.25,
}  # fmt: skip


def source(
    tags: list[tuple[int | None, int, str | None]] = (),  # type: ignore[assignment]
    files: list[tuple[Any, ...]] = (),  # type: ignore[assignment]
    docs: tuple[tuple[int, int | None, int | None], ...] = ((1, 5, 5), (2, 6, 6), (3, 7, 7), (4, None, None)),
    tables: Catalog = CATALOG,
) -> FrameSource:
    texts = {name: pl.String if name == "Price" else dtype for name, dtype in _FILE_DTYPES.items()}
    return FrameSource(
        tables,
        {
            "Doc": pl.DataFrame(docs, schema={"ID": pl.Int32, "Tags": pl.Int32, "Files": pl.Int32}, orient="row"),
            "Doc.Tags": pl.DataFrame(
                tags, schema={"_Tags": pl.Int32, "No": pl.Int32, "Value": pl.String}, orient="row"
            ),
            "Doc.Files": pl.DataFrame(files, schema=texts, orient="row").cast(_FILE_DTYPES),  # type: ignore[arg-type]
        },
    )


def mapping(tables: Catalog = CATALOG, unique: bool = False, **columns: ColumnMapping) -> Mapping:
    """The draft with other columns in Doc, and without the tables and keys that they replace."""
    made = draft(tables).mapping
    doc = made.tables["Doc"]
    kept = tuple(key for key in doc.unique if not {*key.columns} & {*columns})
    update = {"columns": doc.columns | columns, "unique": doc.unique if unique else kept}
    skipped = {f"Doc.{name}": TableMapping(skip=True) for name in columns}
    return made.model_copy(update={"tables": made.tables | {"Doc": doc.model_copy(update=update)} | skipped})


def plan(**columns: ColumnMapping) -> Plan:
    return make_plan(CATALOG, mapping(**columns), ACCESS)


JSONB, TEXTS = ColumnMapping(type="jsonb"), ColumnMapping(type="text[]")


def test_values_arrive_in_their_order(database: Target, connection: Any) -> None:  # noqa: F811
    tags = [(7, 3, "b"), (5, 1, 'q"\\{,}'), (7, 2, "a"), (7, 4, None), (5, 9, "NULL"), (5, 10, ""), (5, 11, "a\r\n\tb")]
    migrate(source(tags, [_FILE]), database, made=plan(Tags=TEXTS, Files=JSONB))
    assert rows(connection, "select id, tags, files from doc order by id") == [
        (1, ['q"\\{,}', "NULL", "", "a\r\n\tb"], []),
        (2, [], []),
        (3, ["a", "b", None], [_FILE_JSON]),
        (4, [], []),
    ]


def test_tags_as_objects_beside_their_own_table(database: Target, connection: Any) -> None:  # noqa: F811
    """Both at once: the table keeps its rows, without the foreign key that has lost its number."""
    made = mapping(Tags=JSONB)
    table = draft(CATALOG).mapping.tables["Doc.Tags"].model_copy(update={"foreign_keys": ()})
    made = made.model_copy(update={"tables": made.tables | {"Doc.Tags": table}})
    migrate(source([(5, 1, "x"), (5, 2, None)]), database, made=make_plan(CATALOG, made, ACCESS))
    assert rows(connection, "select tags from doc where id = 1") == [([{"value": "x"}, {"value": None}],)]
    assert rows(connection, "select tags, value from doc_tags order by no") == [(5, "x"), (5, None)]


@pytest.mark.parametrize(
    ("type", "value", "arrived"),
    [("integer[]", "12", [12]), ("numeric(5,2)[]", "1.50", ["1.50"]), ("varchar(3)[]", "abc", ["abc"]),
     ("timestamp(0)[]", "2020-01-02", ["2020-01-02 00:00:00"]), ("boolean[]", "yes", [True])],
)  # fmt: skip
def test_elements_are_cast(type: str, value: str, arrived: list[object], database: Target, connection: Any) -> None:  # noqa: F811
    migrate(source([(5, 1, value)]), database, made=plan(Tags=ColumnMapping(type=type)))
    (((found, spelled),)) = rows(connection, "select tags, tags::text[] from doc where id = 1")
    assert arrived in (found, spelled)


@pytest.mark.parametrize(("type", "value"), [("integer[]", "x"), ("varchar(3)[]", "abcd"), ("numeric(5,2)[]", "1.234"),
                                             ("text[]", "n\0l"), ("jsonb", "n\0l")])  # fmt: skip
def test_a_row_with_a_value_that_does_not_fit_is_refused(
    type: str,
    value: str,
    database: Target,
    connection: Any,  # noqa: F811
) -> None:
    made = plan(Tags=ColumnMapping(type=type))
    migrate(source([(5, 1, "1"), (5, 2, value), (6, 3, "1")]), database, made=made)
    assert rows(connection, "select id from doc order by id") == [(2,), (3,), (4,)]
    assert rows(connection, "select stage, reason, locator from _naru.reject") == [("source", "undecodable", 0)]
    assert replay(connection, made) == (0, 1)


def test_values_that_damage_took_a_part_of_are_not_nested(database: Target) -> None:
    """A shorter list would be another value; as a table of their own, what is left of them arrives."""
    damaged = source(files=[_FILE])
    damaged.unread = {"Doc.Files": (Unread(-1, Unreadable.PAGE, "page 7: is gone", b""),)}
    with pytest.raises(DamagedSource, match=r"Doc, column Files: its values in Doc\.Files are damaged: page 7") as told:
        migrate(damaged, database, made=plan(Files=JSONB))
    assert "table of its own" in str(told.value.hint)


def test_a_defect_of_a_value_refuses_its_row_with_what_the_source_holds(
    database: Target,
    connection: Any,  # noqa: F811
) -> None:
    damaged = source(files=[(*_FILE[:2], None, *_FILE[3:])])
    damaged.defects = {"Doc.Files": (Defect(0, "FileData", "attachment ends early", b"\x01\x02"),)}
    migrate(damaged, database, made=plan(Files=JSONB))
    ((detail, values),) = rows(connection, "select detail, row_values from _naru.reject")
    assert detail == "column Files: attachment ends early"
    assert values["Files"]["$defect"] == [2, "Files", "attachment ends early", "AQI=", None]  # type: ignore[index]


def test_a_number_that_json_lacks_is_refused(database: Target, connection: Any) -> None:  # noqa: F811
    migrate(source(files=[(*_FILE[:3], float("inf"), *_FILE[4:])]), database, made=plan(Files=JSONB))
    assert rows(connection, "select detail from _naru.reject") == [("column Files: is no number of JSON: inf",)]


def test_a_row_refused_for_something_else_comes_back_with_its_values(
    database: Target,
    connection: Any,  # noqa: F811
) -> None:
    made = plan(Tags=TEXTS)
    migrate(source([(5, 1, "x")], docs=((1, None, 1), (1, 5, 2))), database, made=made)
    assert rows(connection, "select id, tags from doc") == [(1, [])]
    rows(connection, "delete from doc returning 1")
    assert replay(connection, made) == (1, 0)
    assert rows(connection, "select id, tags from doc") == [(1, ["x"])]


def test_a_dry_run_reads_the_same(database: Target, connection: Any) -> None:  # noqa: F811
    poisoned = source([(5, 1, "x")])
    (forecasted,) = [f for f in forecast(poisoned, plan(Tags=ColumnMapping(type="integer[]")), connection, 2)
                     if f.source == "Doc"]  # fmt: skip
    assert (forecasted.rows, forecasted.rejected) == (4, 1)


@pytest.mark.parametrize(
    ("tags", "docs", "what"),
    [
        ([(9, 1, "x")], ((1, 5, 5),), "1 numbers belong to no row"),
        ([(None, 1, "x")], ((1, 5, 5),), "1 numbers belong to no row"),
        ([(5, 1, "x")], ((1, 5, 5), (2, 5, 6)), "1 numbers belong to several rows"),
    ],
)
def test_values_are_neither_left_behind_nor_repeated(tags: Any, docs: Any, what: str, database: Target) -> None:
    with pytest.raises(DamagedSource, match=what) as caught:
        migrate(source(tags, docs=docs), database, made=plan(Tags=TEXTS))
    assert "Doc.Tags" in (caught.value.hint or "")


def test_more_than_memory_should_hold_is_refused(database: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "_MOST_BYTES", 100)
    migrate(source([(5, n, "x" * 20) for n in range(4)]), database, made=plan(Tags=TEXTS))
    with pytest.raises(MappingError, match=r"Doc, column Tags: its values take more than"):
        migrate(
            source([(5, n, "x" * 20) for n in range(5)]),
            database,
            made=plan(Tags=TEXTS),
            options=Options(7, restart=True),
            run_id="r2",
        )


@pytest.mark.parametrize(
    ("columns", "what"),
    [
        ({"Files": TEXTS}, r"Files: text\[\] holds one value, and its rows have FileName, FileData"),
        ({"Tags": ColumnMapping(type="bytea[]")}, r"Value: Text\(20\) cannot be carried as bytea"),
        ({"Tags": ColumnMapping(type="text[]", trim="both")}, r"`trim` does not reach into text\[\]"),
        ({"Tags": ColumnMapping(type="jsonb", default="x")}, "`default` does not reach into jsonb"),
    ],
)
def test_what_cannot_be_nested_stops_the_plan(columns: dict[str, ColumnMapping], what: str) -> None:
    with pytest.raises(MappingError, match=what):
        plan(**columns)


def test_a_key_over_the_number_or_a_filter_stops_the_plan() -> None:
    with pytest.raises(MappingError, match="doc_tags_key is about its number"):
        make_plan(CATALOG, mapping(unique=True, Tags=TEXTS), ACCESS)
    made = mapping(Tags=TEXTS)
    doc = made.tables["Doc"].model_copy(update={"filter": (Condition(column="Tags", op="=", value=5),)})
    with pytest.raises(MappingError, match="Tags: the filter is about its number"):
        make_plan(CATALOG, made.model_copy(update={"tables": made.tables | {"Doc": doc}}), ACCESS)


def test_a_source_without_the_rows_stops_the_plan() -> None:
    alone = Catalog((PARENT,))
    tables = {"Doc": mapping(alone, Tags=TEXTS).tables["Doc"]}
    made = draft(alone).mapping.model_copy(update={"tables": tables})
    with pytest.raises(MappingError, match="the source has no rows for its numbers"):
        make_plan(alone, made, ACCESS)


def test_labels_that_fold_together_keep_the_source_names(database: Target, connection: Any) -> None:  # noqa: F811
    inner = replace(TAGS, columns=(*TAGS.columns, Column("VALUE", SqlType("Text", (20,)))))
    tables = Catalog((PARENT, inner, FILES))
    found = source([(5, 1, "x")], tables=tables)
    found.frames = {**found.frames, "Doc.Tags": found.frames["Doc.Tags"].with_columns(VALUE=pl.lit("y"))}
    migrate(found, database, made=make_plan(tables, mapping(tables, Tags=JSONB), ACCESS))
    assert rows(connection, "select tags from doc where id = 1") == [([{"Value": "x", "VALUE": "y"}],)]


def test_the_mapping_digest_knows_the_nesting() -> None:
    nested, plain = plan(Tags=TEXTS), plan()
    assert {t.digest for t in nested.tasks if t.source.name == "Doc"} != {
        t.digest for t in plain.tasks if t.source.name == "Doc"
    }
