"""Rows of MSysQueries as the text that Access shows; which rows a query has was seen in real files."""

from __future__ import annotations

import re

import pytest

from pipeline.catalog import QueryKind
from pipeline.sources.access.schema.queries import Row, put_together


def _rows(*parts: tuple[int, str, str, str, int]) -> list[Row]:
    """Attribute, Name1, Name2, Expression, Flag; in order."""
    return [
        Row(attribute, n.to_bytes(4, "big"), name, second, expression, flag)
        for n, (attribute, name, second, expression, flag) in enumerate(parts, 1)
    ]


_A, _B, _C = (5, "A", "", "", 0), (5, "B b", "", "", 0), (5, "T", "C", "", 0)
_STAR = (6, "", "", "*", 0)


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ([_A, _STAR], "SELECT * FROM A;"),
        ([_A, (3, "", "", "", 1)], "SELECT * FROM A;"),
        ([_A, (6, "", "", "x", 0), (6, "My y", "", "x+1", 0)], "SELECT x, x+1 AS [My y] FROM A;"),
        ([_A, _STAR, (3, "", "", "", 2)], "SELECT DISTINCT * FROM A;"),
        ([_A, _STAR, (3, "", "", "", 8)], "SELECT DISTINCTROW * FROM A;"),
        ([_A, _STAR, (3, "7", "", "", 0x12)], "SELECT DISTINCT TOP 7 * FROM A;"),
        ([_A, _STAR, (3, "7", "", "", 0x30)], "SELECT TOP 7 PERCENT * FROM A;"),
        (
            [_A, _STAR, (8, "", "", "x>1", 0), (9, "", "", "x", 0), (10, "", "", "x>2", 0), (11, "D", "", "x", 0)],
            "SELECT * FROM A WHERE x>1 GROUP BY x HAVING x>2 ORDER BY x DESC;",
        ),
        ([_A, _B, _STAR], "SELECT * FROM A, [B b];"),
        ([_A, _B, _STAR, (7, "a", "B B", "A.x=[B b].x", 1)], "SELECT * FROM A INNER JOIN [B b] ON A.x=[B b].x;"),
        (
            [_A, _B, _STAR, (7, "A", "B b", "A.x=[B b].x", 2), (7, "A", "B b", "A.y=[B b].y", 2)],
            "SELECT * FROM A LEFT JOIN [B b] ON (A.x=[B b].x) AND (A.y=[B b].y);",
        ),
        (
            [_A, _B, _C, _STAR, (7, "A", "B b", "p", 2), (7, "B b", "C", "q", 2)],
            "SELECT * FROM (A LEFT JOIN [B b] ON p) LEFT JOIN T AS C ON q;",
        ),
        (
            [_A, _B, _C, _STAR, (7, "A", "B b", "p", 1), (7, "B b", "C", "q", 1), (7, "A", "C", "r Or s", 1)],
            "SELECT * FROM (A INNER JOIN [B b] ON p) INNER JOIN T AS C ON (q) AND (r Or s);",
        ),
        ([(5, "", "u", "SELECT 1 FROM A;\n", 0), _STAR], "SELECT * FROM (SELECT 1 FROM A) AS u;"),
        (
            [(1, "", "", "", 9), (5, "", "X7YZ_____1", "SELECT 1 FROM A", 0),
             (5, "", "X7YZ_____2", "SELECT 2 FROM A;", 0), (3, "", "", "", 2)],
            "SELECT 1 FROM A UNION SELECT 2 FROM A;",
        ),
        (
            [(1, "", "", "", 9), (5, "", "X7YZ_____1", "SELECT x FROM A", 0),
             (5, "", "X7YZ_____2", "SELECT x FROM A", 0), (11, "", "", "x", 0)],
            "SELECT x FROM A UNION ALL SELECT x FROM A ORDER BY x;",
        ),
    ],
)  # fmt: skip
def test_rows_become_the_text_of_the_query(parts: list[tuple[int, str, str, str, int]], text: str) -> None:
    query = put_together("q", _rows((0, "", "", "", 0), *parts, (255, "", "", "", 0)))
    assert (query.sql, query.reason) == (text, None)


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ([], "no rows of it"),
        ([_A, _STAR, (12, "", "", "", 0)], r"parts of a kind that is not known: \[12\]"),
        ([_A, _STAR, (-1, "", "", "", 0)], "parts of a kind that is not known"),
        ([_A], "no columns"),
        ([_A, _A, _STAR], "two of one name"),
        ([_A, _STAR, (1, "", "", "", 77)], "of a kind that is not known"),
        ([_A, _STAR, (1, "", "", "", 1), (1, "", "", "", 2)], "of a kind that is not known"),
        ([_A, _STAR, (8, "", "", "x", 0), (8, "", "", "y", 0)], "two conditions"),
        ([_A, _STAR, (7, "A", "Z", "p", 1)], "names no two of its tables"),
        ([_A, _B, _STAR, (7, "A", "B b", "p", 4)], "a kind that is not known"),
        ([_A, _B, _STAR, (7, "A", "B b", "p", 1), (7, "A", "B b", "q", 2)], "in two ways"),
        ([_A, _B, _C, _STAR, (7, "A", "B b", "p", 2), (7, "B b", "C", "q", 1)], "depends on their order"),
        ([_A, _B, _C, _STAR, (7, "A", "B b", "p", 2), (7, "C", "B b", "q", 2)], "depends on their order"),
        ([_A, _B, _C, _STAR, (7, "A", "B b", "p", 2), (7, "B b", "C", "q", 2), (7, "A", "C", "q", 1)],
         "depends on their order"),
        ([(5, f"t{n}", "", "", 0) for n in range(40)] + [_STAR], "more than 32 tables"),
        ([(1, "", "", "", 9), _A], "two parts"),
        ([_A, _STAR, (4, "c:\\other.mdb", "", "", 0)], "another database"),
    ],
)  # fmt: skip
def test_what_rows_do_not_say_is_not_guessed(parts: list[tuple[int, str, str, str, int]], reason: str) -> None:
    query = put_together("q", _rows(*parts))
    assert re.search(reason, query.reason or "")


