from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.catalog import Catalog, Column, Notice, SqlType, Table
from pipeline.mapping.models import (
    ColumnMapping,
    Condition,
    Encoding,
    ForeignKeyMapping,
    IndexMapping,
    Mapping,
    TableMapping,
    Target,
    Unique,
)
from pipeline.mapping.read import read_mapping
from pipeline.mapping.scalars import quoted
from pipeline.mapping.write import render

# What a source may call things, and what YAML would make of it: numbers, words, punctuation, quotes.
_TEXT = st.sampled_from(
    ["No", "yes", "ON", "y", "null", "~", "1", "1.0", "0x1", "007", "-0", "2020-01-01", "12:30", "true", ".inf", "",
     " ", "a b", " a", "a ", "a: b", "a #b", "#a", "- a", "-", "?", "[a]", "{a}", "a, b", "a:b", "a:", ":a", "'", '"',
     "it's", 'say "x"', "\\", "\n", "\t", "a\r\nb", "\x7f", "\x85", "\u2028", "\ufeff", "\ue000", "e\u0301", "😀",
     "%a", "@a", "`a`", "!a", "&a", "*a", "|", ">", "<<", "=", "---", "...", "한글 표", "P/N No.", "É"]
) | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)  # fmt: skip
_NAME = _TEXT.filter(bool) | st.text(min_size=1, max_size=20)  # Access has stored U+0000 and half characters
_TARGET = _TEXT.filter(str.strip).map("n{:.15}".format)
_SCALAR = st.booleans() | st.integers(-(10**30), 10**30) | _TEXT | st.decimals(-(10**9), 10**9, places=4)


def _few(items: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(items, max_size=2).map(tuple)


_COLUMN = st.builds(
    ColumnMapping,
    skip=st.booleans(),
    to=st.none() | _TARGET | st.sampled_from(["no", "1", "- x", "a: b"]),
    type=st.sampled_from([None, "integer", "numeric(19,4)", "double precision", "varchar(30)", "timestamp(6)"]),
    required=st.booleans(),
    default=st.none() | _SCALAR,
    default_sql=st.sampled_from([None, "0", "-0", "-1.50", "'it''s: #'", "''", "now()", "true", "'0'"]),
    trim=st.sampled_from([None, "both", "left"]),
    encoding=st.sampled_from(
        [
            None,
            Encoding(),
            Encoding(repair="utf-8", read_as="cp949", only="korean", compose="hangul"),
            Encoding(invalid="replace"),
        ]
    ),
    values=st.none() | st.dictionaries(_TEXT, st.none() | _SCALAR, min_size=1, max_size=3),
    comment=st.none() | _TEXT,
)
_TABLE = st.builds(
    TableMapping,
    skip=st.booleans(),
    to=st.none() | _TARGET,
    load=st.sampled_from(["append", "replace"]),
    filter=_few(st.builds(Condition, column=_NAME, op=st.sampled_from(["=", "<>", ">="]), value=_SCALAR)),
    columns=st.dictionaries(_NAME, _COLUMN, max_size=4),
    primary_key=_few(_NAME),
    unique=_few(st.builds(Unique, name=_TARGET, columns=st.tuples(_NAME))),
    indexes=_few(
        st.builds(
            IndexMapping,
            name=_TARGET,
            columns=st.just(("a",)),
            unique=st.booleans(),
            include=_few(_NAME.filter(lambda name: name != "a")),
            where=st.sampled_from([None, "a > 0", "\"B: c\" = 'it''s: #'", '"Yes" is not null']),
        )
    ),
    foreign_keys=_few(
        st.builds(
            ForeignKeyMapping,
            name=_TARGET,
            columns=st.tuples(_NAME),
            references=_NAME,
            referenced_columns=st.tuples(_NAME),
            on_delete=st.sampled_from(["no action", "set null"]),
        )
    ),
    comment=st.none() | _TEXT,
)
_MAPPING = st.builds(
    Mapping,
    naru=st.just(1),
    target=st.builds(Target, schema_name=st.sampled_from(["public", "no", "1", "내 스키마", "- x"])),
    naming=st.sampled_from(["snake", "lower", "keep"]),
    code_page=st.sampled_from([None, 949, "cp949"]),
    tables=st.dictionaries(_NAME, _TABLE, max_size=3),
)


def _source(mapping: Mapping) -> Catalog:
    return Catalog(
        tuple(
            Table(name, tuple(Column(column, SqlType("Text", (30,))) for column in table.columns))
            for name, table in mapping.tables.items()
        )
    )


@given(_MAPPING)
def test_reading_back_gives_an_equal_mapping(tmp_path_factory: pytest.TempPathFactory, mapping: Mapping) -> None:
    path = tmp_path_factory.getbasetemp() / "roundtrip.yaml"
    source = _source(mapping)
    notices = [Notice(name, None, f"{name}\nnot: a # line") for name in mapping.tables]
    path.write_text(render(mapping, source, notices), encoding="utf-8", newline="\n")
    read = read_mapping(path).mapping
    assert read == mapping
    assert render(read, source, notices) == path.read_text("utf-8")


def test_the_order_of_tables_and_columns_is_kept(tmp_path: Path) -> None:
    columns = {name: ColumnMapping(type="text") for name in ("b", "a", "c")}
    mapping = Mapping(naru=1, tables={"z": TableMapping(columns=columns), "y": TableMapping(skip=True)})
    path = tmp_path / "m.yaml"
    path.write_text(render(mapping, _source(mapping)), encoding="utf-8")
    read = read_mapping(path).mapping
    assert [*read.tables] == ["z", "y"]
    assert [*read.tables["z"].columns] == ["b", "a", "c"]


def test_one_line_per_column_with_its_source_type_and_notes() -> None:
    columns = {
        "품목": ColumnMapping(to="item", type="varchar(30)", required=True),
        "No": ColumnMapping(to="no", type="numeric(19,4)", default=Decimal("0.50"), default_sql="0"),
    }
    mapping = Mapping(naru=1, tables={"T": TableMapping(to="t", columns=columns, primary_key=("No",))})
    notices = (Notice(None, None, "two linked tables"), Notice("T", "No", "a\nnote"), Notice("T", None, "of T"))
    source = replace(_source(mapping), notices=notices[:2])
    text = render(mapping, source, notices[2:])
    assert text.startswith("# yaml-language-server: $schema=mapping.schema.json\n")
    assert text.split("\n\n", 1)[1] == (
        "# note: two linked tables\n"
        "naru: 1\n"
        "target: {schema: public}\n"
        "naming: snake\n"
        "tables:\n"
        "\n"
        "  # note: of T\n"
        "  T:\n"
        "    to: t\n"
        "    columns:\n"
        "      품목: {to: item, type: varchar(30), required: true}                     # Text(30)\n"
        "      # note: a note\n"
        '      "No": {to: "no", type: "numeric(19,4)", default: 0.50, default_sql: 0}  # Text(30)\n'
        '    primary_key: ["No"]\n'
    )


@pytest.mark.parametrize("text", ["ItemCode", "Order Details", "varchar(30)", "now()", "품목 코드", "_1", "set null"])
def test_harmless_texts_are_written_bare(text: str) -> None:
    assert quoted(text) == text
