"""A ledger of an earlier version is brought to today's layout by whoever reads it first, or an error says why not.

`older/` has the layouts as they were; a new one is added there when `schema.sql` changes what it keeps.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from pipeline.catalog import Table
from pipeline.errors import LockedError, TargetError
from pipeline.ledger import lock
from pipeline.ledger.ledger import Ledger
from pipeline.ledger.losses import loss_counts
from pipeline.ledger.samples import loss_samples, run_record
from pipeline.ledger.verification import record_verification, recorded_verification
from pipeline.outcome import Level, Verdict
from pipeline.postgres.connect import Connection, Target, connect
from pipeline.record import Run, RunRecord, Verification

OLDER = sorted(Path(__file__).with_name("older").glob("*.sql"))
KEPT = """
insert into _naru.run (run_id, command, source, fingerprint, mapping_digest, tool_version, host, pid, state)
values ('r', 'migrate', 's', 'f', 'm', '0', 'h', 1, 'done');
insert into _naru.load (target_schema, target_table, source_table, run_id, fingerprint, mapping_digest, rows_read)
values ('public', 't', 'T', 'r', 'f', 'm', 12);
insert into _naru.reject
    (run_id, target_schema, target_table, source_table, locator, stage, reason, detail, key, row_values)
values ('r', 'public', 't', 'T', 5, 'copy', 'u0000', 'd', '{}', '{}');
"""
LAYOUT = """
select table_name, column_name, data_type, is_nullable from information_schema.columns
where table_schema = '_naru' order by 1, 2"""


def older(connection: Connection, layout: Path) -> Ledger:
    connection.execute("create schema if not exists _naru")
    connection.execute(layout.read_text("utf-8"))
    connection.execute(KEPT)
    columns = ["run_id", "target_schema", "target_table", "source_table", "key", "column_name", "rule"]
    lost = ["r", "public", "t", "T", "{}", "C", "trim"]
    known = {column for table, column, *_ in connection.execute(LAYOUT) if table == "loss"}
    if "target_column" in known:
        columns, lost = [*columns, "target_column"], [*lost, "C"]
    statement = sql.SQL("insert into _naru.loss ({}, before, after) values ({}, 'a ', 'a')")
    names, places = map(sql.Identifier, columns), [sql.Placeholder()] * len(columns)
    connection.execute(statement.format(sql.SQL(", ").join(names), sql.SQL(", ").join(places)), lost)
    return Ledger(connection)


def _has_room_for_what_verifiers_say(connection: Connection, run: RunRecord) -> None:
    said = Verification(Verdict.COMPLETE, "public", ("t",), (), level=Level.CONTENT, proof="9" * 64)
    again = Run("v", "verify", run.source, run.fingerprint, run.mapping_digest, run.tool_version)
    record_verification(connection, again, said, seconds=0)
    kept = recorded_verification(connection, "v")
    assert kept is not None
    assert replace(kept, verified_at=None) == said


@pytest.mark.parametrize("layout", OLDER, ids=lambda path: path.stem)
def test_it_becomes_that_of_today_and_keeps_what_it_held(connection: Connection, layout: Path) -> None:
    ledger = older(connection, layout)
    assert ledger.ready()
    load = ledger.load(Table("t", (), "public"))
    assert load is not None
    assert (load.rows_read, load.planned_rows, load.planned_seconds) == (12, None, None)
    assert [(count.target_column, count.count) for count in loss_counts(connection)] == [("C", 1)]
    assert [(sample.before, sample.after) for sample in loss_samples(connection)] == [("a ", "a")]
    assert [count.reason for count in ledger.reject_summary()] == ["u0000"]
    assert recorded_verification(connection, "r") is None
    run = run_record(connection, None)
    assert run is not None
    _has_room_for_what_verifiers_say(connection, run)
    upgraded = connection.execute(LAYOUT).fetchall()
    connection.execute("drop schema _naru cascade")
    ledger.install()
    assert upgraded == connection.execute(LAYOUT).fetchall()


def test_one_of_today_is_read_without_a_write(connection: Connection) -> None:
    ledger = Ledger(connection)
    assert not ledger.ready()
    ledger.install()
    connection.execute("set default_transaction_read_only = on")
    assert ledger.ready()
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        ledger.install()


def test_not_while_a_run_is_under_way_which_may_be_of_that_version(connection: Connection, database: Target) -> None:
    ledger = older(connection, OLDER[0])
    before = connection.execute(LAYOUT).fetchall()
    with connect(database, application_name="naru r1", autocommit=True) as other:
        lock.acquire(other)
        with pytest.raises(LockedError, match="naru r1"):
            ledger.ready()
    assert connection.execute(LAYOUT).fetchall() == before
    assert ledger.ready()
    with connect(database, application_name="next", autocommit=True) as other:
        lock.acquire(other)  # it was let go of with the upgrade


def test_who_does_not_own_it_is_told_who_does(connection: Connection, database: Target) -> None:
    ledger = older(connection, OLDER[0])
    role = sql.Identifier(f"reader_{database.database}")
    connection.execute(sql.SQL("create role {0}; grant usage on schema _naru to {0}").format(role))
    connection.execute(sql.SQL("grant select on all tables in schema _naru to {}").format(role))
    try:
        connection.execute(sql.SQL("set role {}").format(role))
        with pytest.raises(TargetError, match="its owner alone can upgrade it") as refused:
            ledger.ready()
    finally:
        connection.execute(sql.SQL("reset role; drop owned by {0}; drop role {0}").format(role))
    assert refused.value.hint == f"run once as {database.user}: python -m pipeline status"
