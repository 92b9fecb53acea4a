"""Checks of what is to arrive against what the target has and allows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.batch import Fingerprint
from pipeline.engine.plan import Plan
from pipeline.engine.preflight.check import Said
from pipeline.errors import TargetError
from pipeline.postgres.connect import Connection
from pipeline.postgres.introspect import table_names
from pipeline.postgres.records import records
from pipeline.postgres.sql import SQL, Composable, Identifier, query, relation, text

_EXTENSIONS = {"citext": "citext", "geometry": "postgis", "geography": "postgis"}
"""Types that a mapping may name and PostgreSQL alone does not have."""
_RIGHT = {
    "usage": SQL("usage"),
    "create": SQL("create"),
    "select": SQL("select"),
    "insert": SQL("insert"),
    "update": SQL("update"),
    "delete": SQL("delete"),
}
_MERGING = {
    "append": ("select", "insert"),
    "upsert": ("select", "insert", "update"),
    "replace": ("select", "insert", "delete"),
}


@dataclass(frozen=True, slots=True)
class Coming:
    """What a run would bring."""

    plan: Plan
    fingerprint: Fingerprint

    @property
    def names(self) -> list[str]:
        return [task.target.name for task in self.plan.tasks]


@dataclass(frozen=True, slots=True)
class _Schema:
    """A schema, and what this role may do."""

    there: bool
    may_use: bool
    may_create: bool
    may_make_schemas: bool


def rights(connection: Connection, coming: Coming) -> Said:
    """Of the target schema, of `_naru`, and of tables that stood before."""
    role = Identifier(connection.info.user)
    lacking = [
        *_lacking_in_schema(connection, coming.plan.schema, creates=_creates(connection, coming)),
        *_lacking_in_schema(connection, "_naru", creates=True),
        *_lacking_on_tables(connection, coming),
    ]
    if lacking:
        grants = dict.fromkeys(text(SQL("grant {} to {};").format(right, role)) for _, right in lacking)
        raise TargetError(
            f"{connection.info.user} lacks rights: " + "; ".join(dict.fromkeys(told for told, _ in lacking)),
            hint=f"as the owner of the database or an administrator: {' '.join(grants)}",
        )
    return Said(f"{connection.info.user} may write what the plan asks for in schema {coming.plan.schema}")


def _creates(connection: Connection, coming: Coming) -> bool:
    stand = table_names(connection, coming.plan.schema)
    return bool(coming.plan.target.views) or not {*coming.names} <= {*stand}


def _lacking_in_schema(connection: Connection, name: str, *, creates: bool) -> Iterator[tuple[str, Composable]]:
    (schema,) = records(connection, _Schema, query("schema_rights"), {"schema": name})
    if not schema.there:
        if not schema.may_make_schemas:
            database = Identifier(connection.info.dbname)
            yield f"to make schema {name}", SQL("create on database {}").format(database)
        return
    wanted = {"usage": not schema.may_use, "create": creates and not schema.may_create}
    for right in (right for right, lacks in wanted.items() if lacks):
        yield f"{right} on schema {name}", SQL("{} on schema {}").format(_RIGHT[right], Identifier(name))


def _lacking_on_tables(connection: Connection, coming: Coming) -> Iterator[tuple[str, Composable]]:
    tasks = {task.target.name: task for task in coming.plan.tasks}
    place = {"schema": coming.plan.schema, "tables": coming.names}
    for name, lacking in connection.execute(query("table_rights"), place):
        for right in (right for right in lacking if right in _MERGING[tasks[name].mapping.load]):
            yield f"{right} on table {name}", SQL("{} on {}").format(_RIGHT[right], relation(tasks[name].target))


def ledger(connection: Connection, coming: Coming) -> Said:
    """It is brought to our layout at the beginning of each run, which its owner alone may do."""
    found = connection.execute(query("ledger_owner")).fetchone()
    if found is None:
        return Said("there is none yet")
    owner, ours = found
    if not ours:
        grant = SQL("grant {} to {};").format(Identifier(owner), Identifier(connection.info.user))
        told = f"the ledger in schema _naru belongs to {owner}, and {connection.info.user} does not"
        raise TargetError(told, hint=f"run as {owner}, or as an administrator: {text(grant)}")
    return Said(f"it belongs to {owner}")


@dataclass(frozen=True, slots=True)
class _Missing:
    type: str
    extension: str
    available: bool
    schema: str | None

    @property
    def told(self) -> str:
        return f"type {self.type} is not there" + (f": {self.extension} is in schema {self.schema}" * bool(self.schema))

    def mend(self, role: str) -> str:
        create = text(SQL("create extension {};").format(Identifier(self.extension)))
        if self.schema:
            path = SQL('alter role {} set search_path = "$user", public, {};')
            return text(path.format(Identifier(role), Identifier(self.schema)))
        return create if self.available else f"install {self.extension} on the server's machine, then: {create}"


def extensions(connection: Connection, coming: Coming) -> Said:
    types = {(column.type.element or column.type).name for task in coming.plan.tasks for column in task.target.columns}
    wanted = sorted(types & {*_EXTENSIONS})
    if not wanted:
        return Said("the plan needs none")
    needed = {"types": wanted, "extensions": [_EXTENSIONS[name] for name in wanted]}
    missing = records(connection, _Missing, query("missing_types"), needed)
    if missing:
        mends = dict.fromkeys(it.mend(connection.info.user) for it in missing)
        raise TargetError(
            "; ".join(it.told for it in missing),
            hint=f"as an administrator, in this database: {' '.join(mends)} or give the columns `type: text`",
        )
    return Said(f"there for {', '.join(wanted)}")


def locks(connection: Connection, coming: Coming) -> Said:
    place = {"schema": coming.plan.schema, "tables": coming.names}
    found = connection.execute(query("table_locks"), place).fetchall()
    if not found:
        return Said("no table of the plan is locked")
    told = "; ".join(f"table {name}: {mode} of process {pid} ({program})" for name, mode, pid, program in found)
    pids = dict.fromkeys(pid for _, _, pid, _ in found if pid is not None)
    ends = " ".join(f"select pg_terminate_backend({pid});" for pid in pids) or "end the prepared transactions"
    return Said(f"a run would wait for others' locks: {told}", f"wait until they end, or: {ends}")
