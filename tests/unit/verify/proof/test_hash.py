"""What docs/proof.md says of the hashes, computed again without any code of ours: others can check a proof too."""

from __future__ import annotations

import random
from decimal import Decimal
from pathlib import Path

import polars as pl
import polars_hash
import pytest

from pipeline.postgres import copy_out
from pipeline.postgres.connect import Connection, Target, connect
from pipeline.postgres.digest import summed, whole
from pipeline.verify.sides import table_rows
from tests.unit.verify.compared import filled, table_of
from tests.unit.verify.proof.xxh3 import xxh3_128

_GUIDE = Path(__file__).parents[4] / "docs" / "proof.md"
_TYPES = {
    "id": "integer",
    "name": "text",
    "code": "char(5)",
    "price": "numeric(19,4)",
    "ratio": "double precision",
    "half": "real",
    "made": "timestamptz",
    "live": "boolean",
    "raw": "bytea",
    "took": "interval",
}
_BITS = {"ratio": "float8send", "half": "float4send"}
"""PostgreSQL's own functions that give the bits."""
ROWS = """insert into t values
    (1, '가나, "다"', 'ab', 1.5, '-0', 'nan', '2024-02-29 12:00+09', true, '\\x00ff', '1 day 02:00'),
    (2, '', null, null, 'infinity', 0.1, '0001-01-01 00:00 BC', false, '', '-1 mons'),
    (3, null, '     ', -0.0001, 1e25, '-0', null, null, null, null),
    (4, 'N', 'é', 922337203685477.5807, 0.1, 1e-45, 'infinity', true, '\\x', '1.000001 s')"""


def plainly(connection: Connection, types: dict[str, str]) -> tuple[int, str]:
    """The hash of table `t` by the words of docs/proof.md."""
    connection.execute("set timezone = 'UTC'; set datestyle = 'ISO, YMD'; set intervalstyle = 'postgres'")
    parts = (_text(name, type) for name, type in types.items())
    total = count = 0
    for row in connection.execute(f"select {', '.join(parts)} from t"):  # type: ignore[call-overload]
        cells = [_bits(cell) if name in _BITS else cell for name, cell in zip(types, row, strict=True)]
        framed = "\0,".join("\0N" if cell is None else cell for cell in cells)
        total += xxh3_128(framed.encode())
        count += 1
    return count, f"{total % 2**128:032x}"


def _text(name: str, type: str) -> str:
    if name in _BITS:
        return f"{_BITS[name]}({name})::text"
    if type == "boolean":
        return f"left({name}::text, 1)"
    return f"rtrim({name}::text, ' ')" if type.startswith("char") else f"{name}::text"


def _bits(sent: str | None) -> str | None:
    return None if sent is None else str(int.from_bytes(bytes.fromhex(sent[2:]), "big", signed=True))


def ours(connection: Connection, types: dict[str, str]) -> tuple[int, str]:
    found = whole(summed(table_rows(connection, table_of(types, "id"))))
    return found.rows, found.hash


def test_a_table_has_the_hash_that_the_guide_says(connection: Connection) -> None:
    filled(connection, table_of(_TYPES, "id"), [])
    connection.execute(ROWS)
    assert ours(connection, _TYPES) == plainly(connection, _TYPES)
    connection.execute("delete from t")
    assert ours(connection, _TYPES) == plainly(connection, _TYPES) == (0, "0" * 32)


@pytest.mark.parametrize("length", [*range(260), 1023, 1024, 1025, 1088, 2048, 2049, 70_000])
def test_the_hash_is_xxh3_128_of_any_length(length: int) -> None:
    text = "".join(map(chr, random.Random(length).choices(range(128), k=length)))
    found = pl.DataFrame({"text": [text]}).select(polars_hash.col("text").nchash.xxh3_128())
    assert found.item() == xxh3_128(text.encode())


def test_the_hash_of_nothing_is_the_one_that_is_published() -> None:
    assert f"{xxh3_128(b''):032x}" == "99aa06d3014798d86001c324468d497f"


def test_the_example_of_the_guide_is_true(connection: Connection) -> None:
    types = {"id": "integer", "name": "text", "price": "numeric(10,2)"}
    filled(connection, table_of(types, "id"), [(1, "볼트", Decimal("1.50")), (2, None, Decimal("0.00"))])
    rows, hash = ours(connection, types)
    assert (rows, hash) == plainly(connection, types)
    text = _GUIDE.read_text("utf-8")
    assert f"`{hash}`" in text
    for framed in ("1\0,볼트\0,1.50", "2\0,\0N\0,0.00"):
        assert f"{xxh3_128(framed.encode()):032x}" in text


def test_neither_the_order_of_rows_nor_the_size_of_batches_matters(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    types = {"id": "integer", "name": "text"}
    rows = [(n, f"이름 {n}") for n in range(5000)]
    filled(connection, table_of(types, "id"), rows)
    before = ours(connection, types)
    connection.execute("create table u as select * from t order by random(); drop table t; alter table u rename to t")
    monkeypatch.setattr(copy_out, "_ROWS", 7)
    assert ours(connection, types) == before
    connection.execute("update t set name = 'other' where id = 4999")
    assert ours(connection, types) != before


def test_what_a_role_prefers_does_not_matter(connection: Connection, database: Target) -> None:
    filled(connection, table_of(_TYPES, "id"), [])
    connection.execute(ROWS)
    before = ours(connection, _TYPES)
    for setting in (
        "timezone = 'Asia/Seoul'",
        "intervalstyle = 'iso_8601'",
        "datestyle = 'German'",
        "bytea_output = 'escape'",
    ):
        connection.execute(f"alter database {database.database} set {setting}")  # type: ignore[call-overload]
    with connect(database, application_name="t", autocommit=True) as other:
        assert ours(other, _TYPES) == before
