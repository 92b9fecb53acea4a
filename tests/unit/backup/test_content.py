"""A restored backup in which one thing is not what it was: the comparison names it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg import sql
from rich.console import Console

from pipeline.backup.content import differences
from pipeline.backup.folder import Backup
from pipeline.backup.manifest import Format, SequenceContent, read_manifest
from pipeline.backup.phase import Phase
from pipeline.backup.run import Order, back_up
from pipeline.backup.verify import fill
from pipeline.errors import BackupError
from pipeline.postgres.client.programs import Need, Programs, programs_for
from pipeline.postgres.connect import Connection, Target, connect
from pipeline.postgres.databases import create_database, drop_database
from pipeline.postgres.sequences import Stand
from pipeline.report.phases import PhaseLines
from pipeline.settings import Settings

_MADE = """
create table goods (id int generated always as identity, name text);
insert into goods (name) values ('a'), ('b'), ('c');
create sequence "가 나"."Up" start 5;
create sequence down increment -2 maxvalue 100 start 100;
select nextval('down') from generate_series(1, 3);
create temp sequence mine;
select lo_from_bytea(4711, decode(repeat('ab', 1048576), 'hex'));
select lo_put(4711, 3000000, 'the end');
select lo_from_bytea(4712, 'short');
select lo_create(4713);
"""
_NOBODY = PhaseLines(Console(quiet=True))
_SAME_COUNT = "there are as many large objects, 3, and they do not hold the same"


@pytest.fixture
def session(database: Target) -> Iterator[Connection]:
    with connect(database, application_name="t", autocommit=True) as connection:
        connection.execute('create schema "가 나"')
        connection.execute(_MADE)
        yield connection


@pytest.fixture
def programs(session: Connection) -> Programs:
    return programs_for(Settings(), Need.of(session))


def backed_up(target: Target, session: Connection, programs: Programs, folder: Path) -> Backup:
    return back_up(Order(target, session, programs, folder, Format.CUSTOM, 1, _NOBODY))


@pytest.fixture
def backup(database: Target, session: Connection, programs: Programs, tmp_path: Path) -> Backup:
    return backed_up(database, session, programs, tmp_path)


@pytest.fixture
def restored(database: Target, session: Connection, programs: Programs, backup: Backup) -> Iterator[Target]:
    name = f"{database.database}_restored"
    create_database(session, name, None)
    target = database.with_database(name)
    fill(backup, programs, target, Phase(_NOBODY))
    yield target
    drop_database(session, name)


def damaged(restored: Target, statement: str) -> None:
    with connect(restored, application_name="t", autocommit=True) as session:
        session.execute(statement)  # type: ignore[arg-type]


def test_what_is_restored_is_what_was_there(backup: Backup, restored: Target) -> None:
    found = {it.full_name: (it.before, it.after) for it in backup.manifest.sequences}
    assert found == {
        "public.goods_id_seq": ((3, True), (3, True)),
        "가 나.Up": ((5, False), (5, False)),
        "public.down": ((96, True), (96, True)),
    }
    assert backup.manifest.large_objects is not None
    assert backup.manifest.large_objects.count == 3
    assert differences(backup.manifest, restored, _NOBODY) == []


@pytest.mark.parametrize(("statement", "told"), [
    ("select setval('goods_id_seq', 2)", "sequence public.goods_id_seq stands at 2 and stood at 3"),
    ("select nextval('goods_id_seq')", "sequence public.goods_id_seq stands at 4 and stood at 3"),
    ("select setval('goods_id_seq', 3, false)",
     "sequence public.goods_id_seq stands at 3 (not given yet) and stood at 3"),
    ("""select nextval('"가 나"."Up"')""", "sequence 가 나.Up stands at 5 and stood at 5 (not given yet)"),
    ("select setval('down', 98)", "sequence public.down stands at 98 and stood at 96"),
    ("drop sequence down", "sequence public.down is missing"),
    ("create sequence other", "sequence public.other was not in the database"),
    ("select lo_put(4711, 2999999, 'X')", _SAME_COUNT),
    ("select lo_put(4712, 5, decode('00', 'hex'))", _SAME_COUNT),
    ("select lo_unlink(4712), lo_from_bytea(4714, 'short')", _SAME_COUNT),
    ("select lo_unlink(4713)", "there are 2 large objects and there were 3"),
    ("select lo_create(0)", "there are 4 large objects and there were 3"),
])  # fmt: skip
def test_one_thing_that_is_not_what_it_was_is_named(
    backup: Backup, restored: Target, statement: str, told: str
) -> None:
    damaged(restored, statement)
    assert differences(backup.manifest, restored, _NOBODY) == [told]


def test_two_large_objects_that_changed_places_are_told(backup: Backup, restored: Target) -> None:
    damaged(restored, "select lo_unlink(4712), lo_unlink(4713)")
    damaged(restored, "select lo_create(4712), lo_from_bytea(4713, 'short')")
    assert differences(backup.manifest, restored, _NOBODY) == [_SAME_COUNT]


def test_an_owner_of_a_large_object_is_no_difference(
    database: Target, backup: Backup, restored: Target, session: Connection
) -> None:
    other = sql.Identifier(f"owner {database.database}")
    session.execute(sql.SQL("create role {}").format(other))
    with connect(restored, application_name="t", autocommit=True) as there:
        there.execute(sql.SQL("alter large object 4712 owner to {}").format(other))
    assert differences(backup.manifest, restored, _NOBODY) == []
    damaged(restored, "alter large object 4712 owner to current_user")
    session.execute(sql.SQL("drop role {}").format(other))


def test_a_manifest_of_an_earlier_release_is_read_and_compared_as_far_as_it_goes(
    backup: Backup, restored: Target, tmp_path: Path
) -> None:
    path = tmp_path / backup.names.manifest
    old = backup.manifest.model_copy(update={"format": 1})
    lacking = old.model_dump_json(by_alias=True, exclude={"sequences", "large_objects"})
    path.write_text(lacking, encoding="utf-8")
    found = read_manifest(path)
    assert not found.tells_all
    damaged(restored, "drop sequence down; select lo_unlink(4713)")
    assert differences(found, restored, _NOBODY) == []
    path.write_text(lacking.replace('"format":1', '"format":2'), encoding="utf-8")
    with pytest.raises(BackupError, match="sequences or large_objects: missing"):
        read_manifest(path)


# ---- sequences that move during the dump


def moved(before: Stand, after: Stand, *, increment: int = 1) -> SequenceContent:
    return SequenceContent(schema="s", name="n", increment=increment, before=before, after=after)


@pytest.mark.parametrize(("sequence", "good", "bad"), [
    (moved((5, True), (9, True)), [(5, True), (7, True), (9, True)], [(4, True), (5, False), (10, True), (0, False)]),
    (moved((1, False), (3, True)), [(1, False), (1, True), (3, True)], [(0, True), (4, True)]),
    (moved((9, True), (5, True), increment=-2), [(9, True), (5, True)], [(10, True), (4, True), (9, False)]),
    (moved((5, True), (5, True)), [(5, True)], [(5, False), (4, True), (6, True)]),
    (moved((5, True), (5, True), increment=-1), [(5, True)], [(5, False), (4, True), (6, True)]),
])  # fmt: skip
def test_a_sequence_stands_between_the_two_looks(
    sequence: SequenceContent, good: list[Stand], bad: list[Stand]
) -> None:
    assert not sequence.was_set_back
    assert all(sequence.may_stand_at(stand) for stand in good)
    assert not any(sequence.may_stand_at(stand) for stand in bad)


def test_of_a_sequence_that_was_set_back_nothing_is_known() -> None:
    sequence = moved((900, True), (5, True))
    assert sequence.was_set_back
    assert sequence.may_stand_at((900, True))
    assert sequence.may_stand_at((2, True))
