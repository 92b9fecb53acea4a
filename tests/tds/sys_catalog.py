"""What SQL Server's catalog views would say of a database, as answers to the exact statements of the reader.

A `Catalog` is the description, such as a .bacpac gives; what it cannot describe is put into `Said` by hand. The
spellings are SQL Server's: lengths in bytes, checks in parentheses, views with CREATE VIEW before them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

from pipeline.catalog import Action, Catalog, Column, SqlType, Table
from pipeline.sources.mssql.consistency import IN_MEMORY, STATE
from pipeline.sources.mssql.schema.answers import statement
from tests.tds.database import Answer, Result, ServedColumn
from tests.tds.tokens import ServerError

Row = dict[str, Any]
Said = dict[str, list[Row]]
"""Rows by query; a query that is not there is one that the server does not know."""

_NAME, _TEXT, _FLAG, _TINY, _SMALL, _INT = "nvarchar(128)", "nvarchar(max)", "bit", "tinyint", "smallint", "int"
_HERE = {"object_id": _INT, "column_id": _INT}
COLUMNS: Mapping[str, Mapping[str, str]] = {
    "database": dict.fromkeys(("name", "login", "collation", "server", "version", "edition"), _NAME),
    "database_options": {
        "compatibility_level": _TINY,
        "is_read_only": _FLAG,
        "snapshot_isolation_state": _TINY,
        "is_read_committed_snapshot_on": _FLAG,
    },
    "permissions": {"sees_definitions": _INT},
    "tables": {"object_id": _INT, "schema_name": _NAME, "name": _NAME},
    "columns": {
        **_HERE,
        **dict.fromkeys(("name", "base_type", "type_schema", "type_name"), _NAME),
        "max_length": _SMALL,
        "precision": _TINY,
        "scale": _TINY,
        "collation_name": _NAME,
        **dict.fromkeys(("is_nullable", "is_identity", "is_computed"), _FLAG),
    },
    "code_pages": {"collation_name": _NAME, "code_page": _INT},
    "identities": {"object_id": _INT, **dict.fromkeys(("seed", "step", "last"), "nvarchar(50)")},
    "computed_columns": {**_HERE, "definition": _TEXT, "is_persisted": _FLAG},
    "defaults": {**_HERE, "definition": _TEXT},
    "checks": {
        "object_id": _INT,
        "name": _NAME,
        "column_id": _INT,
        "definition": _TEXT,
        "is_disabled": _FLAG,
        "is_not_trusted": _FLAG,
    },
    "indexes": {
        "object_id": _INT,
        "index_id": _INT,
        "name": _NAME,
        "type": _TINY,
        "type_desc": "nvarchar(60)",
        **dict.fromkeys(
            (
                "is_unique",
                "is_primary_key",
                "is_unique_constraint",
                "is_disabled",
                "is_hypothetical",
                "has_filter",
            ),
            _FLAG,
        ),
        "filter_definition": _TEXT,
    },
    "index_columns": {
        "object_id": _INT,
        "index_id": _INT,
        "column_id": _INT,
        "key_ordinal": _TINY,
        "is_descending_key": _FLAG,
        "is_included_column": _FLAG,
    },
    "foreign_keys": {
        "key_id": _INT,
        "object_id": _INT,
        "name": _NAME,
        "referenced_object_id": _INT,
        "is_disabled": _FLAG,
        "is_not_trusted": _FLAG,
        "on_update": _TINY,
        "on_delete": _TINY,
    },
    "foreign_key_columns": dict.fromkeys(
        ("key_id", "ordinal", "parent_column_id", "referenced_object_id", "referenced_column_id"), _INT
    ),
    "views": {"schema_name": _NAME, "name": _NAME, "definition": _TEXT},
    "comments": {**_HERE, "text": "nvarchar(4000)"},
    "row_counts": {"object_id": _INT, "row_count": "bigint"},
    "objects": {"type": "varchar(2)", "type_desc": "nvarchar(60)", "object_count": _INT},
    "table_kinds": {
        "object_id": _INT,
        **dict.fromkeys(("is_filetable", "is_memory_optimized", "is_external"), _FLAG),
        "temporal_type": _TINY,
        "history_table_id": _INT,
    },
    "column_kinds": {
        **_HERE,
        "is_filestream": _FLAG,
        "is_column_set": _FLAG,
        "encryption_type": _INT,
        "is_masked": _FLAG,
        "generated_always_type_desc": "nvarchar(60)",
        "sees_unmasked": _INT,
    },
    "bound_objects": {**_HERE, "kind": "varchar(7)", "definition": _TEXT},
    "graph_columns": {**_HERE, "graph_type": _INT},
    "refused_columns": _HERE,
    "row_policies": {"object_id": _INT, "name": _NAME},
}
"""What each query selects, with SQL Server's types."""
_IDENTITY = {"name": _NAME, "server": _NAME, "created": "nvarchar(30)", "code_page": _INT}

