"""Databases as wholes: looked at, made, dropped, and one put in the place of another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipeline.errors import TargetError
from pipeline.postgres.connect import Connection, translated
from pipeline.postgres.records import one, records
from pipeline.postgres.sql import SQL, Composable, Identifier, Literal, query, text


@dataclass(frozen=True, slots=True)
class Database:
    """One that is there."""

    facts: dict[str, Any]
    """Its row of pg_database."""
    owner: str
    encoding: str
    sessions: int
    """Open in it, whoever's they are."""


def find_database(admin: Connection, name: str) -> Database | None:
    with translated(f"looking for the database {name}"):
        found = records(admin, Database, query("database_of"), [name])
    return found[0] if found else None


def database_bytes(session: Connection) -> int:
    """Of the session's database, indexes and what is not committed yet included."""
    with translated("asking how large the database is"):
        (size,) = one(session, SQL("select pg_database_size(current_database())"))
    return int(size)


def strangers(session: Connection) -> list[str]:
    """Some of what users have made in the session's database; empty if it is."""
    with translated("looking at what is in the database"):
        return [name for (name,) in session.execute(query("strangers"))]


def create_database(admin: Connection, name: str, like: Database | None = None) -> None:
    """Empty and in UTF8, with the owner and the locale of another; raises TargetError, as where the role may not."""
    _check_may_create(admin, name)
    statement = SQL("create database {} template template0 encoding 'UTF8'").format(Identifier(name))
    with translated(f"creating the database {name}"):
        admin.execute(SQL(" ").join([statement, *(_alike(like) if like else ())]))


def _check_may_create(admin: Connection, name: str) -> None:
    with translated("looking for the right to create databases"):
        (may,) = one(admin, SQL("select rolcreatedb or rolsuper from pg_roles where rolname = current_user"))
    if not may:
        grant = text(SQL("alter role {} createdb;").format(Identifier(admin.info.user)))
        raise TargetError(
            f"{admin.info.user} may not create the database {name}",
            hint=f"name another role, or as an administrator: {grant}",
        )


def drop_database(admin: Connection, name: str) -> None:
    with translated(f"dropping the database {name}"):
        admin.execute(SQL("drop database if exists {} with (force)").format(Identifier(name)))


def exchange(admin: Connection, name: str, *, new: str, old: str) -> None:
    """Give `new` the name, and the one that had it the name `old`: both or neither.

    Raises TargetError, as where somebody is connected to one of them.
    """
    rename = SQL("alter database {} rename to {}")
    with translated(f"putting {new} in the place of {name}"), admin.transaction():
        admin.execute(rename.format(Identifier(name), Identifier(old)))
        admin.execute(rename.format(Identifier(new), Identifier(name)))


def _alike(database: Database) -> list[Composable]:
    if database.encoding != "UTF8":
        raise TargetError(
            f"the database is stored in {database.encoding}; only UTF8 holds every text", hint="name another"
        )
    facts = database.facts
    clauses = [
        SQL("owner {}").format(Identifier(database.owner)),
        SQL("lc_collate {}").format(Literal(facts["datcollate"])),
        SQL("lc_ctype {}").format(Literal(facts["datctype"])),
    ]
    locale = Literal(facts.get("datlocale") or facts.get("daticulocale"))
    match facts.get("datlocprovider"):  # PostgreSQL 15
        case "i":
            return [*clauses, SQL("locale_provider icu icu_locale {}").format(locale)]
        case "b":
            return [*clauses, SQL("locale_provider builtin builtin_locale {}").format(locale)]
    return [*clauses]
