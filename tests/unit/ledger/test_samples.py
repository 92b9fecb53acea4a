"""What a report shows of the ledger: a few of each kind, with how many there are, and the pace of a run."""

from __future__ import annotations

import json
from dataclasses import replace

import polars as pl
import pytest

from pipeline.batch import Position
from pipeline.catalog import Table
from pipeline.ledger.ledger import Ledger
from pipeline.ledger.losses import add_losses
from pipeline.ledger.samples import later_run, loss_samples, pace, reject_samples
from pipeline.outcome import Losses, Reject, Stage
from pipeline.postgres.connect import Connection
from pipeline.record import Load, Run

TARGET = Table("t", (), "public")


@pytest.fixture
def ledger(connection: Connection) -> Ledger:
    ledger = Ledger(connection)
    ledger.install()
    ledger.begin(Run("r", "migrate", "s", "f", "m", "0"))
    ledger.open_load(Load("public", "t", "T", "r", "f", "m", None))
    return ledger


def reject(reason: str, value: object) -> Reject:
    return Reject("T", 7, Stage.TRANSFORM, reason, "why", {}, {"v": value})


def test_a_few_rejects_of_each_reason_and_how_many_wait(connection: Connection, ledger: Ledger) -> None:
    ledger.add_rejects("r", TARGET, [reject("a", i) for i in range(10)] + [reject("b", "x" * 1_000_000)])
    ledger.mark_replayed(TARGET, [1, 2], "m")
    found = reject_samples(connection)
    assert [(it.reason, it.count, it.reject_id) for it in found] == [
        ("a", 8, 3),
        ("a", 8, 4),
        ("a", 8, 5),
        ("b", 1, 11),
    ]
    assert max(len(it.row_values) for it in found) == 2000


def test_a_few_losses_of_each_rule_and_how_many_there_are(connection: Connection, ledger: Ledger) -> None:
    rows = [(i, "trim", f"{i} ", f"{i}") for i in range(5)] + [(9, "round", "1" * 9000, None)]
    frame = pl.DataFrame(rows, schema=["locator", "rule", "before", "after"], orient="row")
    keys = pl.DataFrame({"id": [row[0] for row in rows]})
    add_losses(connection, "r", TARGET, [Losses("T", "c", "c2", frame, keys)])
    # The values of a row that waits in the quarantine have not arrived.
    ledger.add_rejects("r", TARGET, [replace(reject("a", 1), locator=1)])
    found = loss_samples(connection)
    assert [(it.rule, it.count, (it.before or "")[:2], it.after, json.loads(it.key)) for it in found] == [
        ("round", 1, "11", None, {"id": 9}),
        ("trim", 4, "0 ", "0", {"id": 0}),
        ("trim", 4, "2 ", "2", {"id": 2}),
        ("trim", 4, "3 ", "3", {"id": 3}),
    ]
    assert len(found[0].before or "") == 2000


def test_the_pace_spreads_each_batch_over_its_time_and_loses_no_row(connection: Connection, ledger: Ledger) -> None:
    for i, (read, seconds) in enumerate([(1000, 10.0), (0, 1.0), (300, 1.0), (500, 0.0)]):
        ledger.advance("r", TARGET, Position(i), read=read, filtered=0, loaded=read, seconds=seconds)
    connection.execute(
        "update _naru.batch set committed_at = timestamptz '2026-01-01' + make_interval(secs => 10 + batch)"
    )
    parts = pace(connection, "r")
    assert sum(part.rows for part in parts) == pytest.approx(1800)
    assert [part.begins_s for part in parts[1:]] == [part.ends_s for part in parts[:-1]]
    assert parts[-1].ends_s == pytest.approx(13)
    assert sum(part.rows for part in parts if part.ends_s < 9.9) == pytest.approx(980, rel=0.02)


def test_a_run_without_batches_has_no_pace(connection: Connection, ledger: Ledger) -> None:
    assert pace(connection, "r") == ()
    assert pace(connection, "none") == ()


def test_a_verification_is_no_later_run(connection: Connection, ledger: Ledger) -> None:
    ledger.begin(Run("v", "verify", "s", "f", "m", "0"))
    assert later_run(connection, "r") is None
    ledger.begin(Run("r2", "migrate", "s", "f", "m", "0"))
    assert later_run(connection, "r") == "r2"
