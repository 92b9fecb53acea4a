from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.mapping.conditions import named_columns, valid_condition, valid_generated, valid_predicate


@pytest.mark.parametrize(
    ("written", "rendered"),
    [
        ("a > 0", '"a" > 0'),
        ("((A > 0))", '"a" > 0'),
        ('"A" is not null -- why', '"A" IS NOT NULL'),
        ("lower(code collate \"C\") in ('a', 'it''s')", "LOWER(\"code\" COLLATE \"C\") IN ('a', 'it''s')"),
        ("code ~* '^a\\.b$'", "\"code\" ~* '^a\\.b$'"),
        ("open", '"open"'),
        ("due::date < '2020-01-01'::date", "CAST(\"due\" AS DATE) < CAST('2020-01-01' AS DATE)"),
    ],
)
def test_a_condition_is_written_anew(written: str, rendered: str) -> None:
    assert valid_condition(written) == rendered
    assert valid_condition(rendered) == rendered


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "a + 1",
        "'text'",
        "a > 0; drop table x",
        "a > (select 1)",
        "a in (select 1)",
        "exists (select 1)",
        "pg_sleep(9) is null",
        "pg_catalog.pg_sleep(9) is null",
        "lower(a) = version()",
        "a = current_user",
        "a > now()",
        "x.a > 0",
        "a::regclass is null",
        "a::mine is null",
        'a collate "de_DE" = b',
        "due = timestamp '2020-01-01 10:00'::date",
        "a = $1",
        "a = %s",
        "a over () > 1",
        "count(a) > 1",
        "a = any(array[1])",
        "a -> 'b' = 'c'",
        "a = 'x\0'",
        "a = 'open",
        "a > 0) or (b > 0",
        "(" * 5000 + "a" + ")" * 5000,
        "a = " + "1" * 30_000,
    ],
)
def test_what_is_not_in_the_list_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"check|condition|expression"):
        valid_condition(text)


@pytest.mark.parametrize(
    ("written", "rendered"),
    [("Qty * 2", '"qty" * 2'), ("a || ', ' || b", '"a" || \', \' || "b"'), ("a > 0", '"a" > 0'), ("true", "TRUE")],
)
def test_an_expression_of_a_generated_column_need_not_be_a_condition(written: str, rendered: str) -> None:
    assert valid_generated(written) == rendered
    assert valid_generated(rendered) == rendered


@pytest.mark.parametrize(
    "text",
    ["", "now()", "random()", "to_char(due, 'YYYY')", "a) stored; drop table x; --", "(select 1)", "sum(a)", "x.a",
     "nextval('s')", "a = $1", "a::regclass"],
)  # fmt: skip
def test_a_generated_column_takes_nothing_else(text: str) -> None:
    with pytest.raises(ValueError, match=r"generated column|expression"):
        valid_generated(text)


def test_the_condition_of_an_index_is_one_that_no_session_decides() -> None:
    assert valid_predicate("Qty > 0 and code is not null") == '"qty" > 0 AND "code" IS NOT NULL'
    assert valid_condition("to_char(due, 'YYYY') = '2020'")
    with pytest.raises(ValueError, match="may not stand in the condition of an index"):
        valid_predicate("to_char(due, 'YYYY') = '2020'")
    with pytest.raises(ValueError, match="is not a condition"):
        valid_predicate("qty + 1")


@pytest.mark.parametrize("text", ["a" + "::text" * 300, "a" + "::text" * 2500, "lower(" * 900 + "a" + ")" * 900])
def test_what_nests_deeper_than_its_readers_can_follow_is_refused(text: str) -> None:
    for valid in (valid_condition, valid_generated):
        with pytest.raises(ValueError, match=r"nests too deep|not an expression|not a condition"):
            valid(text)


def test_the_columns_of_a_condition() -> None:
    assert named_columns('a > 0 and ("B c" = A or b is null)') == ("a", "B c", "b")


_WORDS = st.sampled_from(["a", "=", "(", ")", "'x'", "and", "select", ";", "--", "lower(", "::", "date", "case", "when",
                          "then", "end", "in", "between", "1", "interval", "[", "$$", "not", "null", ","])  # fmt: skip


@given(st.one_of(st.text(max_size=80), st.lists(_WORDS, max_size=15).map(" ".join)))
@example("\ud800 = 'a'")
def test_any_text_is_valid_for_good_or_refused(text: str) -> None:
    try:
        rendered = valid_condition(text)
    except ValueError:
        return
    assert valid_condition(rendered) == rendered
