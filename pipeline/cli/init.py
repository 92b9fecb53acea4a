"""`init`: makes the database and the role that `migrate` will use."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from dotenv import dotenv_values
from pydantic import SecretStr
from rich.console import Console

from pipeline.cli.console import answer, make_console
from pipeline.cli.dotenv import add_to_dotenv
from pipeline.cli.opening import typed_password
from pipeline.errors import SettingsError, UsageError
from pipeline.mapping.names import valid_name, valid_schema
from pipeline.postgres import provision
from pipeline.postgres.connect import Connection, Target, connect
from pipeline.postgres.provision import Cluster, Step, Wanted
from pipeline.postgres.sql import Identifier, text
from pipeline.report.line import say
from pipeline.settings import Settings, load_settings

_NAME = "naru init"
_DOTENV = Path(".env")
_TELL_IT = (
    "give it by --password-stdin or POSTGRESQL_PASSWORD; for a new role, --write-env makes one and keeps it in .env"
)
_OF_A_PERSON = {"sslcert", "sslkey", "sslpassword", "passfile", "options"}
"""Parameters of the administrator's connection that are not another role's."""


def init(
    admin: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="An administrator: postgresql://postgres@host:5432/postgres; default: DATABASE_URL. "
            "The password is better left to PGPASSWORD or ~/.pgpass.",
        ),
    ] = None,
    database: Annotated[str | None, typer.Option(metavar="D", help="Default: POSTGRESQL_DB.")] = None,
    owner: Annotated[str | None, typer.Option(metavar="ROLE", help="Default: POSTGRESQL_USER.")] = None,
    schema: Annotated[str, typer.Option(metavar="S", help="The schema that the mapping names.")] = "public",
    password_stdin: Annotated[
        bool,
        typer.Option("--password-stdin", help="Read the role's password from standard input, one line."),
    ] = False,
    write_env: Annotated[
        bool, typer.Option("--write-env", help="Add the target to .env, with a password made for it if there is none.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the SQL, and change nothing.")] = False,
) -> None:
    """Make a UTF8 database, the role that owns it, and its rights; what is there already stays as it is."""
    settings = load_settings()
    if write_env and admin is None:
        raise UsageError("--write-env adds a target beside DATABASE_URL", hint="name the administrator with --admin")
    administrator = _administrator(load_settings(database_url=admin))
    wanted = _wanted(settings, database, owner, schema)
    password = _password(settings, wanted, password_stdin=password_stdin)
    console = make_console()
    with connect(administrator, application_name=_NAME, autocommit=True, any_encoding=True) as session:
        found = provision.read_cluster(session, wanted)
        if dry_run:
            answer("\n".join(_script(administrator, wanted, session, found)))
            return
        if password is None and (write_env or not found.has_owner):
            password = _made_password(wanted, found, write_env=write_env)
        target = _target(administrator, wanted, password)
        lines = _lines(target) if write_env else ""
        if not found.has_owner:  # before the role is made: a password that nobody knows would be of no use
            _remember(lines)
        steps = [*provision.cluster_steps(session, found, wanted, password)]
        provision.run(session, steps)
    with connect(administrator.with_database(wanted.database), application_name=_NAME, autocommit=True) as session:
        later = [*provision.schema_steps(session, wanted)]
        provision.run(session, later)
    _tell(console, [*steps, *later], target)
    if password is None:
        say(console, f"note: not tried as {wanted.owner}, whose password is not known here; --password-stdin tells it")
    else:
        _prove(target, wanted, console)
    if found.has_owner:  # whose password may be another than the one that was given
        _remember(lines)
    first = "" if write_env else "set it as the target, then: "
    say(console, f"next: {first}python -m pipeline preflight")


def _administrator(settings: Settings) -> Target:
    if settings.database_url is None:
        raise UsageError(
            "no administrator is named", hint="give --admin postgresql://postgres@host:5432/postgres, or DATABASE_URL"
        )
    return Target.from_url(settings.database_url)


def _wanted(settings: Settings, database: str | None, owner: str | None, schema: str) -> Wanted:
    """What the flags or POSTGRESQL_* name; there is no default, which might be another's."""
    named = {"--database": database or settings.postgresql_db, "--owner": owner or settings.postgresql_user}
    missing = [flag for flag, value in named.items() if value is None]
    if missing:
        raise UsageError(f"{' and '.join(missing)} missing", hint="name what is to be made, as --database d --owner o")
    checks = {"--database": valid_name, "--owner": valid_name, "--schema": valid_schema}
    try:
        kept = [check(str((named | {"--schema": schema})[flag])) for flag, check in checks.items()]
    except ValueError as error:
        raise UsageError(str(error), hint="name another") from None
    return Wanted(*kept)


