"""A migrated source, and what a user does with it."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from pipeline.engine.plan import Plan
from pipeline.engine.repair import Repair, differing_tables
from pipeline.engine.summary import verify_plan
from pipeline.outcome import Finding, Repaired
from pipeline.postgres.connect import Connection, Target, connect
from pipeline.record import Run
from tests.frames import FrameSource
from tests.unit.load.walk import column, key, mapping_of, migrate, plan_of, reference, rows, source, table

ITEM = table("item", (column("id"), column("code", "Text(9)"), column("price", "Currency")), key("id"))
LOOSE = table("loose", (column("a", "Memo"), column("b"), column("c")))
PARENT = table("parent", (column("id"), column("name", "Text(9)")), key("id"), key("name", primary=False))
CHILD = table("child", (column("id"), column("parent")), key("id"), references=(reference("parent", "parent"),))
SOUND = {"parent": [(1, "a"), (2, "b"), (3, "c")], "child": [(10, 1), (20, 2), (30, 2), (40, None)]}
NOBODY = "set session_replication_role = replica; "
"""Corruption goes past the relationships, as a restore or a superuser may."""


class Case:
    """A migrated source, and what a user does with it."""

    def __init__(self, source: FrameSource, plan: Plan, database: Target, directory: Path) -> None:
        self.source, self.plan, self.database, self.directory = source, plan, database, directory
        self.planned: list[Repaired] = []
        migrate(source, plan, database)

    def verify(self) -> list[tuple[str, str, str]]:
        with connect(self.database, application_name="t", autocommit=True) as connection:
            return told(verify_plan(connection, self.plan, self.source))

    def repair(self, *, run_id: str = "fix", plan: Plan | None = None, target: Target | None = None) -> list[Finding]:
        with connect(target or self.database, application_name="t", autocommit=True) as connection:
            tables = differing_tables(verify_plan(connection, plan or self.plan, self.source))
            run = Run(run_id, "repair", "frames", self.source.fingerprint().digest, "m", "0")
            directory = self.directory / run_id
            repair = Repair(connection, plan or self.plan, self.source, run, tables, directory, self.agree)
            findings, _ = repair.execute()
            return list(findings)

    def agree(self, planned: Sequence[Repaired]) -> None:
        self.planned = list(planned)

    def repaired(self) -> dict[str, tuple[int, int, int]]:
        return {one.table: (one.rewritten, one.inserted, one.deleted) for one in self.planned}

    def saved(self, table: str, run_id: str = "fix") -> list[list[str]]:
        with (self.directory / run_id / f"repaired-{table}.csv").open(encoding="utf-8", newline="") as file:
            return [[row[0], *row[2:]] for row in csv.reader(file)]


def told(findings: Sequence[Finding]) -> list[tuple[str, str, str]]:
    return [(f.table, f.subject, f.detail) for f in findings if not f.allowed]


def given() -> FrameSource:
    return source(
        {
            ITEM: [(n, f"c{n}", Decimal(n) / 4) for n in range(1, 9)],
            LOOSE: [("x", 1, 1), ("x", 1, 1), ("y", 2, None), ("", None, 3), (None, 5, 5)],
        }
    )


def versions(connection: Connection, table: str) -> dict[object, tuple[object, ...]]:
    """The physical row, and who wrote it, of each."""
    return {where: (xmin, row) for where, xmin, row in rows(connection, f"select ctid, xmin, t::text from {table} t")}


def keep_in_place(connection: Connection, table: str) -> None:
    """No row may go, not even to come again."""
    connection.execute(
        f"""create function stay() returns trigger language plpgsql as $$ begin raise 'it has to stay'; end $$;
        create trigger stay before delete on {table} for each row execute function stay()"""  # type: ignore[call-overload]
    )


def related() -> FrameSource:
    return source({PARENT: [(1, "a"), (2, "b"), (3, "c")], CHILD: [(10, 1), (20, 2), (30, 2), (40, None)]})


def case_of_related(database: Target, directory: Path, **actions: str) -> Case:
    made = related()
    mapping = mapping_of(made)
    keys = tuple(key.model_copy(update=actions) for key in mapping.tables["child"].foreign_keys)
    child = mapping.tables["child"].model_copy(update={"foreign_keys": keys})
    mapping = mapping.model_copy(update={"tables": {**mapping.tables, "child": child}})
    return Case(made, plan_of(made, mapping), database, directory)


def content(connection: Connection) -> dict[str, list[tuple[object, ...]]]:
    return {name: rows(connection, f"select * from {name} order by id") for name in SOUND}
