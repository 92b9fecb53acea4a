"""What was done, kept in the target: a method writes in the transaction that its caller has open.

A batch's position commits with its rows, so a resumed run needs no reconciliation and kill -9 is safe.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
from collections.abc import Iterable, Iterator
from dataclasses import astuple, replace
from functools import cache
from importlib import resources

from pipeline.batch import Position
from pipeline.catalog import Table
from pipeline.errors import TargetError
from pipeline.ledger import lock, values
from pipeline.outcome import Reject, Stage
from pipeline.postgres.connect import Connection, translated
from pipeline.postgres.introspect import schema_exists
from pipeline.postgres.records import one, records
from pipeline.postgres.sql import SQL, Literal, query
from pipeline.record import Load, PastRun, RejectCount, Run, StoredReject


class Ledger:
    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def installed(self) -> bool:
        return self.connection.execute("select to_regclass('_naru.loss') is not null").fetchone() == (True,)

    def install(self) -> None:
        """Create the ledger's schema, or bring that of another version to our layout; keeps what it holds."""
        if not schema_exists(self.connection, "_naru"):
            self.connection.execute("create schema _naru")
        self.connection.execute(_ddl())
        self.connection.execute(SQL("comment on table _naru.run is {}").format(Literal(_layout())))

    def ready(self) -> bool:
        """Whether there is a ledger, for one who only reads it; that of another version is brought to our layout.

        Raises LockedError while a run is under way, which may be of that version, and TargetError.
        """
        if not self.installed():
            return False
        layout, owner, ours = one(self.connection, query("ledger_layout"))
        if layout == _layout():
            return True
        if not ours:
            raise TargetError(
                "the ledger in schema _naru was made by another version of Naru, and its owner alone can upgrade it",
                hint=f"run once as {owner}: python -m pipeline status",
            )
        with translated("upgrading the ledger of another version"), self.connection.transaction():
            lock.acquire_until_commit(self.connection)
            self.install()
        return True

    # -- runs

    def begin(self, run: Run) -> None:
        """Record the run, whose lock says that no other is alive; a second call says that it is under way again."""
        self.connection.execute(
            """update _naru.run set state = 'interrupted', finished_at = clock_timestamp()
            where state = 'running' and run_id <> %s""",
            [run.run_id],
        )
        self.connection.execute(
            """insert into _naru.run (run_id, command, source, fingerprint, mapping_digest, tool_version, host, pid)
            values (%s, %s, %s, %s, %s, %s, %s, %s)
            on conflict (run_id) do update set state = 'running', finished_at = null""",
            [*astuple(run), socket.gethostname(), os.getpid()],
        )

    def finish(self, run_id: str, state: str) -> None:
        self.connection.execute(
            "update _naru.run set state = %s, finished_at = clock_timestamp() where run_id = %s", [state, run_id]
        )

    def runs(self, limit: int = 10) -> list[PastRun]:
        """The last runs, newest first."""
        return records(self.connection, PastRun, query("runs"), {"limit": limit})

    # -- loads

    def load(self, target: Table) -> Load | None:
        """The load of a target table, None where Naru never began one."""
        return next(iter(self._loads(target.schema, target.name)), None)

    def loads(self) -> list[Load]:
        """The load of every table of the target database, by name."""
        return self._loads(None, None)

    def _loads(self, schema: str | None, table: str | None) -> list[Load]:
        found = records(self.connection, Load, query("loads"), {"schema": schema, "table": table})
        # The driver gives the stored mark; the record wants what it stands for.
        return [load if load.position is None else replace(load, position=Position(load.position)) for load in found]

    def open_load(self, load: Load) -> None:
        """Begin the load of a table anew, forgetting an earlier one and its rejects and losses."""
        target = [load.target_schema, load.target_table]
        for table in ("load", "batch", "reject", "loss"):
            self.connection.execute(
                f"delete from _naru.{table} where (target_schema, target_table) = (%s, %s)",  # noqa: S608
                target,
            )
        self.connection.execute(
            """insert into _naru.load
            (target_schema, target_table, source_table, run_id, fingerprint, mapping_digest, staging,
            planned_rows, planned_seconds, planned_by)
            values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
            [
                *(*target, load.source_table, load.run_id, load.fingerprint, load.mapping_digest, load.staging),
                *(load.planned_rows, load.planned_seconds, load.planned_by),
            ],
        )

    def advance(
        self, run_id: str, target: Table, position: Position, *, read: int, filtered: int, loaded: int, seconds: float
    ) -> None:
        """Record a batch: its position is where a resumed run goes on."""
        parameters = {
            "run_id": run_id,
            "schema": target.schema,
            "table": target.name,
            "position": json.dumps(position.mark),
            "read": read,
            "filtered": filtered,
            "loaded": loaded,
            "seconds": seconds,
        }
        if self.connection.execute(query("advance_load"), parameters).rowcount != 1:
            raise TargetError(
                f"the ledger has lost the load of table {target.schema}.{target.name}",
                hint="nobody but Naru should change the schema _naru; begin again with --restart",
            )

    def set_state(self, target: Table, state: str, *, rows_before: int = 0, rows_updated: int = 0) -> None:
        self.connection.execute(
            """update _naru.load set state = %s, rows_before = %s, rows_updated = %s
            where (target_schema, target_table) = (%s, %s)""",
            [state, rows_before, rows_updated, target.schema, target.name],
        )

    # -- rejects

    def add_rejects(self, run_id: str, target: Table, rejects: Iterable[Reject]) -> int:
        """Put rows into the quarantine; returns how many."""
        count = 0
        with self.connection.cursor().copy(
            """copy _naru.reject (run_id, target_schema, target_table, source_table, locator, stage, reason, detail,
            key, row_values) from stdin"""
        ) as copy:
            for r in rejects:
                count += 1
                why = [r.stage.value, r.reason, storable(r.detail)]
                row = [values.dumps(r.key), values.dumps(r.values)]
                copy.write_row([run_id, target.schema, target.name, r.table, r.locator, *why, *row])
        self.count_rejects(target, count)
        return count

    def count_rejects(self, target: Table, count: int) -> None:
        if count:
            self.connection.execute(
                """update _naru.load set rows_rejected = rows_rejected + %s
                where (target_schema, target_table) = (%s, %s)""",
                [count, target.schema, target.name],
            )

    def reject_summary(self) -> list[RejectCount]:
        """Waiting rejects by table, stage and reason."""
        statement = query("reject_summary").format(waiting_rejects=query("waiting_rejects"))
        return records(self.connection, RejectCount, statement)

    def rejects(
        self, *, schema: str | None = None, table: str | None = None, after: int = 0, limit: int | None = None
    ) -> Iterator[StoredReject]:
        """Rows that wait in the quarantine, oldest first; streamed, so inside a transaction."""
        wanted = {"schema": schema, "table": table, "after": after, "limit": limit}
        with self.connection.cursor(name="naru_rejects") as cursor:
            cursor.execute(query("rejects").format(waiting_rejects=query("waiting_rejects")), wanted)
            for reject_id, run_id, target_schema, name, source, locator, stage, reason, detail, key, row in cursor:
                read = values.loads_arrived if stage == Stage.CONSTRAINT.value else values.loads
                reject = Reject(source, locator, Stage(stage), reason, detail, read(key), read(row))
                yield StoredReject(reject_id, run_id, target_schema, name, reject, row)

    def mark_replayed(self, target: Table, reject_ids: list[int], mapping_digest: str) -> None:
        """The mapping that brought them is from now on that of the load: by an earlier one they would be refused."""
        if reject_ids:
            self.connection.execute(
                "update _naru.reject set replayed_at = clock_timestamp() where reject_id = any(%s)", [reject_ids]
            )
            self.connection.execute(
                "update _naru.load set mapping_digest = %s where (target_schema, target_table) = (%s, %s)",
                [mapping_digest, target.schema, target.name],
            )


@cache
def _ddl() -> str:
    return resources.files(__package__).joinpath("schema.sql").read_text("utf-8")


def _layout() -> str:
    """Follows from the schema itself, so that no change of it can forget to be a new layout."""
    return f"ledger of Naru, layout {hashlib.sha256(_ddl().encode()).hexdigest()[:12]}"


def storable(text: str) -> str:
    """PostgreSQL's text holds neither U+0000 nor lone surrogates: both are shown as escapes."""
    return text.replace("\0", "\\u0000").encode("utf-8", "backslashreplace").decode()
