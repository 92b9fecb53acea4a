"""What a run will do, as a value to look at before anything is done."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass

from pipeline.catalog import Catalog, Notice, Table
from pipeline.dialects.rules import Dialect
from pipeline.errors import UsageError
from pipeline.mapping.check import Where, drafted
from pipeline.mapping.models import Mapping, TableMapping
from pipeline.mapping.target import target_catalog
from pipeline.transform.chain import Chain


@dataclass(frozen=True, slots=True)
class TableTask:
    """One table's way: what it is in the source, what it becomes, and the chain between."""

    source: Table
    target: Table
    mapping: TableMapping
    chain: Chain

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

    @property
    def schema(self) -> str:
        return self.target.tables[0].schema or "public"


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

    Raises MappingError and UsageError.
    """
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
        _task(by_target[table.name], table, mapping.tables[by_target[table.name].name], dialect)
        for table in target.in_dependency_order()
        if not only or {table.name, by_target[table.name].name} & {*only}
    )
    return Plan(tasks, source.notices + notices, target)


def _task(source: Table, target: Table, mapping: TableMapping, dialect: Dialect) -> TableTask:
    rules = {column.name: dialect.rule(column.type) for column in source.columns}
    dtypes = {column.name: rule.dtype_for(column.type) for column in source.columns if (rule := rules[column.name])}
    converters = {name: rule.converter for name, rule in rules.items() if rule and rule.converter}
    return TableTask(source, target, mapping, Chain(source, mapping, target, dtypes, converters))
