"""A report says what the ledger of a real run says, and never more than was verified."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from pipeline.catalog import Table
from pipeline.engine.replay import replay
from pipeline.engine.report import make_report
from pipeline.engine.run import Options
from pipeline.engine.summary import keep_findings, verify_plan
from pipeline.errors import UsageError
from pipeline.ledger.losses import add_losses
from pipeline.outcome import Losses
from pipeline.postgres.connect import Target, connect
from pipeline.record import Run
from pipeline.report.document import Compared, Report, Standing
from tests.frames import FrameSource
from tests.unit.engine.test_run import Crash, good, items, migrate, plan, routings


def verify(
    source: FrameSource, target: Target, run_id: str, only: tuple[str, ...] = (), command: str = "verify"
) -> bool:
    made = plan(source, only)
    run = Run(run_id, command, "frames", source.fingerprint().digest, "m", "0")
    with connect(target, application_name="t", autocommit=True) as connection:
        return keep_findings(connection, made, run, verify_plan(connection, made, source), seconds=0)


def told(target: Target, run_id: str | None = None) -> Report:
    with connect(target, application_name="t", autocommit=True) as connection:
        return make_report(connection, target, run_id)


def test_a_run_that_was_verified_clean_is_complete(database: Target) -> None:
    source = good()
    migrate(source, database)
    assert told(database).standing is Standing.UNVERIFIED
    assert verify(source, database, "r1", command="migrate")
    report = told(database)
    assert (report.standing, report.run.run_id, report.findings, report.later_run) == (
        Standing.COMPLETE,
        "r1",
        (),
        None,
    )
    assert {table.target: (table.read, table.loaded, table.verified) for table in report.tables} == {
        "items": (10, 10, True),
        "routings": (30, 30, True),
    }
    assert (report.totals.read, report.totals.loaded) == (40, 40)
    assert {(key.parent[1], key.child[1]) for key in report.relationships} == {
        ("items", "routings"),
        ("routings", "routings"),
    }
    assert report.pace_run == "r1"
    assert sum(part.rows for part in report.pace) == pytest.approx(40)


def test_what_was_refused_is_told_with_samples(database: Target) -> None:
    source = replace(
        good(), frames={"Items": items([(1, "a", "1"), (2, None, "2")]), "Routings": routings([(1, 9, None)])}
    )
    migrate(source, database)
    verify(source, database, "r1")
    report = told(database, "r1")
    assert report.standing is Standing.DIFFERENCES
    assert [(table.target, table.refused, table.findings) for table in report.tables] == [
        ("items", 1, 1),
        ("routings", 1, 1),
    ]
    assert [(it.target_table, it.reason, it.count) for it in report.rejects] == [
        ("items", "null_in_required", 1),
        ("routings", "orphan", 1),
    ]


def test_a_row_that_was_replayed_is_loaded(database: Target) -> None:
    source = replace(
        good(), frames={"Items": items([(1, "a", "1")]), "Routings": routings([(1, 9, None), (2, 8, None)])}
    )
    migrate(source, database)
    with connect(database, application_name="t", autocommit=True) as connection:
        connection.execute("insert into items select 9, 'b', price from items where item_id = 1")
        assert replay(connection, plan(source)) == (1, 1)
    report = told(database)
    assert {table.target: (table.read, table.loaded, table.refused) for table in report.tables} == {
        "items": (1, 1, 0),
        "routings": (2, 1, 1),
    }
    assert (report.totals.loaded, report.totals.refused) == (2, 1)


def test_values_that_a_rule_changed_are_counted_and_shown(database: Target) -> None:
    source = good()
    migrate(source, database)
    with connect(database, application_name="t", autocommit=True) as connection:
        for locator, rule in [(1, "trim"), (2, "trim"), (3, "trim"), (4, "trim"), (5, "nfc")]:
            rows = pl.DataFrame({"locator": [locator], "rule": [rule], "before": ["a "], "after": ["a"]})
            lost = Losses("Items", "Code", "code", rows, pl.DataFrame({"ItemID": [locator]}))
            add_losses(connection, "r1", Table("items", (), "public"), [lost])
    report = told(database)
    assert {table.target: table.losses for table in report.tables} == {"items": 5, "routings": 0}
    assert [(it.rule, it.count) for it in report.losses] == [("nfc", 1), *[("trim", 4)] * 3]


def test_a_verification_of_some_tables_is_not_one_of_all(database: Target) -> None:
    source = good()
    migrate(source, database)
    verify(source, database, "v1", only=("Items",))
    report = told(database)
    assert (report.run.run_id, report.standing) == ("v1", Standing.PARTIAL)
    assert {table.target: table.verified for table in report.tables} == {"items": True, "routings": False}
    assert report.pace_run == "r1"  # the run that verified loaded nothing


def test_a_run_that_was_cut_off_has_no_verdict(database: Target) -> None:
    source = good()

    def die(table: str, row: int) -> None:
        if table == "Routings" and row >= 8:
            raise Crash

    source.before_batch = die
    with pytest.raises(Crash):
        migrate(source, database)
    report = told(database)
    assert report.standing is Standing.STOPPED
    assert {table.target: table.state for table in report.tables} == {"items": "loaded", "routings": "loading"}
    with connect(database, application_name="t", autocommit=True) as connection:
        connection.execute("update _naru.run set state = 'running'")
    assert told(database).standing is Standing.RUNNING


def test_a_report_of_an_earlier_run_names_the_later_one(database: Target) -> None:
    source = good()
    migrate(source, database)
    verify(source, database, "r1")
    source.frames = {**source.frames, "Items": pl.concat([source.frames["Items"], items([(99, "z", "1")])])}
    with connect(database, application_name="t", autocommit=True) as connection:
        connection.execute("drop table routings, items; delete from _naru.batch; delete from _naru.load")
    migrate(source, database, run_id="r2")
    assert (told(database).run.run_id, told(database).later_run) == ("r2", None)
    earlier = told(database, "r1")
    assert earlier.later_run == "r2"
    assert earlier.standing is Standing.COMPLETE


def test_no_ledger_and_no_such_run_are_errors_that_say_what_to_do(database: Target) -> None:
    assert not verify(good(), database, "v1")
    with pytest.raises(UsageError, match="no run has written"):
        told(database)
    migrate(good(), database)
    with pytest.raises(UsageError, match="knows no run r9"):
        told(database, "r9")


def sized() -> FrameSource:
    """`good`, as a source that says how many rows it has: of one table too many."""
    source = good()
    said = {"Items": 10, "Routings": 60}
    tables = tuple(replace(table, rows=said[table.name]) for table in source.tables.tables)
    return replace(source, tables=replace(source.tables, tables=tables))


def plans(report: Report) -> dict[str, tuple[object, ...]]:
    return {it.target: (it.planned_rows, it.planned_seconds, it.planned_by) for it in report.tables}


def test_a_first_load_in_two_batches_has_rows_planned_and_no_time(database: Target) -> None:
    migrate(sized(), database, options=Options(5))
    report = told(database)
    assert plans(report)["items"] == (10, None, None)
    assert report.totals.plan_rows == Compared(2, 70, 40)


def test_a_first_load_is_planned_at_the_pace_of_its_second_batch(database: Target) -> None:
    migrate(sized(), database, options=Options(8))
    with connect(database, application_name="t", autocommit=True) as connection:
        statement = "select seconds from _naru.batch where target_table = 'routings' order by batch limit 2"
        [(first,), (second,)] = connection.execute(statement).fetchall()
    report = told(database)
    assert plans(report) == {
        "items": (10, None, None),
        "routings": (60, pytest.approx(first + second * (60 - 8) / 8), "r1"),
    }
    assert report.totals.plan_seconds is not None
    assert report.totals.plan_seconds.tables == 1


def test_a_source_that_says_nothing_of_its_rows_has_no_plan(database: Target) -> None:
    migrate(good(), database)
    migrate(good(), database, run_id="r2", options=Options(7, restart=True))
    report = told(database)
    assert plans(report) == {"items": (None, None, None), "routings": (None, None, None)}
    assert (report.totals.plan_rows, report.totals.plan_seconds) == (None, None)


def test_a_load_again_is_planned_at_the_pace_of_the_one_before(database: Target) -> None:
    migrate(sized(), database)
    with connect(database, application_name="t", autocommit=True) as connection:
        connection.execute("update _naru.load set seconds = rows_read * 0.5 where target_table = 'routings'")
        connection.execute("update _naru.load set rows_read = 0 where target_table = 'items'")
    migrate(sized(), database, run_id="r2", options=Options(7, restart=True))
    report = told(database)
    assert plans(report)["routings"] == (60, 30.0, "r1")
    assert plans(report)["items"] == (10, None, None)  # an empty load has no pace
    (taken,) = (it.seconds for it in report.tables if it.target == "routings")
    assert report.totals.plan_seconds == Compared(1, 30.0, taken)


def test_a_load_that_goes_on_keeps_the_plan_that_it_began_with(database: Target) -> None:
    migrate(sized(), database)
    with connect(database, application_name="t", autocommit=True) as connection:
        connection.execute("update _naru.load set seconds = rows_read")
    source = sized()

    def die(table: str, row: int) -> None:
        if table == "Routings" and row >= 14:
            raise Crash

    source.before_batch = die
    with pytest.raises(Crash):
        migrate(source, database, run_id="r2", options=Options(7, restart=True))
    migrate(sized(), database, run_id="r3")
    assert plans(told(database)) == {"items": (10, 10.0, "r1"), "routings": (60, 60.0, "r1")}


def test_a_ledger_of_before_is_reported_as_unverified(database: Target) -> None:
    source = good()
    migrate(source, database)
    with connect(database, application_name="t", autocommit=True) as connection:
        connection.execute(
            """drop table _naru.finding, _naru.verification;
            comment on table _naru.run is null;
            alter table _naru.load drop column planned_rows;
            alter table _naru.load drop column planned_seconds;
            alter table _naru.load drop column planned_by;
            alter table _naru.loss drop column target_column;
            alter table _naru.load add losses bigint not null default 0"""
        )
    assert told(database).standing is Standing.UNVERIFIED
    verify(source, database, "v1")
    assert told(database).standing is Standing.COMPLETE
