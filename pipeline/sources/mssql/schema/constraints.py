"""Keys, indexes, relationships and checks of tables, put together from the server's result sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from pipeline.catalog import Action, Check, ForeignKey, Index, IndexPart
from pipeline.sources.mssql.schema.answers import Answers, Row, grouped
from pipeline.sources.mssql.schema.columns import HIDDEN
from pipeline.sources.sql_server import disabled_check

Note = Callable[[str], None]
"""Is told of the table what of it is not carried as it is."""
_OF_ROWS = {1, 2, 7}
"""Types of indexes that are trees or hashes over rows: clustered, nonclustered, hash."""
_ACTIONS = {0: Action.NO_ACTION, 1: Action.CASCADE, 2: Action.SET_NULL}
_SET_DEFAULT = {3: "SET DEFAULT"}
_DOUBTED = "rows that break it go to the quarantine, as the source does not vouch for all of them"


@dataclass(frozen=True, slots=True)
class Names:
    """How the tables and columns are called that constraints know by number."""

    tables: Mapping[int, str]
    columns: Mapping[int, Mapping[int, str]]


class Constraints:
    """What holds between rows and columns, by table."""

    def __init__(self, answers: Answers, names: Names) -> None:
        self._names = names
        self._indexes = grouped(answers.of("indexes"), "object_id")
        self._parts = grouped(answers.of("index_columns"), "object_id")
        self._related = grouped(answers.of("foreign_keys"), "object_id")
        self._pairs = grouped(answers.of("foreign_key_columns"), "key_id")
        self._checks = grouped(answers.of("checks"), "object_id")

    @property
    def on_views(self) -> int:
        """How many indexes are of no table."""
        return sum(len(rows) for number, rows in self._indexes.items() if number not in self._names.tables)

    def indexes(self, table: int, note: Note) -> Iterator[Index]:
        """The primary key first, then unique keys, then the others."""
        rows = self._indexes.get(table, ())
        for row in sorted(rows, key=lambda row: (not row["is_primary_key"], not row["is_unique_constraint"])):
            parts, included = self._columns(table, row["index_id"])
            if reason := _why_left(row, told=bool(parts)):
                note(f"{_kind(row)} {row['name']} is left out: {reason}")
                continue
            yield Index(
                row["name"],
                parts,
                unique=bool(row["is_unique"]),
                primary=bool(row["is_primary_key"]),
                included=included,
                predicate=row["filter_definition"],
            )

    def _columns(self, table: int, index: int) -> tuple[tuple[IndexPart, ...], tuple[str, ...]]:
        """Key columns and included ones; none where the server does not tell all of them, each at its own place.

        Babelfish before 2.9 gives the first columns of the table in the place of each index's own, and can be known
        by that it calls key columns included.
        """
        names = self._names.columns[table]
        rows = [row for row in self._parts.get(table, ()) if row["index_id"] == index]
        keys = sorted((row for row in rows if row["key_ordinal"] > 0), key=lambda row: int(row["key_ordinal"]))
        in_order = [row["key_ordinal"] for row in keys] == list(range(1, len(keys) + 1))
        made_up = any(row["is_included_column"] for row in keys)
        if made_up or not in_order or not names.keys() >= {row["column_id"] for row in rows}:
            return (), ()
        parts = (IndexPart(names[row["column_id"]], bool(row["is_descending_key"])) for row in keys)
        return tuple(parts), tuple(names[row["column_id"]] for row in rows if row["is_included_column"])

    def foreign_keys(self, table: int, note: Note) -> Iterator[ForeignKey]:
        for row in self._related.get(table, ()):
            parent = row["referenced_object_id"]
            pairs = self._pairs.get(row["key_id"], ())
            columns = self._named(table, pairs, "parent_column_id")
            parent_columns = self._named(parent, pairs, "referenced_column_id")
            if not columns or not parent_columns:
                note(f"relationship {row['name']} is left out: this login is not shown its parent, or its columns")
                continue
            if row["is_not_trusted"] and not row["is_disabled"]:
                note(f"relationship {row['name']}: {_DOUBTED}")
            yield ForeignKey(
                row["name"],
                columns,
                self._names.tables[parent],
                parent_columns,
                _action(row, "on_update", note),
                _action(row, "on_delete", note),
                enforced=not row["is_disabled"],
            )

    def _named(self, table: int, pairs: list[Row] | tuple[()], key: str) -> tuple[str, ...]:
        """Names of a side's columns; none where they are not told whole, which Babelfish before 2.2 does not."""
        names = self._names.columns.get(table, {})
        in_order = [row["ordinal"] for row in pairs] == list(range(1, len(pairs) + 1))
        if not in_order or not all(row[key] in names for row in pairs):
            return ()
        return tuple(names[row[key]] for row in pairs)

    def checks(self, table: int, note: Note) -> Iterator[Check]:
        for row in self._checks.get(table, ()):
            if row["definition"] is None:
                note(f"check {row['name']} is left out: its rule {HIDDEN}")
                continue
            if row["is_disabled"]:
                note(disabled_check(row["name"], row["definition"]))
                continue
            if row["is_not_trusted"]:
                note(f"check {row['name']}: {_DOUBTED}")
            column = self._names.columns[table].get(row["column_id"])
            yield Check(row["name"], row["definition"], (column,) if column else ())


def _kind(index: Row) -> str:
    if index["is_primary_key"]:
        return "primary key"
    return "unique key" if index["is_unique_constraint"] else "index"


def _why_left(index: Row, *, told: bool) -> str | None:
    if index["type"] not in _OF_ROWS:
        return f"{index['type_desc'].lower()} indexes are not carried"
    if index["is_hypothetical"]:
        return "it was made to try out, and holds nothing"
    if index["is_disabled"]:
        return "the source has it disabled"
    if index["has_filter"] and index["filter_definition"] is None:
        return f"the condition of its rows {HIDDEN}"
    return None if told else "this server does not tell all of its columns"


def _action(key: Row, event: str, note: Note) -> Action:
    number = key[event]
    if number not in _ACTIONS:
        word = f"{event.replace('_', ' ').upper()} {_SET_DEFAULT.get(number, number)}"
        note(f"relationship {key['name']}: {word} is not carried: nothing is done then")
    return _ACTIONS.get(number, Action.NO_ACTION)
