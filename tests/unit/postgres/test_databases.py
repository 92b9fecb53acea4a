"""When a database is empty: whatever anybody made in it makes it not."""

from __future__ import annotations

import pytest

from pipeline.postgres.connect import Target, connect
from pipeline.postgres.databases import strangers


@pytest.mark.parametrize(
    ("made", "told"),
    [
        ('create table "가" ()', ['public."가"']),
        ("create view v as select 1", ["public.v"]),
        ("create schema s", ["schema s"]),
        ("create schema s; create table s.t ()", ["s.t", "schema s"]),
        ("create type e as enum ()", ["public.e"]),
        ("create type r as range (subtype = int)", ["public.r"]),
        ("create domain d as int", ["public.d"]),
        ("create type c as (a int)", ["public.c"]),
        ("create sequence q", ["public.q"]),
        ("create function f() returns int language sql as 'select 1'", ["public.f"]),
        ("select lo_create(7)", ["large object 7"]),
    ],
)
def test_what_anybody_made_is_told(database: Target, made: str, told: list[str]) -> None:
    with connect(database, application_name="t", autocommit=True) as session:
        assert strangers(session) == []
        session.execute(made)  # type: ignore[arg-type]
        assert set(told) <= set(strangers(session))


def test_the_ledger_is_told_last(database: Target) -> None:
    with connect(database, application_name="t", autocommit=True) as session:
        session.execute("create schema _naru; create table _naru.run (); create table zinc ()")
        assert strangers(session) == ["public.zinc", "_naru.run", "schema _naru"]


def test_what_an_extension_brings_is_nobodys(database: Target) -> None:
    with connect(database, application_name="t", autocommit=True) as session:
        (name,) = session.execute(
            """select name from pg_available_extensions
            where name in ('hstore', 'citext', 'pg_trgm', 'isn', 'cube') order by name limit 1"""
        ).fetchone() or (None,)
        if name is None:
            pytest.skip("the server has no extension")
        session.execute(f"create extension {name}")  # type: ignore[arg-type]
        assert strangers(session) == []
