"""The catalog of a live database, put together from the server's own catalog views.

What every server from SQL Server 2012 on tells is required; of the rest, what this one does not tell is said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import groupby

from pipeline.catalog import Catalog, Column, Index, Notice, Query, QueryKind, Table
from pipeline.errors import SourceError
from pipeline.sources.mssql.clients.base import Client
from pipeline.sources.mssql.schema.answers import Answers, Place, Row
from pipeline.sources.mssql.schema.columns import HIDDEN, Columns
from pipeline.sources.mssql.schema.constraints import Constraints, Names
from pipeline.sources.mssql.schema.oddities import column_oddities, table_oddities
from pipeline.sources.mssql.schema.tables import Schema, SqlTable
from pipeline.sources.mssql.schema.unreadable import internal_columns, unreadable_columns
from pipeline.sources.sql_server import not_carried, table_name

_KINDS = {
    "AF": "Aggregate",
    "FN": "ScalarFunction",
    "FS": "ScalarFunction",
    "FT": "TableValuedFunction",
    "IF": "InlineTableValuedFunction",
    "P": "Procedure",
    "PC": "Procedure",
    "SN": "Synonym",
    "SO": "Sequence",
    "SP": "SecurityPolicy",
    "TA": "DmlTrigger",
    "TF": "MultiStatementTableValuedFunction",
    "TR": "DmlTrigger",
    "TT": "TableType",
}
"""Kinds of objects in the words of a .bacpac; others have the server's own."""
_UNSEEN = (
    "this login does not see every definition, so that tables, columns, row-level security and other objects may be "
    "there that are not listed: have VIEW DEFINITION on the database granted to it"
)


def read_schema(client: Client) -> Schema:
    """Everything that the login is shown of its database; raises SourceError. Reads no rows of user tables."""
    return _Building(Answers(client)).schema()


