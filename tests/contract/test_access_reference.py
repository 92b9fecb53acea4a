"""The Access reader against what Jackcess reads from real files, cell by cell.

The dumps (../shared/access) say each value as a string; `_as_dumped` says ours in the same words.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.batch import Batch, Position
from pipeline.catalog import Catalog, Check, Column, IndexPart, SqlType
from pipeline.dialects.draft import draft
from pipeline.errors import DamagedSource, PasswordError
from pipeline.sources.access import AccessSource

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "access"
REFERENCE = SHARED / "reference"
SAMPLE = ROOT / "samples" / "routing_ml.accdb"

pytestmark = pytest.mark.skipif(not REFERENCE.is_dir(), reason="../shared/access with the reference dumps is missing")

ENCRYPTED = {"db97-enc.mdb": "Jet RC4", "db2013-enc.accdb": "AES-256 (Office agile)"}
PASSWORD = {"db2013-enc.accdb": "1234"}
CODE_PAGE = {"charsetGBK.mdb": 936}
"""Files whose header names another code page than their text has; the dump was made with this one."""
UNREADABLE = ("Calculated",)
"""A calculated column whose result the file does not tell: no reference file has one."""
JACKCESS_TYPES = {
    "BOOLEAN": "YesNo", "BYTE": "Byte", "INT": "Integer", "LONG": "Long", "MONEY": "Currency", "FLOAT": "Single",
    "DOUBLE": "Double", "SHORT_DATE_TIME": "DateTime", "BINARY": "Binary", "TEXT": "Text", "OLE": "OLE",
    "MEMO": "Memo", "GUID": "GUID", "NUMERIC": "Decimal", "BIG_INT": "BigInt", "EXT_DATE_TIME": "DateTimeExtended",
    "COMPLEX_TYPE": "Complex",
}  # fmt: skip


def _files() -> list[Path]:
    found = sorted([*REFERENCE.glob("*.mdb"), *REFERENCE.glob("*.accdb")]) if REFERENCE.is_dir() else []
    return [*found, SAMPLE]


def _dumped() -> list[Path]:
    return [path for path in _files() if _dump_of(path).exists()]


def _dump_of(path: Path) -> Path:
    folder = SHARED if path == SAMPLE else path.parent
    return folder / f"{path.name}.jsonl"


def _open(path: Path) -> AccessSource:
    return AccessSource(path, code_page=CODE_PAGE.get(path.name), password=PASSWORD.get(path.name))


def _name(path: Path) -> str:
    return path.name


def _dump(path: Path) -> Iterator[tuple[dict[str, Any], list[list[str | None]]]]:
    """Tables of a dump with their rows; those of the system are left to Access."""
    table: dict[str, Any] | None = None
    rows: list[list[str | None]] = []
    for line in _dump_of(path).read_text("utf-8").splitlines():
        value = json.loads(line)
        if isinstance(value, list):
            rows.append(value)
        elif value["k"] == "table":
            table, rows = value, []
        elif value["k"] == "end" and table is not None and not re.match("MSys|~TMP", table["name"]):
            yield table, rows


def _readable(source: AccessSource, table: str) -> tuple[Column, ...]:
    return tuple(column for column in source.catalog().table(table).columns if column.type.name not in UNREADABLE)


def _batches(source: AccessSource, table: str, rows: int = 10_000, after: Position | None = None) -> list[Batch]:
    columns = tuple(column.name for column in _readable(source, table))
    return list(source.batches(table, after=after, batch_rows=rows, columns=columns))


def _rows(batches: list[Batch]) -> list[tuple[object, ...]]:
    return [row for batch in batches for row in batch.frame.iter_rows()]


def _replacements(batches: list[Batch]) -> dict[tuple[int, str], str | None]:
    """What stands for cells that could not be read, by row of the table; the frame has NULL there."""
    found, before = {}, 0
    for batch in batches:
        for defect in batch.defects:
            assert batch.frame[defect.row, defect.column] is None
            found[before + defect.row, defect.column] = defect.replacement
        before += batch.frame.height
    return found


def _as_dumped(value: object, column: Column) -> str | None:
    """Our value in the words of the dump."""
    match value:
        case None:
            return None
        case bool():
            return "01"[value]
        case bytes() if column.type.name == "GUID":
            text = value.hex().upper()
            return "{" + "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:])) + "}"
        case bytes():
            return f"x{value.hex()}" if len(value) <= 64 else f"L{len(value)}:{hashlib.sha1(value).hexdigest()}"
        case datetime():
            return value.isoformat(timespec="milliseconds").removesuffix(".000").removesuffix(":00")
        case Decimal():
            return f"{value:f}"
        case _:
            return str(value)


def _item(row: Mapping[str, object]) -> str:
    """A row of a complex column's values in the words of the dump."""
    names = ("FileName", "FileType", "FileData") if "FileData" in row else ("Value",)
    if "Modified" in row:
        names = (next(name for name, value in row.items() if isinstance(value, str)), "Modified")
    return "|".join(str(_as_dumped(row[name], Column(name, SqlType("")))) for name in names)


