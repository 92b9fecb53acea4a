"""The catalog of an Access file, put together from definitions, properties and relationships."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from pipeline.catalog import Catalog, ForeignKey, Notice, Query, Table
from pipeline.errors import DamagedSource
from pipeline.sources.access.cells.columns import check_decimal
from pipeline.sources.access.cells.text import decode_bytes
from pipeline.sources.access.pages.codepage import Names
from pipeline.sources.access.pages.definition import TableDefinition, read_definition
from pipeline.sources.access.pages.file import AccessFile
from pipeline.sources.access.schema.complex import ComplexColumn, read_complex_columns
from pipeline.sources.access.schema.objects import Objects, TableObject
from pipeline.sources.access.schema.properties import NO_PROPERTIES, Properties, parse_properties
from pipeline.sources.access.schema.queries import read_queries
from pipeline.sources.access.schema.relationships import Relationship, read_relationships, resolve
from pipeline.sources.access.schema.results import with_results
from pipeline.sources.access.schema.rules import lookup_notices
from pipeline.sources.access.schema.suspicion import code_page_notices
from pipeline.sources.access.schema.tables import table_notices, table_of, values_table, with_keys
from pipeline.sources.codepage import UTF_16


def build_catalog(file: AccessFile, objects: Objects, names: Names, linked: Mapping[str, Table | str]) -> Catalog:
    """Tables of the user by name, facts of the file, and notices of what does not arrive as it is.

    `linked` has for names of links the tables they lead to, or why they lead to none.
    """
    wide = file.format.wide
    definitions, tables, notices = [], [], list(_file_notices(file, objects, linked))
    unread = [Notice(None, None, f"MSysObjects: {what}") for what in objects.unread]
    for name, described in sorted(objects.tables.items()):
        properties = NO_PROPERTIES
        try:
            properties = _properties(described, names)
        except ValueError as error:
            notices.append(Notice(name, None, f"properties are damaged ({error}): no defaults, rules or descriptions"))
        try:
            definition = with_results(read_definition(file, described.page, name, names), properties)
            for column in definition.columns if file.salvage else ():  # else reading the table raises it
                check_decimal(file, definition, column)
        except DamagedSource as error:
            if not file.salvage:
                raise
            unread.append(Notice(name, None, f"is not carried, as its definition is damaged: {error.message}"))
            continue
        definitions.append(definition)
        complex_columns = _complex_columns(file, objects, names, definition, unread)
        table = with_keys(table_of(definition, properties, wide=wide), complex_columns)
        tables += [table, *(values_table(table, one, properties, wide=wide) for one in complex_columns)]
        notices += [*table_notices(table), *lookup_notices(name, properties)]
    tables += [table for table in linked.values() if isinstance(table, Table)]
    tables, unresolved = _related(file, objects, names, tables, unread)
    queries = _queries(file, objects, names, unread)
    notices += [*unresolved, *code_page_notices(file, definitions, names)]
    return Catalog(tuple(tables), _facts(file, names), tuple(notices), queries, unread=tuple(unread))


def _queries(file: AccessFile, objects: Objects, names: Names, unread: list[Notice]) -> tuple[Query, ...]:
    try:
        return tuple(read_queries(file, objects, names))
    except DamagedSource as error:
        if not file.salvage:
            raise
        unread.append(Notice(None, None, f"{len(objects.queries)} saved queries cannot be read: {error.message}"))
        return ()


def _complex_columns(
    file: AccessFile, objects: Objects, names: Names, table: TableDefinition, unread: list[Notice]
) -> tuple[ComplexColumn, ...]:
    lost: list[str] | None = [] if file.salvage else None
    found: list[ComplexColumn] = []
    try:
        found += read_complex_columns(file, objects, names, table, lost)
    except DamagedSource as error:
        if lost is None:
            raise
        lost.append(error.message)
    unread += [Notice(table.name, None, f"attachments, multiple values or versions: {what}") for what in lost or ()]
    return tuple(found)


def read_described(file: AccessFile, described: TableObject, names: Names) -> TableDefinition:
    """A table's definition with what its properties say of calculated columns, as the catalog has them."""
    try:
        properties = _properties(described, names)
    except ValueError:
        properties = NO_PROPERTIES  # of which the catalog has the notice
    return with_results(read_definition(file, described.page, described.name, names), properties)


