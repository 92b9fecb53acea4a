from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.mapping.names import (
    NAME_BYTES,
    drafted_column,
    fold,
    shorten,
    snake,
    valid_column,
    valid_name,
    valid_schema,
)


@pytest.mark.parametrize(
    ("name", "folded"),
    [
        ("ItemCode", "item_code"),
        ("Order Details", "order_details"),
        ("OrderID", "order_id"),
        ("OrderIDs", "order_ids"),
        ("HTTPServer", "http_server"),
        ("품목코드", "품목코드"),
        ("품목 코드", "품목_코드"),
        ("품목Code", "품목code"),
        ("P/N No.", "p_n_no"),
        ("2ndName", "_2nd_name"),
        ("Addr1", "addr1"),
        ("already_snake", "already_snake"),
        ("__x__", "x"),
        ("ŻółćId", "żółć_id"),
        ("ชื่อ", "ชื่อ"),
        ("%", "_"),
        ('a"; drop table x', "a_drop_table_x"),
    ],
)
def test_snake(name: str, folded: str) -> None:
    assert snake(name) == folded


@given(st.text(min_size=1))
def test_snake_is_idempotent_and_never_empty(name: str) -> None:
    assert snake(name)
    assert snake(snake(name)) == snake(name)


@given(st.text(alphabet="aAzZ0 9_sS./가", min_size=1))
def test_snake_of_usual_names_is_lower_case_words(name: str) -> None:
    assert all(c.islower() or c.isdigit() or c in "_가" for c in snake(name))


@given(st.text(min_size=1))
def test_lower_is_idempotent_and_keep_keeps(name: str) -> None:
    assert fold(fold(name, "lower"), "lower") == fold(name, "lower")
    assert fold(name, "keep") == name


@given(st.text(min_size=1))
def test_shortened_names_fit_and_are_stable(name: str) -> None:
    assert len(shorten(name).encode("utf-8", "surrogatepass")) <= NAME_BYTES
    assert shorten(shorten(name)) == shorten(name)


def test_shortened_names_stay_apart() -> None:
    one, other = "가" * 30 + "a", "가" * 30 + "b"
    assert shorten(one) != shorten(other)
    assert shorten(one).startswith("가" * 18 + "_")
    assert shorten("가" * 21) == "가" * 21


@pytest.mark.parametrize("name", ["", "  ", "a\0b", "가" * 22, "\ud800"])
def test_names_that_postgresql_would_change_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"name|bytes|U\+0000"):
        valid_name(name)


def test_reserved_names_are_refused_and_drafted_around() -> None:
    with pytest.raises(ValueError, match="system column"):
        valid_column("xmin")
    assert drafted_column("xmin") == "xmin_"
    for schema in ("pg_catalog", "information_schema", "_naru"):
        with pytest.raises(ValueError, match="reserved"):
            valid_schema(schema)
