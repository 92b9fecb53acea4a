"""Makes a .bacpac of one table: 1,000,000 rows of ten columns, with what a database of a Korean company has.

    PYTHONPATH=. python bench/write_bacpac.py --rows 1000000 bench/data/million.bacpac

Three texts, two of them with Korean, numeric, double, timestamp, date, boolean and two integers.
"""

from __future__ import annotations

import argparse
import datetime as dt
import random
import struct
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from tests.unit.sources.bacpac.export import Made, export, model, rows, table_element

ROOT = Path(__file__).resolve().parent.parent
TABLE = "orders"
COLUMNS = (
    Made("id", "int", nullable=False),
    Made("customer", "nvarchar(40)"),
    Made("product", "nvarchar(40)"),
    Made("note", "nvarchar(max)"),
    Made("price", "decimal(12,2)"),
    Made("weight", "float"),
    Made("ordered", "datetime"),
    Made("due", "date"),
    Made("paid", "bit"),
    Made("quantity", "bigint"),
)
_DIFFERENT = 20_000
"""Rows that are encoded one by one; the others are these again, under other numbers."""
_SYLLABLES = "가나다라마바사아자차카타파하강건경고구국금기김남대도동박부산서석성수안양영오우원유이장정조주진철최한호"


def million(rows: int = 1_000_000) -> Path:
    """The file of so many rows, made where it is not there."""
    path = ROOT / "bench" / "data" / f"orders_{rows}.bacpac"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path.with_suffix(".partial"), rows).replace(path)
    return path


def write(path: Path, count: int) -> Path:
    random.seed(20_240_229)
    tails = [rows(COLUMNS[1:], [row]) for row in _rows()]
    chosen = random.choices(tails, k=count)
    data = b"".join(struct.pack("<i", number) + tail for number, tail in enumerate(chosen))
    table = model(table_element(("dbo", TABLE), COLUMNS))
    return export(path, table, {f"dbo.{TABLE}/TableData-000-00000": data}, packed=False)


def _rows() -> Iterator[tuple[object, ...]]:
    for number in range(_DIFFERENT):
        since = random.randrange(20 * 365 * 86_400)
        day = (dt.date(2004, 1, 1) - dt.date(1, 1, 1)).days + since // 86_400
        yield (
            "".join(random.choices(_SYLLABLES, k=random.randint(2, 4))) + " 주식회사",
            f"part {random.randrange(10**6):06d}-{random.choice('ABCDEF')}",
            None if number % 10 == 0 else f"Bestellung Nr. {number}, 상자 {random.randint(1, 99)}개",
            Decimal(random.randrange(10**9)).scaleb(-2),
            random.random() * 10 ** random.randint(-3, 6),
            dt.datetime(2004, 1, 1) + dt.timedelta(seconds=since, milliseconds=random.randrange(1000)),  # noqa: DTZ001
            day.to_bytes(3, "little"),
            number % 3 == 0,
            random.randrange(-(2**40), 2**40),
        )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", type=int, default=1_000_000)
    arguments.add_argument("path", type=Path)
    given = arguments.parse_args()
    write(given.path, given.rows)


if __name__ == "__main__":
    main()
