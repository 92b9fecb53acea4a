"""What properties ask of values: lists to choose from, no empty text, captions."""

from __future__ import annotations

import pytest

from pipeline.catalog import Catalog, Check, Column, Identity, SqlType, Table
from pipeline.dialects.draft import draft
from pipeline.sources.access.pages.definition import ColumnDefinition, TableDefinition
from pipeline.sources.access.schema.lookup import choices
from pipeline.sources.access.schema.properties import Properties, Value
from pipeline.sources.access.schema.rules import checks, comment, identify, lookup_notices

TEXT, LONG = 10, 4


def _list(source: str, **others: Value) -> dict[str, Value]:
    """A combo box that keeps to its list."""
    return {"DisplayControl": 111, "RowSourceType": "Value List", "RowSource": source, "LimitToList": True} | others


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        (_list('"a";"b"'), ("a", "b")),
        (_list("New;In progress ; Done;"), ("New", "In progress", "Done")),
        (_list("""'it''s';"say ""so""; now\""""), ("it's", 'say "so"; now')),
        (_list("1;2;1"), ("1", "2")),
        (_list('1;"one";2;"two"', ColumnCount=2), ("1", "2")),
        (_list('1;"one";2;"two"', ColumnCount=2, BoundColumn=2), ("one", "two")),
        (_list('"No";"Name";1;"one"', ColumnCount=2, ColumnHeads=True), ("1",)),
        (_list("a;b", DisplayControl=110, LimitToList=False), ("a", "b")),
        (_list("a;;b"), ("a", "", "b")),
        (_list(""), ()),
        (_list("a;b", LimitToList=False), ()),
        (_list("a;b", DisplayControl=109), ()),
        (_list("SELECT a FROM b", RowSourceType="Table/Query"), ()),
        ({}, ()),
    ],
)
def test_choices(properties: dict[str, Value], expected: tuple[str, ...]) -> None:
    assert choices(properties) == expected


@pytest.mark.parametrize(
    "properties",
    [
        _list("Small, Large;Other"),
        _list('"a" "b"'),
        _list('a "b"'),
        _list('"a'),
        _list("it's;b"),
        _list("1;2", BoundColumn=0),
        _list("1;2", BoundColumn=3, ColumnCount=2),
        _list("1;2", ColumnCount=-1),
        _list("1;2", ColumnCount="x"),
    ],
)
def test_a_list_that_can_be_read_in_two_ways_is_told_and_not_guessed(properties: dict[str, Value]) -> None:
    with pytest.raises(ValueError, match=r"character|column"):
        choices(properties)
    (told,) = lookup_notices("T", Properties({}, {"C": properties}))
    assert (told.table, told.column) == ("T", "C")


def test_a_long_hostile_list_ends() -> None:
    with pytest.raises(ValueError, match="between quotes"):
        choices(_list(" " * 32_000 + '"' + " " * 700))
    assert len(choices(_list(";".join(map(str, range(8000)))))) == 8000


def test_caption_and_description() -> None:
    assert comment({"Caption": "Part no.", "Description": "as printed"}) == "Part no.: as printed"
    assert comment({"Caption": "same", "Description": "same"}) == "same"
    assert comment({"Description": "as printed", "Caption": ""}) == "as printed"
    assert comment({}) is None


def _column(name: str, type: int) -> ColumnDefinition:
    return ColumnDefinition(name, 0, type, 20, 0, 0, 0, 0, 0, 0, 0)


def test_empty_text_is_refused_only_where_access_holds_to_it() -> None:
    """A property that is missing means No in the designer, and the engine lets empty text pass."""
    columns = tuple(_column(name, type) for name, type in (("No", TEXT), ("Yes", TEXT), ("Absent", TEXT), ("N", LONG)))
    table = TableDefinition("T", 3, 0, 0, 0, 0, 0, columns, ())
    own: dict[str, dict[str, Value]] = {
        "No": {"AllowZeroLength": False, "ValidationRule": 'Like "A*"'},
        "Yes": {"AllowZeroLength": True},
        "N": {"AllowZeroLength": False},
    }
    found = tuple(checks(table, Properties({"ValidationRule": "[N]>0"}, own), wide=True))
    assert found == (Check("", "[N]>0"), Check("No", 'Like "A*"', ("No",)), Check("No", '<>""', ("No",)))


def _drafted(type: str, *values: str, lookups: bool) -> tuple[list[str], list[str]]:
    column = Column("C", SqlType.parse(type), choices=values)
    drafted = draft(Catalog((Table("T", (column,)),)), lookups=lookups)
    return [check.sql for check in drafted.mapping.tables["T"].checks], [note.text for note in drafted.notices]


def test_lists_become_checks_where_they_are_asked_for() -> None:
    assert _drafted("Text(9)", "A", "it's", lookups=True) == (["LOWER(\"c\" COLLATE \"C\") IN ('a', 'it''s')"], [])
    assert _drafted("Long", "1", "-2", lookups=True) == (['"c" IN (1, (-2))'], [])
    assert _drafted("Currency", "1.5", lookups=True) == (['"c" IN (1.5)'], [])
    sql, (told,) = _drafted("Long", *map(str, range(12)), lookups=False)
    assert sql == []
    assert "'9' and 2 more; `map --lookups`" in told


@pytest.mark.parametrize(("type", "value"), [("Long", "one"), ("Long", "1) or (1=1"), ("DateTime", "2024-01-01")])
def test_a_list_that_does_not_suit_its_column_is_told(type: str, value: str) -> None:
    for lookups in (False, True):
        sql, (told,) = _drafted(type, value, lookups=lookups)
        assert sql == []
        assert told.startswith("its lookup list is not carried")


@pytest.mark.parametrize(
    ("last", "default", "expected"),
    [
        (7, None, Identity(8)),
        (2**31 - 1, None, Identity(None)),
        (-1946, "GenUniqueID()", Identity(None, random=True)),
        (0, "=genuniqueid()", Identity(None, random=True)),
    ],
)
def test_numbers_that_count_on_and_numbers_drawn_at_random(last: int, default: str | None, expected: Identity) -> None:
    assert identify(last, default) == expected


def test_random_numbers_count_on() -> None:
    column = Column("ID", SqlType("Long"), identity=Identity(random=True))
    drafted = draft(Catalog((Table("T", (column,)),)))
    assert drafted.mapping.tables["T"].columns["ID"].identity
    assert [note.text for note in drafted.notices] == [
        "the source draws its numbers at random; new ones will count on from the highest that arrives"
    ]
