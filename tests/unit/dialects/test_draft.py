from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.catalog import Action, Catalog, Check, Column, ForeignKey, Identity, Index, IndexPart, SqlType, Table
from pipeline.dialects.draft import draft
from pipeline.errors import MappingError
from pipeline.mapping.models import ColumnMapping, ForeignKeyMapping, IndexMapping, Unique
from pipeline.mapping.names import snake
from pipeline.mapping.read import read_mapping
from pipeline.mapping.target import target_catalog
from pipeline.mapping.write import render
from pipeline.postgres import ddl
from pipeline.postgres.connect import Target, connect
from pipeline.postgres.introspect import read_table


def _index(name: str, *columns: str, unique: bool = False, primary: bool = False, ignore_nulls: bool = False) -> Index:
    """`-Name` is a descending part."""
    parts = tuple(IndexPart(column.removeprefix("-"), column.startswith("-")) for column in columns)
    return Index(name, parts, unique=unique or primary, primary=primary, ignore_nulls=ignore_nulls)


_PARTS = Table(
    "Part List",
    (
        Column("PartID", SqlType("Long"), nullable=False, identity=Identity(9), default="GenUniqueID()"),
        Column("PartNo", SqlType("Text", (20,)), default='"-"', comment="Number"),
        Column("Added", SqlType("DateTime"), default="=Now()"),
        Column("Due", SqlType("DateTime"), default="=DateAdd('d',7,Date())"),
    ),
    indexes=(
        _index("plain repeats key", "PartID"),
        _index("PrimaryKey", "PartID", primary=True),
        _index("plain repeats unique", "PartNo", ignore_nulls=True),
        _index("u", "PartNo", unique=True, ignore_nulls=True),
        _index("d", "-Added", "PartNo"),
        _index("d again", "-Added", "PartNo"),
        _index("n", "Added", ignore_nulls=True),
        _index("n all", "Added"),
        _index("ud", "-Due", unique=True),
    ),
    comment="All parts",
)
_USES = Table(
    "Uses",
    (Column("Part", SqlType("Long")), Column("No", SqlType("Text", (20,))), Column("Files", SqlType("Calculated"))),
    foreign_keys=(
        ForeignKey("a", ("Part",), "Part List", ("PartID",), on_delete=Action.CASCADE),
        ForeignKey("again", ("Part",), "Part List", ("PartID",)),
        ForeignKey("to unique", ("No",), "Part List", ("PartNo",)),
        ForeignKey("loose", ("Part",), "Part List", ("PartID",), enforced=False),
        ForeignKey("linked", ("Part",), "Elsewhere", ("ID",)),
        ForeignKey("no key", ("No",), "Part List", ("Added",)),
    ),
)
_SOURCE = Catalog((_PARTS, _USES))


def test_columns() -> None:
    columns = draft(_SOURCE).mapping.tables["Part List"].columns
    assert columns == {
        "PartID": ColumnMapping(to="part_id", type="integer", required=True, identity=True),
        "PartNo": ColumnMapping(to="part_no", type="varchar(20)", default_sql="'-'", comment="Number"),
        "Added": ColumnMapping(to="added", type="timestamp", default_sql="now()"),
        "Due": ColumnMapping(to="due", type="timestamp"),
    }


def test_each_key_and_index_once() -> None:
    table = draft(_SOURCE).mapping.tables["Part List"]
    assert (table.to, table.primary_key, table.comment) == ("part_list", ("PartID",), "All parts")
    assert table.unique == (Unique(name="part_list_part_no_key", columns=("PartNo",)),)
    assert table.indexes == (
        IndexMapping(name="part_list_due_idx", columns=("Due",), descending=("Due",), unique=True),
        IndexMapping(name="part_list_added_part_no_idx", columns=("Added", "PartNo"), descending=("Added",)),
        IndexMapping(name="part_list_added_idx", columns=("Added",), ignore_nulls=True),
        IndexMapping(name="part_list_added_idx1", columns=("Added",)),
    )


