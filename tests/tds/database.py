"""What a server serves: tables, and answers to statements that it does not evaluate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

from tests.tds.parameters import Parameter
from tests.tds.tokens import Column, ServerError
from tests.tds.types import COLLATIONS, Collation, sql_type

Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class ServedColumn:
    name: str
    type: str
    """As SQL Server writes it: `varchar(20)`, `decimal(18,4)`, `nvarchar(max)`."""
    nullable: bool = True
    collation: str = "Korean_Wansung_CI_AS"

    @property
    def column(self) -> Column:
        return Column(self.name, sql_type(self.type, COLLATIONS[self.collation]), self.nullable)


@dataclass(frozen=True, eq=False)
class LazyRows(Sequence[Row]):
    """Rows that are made when they are asked for."""

    size: int
    make: Callable[[int], Row]

    def __len__(self) -> int:
        return self.size

    @overload
    def __getitem__(self, at: int) -> Row: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Row]: ...
    def __getitem__(self, at: int | slice) -> Row | Sequence[Row]:
        if isinstance(at, slice):
            return [self.make(i) for i in range(*at.indices(self.size))]
        if not 0 <= at < self.size:
            raise IndexError(at)
        return self.make(at)


@dataclass(frozen=True, eq=False, slots=True)
class ServedTable:
    schema: str
    name: str
    columns: Sequence[ServedColumn]
    rows: Sequence[Row]
    """Values in the forms of `types`."""
    sorted_by: tuple[str, ...] = ()
    """A promise that saves sorting a large table: its rows ascend by these columns already."""

    @property
    def full_name(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True, slots=True)
class Result:
    """One result set; None of columns says that the statement gives none."""

    columns: Sequence[ServedColumn]
    rows: Sequence[Row] = ()


Answer = Result | ServerError | Callable[[Sequence[Parameter]], Result]
"""A function may raise ServerError too."""


@dataclass(frozen=True, slots=True)
class Database:
    name: str
    collation: str = "Korean_Wansung_CI_AS"
    tables: Sequence[ServedTable] = ()
    answers: Mapping[str, Answer] = field(default_factory=dict)
    """By the exact text of the statement, without the blanks around it."""

    def table(self, schema: str, name: str) -> ServedTable | None:
        """By names in any case."""
        wanted = f"{schema}.{name}".lower()
        return next((table for table in self.tables if table.full_name.lower() == wanted), None)

    @property
    def default_collation(self) -> Collation:
        return COLLATIONS[self.collation]
