from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from pipeline.catalog import Action, Catalog, Identity, Index, IndexPart
from pipeline.errors import MappingError
from pipeline.mapping.read import MappingFile
from pipeline.mapping.target import target_catalog

Read = Callable[[str], MappingFile]

_GOOD = """\
naru: 1
target: {schema: factory}
tables:
  Items:
    to: goods
    columns:
      ItemID: {to: id, type: int, identity: true}
      ItemCode: {type: varchar(30), required: true, default_sql: "'-'", comment: The code}
      Price: {skip: true}
    primary_key: [ItemID]
    unique:
      - {name: goods_code_key, columns: [ItemCode]}
    comment: Goods
  Order Lines:
    columns:
      Id: {type: bigint}
      Item: {type: int}
    primary_key: [Id]
    indexes:
      - {name: by_item, columns: [Item, Id], descending: [Id], ignore_nulls: true}
      - {name: some, columns: [Item], include: [Id], where: Item > 0, unique: true}
    foreign_keys:
      - {name: fk, columns: [Item], references: Items, referenced_columns: [ItemID], on_delete: set null}
"""


def test_names_types_and_keys_are_the_targets(read: Read, source: Catalog) -> None:
    target = target_catalog(read(_GOOD).mapping, source)
    goods, lines = target.tables
    assert (goods.schema, goods.name, goods.comment, goods.rows) == ("factory", "goods", "Goods", 6)
    assert [(c.name, str(c.type), c.nullable) for c in goods.columns] == [
        ("id", "integer", False),
        ("item_code", "varchar(30)", False),
    ]
    assert goods.column("id").identity == Identity(next_value=7)
    assert (goods.column("item_code").default, goods.column("item_code").comment) == ("'-'", "The code")
    assert [(i.name, i.columns, i.primary, i.unique) for i in goods.indexes] == [
        ("goods_pkey", ("id",), True, True),
        ("goods_code_key", ("item_code",), False, True),
    ]
    assert (lines.name, lines.primary_key, lines.column("id").nullable) == ("order_lines", ("id",), False)
    assert lines.indexes[1].parts == (IndexPart("item"), IndexPart("id", descending=True))
    assert lines.indexes[1].ignore_nulls
    some = Index("some", (IndexPart("item"),), unique=True, included=("id",), predicate='"item" > 0')
    assert lines.indexes[2] == some
    key = lines.foreign_keys[0]
    assert (key.parent, key.parent_columns, key.on_delete) == ("goods", ("id",), Action.SET_NULL)
    assert target.facts == source.facts


def test_columns_stand_in_the_order_of_the_mapping(read: Read, source: Catalog) -> None:
    """The transform pairs them with the mapping's columns, so a reordered mapping must not swap values."""
    reordered = _GOOD.replace(
        "      Id: {type: bigint}\n      Item: {type: int}", "      Item: {type: int}\n      Id: {type: bigint}"
    )
    mapping = read(reordered).mapping
    lines = target_catalog(mapping, source).table("order_lines")
    assert [(c.name, str(c.type)) for c in lines.columns] == [("item", "integer"), ("id", "bigint")]
    assert [mapping.column_name("Order Lines", name) for name in mapping.tables["Order Lines"].columns] == [
        "item",
        "id",
    ]