def _items(text: str | None) -> Counter[str]:
    """What the dump says of a complex cell: `MULTI_VALUE[a;b;]`."""
    assert text is not None
    return Counter(text.partition("[")[2].removesuffix("]").split(";")[:-1])


def _complex_values(source: AccessSource, table: str) -> dict[str, dict[object, Counter[str]]]:
    """By complex column of a table and by the number in its rows."""
    found: dict[str, dict[object, Counter[str]]] = {}
    for child in source.catalog().tables:
        for key in child.foreign_keys:
            if key.parent != table or not child.name.startswith(f"{table}."):
                continue
            values = found.setdefault(key.parent_columns[0], {})
            for batch in source.batches(child.name, batch_rows=1000):
                assert not batch.defects
                for row in batch.frame.iter_rows(named=True):
                    values.setdefault(row[key.columns[0]], Counter())[_item(row)] += 1
    return found


def _same(ours: object, theirs: str | None, column: Column) -> bool:
    """Equal as values: Java writes floats, and the seconds of a date, in other ways than Python."""
    if ours is None or theirs is None:
        return ours is theirs
    match column.type.name:
        case "Byte":
            return ours == int(theirs) % 256
        case "Single":
            return bool(np.float32(ours) == np.float32(theirs))  # type: ignore[arg-type]
        case "Double":
            return ours == float(theirs)
        case "DateTime":
            return ours == datetime.fromisoformat(theirs)
        case "DateTimeExtended":
            moment = datetime.fromisoformat(theirs[:26])
            seconds = (moment.toordinal() - 1) * 86_400 + moment.hour * 3600 + moment.minute * 60 + moment.second
            ticks = seconds * 10**7 + moment.microsecond * 10
            return ours == ticks + int(theirs[26:27] or 0)
        case _:
            return _as_dumped(ours, column) == theirs


def _cells(
    source: AccessSource, table: dict[str, Any], rows: list[list[str | None]]
) -> Iterator[tuple[bool, Column, object]]:
    """Of each cell that is read: whether it equals the dump's, its column, and what to show where it does not."""
    columns = _readable(source, table["name"])
    place = {column[0]: at for at, column in enumerate(table["cols"])}
    batches = _batches(source, table["name"])
    ours = _rows(batches)
    assert len(ours) == len(rows) == source.count(table["name"])
    flaws = _replacements(batches)
    complex_values = _complex_values(source, table["name"])
    assert {*complex_values} == {column.name for column in columns if column.type.name == "Complex"}
    for index, (mine, theirs) in enumerate(zip(ours, rows, strict=True)):
        for value, column in zip(mine, columns, strict=True):
            other = theirs[place[column.name]]
            value = flaws.get((index, column.name), value)
            if column.type.name == "Complex":
                same = complex_values[column.name].pop(value, Counter()) == _items(other)
            else:
                same = _same(value, other, column)
            yield same, column, (table["name"], index, value, other)
    assert not any(complex_values.values()), "values that no row has"


