"""A schema as values: the same words describe an Access file, a SQL Server and a PostgreSQL.

A `Catalog` read from a source holds the source's names and types; a mapping turns it into another
`Catalog` with PostgreSQL's. Nothing here knows how either was read or will be written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Self

_SHOWN_CHARACTERS = 40
_TYPE = re.compile(r"\s*([^()]+?)\s*(?:\(\s*(\d+(?:\s*,\s*\d+)*)\s*\))?\s*(\[\])?\s*")


@dataclass(frozen=True, slots=True)
class SqlType:
    """A column type as its own system spells it: `Text(50)`, `numeric(19,4)`; name `varchar[]` for `varchar(20)[]`."""

    name: str
    args: tuple[int, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `name` or `name(n[, n...])`, and either with `[]`; raises ValueError for anything else."""
        match = _TYPE.fullmatch(text)
        if match is None:
            raise ValueError(f"not a type: {text!r}")
        args = tuple(int(a) for a in match[2].split(",")) if match[2] else ()
        return cls(match[1] + (match[3] or ""), args)

    @property
    def element(self) -> SqlType | None:
        """The type of an array's elements; None for a type that is no array."""
        return SqlType(self.name.removesuffix("[]"), self.args) if self.name.endswith("[]") else None

    def __str__(self) -> str:
        if self.element:
            return f"{self.element}[]"
        return f"{self.name}({','.join(map(str, self.args))})" if self.args else self.name


@dataclass(frozen=True, slots=True)
class Identity:
    """A column that numbers its rows by itself; `next_value` where the source tells it."""

    next_value: int | None = None
    random: bool = False
    """Whether the source draws the numbers by lot."""


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    type: SqlType
    nullable: bool = True
    identity: Identity | None = None
    default: str | None = None
    """Expression in the dialect of the catalog that holds the column."""
    comment: str | None = None
    choices: tuple[str, ...] = ()
    """The values that the source's forms allow, as texts; its engine does not hold to them. None: any."""
    calculated: str | None = None
    """In a source, the expression that its values are computed by."""
    stored: bool = True
    """In a source, whether it holds the values; those that it only computes are not there to be read."""
    generated: str | None = None
    """In a target, the expression that PostgreSQL computes it by: nothing is written to it."""
    rich_text: bool = False
    """In a source, whether its text is HTML."""
    collation: str | None = None
    """In a source, the rules by which it compares the text; None: those of the database."""
    unreadable: str | None = None
    """In a source, why it does not give the values as they are: a plan that carries the column stops."""


def shown_choices(choices: tuple[str, ...], most: int = 10) -> str:
    """The first values of a list for a person to read, and how many more there are."""
    shown = ", ".join(repr(choice[:_SHOWN_CHARACTERS]) for choice in choices[:most])
    return shown if len(choices) <= most else f"{shown} and {len(choices) - most} more"


@dataclass(frozen=True, slots=True)
class IndexPart:
    column: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Index:
    name: str
    parts: tuple[IndexPart, ...]
    unique: bool = False
    primary: bool = False
    ignore_nulls: bool = False
    """Rows whose every part is NULL are not in the index."""
    included: tuple[str, ...] = ()
    """Columns that it holds beside those that it is ordered by."""
    predicate: str | None = None
    """The rows that are in it, in the dialect of the catalog that holds the table; None: any."""

    @property
    def partial(self) -> bool:
        """Whether rows may be left out of it."""
        return self.ignore_nulls or self.predicate is not None

    @property
    def tells_apart(self) -> bool:
        """Whether any two rows with values in all of its columns differ in one."""
        return self.unique and self.predicate is None

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(part.column for part in self.parts)


class Action(Enum):
    """What a foreign key does to the child when its parent row changes or goes."""

    NO_ACTION = "no action"
    CASCADE = "cascade"
    SET_NULL = "set null"


