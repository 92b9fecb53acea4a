"""Names for what a draft makes: the source's own, folded, and PostgreSQL's style for what hangs on them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from pipeline.mapping.names import Naming, drafted_column, fold, primary_key_name, shorten


@dataclass(frozen=True, slots=True)
class Names:
    """Each index and constraint gets a name of its own; tables and columns that collide, collide in the draft."""

    naming: Naming
    relations: set[str] = field(default_factory=set)
    """Names of tables and indexes, which share one namespace in PostgreSQL."""
    constraints: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Names of constraints, by the table that they are unique in."""

    def table(self, name: str) -> str:
        return shorten(fold(name, self.naming))

    def column(self, name: str) -> str:
        return drafted_column(fold(name, self.naming))

    def reserve(self, table: str) -> None:
        """Keep the table's name, and that of its key, from indexes and constraints."""
        self.relations.update((self.table(table), primary_key_name(self.table(table))))

    def index(self, table: str, columns: tuple[str, ...], suffix: str) -> str:
        name = self._free(table, columns, suffix)
        self.relations.add(name)
        return name

    def constraint(self, table: str, columns: tuple[str, ...], suffix: str) -> str:
        name = self._free(table, columns, suffix)
        self.constraints[table].add(name)
        return name

    def _free(self, table: str, columns: tuple[str, ...], suffix: str) -> str:
        """PostgreSQL's own style, `items_item_code_key`, cut to fit, with the first number that makes it free."""
        wanted = "_".join((self.table(table), *map(self.column, columns), suffix))
        number, free = 0, shorten(wanted)
        while free in self.relations or free in self.constraints[table]:
            number += 1
            free = shorten(f"{wanted}{number}")
        return free
