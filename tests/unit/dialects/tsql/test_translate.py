"""Every translation runs in PostgreSQL, against what SQL Server's documentation says of the expression."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from psycopg import sql

from pipeline.dialects.expressions.tree import Untranslatable
from pipeline.dialects.mssql import MSSQL, sql_server
from pipeline.dialects.rules import Columns
from pipeline.mapping.conditions import valid_condition
from pipeline.mapping.defaults import default_fits
from pipeline.mapping.types import parse_type
from pipeline.postgres.connect import Connection, connect
from pipeline.postgres.embedded import EmbeddedServer

_COLUMNS = {
    "Small": ("small", "smallint"),
    "N": ("n", "integer"),
    "Big": ("big", "bigint"),
    "Price": ("price", "numeric(19,4)"),
    "Off": ("off", "numeric(19,4)"),
    "Amount": ("amount", "numeric(10,2)"),
    "Wide": ("wide", "numeric(38,10)"),
    "Single": ("single", "real"),
    "Ratio": ("ratio", "double precision"),
    "Part No": ('part "no"', "varchar(10)"),
    "Other": ("other", "text"),
    "Padded": ("padded", "char(5)"),
    "Open": ("open", "boolean"),
    "At": ("at", "timestamp(3)"),
    "Exactly": ("exactly", "timestamp(6)"),
    "Day": ("day", "date"),
    "From": ("from", "time(6)"),
    "Till": ("till", "time(6)"),
    "Id": ("id", "uuid"),
}
_NAMES = {source: target for source, (target, _) in _COLUMNS.items()}
_TYPES = {source: parse_type(type) for source, (_, type) in _COLUMNS.items()}
_KNOWN = Columns(_NAMES, _TYPES)
_CASED = sql_server("Latin1_General_100_CS_AS_SC")


def _at(*parts: int) -> datetime:
    return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001 (datetime knows no zones)


@pytest.fixture(scope="module")
def connection(server: EmbeddedServer) -> Iterator[Connection]:
    """With a temporary table of every type."""
    columns = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(type))  # type: ignore[arg-type]
        for name, type in _COLUMNS.values()
    )
    with connect(server.target(), application_name="tests", autocommit=True) as open_connection:
        open_connection.execute(sql.SQL("create temporary table rows ({})").format(columns))
        yield open_connection


def _computed(connection: Connection, expression: str, row: Mapping[str, object]) -> Any:
    connection.execute("truncate rows")
    names = sql.SQL(", ").join(sql.Identifier(_NAMES[name]) for name in row)
    values = sql.SQL(", ").join(sql.Placeholder() * len(row))
    connection.execute(sql.SQL("insert into rows ({}) values ({})").format(names, values), [*row.values()])
    found = connection.execute(f"select {expression} from rows".encode()).fetchone()
    assert found is not None
    return found[0]


def _holds(connection: Connection, rule: str, row: Mapping[str, object], dialect: Any = MSSQL) -> bool | None:
    """What the rule yields for a row, once PostgreSQL has taken it as a CHECK."""
    condition = valid_condition(dialect.check(rule, None, _KNOWN))
    held: bool | None = _computed(connection, condition, row)
    add = sql.SQL("alter table rows add constraint rule check ({}) not valid").format(sql.SQL(condition))  # type: ignore[arg-type]
    connection.execute(add)
    connection.execute("alter table rows drop constraint rule")
    return held


@pytest.mark.parametrize(
    ("rule", "column", "right", "wrong"),
    [
        ("([Price]>=(0.00))", "Price", ["0", "0.0001"], ["-0.0001"]),
        ("([N]>=(0) AND [N]<=(8))", "N", [0, 8], [-1, 9]),
        ("[N]=(1) OR [N]=(2) OR [N] IS NULL", "N", [1, 2, None], [3]),
        ("NOT [n] BETWEEN 1 AND 9", "N", [0, 10], [1, 9]),
        ("[N] NOT IN (1,2)", "N", [3], [1, 2]),
        ("[N]%(2)=(0)", "N", [-4, 0], [-3, 3]),
        ("[N]%(3)=(-1)", "N", [-1, -4], [1, 2]),  # the remainder has the dividend's sign
        ("[N]/(2)=(-1)", "N", [-2, -3], [-1, -4]),  # whole numbers divide to whole numbers, towards zero
        ("[N]*[N]>(0)", "N", [2147483647], [0]),  # no overflow in PostgreSQL either
        ("-[N]<=(5)", "N", [-5], [-6]),
        ("abs([Small])<(5)", "Small", [-4], [-32768]),
        ("[Open]=(1)", "Open", [True], [False]),
        ("[Open]<>(1)", "Open", [False], [True]),
        ("CONVERT([bit],[N])=(1)", "N", [7], [0]),
        ("CONVERT([int],[Price])=(1)", "Price", ["1.9999"], ["2"]),  # cut, not rounded
        ("CONVERT([decimal](10,2),[Price])=(1.01)", "Price", ["1.005", "1.0149"], ["1.0049", "1.0150"]),
        ("round([Price],(0))=(3)", "Price", ["2.5", "3.4999"], ["2.4999", "3.5"]),
        ("floor([Price])=(-1)", "Price", ["-0.5"], ["0.5"]),
        ("[Single]=(0.5)", "Single", [0.5], [0.25]),
        ("[Ratio]<=(0.1)", "Ratio", [0.1], [0.2]),
        ("[Part No]='abc'", "Part No", ["abc", "ABC", "aBc  "], ["abd", " abc"]),
        ("[Part No]<>''", "Part No", ["a"], ["", "  "]),  # blanks at the end do not count
        ("[Part No] IN ('M','F')", "Part No", ["m", "F"], ["x"]),
        ("[Part No]=N'한글'", "Part No", ["한글"], ["한"]),
        ("upper([Part No])='M'", "Part No", ["m", "M "], ["n"]),
        ("[Padded]='ab'", "Padded", ["ab", "AB   "], ["abc"]),
        ("len([Part No])>(2)", "Part No", ["abc", " ab"], ["ab  "]),
        ("len([Padded])=(2)", "Padded", ["ab", "ab "], ["abc"]),
        ("[Part No] LIKE 'A[0-9][0-9]%'", "Part No", ["a12", "A99x"], ["a1", "b12"]),
        ("[Part No] LIKE '[0-9][^x]'", "Part No", ["1a", "1a "], ["1x", "12a"]),
        ("[Part No] LIKE '%[%]%'", "Part No", ["50%"], ["50"]),
        ("[Part No] LIKE '%!_%' ESCAPE '!'", "Part No", ["a_b"], ["ab"]),
        ("[Part No] NOT LIKE '%@%.%'", "Part No", ["a@b"], ["a@b.c"]),
        ("[Part No] LIKE 'a.c'", "Part No", ["a.c"], ["abc"]),
        ("ltrim(rtrim([Part No]))<>''", "Part No", [" a "], ["  "]),
        ("left([Part No],(2))='KR'", "Part No", ["kr-1"], ["us-1"]),
        ("substring([Part No],(2),(1))='x'", "Part No", ["ax"], ["xa", "a"]),
        ("isnull([Part No],'')=''", "Part No", [None, " "], ["a"]),
        ("isnull([N],(0))=(0)", "N", [None, 0], [1]),
        ("coalesce([N],[Small],(5))=(5)", "N", [None, 5], [1]),
        ("nullif([N],(0)) IS NULL", "N", [0, None], [1]),
        ("iif([N]>(5),(1),(0))=(1)", "N", [6], [5, None]),
        ("case [N] when (1) then 'x' when (2) then 'y' else 'zz' end='y'", "N", [2], [1, 3]),
        ("case when [N]<(0) then (-1) else (1) end=(-1)", "N", [-5], [0]),
        ("choose([N],(10),(20))=(20)", "N", [2], [1]),
        ("[Day]>='1930-01-31'", "Day", [date(1930, 1, 31)], [date(1930, 1, 30)]),
        ("[At]<='19971231'", "At", [_at(1997, 12, 31)], [_at(1997, 12, 31, 0, 0, 1)]),
        ("[At]>='2000-01-01'", "At", [_at(2000, 1, 1)], [_at(1999, 12, 31)]),
        ("CONVERT([date],[At])='20200131'", "At", [_at(2020, 1, 31, 23, 59)], [_at(2020, 2, 1)]),
        ("CONVERT([datetime],'2020-01-31',(120))<=[At]", "At", [_at(2020, 1, 31)], [_at(2020, 1, 30)]),
        ("datepart(year,[At])=(2020)", "At", [_at(2020, 12, 31)], [_at(2021, 1, 1)]),
        ("datepart(hh,[At])=(23)", "At", [_at(2020, 12, 31, 23, 59)], [_at(2021, 1, 1)]),
        ("month([Day])=(2)", "Day", [date(2020, 2, 29)], [date(2020, 3, 1)]),
        ("dateadd(month,(1),[Day])='20200229'", "Day", [date(2020, 1, 31)], [date(2020, 1, 28)]),
        ("datediff(year,[Day],CONVERT([date],'20200101'))=(1)", "Day", [date(2019, 12, 31)], [date(2018, 12, 31)]),
        ("[Id] IS NOT NULL", "Id", ["00000000-0000-0000-0000-000000000000"], [None]),
    ],
)  # fmt: skip
def test_checks(connection: Connection, rule: str, column: str, right: list[object], wrong: list[object]) -> None:
    for value in right:
        assert _holds(connection, rule, {column: value}) is True, value
    for value in wrong:
        assert _holds(connection, rule, {column: value}) is False, value


def test_rules_of_several_columns(connection: Connection) -> None:
    later = "[Exactly]>=[Day] OR [Exactly] IS NULL"
    assert _holds(connection, later, {"Day": date(2020, 1, 1), "Exactly": _at(2020, 1, 1)}) is True
    assert _holds(connection, later, {"Day": date(2020, 1, 2), "Exactly": _at(2020, 1, 1)}) is False
    assert _holds(connection, "[Till]>[From]", {"From": "09:00", "Till": "18:00"}) is True
    assert _holds(connection, "[N]+[Small]<[Big]", {"N": 2147483647, "Small": 1, "Big": 2147483649}) is True


def test_a_rule_whose_answer_is_not_known_refuses_nothing(connection: Connection) -> None:
    assert _holds(connection, "[N]>(0) AND [Price]>(0)", {"N": 1}) is None


@pytest.mark.parametrize(
    ("rule", "cased"),
    [
        ("[Part No]='ab'", True),
        ("'ab'=[Part No]", True),
        ("[Part No] IN ('ab','x')", True),
        ("[Part No] LIKE 'a_'", True),
        ("left([Part No],(2))='ab'", True),
        ("CONVERT([nvarchar](2),[Part No])='ab'", True),
        ("isnull([Part No],'x')='ab'", True),
        ("coalesce(NULL,[Part No],'x')='ab'", True),
        ("'' + [Part No]='ab'", True),
        ("case when 1=1 then [Part No] else 'x' end='ab'", True),
        ("case [Part No] when 'ab' then 1 else 0 end=1", True),
        ("nullif([Part No],'ab') IS NULL", True),
        ("[Other]='ab'", False),
        ("[Other] LIKE 'a_'", False),
    ],
)
def test_a_column_is_compared_by_its_own_collation(connection: Connection, rule: str, cased: bool) -> None:
    known = Columns(_NAMES, _TYPES, {"Part No": "Latin1_General_100_CS_AS_SC"})
    for value, held in (("ab", True), ("AB", not cased), ("ac", "LIKE" in rule)):
        condition = valid_condition(MSSQL.check(rule, None, known))
        assert _computed(connection, condition, {"Part No": value, "Other": value}) is held, value


@pytest.mark.parametrize(
    "rule",
    [
        "[Part No]+[Other]='ab'",
        "isnull([Other],[Part No])='ab'",
        "coalesce('x',[Part No],[Other])='ab'",
        "case when 1=1 then [Part No] else [Other] end='ab'",
        "left([Part No],(2))+rtrim([Other])='ab'",
    ],
)
def test_texts_of_two_collations_are_not_brought_together(rule: str) -> None:
    """SQL Server itself refuses to compare what comes of them."""
    known = Columns(_NAMES, _TYPES, {"Part No": "Korean_Wansung_CI_AS"})
    with pytest.raises(ValueError, match=r"two collations together: .*korean_wansung_ci_as"):
        MSSQL.check(rule, None, known)
    same = Columns(_NAMES, _TYPES, dict.fromkeys(("Part No", "Other"), "Korean_Wansung_CI_AS"))
    assert MSSQL.check(rule, None, same)


def test_a_collation_that_tells_cases_apart(connection: Connection) -> None:
    for rule, right, wrong in (("[Part No]='aB'", "aB ", "ab"), ("[Part No] LIKE 'a%'", "ab", "Ab")):
        assert _holds(connection, rule, {"Part No": right}, _CASED) is True
        assert _holds(connection, rule, {"Part No": wrong}, _CASED) is False


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("[At]<getdate()", "depends on the moment"),
        ("[At]<current_timestamp", "depends on the moment"),
        ("[dbo].[f]([N])=(1)", "a function of the database"),
        ("[N] IN (SELECT 1)", "without a list"),
        ("EXISTS (SELECT 1)", "asks other rows"),
        ("[N]=(SELECT 1)", "asks other rows"),
        ("[N]/[Small]=(1)", "divide by zero"),
        ("[N]/(0)=(1)", "divide by zero"),
        ("[Price]/(2)=(1)", "digits"),
        ("[Price]*[Off]>(0)", "money"),
        ("[Wide]*[Big]>(0)", "digits"),
        ("[Ratio]*(2)>(1)", "not exact"),
        ("[Single]<=(0.1)", "rounds a decimal number to a real"),
        ("[Single]<=[Ratio]", "to a real"),
        ("[Part No]=[Other]", "two columns of text"),
        ("[Part No]>'a'", "comes first"),
        ("[Part No]='é'", "depends on its collation"),
        ("[Part No] LIKE '[A-Z]%'", "depend on the collation"),
        ("[Part No] LIKE [Other]", "not a literal"),
        ("[Part No] COLLATE Latin1_General_BIN='x'", "names a collation"),
        ("[Padded]+'x'='ax'", "not exact"),
        ("[At]>='2020-01-31'", "language of the session"),
        ("[At]='noon'", "no day"),
        ("[At]=[Exactly]", "compatibility level"),
        ("[Open]>(0)", "a bit as a number"),
        ("[Open]=(2)", "a bit as a number"),
        ("[Open]", "for a condition"),
        ("[N]", "for a condition"),
        ("[N]=(1)=(1)", "a condition for a value"),
        ("datepart(weekday,[At])=(1)", "weekday"),
        ("charindex('a',[Part No])>(0)", "depends on the collation"),
        ("isnull([Part No],'longer than it')=''", "may not hold it"),
        ("isnull([N],(0.5))>(0)", "may not hold it"),
        ("TRY_CONVERT([int],[Part No])=(1)", "yields NULL"),
        ("CONVERT([int],[Part No])=(1)", "does not translate"),
        ("CONVERT([real],[N])=(1)", "does not translate"),
        ("CONVERT([varchar](5),[N])='1'", "does not translate"),
        ("user_name()='x'", "who is connected"),
        ("[N]&(1)=(1)", "BitwiseAnd"),
        ("[N]>$1.5", "several parts"),
        ("[N]=0x10", "HexString"),
        ("[N]>1e3", "not a decimal number"),
        ("[Missing]=(1)", "no column 'Missing'"),
        ("[t].[N]=(1)", "several parts"),
        ("[N]=(1); DROP TABLE rows", "not one expression"),
        ("[N]=", "not T-SQL"),
        ("[N]=CAST([N] AS int", "not closed"),
        ("", "not one expression"),
        ("(" * 500 + "[N]" + ")" * 500 + "=(1)", "too deep"),
        ("+".join(["[N]"] * 3000) + ">(0)", "too deep|too long"),
        ("*".join(["[N]"] * 20) + ">(0)", "multiplies more than"),
    ],
)  # fmt: skip
def test_what_is_not_exact_stays_with_sql_server(rule: str, reason: str) -> None:
    with pytest.raises(Untranslatable, match=reason):
        MSSQL.check(rule, None, _KNOWN)


@pytest.mark.parametrize(
    ("expression", "type", "row", "value"),
    [
        # decimal(19,4) by decimal(20,4) has 40 digits, so two decimals go: 0.3333 * 0.3333 is 0.111089, not 0.11108889
        ("(isnull(([Price]*((1.0)-[Off]))*[Small],(0.0)))", "numeric(38,6)",
         {"Price": "0.3333", "Off": "0.6667", "Small": 3}, Decimal("0.333267")),
        ("(isnull(([Price]*((1.0)-[Off]))*[Small],(0.0)))", "numeric(38,6)", {"Price": None, "Small": 3}, Decimal(0)),
        ("(isnull(([Price]+[Off])+[Price],(0)))", "numeric(19,4)", {"Price": "0.1", "Off": "0"}, Decimal("0.2")),
        ("([Price]*[N])", "numeric(19,4)", {"Price": "-0.0001", "N": 3}, Decimal("-0.0003")),
        ("(isnull(N'SO'+CONVERT([nvarchar](23),[N],(0)),N'*** ERROR ***'))", "varchar(25)", {"N": -7}, "SO-7"),
        ("(isnull(N'SO'+CONVERT([nvarchar](23),[N],(0)),N'* ERROR *'))", "varchar(25)", {"N": None}, "* ERROR *"),
        ("([Part No]+' ')+[Part No]", "varchar(21)", {"Part No": "a "}, "a  a "),
        ("([Part No]+[Other])", "text", {"Part No": "a"}, None),
        ("rtrim([Padded])", "varchar(5)", {"Padded": "ab"}, "ab"),
        ("(CONVERT([bit],case when [N]>(0) then (1) else (0) end))", "boolean", {"N": 1}, True),
        ("(datediff(day,[Day],[At]))", "integer", {"Day": date(2020, 2, 28), "At": _at(2020, 3, 1, 1)}, 2),
        ("(dateadd(day,(-1),[At]))", "timestamp(3)", {"At": _at(2020, 3, 1, 1)}, _at(2020, 2, 29, 1)),
        ("([N]-[Small])/(2)", "integer", {"N": -4, "Small": 1}, -2),
    ],
)  # fmt: skip
def test_computed_columns(
    connection: Connection, expression: str, type: str, row: Mapping[str, object], value: object
) -> None:
    made = MSSQL.generated(expression, parse_type(type), _KNOWN)
    connection.execute("alter table rows drop column if exists made")
    connection.execute(f"alter table rows add column made {type} generated always as ({made}) stored".encode())
    assert _computed(connection, "made", row) == value
    connection.execute("alter table rows drop column made")


@pytest.mark.parametrize(
    ("expression", "type", "reason"),
    [
        ("([Price]*(0.5))", "numeric(19,4)", r"numeric\(21,5\)"),
        ("([Part No]+[Part No])", "varchar(10)", "20 characters"),
        ("upper([Part No])", "varchar(10)", "one case"),
        ("([N]>(0))", "boolean", "yields a condition"),
        ("([Single])", "real", "a real"),
        ("getdate()", "timestamp(3)", "depends on the moment"),
    ],
)
def test_what_cannot_be_computed(expression: str, type: str, reason: str) -> None:
    with pytest.raises(Untranslatable, match=reason):
        MSSQL.generated(expression, parse_type(type), _KNOWN)


@pytest.mark.parametrize(
    ("default", "type", "translated"),
    [
        ("((0))", "integer", "0"),
        ("((-1))", "smallint", "-1"),
        ("((0.00))", "numeric(19,4)", "0"),
        ("(('5'))", "integer", "5"),
        ("(12345678901234567890123456789012345678)", "numeric(38,0)", "12345678901234567890123456789012345678"),
        ("(-0.1234567890123456789012345678901234567)", "numeric(38,37)", "-0.1234567890123456789012345678901234567"),
        ("((1))", "boolean", "true"),
        ("(CONVERT([bit],(0)))", "boolean", "false"),
        ("('True')", "boolean", "true"),
        ("(N'it''s')", "varchar(5)", "'it''s'"),
        ("('')", "text", "''"),
        ("((7))", "varchar(5)", "'7'"),
        ("(getdate())", "timestamp(3)", "now()"),
        ("(sysdatetime())", "timestamp(6)", "now()"),
        ("(CURRENT_TIMESTAMP)", "timestamp(3)", "now()"),
        ("(sysdatetimeoffset())", "timestamptz(6)", "now()"),
        ("(getdate())", "date", "current_date"),
        ("(CONVERT([date],getdate()))", "date", "current_date"),
        ("(CAST(sysdatetime() AS date))", "timestamp(0)", None),
        ("('19000101')", "timestamp(3)", "'1900-01-01'"),
        ("('2020-01-31')", "date", "'2020-01-31'"),
        ("((0))", "timestamp(3)", "'1900-01-01 00:00:00'"),
        ("(newid())", "uuid", "gen_random_uuid()"),
        ("(newsequentialid())", "uuid", "gen_random_uuid()"),
    ],
)  # fmt: skip
def test_defaults(default: str, type: str, translated: str | None) -> None:
    if translated is None:
        with pytest.raises(Untranslatable):
            MSSQL.default(default, parse_type(type))
        return
    assert MSSQL.default(default, parse_type(type)) == translated
    assert default_fits(translated, parse_type(type))


@pytest.mark.parametrize(
    ("default", "type", "reason"),
    [
        ("(NEXT VALUE FOR [dbo].[Numbers])", "integer", "sequence"),
        ("(getdate())", "timestamptz(6)", "yields no value of timestamptz"),
        ("(getutcdate())", "timestamp(3)", "yields no value of timestamp"),
        ("(suser_sname())", "varchar(50)", "who is connected"),
        ("((0.5))", "integer", "fraction"),
        ("('2020-01-31')", "timestamp(3)", "language"),
        ("(NULL)", "integer", "without a default"),
        ("((1)+(2))", "integer", "no constant"),
        ("([dbo].[f]())", "integer", "a function of the database"),
        ("(newid())", "varchar(36)", "yields no value of varchar"),
        ("('x')", "bytea", "no constant"),
        ("(0x00)", "bytea", "HexString"),
        ("((1); drop table x)", "integer", "not T-SQL"),
    ],
)
def test_defaults_without_a_translation(default: str, type: str, reason: str) -> None:
    with pytest.raises(Untranslatable, match=reason):
        MSSQL.default(default, parse_type(type))


_WORDS = st.sampled_from(
    ["[N]", "[Part No]", "[At]", "[Day]", "[Price]", "[Open]", "[Ratio]", "[Padded]", "NOT", "AND", "OR", "IS", "NULL",
     "BETWEEN", "IN", "LIKE", "(", ")", ",", "=", "<>", "-", "+", "/", "%", "1", "2.5", "'a''--'", "N'[0-9]%'",
     "'20200101'", "iif(", "len(", "isnull(", "coalesce(", "CONVERT([int],", "CAST(", "AS date)", "dateadd(", "day",
     "left(", "case when", "then", "else", "end", "--", "/*", ";"]
)  # fmt: skip


@given(st.one_of(st.text(max_size=200), st.lists(_WORDS, max_size=40).map(" ".join)))
@example("'\ud800'")
@example("[" * 100)
@example("convert(" * 40)
@example("convert(" * 11 + ")" * 11 + "=1")
@example("declare @a int")
@example("1" * 5000 + "=1")
@example("x'1'=1")
def test_any_text_is_translated_or_refused(text: str) -> None:
    for dialect in (MSSQL, _CASED):
        with suppress(Untranslatable):
            dialect.check(text, None, _KNOWN)
    for type in ("integer", "text", "boolean", "timestamp(3)", "date", "uuid", "bytea"):
        try:
            default = MSSQL.default(text, parse_type(type))
        except ValueError:
            continue
        assert default_fits(default, parse_type(type))


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=50))
@example("'; drop table rows; --")
@example("'; /*")
def test_hostile_text_stays_text(connection: Connection, text: str) -> None:
    quoted = "N'" + text.replace("'", "''") + "'"
    default = MSSQL.default(f"({quoted})", parse_type("text"))
    assert connection.execute(f"select {default}".encode()).fetchone() == (text,)
    with suppress(Untranslatable):  # most of Unicode is compared as Windows does
        assert _holds(connection, f"[Other]={quoted}", {"Other": text}) is True


@given(st.lists(_WORDS, min_size=3, max_size=12).map(" ".join))
@example("[N] BETWEEN -1 AND 2.5 AND NOT [Part No] LIKE N'[0-9]%'")
def test_what_translates_runs(connection: Connection, rule: str) -> None:
    row = {"N": 1, "Price": 1, "Part No": "a", "At": _at(2020, 1, 1), "Day": date(2020, 1, 1), "Open": True, "Ratio": 1}
    try:
        valid_condition(MSSQL.check(rule, None, _KNOWN))
    except ValueError:
        return
    assert _holds(connection, rule, row) in (True, False, None)
