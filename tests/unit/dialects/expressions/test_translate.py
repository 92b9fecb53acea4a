"""Every translation runs in PostgreSQL, over rows on both sides of the rule."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from psycopg import sql

from pipeline.catalog import SqlType
from pipeline.dialects.expressions.translate import check_sql, translate_check, translate_default
from pipeline.dialects.expressions.tree import Untranslatable
from pipeline.dialects.rules import Columns
from pipeline.mapping.conditions import valid_condition
from pipeline.mapping.defaults import default_fits
from pipeline.mapping.types import parse_type
from pipeline.postgres.connect import Connection, connect
from pipeline.postgres.embedded import EmbeddedServer

_COLUMNS = {
    "N": ("n", "integer"),
    "Small": ("small", "smallint"),
    "Price": ("price", "numeric(19,4)"),
    "Ratio": ("ratio", "double precision"),
    "Part No": ('part "no"', "varchar(50)"),
    "Other": ("other", "text"),
    "Open": ("open", "boolean"),
    "At": ("at", "timestamp"),
    "Day": ("day", "date"),
    "Zoned": ("zoned", "timestamptz"),
    "Padded": ("padded", "char(5)"),
    "Id": ("id", "uuid"),
}
_NAMES = {source: target for source, (target, _) in _COLUMNS.items()}
_TYPES = {source: parse_type(type) for source, (_, type) in _COLUMNS.items()}
_KNOWN = Columns(_NAMES, _TYPES)


def _at(*parts: int) -> datetime:
    return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001 (Access knows no zones)


_NOON = _at(2020, 1, 31, 12, 0, 0)


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


def _holds(connection: Connection, rule: str, column: str, value: object) -> bool | None:
    """What the translated rule yields for a row with that value alone."""
    condition = valid_condition(check_sql(rule, column, _KNOWN))
    connection.execute("truncate rows")
    target = sql.Identifier(_NAMES[column])
    connection.execute(sql.SQL("insert into rows ({}) values (%s)").format(target), (value,))
    name = sql.Identifier("rule")
    add = sql.SQL("alter table rows add constraint {} check ({}) not valid").format(name, sql.SQL(condition))  # type: ignore[arg-type]
    connection.execute(add)
    connection.execute(sql.SQL("alter table rows drop constraint {}").format(name))
    row = connection.execute(f"select {condition} from rows".encode()).fetchone()
    assert row is not None
    holds: bool | None = row[0]
    return holds


@pytest.mark.parametrize(
    ("rule", "column", "right", "wrong"),
    [
        (">=0 And <=365", "N", [0, 365], [-1, 366]),
        ("Between 1 And 9", "N", [1, 9], [0, 10]),
        ("Not Between 1 And 9", "N", [0, 10], [1, 9]),
        ("Between -1.5 And 1.5", "Ratio", [-1.5, 1.5], [-1.6, 1.6]),
        ("0 Or >100", "N", [0, 101], [1, 100]),
        ("<>0", "Price", ["0.0001"], [0]),
        ("In (1, 2, -3)", "N", [1, -3], [3]),
        ("=1", "N", [1], [2]),
        ("3 > [n]", "N", [2], [3, 4]),
        ("[n] Mod 3 = -1", "N", [-7, -1], [7, 2]),
        ("[n] \\ 2 = -3", "N", [-7, -6], [-8, 7]),
        ("[n] / 2 = 3.5", "N", [7], [6]),
        ("[n] * 2 + 1 > 4294967294", "N", [2147483647], [2147483646]),
        ("-[small] = 32768", "Small", [-32768], [32767]),
        ("Abs([small]) = 32768", "Small", [-32768], [32767]),
        ("-[n] - 1 < -2 - 3", "N", [5], [4]),
        ("1 + 2 * 3 = [n]", "N", [7], [9]),
        ("Int([price]) = -2", "Price", ["-1.5"], ["-2.5", "-0.5"]),
        ("Fix([price]) = -1", "Price", ["-1.5"], ["-2.5", "-0.5"]),
        ("Round([ratio]) = 2", "Ratio", [1.5, 2.5], [3.5, 1.4]),
        ("CBool([n]) = True", "N", [-1, 5], [0]),
        ("CDbl([n]) = 3", "N", [3], [4]),
        ('CStr(CLng([n])) = "12"', "N", [12], [1]),
        ("Nz([n], 7) = 7", "N", [None, 7], [6]),
        ("Is Null Or >5", "N", [None, 6], [5]),
        ("Is Not Null", "Id", ["00000000-0000-0000-0000-000000000000"], [None]),
        ("IIf([n] > 5, True, [n] = 1)", "N", [6, 1], [2]),
        ("IIf([n] > 5, False, True)", "N", [None, 1], [6]),
        ("IIf([n] > 5, 1, 0.5) = 1", "N", [6], [5]),
        ("[n] > 1 Xor [n] > 5", "N", [3], [1, 6]),
        ("Not [n] = 1 And Not [n] = 2", "N", [3], [1, 2]),
        ("[n] = 1 Or [n] = 2 And [n] = 3", "N", [1], [2, 3]),
        ('In ("A", "it\'s", \'say ""\'\'\')', "Part No", ["a", "A", "IT'S", 'say ""\''], ["b", ""]),
        ('="x\\"', "Part No", ["X\\"], ["x"]),
        ('<>""', "Part No", ["a", " "], [""]),
        ('"M" Or "F"', "Part No", ["m", "F"], ["x"]),
        ('"예" Or "아니오"', "Part No", ["예", "아니오"], ["yes"]),
        ('Like "A*"', "Part No", ["A", "abc", "a\nb"], ["", "ba"]),
        ('Not Like "A*"', "Part No", ["", "ba"], ["A"]),
        ('Like "?#"', "Part No", ["a1", "\n9"], ["1", "a", "a1b", "a٣"]),
        ('Like "[!0-9]*"', "Part No", ["a", "-1"], ["1", ""]),
        ('Like "[ab-]x"', "Part No", ["Ax", "-X"], ["cx"]),
        ('Like "[*][?][#][[]"', "Part No", ["*?#["], ["a?#[", "*?1["]),
        ('Like "a.(b)|^$\\+{2}"', "Part No", ["A.(B)|^$\\+{2}"], ["a1(b)|^$\\+{2}", "a"]),
        ('Like "***it\'s***"', "Part No", ["so it's so"], ["its"]),
        ("Len([part no]) = 3", "Part No", ["abc", "가나다"], ["ab"]),
        ('Left([Part No], 2) = "AB"', "Part No", ["abc"], ["bab"]),
        ('Right([Part No], 2) = "AB"', "Part No", ["cab"], ["abc"]),
        ('Mid([Part No], 2, 1) = "B"', "Part No", ["abc"], ["bac"]),
        ('Mid([Part No], 2) = "BC"', "Part No", ["abc"], ["abcd"]),
        ('Trim([Part No]) = "a"', "Part No", [" a "], ["\ta", "b"]),
        ('LTrim([Part No]) = "a "', "Part No", [" a "], [" a"]),
        ('RTrim([Part No]) = " a"', "Part No", [" a "], ["a "]),
        ('UCase([Part No]) = "ab"', "Part No", ["aB"], ["b"]),
        ('LCase([Part No]) Like "AB"', "Part No", ["aB"], ["b"]),
        ('[Part No] & [Other] & "!" = "a!"', "Part No", ["a"], [None, "b"]),
        ("([Part No] & [Other]) Is Null", "Part No", [None], ["", "a"]),
        ('([Part No] + "x") Is Null', "Part No", [None], ["", "a"]),
        ("[open] = -1", "Open", [True], [False]),
        ("[open] <> No And 1 = 1", "Open", [True], [False]),
        (">=#1/31/2020#", "At", [_NOON], [_at(2020, 1, 30)]),
        ("Between #2020-01-01# And #2020-01-31#", "Day", [_NOON], [_at(2020, 2, 1)]),
        ("#1/31/2020 12:00 PM#", "At", [_NOON], [_at(2020, 1, 31)]),
        ("Year([At])=2020 And Month([At])=1 And Day([At])=31", "At", [_NOON], [_at(2020, 2, 29)]),
        ("Hour([At])=12 And Minute([At])=0 And Second([At])=0", "At", [_NOON], [_at(2020, 1, 31)]),
        ("Hour([Day]) = 0", "Day", [_NOON], []),
        ('DatePart("w", [At]) = 6 And DatePart("y", [At]) = 31', "At", [_NOON], [_at(2020, 2, 1)]),
        ('DateAdd("m", 1, [At]) = #2/29/2020 12:00:00 PM#', "At", [_NOON], [_at(2020, 1, 31)]),
        ('DateAdd("d", -1, [Day]) = #1/30/2020#', "Day", [_NOON], [_at(2020, 2, 1)]),
        ("[At] - 30 = #1/1/2020 12:00#", "At", [_NOON], [_at(2020, 1, 30)]),
        ('DateDiff("d", [At], #2/1/2020#) = 1', "At", [_NOON, _at(2020, 1, 31, 23, 59)], [_at(2020, 1, 30)]),
        ('DateDiff("m", [Day], #2/1/2021#) = 13', "Day", [_NOON], [_at(2020, 2, 1)]),
        ('DateDiff("yyyy", [At], #1/1/2021#) = 1', "At", [_NOON], [_at(2019, 12, 31)]),
        ('DateDiff("h", #1/31/2020 10:59#, [At]) = 2', "At", [_NOON], [_at(2020, 1, 31)]),
        ("[At] < DateSerial(2020, 2, 1)", "At", [_NOON], [_at(2020, 2, 1)]),
        ('Format([At], "yyyy-mm-dd hh.nn") = "2020-01-31 12.00"', "At", [_NOON], [_at(2020, 1, 31)]),
        ("CDate([At]) Is Not Null", "At", [_NOON], [None]),
    ],
)
def test_a_rule_tells_right_from_wrong(
    connection: Connection, rule: str, column: str, right: list[object], wrong: list[object]
) -> None:
    assert [_holds(connection, rule, column, value) for value in right] == [True] * len(right)
    assert [_holds(connection, rule, column, value) for value in wrong] == [False] * len(wrong)


@pytest.mark.parametrize("rule", ["<>0", "Not <> 0", "In (1)", "Between 1 And 2", "[n] + 1 > 0", "Not [n] = 1"])
def test_null_refuses_no_row(connection: Connection, rule: str) -> None:
    assert _holds(connection, rule, "N", None) is None


@pytest.mark.parametrize(
    ("rule", "column", "reason"),
    [
        ("<=Now()", "At", "moment of entry"),
        (">Date()", "Day", "moment of entry"),
        (">#1/1/2020#", "Zoned", "does not compute with"),
        ('="a"', "Padded", "does not compute with"),
        ('>"a"', "Part No", "comes first"),
        ('Between "a" And "b"', "Part No", "two constants in order"),
        ("Between 9 And 1", "N", "two constants in order"),
        ("Between [small] And 9", "N", "two constants in order"),
        ("[Part No] = [Other]", "Part No", "sort order"),
        ('="É"', "Part No", "depends on Windows"),
        ('="Ａ"', "Part No", "depends on Windows"),
        ('="カ"', "Part No", "depends on Windows"),
        ('Like "[a-z]"', "Part No", "sort order"),
        ('Like "[]"', "Part No", "sort order"),
        ('Like "[a"', "Part No", "not closed"),
        ("Like [Other]", "Part No", "not a literal"),
        ('Like "1*"', "N", "not exact"),
        ("= Null", "N", "compares"),
        ('= "1"', "N", "compares"),
        ("[n] / [small] > 1", "N", "divide by zero"),
        ("[n] \\ 0 = 1", "N", "divide by zero"),
        ("[n] ^ 2 = 4", "N", r"\^"),
        ("[ratio] * 2 = 4", "Ratio", "not exact"),
        ("[price] * [price] = 4", "Price", "rounds"),
        ("Round([price]) = 4", "Price", "does not translate with these"),
        ("Left([Part No], -1) = 'a'", "Part No", "does not translate with these"),
        ("[open] + 1 = 0", "Open", "not exact"),
        ("[open] = 2", "Open", "as numbers"),
        ("[n] And 4", "N", "for a yes or no"),
        ("[n]", "N", "for a yes or no"),
        ("IIf([n]=1, 'a', 2) = 2", "N", "IIf yields"),
        ("DateSerial(2020, 13, 1) < [At]", "At", "no day"),
        ("DateSerial(20, 1, 1) < [At]", "At", "two digits"),
        ("=#13/1/2020#", "At", "month/day/year"),
        ("=#1/1/20#", "At", "month/day/year"),
        ('Format([At], "dd/mm/yyyy") = "1"', "At", "Windows' settings"),
        ('Format([At], "hh-mm") = "1"', "At", "Windows' settings"),
        ("[nowhere] = 1", "N", "no column 'nowhere'"),
        ("Shell('x') = 1", "N", "not known"),
        ("1 = 1; drop table x", "N", "; is not expected"),
        ("1 = 1 -- x", "N", "there is no column 'x'"),
        ("[a].[b] = 1", "N", "no column .b. of .a."),
        ('="a', "Part No", "not understood"),
        ("=1 1", "N", "not expected"),
        ("", "N", "not expected"),
        ("In ()", "N", "list of constants"),
        ("(" * 500 + "1" + ")" * 500, "N", "words"),
        ("(" * 100 + "1" + ")" * 100, "N", "deeper"),
        ("Not " * 200 + "True", "N", "deeper"),
        ("-" * 200 + "1 = 1", "N", "deeper"),
        ("[n] = " + "9" * 40, "N", "digits"),
        ("=" + "1" * 5000, "N", "longer"),
        (" * ".join(["[n]"] * 20) + " = 1", "N", "multiplies more"),
        (" & ".join(["[Other]"] * 100) + " = 'a'", "Part No", "too long"),
    ],
)  # fmt: skip
def test_what_is_not_exact_stays_with_access(rule: str, column: str, reason: str) -> None:
    with pytest.raises(Untranslatable, match=reason):
        check_sql(rule, column, _KNOWN)
    assert translate_check(rule, column, _KNOWN) is None


def test_a_rule_of_a_table_names_its_columns() -> None:
    assert translate_check("[N] >= [Small]", None, _KNOWN) == '("n" >= "small")'
    with pytest.raises(Untranslatable, match="no rule of a column"):
        check_sql(">=0", None, _KNOWN)


def test_names_of_one_folding_are_not_guessed() -> None:
    with pytest.raises(Untranslatable, match="two columns"):
        check_sql("[a] = 1", None, Columns({"A": "a", "a": "a1"}, dict.fromkeys("Aa", SqlType("integer"))))


def test_the_longest_sum_is_read_without_deep_recursion() -> None:
    assert translate_check(" + ".join(["[n]"] * 140) + " = 140", "N", _KNOWN) is not None


_WORDS = st.sampled_from(
    ["[n]", "[Part No]", "[At]", "open", "Not", "And", "Or", "Is", "Null", "Between", "In", "Like", "(", ")", ",", "=",
     "<>", "-", "+", "&", "\\", "Mod", "/", "1", "2.5", "'a''--'", '"*;"', "#1/1/2020#", "IIf(", "Len(", "Nz(", "True",
     "DateAdd(", "'d'", "Left(", "Format(", "'yyyy'"]
)  # fmt: skip


@given(st.one_of(st.text(max_size=200), st.lists(_WORDS, max_size=40).map(" ".join)))
@example("'\ud800'")
@example("=#" + "1" * 39 + "#")
def test_any_text_is_translated_or_refused(text: str) -> None:
    translate_check(text, "N", _KNOWN)
    for type in ("integer", "text", "boolean", "timestamp", "date", "uuid", "bytea"):
        default = translate_default(text, parse_type(type))
        assert default is None or default_fits(default, parse_type(type))


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=50))
@example("'; drop table rows; --")
@example('"; /*')
def test_hostile_text_stays_text(connection: Connection, text: str) -> None:
    quoted = '"' + text.replace('"', '""') + '"'
    default = translate_default(quoted, parse_type("text"))
    assert default is not None
    row = connection.execute(f"select {default}".encode()).fetchone()
    assert row == (text,)
    if translate_check(f"={quoted}", "Other", _KNOWN) is not None:
        assert _holds(connection, f"={quoted}", "Other", text) is True


@given(st.lists(_WORDS, min_size=3, max_size=12).map(" ".join))
def test_what_translates_runs(connection: Connection, rule: str) -> None:
    if translate_check(rule, "N", _KNOWN) is not None:
        assert _holds(connection, rule, "N", 1) in (True, False, None)