def _password(settings: Settings, wanted: Wanted, *, password_stdin: bool) -> SecretStr | None:
    """The one that is typed, or the one of the settings if it is the same role's."""
    if password_stdin:
        typed = typed_password("role")
        if "\0" in typed:
            raise UsageError("the password holds U+0000", hint="type another")
        return SecretStr(typed)
    return settings.postgresql_password if settings.postgresql_user == wanted.owner else None


def _made_password(wanted: Wanted, found: Cluster, *, write_env: bool) -> SecretStr:
    if found.has_owner:
        raise UsageError(f"the password of role {wanted.owner}, which is there, is not known", hint=_TELL_IT)
    if not write_env:
        raise UsageError(f"role {wanted.owner} is to be made, and there is no password for it", hint=_TELL_IT)
    return SecretStr(secrets.token_urlsafe(24))


def _target(administrator: Target, wanted: Wanted, password: SecretStr | None) -> Target:
    parameters = tuple(pair for pair in administrator.parameters if pair[0] not in _OF_A_PERSON)
    return replace(administrator, user=wanted.owner, database=wanted.database, password=password, parameters=parameters)


def _lines(target: Target) -> str:
    """What makes it the target of `.env`, nothing where it is; raises SettingsError where another is."""
    values = {
        "POSTGRESQL_HOST": target.host,
        "POSTGRESQL_PORT": str(target.port),
        "POSTGRESQL_USER": target.user,
        "POSTGRESQL_PASSWORD": "" if target.password is None else target.password.get_secret_value(),
        "POSTGRESQL_DB": target.database,
        "POSTGRESQL_SSLMODE": dict(target.parameters).get("sslmode", ""),
    }
    found = dotenv_values(_DOTENV, interpolate=False, encoding="utf-8-sig")
    there = {name.upper(): value for name, value in found.items()}
    if all((there.get(name) or "") == value for name, value in values.items()):
        return ""
    taken = [name for name in ("DATABASE_URL", *values) if there.get(name)]
    if taken:
        raise SettingsError(
            f".env has another {taken[0]}", hint="take the target's lines out of it, or leave out --write-env"
        )
    return "".join(f"{name}={_quoted(value)}\n" for name, value in values.items() if value)


def _remember(lines: str) -> None:
    if lines:
        add_to_dotenv(_DOTENV, lines)


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _script(administrator: Target, wanted: Wanted, session: Connection, found: Cluster) -> Iterator[str]:
    """For psql, which asks for the password: one that stood here would be that of every role made by it."""
    yield from (f"{text(step.shown)};" for step in provision.cluster_steps(session, found, wanted, None))
    if not found.has_owner:
        yield f"\\password {text(Identifier(wanted.owner))}"
    if not found.has_database:
        later = [*provision.schema_steps_when_new(wanted)]
    else:
        place = administrator.with_database(wanted.database)
        with connect(place, application_name=_NAME, autocommit=True) as inside:
            later = [*provision.schema_steps(inside, wanted)]
    if later:
        yield f"\\connect {text(Identifier(wanted.database))}"
    yield from (f"{text(step.shown)};" for step in later)


def _tell(console: Console, steps: list[Step], target: Target) -> None:
    for step in steps:
        say(console, f"done: {text(step.shown)}")
    if not steps:
        say(console, f"nothing to do: {target.describe()} is there, with its rights")


def _prove(target: Target, wanted: Wanted, console: Console) -> None:
    with connect(target, application_name=_NAME, autocommit=True) as session:
        provision.prove(session, wanted)
    say(console, f"proved: {wanted.owner} can log in and make tables in {target.describe()}")