@dataclass(frozen=True, slots=True)
class ForeignKey:
    name: str
    columns: tuple[str, ...]
    parent: str
    parent_columns: tuple[str, ...]
    on_update: Action = Action.NO_ACTION
    on_delete: Action = Action.NO_ACTION
    enforced: bool = True
    """In a source: whether it holds to it. In a target: whether the rows are checked that stand before it."""
    one_to_one: bool = False
    """Whether the source shows it as such; what makes it so is the child's own unique index."""


@dataclass(frozen=True, slots=True)
class Relationship:
    """A foreign key seen from outside of both tables, each a schema and a name."""

    name: str
    child: tuple[str, str]
    parent: tuple[str, str]
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """A condition that each row meets; a row for which it is NULL meets it."""

    name: str
    expression: str
    """In the dialect of the catalog that holds the table."""
    columns: tuple[str, ...] = ()
    """Those it speaks of, as far as known; in a source, the one column that the rule belongs to, or none."""
    enforced: bool = True


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    columns: tuple[Column, ...]
    schema: str | None = None
    indexes: tuple[Index, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    comment: str | None = None
    rows: int | None = None
    """What the source claims to hold; real files are wrong about it, so nothing is proven by it."""
    checks: tuple[Check, ...] = ()

    @property
    def primary_key(self) -> tuple[str, ...]:
        """Names of the key columns, in key order; empty for a table without one."""
        return next((index.columns for index in self.indexes if index.primary), ())

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def written(self) -> tuple[Column, ...]:
        """The columns that take values; PostgreSQL computes the others."""
        return tuple(column for column in self.columns if column.generated is None)

    @property
    def written_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.written)

    def column(self, name: str) -> Column:
        """The column of that exact name; raises KeyError."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


class QueryKind(Enum):
    SELECT = "select"
    UNION = "union"
    CROSSTAB = "crosstab"
    MAKE_TABLE = "make-table"
    APPEND = "append"
    UPDATE = "update"
    DELETE = "delete"
    DEFINITION = "data-definition"
    PASS_THROUGH = "pass-through"  # noqa: S105 (no password)
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Query:
    """A query that the source has saved under a name."""

    name: str
    kind: QueryKind
    sql: str
    """Its text in the source's dialect, without connect strings; empty where it is not known."""
    parameters: tuple[str, ...] = ()
    """What it asks for each time it runs."""
    reason: str | None = None
    """Why `sql` is not the whole query; None where it is."""


@dataclass(frozen=True, slots=True)
class View:
    """A query of the target, made over tables and views of the same catalog."""

    name: str
    query: str
    """The source's name of it."""
    sql: str
    """One SELECT in PostgreSQL's words, whose tables are qualified with `schema`."""
    schema: str
    relations: tuple[str, ...]
    """Tables and views of the catalog that it reads."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something in the source that will not arrive as it is, or that the user should know."""

    table: str | None
    column: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Catalog:
    tables: tuple[Table, ...]
    facts: Mapping[str, str] = field(default_factory=dict)
    """What identifies the source to a person: file version, code page, collation."""
    notices: tuple[Notice, ...] = ()
    queries: tuple[Query, ...] = ()
    """Those that a source has saved."""
    views: tuple[View, ...] = ()
    """Those that a target shall have, each after the views that it reads."""
    unread: tuple[Notice, ...] = ()
    """What of the schema damage took, in a source that is salvaged; a table it names is not in `tables`."""

    def table(self, name: str) -> Table:
        """The table of that exact name; raises KeyError."""
        for table in self.tables:
            if table.name == name:
                return table
        raise KeyError(name)

    def in_dependency_order(self) -> Iterator[Table]:
        """Parents before children; within a cycle, and for self-references, catalog order."""
        by_name = {table.name: table for table in self.tables}
        seen: set[str] = set()
        for root in self.tables:
            stack = [(root, False)]
            while stack:
                table, parents_done = stack.pop()
                if parents_done:
                    yield table
                elif table.name not in seen:
                    seen.add(table.name)
                    stack.append((table, True))
                    parents = [key.parent for key in table.foreign_keys if key.parent in by_name]
                    stack += [(by_name[name], False) for name in reversed(parents)]
