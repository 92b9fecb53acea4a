"""Keys, indexes, relationships and checks of the tables of a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pipeline.catalog import Action, Check, ForeignKey, Index, IndexPart
from pipeline.sources.bacpac.elements import Element, Name
from pipeline.sources.bacpac.model import Model, by_table, own_name, script, table_name
from pipeline.sources.sql_server import disabled_check

Note = Callable[[Name, str], None]
"""Is told of a table what of it is not carried."""
_KNOWN = {
    "CheckExpressionScript",
    "FilterPredicate",
    "IsAscending",
    "IsClustered",  # a matter of pages
    "IsDisabled",
    "IsUnique",
    "OnDeleteAction",
    "OnUpdateAction",
}
_KINDS = {
    "SqlColumnStoreIndex": "columnstore",
    "SqlFullTextIndex": "full-text",
    "SqlSelectiveXmlIndex": "selective XML",
    "SqlSpatialIndex": "spatial",
    "SqlXmlIndex": "XML",
}
"""Indexes that hold no rows in order."""
_ACTIONS = {"0": Action.NO_ACTION, "1": Action.CASCADE, "2": Action.SET_NULL}


class Constraints:
    """What holds between rows and columns, by table."""

    def __init__(self, model: Model, note: Note) -> None:
        self._note = note
        self._ordered = (
            ("primary key", by_table(model.objects["SqlPrimaryKeyConstraint"], "DefiningTable")),
            ("unique key", by_table(model.objects["SqlUniqueConstraint"], "DefiningTable")),
            ("index", by_table(model.objects["SqlIndex"], "IndexedObject")),
        )
        self._others = by_table(model.other_indexes, "IndexedObject")
        self._related = by_table(model.objects["SqlForeignKeyConstraint"], "DefiningTable")
        self._checked = by_table(model.objects["SqlCheckConstraint"], "DefiningTable")

    def indexes(self, table: Name) -> Iterator[Index]:
        for kind, found in self._ordered:
            for one in found.get(table, ()):
                self._tell_unknown(table, kind, one)
                if one.true("IsDisabled"):
                    self._note(table, f"{kind} {own_name(one)} is left out: the source has it disabled")
                    continue
                yield Index(
                    own_name(one),
                    _parts(one, table),
                    unique=kind != "index" or one.true("IsUnique"),
                    primary=kind == "primary key",
                    included=_columns(one, "IncludedColumns", table),
                    predicate=one.properties.get("FilterPredicate"),
                )
        for one in self._others.get(table, ()):
            kind = _KINDS.get(one.type, one.type.removeprefix("Sql").removesuffix("Index"))
            self._note(table, f"index {own_name(one)} is left out: {kind} indexes are not carried")

    def foreign_keys(self, table: Name) -> Iterator[ForeignKey]:
        for one in self._related.get(table, ()):
            self._tell_unknown(table, "relationship", one)
            parent = one.reference("ForeignTable")
            yield ForeignKey(
                own_name(one),
                _columns(one, "Columns", table),
                table_name(parent),
                _columns(one, "ForeignColumns", parent),
                self._action(table, one, "OnUpdateAction"),
                self._action(table, one, "OnDeleteAction"),
                enforced=not one.true("IsDisabled"),
            )

    def _action(self, table: Name, key: Element, event: str) -> Action:
        number = key.properties.get(event, "0")
        if number not in _ACTIONS:
            self._note(table, f"relationship {own_name(key)}: {event} {number} is not carried: nothing is done then")
        return _ACTIONS.get(number, Action.NO_ACTION)

    def checks(self, table: Name) -> Iterator[Check]:
        for one in self._checked.get(table, ()):
            self._tell_unknown(table, "check", one)
            expression = script(one, "CheckExpressionScript")
            if one.true("IsDisabled"):
                self._note(table, disabled_check(own_name(one), expression))
                continue
            named = {name[-1] for name in one.references.get("CheckExpressionDependencies", ()) if name[:-1] == table}
            # Only a check of one column belongs to it.
            yield Check(own_name(one), expression, tuple(named) if len(named) == 1 else ())

    def _tell_unknown(self, table: Name, kind: str, one: Element) -> None:
        """What a model says beside what is read of it: real files have shown no such word, so nobody has read one."""
        said = [one.properties, *(part.properties for part in one.inner.get("ColumnSpecifications", ()))]
        for key, value in (item for properties in said for item in properties.items() if item[0] not in _KNOWN):
            text = f"the model says {key} {value} of it, which is not known and not carried"
            self._note(table, f"{kind} {own_name(one)}: {text}")


def _parts(one: Element, table: Name) -> tuple[IndexPart, ...]:
    specifications = one.inner.get("ColumnSpecifications", ())
    if not specifications:
        raise ValueError(f"{one.type} {own_name(one)} has no columns")
    return tuple(_part(specification, table) for specification in specifications)


def _part(specification: Element, table: Name) -> IndexPart:
    """Ascending is what a model leaves out."""
    column = _column_of(table, specification.reference("Column"))
    return IndexPart(column, specification.properties.get("IsAscending") == "False")


def _columns(one: Element, relationship: str, table: Name) -> tuple[str, ...]:
    return tuple(_column_of(table, name) for name in one.named(relationship))


def _column_of(table: Name, name: Name) -> str:
    if name[:-1] != table:
        raise ValueError(f"{'.'.join(name)} stands where a column of {'.'.join(table)} is meant")
    return name[-1]