def _properties(described: TableObject, names: Names) -> Properties:
    """Raises ValueError for damaged ones."""
    if described.properties is None:
        return NO_PROPERTIES
    return parse_properties(described.properties, lambda raw: decode_bytes(raw, names.codec))


def _related(
    file: AccessFile, objects: Objects, names: Names, tables: list[Table], unread: list[Notice]
) -> tuple[list[Table], list[Notice]]:
    """The tables with their foreign keys, and notices of relationships that lead out of the file."""
    system = objects.system.get("MSysRelationships")
    if system is None:
        return tables, [Notice(None, None, "the file has no table of relationships, so no foreign keys are known")]
    by_name = {table.name.lower(): table for table in tables}
    keys: dict[str, list[ForeignKey]] = {}
    notices = []
    for relationship in _relationships(file, system, names, unread):
        child = by_name.get(relationship.child.lower())
        if child is None:
            continue  # of a system table or of a link, and the link has its notice
        key = resolve(relationship.key, child, by_name)
        if key is None:
            parent = relationship.key.parent
            notices.append(Notice(child.name, None, f"relationship to {parent!r} is not carried: it is not here"))
        else:
            keys.setdefault(child.name, []).append(key)
    return [_with_relationships(table, keys.get(table.name, [])) for table in tables], notices


def _with_relationships(table: Table, keys: list[ForeignKey]) -> Table:
    """A linked table has those of its own file, and Access may show one of them in this file as well."""
    known = {(key.columns, key.parent, key.parent_columns) for key in table.foreign_keys}
    others = (key for key in keys if (key.columns, key.parent, key.parent_columns) not in known)
    return replace(table, foreign_keys=(*table.foreign_keys, *others))


def _relationships(file: AccessFile, system: TableObject, names: Names, unread: list[Notice]) -> Iterator[Relationship]:
    lost: list[str] | None = [] if file.salvage else None
    try:
        yield from read_relationships(file, system, names, lost)
    except DamagedSource as error:
        if lost is None:
            raise
        lost.append(error.message)
    unread += [Notice(None, None, f"relationships: {what}") for what in lost or ()]


def _facts(file: AccessFile, names: Names) -> dict[str, str]:
    scheme = file.header.scheme
    facts = {"format": file.header.version, "page size": str(file.format.page_size)}
    facts["encryption"] = scheme.name if scheme else "none"
    facts["code page"] = "UTF-16" if names.codec == UTF_16 else names.codec
    if file.header.sort_order:
        facts["sort order"] = f"LCID 0x{file.header.sort_order:04X}"
    return facts


def _file_notices(file: AccessFile, objects: Objects, linked: Mapping[str, Table | str]) -> Iterator[Notice]:
    if file.header.has_password:
        yield Notice(
            None, None, "a password guards opening it in Access; the pages are not encrypted, so none is needed"
        )
    for lock in sorted({*_lock_files(file.path)}):
        text = f"{lock} beside it says that another program has it open: close that one, or work on a copy"
        yield Notice(None, None, f"{text}; one left by a crash does no harm, and a change while it is read is refused")
    for name, link in sorted(objects.links.items()):
        if not isinstance(reason := linked.get(name), Table):
            hint = "with `--follow-links DIR` it is, if that file is in DIR" if link.file else None
            why = next((f": {text}" for text in (reason, hint) if text), "")
            yield Notice(name, None, f"is a link to {link} and is not carried{why}")


def _lock_files(path: Path) -> Iterator[str]:
    """Access keeps one beside the file as long as somebody has it open; after a crash it stays."""
    for suffix in (".laccdb", ".ldb"):
        if path.with_suffix(suffix).exists():
            yield path.with_suffix(suffix).name
