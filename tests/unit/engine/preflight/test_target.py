"""Each check of what is to arrive, against a target that lacks it; where a statement mends it, the statement is run."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from psycopg import sql

from pipeline.catalog import Column, SqlType
from pipeline.engine.preflight import target
from pipeline.engine.preflight.target import Coming
from pipeline.errors import TargetError
from pipeline.ledger.ledger import Ledger
from pipeline.postgres.connect import Connection, Target, connect


def statements(text: str | None) -> list[str]:
    return re.findall(r"(?:grant|select|create|alter) [^;]*;", text or "")


def test_a_role_without_rights_is_told_the_grants_and_they_are_enough(
    as_clerk: Connection, session: Connection, coming: Coming
) -> None:
    with pytest.raises(TargetError, match="create on schema public; to make schema _naru") as caught:
        target.rights(as_clerk, coming)
    for statement in statements(caught.value.hint):
        session.execute(statement)  # type: ignore[arg-type]
    assert target.rights(as_clerk, coming).mend is None
    as_clerk.execute("create table public.goods (id integer)")
    as_clerk.execute("create schema _naru")


@pytest.mark.parametrize(("load", "lacks"), [
    ("append", ["select", "insert"]),
    ("upsert", ["select", "insert", "update"]),
    ("replace", ["select", "insert", "delete"]),
])  # fmt: skip
def test_a_table_that_stood_before_wants_the_rights_of_its_load(
    load: str, lacks: list[str], as_clerk: Connection, session: Connection, coming: Coming
) -> None:
    (task,) = coming.plan.tasks
    task = replace(task, mapping=task.mapping.model_copy(update={"load": load}))
    coming = Coming(replace(coming.plan, tasks=(task,)), coming.fingerprint)
    session.execute("create table goods (id integer)")
    session.execute(sql.SQL("create schema _naru authorization {}").format(sql.Identifier(as_clerk.info.user)))
    with pytest.raises(TargetError) as caught:
        target.rights(as_clerk, coming)
    assert re.findall(r"(\w+) on table goods", caught.value.message) == lacks
    assert "schema" not in caught.value.message, "nothing is to be created"
    for statement in statements(caught.value.hint):
        session.execute(statement)  # type: ignore[arg-type]
    assert target.rights(as_clerk, coming).mend is None


def test_a_ledger_of_another_role_is_told_before_it_is_written(
    as_clerk: Connection, session: Connection, coming: Coming, clerk: Target
) -> None:
    assert target.ledger(as_clerk, coming).mend is None
    Ledger(session).install()
    assert target.ledger(session, coming).mend is None
    with pytest.raises(TargetError, match="belongs to naru") as caught:
        target.ledger(as_clerk, coming)
    (grant,) = statements(caught.value.hint)
    session.execute(grant)  # type: ignore[arg-type]
    assert target.ledger(as_clerk, coming).mend is None
    session.execute(sql.SQL("revoke naru from {}").format(sql.Identifier(clerk.user)))


def with_type(coming: Coming, name: str) -> Coming:
    (task,) = coming.plan.tasks
    column = Column("place", SqlType.parse(name))
    made = replace(task, target=replace(task.target, columns=(*task.target.columns, column)))
    return Coming(replace(coming.plan, tasks=(made,)), coming.fingerprint)


@pytest.mark.parametrize("type", ["geometry", "geometry[]"])
def test_a_type_whose_extension_the_server_lacks_fails(type: str, session: Connection, coming: Coming) -> None:
    assert target.extensions(session, coming).mend is None
    if session.execute("select from pg_available_extensions where name = 'postgis'").rowcount:
        pytest.skip("this server has postgis")
    with pytest.raises(TargetError, match="type geometry is not there") as caught:
        target.extensions(session, with_type(coming, type))
    assert "install postgis on the server's machine" in (caught.value.hint or "")


def test_an_extension_that_can_be_created_is_and_one_off_the_path_is_found(
    database: Target, session: Connection, coming: Coming
) -> None:
    if not session.execute("select from pg_available_extensions where name = 'citext'").rowcount:
        pytest.skip("this server has no citext")
    wanted = with_type(coming, "citext")
    with pytest.raises(TargetError, match="type citext") as caught:
        target.extensions(session, wanted)
    (create,) = statements(caught.value.hint)
    session.execute(create)  # type: ignore[arg-type]
    assert target.extensions(session, wanted).text == "there for citext"
    session.execute("create schema tools; alter extension citext set schema tools")
    with pytest.raises(TargetError, match="citext is in schema tools") as caught:
        target.extensions(session, wanted)
    (path,) = statements(caught.value.hint)
    try:
        session.execute(path)  # type: ignore[arg-type]
        with connect(database, application_name="t", autocommit=True) as again:
            assert target.extensions(again, wanted).mend is None
    finally:
        session.execute("alter role naru reset search_path")


@pytest.mark.parametrize("mode", ["share", "access exclusive"])
def test_a_lock_that_a_run_would_wait_for_is_named(
    mode: str, database: Target, session: Connection, coming: Coming
) -> None:
    session.execute("create table goods (id integer)")
    with connect(database, application_name="nightly job") as other:
        other.execute("insert into goods values (1)")
        assert target.locks(session, coming).mend is None, "a run can write beside it"
        other.execute(f"lock table goods in {mode} mode")  # type: ignore[arg-type]
        said = target.locks(session, coming)
        assert re.search(rf"table goods: \w+Lock of process {other.info.backend_pid} \(nightly job\)", said.text)
        assert statements(said.mend) == [f"select pg_terminate_backend({other.info.backend_pid});"]
    assert target.locks(session, coming).mend is None
