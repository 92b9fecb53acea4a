"""Tables and columns that are more than that on SQL Server, told in a line each."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from pipeline.sources.mssql.schema.answers import Answers, Place, Row, place

_SYSTEM_VERSIONED = 2
_MADE_UP = "NOT_APPLICABLE"


def table_oddities(answers: Answers, names: Mapping[int, str]) -> Iterator[tuple[int, str]]:
    """What to know of a table, by its number; `names` are those in the catalog."""
    kinds = answers.where_told("table_kinds", "temporal, external, memory-optimized and file tables")
    for row in kinds:
        number = row["object_id"]
        if row["temporal_type"] == _SYSTEM_VERSIONED:
            history = names.get(row["history_table_id"], "a table that this login is not shown")
            yield number, f"the source keeps its history in {history}, and PostgreSQL keeps none"
        if row["is_external"]:
            yield number, "is external: its rows are read from where it points to"
        if row["is_filetable"]:
            yield number, "is a FileTable: its files are carried as values, and no folder shows them"
        if row["is_memory_optimized"]:
            yield number, "is memory-optimized: it becomes a table like any other"
    for row in answers.where_told("row_policies", "row-level security"):
        text = f"policy {row['name']} hides rows: what it hides from this login is not carried"
        yield row["object_id"], text


def column_oddities(answers: Answers, kinds: Collection[Row]) -> Iterator[tuple[Place, str]]:
    """What to know of a column; `kinds` are the rows of queries/column_kinds.sql."""
    for row in answers.where_told("bound_objects", "defaults and rules that are bound to columns"):
        text = "its text is not shown to this login" if row["definition"] is None else row["definition"].strip()
        yield place(row), f"a {row['kind']} is bound to it, which is not carried: {text}"
    for row in kinds:
        if row["generated_always_type_desc"] not in (None, _MADE_UP):
            yield place(row), f"the source writes it by itself ({row['generated_always_type_desc']}); nothing does here"
        if row["is_column_set"]:
            yield place(row), "repeats the sparse columns of its row as XML: give `skip: true` to go without it"
