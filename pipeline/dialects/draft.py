"""The mapping that a source gets when nobody has written one: complete, and the start of editing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from pydantic import ValidationError

from pipeline.catalog import Catalog, Check, Column, ForeignKey, Index, IndexPart, Notice, Table
from pipeline.dialects.access import ACCESS
from pipeline.dialects.rules import Dialect
from pipeline.errors import MappingError
from pipeline.mapping.conditions import valid_condition
from pipeline.mapping.defaults import is_default
from pipeline.mapping.models import (
    CheckMapping,
    ColumnMapping,
    ForeignKeyMapping,
    IndexMapping,
    Mapping,
    TableMapping,
    Target,
    Unique,
)
from pipeline.mapping.names import Naming, drafted_column, fold, primary_key_name, shorten, storable
from pipeline.mapping.types import family, parse_type


@dataclass(frozen=True, slots=True)
class Draft:
    mapping: Mapping
    notices: tuple[Notice, ...]
    """What the source says and the mapping does not."""


def draft(catalog: Catalog, *, dialect: Dialect = ACCESS, naming: Naming = "snake", schema: str = "public") -> Draft:
    """The default mapping of a source, with every table, column, key and relationship that PostgreSQL can take.

    Columns of a type without a rule stay in it without a type, so that the plan stops at them. Names
    that collide after folding collide in the draft as well: only a person can tell them apart. Raises
    MappingError for a name that PostgreSQL cannot hold at all.
    """
    return _Drafting(catalog, dialect, naming).draft(schema)


@dataclass(slots=True)
class _Drafting:
    catalog: Catalog
    dialect: Dialect
    naming: Naming
    notices: list[Notice] = field(default_factory=list)
    relations: set[str] = field(default_factory=set)
    """Names of tables and indexes, which share one namespace in PostgreSQL."""

    def draft(self, schema: str) -> Draft:
        for table in self.catalog.tables:
            self.relations |= {self._table_name(table.name), primary_key_name(self._table_name(table.name))}
        tables = {}
        for table in self.catalog.tables:
            with _refusing(f"table {table.name!r}"):
                tables[table.name] = self._table(table)
        with _refusing("the mapping"):
            mapping = Mapping(naru=1, target=Target(schema_name=schema), naming=self.naming, tables=tables)
        return Draft(mapping, tuple(self.notices))

    def _table(self, table: Table) -> TableMapping:
        name = self._table_name(table.name)
        self._notice_if_cut(table.name, name, table.name, None)
        unique, indexes = self._keys_and_indexes(table)
        return TableMapping(
            to=name,
            columns=dict(self._columns(table)),
            primary_key=table.primary_key,
            unique=unique,
            indexes=indexes,
            foreign_keys=self._foreign_keys(table),
            checks=self._checks(table),
            comment=self._comment(table.comment, table.name, None),
        )

    def _columns(self, table: Table) -> Iterator[tuple[str, ColumnMapping]]:
        for column in table.columns:
            with _refusing(f"table {table.name!r}, column {column.name!r}"):
                yield column.name, self._column(table, column)

    def _column(self, table: Table, column: Column) -> ColumnMapping:
        name = self._column_name(column.name)
        self._notice_if_cut(column.name, name, table.name, column.name)
        rule = self.dialect.rule(column.type)
        type = rule.postgres_for(column.type) if rule else None
        if rule is None:
            self._note(table.name, column.name, f"{column.type} is not read yet: give `skip: true` to go on without it")
        elif rule.notice:
            self._note(table.name, column.name, rule.notice)
        return ColumnMapping(
            to=name,
            type=type,
            required=self._required(table, column, type),
            identity=column.identity is not None,
            default_sql=self._default(table, column, type),
            comment=self._comment(column.comment, table.name, column.name),
        )

    def _required(self, table: Table, column: Column, type: str | None) -> bool | Literal["filled"]:
        if column.nullable and column.identity is None and column.name not in table.primary_key:
            return False
        text = type is not None and family(parse_type(type)) == "text"
        return "filled" if text and not column.empty_allowed else True

    def _default(self, table: Table, column: Column, type: str | None) -> str | None:
        if column.default is None or column.identity or type is None:
            return None
        translated = self.dialect.default(column.default, parse_type(type))
        if translated is None or not is_default(translated):
            self._note(table.name, column.name, f"default {column.default} has no translation and is left out")
            return None
        return translated

    def _comment(self, text: str | None, table: str, column: str | None) -> str | None:
        try:
            return text and storable(text)
        except ValueError as error:
            self._note(table, column, f"its description is left out: {error}")
            return None

    def _keys_and_indexes(self, table: Table) -> tuple[tuple[Unique, ...], tuple[IndexMapping, ...]]:
        """Each set of columns once: Access lists an index beside the key it repeats."""
        unread = {column.name for column in table.columns if self.dialect.rule(column.type) is None}
        keys = {table.primary_key}
        shapes: set[tuple[tuple[IndexPart, ...], bool]] = set()
        unique, indexes = [], []
        for index in sorted(table.indexes, key=lambda index: not index.unique):
            upwards = not any(part.descending for part in index.parts)
            shape = (index.parts, index.ignore_nulls and not index.unique)
            if index.primary or shape in shapes or (upwards and index.columns in keys):
                continue
            if unread & {*index.columns}:
                self._note(table.name, None, f"index {index.name} is left out: a column of it is not read yet")
                continue
            if not index.unique and self._holds_long_text(table, index):
                text = "a column of it holds text of any length, and PostgreSQL's indexes end at a third of a page"
                self._note(table.name, None, f"index {index.name} is left out: {text}")
                continue
            shapes.add(shape)
            if index.unique and upwards:
                keys.add(index.columns)
                unique.append(Unique(name=self._index_name(table, index, "key"), columns=index.columns))
            else:
                indexes.append(self._index(table, index))
        return tuple(unique), tuple(indexes)

    def _holds_long_text(self, table: Table, index: Index) -> bool:
        rules = [(self.dialect.rule(table.column(name).type), table.column(name).type) for name in index.columns]
        return any(rule is not None and rule.postgres_for(type) == "text" for rule, type in rules)

    def _index(self, table: Table, index: Index) -> IndexMapping:
        return IndexMapping(
            name=self._index_name(table, index, "idx"),
            columns=index.columns,
            descending=tuple(part.column for part in index.parts if part.descending),
            unique=index.unique,
            # Where NULLs differ from each other, as they do in both systems, a unique index has no use for it.
            ignore_nulls=index.ignore_nulls and not index.unique,
        )

    def _foreign_keys(self, table: Table) -> tuple[ForeignKeyMapping, ...]:
        taken: set[str] = set()
        keys = []
        for key in table.foreign_keys:
            reason = self._why_not(key)
            if reason:
                self._note(table.name, None, f"relationship {key.name} to {key.parent} is left out: {reason}")
                continue
            name = _free(self._constraint_name(table.name, key.columns, "fkey"), taken.__contains__)
            taken.add(name)
            keys.append(
                ForeignKeyMapping(
                    name=name,
                    columns=key.columns,
                    references=key.parent,
                    referenced_columns=key.parent_columns,
                    on_update=key.on_update.value,
                    on_delete=key.on_delete.value,
                )
            )
        return tuple(keys)

    def _checks(self, table: Table) -> tuple[CheckMapping, ...]:
        rules = {column.name: self.dialect.rule(column.type) for column in table.columns}
        types = {c.name: parse_type(rule.postgres_for(c.type)) for c in table.columns if (rule := rules[c.name])}
        names = {column.name: self._column_name(column.name) for column in table.columns}
        checks, taken = [], {self._constraint_name(table.name, key.columns, "fkey") for key in table.foreign_keys}
        for check in table.checks:
            try:
                sql = valid_condition(
                    self.dialect.check(check.expression, next(iter(check.columns), None), names, types)
                )
            except ValueError as error:
                text = f"validation rule is not carried: {check.expression} ({error})"
                self._note(table.name, next(iter(check.columns), None), text)
                continue
            name = self._check_name(table, check, taken)
            checks.append(CheckMapping(name=name, sql=sql))
        return tuple(checks)

    def _check_name(self, table: Table, check: Check, taken: set[str]) -> str:
        wanted = self._constraint_name(table.name, check.columns, "check")
        name = _free(wanted, lambda name: name in taken or name in self.relations)
        taken.add(name)
        return name

    def _why_not(self, key: ForeignKey) -> str | None:
        parents = [table for table in self.catalog.tables if table.name == key.parent]
        if not key.enforced:
            return "the source does not enforce it"
        if not parents:
            return "the parent is not a table of this source"
        keys = [sorted(index.columns) for index in parents[0].indexes if index.primary or index.unique]
        if sorted(key.parent_columns) not in keys:
            return "its columns are not a key of the parent"
        return None

    def _index_name(self, table: Table, index: Index, suffix: str) -> str:
        name = _free(self._constraint_name(table.name, index.columns, suffix), self.relations.__contains__)
        self.relations.add(name)
        return name

    def _constraint_name(self, table: str, columns: tuple[str, ...], suffix: str) -> str:
        """PostgreSQL's own style: `items_item_code_key`."""
        return "_".join((self._table_name(table), *map(self._column_name, columns), suffix))

    def _table_name(self, name: str) -> str:
        return shorten(fold(name, self.naming))

    def _column_name(self, name: str) -> str:
        return drafted_column(fold(name, self.naming))

    def _notice_if_cut(self, name: str, drafted: str, table: str, column: str | None) -> None:
        if drafted != fold(name, self.naming):
            self._note(table, column, f"PostgreSQL does not take its name whole; it is drafted as {drafted}")

    def _note(self, table: str, column: str | None, text: str) -> None:
        self.notices.append(Notice(table, column, text))


def _free(name: str, taken: Callable[[str], bool]) -> str:
    """The name, cut to fit, with the first number that makes it free."""
    number, free = 0, shorten(name)
    while taken(free):
        number += 1
        free = shorten(f"{name}{number}")
    return free


@contextmanager
def _refusing(what: str) -> Iterator[None]:
    """Names and types that PostgreSQL cannot hold, out of a source that is damaged or hostile."""
    try:
        yield
    except ValueError as error:
        reason = error.errors(include_url=False)[0]["msg"] if isinstance(error, ValidationError) else error
        raise MappingError(f"{what} cannot be mapped: {reason}") from error
