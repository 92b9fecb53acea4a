"""What a run will do, as a value to look at before anything is done."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from collections.abc import Mapping as Mapped
from dataclasses import dataclass, field

import polars as pl

from pipeline.catalog import Catalog, Column, Notice, Table
from pipeline.dialects.rules import Dialect
from pipeline.engine.nest import make_nest, nests
from pipeline.errors import DamagedSource, MappingError, SourceError, UsageError
from pipeline.mapping.check import Where, drafted, refuse
from pipeline.mapping.document import Keys
from pipeline.mapping.models import ColumnMapping, Mapping, TableMapping
from pipeline.mapping.selects import selected_relations
from pipeline.mapping.target import target_catalog
from pipeline.transform.chain import Chain, Route
from pipeline.transform.nest import Nest

_SKIP = "leave the column behind with {skip: true}, and take out what else names it"
_SKIP_EITHER = "or leave the column, or the whole table, behind with {skip: true}, and take out what else names it"


@dataclass(frozen=True, slots=True)
class TableTask:
    """One table's way: what it is in the source, what it becomes, and the chain between."""

    source: Table
    target: Table
    mapping: TableMapping
    chain: Chain
    nests: Mapped[str, Nest] = field(default_factory=dict)
    """By column of the source, which holds their numbers, rows of other tables that arrive in its place."""

    @property
    def digest(self) -> str:
        """Identity of what the mapping says of this table: a load is resumed under the same one only."""
        text = f"{self.mapping.model_dump_json()}{self.target.schema}.{self.target.name}{self.target.columns}"
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Plan:
    """Tasks with parents before children, and what the user should know first."""

    tasks: tuple[TableTask, ...]
    notices: tuple[Notice, ...]
    target: Catalog
    unread: tuple[Notice, ...] = ()
    """What of the source's schema damage took, as far as the plan would have carried it."""
    whole: bool = True
    """Whether every table, column and row of the source is to come."""

    @property
    def schema(self) -> str:
        return self.target.tables[0].schema or "public"

    @property
    def loaded(self) -> list[Table]:
        """Tables of the target that rows are carried into, parents before children."""
        return [task.target for task in self.tasks]

    @property
    def tries_views(self) -> bool:
        """Whether the run itself gathers statistics, before its views: planned blindly, a join may take hours."""
        return bool(self.target.views)


def make_plan(
    source: Catalog,
    mapping: Mapping,
    dialect: Dialect,
    *,
    where: Where = drafted,
    only: Collection[str] = (),
    notices: tuple[Notice, ...] = (),
) -> Plan:
    """Check the mapping against the source and plan the tables `only` names (source or target name; empty: all).

    Raises MappingError, UsageError, and SourceError for a column that the source does not give.
    """
    unread = source.unread
    if unread:
        if not source.tables:
            raise DamagedSource(f"no table can be read: {unread[0].text}", hint="take the file from a backup")
        lost = {*mapping.tables} - {table.name for table in source.tables}
        unread += tuple(_unlisted(name) for name in sorted(lost - {notice.table for notice in unread}))
        mapping = _without(mapping, lost, {*mapping.views} - {query.name for query in source.queries})
    target = target_catalog(mapping, source, where=where)
    by_target = {
        mapping.table_name(table.name): table for table in source.tables if not mapping.tables[table.name].skip
    }
    if not by_target:
        raise UsageError("the mapping skips every table", hint="take `skip: true` from the tables to carry")
    known = {*by_target, *(table.name for table in by_target.values())}
    for name in only:
        if name not in known:
            raise UsageError(f"no table {name!r} in this plan", hint=f"--tables takes: {', '.join(sorted(by_target))}")
    tasks = tuple(
        _task(source, by_target[table.name], table, mapping, dialect, where)
        for table in target.in_dependency_order()
        if not only or {table.name, by_target[table.name].name} & {*only}
    )
    unread = tuple(notice for notice in unread if not only or notice.table is None)
    said = (*source.notices, *unread, *notices, *_queries(source, target))
    return Plan(
        tasks, said, target, unread, whole=not only and not unread and all(map(_comes, mapping.tables.values()))
    )