def test_relationships() -> None:
    assert draft(_SOURCE).mapping.tables["Uses"].foreign_keys == (
        ForeignKeyMapping(name="uses_part_fkey", columns=("Part",), references="Part List",
                          referenced_columns=("PartID",), on_delete="cascade"),
        ForeignKeyMapping(name="uses_part_fkey1", columns=("Part",), references="Part List",
                          referenced_columns=("PartID",)),
        ForeignKeyMapping(name="uses_no_fkey", columns=("No",), references="Part List",
                          referenced_columns=("PartNo",)),
    )  # fmt: skip


def test_whatever_does_not_arrive_is_noticed() -> None:
    notices = {(n.table, n.column): n.text for n in draft(_SOURCE).notices if n.column}
    assert set(notices) == {("Part List", "Due"), ("Uses", "Files")}
    assert "DateAdd" in notices["Part List", "Due"]
    relationships = [n.text for n in draft(_SOURCE).notices if n.column is None]
    assert [text.split()[1] for text in relationships] == ["loose", "linked", "no"]


def test_a_type_without_a_rule_stops_the_plan_and_skipping_it_helps() -> None:
    mapping = draft(_SOURCE).mapping
    with pytest.raises(MappingError, match=r"Uses\.columns\.Files: no PostgreSQL type for.* Calculated") as caught:
        target_catalog(mapping, _SOURCE)
    assert "`Files: {skip: true}`" in (caught.value.hint or "")
    uses = mapping.tables["Uses"]
    skipped = uses.model_copy(update={"columns": uses.columns | {"Files": ColumnMapping(skip=True)}})
    target = target_catalog(mapping.model_copy(update={"tables": mapping.tables | {"Uses": skipped}}), _SOURCE)
    assert target.table("uses").column_names == ("part", "no")


def test_a_column_without_values_is_left_out_with_its_expression() -> None:
    computed = Column("Double", SqlType("computed"), calculated="([a]*(2))", stored=False)
    made = draft(Catalog((Table("T", (Column("a", SqlType("Long")), computed)),)))
    assert made.mapping.tables["T"].columns["Double"] == ColumnMapping(skip=True)
    (notice,) = made.notices
    assert (notice.table, notice.column) == ("T", "Double")
    assert "computed as ([a]*(2)), and the source holds neither its values nor its type" in notice.text


def test_a_collision_after_folding_is_refused_with_both_names() -> None:
    columns = (Column("Item ID", SqlType("Long")), Column("ItemID", SqlType("Long")))
    source = Catalog((Table("T", columns),))
    with pytest.raises(MappingError, match=r"T.columns.ItemID: .*'item_id'.*T.columns.Item ID"):
        target_catalog(draft(source).mapping, source)
    kept = draft(source, naming="keep")
    assert target_catalog(kept.mapping, source).tables[0].column_names == ("Item ID", "ItemID")


def test_long_and_reserved_names_are_drafted_so_that_postgresql_takes_them() -> None:
    long = "가" * 60
    columns = (Column(long, SqlType("Long")), Column(long + "b", SqlType("Long")), Column("xmin", SqlType("Long")))
    indexes = (_index("p", long, primary=True), _index("i", long + "b"))
    source = Catalog((Table(long, columns, indexes=indexes),))
    drafted = draft(source)
    target = target_catalog(drafted.mapping, source).tables[0]
    names = [target.name, *target.column_names, *(index.name for index in target.indexes)]
    assert all(len(name.encode()) <= 63 for name in names)
    assert len(set(names)) == len(names) - 1  # the table and its first column have the same name
    assert [(n.table == long, n.column) for n in drafted.notices] == [
        (True, None), (True, long), (True, long + "b"), (True, "xmin")
    ]  # fmt: skip


def test_a_default_or_name_that_postgresql_cannot_hold_is_our_own_error_or_notice() -> None:
    column = Column("C", SqlType("Memo"), default='"a\0b"', comment="\ud800")
    drafted = draft(Catalog((Table("T", (column,)),)))
    assert drafted.mapping.tables["T"].columns["C"] == ColumnMapping(to="c", type="text")
    assert len(drafted.notices) == 2
    with pytest.raises(MappingError, match="table 'T', column ' ' cannot be mapped"):
        draft(Catalog((Table("T", (replace(column, name=" "),)),)), naming="keep")
    wrong = Column("D", SqlType("Decimal", (3, 9)), default="0")
    with pytest.raises(MappingError, match=r"column 'D' cannot be mapped: .*scale 9 is above precision 3"):
        draft(Catalog((Table("T", (wrong,)),)))
    with pytest.raises(MappingError, match="'pg_x' is reserved"):
        draft(_SOURCE, schema="pg_x")


