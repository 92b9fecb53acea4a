"""What a .bacpac's model.xml says of tables and their expressions, read plainly, to hold ours to."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

from pipeline.catalog import Catalog, Check, Column, ForeignKey, Index, IndexPart, Query, QueryKind, SqlType, Table

_NS = "{http://schemas.microsoft.com/sqlserver/dac/Serialization/2012/02}"
Element = ElementTree.Element


def read_model(path: Path) -> Catalog:
    """Tables under their names without the schema, with columns, defaults, checks, computed columns, and views."""
    with zipfile.ZipFile(path) as archive:
        root = ElementTree.fromstring(archive.read("model.xml"))
    elements = [element for element in root.iter(f"{_NS}Element") if element.get("Name")]
    made = {element.get("Name", ""): element for element in elements}
    tables = {}
    for element in elements:
        if element.get("Type") == "SqlTable":
            schema, name = (part.strip("[]") for part in element.get("Name", "").split("].["))
            columns = [_column(column, made) for column in _related(element, "Columns")]
            tables[element.get("Name", "")] = Table(name, tuple(columns), schema)
    for element in elements:
        if element.get("Type") == "SqlDefaultConstraint":
            table = _reference(element, "DefiningTable")
            tables[table] = _with_default(tables[table], element)
        elif element.get("Type") == "SqlCheckConstraint":
            table = _reference(element, "DefiningTable")
            check = Check(_last(element.get("Name", "")), _property(element, "CheckExpressionScript"))
            tables[table] = replace(tables[table], checks=(*tables[table].checks, check))
        elif element.get("Type") == "SqlPrimaryKeyConstraint":
            table = _reference(element, "DefiningTable")
            parts = [IndexPart(_last(_reference(part, "Column"))) for part in _related(element, "ColumnSpecifications")]
            key = Index("key", tuple(parts), unique=True, primary=True)
            tables[table] = replace(tables[table], indexes=(key,))
        elif element.get("Type") == "SqlForeignKeyConstraint":
            table = _reference(element, "DefiningTable")
            foreign = ForeignKey(
                _last(element.get("Name", "")),
                _references(element, "Columns"),
                _last(_reference(element, "ForeignTable")),
                _references(element, "ForeignColumns"),
            )
            tables[table] = replace(tables[table], foreign_keys=(*tables[table].foreign_keys, foreign))
    views = [element for element in elements if element.get("Type") == "SqlView"]
    queries = tuple(
        Query(_last(view.get("Name", "")), QueryKind.SELECT, _property(view, "QueryScript")) for view in views
    )
    return Catalog(tuple(tables.values()), queries=queries)


def _with_default(table: Table, element: Element) -> Table:
    wanted = _last(_reference(element, "ForColumn"))
    default = _property(element, "DefaultExpressionScript")
    columns = (replace(column, default=default) if column.name == wanted else column for column in table.columns)
    return replace(table, columns=tuple(columns))


def _column(element: Element, made: dict[str, Element]) -> Column:
    name = _last(element.get("Name", ""))
    if element.get("Type") == "SqlComputedColumn":
        return Column(name, SqlType("computed"), calculated=_property(element, "ExpressionScript"))
    return Column(name, _type(_related(element, "TypeSpecifier")[0], made))


def _type(specifier: Element, made: dict[str, Element]) -> SqlType:
    """A type of the user's making is its base type, which stands in the same form."""
    name = _reference(specifier, "Type")
    if name in made:
        return _type(made[name], made)
    args = [_property(specifier, key) for key in ("Length", "Precision", "Scale")]
    return SqlType(_last(name), tuple(int(arg) for arg in args if arg))


def _related(element: Element, name: str) -> list[Element]:
    return element.findall(f"{_NS}Relationship[@Name='{name}']/{_NS}Entry/{_NS}Element")


def _reference(element: Element, name: str) -> str:
    found = element.find(f"{_NS}Relationship[@Name='{name}']/{_NS}Entry/{_NS}References")
    assert found is not None, name
    return found.get("Name", "")


def _references(element: Element, name: str) -> tuple[str, ...]:
    found = element.findall(f"{_NS}Relationship[@Name='{name}']/{_NS}Entry/{_NS}References")
    return tuple(_last(reference.get("Name", "")) for reference in found)


def _property(element: Element, name: str) -> str:
    found = element.find(f"{_NS}Property[@Name='{name}']")
    if found is None:
        return ""
    return found.get("Value") or found.findtext(f"{_NS}Value") or ""


def _last(name: str) -> str:
    return name.rpartition(".[")[2].removeprefix("[").removesuffix("]")