@pytest.mark.parametrize("path", _dumped(), ids=_name)
def test_every_scalar_cell_equals_the_dump(path: Path) -> None:
    compared = 0
    with _open(path) as source:
        expected = list(_dump(path))
        tables = [table.name for table in source.catalog().tables if "." not in table.name]
        assert tables == sorted(table["name"] for table, _ in expected)
        for table, rows in expected:
            for same, column, where in _cells(source, table, rows):
                assert same, (where, column)
                compared += 1
    assert compared or not any(rows for _, rows in expected)


@pytest.mark.parametrize("path", _dumped(), ids=_name)
def test_indexes_are_as_many_as_in_the_dump(path: Path) -> None:
    with _open(path) as source:
        for table, _ in _dump(path):
            assert _indexes(source.catalog(), table["name"]) == table["idx"]


def _indexes(catalog: Catalog, table: str) -> int:
    """As Jackcess counts: with one on either side of each relationship that Access enforces."""
    related = [child for child in catalog.tables if "." not in child.name]  # not those of complex columns
    sides = [(child.name, key.parent) for child in related for key in child.foreign_keys if key.enforced]
    return len(catalog.table(table).indexes) + sum(side.count(table) for side in sides)


@pytest.mark.parametrize("path", _dumped(), ids=_name)
def test_columns_are_those_of_the_dump(path: Path) -> None:
    with _open(path) as source:
        for table, _ in _dump(path):
            ours = source.catalog().table(table["name"])
            assert ours.column_names == tuple(column[0] for column in table["cols"])
            for column, (_, kind, _, scale, precision, _, _, calculated, hyperlink, *_) in zip(
                ours.columns, table["cols"], strict=True
            ):
                expected = "Hyperlink" if hyperlink else JACKCESS_TYPES[kind]
                assert column.type.name == expected
                assert (column.calculated is not None) == bool(calculated)
                if expected == "Decimal" and not calculated:
                    assert column.type.args == (precision, scale)


@pytest.mark.parametrize("path", _files(), ids=_name)
def test_batch_size_changes_nothing(path: Path) -> None:
    with _open(path) as source:
        for table in source.catalog().tables:
            whole = _batches(source, table.name)
            for rows in (1, 7) if (table.rows or 0) < 1000 else (7,):
                small = _batches(source, table.name, rows)
                assert all(batch.frame.height == rows for batch in small[:-1])
                assert _rows(small) == _rows(whole)
                assert [at for b in small for at in b.locators] == [at for b in whole for at in b.locators]