@pytest.mark.parametrize(
    ("number", "kind"),
    [(2, QueryKind.MAKE_TABLE), (3, QueryKind.APPEND), (4, QueryKind.UPDATE), (5, QueryKind.DELETE),
     (6, QueryKind.CROSSTAB), (7, QueryKind.DEFINITION), (8, QueryKind.PASS_THROUGH)],
)  # fmt: skip
def test_kinds(number: int, kind: QueryKind) -> None:
    assert put_together("q", _rows((1, "", "", "", number), _A, _STAR)).kind is kind


@pytest.mark.parametrize(
    "parts",
    [
        [(1, "ODBC;DSN=x;UID=u;PWD=secret", "", "select 1", 8)],
        [(4, "", "", "ODBC;DSN=x;PWD=secret", 0), _A, _STAR],
        [(5, "ODBC;DSN=x;PWD=secret].[t", "", "", 0), _STAR],
        [(5, "", "u", "SELECT * FROM [ODBC;DSN=x;PWD=secret].t", 0), _STAR],
        [(5, "", "u", "SELECT * FROM t IN '' [;DATABASE=c:\\x.mdb;Pwd = secret]", 0), _STAR],
        [(5, "", "u", 'SELECT * FROM t IN "c:\\x.mdb;PWD=secret"', 0), _STAR],
    ],
)
def test_no_secret_of_a_connect_string_is_shown(parts: list[tuple[int, str, str, str, int]]) -> None:
    assert "secret" not in repr(put_together("q", _rows(*parts)))


def test_rows_beyond_the_limit_are_no_query() -> None:
    query = put_together("q", _rows(_A, _STAR), whole=False)
    assert query.sql == ""
    assert query.reason == "it is longer than 64000 characters"


def test_a_column_named_password_is_no_secret() -> None:
    where = "Name='a' AND Password = 'b' AND [Database] = 'c'"
    query = put_together("q", _rows(_A, _STAR, (8, "", "", where, 0)))
    assert (query.sql, query.reason) == (f"SELECT * FROM A WHERE {where};", None)


@pytest.mark.parametrize("bad", ["\0", "\ud800", "x\udc00"])
def test_text_that_nothing_can_store_is_shown_with_marks(bad: str) -> None:
    query = put_together("q", _rows(_A, _STAR, (8, "", "", f"x = '{bad}'", 0)))
    assert query.reason == "it holds text that PostgreSQL cannot store"
    assert query.sql.encode() == f"SELECT * FROM A WHERE x = '{bad[:-1]}\ufffd';".encode()