def test_postgresql_takes_a_draft_as_it_is(database: Target) -> None:
    """Names, types, defaults, keys and relationships: what the target catalog says is what stands there."""
    uses = replace(_USES, columns=_USES.columns[:2])
    long = Table("가" * 60, (Column("xmin", SqlType("YesNo")),), indexes=(_index("i", "xmin"),))
    source = Catalog((_PARTS, uses, long))
    target = target_catalog(draft(source, schema="새 schema").mapping, source)
    tables = {table.name: table for table in target.tables}
    with connect(database, application_name="tests") as connection:
        connection.execute(ddl.create_schema("새 schema"))
        for table in target.tables:
            connection.execute(ddl.create_bare(table))
            for column in table.columns:
                for statement in ddl.dress_column(table, column):
                    connection.execute(statement)
            for index in table.indexes:
                connection.execute(ddl.build_index(table, index))
        for table in target.tables:
            for key in table.foreign_keys:
                connection.execute(ddl.add_foreign_key(table, key, tables[key.parent]))
        for table in target.tables:
            assert _shape(read_table(connection, table)) == _shape(table)


def _shape(table: Table | None) -> object:
    assert table is not None
    columns = [(c.name, c.type, c.nullable, c.identity is not None) for c in table.columns]
    indexes = {i.name: (i.parts, i.unique, i.primary, i.partial) for i in table.indexes}
    return table.name, columns, indexes, {k.name: k for k in table.foreign_keys}


_TYPES = st.sampled_from(["Long", "Text(9)", "Memo", "Currency", "Decimal(9,2)", "GUID", "YesNo"]).map(SqlType.parse)
_NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40)
_COLUMNS = st.builds(Column, name=_NAMES, type=_TYPES, default=st.none() | _NAMES, comment=st.none() | _NAMES)
_CATALOGS = st.lists(
    st.builds(Table, name=_NAMES, columns=st.lists(_COLUMNS, max_size=4, unique_by=lambda c: c.name).map(tuple)),
    max_size=3,
    unique_by=lambda table: table.name,
).map(lambda tables: Catalog(tuple(tables)))


@settings(max_examples=200, deadline=None)
@given(_CATALOGS)
def test_a_draft_is_written_read_and_planned(tmp_path_factory: pytest.TempPathFactory, source: Catalog) -> None:
    drafted = draft(source)
    path = tmp_path_factory.getbasetemp() / "draft.yaml"
    path.write_text(render(drafted.mapping, source, drafted.notices), encoding="utf-8", newline="\n")
    file = read_mapping(path)
    assert file.mapping == drafted.mapping
    collides = _collides(source)
    with pytest.raises(MappingError, match="are named") if collides else nullcontext():
        target = target_catalog(file.mapping, source, where=file.where)
        assert [len(table.columns) for table in target.tables] == [len(table.columns) for table in source.tables]


def _collides(source: Catalog) -> bool:
    lists = [[table.name for table in source.tables], *(table.column_names for table in source.tables)]
    return any(len({snake(name) for name in names}) < len(names) for names in lists)


def test_validation_rules_become_checks_or_are_told() -> None:
    table = Table(
        "T",
        (Column("Qty", SqlType("Long")), Column("Due", SqlType("DateTime")), Column("Files", SqlType("Calculated"))),
        checks=(
            Check("", "[Qty] > 0 Or [Due] Is Null"),
            Check("Qty", ">=0", ("Qty",)),
            Check("Due", ">=Date()", ("Due",)),
            Check("Files", "Is Not Null", ("Files",)),
        ),
    )
    drafted = draft(Catalog((table,)))
    assert [(check.name, check.sql) for check in drafted.mapping.tables["T"].checks] == [
        ("t_check", '("qty" > 0) OR ("due" IS NULL)'),
        ("t_qty_check", '"qty" >= 0'),
    ]
    told = [notice for notice in drafted.notices if "validation rule" in notice.text]
    assert [(notice.table, notice.column) for notice in told] == [("T", "Due"), ("T", "Files")]
    assert told[0].text.startswith("validation rule is not carried: >=Date() (it compares with the moment of entry")