_NUMBERS = {
    "bit": (1, 1, 0),
    "tinyint": (1, 3, 0),
    "smallint": (2, 5, 0),
    "int": (4, 10, 0),
    "bigint": (8, 19, 0),
    "real": (4, 24, 0),
    "float": (8, 53, 0),
    "money": (8, 19, 4),
    "smallmoney": (4, 10, 4),
    "date": (3, 10, 0),
    "datetime": (8, 23, 3),
    "smalldatetime": (4, 16, 0),
    "uniqueidentifier": (16, 0, 0),
    "rowversion": (8, 0, 0),
    "text": (16, 0, 0),
    "ntext": (16, 0, 0),
    "image": (16, 0, 0),
    "xml": (-1, 0, 0),
    "json": (-1, 0, 0),
    "sql_variant": (8016, 0, 0),
    "geometry": (-1, 0, 0),
    "geography": (-1, 0, 0),
    "hierarchyid": (892, 0, 0),
}
"""max_length, precision and scale of types that are declared without arguments."""
_BYTES = {"char": 1, "varchar": 1, "nchar": 2, "nvarchar": 2, "binary": 1, "varbinary": 1}
_TEXTS = {"char", "varchar", "text", "nchar", "nvarchar", "ntext"}
_MAX = {"varchar", "nvarchar", "varbinary"}
_CLR = {"geometry", "geography", "hierarchyid"}
_ACTIONS = {Action.NO_ACTION: 0, Action.CASCADE: 1, Action.SET_NULL: 2}
_DEFAULT_SCHEMA = "dbo"


def said(catalog: Catalog, *, computed: Mapping[str, SqlType] | None = None, code_page: int = 1252) -> Said:
    """What a server of 2022 says to the owner of such a database; `computed` has types by `table.column`."""
    return _Describing(catalog, computed or {}, code_page).said()


class _Describing:
    def __init__(self, catalog: Catalog, computed: Mapping[str, SqlType], code_page: int) -> None:
        self._catalog, self._computed, self._code_page = catalog, computed, code_page
        self._collation = catalog.facts["collation"]
        self._tables = {table.name: 1000 + at for at, table in enumerate(catalog.tables)}
        self._keys = count(100_000)

    def said(self) -> Said:
        facts = self._catalog.facts
        said: Said = {name: [] for name in COLUMNS}
        said["database"].append(
            {
                "name": facts.get("database", "shop"),
                "login": "[reader]",
                "collation": self._collation,
                "server": "tests",
                "version": "16.0.4165.4",
                "edition": "Developer Edition (64-bit)",
            }
        )
        said["database_options"].append(
            {
                "compatibility_level": 160,
                "is_read_only": False,
                "snapshot_isolation_state": 1,
                "is_read_committed_snapshot_on": False,
            }
        )
        said["permissions"].append({"sees_definitions": 1})
        said["code_pages"].append({"collation_name": self._collation, "code_page": self._code_page})
        for table in self._catalog.tables:
            self._say_table(said, table)
        for query in self._catalog.queries:
            schema, name = _split(query.name)
            definition = f"CREATE VIEW [{schema}].[{name}] AS\n{query.sql}"
            said["views"].append({"schema_name": schema, "name": name, "definition": definition})
        return said

    def _say_table(self, said: Said, table: Table) -> None:
        number = self._tables[table.name]
        schema, name = _split(table.name)
        said["tables"].append({"object_id": number, "schema_name": schema, "name": name})
        if table.comment:
            said["comments"].append({"object_id": number, "column_id": 0, "text": table.comment})
        if table.rows is not None:
            said["row_counts"].append({"object_id": number, "row_count": table.rows})
        for at, column in enumerate(table.columns, 1):
            self._say_column(said, table, {"object_id": number, "column_id": at}, column)
        self._say_indexes(said, table)
        for check in table.checks:
            column_id = table.column_names.index(check.columns[0]) + 1 if check.columns else 0
            row = {"object_id": number, "column_id": column_id, "name": check.name}
            flags = {"is_disabled": not check.enforced, "is_not_trusted": False}
            said["checks"].append({**row, "definition": f"({check.expression})", **flags})
        self._say_foreign_keys(said, table)

    def _say_column(self, said: Said, table: Table, here: Row, column: Column) -> None:
        type = column.type if column.stored else self._computed[f"{table.name}.{column.name}"]
        flags = {
            "is_nullable": column.nullable,
            "is_identity": column.identity is not None,
            "is_computed": column.calculated is not None,
        }
        collation = self._collation if type.name in _TEXTS else None
        said["columns"].append({**here, "name": column.name, **type_row(type), "collation_name": collation, **flags})
        if column.default is not None:
            said["defaults"].append({**here, "definition": column.default})
        if column.calculated is not None:
            said["computed_columns"].append({**here, "definition": column.calculated, "is_persisted": False})
        if column.comment:
            said["comments"].append({**here, "text": column.comment})
        if column.identity:
            last = (column.identity.next_value or 1) - 1
            numbers = {"seed": "1", "step": "1", "last": str(last)}
            said["identities"].append({"object_id": here["object_id"], **numbers})

    def _say_indexes(self, said: Said, table: Table) -> None:
        number = self._tables[table.name]
        for at, index in enumerate(table.indexes, 1):
            said["indexes"].append(
                {
                    "object_id": number,
                    "index_id": at,
                    "name": index.name,
                    "type": 1 if index.primary else 2,
                    "type_desc": "CLUSTERED" if index.primary else "NONCLUSTERED",
                    "is_unique": index.unique,
                    "is_primary_key": index.primary,
                    "is_unique_constraint": False,
                    "is_disabled": False,
                    "is_hypothetical": False,
                    "has_filter": index.predicate is not None,
                    "filter_definition": index.predicate,
                }
            )
            keys = [(part.column, ordinal, part.descending, False) for ordinal, part in enumerate(index.parts, 1)]
            for name, ordinal, descending, included in [*keys, *((name, 0, False, True) for name in index.included)]:
                said["index_columns"].append(
                    {
                        "object_id": number,
                        "index_id": at,
                        "column_id": table.column_names.index(name) + 1,
                        "key_ordinal": ordinal,
                        "is_descending_key": descending,
                        "is_included_column": included,
                    }
                )

    def _say_foreign_keys(self, said: Said, table: Table) -> None:
        for key in table.foreign_keys:
            key_id, parent = next(self._keys), self._catalog.table(key.parent)
            said["foreign_keys"].append(
                {
                    "key_id": key_id,
                    "object_id": self._tables[table.name],
                    "name": key.name,
                    "referenced_object_id": self._tables[key.parent],
                    "is_disabled": not key.enforced,
                    "is_not_trusted": not key.enforced,
                    "on_update": _ACTIONS[key.on_update],
                    "on_delete": _ACTIONS[key.on_delete],
                }
            )
            for at, (ours, theirs) in enumerate(zip(key.columns, key.parent_columns, strict=True), 1):
                said["foreign_key_columns"].append(
                    {
                        "key_id": key_id,
                        "ordinal": at,
                        "parent_column_id": table.column_names.index(ours) + 1,
                        "referenced_object_id": self._tables[key.parent],
                        "referenced_column_id": parent.column_names.index(theirs) + 1,
                    }
                )


