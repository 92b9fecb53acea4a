"""The mapping that a source gets when nobody has written one: complete, and the start of editing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pydantic import ValidationError

from pipeline.catalog import Catalog, Column, Notice, Table
from pipeline.dialects.access import ACCESS
from pipeline.dialects.constraints import Constraints, columns_of
from pipeline.dialects.naming import Names
from pipeline.dialects.rules import Dialect, TypeRule
from pipeline.errors import MappingError
from pipeline.mapping.defaults import valid_default
from pipeline.mapping.models import (
    ColumnMapping,
    Mapping,
    TableMapping,
    Target,
)
from pipeline.mapping.names import Naming, fold, storable
from pipeline.mapping.scalars import quoted
from pipeline.mapping.types import INTEGERS


@dataclass(frozen=True, slots=True)
class Draft:
    mapping: Mapping
    notices: tuple[Notice, ...]
    """What the source says and the mapping does not."""
    left: tuple[Notice, ...] = ()
    """Saved queries that become no views, by name, and why."""


def draft(
    catalog: Catalog,
    *,
    dialect: Dialect = ACCESS,
    naming: Naming = "snake",
    schema: str = "public",
    lookups: bool = False,
) -> Draft:
    """The default mapping of a source, with every table, column, key and relationship that PostgreSQL can take.

    Columns of a type without a rule stay in it without a type, so that the plan stops at them. Names
    that collide after folding collide in the draft as well: only a person can tell them apart. With
    `lookups`, lists of values that the source's forms keep to become checks.
    Raises MappingError for a name that PostgreSQL cannot hold at all.
    """
    return _Drafting(catalog, dialect, Names(naming), lookups).draft(schema)


@dataclass(slots=True)
class _Drafting:
    catalog: Catalog
    dialect: Dialect
    names: Names
    lookups: bool
    notices: list[Notice] = field(default_factory=list)

    def draft(self, schema: str) -> Draft:
        for table in self.catalog.tables:
            self.names.reserve(table.name)
        by_name = {table.name: table for table in self.catalog.tables}
        constraints = Constraints(by_name, self.dialect, self.names, self._note, self.lookups)
        tables = {}
        for table in self.catalog.tables:
            with _refusing(f"table {table.name!r}"):
                tables[table.name] = self._table(table, constraints)
        with _refusing("the mapping"):
            mapping = Mapping(naru=1, target=Target(schema_name=schema), naming=self.names.naming, tables=tables)
        drafted = self.dialect.views(self.catalog, mapping, self.names.relations)
        mapping = mapping.model_copy(update={"views": dict(drafted.views)})
        return Draft(mapping, (*self.notices, *drafted.notices), drafted.left)

    def _table(self, table: Table, constraints: Constraints) -> TableMapping:
        name = self.names.table(table.name)
        self._notice_if_cut(table.name, name, table.name, None)
        unique, indexes = constraints.keys_and_indexes(table)
        return TableMapping(
            to=name,
            columns=dict(self._columns(table)),
            primary_key=table.primary_key,
            unique=unique,
            indexes=indexes,
            foreign_keys=constraints.foreign_keys(table),
            checks=constraints.checks(table),
            comment=self._comment(table.comment, table.name, None),
        )

    def _columns(self, table: Table) -> Iterator[tuple[str, ColumnMapping]]:
        for column in table.columns:
            with _refusing(f"table {table.name!r}, column {column.name!r}"):
                yield column.name, self._column(table, column)

    def _column(self, table: Table, column: Column) -> ColumnMapping:
        name = self.names.column(column.name)
        self._notice_if_cut(column.name, name, table.name, column.name)
        if not column.stored:
            return self._not_stored(table, column)
        rule = self.dialect.rule(column.type)
        type = rule.postgres_for(column.type) if rule else None
        if rule is None:
            self._note(table.name, column.name, f"{column.type} is not read yet: give `skip: true` to go on without it")
        elif rule.notice:
            self._note(table.name, column.name, rule.notice)
        if column.identity and column.identity.random:
            text = "the source draws its numbers at random; new ones will count on from the highest that arrives"
            self._note(table.name, column.name, text)
        if column.calculated and rule is not None:
            self._note(table.name, column.name, self._how_calculated(table, column, column.calculated, rule))
        if column.rich_text:
            self._note(
                table.name, column.name, "holds HTML: carried as it is; to have plain text, give `rich_text: strip`"
            )
        return ColumnMapping(
            to=name,
            type=type,
            required=not column.nullable or column.identity is not None or column.name in table.primary_key,
            identity=self._identity(table, column, rule),
            default_sql=self._default(table, column, rule),
            comment=self._comment(column.comment, table.name, column.name),
        )

    def _not_stored(self, table: Table, column: Column) -> ColumnMapping:
        """A column that only its expression tells of: which type to compute it in, a person has to say."""
        text = f"is left out: computed as {column.calculated}, and the source holds neither its values nor its type"
        hint = "to have PostgreSQL compute it, give `type:` and `generated:` in place of `skip:`"
        self._note(table.name, column.name, f"{text}; {hint}")
        return ColumnMapping(skip=True)

    def _how_calculated(self, table: Table, column: Column, expression: str, rule: TypeRule) -> str:
        columns = columns_of(table, self.dialect, self.names)
        carried = f"calculated as {expression}: carried as stored"
        try:
            sql = self.dialect.generated(expression, rule.computed_as(column.type), columns)
        except ValueError as error:
            return f"{carried}; PostgreSQL cannot calculate it ({error})"
        return f"{carried}; to let PostgreSQL calculate it, give `generated: {quoted(sql)}`"

    def _identity(self, table: Table, column: Column, rule: TypeRule | None) -> bool:
        """Whether PostgreSQL shall number it, which it does in whole number types alone."""
        if column.identity is None or rule is None or rule.computed_as(column.type).name in INTEGERS:
            return column.identity is not None
        text = f"numbers itself as {column.type}, and PostgreSQL only in whole number types: new rows are not numbered"
        hint = "to have it so, give it `type: bigint` and `identity: true`, and `type: bigint` to what refers to it"
        self._note(table.name, column.name, f"{text}; {hint}")
        return False

    def _default(self, table: Table, column: Column, rule: TypeRule | None) -> str | None:
        if column.default is None or column.identity or rule is None:
            return None
        try:
            return valid_default(self.dialect.default(column.default, rule.computed_as(column.type)))
        except ValueError as error:
            text = f"default {column.default} has no translation and is left out: {error}"
            self._note(table.name, column.name, text)
            return None

    def _comment(self, text: str | None, table: str, column: str | None) -> str | None:
        try:
            return text and storable(text)
        except ValueError as error:
            self._note(table, column, f"its description is left out: {error}")
            return None

    def _notice_if_cut(self, name: str, drafted: str, table: str, column: str | None) -> None:
        if drafted != fold(name, self.names.naming):
            self._note(table, column, f"PostgreSQL does not take its name whole; it is drafted as {drafted}")

    def _note(self, table: str, column: str | None, text: str) -> None:
        self.notices.append(Notice(table, column, text))


@contextmanager
def _refusing(what: str) -> Iterator[None]:
    """Names and types that PostgreSQL cannot hold, out of a source that is damaged or hostile."""
    try:
        yield
    except ValueError as error:
        reason = error.errors(include_url=False)[0]["msg"] if isinstance(error, ValidationError) else error
        raise MappingError(f"{what} cannot be mapped: {reason}") from error
