"""Objects of a model by type, and how they name what they are about."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from pipeline.sources import sql_server
from pipeline.sources.bacpac.elements import Element, Name
from pipeline.sources.bacpac.types import Aliases

_READ = {
    "SqlCheckConstraint",
    "SqlDatabaseOptions",
    "SqlDefaultConstraint",
    "SqlExtendedProperty",
    "SqlForeignKeyConstraint",
    "SqlIndex",
    "SqlPrimaryKeyConstraint",
    "SqlSchema",
    "SqlTable",
    "SqlUniqueConstraint",
    "SqlUserDefinedDataType",
    "SqlView",
}
_TABLE_PARTS = 2


@dataclass(frozen=True, slots=True)
class Model:
    """What is read of a model; other objects are only counted."""

    objects: dict[str, list[Element]] = field(default_factory=lambda: defaultdict(list))
    other_indexes: list[Element] = field(default_factory=list)
    """Of whatever kind: columnstore, XML, spatial, full-text, and those to come."""
    others: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, objects: Iterable[Element]) -> Model:
        model = cls()
        for one in objects:
            if one.type in _READ:
                model.objects[one.type].append(one)
            elif "IndexedObject" in one.references:
                model.other_indexes.append(one)
            else:
                model.others[one.type] += 1
        return model

    @property
    def aliases(self) -> Aliases:
        return {one.name: one for one in self.objects["SqlUserDefinedDataType"]}


def by_table(objects: Iterable[Element], relationship: str) -> dict[Name, list[Element]]:
    """By the table that they refer to."""
    grouped: dict[Name, list[Element]] = defaultdict(list)
    for one in objects:
        grouped[one.reference(relationship)].append(one)
    return grouped


def table_name(name: Name) -> str:
    """What a catalog calls the table or view; raises ValueError for a name that is no schema and name."""
    if len(name) != _TABLE_PARTS:
        raise ValueError(f"a table or view is called {'.'.join(name) or 'nothing'}, which is no schema and name")
    return sql_server.table_name(*name)


def own_name(one: Element) -> str:
    """The last part of its name; of a constraint that was declared without one, what SQL Server calls it."""
    inline = one.annotations.get("SqlInlineConstraintAnnotation")
    name = one.name or (inline.name if inline else ())
    return name[-1] if name else one.type.removeprefix("Sql")


def script(one: Element, property: str) -> str:
    """A piece of T-SQL; raises ValueError."""
    if property not in one.properties:
        raise ValueError(f"{one.type} {one.shown} has no {property}")
    return one.properties[property]