def type_row(type: SqlType) -> Row:
    """What sys.columns and sys.types have of a declared type."""
    name = "timestamp" if type.name == "rowversion" else type.name
    if type.name in _BYTES:
        length, precision, scale = (type.args[0] * _BYTES[type.name] if type.args else -1), 0, 0
    elif type.name in {"decimal", "numeric"}:
        precision, scale = type.args
        length = next(size for most, size in ((9, 5), (19, 9), (28, 13), (38, 17)) if precision <= most)
    elif type.name in {"time", "datetime2", "datetimeoffset"}:
        (scale,) = type.args
        length, precision = 8, 0
    else:
        length, precision, scale = _NUMBERS[type.name]
    return {
        "base_type": None if name in _CLR else name,
        "type_schema": "sys",
        "type_name": name,
        "max_length": length,
        "precision": precision,
        "scale": scale,
    }


def spelled(type: SqlType) -> str:
    """As SQL Server writes it."""
    return f"{type}(max)" if type.name in _MAX and not type.args else str(type)


def _split(name: str) -> tuple[str, str]:
    """Schema and name of a table; names with dots in them are not described here."""
    schema, _, rest = name.rpartition(".")
    return schema or _DEFAULT_SCHEMA, rest


def answers(said: Said) -> dict[str, Answer]:
    """Answers to the reader's statements; one that is not said is refused as a server does that knows no such view.

    The database allows snapshot isolation.
    """
    (database,), (pages, *_) = said["database"], said["code_pages"]
    identity = {"name": database["name"], "server": database["server"], "code_page": pages["code_page"]}
    state = {"snapshots": 1, "versions": 0, "frozen": 0, "origin": None}
    return {
        **{statement(query): _answer(query, said.get(query)) for query in COLUMNS},
        statement("identity"): _result(_IDENTITY, [{**identity, "created": "2024-02-29T12:00:00.000"}]),
        STATE: _result(dict.fromkeys(state, _INT), [state]),
        IN_MEMORY: _result({"name": _NAME}, []),
    }


def _answer(query: str, rows: Sequence[Row] | None) -> Answer:
    if rows is None:
        return ServerError(208, f"Invalid object name 'sys.{query}'.")
    return _result(COLUMNS[query], rows)


def _result(columns: Mapping[str, str], rows: Sequence[Row]) -> Result:
    """Values in the order of the columns."""
    shown = [ServedColumn(name, type) for name, type in columns.items()]
    return Result(shown, [tuple(row[name] for name in columns) for row in rows])