@pytest.mark.parametrize("path", _files(), ids=_name)
def test_resuming_anywhere_gives_exactly_the_rest(path: Path) -> None:
    with _open(path) as source:
        for table in source.catalog().tables:
            whole = _rows(_batches(source, table.name))
            seen = 0
            for batch in _batches(source, table.name, max(len(whole) // 7, 1)):
                seen += batch.frame.height
                position = Position(json.loads(json.dumps(batch.position.mark)))
                assert _rows(_batches(source, table.name, 1000, position)) == whole[seen:]


@pytest.mark.parametrize("path", [p for p in _files() if p.with_name(p.name + ".json").exists()], ids=_name)
def test_korean_jet_3(path: Path) -> None:
    """Text and names in code page 949; two of the files claim 1252, as real ones do."""
    expected = json.loads(path.with_name(path.name + ".json").read_text("utf-8"))
    with AccessSource(path, code_page=949 if "stale" in path.name else None) as source:
        for table, described in expected.items():
            assert source.catalog().table(table).column_names == tuple(name for name, _ in described["cols"])
            rows = _rows(_batches(source, table))
            assert len(rows) == described["rows"]
            for row, text in ((rows[0], described["first"]), (rows[-1], described["last"])):
                columns = source.catalog().table(table).columns
                for value, theirs, column in zip(row, text, columns, strict=True):
                    _assert_korean(value, theirs, column)


def _assert_korean(value: object, theirs: str, column: Column) -> None:
    match column.type.name:
        case "Currency":
            assert value is None or value * 10_000 == int(theirs)  # type: ignore[operator]
        case "GUID":
            assert isinstance(value, bytes)
            raw = value[3::-1] + value[5:3:-1] + value[7:5:-1] + value[8:]
            assert str(raw) == theirs
        case _:
            assert str(value) == theirs


def test_a_stale_code_page_is_suspected_and_the_override_wins() -> None:
    path = REFERENCE / "jet3_cp949_stale_500.mdb"
    with AccessSource(path) as source:
        told = [notice.text for notice in source.catalog().notices]
        assert any("949 (Korean): if so, give --code-page 949" in text for text in told)
    with AccessSource(path, code_page="euc-kr") as source:
        assert source.catalog().table("Table2").column_names[0] == "라우팅번호"
        assert not any("looks like" in notice.text for notice in source.catalog().notices)


@pytest.mark.parametrize("name", ENCRYPTED)
def test_encryption_is_told(name: str) -> None:
    with _open(REFERENCE / name) as source:
        assert source.catalog().facts["encryption"] == ENCRYPTED[name]


def test_a_real_file_tells_a_missing_password_from_a_wrong_one() -> None:
    path = REFERENCE / "db2013-enc.accdb"
    with pytest.raises(PasswordError, match="no password is given"), AccessSource(path):
        pass
    with pytest.raises(PasswordError, match="does not open it"), AccessSource(path, password="12345"):
        pass


@pytest.mark.parametrize("path", _dumped(), ids=_name)
def test_relationships_are_as_many_as_in_the_dump(path: Path) -> None:
    with _dump_of(path).open(encoding="utf-8") as dump:
        expected = json.loads(dump.readline())["rels"]
    with _open(path) as source:
        tables = [table for table in source.catalog().tables if "." not in table.name]
        assert sum(len(table.foreign_keys) for table in tables) == expected


def test_descending_and_combined_indexes() -> None:
    with AccessSource(REFERENCE / "indexCodesV1997.mdb") as source:
        table = source.catalog().table("Table12_asc_desc")
    index = next(index for index in table.indexes if index.name == "DataIndex")
    assert index.parts == (IndexPart("data1"), IndexPart("data2", descending=True))
    assert table.primary_key == ("name",)


def test_text_that_may_not_be_empty_and_guids_that_number_themselves() -> None:
    with AccessSource(REFERENCE / "indexCodesV1997.mdb") as source:
        catalog = source.catalog()
    assert Check("name", '<>""', ("name",)) in catalog.table("Table1").checks
    assert catalog.table("Table13").column("data").default == "GenGUID()"
    drafted = draft(catalog).mapping.tables
    assert [check.sql for check in drafted["Table1"].checks] == ["\"name\" <> ''", "\"data\" <> ''"]
    assert drafted["Table13"].columns["data"].default_sql == "gen_random_uuid()"


def test_links_are_told_without_their_connect_strings() -> None:
    with AccessSource(REFERENCE / "linkedOdbcV2007.accdb") as source:
        catalog = source.catalog()
    (link,) = [notice.text for notice in catalog.notices if notice.table == "Ordrar"]
    assert link == "is a link to an ODBC data source and is not carried"
    assert not {word for word in ("DummyPassword", "safexit", "Magnapinna", "DSN") if word in repr(catalog)}


def test_another_code_page_is_another_content() -> None:
    digests = set()
    for page in (None, 936, 949):
        with AccessSource(REFERENCE / "charsetGBK.mdb", code_page=page) as source:
            digests.add(source.fingerprint().digest)
    assert len(digests) == 3


@pytest.mark.parametrize("path", _files(), ids=_name)
def test_locators_ascend_in_source_order(path: Path) -> None:
    with _open(path) as source:
        for table in source.catalog().tables:
            locators = [at for batch in _batches(source, table.name) for at in batch.locators]
            assert locators == sorted(set(locators))


def test_a_data_page_in_the_place_of_another_is_damage(tmp_path: Path) -> None:
    """Two whole pages change places: each is sound, and rows of a table are gone."""
    raw = bytearray(SAMPLE.read_bytes())
    one, other = 445 * 4096, 923 * 4096
    raw[one : one + 4096], raw[other : other + 4096] = raw[other : other + 4096], raw[one : one + 4096]
    path = tmp_path / "swapped.accdb"
    path.write_bytes(raw)
    with AccessSource(path) as source, pytest.raises(DamagedSource, match="audit_logs"):
        _batches(source, "audit_logs")
