from __future__ import annotations

import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import sql
from pydantic import SecretStr
from structlog.testing import capture_logs

from pipeline.errors import SettingsError, TargetError, TargetUnavailable
from pipeline.postgres.connect import Target, _check_version, connect, translated
from pipeline.settings import load_settings


@pytest.fixture
def session(database: Target) -> Iterator[psycopg.Connection[Any]]:
    with connect(database, application_name="tests", autocommit=True) as connection:
        yield connection


def _value(connection: psycopg.Connection[Any], query: sql.SQL | sql.Composed) -> object:
    row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


# --- Target ---------------------------------------------------------------------------------------

_text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(user=_text, database=_text, password=_text, host=st.sampled_from(["h", "::1", "/run/postgresql"]))
def test_a_url_reads_back_as_the_same_target(user: str, database: str, password: str, host: str) -> None:
    target = Target(host, 5433, user, database, SecretStr(password), (("sslmode", "require"),))
    assert Target.from_url(target.url()) == target


def test_a_description_holds_no_password_and_no_parameter() -> None:
    target = Target.from_url(SecretStr("postgresql://u:hunter2@h/d?sslpassword=hunter3"))
    assert target.describe() == "postgresql://u@h:5432/d"
    assert "hunter" not in repr(target)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:hunter2@h:port/d",
        "postgresql://u:hunter2@h/d?nonsense=1",
        "postgresql://u:hunter2@h",
        "postgresql://u:hunter%zz2@h/d",
    ],
)
def test_a_url_that_names_no_target_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(SettingsError, match="DATABASE_URL") as caught:
        Target.from_url(SecretStr(url))
    assert "hun" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_settings_in_parts_name_the_same_target_as_a_url() -> None:
    parts = load_settings(
        postgresql_host="h",
        postgresql_port=5433,
        postgresql_user="u",
        postgresql_db="d",
        postgresql_password="p",
        postgresql_sslmode="require",
    )
    url = load_settings(database_url="postgresql://u:p@h:5433/d?sslmode=require")
    assert Target.from_settings(parts) == Target.from_settings(url)


# --- sessions -------------------------------------------------------------------------------------


def test_a_session_does_not_inherit_what_would_break_a_load(session: psycopg.Connection[Any], database: Target) -> None:
    for setting in ("statement_timeout = '100ms'", "datestyle = 'German'", "timezone = 'Asia/Seoul'"):
        statement = sql.SQL("alter database {} set ").format(sql.Identifier(database.database))
        session.execute(statement + sql.SQL(setting))  # type: ignore[arg-type]
    with connect(database, application_name="tests") as fresh:
        shown = [
            _value(fresh, sql.SQL("show {}").format(sql.Identifier(name)))
            for name in ("statement_timeout", "datestyle", "timezone", "client_encoding", "application_name")
        ]
    assert shown == ["0", "ISO, YMD", "UTC", "UTF8", "tests"]


@pytest.mark.parametrize("autocommit", [False, True])
def test_a_session_begins_outside_of_a_transaction(database: Target, autocommit: bool) -> None:
    with connect(database, application_name="tests", autocommit=autocommit) as connection:
        assert connection.autocommit is autocommit
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


def test_notices_go_to_the_log(session: psycopg.Connection[Any]) -> None:
    with capture_logs() as events:
        session.execute("do $$ begin raise notice 'hello %', 1; end $$")
    assert [(event["severity"], event["text"], event["log_level"]) for event in events] == [
        ("NOTICE", "hello 1", "debug")
    ]


def test_a_database_that_cannot_hold_every_text_is_refused(session: psycopg.Connection[Any], database: Target) -> None:
    latin = sql.Identifier(f"{database.database}_latin1")
    session.execute(
        sql.SQL("create database {} encoding latin1 template template0 locale_provider libc locale 'C'").format(latin)
    )
    try:
        with pytest.raises(TargetError, match="LATIN1"):
            connect(database.with_database(f"{database.database}_latin1"), application_name="refused")
    finally:
        session.execute(sql.SQL("drop database {}").format(latin))  # fails if the refused session were still open


def test_an_old_server_is_refused(database: Target) -> None:
    old: Any = SimpleNamespace(info=SimpleNamespace(server_version=120022))
    with pytest.raises(TargetError, match="postgresql 12"):
        _check_version(old, database)


# --- refusals -------------------------------------------------------------------------------------


def _refusal(target: Target) -> TargetError:
    with pytest.raises(TargetError) as caught:
        connect(target, application_name="tests")
    assert caught.value.hint
    return caught.value


def test_a_wrong_password_is_not_worth_another_try_and_not_shown(database: Target) -> None:
    error = _refusal(replace(database, password=SecretStr("hunter2")))
    assert not isinstance(error, TargetUnavailable)
    assert "password authentication failed" in error.message
    assert "hunter2" not in f"{error}{error.__cause__}"


def test_no_password_where_one_is_needed(database: Target) -> None:
    assert not isinstance(_refusal(replace(database, password=SecretStr(""))), TargetUnavailable)


def test_an_unknown_database_says_to_create_it(database: Target) -> None:
    error = _refusal(database.with_database("nowhere"))
    assert not isinstance(error, TargetUnavailable)
    assert error.hint is not None
    assert "create" in error.hint


