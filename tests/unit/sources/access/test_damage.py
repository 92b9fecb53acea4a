"""Whatever in a file cannot be what it claims ends in DamagedSource that names the place; no row is skipped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import DamagedSource, UnsupportedSource
from pipeline.sources.access import AccessSource
from pipeline.sources.access.cells.columns import MEMO
from pipeline.sources.access.cells.fields import Fields
from pipeline.sources.access.pages.definition import TableDefinition
from pipeline.sources.access.pages.file import AccessFile
from pipeline.sources.access.pages.format import ROW_DELETED, ROW_POINTER, ROW_START
from pipeline.sources.access.pages.rows import Rows, data_pages, live_rows

PAGE = 4096
Definition = Callable[[str], TableDefinition]
Changed = Callable[[dict[int, bytes]], Path]


def _read(path: Path, table: str) -> int:
    with AccessSource(path) as source:
        return sum(batch.frame.height for batch in source.batches(table, batch_rows=1000))


def _refused(path: Path, table: str, match: str) -> None:
    with pytest.raises(DamagedSource, match=match) as caught:
        _read(path, table)
    assert path.name in caught.value.message
    assert table in caught.value.message


def _u32(value: int) -> bytes:
    return value.to_bytes(4, "little")


def _rows(file: AccessFile, table: TableDefinition) -> Rows:
    return live_rows(file, table, data_pages(file, table))


def _moved(file: AccessFile, table: TableDefinition, target: int, row: int = 1) -> dict[int, bytes]:
    """Patches that make a row a pointer to another, as Access does when the row no longer fits its page."""
    locator = int(_rows(file, table).locator[row])
    slot = (locator >> 8) * PAGE + 14 + 2 * (locator & 0xFF)
    flags = int(file.memory.u16[slot]) | ROW_POINTER
    return {slot: flags.to_bytes(2, "little"), (locator >> 8) * PAGE + (flags & ROW_START): _u32(target)}


def _header_of(file: AccessFile, table: TableDefinition, kind: int) -> int:
    """File offset of the header of a memo value of one kind: 0 chained, 1 in one row."""
    rows = _rows(file, table)
    for column in table.columns:
        if column.type == MEMO:
            slices = Fields(file, table, rows).slices(column, None)
            start = slices.start[slices.valid]
            found = start[file.memory.u32[start] >> 30 == kind]
            if len(found):
                return int(found[0])
    raise AssertionError(f"{table.name} has no such value")


def _row_at(file: AccessFile, pointer: int) -> int:
    slot = (pointer >> 8) * PAGE + 14 + 2 * (pointer & 0xFF)
    return (pointer >> 8) * PAGE + (int(file.memory.u16[slot]) & ROW_START)


def test_truncated_within_a_page(sample: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.accdb"
    path.write_bytes(sample.read_bytes()[:-1])
    with pytest.raises(DamagedSource, match=r"cut\.accdb: is truncated"), AccessSource(path):
        pass


def test_truncated_between_pages(sample: Path, tmp_path: Path, opened: AccessFile, definition: Definition) -> None:
    last = int(data_pages(opened, definition("routings"))[-1])
    path = tmp_path / "cut.accdb"
    path.write_bytes(sample.read_bytes()[: last * PAGE])
    _refused(path, "routings", "is truncated")


def test_a_moved_row_is_read_where_it_went(opened: AccessFile, definition: Definition, changed: Changed) -> None:
    table = definition("routings")
    rows = _rows(opened, table)
    last = int(rows.locator[-1])
    slot = (last >> 8) * PAGE + 14 + 2 * (last & 0xFF)
    gone = (int(opened.memory.u16[slot]) | ROW_DELETED).to_bytes(2, "little")
    with AccessSource(changed(_moved(opened, table, last) | {slot: gone})) as source:
        (batch,) = source.batches("routings", batch_rows=10_000)
    assert batch.frame["routing_id"][1] == 3485
    assert batch.frame.height == 3449
    assert batch.locators.to_list() == rows.locator.tolist()[:-1]


@pytest.mark.parametrize("target", [0, 0xFFFFFF << 8, 1 << 8])
def test_a_moved_row_that_leads_nowhere(
    target: int, opened: AccessFile, definition: Definition, changed: Changed
) -> None:
    patches = _moved(opened, definition("routings"), target)
    _refused(changed(patches), "routings", "points to page|is pointed to")


def test_moved_rows_that_lead_in_a_circle(opened: AccessFile, definition: Definition, changed: Changed) -> None:
    table = definition("routings")
    first, second = _rows(opened, table).locator[:2].tolist()
    patches = _moved(opened, table, second, 0) | _moved(opened, table, first, 1)
    _refused(changed(patches), "routings", f"page {first >> 8}, row {first & 255}: .*leads to no row")


def test_a_moved_row_that_leads_to_another_table(opened: AccessFile, definition: Definition, changed: Changed) -> None:
    other = int(_rows(opened, definition("items")).locator[0])
    _refused(changed(_moved(opened, definition("routings"), other)), "routings", "is pointed to and is not there")


def test_a_row_outside_its_page(opened: AccessFile, definition: Definition, changed: Changed) -> None:
    page = int(data_pages(opened, definition("users"))[0])
    _refused(changed({page * PAGE + 14: b"\x05\0"}), "users", f"page {page}, row 0: lies outside its page")
    _refused(changed({page * PAGE + 14: b"\xff\x0f", page * PAGE + 16: b"\xff\x1f"}), "users", f"page {page}, row 1")


def test_scribbled_slots_do_not_pass_for_deleted_rows(
    opened: AccessFile, definition: Definition, changed: Changed
) -> None:
    page = int(data_pages(opened, definition("routings"))[0])
    count = int(opened.memory.u16[page * PAGE + 12])
    last = page * PAGE + 14 + 2 * (count - 1)  # no live row stands after it, whose end would tell
    path = changed({last: b"\xff\xff"})
    _refused(path, "routings", f"page {page}, row {count - 1}: lies outside its page")
    with AccessSource(path, salvage=True) as source:
        unread = [place for batch in source.batches("routings", batch_rows=10_000) for place in batch.unread]
    assert [place.locator for place in unread] == [page << 8 | count - 1]


def test_more_rows_than_fit(opened: AccessFile, definition: Definition, changed: Changed) -> None:
    page = int(data_pages(opened, definition("users"))[0])
    _refused(changed({page * PAGE + 12: b"\xff\xff"}), "users", f"page {page}: counts 65535 rows")


def test_a_null_bitmap_larger_than_its_row(opened: AccessFile, definition: Definition, changed: Changed) -> None:
    row = _rows(opened, definition("users"))
    at = f"page {int(row.locator[3]) >> 8}, row {int(row.locator[3]) & 255}"
    _refused(changed({int(row.start[3]): b"\xff\xff"}), "users", f"{at}: has a null bitmap larger")


def test_a_value_outside_its_row(opened: AccessFile, definition: Definition, changed: Changed) -> None:
    table = definition("users")
    rows = _rows(opened, table)
    last_offset = int(rows.end[0]) - (len(table.columns) + 7) // 8 - 4
    _refused(changed({last_offset: b"\xff\xff"}), "users", "row 0: has column 'login_id' outside itself")


def test_a_page_whose_owner_is_wrong(opened: AccessFile, definition: Definition, changed: Changed) -> None:
    page = int(data_pages(opened, definition("users"))[0])
    other = definition("items").page
    _refused(changed({page * PAGE + 4: _u32(other)}), "users", f"page {page}: names page {other} as its owner")
    _refused(changed({page * PAGE: b"\x63"}), "users", f"page {page}: is of type 99")


def test_a_long_value_that_runs_in_a_circle(opened: AccessFile, definition: Definition, changed: Changed) -> None:
    header = _header_of(opened, definition("audit_logs"), 0)
    pointer = int(opened.memory.u32[header + 4])
    _refused(changed({_row_at(opened, pointer): _u32(pointer)}), "audit_logs", "'new_value' runs in a circle")


def test_a_long_value_that_ends_early(opened: AccessFile, definition: Definition, changed: Changed) -> None:
    header = _header_of(opened, definition("audit_logs"), 0)
    pointer = int(opened.memory.u32[header + 4])
    _refused(changed({_row_at(opened, pointer): _u32(0)}), "audit_logs", "'new_value' ends before its length")
    longer = int(opened.memory.u32[header]) + 5000
    _refused(changed({header: _u32(longer)}), "audit_logs", "'new_value'")
    _refused(changed({header: _u32(0x3FFFFFFF)}), "audit_logs", "'new_value' is longer than the file")


def test_a_long_value_on_a_page_of_rows(opened: AccessFile, definition: Definition, changed: Changed) -> None:
    table = definition("audit_logs")
    header, row = _header_of(opened, table, 1), int(_rows(opened, table).locator[0])
    _refused(changed({header + 4: _u32(row)}), "audit_logs", "is pointed to and is not there")


def test_rows_that_share_a_long_value_claim_too_much(
    opened: AccessFile, definition: Definition, changed: Changed
) -> None:
    """Otherwise one long chain named by every row would keep the reader busy for hours."""
    table = definition("audit_logs")
    rows = _rows(opened, table)
    column = table.column("new_value")
    slices = Fields(opened, table, rows).slices(column, None)
    start = slices.start[slices.valid & (slices.length == 12)]
    length = opened.memory.u32[start] & 0x3FFFFFFF
    longest = opened.memory.read(int(start[np.argmax(length)]), 12)
    _refused(changed(dict.fromkeys(start.tolist(), longest)), "audit_logs", "claim more bytes than the file has")


def test_a_definition_without_end(definition: Definition, changed: Changed) -> None:
    page = definition("users").page
    _refused(changed({page * PAGE + 4: _u32(page)}), "users", f"page {page}: definition has no end")


def test_a_definition_that_counts_more_than_it_holds(definition: Definition, changed: Changed) -> None:
    page = definition("users").page
    _refused(changed({page * PAGE + 45: b"\xff\xff"}), "users", "definition does not hold all that it counts")
    _refused(changed({page * PAGE + 47: b"\xff\xff\xff\xff"}), "users", "definition does not hold all that it counts")
    _refused(changed({page * PAGE + 51: b"\xff\xff\xff\xff"}), "users", "definition does not hold all that it counts")


def test_a_definition_without_columns(definition: Definition, changed: Changed) -> None:
    """Its rows would have no place in a frame."""
    page = definition("users").page
    _refused(changed({page * PAGE + 45: bytes(10)}), "users", "has 0 columns")


def test_a_usage_map_of_another_kind(opened: AccessFile, definition: Definition, changed: Changed) -> None:
    at = _row_at(opened, definition("users").owned_pages)
    _refused(changed({at: b"\x07"}), "users", "usage map is of unknown kind 7")


def test_count_sees_the_same_damage(opened: AccessFile, definition: Definition, changed: Changed) -> None:
    with (
        AccessSource(changed(_moved(opened, definition("routings"), 0xFFFFFF00))) as source,
        pytest.raises(DamagedSource, match="routings"),
    ):
        source.count("routings")


def test_damage_in_one_column_leaves_the_others_readable(
    opened: AccessFile, definition: Definition, changed: Changed
) -> None:
    path = changed({_header_of(opened, definition("audit_logs"), 0): _u32(0x3FFFFFFF)})
    with AccessSource(path) as source:
        batches = source.batches("audit_logs", batch_rows=10_000, columns=("log_id", "ts"))
        assert sum(batch.frame.height for batch in batches) == 5000


def test_an_unknown_column_type_stops_the_table(opened: AccessFile, definition: Definition, changed: Changed) -> None:
    table = definition("users")
    body = table.page * PAGE + 63 + 12 * int(opened.memory.u32[table.page * PAGE + 51])
    with AccessSource(changed({body: b"\x63"})) as source:
        odd = [column for column in source.catalog().table("users").columns if str(column.type) == "Unknown 0x63"]
        assert len(odd) == 1
        assert any(notice.column == odd[0].name for notice in source.catalog().notices)
        with pytest.raises(UnsupportedSource, match=f"users.*{odd[0].name}.*Unknown 0x63"):
            next(source.batches("users", batch_rows=1))


@pytest.mark.parametrize("digits", [b"\0\0", b"\x1d\0", b"\x02\x03", b"\xff\xff"])
def test_a_decimal_that_cannot_be(digits: bytes, opened: AccessFile, definition: Definition, changed: Changed) -> None:
    table = definition("routings")
    at = table.page * PAGE + 63 + 12 * int(opened.memory.u32[table.page * PAGE + 51]) + 25 * 10 + 11
    assert opened.memory.read(at, 2) == b"\x09\x06"
    _refused(changed({at: digits}), "routings", r"column 'yield_rate' claims to be Decimal")


def test_damaged_properties_are_told_and_the_data_is_read(opened: AccessFile, sample: Path, tmp_path: Path) -> None:
    path = tmp_path / "properties.accdb"
    path.write_bytes(sample.read_bytes().replace(b"MR2\0", b"MRX\0"))
    with AccessSource(path) as source:
        catalog = source.catalog()
        assert ("items", "properties are damaged (unknown kind of properties): no defaults, rules or descriptions") in [
            (notice.table, notice.text) for notice in catalog.notices
        ]
        assert catalog.table("items").comment is None
        assert source.count("items") == 1250
