"""The whole walk over sources held in memory, into a real PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

import polars as pl
import psycopg
import pytest
from psycopg.sql import SQL, Literal

from pipeline.batch import Defect, Fingerprint
from pipeline.catalog import (
    Action,
    Catalog,
    Column,
    ForeignKey,
    Identity,
    Index,
    IndexPart,
    Notice,
    Query,
    QueryKind,
    SqlType,
    Table,
)
from pipeline.dialects.access import ACCESS
from pipeline.dialects.draft import draft
from pipeline.engine.plan import Plan, make_plan
from pipeline.engine.run import Migration, Options
from pipeline.engine.summary import verdict, verify_plan
from pipeline.errors import DamagedSource, LockedError, MappingError, RejectLimitExceeded, SourceChanged, TargetError
from pipeline.ledger import lock
from pipeline.mapping.models import ViewMapping
from pipeline.outcome import Finding, Verdict
from pipeline.postgres.connect import Connection, Target, connect
from pipeline.record import Run
from tests.frames import FrameSource
from tests.unit.load.walk import mapping_of


class Silent:
    def table_begins(self, table: str, rows: int | None, already_read: int) -> None: ...
    def batch_committed(self, table: str, *, read: int, rejected: int, seconds: float) -> None: ...
    def table_ends(self, table: str) -> None: ...
    def settling(self) -> None: ...


def column(name: str, type: str, **extra: object) -> Column:
    return Column(name, SqlType.parse(type), **extra)  # type: ignore[arg-type]


def index(name: str, *columns: str, **extra: bool) -> Index:
    return Index(name, tuple(map(IndexPart, columns)), **extra)


ITEMS = Table(
    "Items",
    (
        column("ItemID", "Long", identity=Identity(50), nullable=False),
        column("Code", "Text(5)", nullable=False),
        column("Price", "Currency"),
    ),
    indexes=(index("PrimaryKey", "ItemID", unique=True, primary=True), index("Code", "Code", unique=True)),
)
ROUTINGS = Table(
    "Routings",
    (column("ID", "Long", nullable=False), column("ItemID", "Long"), column("Parent", "Long")),
    indexes=(index("PrimaryKey", "ID", unique=True, primary=True),),
    foreign_keys=(
        ForeignKey("ItemsRoutings", ("ItemID",), "Items", ("ItemID",), on_delete=Action.CASCADE),
        ForeignKey("Self", ("Parent",), "Routings", ("ID",)),
    ),
)
CATALOG = Catalog((ROUTINGS, ITEMS))


def items(rows: list[tuple[int | None, str | None, str | None]]) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema={"ItemID": pl.Int32, "Code": pl.String, "Price": pl.String}, orient="row")
    return frame.with_columns(pl.col("Price").cast(pl.Decimal(19, 4)))


def routings(rows: list[tuple[int | None, int | None, int | None]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"ID": pl.Int32, "ItemID": pl.Int32, "Parent": pl.Int32}, orient="row")


def good() -> FrameSource:
    return FrameSource(
        CATALOG,
        {
            "Items": items([(i, f"가{i}", f"{i}.1234") for i in range(1, 11)]),
            "Routings": routings([(i, i % 10 + 1, None) for i in range(1, 31)]),
        },
    )


def plan(source: FrameSource, only: tuple[str, ...] = ()) -> Plan:
    made = draft(source.catalog(), dialect=ACCESS)
    return make_plan(source.catalog(), made.mapping, ACCESS, only=only)


def migrate(
    source: FrameSource, target: Target, *, run_id: str = "r1", options: Options | None = None, made: Plan | None = None
) -> None:
    fingerprint = source.fingerprint()
    run = Run(run_id, "migrate", "frames", fingerprint.digest, "m", "0")
    Migration(source, made or plan(source), target, run, options or Options(7), Silent()).execute()


def findings(source: FrameSource, target: Target) -> list[tuple[str, str, str, int]]:
    with connect(target, application_name="t", autocommit=True) as connection:
        found = verify_plan(connection, plan(source), source)
    return [(f.verifier, f.table, f.subject, f.count) for f in found]


@pytest.fixture
def connection(database: Target):  # type: ignore[no-untyped-def]
    with connect(database, application_name="t", autocommit=True) as connection:
        yield connection


def rows(connection: Connection, statement: str) -> list[tuple[object, ...]]:
    return connection.execute(statement).fetchall()  # type: ignore[arg-type]


def test_everything_arrives_with_keys_and_identity(database: Target, connection: Connection) -> None:
    source = good()
    migrate(source, database)
    assert findings(source, database) == []
    assert rows(connection, "select item_id, code, price::text from items where item_id = 3") == [(3, "가3", "3.1234")]
    assert rows(connection, "insert into items (code) values ('new') returning item_id") == [(50,)]
    assert rows(connection, "delete from items where item_id = 2 returning 1") == [(1,)]
    assert rows(connection, "select count(*) from routings where item_id = 2") == [(0,)]


def test_poisoned_rows_wait_in_the_quarantine_and_all_others_arrive(database: Target, connection: Connection) -> None:
    source = good()
    source.frames = {
        "Items": items([(1, "a", "1"), (2, "b", "2"), (1, "c", "3"), (3, None, "4"), (4, "n\0", "5"), (5, "b", "6")]),
        "Routings": routings(
            [(1, 1, None), (2, 9, None), (3, 2, 2), (4, 2, 3), (5, 2, 5), (None, 1, None), (6, 3, None)]
        ),
    }
    migrate(source, database)
    # 3 is refused because its parent 2 is an orphan, 4 because its parent 3 is; 5 is its own parent.
    assert rows(connection, "select item_id from items order by 1") == [(1,), (2,)]
    assert rows(connection, "select id from routings order by 1") == [(1,), (5,)]
    refused = "select source_table, stage, reason, count(*) from _naru.reject group by 1, 2, 3 order by 1, 2, 3"
    assert rows(connection, refused) == [
        ("Items", "constraint", "duplicate_key", 2),
        ("Items", "transform", "null_in_required", 1),
        ("Items", "transform", "u0000", 1),
        ("Routings", "constraint", "orphan", 4),
        ("Routings", "transform", "null_in_required", 1),
    ]
    assert findings(source, database) == [
        ("rejects", "items", "duplicate_key", 2),
        ("rejects", "items", "null_in_required", 1),
        ("rejects", "items", "u0000", 1),
        ("rejects", "routings", "null_in_required", 1),
        ("rejects", "routings", "orphan", 4),
    ]


class Crash(Exception):
    """Stands for a process that dies: nothing of ours catches it."""


@pytest.mark.parametrize("first_row", [0, 4, 12, 28])
def test_a_run_that_dies_is_resumed_with_another_batch_size(
    database: Target, connection: Connection, first_row: int
) -> None:
    source = good()

    def die(table: str, row: int) -> None:
        if table == "Routings" and row >= first_row:
            raise Crash

    source.before_batch = die
    with pytest.raises(Crash):
        migrate(source, database, options=Options(4))
    source.before_batch = lambda _table, _row: None
    migrate(source, database, run_id="r2", options=Options(9))
    assert rows(connection, "select id from routings order by id") == [(i,) for i in range(1, 31)]
    assert findings(source, database) == []


def test_a_finished_run_is_not_repeated(database: Target, connection: Connection) -> None:
    source = good()
    migrate(source, database)
    rows(connection, "delete from routings where id = 30 returning 1")

    def never(_table: str, _row: int) -> None:
        raise AssertionError("a finished table was read again")

    source.before_batch = never
    migrate(source, database, run_id="r2")
    source.before_batch = lambda _table, _row: None
    assert findings(source, database) == [("counts", "routings", "rows", 1), ("content", "routings", "missing rows", 1)]


def test_a_lost_connection_is_made_again(database: Target, connection: Connection) -> None:
    source = good()
    cut = []

    def cut_once(table: str, row: int) -> None:
        if table == "Routings" and row and not cut:
            cut.append(row)
            rows(
                connection,
                "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'naru %'",
            )

    source.before_batch = cut_once
    migrate(source, database)
    assert cut
    assert findings(source, database) == []


@pytest.mark.parametrize("sqlstate", ["40P01", "40001"])
def test_what_another_session_was_in_the_way_of_is_tried_again(
    database: Target, connection: Connection, sqlstate: str
) -> None:
    migrate(good(), database)
    connection.execute("create sequence tries")  # which no rollback sets back
    function = """create function in_the_way() returns event_trigger language plpgsql as $$
        begin if nextval('tries') = 1 then raise 'two at once' using errcode = {}; end if; end $$"""
    connection.execute(SQL(function).format(Literal(sqlstate)))
    connection.execute("create event trigger in_the_way on sql_drop execute function in_the_way()")
    source, states = good(), []

    def look(table: str, row: int) -> None:
        states.append(rows(connection, "select state, finished_at from _naru.run where run_id = 'r2'"))

    source.before_batch = look
    migrate(source, database, run_id="r2", options=Options(7, restart=True))
    assert rows(connection, "select last_value > 1 from tries") == [(True,)]
    assert states
    assert {*chain(*states)} == {("running", None)}
    assert findings(good(), database) == []


def test_a_changed_source_is_refused_until_restarted(database: Target, connection: Connection) -> None:
    migrate(good(), database)
    changed = good()
    changed.frames = {**changed.frames, "Items": changed.frames["Items"].head(9)}
    with pytest.raises(SourceChanged, match="r1") as refused:
        migrate(changed, database, run_id="r2")
    assert "--restart" in str(refused.value.hint)
    migrate(changed, database, run_id="r3", options=Options(7, restart=True))
    assert rows(connection, "select count(*) from items") == [(9,)]
    # Three routings name the item that is gone.
    assert findings(changed, database) == [("rejects", "routings", "orphan", 3)]


def test_a_changed_mapping_is_refused(database: Target) -> None:
    source = good()
    migrate(source, database)
    made = draft(CATALOG, dialect=ACCESS)
    items_mapping = made.mapping.tables["Items"]
    price = items_mapping.columns["Price"].model_copy(update={"type": "numeric(20,4)"})
    edited = items_mapping.model_copy(update={"columns": {**items_mapping.columns, "Price": price}})
    mapping = made.mapping.model_copy(update={"tables": {**made.mapping.tables, "Items": edited}})
    with pytest.raises(MappingError, match="Items"):
        migrate(source, database, run_id="r2", made=make_plan(CATALOG, mapping, ACCESS))


def test_two_runs_at_once_the_second_is_told_who_holds_the_lock(database: Target) -> None:
    with connect(database, application_name="naru earlier", autocommit=True) as other:
        lock.acquire(other)
        with pytest.raises(LockedError, match="naru earlier"):
            migrate(good(), database)
    migrate(good(), database)


def test_more_rejects_than_allowed_stop_the_run_and_the_batch_is_not_committed(
    database: Target, connection: Connection
) -> None:
    source = good()
    source.frames = {**source.frames, "Items": items([(1, "a", None), (2, "b\0", None), (3, "c\0", None)])}
    with pytest.raises(RejectLimitExceeded, match="u0000"):
        migrate(source, database, options=Options(1, max_rejects=1))
    assert rows(connection, "select item_id from items") == [(1,)]
    assert rows(connection, "select count(*) from _naru.reject") == [(1,)]
    assert rows(connection, "select state from _naru.run") == [("failed",)]


def test_rejects_found_after_the_load_count_against_the_limit(database: Target, connection: Connection) -> None:
    source = good()
    source.frames = {**source.frames, "Routings": routings([(1, 99, None)])}
    with pytest.raises(RejectLimitExceeded, match="orphan"):
        migrate(source, database, options=Options(7, max_rejects=0))
    assert rows(connection, "select id from routings") == [(1,)]
    migrate(source, database, run_id="r2")
    assert findings(source, database) == [("rejects", "routings", "orphan", 1)]


def test_a_bad_cell_that_the_source_reports_refuses_its_row(database: Target, connection: Connection) -> None:
    source = good()
    source.defects = {"Items": (Defect(8, "Code", "lone surrogate", b"\x3d\xd8", "\ufffd"),)}
    migrate(source, database)
    refused = rows(connection, "select locator, stage, detail, key::text, row_values::text from _naru.reject")
    assert len(refused) == 4, "the item, and the three routings that name it"
    assert refused[0][:4] == (8, "source", "column Code: lone surrogate", '{"ItemID": 9}')
    assert "$defect" in str(refused[0][4])


def test_the_limit_of_rejects_counts_those_of_earlier_runs(database: Target, connection: Connection) -> None:
    source = good()
    source.frames = {**source.frames, "Items": items([(n, "\0", None) for n in range(9)])}
    for run in ("r1", "r2", "r3"):
        with pytest.raises(RejectLimitExceeded):
            migrate(source, database, run_id=run, options=Options(3, max_rejects=4))
    assert rows(connection, "select count(*) from _naru.reject") == [(3,)]


def test_a_run_that_was_killed_is_not_shown_as_running_for_ever(database: Target, connection: Connection) -> None:
    migrate(good(), database)
    connection.execute("update _naru.run set state = 'running', finished_at = null")
    migrate(good(), database, run_id="r2")
    assert rows(connection, "select run_id, state from _naru.run order by 1") == [("r1", "interrupted"), ("r2", "done")]


def test_our_own_session_from_before_a_network_cut_is_ended(database: Target) -> None:
    with connect(database, application_name="naru r1", autocommit=True) as lost:
        lock.acquire(lost)
        migrate(good(), database, run_id="r1")
        with pytest.raises(psycopg.OperationalError):
            lost.execute("select 1")


def test_a_rehearsal_refuses_what_the_run_would_and_leaves_nothing(database: Target, connection: Connection) -> None:
    source = good()
    connection.execute("create table items (item_id text)")
    run = Run("r1", "migrate", "frames", source.fingerprint().digest, "m", "0")
    with pytest.raises(TargetError, match="item_id is text, the mapping says integer"):
        Migration(source, plan(source), database, run, Options(7), Silent()).rehearse()
    connection.execute("drop table items")
    Migration(source, plan(source), database, run, Options(7), Silent()).rehearse()
    assert rows(connection, "select to_regnamespace('_naru'), to_regclass('items')") == [(None, None)]


def test_a_source_that_changes_behind_its_own_back_is_not_settled(database: Target, connection: Connection) -> None:
    """Its batches tell nothing: a file can be written to and keep its size and times."""
    source = good()

    def change(table: str, first: int) -> None:
        if (table, first) == ("Routings", 28):
            source.frames = {**source.frames, "Items": source.frames["Items"].head(9)}

    source.before_batch = change
    with pytest.raises(SourceChanged, match="was written to since the run began") as refused:
        migrate(source, database)
    assert "--restart" in str(refused.value.hint)
    assert rows(connection, "select distinct state from _naru.load") == [("loaded",)]
    assert rows(connection, "select state from _naru.run") == [("failed",)]
    assert rows(connection, "select from pg_constraint where conrelid = 'items'::regclass and contype = 'p'") == []


def test_a_source_that_has_changed_is_told_before_the_rows_that_break_its_keys(
    database: Target, connection: Connection
) -> None:
    source = good()
    torn = items([(1, "a", None), (1, "b", None)])

    def change(table: str, first: int) -> None:
        if (table, first) == ("Items", 0):
            source.frames = {**source.frames, "Items": torn}

    source.frames = {**source.frames, "Items": torn.with_columns(Price=pl.lit(1, pl.Decimal(19, 4)))}
    source.before_batch = change
    with pytest.raises(SourceChanged, match="was written to since the run began"):
        migrate(source, database, options=Options(7, max_rejects=0))
    assert rows(connection, "select count(*) from _naru.reject") == [(0,)]


@pytest.mark.parametrize("replaced", [True, False])
def test_no_lock_on_a_table_that_stood_waits_for_the_look_at_the_source(
    database: Target, connection: Connection, replaced: bool
) -> None:
    """Neither on one that is replaced nor on one that a new table refers to."""
    locks = []

    class Looked(FrameSource):
        def fingerprint(self) -> Fingerprint:
            connection.execute("select pg_sleep(0.5)")  # a large file: what would not wait for it has begun by then
            held = "select count(*) from pg_locks where relation = to_regclass('items') and mode ~ 'Exclusive'"
            locks.append(rows(connection, held))
            return super().fingerprint()

    if replaced:
        connection.execute(
            "create table items (item_id int primary key, code varchar(5) not null, price numeric(19,4))"
        )
    else:
        migrate(good(), database, made=plan(good(), only=("Items",)))
    given = good()
    source = Looked(given.tables, given.frames)
    mapping, loaded = mapping_of(source, {"Items": {"load": "replace"}}), "Items" if replaced else "Routings"
    migrate(source, database, made=make_plan(source.catalog(), mapping, ACCESS, only=(loaded,)))
    assert locks == [[(0,)], [(0,)]]
    assert rows(connection, "select count(*) from items") == [(10,)]


LOST = Notice("Items", None, "is not carried, as its definition is damaged")


def test_a_lost_table_is_left_out_of_the_mapping_with_the_relationships_to_it(
    database: Target, connection: Connection
) -> None:
    whole = draft(CATALOG, dialect=ACCESS).mapping
    source = good()
    source.tables = Catalog((replace(ROUTINGS, foreign_keys=ROUTINGS.foreign_keys[1:]),), unread=(LOST,))
    made = make_plan(source.catalog(), whole, ACCESS)
    (task,) = made.tasks
    assert [(key.parent, key.columns) for key in task.target.foreign_keys] == [("routings", ("parent",))]
    assert LOST in made.notices
    migrate(source, database, made=made)
    with connect(database, application_name="t", autocommit=True) as other:
        found = verify_plan(other, made, source)
    assert [(f.verifier, f.table, f.subject) for f in found] == [("source", "Items", "unreadable_schema")]
    assert verdict(found) is Verdict.INCOMPLETE
    assert rows(connection, "select count(*) from routings") == [(30,)]


def test_a_table_whose_name_is_lost_is_known_from_the_mapping() -> None:
    """Damage to the source's list of tables does not say which tables were on it."""
    page = Notice(None, None, "MSysObjects: page 17: is gone")
    made = make_plan(Catalog((ITEMS,), unread=(page,)), draft(CATALOG, dialect=ACCESS).mapping, ACCESS)
    assert [task.source.name for task in made.tasks] == ["Items"]
    assert [notice.table for notice in made.unread] == [None, "Routings"]
    with pytest.raises(MappingError, match="'Routings'"):
        make_plan(Catalog((ITEMS,)), draft(CATALOG, dialect=ACCESS).mapping, ACCESS)


