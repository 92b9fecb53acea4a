"""`generated:`: what it may name, and what it may not stand beside."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pipeline.catalog import Catalog
from pipeline.errors import MappingError
from pipeline.mapping.read import MappingFile
from pipeline.mapping.target import target_catalog

Read = Callable[[str], MappingFile]

_GOOD = """\
naru: 1
tables:
  Items:
    columns:
      ItemID: {type: integer, required: true}
      ItemCode: {to: code, type: varchar(30)}
      Price: {type: "numeric(19,4)", generated: ItemID * 2.5, comment: Twice and a half}
    primary_key: [ItemID]
  Order Lines:
    columns:
      Id: {type: integer}
      Item: {type: integer}
"""


def test_the_target_has_the_expression(read: Read, source: Catalog) -> None:
    items, _ = target_catalog(read(_GOOD.replace("ItemID * 2.5", "item_id * 2.5")).mapping, source).tables
    assert items.column("price").generated == '"item_id" * 2.5'
    assert items.written_names == ("item_id", "code")


@pytest.mark.parametrize(
    ("written", "instead", "said"),
    [
        ("ItemID * 2.5", "itemcode", r"m\.yaml:7: .*Price: no column 'itemcode'"),
        ("ItemID * 2.5", "price + 1", r"m\.yaml:7: .*Price: is generated from 'price', which is generated itself"),
        (
            "type: varchar(30)}",
            "type: varchar(30), generated: price || ''}",
            r"m\.yaml:6: .*ItemCode: is generated from 'price', which is generated itself",
        ),
        ("primary_key: [ItemID]", "primary_key: [Price]", r"m\.yaml:7: .*Price: is generated and part of the primary"),
    ],
)
def test_what_it_may_not_name(read: Read, source: Catalog, written: str, instead: str, said: str) -> None:
    file = read(_GOOD.replace(written, instead).replace("ItemID * 2.5", "item_id * 2.5"))
    with pytest.raises(MappingError, match=said):
        target_catalog(file.mapping, source, where=file.where)


def test_a_parent_may_not_write_to_it(read: Read, source: Catalog) -> None:
    text = (
        _GOOD.replace("ItemID * 2.5", "item_id")
        + """\
    foreign_keys:
      - {name: fk, columns: [Item], references: Items, referenced_columns: [ItemID], on_delete: set null}
"""
    ).replace("Item: {type: integer}", "Item: {type: integer, generated: id + 1}")
    file = read(text)
    with pytest.raises(MappingError, match=r"m\.yaml:14: .*would write to a generated column"):
        target_catalog(file.mapping, source, where=file.where)


@pytest.mark.parametrize(
    "option", ["identity: true", "default: 1", "default_sql: 1", "trim: both", "empty_to_null: true", "round: true",
               "values: {a: b}", "encoding: {invalid: replace}", "skip: true"]
)  # fmt: skip
def test_what_it_may_not_stand_beside(read: Read, option: str) -> None:
    with pytest.raises(MappingError, match=rf"m\.yaml:7: .*generated and {option.split(':')[0]} exclude each other"):
        read(_GOOD.replace("generated:", f"{option}, generated:"))


def test_sql_that_is_not_one_expression_is_refused_with_its_line(read: Read) -> None:
    with pytest.raises(MappingError, match=r"m\.yaml:7: .*generated: .*may not stand in a generated column"):
        read(_GOOD.replace("ItemID * 2.5", "pg_sleep(1)"))
