"""The law of the loss ledger: a value arrives equal, or one loss explains it, or its row is in the quarantine.

What is equal is decided here by Python's own types, and not by any code of the chain.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
import struct
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.batch import Batch, Defect, Position
from pipeline.catalog import Column, SqlType, Table
from pipeline.ledger.ledger import Ledger
from pipeline.load.loader import Loader
from pipeline.load.place import prepare
from pipeline.mapping.models import ColumnMapping, TableMapping
from pipeline.postgres.connect import Connection, Target, connect
from pipeline.postgres.sql import SQL, relation
from pipeline.record import Load, Run
from pipeline.transform.chain import Chain, Route

EPOCH = 621_355_968_000_000_000
ZONED = pl.Struct({"ticks": pl.Int64, "offset": pl.Int16})
NUMBER_TEXT = st.from_regex(r"[ +-]?0{0,2}\d{0,3}(\.\d{0,8})?([eE]-?\d)? ?", fullmatch=True)
JSON_TEXT = st.sampled_from(
    [
        '{"a": 1, "a": 2}',
        '{"b":[{"x":1,"x":"한"}],"a":null}',
        "[-0.0, -0, 1.50]",
        "{",
        '"\\ud800"',
        "1e5",
        '{"a":-0E2}',
        "7",
    ]
)
TEXTS = (
    st.text(max_size=6)
    | NUMBER_TEXT
    | JSON_TEXT
    | st.sampled_from(
        ["", " ", "a ", " a", "ab   ", "a\0", "ÇÑ±Û", "é", "<p>a</p>", "x" * 300, "한" * 201, "true", "Yes", "t"]
    )
    | st.sampled_from(
        ["2024-02-29", "2024-02-29T01:02:03.5", "2024-02-29 01:02:03.1234567", "17:00:00.0000005", "10:00:00"]
    )
    | st.uuids().map(str)
    | st.uuids().map(lambda u: f"{{{str(u).upper()}}}")
).filter(lambda text: not re.search("[\ud800-\udfff]", text))
FIRST = dt.datetime(1, 1, 1)  # noqa: DTZ001
DAY = 864_000_000_000
TICKS = st.integers(0, 3_155_378_975_999_999_999) | st.integers(EPOCH - 20, EPOCH + 20)
ZONED_TICKS = TICKS.map(lambda ticks: min(max(ticks, DAY), 3_155_378_975_999_999_999 - DAY))
"""Those of which the time of no place is beyond the years 1 to 9999."""


@dataclass(frozen=True)
class Case:
    """A source's dtype on its way to a type, and when a value of the one is a value of the other."""

    type: str
    dtype: pl.DataType
    values: st.SearchStrategy[Any]
    same: Callable[[Any, Any], bool]
    converter: str | None = None
    options: dict[str, list[Any]] = field(default_factory=dict)


def plain_number(text: str) -> str | None:
    """Without zeros that end a fraction; None where the text is written as no number is."""
    found = re.fullmatch(r"(-?)(0|[1-9]\d*)(?:\.(\d+))?", text)
    if not found:
        return None
    digits = (found[3] or "").rstrip("0")
    return f"{found[1]}{found[2]}{'.' + digits if digits else ''}"


def same_number(source: str, arrived: Any) -> bool:
    return plain_number(source) == plain_number(str(arrived))


def same_double(source: Any, arrived: float) -> bool:
    """As numbers, and with the sign of zero; a text without blanks, plus and zeros before it."""
    if isinstance(source, str) and not re.fullmatch(r"-?((0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?|inf)", source):
        return False
    number = float(source)
    return (math.isnan(number) and math.isnan(arrived)) or (
        number == arrived and math.copysign(1, number) == math.copysign(1, arrived)
    )


def same_single(source: Any, arrived: float) -> bool:
    """PostgreSQL names the single; what it is as a double has more digits."""
    return same_double(source, single(arrived))


def single(shown: float) -> float:
    return float(struct.unpack("f", struct.pack("f", shown))[0])


def same_integer(source: float | Decimal, arrived: Any) -> bool:
    return source == arrived and (bool(source) or not str(source).startswith("-"))