class _Building:
    """What several result sets say of one table, put together."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._notices: list[Notice] = []
        (self._database,) = answers.of("database")
        tables = answers.of("tables")
        self._names = {row["object_id"]: table_name(row["schema_name"], row["name"]) for row in tables}
        self._tables = sorted(tables, key=lambda row: self._names[row["object_id"]])

    def schema(self) -> Schema:
        self._check()
        kinds = self._answers.where_told("column_kinds", "masked, encrypted and generated columns")
        internal = internal_columns(self._answers)
        unreadable = unreadable_columns(self._answers, kinds, self._database["login"])
        columns = Columns(self._answers, self._database["collation"], internal, unreadable, self._tell_of)
        names = Names(self._names, {number: columns.names(number) for number in self._names})
        constraints = Constraints(self._answers, names)
        counted = self._answers.where_told("row_counts", "counts of rows")
        rows = {row["object_id"]: int(row["row_count"]) for row in counted if row["row_count"] >= 0}
        tables = tuple(self._table(row, columns, constraints, rows.get(row["object_id"])) for row in self._tables)
        self._tell_oddities(kinds, internal, names)
        queries = tuple(map(_query, self._answers.of("views")))
        facts = self._facts()
        self._tell_of_the_rest(constraints.on_views)
        read = (
            SqlTable(table.name, row["schema_name"], row["name"], tuple(columns.read(row["object_id"])), _keys(table))
            for row, table in zip(self._tables, tables, strict=True)
        )
        catalog = Catalog(tables, facts, tuple(self._notices), queries)
        return Schema(catalog, {table.name: table for table in read})

    def _check(self) -> None:
        if self._database["collation"] is None:
            raise self._refusal("does not say by which collation it compares text")
        for name, count in Counter(self._names.values()).items():
            if count > 1:
                raise self._refusal(f"has {count} tables that are called {name!r} when `dbo.` is left out")

    def _refusal(self, text: str) -> SourceError:
        return SourceError(f"database {self._database['name']}: {text}")

    def _table(self, row: Row, columns: Columns, constraints: Constraints, rows: int | None) -> Table:
        number = row["object_id"]
        declared = tuple(columns.declared(number))
        for name, count in Counter(column.name for column in declared).items():
            if count > 1:
                raise self._refusal(f"tells {count} columns of table {self._names[number]} that are called {name!r}")
        self._tell_unreadable(number, declared)

        def note(text: str) -> None:
            self._tell_of(number, None, text)

        return Table(
            self._names[number],
            declared,
            row["schema_name"],
            tuple(constraints.indexes(number, note)),
            tuple(constraints.foreign_keys(number, note)),
            columns.comment(number),
            rows,
            tuple(constraints.checks(number, note)),
        )

    def _tell_unreadable(self, number: int, columns: tuple[Column, ...]) -> None:
        """A line for each reason, and not for each column of a table that has many."""
        closed = sorted((column.unreadable, column.name) for column in columns if column.unreadable)
        for reason, group in groupby(closed, key=lambda pair: pair[0]):
            names = [name for _, name in group]
            what = "no column can be read" if len(names) == len(columns) else f"not readable: {', '.join(names)}"
            self._tell_of(number, None, f"{what}: {reason}")

    def _tell_oddities(self, kinds: list[Row], internal: set[Place], names: Names) -> None:
        for (number, column), text in column_oddities(self._answers, kinds):
            self._tell_of(number, names.columns.get(number, {}).get(column), text)
        for number in dict.fromkeys(number for number, _ in sorted(internal)):
            self._tell_of(number, None, "is a node or edge: its numbers behind $node_id are not shown by the server")
        for number, text in table_oddities(self._answers, self._names):
            self._tell_of(number, None, text)

    def _facts(self) -> dict[str, str]:
        said = self._database
        named = {key: said[key] for key in ("server", "version", "edition", "collation")}
        facts = {"format": "SQL Server", "database": said["name"], **named}
        for row in self._answers.where_told("database_options", "how the database is set"):
            facts["compatibility level"] = str(row["compatibility_level"])
            facts["state"] = ", ".join(_state(row))
        return {name: value for name, value in facts.items() if value}

    def _tell_of_the_rest(self, on_views: int) -> None:
        counted: Counter[str] = Counter({"Index of a view": on_views})
        for row in self._answers.where_told("objects", "procedures, functions, triggers and sequences"):
            counted[_KINDS.get(row["type"]) or row["type_desc"]] += row["object_count"]
        if told := not_carried(counted):
            self._tell(told)
        if any(row["sees_definitions"] == 0 for row in self._answers.where_told("permissions", "what it hides")):
            self._tell(_UNSEEN)
        if self._answers.untold:
            self._tell(f"this server does not tell: {'; '.join(self._answers.untold)}")

    def _tell(self, text: str) -> None:
        self._notices.append(Notice(None, None, text))

    def _tell_of(self, number: int, column: str | None, text: str) -> None:
        if number in self._names:
            self._notices.append(Notice(self._names[number], column, text))


def _query(row: Row) -> Query:
    name = table_name(row["schema_name"], row["name"])
    if row["definition"] is None:
        return Query(name, QueryKind.SELECT, "", reason=f"its text is encrypted, or {HIDDEN}")
    return Query(name, QueryKind.SELECT, row["definition"].strip())


def _state(options: Mapping[str, object]) -> Iterator[str]:
    yield "read-only" if options["is_read_only"] else "read and write"
    if options["snapshot_isolation_state"] == 1:
        yield "snapshot isolation"
    if options["is_read_committed_snapshot_on"]:
        yield "read committed snapshot"


def _keys(table: Table) -> tuple[tuple[str, ...], ...]:
    """Columns to page by: unique, never NULL, and readable; the primary key first, then the shortest."""
    unique = sorted((index for index in table.indexes if index.tells_apart), key=_worth)
    firm = {column.name for column in table.columns if not column.nullable and not column.unreadable}
    return tuple(dict.fromkeys(index.columns for index in unique if firm.issuperset(index.columns)))


def _worth(index: Index) -> tuple[bool, int]:
    return not index.primary, len(index.parts)
