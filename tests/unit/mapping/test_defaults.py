from __future__ import annotations

import pytest

from pipeline.mapping.defaults import default_fits, valid_default
from pipeline.mapping.types import parse_type
from pipeline.postgres.connect import Target, connect

_FITTING = [
    ("0", "smallint"),
    ("-1.50", "numeric(19,4)"),
    ("1", "double precision"),
    ("'it''s'", "varchar(30)"),
    ("'2020-01-01'", "date"),
    ("''", "text"),
    ("true", "boolean"),
    ("now()", "timestamp"),
    ("now()", "timestamptz"),
    ("current_date", "date"),
    ("gen_random_uuid()", "uuid"),
]


def test_postgresql_takes_every_form(database: Target) -> None:
    columns = ", ".join(f"c{i} {type} default {default}" for i, (default, type) in enumerate(_FITTING))
    assert all(default_fits(valid_default(default), parse_type(type)) for default, type in _FITTING)
    with connect(database, application_name="tests") as connection:
        connection.execute(f"create table t ({columns})".encode())
        row = connection.execute("insert into t default values returning *").fetchone()
    assert row is not None
    assert None not in row


@pytest.mark.parametrize(
    "text",
    [
        "version()",
        "'a' || 'b'",
        "'it's'",
        "'a\0b'",
        "1; drop table x",
        "1e3",
        "0x1f",
        "٣",
        "",
        "'" + "a" * 20_000 + "'",
        "1\n",
    ],
)
def test_other_expressions_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a number, a quoted string"):
        valid_default(text)


@pytest.mark.parametrize(
    ("default", "type"),
    [("0", "text"), ("1.5", "integer"), ("true", "integer"), ("now()", "uuid"), ("gen_random_uuid()", "text"),
     ("current_date", "boolean")],
)  # fmt: skip
def test_a_form_of_another_family_does_not_fit(default: str, type: str) -> None:
    assert not default_fits(default, parse_type(type))
