"""The catalog of a .bacpac, put together from the objects of its model."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from pipeline.catalog import Catalog, Column, Identity, Notice, Query, QueryKind, SqlType, Table
from pipeline.sources.bacpac.constraints import Constraints
from pipeline.sources.bacpac.elements import Element, Name
from pipeline.sources.bacpac.model import Model, own_name, script, table_name
from pipeline.sources.bacpac.types import column_type
from pipeline.sources.sql_server import not_carried, of_own_step

COMPUTED = SqlType("computed")
"""Of a column whose values SQL Server computes: a model does not say what type they have."""
_MOST_COLUMNS = 30_000
"""Sparse ones among them; without those it takes 1,024."""
_HOSTS = {
    "SqlCheckConstraint": "DefiningTable",
    "SqlDefaultConstraint": "ForColumn",
    "SqlForeignKeyConstraint": "DefiningTable",
    "SqlPrimaryKeyConstraint": "DefiningTable",
    "SqlUniqueConstraint": "DefiningTable",
}
"""How constraints refer to the table or column that they are of."""
_COMMENT = "MS_Description"
_LITERAL = re.compile(r"N?'((?:[^']|'')*)'", re.DOTALL)


def build_catalog(model: Model, facts: Mapping[str, str]) -> Catalog:
    """Tables by name; raises ValueError where the model contradicts itself."""
    return _Building(model).catalog(facts)


class _Building:
    """What several objects of a model say of one table, put together."""

    def __init__(self, model: Model) -> None:
        self._model, self._aliases = model, model.aliases
        self._notices: list[Notice] = []
        self._constraints = Constraints(model, lambda table, text: self._tell(table_name(table), None, text))
        self._defaults = {
            one.reference("ForColumn"): script(one, "DefaultExpressionScript")
            for one in model.objects["SqlDefaultConstraint"]
        }
        self._comments = dict(_described(model))
        collations = [
            one.properties["Collation"] for one in model.objects["SqlDatabaseOptions"] if "Collation" in one.properties
        ]
        if not collations:
            raise ValueError("does not say by which collation the database compares text")
        self._collation = collations[0]

    def catalog(self, facts: Mapping[str, str]) -> Catalog:
        tables = sorted(map(self._table, self._model.objects["SqlTable"]), key=lambda table: table.name)
        for name, count in Counter(table.name for table in tables).items():
            if count > 1:
                raise ValueError(f"has {count} tables that are called {name!r} when `dbo.` is left out")
        self._tell_of_strays()
        self._tell_of_the_rest()
        queries = tuple(map(_query, self._model.objects["SqlView"]))
        return Catalog(tuple(tables), {**facts, "collation": self._collation}, tuple(self._notices), queries)

    def _table(self, one: Element) -> Table:
        name = table_name(one.name)
        declared = one.inner.get("Columns", ())
        if len(declared) > _MOST_COLUMNS:
            raise ValueError(f"table {one.shown} has {len(declared):,} columns, and SQL Server takes {_MOST_COLUMNS:,}")
        stray = next((column for column in declared if column.name[:-1] != one.name), None)
        if stray is not None:
            raise ValueError(f"table {one.shown} has a column that is called {stray.shown}")
        columns = tuple(map(self._column, declared))
        for column, count in Counter(column.name for column in columns).items():
            if count > 1:
                raise ValueError(f"table {one.shown} has {count} columns that are called {column!r}")
        table = Table(
            name,
            columns,
            one.name[0],
            tuple(self._constraints.indexes(one.name)),
            tuple(self._constraints.foreign_keys(one.name)),
            self._comments.get(one.name),
            checks=tuple(self._constraints.checks(one.name)),
        )
        _check_columns(table)
        return table

    def _column(self, one: Element) -> Column:
        name, comment = one.name[-1], self._comments.get(one.name)
        if one.type == "SqlComputedColumn":
            return Column(name, COMPUTED, comment=comment, calculated=script(one, "ExpressionScript"), stored=False)
        if one.type != "SqlSimpleColumn":
            return Column(name, SqlType(one.type), comment=comment)  # no rule has that type, so the plan stops at it
        type = column_type(one, self._aliases)
        self._tell_of_column(table_name(one.name[:-1]), one, type)
        return Column(
            name,
            type,
            nullable=one.properties.get("IsNullable") != "False",
            identity=Identity() if one.true("IsIdentity") else None,
            default=self._defaults.get(one.name),
            comment=comment,
            collation=one.properties.get("Collation"),
        )

    def _tell_of_column(self, table: str, one: Element, type: SqlType) -> None:
        collation, step = one.properties.get("Collation"), one.properties.get("IdentityIncrement", "1")
        if collation and collation != self._collation:
            self._tell(table, one.name[-1], f"its collation is {collation}, which is not the database's")
        if step != "1":
            self._tell(table, one.name[-1], of_own_step(step))
        if type.name == "datetimeoffset":
            text = "rows with another offset than zero are refused, unless it says `offset: keep`"
            self._tell(table, one.name[-1], text)

    def _tell_of_strays(self) -> None:
        """Of constraints of what is not here: no real model has shown one, and none is to go without a word."""
        tables = self._model.objects["SqlTable"]
        known = {one.name for table in tables for one in (table, *table.inner.get("Columns", ()))}
        for type, relationship in _HOSTS.items():
            for one in self._model.objects[type]:
                if (host := one.reference(relationship)) not in known:
                    text = f"{own_name(one)} is not carried: it is of {'.'.join(host)}, which the model has not"
                    self._tell(None, None, f"{type.removeprefix('Sql')} {text}")

    def _tell_of_the_rest(self) -> None:
        tables = {one.name for one in self._model.objects["SqlTable"]}
        indexes = [*self._model.objects["SqlIndex"], *self._model.other_indexes]
        on_views = sum(one.reference("IndexedObject") not in tables for one in indexes)
        counted = Counter({type.removeprefix("Sql"): count for type, count in self._model.others.items()})
        counted["Index of a view"] += on_views
        if told := not_carried(counted):
            self._tell(None, None, told)

    def _tell(self, table: str | None, column: str | None, text: str) -> None:
        self._notices.append(Notice(table, column, text))


def _check_columns(table: Table) -> None:
    """Raises ValueError where a key or an index is about a column that is not there."""
    named = [(index.name, (*index.columns, *index.included)) for index in table.indexes]
    for what, columns in [*named, *((key.name, key.columns) for key in table.foreign_keys)]:
        for column in columns:
            if column not in table.column_names:
                raise ValueError(
                    f"{what} of table {table.name} names a column {column!r}, which the table does not have"
                )


def _query(view: Element) -> Query:
    return Query(table_name(view.name), QueryKind.SELECT, script(view, "QueryScript").strip())


def _described(model: Model) -> Iterator[tuple[Name, str]]:
    """Descriptions by what they describe; their values are literals of T-SQL."""
    for one in model.objects["SqlExtendedProperty"]:
        if one.name[-1:] == (_COMMENT,) and "Value" in one.properties:
            literal = _LITERAL.fullmatch(one.properties["Value"])
            yield one.reference("Host"), literal[1].replace("''", "'") if literal else one.properties["Value"]