def same_json(source: str, arrived: str) -> bool:
    def meant(text: str) -> Any:
        return json.loads(
            text,
            object_pairs_hook=lambda pairs: sorted(pairs, key=repr),
            parse_int=lambda digits: (digits.startswith("-"), Decimal(digits)),
            parse_float=lambda digits: (digits.startswith("-"), Decimal(digits)),
        )

    return bool(meant(source) == meant(arrived))


def same_char(source: str, arrived: str) -> bool:
    """What PostgreSQL fills with blanks had none, or all of them."""
    return arrived == source or (arrived.rstrip(" ") == source and not source.endswith(" "))


def equal(source: Any, arrived: Any) -> bool:
    return bool(source == arrived)


def truth(source: Any, arrived: bool) -> bool:
    return arrived is (str(source).lower() in ("true", "t", "yes", "1", "-1", "1.0", "-1.0"))


def microseconds(ticks: int) -> tuple[dt.datetime, int]:
    return FIRST + dt.timedelta(microseconds=ticks // 10), ticks % 10


def same_moment(source: str, arrived: dt.datetime) -> bool:
    return dt.datetime.fromisoformat(source[:26]) == arrived and len(source) <= 26


def same_time(source: str, arrived: dt.time) -> bool:
    return dt.time.fromisoformat(source[:15]) == arrived and not source[15:].strip("0")


def same_zoned(source: dict[str, int], arrived: dt.datetime) -> bool:
    return same_ticks(source["ticks"], arrived) and source["offset"] == 0


def same_ticks(source: int, arrived: dt.datetime) -> bool:
    return microseconds(source) == (arrived.replace(tzinfo=None), 0)


def same_clock(source: int, arrived: dt.time) -> bool:
    return same_ticks(source, dt.datetime.combine(dt.date(1, 1, 1), arrived))


TEXT_OPTIONS: dict[str, list[Any]] = {
    "trim": [None, "both", "left", "right"],
    "empty_to_null": [False, True],
    "encoding": [None, {"invalid": "replace"}, {"repair": "cp949"}],
    "rich_text": [None, "strip"],
    "default": [None, "d"],
}
ROUND: dict[str, list[Any]] = {"round": [False, True]}
MOMENTS = st.datetimes()
MIDNIGHTS = st.dates().map(lambda day: dt.datetime.combine(day, dt.time()))
TABLE = {"Y": "yes", "N": "no", "no": "no", "?": None}
AMOUNTS = st.decimals(-(10**7), 10**7, places=4)
EXAMPLES = max(15, settings().max_examples // 10)
"""Of each case; `make fuzz` asks for more."""
CASES = {
    "text": Case("text", pl.String(), TEXTS, equal, options=TEXT_OPTIONS),
    "text to varchar": Case("varchar(4)", pl.String(), TEXTS, equal, options=TEXT_OPTIONS),
    "text to char": Case("char(5)", pl.String(), TEXTS, same_char, options=TEXT_OPTIONS),
    "text to json": Case("json", pl.String(), TEXTS, equal, options={"empty_to_null": [False, True]}),
    "text to jsonb": Case("jsonb", pl.String(), TEXTS, same_json, options={"trim": [None, "both"]}),
    "text to integer": Case(
        "integer", pl.String(), TEXTS, same_number, options={"default": [None, 7], "trim": [None, "both"]}
    ),
    "text to numeric": Case("numeric(9,3)", pl.String(), TEXTS, same_number, options=ROUND),
    "text to double": Case("double precision", pl.String(), TEXTS, same_double, options=ROUND),
    "text to boolean": Case("boolean", pl.String(), TEXTS, truth),
    "text to timestamp": Case("timestamp(3)", pl.String(), TEXTS, same_moment, options=ROUND),
    "text to date": Case("date", pl.String(), TEXTS, lambda s, a: dt.date.fromisoformat(s) == a),
    "text to time": Case("time", pl.String(), TEXTS, same_time, options=ROUND),
    "text to uuid": Case("uuid", pl.String(), TEXTS, lambda s, a: uuid.UUID(s) == a),
    "values": Case(
        "text",
        pl.String(),
        st.sampled_from(["Y", "y", "N", "no", "?", "x"]),
        lambda s, a: TABLE[s] == a and s != "N",
        options={"values": [TABLE]},
    ),
    "integer to boolean": Case("boolean", pl.Int32(), st.integers(-2, 2), truth),
    "integer to smallint": Case(
        "smallint", pl.Int32(), st.integers(-40000, 40000), equal, options={"default": [None, 3]}
    ),
    "integer to real": Case(
        "real",
        pl.Int64(),
        st.integers(-(2**62), 2**62) | st.integers(-9, 9),
        lambda s, a: s == single(a),
        options=ROUND,
    ),
    "double": Case("double precision", pl.Float64(), st.floats(), same_double),
    "double to real": Case("real", pl.Float64(), st.floats() | st.floats(width=32), same_single, options=ROUND),
    "double to text": Case("text", pl.Float64(), st.floats(), lambda s, a: same_double(s, float(a))),
    "double to integer": Case(
        "integer", pl.Float64(), st.floats() | st.sampled_from([-0.0, 0.0, 2.5, -2.5]), same_integer, options=ROUND
    ),
    "double to numeric": Case(
        "numeric(20,4)",
        pl.Float64(),
        st.floats() | st.floats(-9, 9) | st.just(-0.0),
        lambda s, a: same_integer(s, float(a)),
        options=ROUND,
    ),
    "decimal to integer": Case("integer", pl.Decimal(12, 4), AMOUNTS, equal, options=ROUND),
    "decimal to numeric": Case("numeric(6,1)", pl.Decimal(12, 4), AMOUNTS, equal, options=ROUND),
    "decimal to double": Case(
        "double precision",
        pl.Decimal(30, 4),
        st.decimals(-(10**20), 10**20, places=4),
        lambda s, a: Decimal(repr(a)) == s,
        options=ROUND,
    ),
    "decimal to text": Case("text", pl.Decimal(12, 4), AMOUNTS, lambda s, a: Decimal(a) == s),
    "moment": Case("timestamp(3)", pl.Datetime("us"), MOMENTS, equal, options=ROUND),
    "moment to date": Case(
        "date",
        pl.Datetime("us"),
        MOMENTS | MIDNIGHTS,
        lambda s, a: s == dt.datetime.combine(a, dt.time()),
        options=ROUND,
    ),
    "moment to text": Case("text", pl.Datetime("us"), MOMENTS, lambda s, a: dt.datetime.fromisoformat(a) == s),
    "bytes": Case("bytea", pl.Binary(), st.binary(max_size=300), equal),
    "ticks": Case("timestamp", pl.Int64(), TICKS, same_ticks, "ticks"),
    "ticks to milliseconds": Case("timestamp(3)", pl.Int64(), TICKS, same_ticks, "ticks", ROUND),
    "clock ticks": Case("time", pl.Int64(), st.integers(-1, DAY), same_clock, "clock_ticks"),
    "zoned ticks": Case(
        "timestamptz",
        ZONED,
        st.fixed_dictionaries({"ticks": ZONED_TICKS, "offset": st.sampled_from([0, 540, -210, 14])}),
        same_zoned,
        "zoned_ticks",
    ),
    "zoned ticks at zero": Case(
        "timestamptz",
        ZONED,
        st.fixed_dictionaries({"ticks": ZONED_TICKS, "offset": st.sampled_from([0, 540])}),
        same_zoned,
        "zoned_ticks_at_zero",
    ),
}


LOAD = Load("public", "t", "T", "r", "f", "m", None)


def target_of(case: Case) -> Table:
    return Table("t", (Column("id", SqlType("integer")), Column("v", SqlType.parse(case.type))), "public")


def carry(connection: Connection, case: Case, mapping: ColumnMapping, values: list[Any], defects: set[int]) -> None:
    target = target_of(case)
    columns = target.columns
    connection.execute("delete from t")
    Ledger(connection).open_load(LOAD)
    routes = [
        Route(columns[0], columns[0], ColumnMapping(), pl.Int32()),
        Route(columns[1], columns[1], mapping, case.dtype, case.converter),
    ]
    chain = Chain(Table("T", columns), TableMapping(columns={"id": ColumnMapping(), "v": mapping}), routes)
    frame = pl.DataFrame({"id": range(len(values)), "v": values}, schema={"id": pl.Int32(), "v": case.dtype})
    bad = tuple(Defect(row, "v", "bad", b"\xff\x00", "\ufffd ") for row in sorted(defects) if row < len(values))
    frame = frame.with_columns(frame["v"].clone().scatter([d.row for d in bad], None)) if bad else frame
    locators = pl.Series(range(len(values)), dtype=pl.Int64)
    loader = Loader(connection, "r", target, relation(target), lambda *_: None)
    loader.load(loader.encode(chain.apply(Batch(frame, locators, Position(None), bad))))


def spelled(value: Any, case: Case) -> str | None:
    """As the ledger must name what the source holds."""
    if value is None:
        return None
    if case.converter == "clock_ticks":
        text = FIRST + dt.timedelta(microseconds=value // 10)
        return f"{text:%H:%M:%S}" + f".{value % 10**7:07}".rstrip("0").rstrip(".")
    if case.dtype == ZONED:
        place = value["ticks"] + value["offset"] * 600_000_000
        sign, minutes = "-" if value["offset"] < 0 else "+", abs(value["offset"])
        return f"{ticked(place)}{sign}{minutes // 60:02}:{minutes % 60:02}"
    if case.converter:
        return ticked(value)
    if isinstance(value, str):
        cut = value if len(value) <= 200 else f"{value[:200]}… ({len(value)} characters)"
        return cut.replace("\0", "\\u0000")
    if isinstance(value, dt.datetime):
        return value.isoformat(" ").rstrip("0").rstrip(".") if value.microsecond else value.isoformat(" ")
    return str(value)


def ticked(ticks: int) -> str:
    moment = FIRST + dt.timedelta(microseconds=ticks // 10)
    return f"{moment.isoformat(' ', 'seconds')}" + f".{ticks % 10**7:07}".rstrip("0").rstrip(".")


def holds(connection: Connection, case: Case, mapping: ColumnMapping, values: list[Any], defects: set[int]) -> None:
    ids = set(range(len(values)))
    arrived = dict(connection.execute("select id, v from t").fetchall())
    if case.type in ("jsonb", "json"):
        arrived = dict(connection.execute("select id, v::text from t").fetchall())
    refused = {at for (at,) in connection.execute("select locator from _naru.reject").fetchall()}
    assert {*arrived} | refused == ids
    assert not {*arrived} & refused
    told: dict[int, list[Any]] = {}
    same = "v::text is not distinct from after::{}::text"
    statement = SQL(
        f"""select locator, rule, before,
            case when length(after) > 200 then left(v::text, 50) = left(after, 50) else {same} end
        from _naru.loss left join t on id = locator"""
    ).format(SQL(case.type))
    for at, *loss in connection.execute(statement).fetchall():
        told.setdefault(at, []).append(loss)
    assert {*told} <= {*arrived}
    for at, value in arrived.items():
        losses = told.get(at, [])
        assert len(losses) <= 1, losses
        if losses:
            [(rule, before, after_is_what_stands_there)] = losses
            assert after_is_what_stands_there, (rule, values[at], value)
            if at in defects:
                assert before == "\\xff00"
            elif isinstance(values[at], float):
                assert same_double(values[at], float(before))
            else:
                assert before == spelled(values[at], case)
        elif at in defects or values[at] is None:
            assert value is None
            assert at not in defects
        else:
            assert value is not None, (values[at], mapping)
            assert case.same(values[at], value), (values[at], value)


@pytest.mark.parametrize("name", CASES)
def test_a_value_is_equal_or_told_or_in_the_quarantine(name: str, database: Target) -> None:
    case = CASES[name]
    mappings = st.fixed_dictionaries({option: st.sampled_from(choices) for option, choices in case.options.items()})
    defects = st.sets(st.integers(0, 9), max_size=2) if case.dtype == pl.String() else st.just(set())
    with connect(database, application_name="t", autocommit=True) as connection:
        connection.execute("set synchronous_commit = off")
        ledger = Ledger(connection)
        ledger.install()
        ledger.begin(Run("r", "migrate", "s", "f", "m", "0"))
        prepare(connection, LOAD, target_of(case))

        @settings(max_examples=EXAMPLES)
        @given(st.lists(st.none() | case.values, max_size=10), mappings, defects)
        def check(values: list[Any], options: dict[str, Any], bad: set[int]) -> None:
            mapping = ColumnMapping(type=case.type, **options)
            carry(connection, case, mapping, values, bad)
            holds(connection, case, mapping, values, bad)

        check()
