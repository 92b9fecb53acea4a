"""Each check against a server that has what it looks for."""

from __future__ import annotations

import re
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from pipeline.engine.preflight import server
from pipeline.engine.preflight.check import Check, Said, all_answers, answers
from pipeline.errors import LockedError, TargetError, TargetUnavailable
from pipeline.ledger import lock
from pipeline.outcome import Standing
from pipeline.postgres.connect import Connection, Target, connect, translated
from pipeline.postgres.embedded import EmbeddedServer


def test_an_idle_server_passes_every_check(session: Connection) -> None:
    assert server.writable(session).mend is None
    assert server.slots(session).mend is None
    assert server.pooler(session).mend is None
    assert server.transactions(session).mend is None
    assert server.prepared(session).mend is None
    assert server.free_of_runs(session).mend is None


@pytest.mark.parametrize("what", ["role {role}", "database {database}", "role {role} in database {database}"])
def test_a_session_that_may_not_write_is_mended_where_it_was_forbidden(
    what: str, clerk: Target, session: Connection
) -> None:
    names = {"role": sql.Identifier(clerk.user), "database": sql.Identifier(clerk.database)}
    place = sql.SQL(what).format(**names)  # type: ignore[arg-type]
    session.execute(sql.SQL("alter {} set default_transaction_read_only = on").format(place))
    with (
        connect(clerk, application_name="t", autocommit=True) as blocked,
        pytest.raises(TargetError, match="read-only") as caught,
    ):
        server.writable(blocked)
    session.execute("set default_transaction_read_only = off")
    session.execute(caught.value.hint or "")  # type: ignore[arg-type]
    with connect(clerk, application_name="t", autocommit=True) as free:
        assert server.writable(free).mend is None


def test_read_only_by_the_connection_has_no_statement_that_mends_it(database: Target) -> None:
    target = replace(database, parameters=(*database.parameters, ("options", "-c default_transaction_read_only=on")))
    with (
        connect(target, application_name="t", autocommit=True) as blocked,
        pytest.raises(TargetError, match="set by: client") as caught,
    ):
        server.writable(blocked)
    assert "options of the connection" in (caught.value.hint or "")


def test_limits_of_the_role_that_a_run_sets_aside_are_told(clerk: Target, session: Connection) -> None:
    role = sql.Identifier(clerk.user)
    session.execute(sql.SQL("alter role {} set statement_timeout = '7s'").format(role))
    with connect(clerk, application_name="t", autocommit=True) as limited:
        assert "statement_timeout 7000ms" in server.writable(limited).text
        assert limited.execute("show statement_timeout").fetchone() == ("0",)


def test_few_connections_of_the_role_are_told(clerk: Target, session: Connection) -> None:
    session.execute(sql.SQL("alter role {} connection limit 2").format(sql.Identifier(clerk.user)))
    with connect(clerk, application_name="t", autocommit=True) as only:
        said = server.slots(only)
    assert said.text.startswith("1 more connections are free, by the limit of the role")
    assert said.mend


# ---- what others do


def test_a_transaction_that_is_long_open_is_named_and_can_be_ended(database: Target, session: Connection) -> None:
    with psycopg.connect(**database.conninfo(), application_name="forgotten report") as other:  # type: ignore[arg-type]
        other.execute("select 1")
        assert server.transactions(session).mend is None, "it is young"
        said = server.transactions(session, older_s=0)
        assert f"process {other.info.backend_pid} (forgotten report, role naru): open for 0 s, idle in" in said.text
        (statement,) = re.findall(r"select .*;", said.mend or "")
        session.execute(statement)
        with pytest.raises(psycopg.OperationalError):
            other.execute("select 1")
    assert server.transactions(session, older_s=0).mend is None


def test_what_a_role_is_not_told_of_others_is_said(session: Connection, as_clerk: Connection) -> None:
    with session.transaction():
        said = server.transactions(as_clerk)
        assert "for how long is not told" in said.text
        (statement,) = re.findall(r"grant .*;", said.mend or "")
        session.execute(statement)
    assert server.transactions(as_clerk).mend is None
    with session.transaction():
        assert server.transactions(as_clerk).mend is None, "now it knows that it is young"


