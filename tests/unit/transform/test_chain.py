"""A chain over whole batches: filters, defects, first reasons, and that no row ever vanishes."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.batch import Batch, Defect, Position, Unread, Unreadable
from pipeline.catalog import Column, Index, IndexPart, SqlType, Table
from pipeline.errors import MappingError
from pipeline.mapping.models import ColumnMapping, Condition, Encoding, TableMapping
from pipeline.outcome import Loss, Stage
from pipeline.transform.chain import Chain, Route, Transformed

SOURCE = Table(
    "T",
    (Column("ID", SqlType("Long")), Column("Text", SqlType("Memo")), Column("Price", SqlType("Currency"))),
    indexes=(Index("pk", (IndexPart("ID"),), unique=True, primary=True),),
)
DTYPES = {"ID": pl.Int32(), "Text": pl.String(), "Price": pl.Decimal(19, 4)}
TYPES = {"ID": "integer", "Text": "text", "Price": "numeric(19,4)"}


def chain(filter: tuple[Condition, ...] = (), nullable: bool = True, **columns: ColumnMapping) -> Chain:
    mapped = {name: columns.get(name, ColumnMapping()) for name in DTYPES}
    routes = []
    for name, mapping in mapped.items():
        type = SqlType.parse(mapping.type or TYPES[name])
        target = None if mapping.skip else Column(name.lower(), type, nullable=nullable)
        routes.append(Route(SOURCE.column(name), target, mapping, DTYPES[name]))
    return Chain(SOURCE, TableMapping(columns=mapped, filter=filter), routes)


def batch(*rows: tuple[int | None, str | None, str | None], defects: tuple[Defect, ...] = ()) -> Batch:
    frame = pl.DataFrame(rows, schema={"ID": pl.Int32, "Text": pl.String, "Price": pl.String}, orient="row")
    frame = frame.with_columns(pl.col("Price").cast(pl.Decimal(19, 4)))
    return Batch(frame, pl.Series(range(100, 100 + len(rows)), dtype=pl.Int64), Position(len(rows)), defects)


def lost(made: Transformed) -> list[Loss]:
    return [loss for losses in made.losses for loss in losses]


def ids(made: Transformed) -> list[int]:
    return made.frame["id"].to_list()


ROWS = ((1, "a", "1.5"), (2, "b", None), (3, None, "-2"), (4, "a", "1.5001"))


@pytest.mark.parametrize(
    ("column", "op", "value", "kept"),
    [
        ("Text", "=", "a", [1, 4]),
        ("Text", "<>", "a", [2]),
        ("Price", "<", Decimal("1.5"), [3]),
        ("Price", "<=", Decimal("1.5"), [1, 3]),
        ("Price", ">", Decimal("1.5"), [4]),
        ("Price", ">=", 1, [1, 4]),
        ("ID", "in", (1, 3), [1, 3]),
        ("ID", "not in", (1, 3), [2, 4]),
        ("Text", "not in", ("b",), [1, 4]),
        ("Text", "is null", None, [3]),
        ("Price", "is not null", None, [1, 3, 4]),
    ],
)
def test_a_filter_keeps_what_sql_would(column: str, op: str, value: object, kept: list[int]) -> None:
    condition = Condition(column=column, op=op, value=value)  # type: ignore[arg-type]
    made = chain((condition,)).apply(batch(*ROWS))
    assert ids(made) == kept
    assert (made.read, made.filtered, made.rejects) == (4, 4 - len(kept), ())


@pytest.mark.parametrize(
    ("column", "op", "value"),
    [
        ("ID", "=", "one"),
        ("ID", "in", (1, Decimal("1.5"))),
        ("ID", "<", 2**31),
        ("Price", "=", Decimal("1.00001")),
        ("ID", "=", True),
    ],
)
def test_a_filter_compares_with_values_of_the_column_only(column: str, op: str, value: object) -> None:
    condition = Condition(column=column, op=op, value=value)  # type: ignore[arg-type]
    with pytest.raises(MappingError, match=f"table T, column {column}"):
        chain((condition,))


def test_conditions_hold_together_and_also_on_a_column_left_behind() -> None:
    conditions = (Condition(column="Price", op=">", value=1), Condition(column="Text", op="=", value="a"))
    made = chain(conditions, Price=ColumnMapping(skip=True)).apply(batch(*ROWS))
    assert made.frame.columns == ["id", "text"]
    assert ids(made) == [1, 4]


def test_a_row_whose_filtered_cell_is_unreadable_is_refused_and_not_dropped() -> None:
    condition = Condition(column="Text", op="=", value="a")
    made = chain((condition,)).apply(batch(*ROWS, defects=(Defect(1, "Text", "bad page", b"\xff"),)))
    assert (ids(made), made.filtered) == ([1, 4], 1)
    [reject] = made.rejects
    assert (reject.stage, reject.reason, reject.locator, reject.key) == (Stage.SOURCE, "undecodable", 101, {"ID": 2})
    assert reject.values["Text"] == Defect(1, "Text", "bad page", b"\xff")


def test_a_filtered_row_is_neither_refused_nor_a_loss() -> None:
    condition = Condition(column="ID", op=">", value=1)
    columns = {"Text": ColumnMapping(trim="both"), "Price": ColumnMapping(type="integer")}
    made = chain((condition,), **columns).apply(batch((1, " x", "0.5"), (2, " y", "7"), (3, "z", "0.5")))
    assert (ids(made), made.filtered) == ([2], 1)
    assert [(loss.locator, loss.rule, loss.before, loss.after) for loss in lost(made)] == [(101, "trim", " y", "y")]
    assert [(r.locator, r.reason) for r in made.rejects] == [(102, "cast")]


def test_the_first_reason_of_a_row_counts_and_its_original_values_are_kept() -> None:
    columns = {"ID": ColumnMapping(), "Text": ColumnMapping(type="varchar(2)"), "Price": ColumnMapping(type="smallint")}
    made = chain(nullable=False, **columns).apply(batch((1, "a\0bc", "0.5"), (2, "ab", "2")))
    [reject] = made.rejects
    assert (reject.reason, reject.detail) == ("u0000", "column Text: a\0bc")
    assert reject.values == {"ID": 1, "Text": "a\0bc", "Price": Decimal("0.5000")}


def test_a_defect_is_replaced_where_the_mapping_asks_and_stays_known_if_postgresql_refuses_the_row() -> None:
    defect = Defect(2, "Text", "lone surrogate", b"\x3d\xd8", "\ufffd!")
    columns = {"Text": ColumnMapping(encoding=Encoding(invalid="replace")), "Price": ColumnMapping(type="integer")}
    made = chain(**columns).apply(batch((1, "a", "0.5"), (2, "b", "1"), (3, None, "1"), defects=(defect,)))
    assert made.frame["text"].to_list() == ["b", "\ufffd!"]
    [loss] = lost(made)
    assert (loss.locator, loss.rule, loss.before, loss.after) == (102, "replace_invalid", "\\x3dd8", "\ufffd!")
    later = made.origin.slice(1, 1).reject(0, Stage.COPY, "sqlstate_22P02", "no")
    assert later.values["Text"] == Defect(0, "Text", "lone surrogate", b"\x3d\xd8", "\ufffd!")
    assert made.origin.slice(0, 1).defects == {}


def test_columns_of_a_loss_before_a_refusal_are_not_recorded() -> None:
    columns = {"Text": ColumnMapping(trim="both"), "Price": ColumnMapping(type="integer")}
    made = chain(**columns).apply(batch((1, " a", "0.5"), (2, " b", "1")))
    assert [loss.locator for loss in lost(made)] == [101]


@pytest.mark.parametrize(
    ("name", "mapping"),
    [
        ("ID", ColumnMapping(default="x")),
        ("ID", ColumnMapping(default=Decimal("1.5"))),
        ("ID", ColumnMapping(type="smallint", default=70000)),
        ("Price", ColumnMapping(default=Decimal("1.00001"))),
        ("Text", ColumnMapping(type="uuid", default="nonsense")),
        ("Text", ColumnMapping(type="timestamp", default="29.2.2024")),
        ("Text", ColumnMapping(type="boolean", values={"Y": True, "N": 5})),
        ("ID", ColumnMapping(type="text", values={"one": "1"})),
        ("ID", ColumnMapping(type="timestamp")),
    ],
)
def test_a_mapping_that_cannot_be_meant_is_refused_before_a_row_is_read(name: str, mapping: ColumnMapping) -> None:
    with pytest.raises(MappingError, match=f"table T, column {name}"):
        chain(**{name: mapping})


@pytest.mark.parametrize(
    ("type", "default", "arrives"),
    [
        ("integer", 7, 7),
        ("numeric(9,2)", Decimal("1.5"), Decimal("1.50")),
        ("double precision", Decimal("1.5"), 1.5),
        ("boolean", True, True),
        ("text", 7, "7"),
        ("uuid", "6f9619ff-8b86-d011-b42d-00cf4fc964ff", bytes.fromhex("6f9619ff8b86d011b42d00cf4fc964ff")),
    ],
)
def test_a_default_is_a_value_of_the_target_type(type: str, default: object, arrives: object) -> None:
    made = chain(Text=ColumnMapping(type=type, default=default)).apply(batch((1, None, None)))  # type: ignore[arg-type]
    assert made.frame["text"].to_list() == [arrives]
    assert [(loss.rule, loss.before) for loss in lost(made)] == [("default", None)]


def test_values_are_written_as_the_source_has_them() -> None:
    columns = {"Price": ColumnMapping(type="text", values={"1.5": "cheap", "20": "dear"})}
    made = chain(**columns).apply(batch((1, None, "1.5"), (2, None, "20"), (3, None, None), (4, None, "3")))
    assert made.frame["price"].to_list() == ["cheap", "dear", None]
    assert [(r.locator, r.reason) for r in made.rejects] == [(103, "values")]


MAPPINGS = {
    "ID": st.sampled_from([ColumnMapping(), ColumnMapping(type="smallint"), ColumnMapping(type="boolean")]),
    "Text": st.sampled_from(
        [
            ColumnMapping(trim="both", empty_to_null=True),
            ColumnMapping(encoding=Encoding(repair="cp949", invalid="replace")),
            ColumnMapping(type="varchar(3)"),
            ColumnMapping(type="integer", default=1),
            ColumnMapping(type="numeric(5,2)", round=True),
            ColumnMapping(values={"a": "b", "1": None}),
            ColumnMapping(skip=True),
        ]
    ),
    "Price": st.sampled_from([ColumnMapping(), ColumnMapping(type="integer"), ColumnMapping(type="real", round=True)]),
}
CONDITIONS = [
    Condition(column="Text", op="<>", value="a"),
    Condition(column="ID", op=">", value=0),
    Condition(column="Price", op="is not null"),
]
CELLS = st.tuples(
    st.none() | st.integers(-(2**31), 2**31 - 1) | st.integers(-1, 2),
    st.none() | st.text(max_size=4) | st.sampled_from(["a", "1", "1.005", "ÇÑ", " ", "", "\0"]),
    st.none() | st.decimals(-(10**6), 10**6, places=4).map(str),
)


@given(
    st.lists(CELLS, max_size=12),
    st.fixed_dictionaries(MAPPINGS),
    st.lists(st.sampled_from(CONDITIONS), max_size=2),
    st.lists(st.tuples(st.integers(0, 11), st.sampled_from(list(DTYPES)), st.none() | st.just("\ufffd")), max_size=3),
    st.booleans(),
)
def test_every_row_comes_out_exactly_once(
    rows: list[tuple[int | None, str | None, str | None]],
    columns: dict[str, ColumnMapping],
    conditions: list[Condition],
    bad: list[tuple[int, str, str | None]],
    nullable: bool,
) -> None:
    defects = tuple(
        Defect(row, name, "bad", b"\xff", replacement if name == "Text" else None)
        for row, name, replacement in bad
        if row < len(rows)
    )
    given_batch = batch(*rows, defects=defects)
    made = chain(tuple(conditions), nullable, **columns).apply(given_batch)
    assert made.read == len(rows) == made.frame.height + len(made.rejects) + made.filtered
    assert made.origin.frame.height == made.origin.locators.len() == made.frame.height
    arrived = made.origin.locators.to_list()
    refused = [reject.locator for reject in made.rejects]
    assert sorted({*arrived, *refused}) == sorted([*arrived, *refused]), "twice"
    assert {loss.locator for loss in lost(made)} <= {*arrived}
    for reject in made.rejects:
        assert reject.locator is not None
        original = given_batch.frame.row(reject.locator - 100, named=True)
        assert {k: v for k, v in reject.values.items() if not isinstance(v, Defect)}.items() <= original.items()


def test_unread_places_are_rows_read_and_refused_in_their_order_whatever_the_filter() -> None:
    places = (
        Unread(50, Unreadable.PAGE, "page 0: is gone", b"\0"),
        Unread(101, Unreadable.ROW, "page 0, row 101: is empty", b""),
    )
    given = replace(batch(*ROWS, defects=(Defect(0, "Text", "bad", b""),)), unread=places)
    made = chain((Condition(column="ID", op="in", value=(1, 2)),)).apply(given)
    assert [(r.locator, r.reason) for r in made.rejects] == [
        (50, "unreadable_page"),
        (100, "undecodable"),
        (101, "unreadable_row"),
    ]
    assert made.rejects[0].values == {"": b"\0"}
    assert (made.read, made.filtered, ids(made)) == (6, 2, [2])


def test_a_batch_of_unread_places_alone_has_no_rows() -> None:
    made = chain().apply(replace(batch(), unread=(Unread(7, Unreadable.PAGE, "page 0: is gone", b""),)))
    assert (made.read, made.frame.height, len(made.rejects)) == (1, 0, 1)


def test_a_cell_that_damage_took_is_told_from_one_that_is_no_value() -> None:
    made = chain().apply(batch(*ROWS, defects=(Defect(1, "Text", "leads nowhere", b"", damaged=True),)))
    assert [(r.reason, r.detail) for r in made.rejects] == [("unreadable_value", "column Text: leads nowhere")]


def test_doubted_rows_are_all_refused_with_their_values() -> None:
    made = chain().apply(replace(batch(*ROWS), doubt="its usage map is gone"))
    assert made.frame.height == 0
    assert {(r.reason, r.detail) for r in made.rejects} == {("doubted_row", "its usage map is gone")}
    assert [r.values["ID"] for r in made.rejects] == [1, 2, 3, 4]
    assert ids(chain().apply(batch(*ROWS))) == [1, 2, 3, 4], "and without the doubt they go through"
