"""A database, the role that owns it, and its rights: what is missing of them, as statements to run or to show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pydantic import SecretStr

from pipeline.errors import TargetError
from pipeline.postgres.connect import Connection, translated
from pipeline.postgres.records import records
from pipeline.postgres.sql import SQL, Composed, Identifier, Literal, query, text

_LEDGER = "_naru"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a later run needs: a database, a role that can log in, and a schema that it writes to."""

    database: str
    owner: str
    schema: str


@dataclass(frozen=True, slots=True)
class Step:
    """A statement, and the same as it may be shown: without what a password was hashed to."""

    statement: Composed
    shown: Composed

    @classmethod
    def plain(cls, statement: Composed) -> Step:
        return cls(statement, statement)


@dataclass(frozen=True, slots=True)
class Cluster:
    """What is there of it on the server."""

    owner_logs_in: bool | None
    """None: there is no such role."""
    has_database: bool
    owner_may_create: bool
    owner_may_connect: bool
    owner_may_stage: bool
    encoding: str | None
    admin: str
    admin_acts: bool
    """Whether the administrator may make things that the owner owns."""
    has_icu: bool
    utf8_locale: str | None

    @property
    def has_owner(self) -> bool:
        return self.owner_logs_in is not None


def read_cluster(admin: Connection, wanted: Wanted) -> Cluster:
    """Raises TargetError for a database that is there and does not hold every text."""
    names = {"owner": wanted.owner, "database": wanted.database}
    with translated("looking for the role and the database"):
        (found,) = records(admin, Cluster, query("cluster_state"), names)
    if found.encoding not in (None, "UTF8"):
        raise TargetError(
            f"database {wanted.database} is there and stored in {found.encoding}; only UTF8 holds every text",
            hint="name another with --database",
        )
    return found


def cluster_steps(admin: Connection, found: Cluster, wanted: Wanted, password: SecretStr | None) -> Iterator[Step]:
    """What makes the role and the database; nothing where both are there and fit."""
    owner, database = Identifier(wanted.owner), Identifier(wanted.database)
    if not found.has_owner:
        yield _create_role(admin, wanted.owner, password)
    elif not found.owner_logs_in:
        yield Step.plain(SQL("alter role {} login").format(owner))
    if not found.admin_acts:
        yield Step.plain(SQL("grant {} to {}").format(owner, Identifier(found.admin)))
    if not found.has_database:
        statement = SQL("create database {} owner {} template template0 encoding 'UTF8' {}")
        yield Step.plain(statement.format(database, owner, _locale(admin.info.server_version, found)))
    elif not (found.owner_may_create and found.owner_may_connect and found.owner_may_stage):
        yield Step.plain(SQL("grant connect, create, temporary on database {} to {}").format(database, owner))


def schema_steps(connection: Connection, wanted: Wanted) -> Iterator[Step]:
    """What makes the schemas, or lets the role into those that are there."""
    schemas = [wanted.schema, _LEDGER]
    found = connection.execute(query("schemas_of_role"), {"owner": wanted.owner, "schemas": schemas})
    for schema, there, usable in found.fetchall():
        if not there:
            yield _create_schema(schema, wanted.owner)
        elif not usable:
            grant = SQL("grant create, usage on schema {} to {}")
            yield Step.plain(grant.format(Identifier(schema), Identifier(wanted.owner)))


def schema_steps_when_new(wanted: Wanted) -> Iterator[Step]:
    """The same for a database that is yet to be made, in whose `public` its owner may create on every version."""
    yield from (_create_schema(schema, wanted.owner) for schema in (wanted.schema, _LEDGER) if schema != "public")


def run(connection: Connection, steps: Iterable[Step]) -> None:
    """Raises TargetError, which holds no password."""
    for step in steps:
        with translated(f"running: {text(step.shown)}"):
            connection.execute(step.statement)


def prove(connection: Connection, wanted: Wanted) -> None:
    """Make a table in each schema as the role, and take it back; raises TargetError."""
    with translated(f"trying the rights of {wanted.owner}"), connection.transaction(force_rollback=True):
        for schema in (wanted.schema, _LEDGER):
            connection.execute(SQL("create table {} (id integer)").format(Identifier(schema, "_naru_probe")))


def _create_schema(schema: str, owner: str) -> Step:
    return Step.plain(SQL("create schema {} authorization {}").format(Identifier(schema), Identifier(owner)))


def _create_role(admin: Connection, owner: str, password: SecretStr | None) -> Step:
    """The password is hashed here: a server that logs its statements does not get to know it."""
    shown = SQL("create role {} login").format(Identifier(owner))
    if password is None:
        return Step.plain(shown)
    plain, name = password.get_secret_value().encode(), owner.encode()
    hashed = admin.pgconn.encrypt_password(plain, name, b"scram-sha-256").decode("ascii")
    return Step(shown + SQL(" password {}").format(Literal(hashed)), shown)


def _locale(server_version: int, found: Cluster) -> Composed:
    """One that is the same on every machine where there is one: C.UTF-8 knows hangul, and no library changes it."""
    if server_version >= 170000:
        return SQL("locale_provider builtin builtin_locale 'C.UTF-8' lc_collate 'C' lc_ctype 'C'").format()
    ctype = Literal(found.utf8_locale or "C")
    if server_version >= 150000 and found.has_icu:
        return SQL("locale_provider icu icu_locale 'ko-KR' lc_collate 'C' lc_ctype {}").format(ctype)
    return SQL("lc_collate {0} lc_ctype {0}").format(ctype)