def test_another_run_is_found_and_nothing_is_kept_of_the_question(database: Target, session: Connection) -> None:
    with connect(database, application_name="naru other", autocommit=True) as other:
        lock.acquire(other)
        with pytest.raises(LockedError, match="naru other"):
            server.free_of_runs(session)
    server.free_of_runs(session)
    with connect(database, application_name="t", autocommit=True) as other:
        lock.acquire(other)


# ---- a pooler


@contextmanager
def pooled(target: Target) -> Iterator[Target]:
    """A stand-in for a pooler in session mode: it tells its two clients process numbers of its own."""
    with closing(socket.create_server(("127.0.0.1", 0))) as door:

        def serve() -> None:
            client, _ = door.accept()
            upstream = socket.create_connection((target.host, target.port))
            asking = threading.Thread(target=forward, args=(client, upstream), daemon=True)
            asking.start()
            with client, upstream, upstream.makefile("rb") as answers_:
                while head := answers_.read(5):
                    body = answers_.read(struct.unpack("!I", head[1:])[0] - 4)
                    if head[:1] == b"K":  # BackendKeyData
                        body = struct.pack("!I", struct.unpack("!I", body[:4])[0] + 1) + body[4:]
                    client.sendall(head + body)
                asking.join(30)  # before its sockets are closed

        threads = [threading.Thread(target=serve, daemon=True) for _ in range(2)]
        for thread in threads:
            thread.start()
        yield replace(target, port=door.getsockname()[1])
        for thread in threads:
            thread.join(30)


def forward(client: socket.socket, upstream: socket.socket) -> None:
    with suppress(OSError):  # the server may have gone first
        while data := client.recv(1 << 16):
            upstream.sendall(data)
        upstream.shutdown(socket.SHUT_WR)


def test_a_pooler_is_told_by_its_process_number(database: Target) -> None:
    with pooled(database) as target, connect(target, application_name="t", autocommit=True) as connection:
        said = server.pooler(connection)
    assert "pooler" in said.text
    assert said.mend


# ---- prepared transactions: off by default, so on a server where they are on


@pytest.fixture
def preparing(tmp_path: Path) -> Iterator[Target]:
    tmp_path.chmod(0o755)  # where root becomes another user, that one has to get in
    embedded = EmbeddedServer(tmp_path / "server")
    with connect(embedded.ensure_running(), application_name="t", autocommit=True) as connection:
        connection.execute("alter system set max_prepared_transactions = 2")
    embedded.stop()
    yield embedded.ensure_running()
    embedded.stop()


def test_a_prepared_transaction_is_named_with_what_ends_it(preparing: Target) -> None:
    with connect(preparing, application_name="t", autocommit=True) as connection:
        with connect(preparing, application_name="t") as other:
            other.execute("create table kept (id integer)")
            other.execute("prepare transaction 'it''s left'")
        said = server.prepared(connection)
        assert "it's left of naru" in said.text
        (statement,) = re.findall(r"rollback .*;", said.mend or "")
        connection.execute(statement)
        assert server.prepared(connection).mend is None


# ---- how answers are made


def refuse(error: Exception) -> Said:
    raise error


@pytest.mark.parametrize(("error", "standing", "code"), [
    (TargetError("no", hint="so"), Standing.FAIL, 5),
    (LockedError("no", hint="so"), Standing.FAIL, 7),
])  # fmt: skip
def test_a_failure_is_an_answer_with_its_code_or_stops_a_run(error: Exception, standing: Standing, code: int) -> None:
    check = Check("one", refuse, "", "", "")
    (found,) = all_answers([check], error)
    assert (found.standing, found.detail, found.mend, found.exit_code) == (standing, "no", "so", code)
    with pytest.raises(type(error)):
        list(answers([check], error))


def test_a_question_that_postgresql_refuses_is_unknown_and_stops_nothing(as_clerk: Connection) -> None:
    check = Check("secret", lambda c: Said(str(c.execute("select * from pg_authid").fetchall())), "", "", "")
    (found,) = answers([check], as_clerk)
    assert found.standing is Standing.WARN
    assert found.detail.startswith("unknown: permission denied")


def test_a_server_that_goes_away_is_no_unknown_answer(database: Target, session: Connection) -> None:
    with connect(database, application_name="t", autocommit=True) as lost:
        session.execute("select pg_terminate_backend(%s, 5000)", [lost.info.backend_pid])
        with pytest.raises(TargetUnavailable), translated("t"):
            list(answers([Check("writable", server.writable, "", "", "")], lost))