def test_views_of_lost_tables_and_queries_fall_with_them() -> None:
    selects = {"A": "select code from items", "B": "select code from a", "C": "select * from routings", "D": "select 1"}
    views = {name: ViewMapping(sql=sql) for name, sql in selects.items()}
    whole = draft(CATALOG, dialect=ACCESS).mapping.model_copy(update={"views": views})
    queries = tuple(Query(name, QueryKind.SELECT, "") for name in "ABC")
    routings = replace(ROUTINGS, foreign_keys=ROUTINGS.foreign_keys[1:])
    made = make_plan(Catalog((routings,), queries=queries, unread=(LOST,)), whole, ACCESS)
    assert [view.query for view in made.target.views] == ["C"]


def test_a_source_of_lost_tables_alone_is_damaged() -> None:
    with pytest.raises(DamagedSource, match="no table can be read"):
        make_plan(Catalog((), unread=(LOST,)), draft(CATALOG, dialect=ACCESS).mapping, ACCESS)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([], Verdict.COMPLETE),
        ([("rejects", "orphan"), ("counts", "rows")], Verdict.DIFFERENCES),
        ([("rejects", "orphan"), ("rejects", "unreadable_page")], Verdict.INCOMPLETE),
        ([("rejects", "doubted_row")], Verdict.INCOMPLETE),
        ([("counts", "unreadable_page")], Verdict.DIFFERENCES),  # a subject of that name, and no reject
    ],
)
def test_the_verdict_follows_from_the_findings(found: list[tuple[str, str]], expected: Verdict) -> None:
    assert verdict([Finding(verifier, "t", subject, 1, "") for verifier, subject in found]) is expected


def test_what_the_mapping_allows_is_no_difference() -> None:
    orphans = Finding("foreign_keys", "t", "t_parent_fkey", 3, "", allowed=True)
    assert verdict([orphans]) is Verdict.COMPLETE
    assert verdict([orphans, Finding("counts", "t", "rows", 1, "")]) is Verdict.DIFFERENCES