def _comes(mapped: TableMapping) -> bool:
    """Whether nothing of the table stays behind."""
    return not (mapped.skip or mapped.filter or any(column.skip for column in mapped.columns.values()))


def _queries(source: Catalog, target: Catalog) -> Iterator[Notice]:
    """One line of the saved queries: which are left, and why, is what `inspect` shows."""
    if source.queries:
        text = f"{len(target.views)} of {len(source.queries)} saved queries become views"
        left = len(target.views) < len(source.queries)
        yield Notice(None, None, text + "; `inspect` shows the others, with the reasons" * left)


def _unlisted(table: str) -> Notice:
    return Notice(table, None, "is in the mapping, and not among the tables that can be read of the damaged source")


def _without(mapping: Mapping, lost: Collection[str], queries: Collection[str]) -> Mapping:
    """The mapping of a source that is salvaged: without tables and queries that are lost, and what refers to them."""
    kept = {}
    for name, table in mapping.tables.items():
        if name not in lost:
            keys = tuple(key for key in table.foreign_keys if key.references not in lost)
            kept[name] = table.model_copy(update={"foreign_keys": keys})
    views = {name: view for name, view in mapping.views.items() if name not in queries}
    gone = {*map(mapping.table_name, lost), *map(mapping.view_name, queries)}
    while fallen := {name for name, view in views.items() if view.sql and gone & {*selected_relations(view.sql)}}:
        gone |= {*map(mapping.view_name, fallen)}
        views = {name: view for name, view in views.items() if name not in fallen}
    return mapping.model_copy(update={"tables": kept, "views": views})


def _task(
    catalog: Catalog, source: Table, target: Table, mapping: Mapping, dialect: Dialect, where: Where
) -> TableTask:
    mapped = mapping.tables[source.name]
    filtered = {condition.column for condition in mapped.filter}
    routes, nested = [], {}
    for name, column in mapped.columns.items():
        left = column.skip or column.generated is not None
        if left and name not in filtered:
            continue
        origin = source.column(name)
        rule = dialect.rule(origin.type)
        if not origin.stored:
            hint = "give it `generated:`, or `skip: true`, and leave it out of the table's filter"
            raise MappingError(f"table {source.name}, column {name}: the source holds no values of it", hint=hint)
        if origin.unreadable:
            raise SourceError(f"table {source.name}, column {name}: {origin.unreadable}", hint=_SKIP_EITHER)
        if rule is None:
            asks, hint = ("filter", "take the column out of the table's filter") if left else ("mapping", _SKIP)
            text = f"table {source.name}, column {name}: {origin.type} is not read, and the {asks} asks for it"
            raise MappingError(text, hint=hint)
        dtype = rule.dtype_for(origin.type)
        if left:
            routes.append(Route(origin, None, column, dtype, rule.converter))
            continue
        _check_form(column, origin, dtype, ("tables", source.name, "columns", name), where)
        arrives = target.column(mapping.column_name(source.name, name))
        if nests(rule, arrives.type):
            nested[name] = make_nest(catalog, source, origin, target, arrives, mapping, dialect)
            dtype = pl.String()
        converter = "zoned_ticks_beside_offset" if column.offset else rule.converter_for(arrives.type)
        for part, made in zip(column.parts, mapping.column_names(source.name, name), strict=True):
            routes.append(Route(origin, target.column(made), column, dtype, converter, part.step))
    return TableTask(source, target, mapped, Chain(source, mapped, routes), nested)


def _check_form(column: ColumnMapping, origin: Column, dtype: pl.DataType, keys: Keys, where: Where) -> None:
    """An option that reads a form of values stands on a column that can have such values."""
    for option, asked, wanted in (
        ("hyperlink: split", column.hyperlink, pl.String),
        ("ole: unwrap", column.ole, pl.Binary),
        ("offset: keep", column.offset, pl.Struct),
    ):
        if asked and dtype != wanted:
            refuse(where, keys, f"{option} does not fit the source's {origin.type}", hint="remove the option")
