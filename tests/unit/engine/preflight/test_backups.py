"""What is said of the newest backup, by what lies in the directory and what the database holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.backup.manifest import File, Format, Look, Manifest, TableContent, Verified, as_text
from pipeline.engine.preflight.backups import FRESH_HOURS, latest, without_backup
from pipeline.engine.preflight.check import answers
from pipeline.engine.preflight.checks import BEFORE
from pipeline.outcome import Standing
from pipeline.postgres.connect import Connection, Target, connect
from pipeline.postgres.records import one
from pipeline.postgres.sql import SQL

_MEND = "python -m pipeline backup run --verify restore"


@pytest.fixture
def session(session: Connection) -> Connection:
    """On a database that holds a row."""
    session.execute("create table precious as select 1 as id")
    return session


def write(
    folder: Path,
    session: Connection,
    sequence: int,
    *,
    hours: float,
    restored: bool = True,
    cluster: str | None = None,
    tables: dict[str, int] | None = None,
) -> Path:
    """A backup of the session's database that began so many hours ago, with these tables of `public`; its archive."""
    (here,) = one(session, SQL("select system_identifier::text from pg_control_system()"))
    at = datetime.now(UTC) - timedelta(hours=hours)
    name = f"{session.info.dbname}_{at:%Y%m%d_%H%M%S}_{sequence + 1}"
    manifest = Manifest(
        format=1,
        name=name,
        sequence=sequence,
        created_at=at,
        day=at.date(),
        tool="t",
        pg_dump="18.6",
        server="18.6",
        target="t",
        cluster=cluster or here,
        database=session.info.dbname,
        database_bytes=0,
        extensions=(),
        archive=Format.CUSTOM,
        files=(File(path=f"{name}.dump", bytes=1, sha256="0" * 64),),
        roles_error="none",
        tables=tuple(
            TableContent(schema="public", name=name, rows=rows, hash="0" * 32) for name, rows in (tables or {}).items()
        ),
        read_back_at=at,
    )
    archive = folder / f"{name}.dump"
    archive.write_text("x", encoding="utf-8")
    archive.with_suffix(".json").write_text(as_text(manifest), encoding="utf-8")
    if restored:
        look = Verified(format=1, name=name, restored=Look(at=at, problems=(), where="t"))
        archive.with_suffix(".verified.json").write_text(as_text(look), encoding="utf-8")
    return archive


def test_one_that_is_young_and_was_restored_passes(session: Connection, tmp_path: Path) -> None:
    write(tmp_path, session, 1, hours=200)
    newest = write(tmp_path, session, 2, hours=FRESH_HOURS - 1)
    said = latest(session, tmp_path)
    assert said.mend is None
    assert said.text == f"{newest} is 25 hours old, restored and found equal"


def test_one_that_is_too_old_is_told_with_its_age(session: Connection, tmp_path: Path) -> None:
    newest = write(tmp_path, session, 1, hours=24 * 12)
    said = latest(session, tmp_path)
    assert said.mend == _MEND
    assert said.text == f"{newest} is 12 days old; the database holds data, as table public.precious"
    write(tmp_path, session, 2, hours=FRESH_HOURS + 1)
    assert "is 27 hours old" in latest(session, tmp_path).text


def test_one_that_was_only_read_is_told(session: Connection, tmp_path: Path) -> None:
    write(tmp_path, session, 1, hours=3)
    newest = write(tmp_path, session, 2, hours=1, restored=False)
    said = latest(session, tmp_path)
    assert said.mend == _MEND
    assert said.text.startswith(f"{newest} has never been restored")


@pytest.mark.parametrize("folder", ["backups", "."])
def test_none_at_all_is_told_where_there_is_something_to_lose(session: Connection, tmp_path: Path, folder: str) -> None:
    said = latest(session, tmp_path / folder)
    assert said.mend == _MEND
    assert "there is no good backup of database" in said.text


@pytest.mark.parametrize("what", ["delete from precious; vacuum precious", "drop table precious"])
def test_a_database_without_data_needs_none(session: Connection, tmp_path: Path, what: str) -> None:
    for statement in what.split(";"):
        session.execute(statement)  # type: ignore[arg-type]
    session.execute("create schema _naru; create table _naru.run as select 1 as id")
    said = latest(session, tmp_path)
    assert said.mend is None
    assert "holds no data" in said.text
    session.execute("select lo_from_bytea(4711, 'x')")
    assert "as large object 4711" in latest(session, tmp_path).text


def test_others_data_that_the_role_may_not_read_counts(
    session: Connection, as_clerk: Connection, tmp_path: Path
) -> None:
    assert "public.precious" in latest(as_clerk, tmp_path).text


def test_a_backup_of_another_server_or_database_is_none_of_this_one(
    session: Connection, tmp_path: Path, database: Target
) -> None:
    write(tmp_path, session, 1, hours=1, cluster="7")
    with connect(database.with_database("postgres"), application_name="t", autocommit=True) as other:
        write(tmp_path, other, 2, hours=1)
    assert "there is no good backup" in latest(session, tmp_path).text


def test_a_broken_newest_one_is_named_however_good_the_one_before_is(session: Connection, tmp_path: Path) -> None:
    good = write(tmp_path, session, 1, hours=2)
    broken = write(tmp_path, session, 2, hours=1)
    broken.write_text("", encoding="utf-8")
    said = latest(session, tmp_path)
    assert said.mend == _MEND
    assert f"{broken}, is broken: {broken.name} has 0 bytes and had 1" in said.text
    good.unlink()
    assert "there is no good backup" in latest(session, tmp_path).text


