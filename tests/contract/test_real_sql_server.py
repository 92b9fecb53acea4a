"""What only a real SQL Server can prove: that it takes our statements, and sends what it holds.

    export MSSQL_TEST_DSN=mssql://sa@localhost:1433/naru_test MSSQL_TEST_PASSWORD=...
    pytest tests/contract/test_real_sql_server.py

The database should be one for tests: a schema `naru_test` is dropped, made and dropped in it. Babelfish will do; what
it does not know is skipped, and said. How the connection is encrypted is up to the MSSQL_* variables.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count

import pytest

from pipeline.catalog import Action, Check, ForeignKey, Identity, Index, IndexPart, Table
from pipeline.dialects.draft import draft
from pipeline.dialects.mssql import sql_server
from pipeline.engine.plan import make_plan
from pipeline.engine.run import Migration, Options
from pipeline.engine.summary import verify_plan
from pipeline.errors import SourceError, StatementRefused
from pipeline.postgres.connect import Target
from pipeline.postgres.connect import connect as connect_target
from pipeline.postgres.sql import SQL, Identifier, relation
from pipeline.record import Run
from pipeline.settings import load_settings
from pipeline.sources.mssql.address import Address
from pipeline.sources.mssql.clients.base import Client
from pipeline.sources.mssql.connect import connect
from pipeline.sources.mssql.schema.catalog import read_schema
from pipeline.sources.mssql.source import MssqlSource
from tests.unit.engine.test_run import Silent

DSN = os.environ.get("MSSQL_TEST_DSN")
pytestmark = pytest.mark.skipif(not DSN, reason="MSSQL_TEST_DSN names no SQL Server")
SCHEMA = "naru_test"
_numbers = count(1)

# Type; pairs of what is stored, in T-SQL, and of what PostgreSQL then shows. The edges are those of SQL Server.
VALUES: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    ("bit", (("0", "false"), ("1", "true"))),
    ("tinyint", (("0", "0"), ("255", "255"))),
    ("smallint", (("-32768", "-32768"), ("32767", "32767"))),
    ("int", (("-2147483648", "-2147483648"), ("2147483647", "2147483647"))),
    ("bigint", (("-9223372036854775808", "-9223372036854775808"), ("9223372036854775807", "9223372036854775807"))),
    ("decimal(38,0)", (("-" + "9" * 38, "-" + "9" * 38), ("9" * 38, "9" * 38))),
    ("decimal(38,38)", (("0." + "9" * 38, "0." + "9" * 38), ("-0." + "0" * 37 + "1", "-0." + "0" * 37 + "1"))),
    ("numeric(9,4)", (("12345.6789", "12345.6789"), ("0", "0.0000"))),
    ("money", (("-922337203685477.5808", "-922337203685477.5808"), ("922337203685477.5807", "922337203685477.5807"))),
    ("smallmoney", (("-214748.3648", "-214748.3648"), ("214748.3647", "214748.3647"))),
    ("real", (("3.4028235E38", "3.4028235e+38"), ("1.17549435E-38", "1.1754944e-38"), ("0.1", "0.1"))),
    ("float", (("1.7976931348623157E308", "1.7976931348623157e+308"), ("0.1", "0.1"))),
    ("date", (("'0001-01-01'", "0001-01-01"), ("'9999-12-31'", "9999-12-31"))),
    ("time(0)", (("'00:00:00'", "00:00:00"), ("'23:59:59'", "23:59:59"))),
    ("time(6)", (("'23:59:59.999999'", "23:59:59.999999"), ("'00:00:00.000001'", "00:00:00.000001"))),
    ("time(7)", (("'23:59:59.9999990'", "23:59:59.999999"), ("'12:34:56.1234567'", "12:34:56.123456"))),
    ("datetime", (("'17530101'", "1753-01-01 00:00:00"), ("'9999-12-31T23:59:59.997'", "9999-12-31 23:59:59.997"))),
    ("smalldatetime", (("'19000101'", "1900-01-01 00:00:00"), ("'2079-06-06T23:59:00'", "2079-06-06 23:59:00"))),
    ("datetime2(0)", (("'0001-01-01T00:00:00'", "0001-01-01 00:00:00"),)),
    ("datetime2(3)", (("'9999-12-31T23:59:59.999'", "9999-12-31 23:59:59.999"),)),
    (
        "datetime2(7)",
        (
            ("'1600-02-29T12:34:56.1234560'", "1600-02-29 12:34:56.123456"),
            ("'9999-12-31T23:59:59.9999999'", "9999-12-31 23:59:59.999999"),
        ),
    ),
    (
        "datetimeoffset(6)",
        (
            ("'2024-02-29T09:00:00.123456+09:00'", "2024-02-29 00:00:00.123456+00"),
            ("'1969-12-31T23:59:59.999999-12:00'", "1970-01-01 11:59:59.999999+00"),
        ),
    ),
    ("char(10) COLLATE Korean_Wansung_CI_AS", (("N'가나다'", "가나다"), ("N'abcdefghij'", "abcdefghij"))),
    ("varchar(20) COLLATE Korean_Wansung_CI_AS", (("N'서울 ab'", "서울 ab"), ("N'똠방각하'", "똠방각하"), ("''", ""))),
    ("varchar(20) COLLATE SQL_Latin1_General_CP1_CI_AS", (("N'café €'", "café €"), ("'  x '", "  x "))),
    ("varchar(max)", (("REPLICATE(CAST('ab' AS varchar(max)), 10000)", "ab" * 10000),)),
    ("nchar(4)", (("N'한글'", "한글"),)),
    ("nvarchar(20)", (("N'한글 😀 이모지'", "한글 😀 이모지"), ("N''", ""))),
    ("nvarchar(max)", (("REPLICATE(CAST(N'한글' AS nvarchar(max)), 10000)", "한글" * 10000),)),
    ("text", (("'old'", "old"),)),
    ("ntext", (("N'옛 글'", "옛 글"),)),
    ("xml", (("N'<루트><값>1</값></루트>'", "<루트><값>1</값></루트>"),)),
    ("binary(4)", (("0xDEAD", r"\xdead0000"),)),
    ("varbinary(8)", (("0x", r"\x"), ("0x00FF", r"\x00ff"))),
    ("varbinary(max)", (("CAST(REPLICATE('a', 8000) AS varbinary(max))", r"\x" + "61" * 8000),)),
    ("image", (("0x0102", r"\x0102"),)),
    (
        "uniqueidentifier",
        (("'6F9619FF-8B86-D011-B42D-00C04FC964FF'", "6f9619ff-8b86-d011-b42d-00c04fc964ff"),),
    ),
    ("hierarchyid", (("'/'", "/"), ("'/1/2.5/'", "/1/2.5/"))),
    ("geography", (("geography::Point(37.5665, 126.978, 4326)", "SRID=4326;POINT(126.978 37.5665)"),)),
    (
        "sql_variant",
        (
            ("CAST(12.5 AS decimal(5, 2))", '{"type": "decimal(5,2)", "value": "12.50"}'),
            ("CAST(0.30000000000000004E0 AS float)", '{"type": "float", "value": "0.30000000000000004"}'),
            ("CAST(0.1 AS real)", '{"type": "real", "value": "0.1"}'),
        ),
    ),
)  # fmt: skip

NEWER_VALUES = (
    ("json", (("N'{\"키\": [1.50, \"값\"]}'", '{"키": [1.50, "값"]}'), ("N'null'", "null"))),
)  # fmt: skip
"""Of SQL Server 2025 and Azure."""


def address() -> Address:
    settings = load_settings(mssql_password=os.environ.get("MSSQL_TEST_PASSWORD"))
    return Address.from_url(DSN or "", settings)


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """A session in which the schema of the tests is there, and empty."""
    session = connect(address())
    clear(session)
    session.execute(f"CREATE SCHEMA {SCHEMA}")
    yield session
    clear(session)
    session.close()


def clear(session: Client) -> None:
    of_ours = f"JOIN sys.schemas s ON s.schema_id = o.schema_id WHERE s.name = '{SCHEMA}'"
    keys = "SELECT f.name, o.name AS table_name FROM sys.foreign_keys f JOIN sys.tables o ON o.object_id"
    for key in session.rows(f"{keys} = f.parent_object_id {of_ours}"):
        session.execute(f"ALTER TABLE {SCHEMA}.[{key['table_name']}] DROP CONSTRAINT [{key['name']}]")
    for kind in ("view", "table"):
        for row in session.rows(f"SELECT o.name FROM sys.{kind}s o {of_ours}"):
            session.execute(f"DROP {kind} {SCHEMA}.[{row['name']}]")
    if session.rows(f"SELECT name FROM sys.schemas WHERE name = '{SCHEMA}'"):
        session.execute(f"DROP SCHEMA {SCHEMA}")


def attempt(session: Client, *statements: str) -> None:
    """Skips the test where the server does not take a statement: Babelfish, or an older one."""
    for statement in statements:
        try:
            session.execute(statement)
        except StatementRefused as error:
            pytest.skip(f"the server refuses {statement[:80]!r}: {error.message}")


def table(name: str) -> Table:
    with MssqlSource(address()) as source:
        return source.catalog().table(f"{SCHEMA}.{name}")


def arrived(name: str, target: Target, *columns: str) -> list[tuple[str | None, ...]]:
    """Values of a migrated table as PostgreSQL shows them, by `id`; verification has found nothing."""
    with MssqlSource(address()) as source:
        catalog = source.catalog()
        dialect = sql_server(catalog.facts["collation"])
        plan = make_plan(catalog, draft(catalog, dialect=dialect).mapping, dialect, only=(f"{SCHEMA}.{name}",))
        run = Run("r", "migrate", "", source.fingerprint().digest, "", "0")
        Migration(source, plan, target, run, Options(1000), Silent()).execute()
        with connect_target(target, application_name="t", autocommit=True) as connection:
            assert verify_plan(connection, plan, source) == ()
            connection.execute("set timezone to 'UTC'")
            shown = SQL(", ").join(SQL("{}::text").format(Identifier(column)) for column in columns)
            select = SQL("select {} from {} order by id").format(shown, relation(plan.tasks[0].target))
            return connection.execute(select).fetchall()


@pytest.mark.parametrize(("type", "values"), [*VALUES, *NEWER_VALUES])
def test_values(client: Client, database: Target, type: str, values: tuple[tuple[str, str], ...]) -> None:
    name = f"v{next(_numbers)}"
    attempt(client, f"CREATE TABLE {SCHEMA}.{name} (id int NOT NULL PRIMARY KEY, v {type} NULL)")
    for at, (stored, _) in enumerate(values):
        client.execute(f"INSERT INTO {SCHEMA}.{name} VALUES ({at}, {stored})")
    client.execute(f"INSERT INTO {SCHEMA}.{name} VALUES (9, NULL)")
    assert arrived(name, database, "v") == [*((shown,) for _, shown in values), (None,)]


def test_types_are_told_as_they_were_declared(client: Client) -> None:
    name = f"t{next(_numbers)}"
    columns = ", ".join(f"c{at} {type} NULL" for at, (type, _) in enumerate(VALUES))
    attempt(client, f"CREATE TABLE {SCHEMA}.{name} (id int NOT NULL PRIMARY KEY, {columns})")
    found = [str(column.type) for column in table(name).columns[1:]]
    assert found == [type.split(" ")[0].removesuffix("(max)") for type, _ in VALUES]


def test_keys_checks_defaults_and_identities(client: Client) -> None:
    attempt(
        client,
        f"CREATE TABLE {SCHEMA}.parent (a int NOT NULL, b int NOT NULL, CONSTRAINT pk_parent PRIMARY KEY (b, a))",
        f"CREATE TABLE {SCHEMA}.child (id int IDENTITY(10, 5) NOT NULL CONSTRAINT pk_child PRIMARY KEY, x int NULL, "
        "y int NULL CONSTRAINT ck_y CHECK (y > 0), n nvarchar(10) NOT NULL CONSTRAINT df_n DEFAULT (N'없음'), "
        "twice AS (x * 2), CONSTRAINT uq_n UNIQUE (n), CONSTRAINT fk FOREIGN KEY (x, y) "
        f"REFERENCES {SCHEMA}.parent (b, a) ON DELETE CASCADE)",
        f"CREATE INDEX ix_down ON {SCHEMA}.child (x DESC, y)",
        f"INSERT INTO {SCHEMA}.child DEFAULT VALUES",
    )
    child = table("child")
    names = [(index.columns, index.unique, index.primary) for index in child.indexes]
    assert names == [(("id",), True, True), (("n",), True, False), (("x", "y"), False, False)]
    assert child.indexes[2].parts[0].descending
    assert [(key.columns, key.parent, key.parent_columns, key.on_delete) for key in child.foreign_keys] == [
        (("x", "y"), f"{SCHEMA}.parent", ("b", "a"), Action.CASCADE)
    ]
    assert [check.columns for check in child.checks] == [("y",)]
    assert "0" in child.checks[0].expression
    assert child.column("id").identity == Identity(10)  # the row that has it counts by itself
    assert "없음" in str(child.column("n").default)
    assert "2" in str(child.column("twice").calculated)
    assert table("parent").primary_key == ("b", "a")


def test_names_of_constraints_and_filtered_indexes(client: Client) -> None:
    """Babelfish mangles names of indexes and knows no filter."""
    attempt(
        client,
        f"CREATE TABLE {SCHEMA}.named (a int NOT NULL CONSTRAINT pk_named PRIMARY KEY, b int NULL, c int NULL, "
        f"CONSTRAINT fk_named FOREIGN KEY (b) REFERENCES {SCHEMA}.named (a), CONSTRAINT ck_named CHECK ([b]<>[c]))",
        f"CREATE UNIQUE INDEX ix_named ON {SCHEMA}.named (b) INCLUDE (c) WHERE ([b] IS NOT NULL)",
    )
    if client.rows("SELECT CAST(SERVERPROPERTY('BabelfishVersion') AS nvarchar(128)) AS v")[0]["v"]:
        pytest.skip("Babelfish names indexes by its own rules")
    found = table("named")
    assert found.indexes == (
        Index("pk_named", (IndexPart("a"),), unique=True, primary=True),
        Index("ix_named", (IndexPart("b"),), unique=True, included=("c",), predicate="([b] IS NOT NULL)"),
    )
    assert found.foreign_keys == (ForeignKey("fk_named", ("b",), f"{SCHEMA}.named", ("a",)),)
    assert found.checks == (Check("ck_named", "([b]<>[c])"),)


def test_descriptions_and_views(client: Client) -> None:
    attempt(
        client,
        f"CREATE TABLE {SCHEMA}.told (id int NOT NULL PRIMARY KEY)",
        f"EXEC sp_addextendedproperty 'MS_Description', N'설명', 'SCHEMA', '{SCHEMA}', 'TABLE', 'told'",
        f"EXEC sp_addextendedproperty 'MS_Description', N'열', 'SCHEMA', '{SCHEMA}', 'TABLE', 'told', 'COLUMN', 'id'",
        f"CREATE VIEW {SCHEMA}.seen AS SELECT id FROM {SCHEMA}.told",
    )
    found = table("told")
    assert (found.comment, found.column("id").comment) == ("설명", "열")
    with MssqlSource(address()) as source:
        (view,) = [query for query in source.catalog().queries if query.name == f"{SCHEMA}.seen"]
    assert "SELECT" in view.sql.upper()


def test_what_a_lesser_login_is_not_given(client: Client) -> None:
    """Denied and masked columns stop a plan; what the server would send for them looks like any value."""
    attempt(
        client,
        f"CREATE TABLE {SCHEMA}.secret (id int NOT NULL PRIMARY KEY, "
        "mail nvarchar(50) MASKED WITH (FUNCTION = 'email()') NULL, pay money NULL)",
        "CREATE USER naru_lesser WITHOUT LOGIN",
    )
    try:
        client.execute(f"GRANT SELECT ON {SCHEMA}.secret TO naru_lesser")
        client.execute(f"DENY SELECT ON {SCHEMA}.secret (pay) TO naru_lesser")
        session = connect(address())
        try:
            session.execute("EXECUTE AS USER = 'naru_lesser'")
            found = read_schema(session).catalog
            session.execute("REVERT")
        finally:
            session.close()
    finally:
        client.execute("DROP USER naru_lesser")
    secret = found.table(f"{SCHEMA}.secret")
    assert secret.column("id").unreadable is None
    assert "UNMASK" in str(secret.column("mail").unreadable)
    assert "SELECT" in str(secret.column("pay").unreadable)
    assert any("have VIEW DEFINITION" in notice.text for notice in found.notices)
    dialect = sql_server(found.facts["collation"])
    with pytest.raises(SourceError, match=r"secret, column mail: .* UNMASK"):
        make_plan(found, draft(found, dialect=dialect).mapping, dialect, only=(f"{SCHEMA}.secret",))


def test_every_statement_of_the_catalog_is_taken(client: Client) -> None:
    """On SQL Server 2016 and later nothing is left that a server does not tell; graph tables came with 2017."""
    found = read_schema(client).catalog
    untold = [notice.text for notice in found.notices if "does not tell" in notice.text]
    if "Babelfish" in str(client.rows("SELECT @@VERSION AS v")[0]["v"]):
        pytest.skip(f"Babelfish: {untold}")
    assert untold == []