def test_encryption_that_the_server_has_not_is_no_reason_to_wait(database: Target) -> None:
    assert not isinstance(_refusal(replace(database, parameters=(("sslmode", "require"),))), TargetUnavailable)


def test_nobody_listening_is_worth_another_try(database: Target) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # bound and not listening: refused, and no other program gets it
        error = _refusal(replace(database, port=reserved.getsockname()[1]))
    assert isinstance(error, TargetUnavailable)
    assert "127.0.0.1" in error.message


_LISTENER = """
import socket, sys
encryption_requests = {(80877103).to_bytes(4, "big"), (80877104).to_bytes(4, "big")}  # TLS, GSSAPI
with socket.create_server(("127.0.0.1", 0)) as listening:
    print(listening.getsockname()[1], flush=True)
    while True:
        peer, _ = listening.accept()
        with peer:
            while peer.recv(4096)[4:] in encryption_requests:
                peer.sendall(b"N")
            peer.sendall(bytes.fromhex(sys.argv[1]))
"""


@contextmanager
def _listener(answer: bytes) -> Iterator[Target]:
    """Another process that answers every connection alike (a thread would wait for the GIL that libpq's ping holds)."""
    with subprocess.Popen([sys.executable, "-c", _LISTENER, answer.hex()], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        plain = (("gssencmode", "disable"), ("sslmode", "disable"))
        try:
            yield Target("127.0.0.1", int(process.stdout.readline()), "u", "d", SecretStr("hunter2"), plain)
        finally:
            process.kill()


def _error_response(severity: str, state: str, text: str) -> bytes:
    fields = b"".join(f"{kind}{value}\0".encode() for kind, value in (("S", severity), ("C", state), ("M", text)))
    return b"E" + struct.pack("!i", len(fields) + 5) + fields + b"\0"


@pytest.mark.parametrize(
    ("severity", "state", "text", "again"),
    [
        ("FATAL", "57P03", "the database system is starting up", True),
        ("치명적오류", "57P03", "데이터베이스 시스템이 새로 가동 중입니다.", True),
        ("FATAL", "53300", "sorry, too many clients already", True),
        ("FATAL", "28000", 'no pg_hba.conf entry for host "1.2.3.4"', False),
        ("치명적오류", "28P01", '사용자 "u"의 password 인증을 실패했습니다', False),
    ],
)
def test_a_refusal_is_understood_in_every_language(severity: str, state: str, text: str, again: bool) -> None:
    with _listener(_error_response(severity, state, text)) as target:
        error = _refusal(target)
    assert isinstance(error, TargetUnavailable) is again
    assert text in error.message


def test_a_port_of_another_service_is_not_worth_another_try() -> None:
    with _listener(b"HTTP/1.1 400 Bad Request\r\n\r\n") as target:
        assert not isinstance(_refusal(target), TargetUnavailable)


# --- while at work --------------------------------------------------------------------------------


def test_an_ended_session_is_worth_another_try(session: psycopg.Connection[Any], database: Target) -> None:
    with connect(database, application_name="victim", autocommit=True) as victim:
        session.execute("select pg_terminate_backend(%s, 10000)", (victim.info.backend_pid,))
        with pytest.raises(TargetUnavailable, match="reading"), translated("reading"):
            victim.execute("select 1")
        with pytest.raises(TargetUnavailable), translated("reading again"):
            victim.execute("select 1")


def test_a_session_that_ends_within_a_copy_is_worth_another_try(
    session: psycopg.Connection[Any], database: Target
) -> None:
    with connect(database, application_name="victim") as victim:
        victim.execute("create table t (a text)")

        def rows_until_it_ends() -> None:
            with victim.cursor().copy("copy t from stdin") as copy:
                copy.write(b"1\n")
                session.execute("select pg_terminate_backend(%s, 10000)", (victim.info.backend_pid,))
                for _ in range(1000):
                    copy.write(b"x" * 65536 + b"\n")

        with pytest.raises(TargetUnavailable, match="copying"), translated("copying"):
            rows_until_it_ends()


@pytest.mark.parametrize(
    ("statement", "named", "advice"),
    [
        ("set transaction read only; create table t ()", "read-only", "primary"),
        ("set role pg_monitor; create table t ()", "permission denied", "grant"),
        ("create table t (a int primary key); insert into t values (1), (1)", r"\(a\)=\(1\)", None),
    ],
)
def test_a_refused_statement_says_what_and_why(
    database: Target, statement: str, named: str, advice: str | None
) -> None:
    with connect(database, application_name="tests") as connection:
        with pytest.raises(TargetError, match=f"making t: .*{named}") as caught, translated("making t"):
            connection.execute(statement)  # type: ignore[call-overload]
        connection.rollback()
    assert not isinstance(caught.value, TargetUnavailable)
    assert (advice or "") in (caught.value.hint or "")
    assert isinstance(caught.value.__cause__, psycopg.Error)


def test_a_bug_of_ours_passes_untouched(session: psycopg.Connection[Any]) -> None:
    with pytest.raises(psycopg.ProgrammingError), translated("selecting"):
        session.execute("select %s", ())