def test_a_manifest_that_cannot_be_read_is_named_unless_it_is_of_another_database(
    session: Connection, tmp_path: Path
) -> None:
    newest = write(tmp_path, session, 1, hours=2)
    (tmp_path / "another_20260101_000000.json").write_text("{", encoding="utf-8")
    assert latest(session, tmp_path).mend is None
    newest.with_suffix(".json").write_text("{", encoding="utf-8")
    said = latest(session, tmp_path)
    assert f"{newest.with_suffix('.json')} is no manifest" in said.text


def test_a_clock_that_has_gone_back_gives_no_age(session: Connection, tmp_path: Path) -> None:
    newest = write(tmp_path, session, 1, hours=-24 * 400)
    said = latest(session, tmp_path)
    assert said.mend == _MEND
    assert said.text.startswith(f"{newest} was written at ")
    assert "still to come" in said.text
    assert "old;" not in said.text
    write(tmp_path, session, 2, hours=1)  # by the clock that is right again
    assert latest(session, tmp_path).mend is None


def test_a_table_that_is_locked_is_not_waited_for(session: Connection, database: Target, tmp_path: Path) -> None:
    with connect(database, application_name="t") as other:
        other.execute("lock table precious in access exclusive mode")
        assert "public.precious" in latest(session, tmp_path).text


def test_a_directory_that_cannot_be_read_is_unknown_and_stops_nothing(session: Connection, tmp_path: Path) -> None:
    place = tmp_path / ("x" * 300)
    (found,) = answers(BEFORE, session, place)
    assert found.standing is Standing.WARN
    assert "cannot be read" in found.detail


PRECIOUS = ["public.precious"]


def test_what_a_good_backup_has_rows_of_is_not_asked_for(session: Connection, tmp_path: Path) -> None:
    archive = write(tmp_path, session, 1, hours=3, tables={"precious": 1})
    said = latest(session, tmp_path)
    assert without_backup(session, tmp_path, PRECIOUS) == ([], said.text)
    assert said.text == f"{archive} is 3 hours old, restored and found equal"


@pytest.mark.parametrize("tables", [{}, {"precious": 0}, {"other": 7}])
def test_a_table_that_was_filled_since_is_asked_for(
    session: Connection, tmp_path: Path, tables: dict[str, int]
) -> None:
    write(tmp_path, session, 1, hours=3, tables=tables)
    assert latest(session, tmp_path).mend is None
    assert without_backup(session, tmp_path, PRECIOUS)[0] == PRECIOUS


@pytest.mark.parametrize(
    "how",
    [{"hours": FRESH_HOURS + 1}, {"hours": -24}, {"restored": False}, {"cluster": "7"}],
    ids=["old", "of a clock that went back", "never restored", "of another server"],
)
def test_a_backup_with_a_doubt_spares_no_question(session: Connection, tmp_path: Path, how: dict[str, Any]) -> None:
    write(tmp_path, session, 1, **{"hours": 3, "tables": {"precious": 1}} | how)
    assert without_backup(session, tmp_path, PRECIOUS) == (PRECIOUS, "")


def test_neither_does_none_a_broken_one_nor_that_of_another_database(
    session: Connection, tmp_path: Path, database: Target
) -> None:
    assert without_backup(session, tmp_path / "none", PRECIOUS) == (PRECIOUS, "")
    assert without_backup(session, tmp_path / ("x" * 300), PRECIOUS) == (PRECIOUS, ""), "cannot be read"
    with connect(database.with_database("postgres"), application_name="t", autocommit=True) as other:
        write(tmp_path, other, 1, hours=1, tables={"precious": 1})
    assert without_backup(session, tmp_path, PRECIOUS) == (PRECIOUS, "")
    write(tmp_path, session, 2, hours=2, tables={"precious": 1})
    assert without_backup(session, tmp_path, PRECIOUS)[0] == []
    write(tmp_path, session, 3, hours=1, tables={"precious": 1}).write_text("", encoding="utf-8")
    assert without_backup(session, tmp_path, PRECIOUS) == (PRECIOUS, ""), "the newest one is broken"


def test_rows_of_partitions_and_heirs_are_looked_for_where_they_stand(session: Connection, tmp_path: Path) -> None:
    session.execute(
        """create table parts (id int) partition by list (id); create table part_1 partition of parts for values in (1);
        create table part_2 partition of parts default; insert into parts values (1);
        create table parent (id int); create table child () inherits (parent); insert into child values (1)"""
    )
    both = ["public.parts", "public.parent"]
    write(tmp_path, session, 1, hours=2, tables={"part_1": 1, "part_2": 0, "parent": 0, "child": 1})
    assert without_backup(session, tmp_path, both)[0] == []
    session.execute("insert into parts values (2); insert into parent values (2)")
    assert without_backup(session, tmp_path, both)[0] == both


def test_rows_that_stand_on_another_server_are_in_no_backup(session: Connection, tmp_path: Path) -> None:
    session.execute(
        """create foreign data wrapper w; create server s foreign data wrapper w;
        create table parts (id int) partition by list (id);
        create foreign table far partition of parts default server s"""
    )
    write(tmp_path, session, 1, hours=2, tables={"precious": 1, "far": 1})
    assert without_backup(session, tmp_path, ["public.parts", *PRECIOUS])[0] == ["public.parts"]