@pytest.mark.parametrize(
    ("old", "new", "line", "reason", "hint"),
    [
        ("      Price: {skip: true}\n", "", 6, "column 'Price' of 'Items' is not in the mapping",
         "`Price: {skip: true}`"),
        ("      Price:", "      Pricee:", 9, "no column 'Pricee' of 'Items'", "did you mean 'Price'?"),
        ("  Order Lines:", "  Order Line:", 14, "no table 'Order Line'", "did you mean 'Order Lines'?"),
        ("{type: bigint}", "{}", 16, "no PostgreSQL type for the source's Long", "`Id: {skip: true}`"),
        ("type: int, identity", "type: text, identity", 7, "identity needs an integer type, not text", None),
        ("\"'-'\"", "now()", 8, "default_sql now() does not fit varchar(30)", None),
        ("{to: id,", "{to: item_code,", 8,
         "two columns are named 'item_code'; the other is tables.Items.columns.ItemID", "another name"),
        ("to: goods\n", "to: order_lines\n", 14, "tables, views or indexes are named 'order_lines'", "another name"),
        ("name: by_item", "name: goods_pkey", 20, "tables, views or indexes are named 'goods_pkey'", "another name"),
        ("name: by_item", "name: fk", 23, "two constraints are named 'fk'", "another name"),
        ("[Item, Id]", "[Item, Nope, Id]", 20, "no column 'Nope' in 'Order Lines'", None),
        ("[Item, Id]", "[Item, Item, Id]", 20, "named twice", None),
        ("include: [Id]", "include: [Nope]", 21, "no column 'Nope' in 'Order Lines'", None),
        ("where: Item > 0", "where: itm > 0", 21, "no column 'itm' in 'order_lines'", "did you mean 'item'?"),
        ("columns: [ItemCode]", "columns: [Price]", 12, "column 'Price' of 'Items' is skipped", "carry it"),
        ("    comment: Goods", "    filter: [{column: Nope, op: is null}]", 13, "no column 'Nope'", None),
        ("    comment: Goods", "    checks: [{name: c, sql: nope > 0}]", 13, "no column 'nope' in 'goods'", None),
        ("    comment: Goods", "    checks: [{name: goods_pkey, sql: id > 0}]", 13, "two constraints are named", None),
        ("references: Items", "references: Item", 23, "no table 'Item'", "did you mean 'Items'?"),
        ("  Items:\n", "  Items:\n    skip: true\n", 24, "table 'Items' is skipped", "remove this foreign key"),
        ("referenced_columns: [ItemID]", "referenced_columns: [ItemCode]", 23,
         "item is integer, and goods.item_code is varchar(30)", "same type"),
        ("    primary_key: [ItemID]\n", "", 22, "(id) is neither primary key nor unique in goods", "primary_key"),
        ("    primary_key: [ItemID]\n",
         "    indexes: [{name: u, columns: [ItemID], unique: true, where: id > 0}]\n", 23,
         "(id) is neither primary key nor unique in goods", "primary_key"),
        ("{type: bigint}", "{skip: true}", 18, "column 'Id' of 'Order Lines' is skipped", None),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_source_is_refused(
    read: Read, source: Catalog, old: str, new: str, line: int, reason: str, hint: str | None
) -> None:
    assert old in _GOOD
    file = read(_GOOD.replace(old, new))
    with pytest.raises(MappingError) as caught:
        target_catalog(file.mapping, source, where=file.where)
    assert f"m.yaml:{line}: tables" in caught.value.message
    assert reason in caught.value.message
    assert hint is None or hint in (caught.value.hint or "")


def test_a_table_without_any_column_is_refused(read: Read, source: Catalog) -> None:
    nothing = _GOOD.split("  Order Lines:")[0] + "  Order Lines: {columns: {Id: {skip: true}, Item: {skip: true}}}\n"
    with pytest.raises(MappingError, match="every column is skipped"):
        target_catalog(read(nothing).mapping, source)


def test_a_folded_name_that_postgresql_would_cut_is_refused(read: Read, source: Catalog) -> None:
    items, lines = source.tables
    long = "가" * 22
    renamed = replace(lines, columns=(replace(lines.columns[0], name=long), lines.columns[1]))
    text = (
        _GOOD.replace("Id: {type", f"{long}: {{type")
        .replace("[Id]", f"[{long}]")
        .replace("[Item, Id]", f"[Item, {long}]")
    )
    with pytest.raises(MappingError, match="66 bytes of UTF-8"):
        target_catalog(read(text).mapping, Catalog((items, renamed)))


def test_a_source_with_two_columns_of_one_name_is_refused(read: Read, source: Catalog) -> None:
    items, lines = source.tables
    twice = replace(lines, columns=(*lines.columns, lines.columns[0]))
    with pytest.raises(MappingError, match="two columns of one name of 'Order Lines'"):
        target_catalog(read(_GOOD).mapping, Catalog((items, twice)))
