"""Losses in the ledger: kept whatever they hold, counted and chosen, and those of a ledger of before as well."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import polars as pl
import pytest

from pipeline.catalog import Table
from pipeline.ledger.ledger import Ledger
from pipeline.ledger.losses import add_losses, loss_counts, losses
from pipeline.outcome import Loss, Losses, Reject, Stage
from pipeline.postgres.connect import Connection
from pipeline.record import Load, Run

TARGET = Table('t"%s', (), "public")


@pytest.fixture
def ledger(connection: Connection) -> Ledger:
    ledger = Ledger(connection)
    ledger.install()
    ledger.begin(Run("r", "migrate", "s", "f", "m", "0"))
    ledger.open_load(Load("public", TARGET.name, "T", "r", "f", "m", None))
    return ledger


def changed(column: str, rule: str, *texts: tuple[str | None, str | None], **keys: list[object]) -> Losses:
    rows = [(at, rule, *pair) for at, pair in enumerate(texts)]
    schema = {"locator": pl.Int64, "rule": pl.String, "before": pl.String, "after": pl.String}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return Losses("T", column, column.lower(), frame, pl.DataFrame(keys))


def stored(connection: Connection, **wanted: str | int) -> list[Loss]:
    with connection.transaction():
        return [found.loss for found in losses(connection, **wanted)]  # type: ignore[arg-type]


def test_hostile_values_are_kept_and_null_is_not_a_word(connection: Connection, ledger: Ledger) -> None:
    pairs = [("a\0b\\N\t\n", "한글 '%s'"), (None, "null"), ("", None)]
    key = {'i"d': [1, 2, None], "\0": ["\0\u2028", "\\u0000", '"']}
    add_losses(connection, "r", TARGET, [changed('C"', "trim", *pairs, **key)])
    found = stored(connection)
    assert [(loss.before, loss.after) for loss in found] == [("a\\u0000b\\N\t\n", pairs[0][1]), *pairs[1:]]
    assert [loss.key for loss in found] == [{'i"d': n, "\0": text} for n, text in zip(*key.values(), strict=True)]
    assert (found[0].table, found[0].column, found[0].target_column, found[0].locator) == ("T", 'C"', 'c"', 0)


@pytest.mark.parametrize("key", [b"\xff", Decimal("1.50"), dt.datetime(2024, 2, 29), 2.5, True])  # noqa: DTZ001
def test_a_key_of_any_type_comes_back(connection: Connection, ledger: Ledger, key: object) -> None:
    add_losses(connection, "r", TARGET, [changed("c", "trim", ("a ", "a"), id=[key])])
    [loss] = stored(connection)
    assert loss.key == {"id": key}
    assert type(loss.key["id"]) is type(key)


def test_they_are_counted_and_chosen_by_table_column_and_rule(connection: Connection, ledger: Ledger) -> None:
    other = Table("other", (), "public")
    both = changed("A", "trim+empty_to_null", (" ", None))
    add_losses(connection, "r", TARGET, [changed("A", "trim", ("x ", "x"), ("y ", "y")), both])
    add_losses(connection, "r", other, [changed("B", "offset", ("1", "2"))])
    counts = [(row.target_table, row.target_column, row.rule, row.count) for row in loss_counts(connection)]
    assert sorted(counts) == [
        ("other", "b", "offset", 1),
        (TARGET.name, "a", "trim", 2),
        (TARGET.name, "a", "trim+empty_to_null", 1),
    ]
    assert [loss.before for loss in stored(connection, rule="trim")] == ["x ", "y ", " "]
    assert [loss.before for loss in stored(connection, rule="empty_to_null")] == [" "]
    assert [loss.before for loss in stored(connection, rule="trim+empty_to_null")] == [" "]
    assert [loss.before for loss in stored(connection, column="A", limit=1)] == ["x "]
    assert [loss.before for loss in stored(connection, column="b")] == ["1"]
    assert [loss.before for loss in stored(connection, schema="public", table="other")] == ["1"]
    assert [row.count for row in loss_counts(connection, rule="empty_to_null")] == [1]


def test_while_its_row_waits_in_the_quarantine_a_loss_is_none(connection: Connection, ledger: Ledger) -> None:
    add_losses(connection, "r", TARGET, [changed("c", "trim", ("a ", "a"), ("b ", "b"))])
    ledger.add_rejects("r", TARGET, [Reject("T", 1, Stage.CONSTRAINT, "orphan", "", {}, {})])
    assert [loss.before for loss in stored(connection)] == ["a "]
    assert [row.count for row in loss_counts(connection)] == [1]
    ledger.mark_replayed(TARGET, [1], "m")
    assert [loss.before for loss in stored(connection)] == ["a ", "b "]


def test_a_ledger_of_before_is_brought_to_date_and_keeps_what_it_holds(connection: Connection, ledger: Ledger) -> None:
    connection.execute("alter table _naru.loss drop target_column")
    connection.execute("alter table _naru.loss alter before set not null, alter after set not null")
    connection.execute("alter table _naru.load add losses bigint not null default 0")
    connection.execute(
        """insert into _naru.loss
            (run_id, target_schema, target_table, source_table, key, column_name, rule, before, after)
        values ('r', 'public', 't', 'T', '{}', 'C', 'trim', 'a ', 'a')"""
    )
    ledger.install()
    add_losses(connection, "r", TARGET, [changed("D", "default", (None, "d"))])
    assert [(loss.target_column, loss.before) for loss in stored(connection)] == [("C", "a "), ("d", None)]
    assert ledger.load(TARGET) is not None
