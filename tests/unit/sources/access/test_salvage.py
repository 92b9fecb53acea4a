"""What a salvaged file gives: every row that damage did not touch, as it was, and each place that it did, once."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from pipeline.batch import Defect, Position, Unread, Unreadable
from pipeline.errors import DamagedSource, SourceError
from pipeline.sources.access import AccessSource
from pipeline.sources.access import salvage as salvaging
from pipeline.sources.access.cells.columns import MEMO
from pipeline.sources.access.cells.fields import Fields
from pipeline.sources.access.pages.codepage import Names
from pipeline.sources.access.pages.definition import TableDefinition, read_definition
from pipeline.sources.access.pages.file import AccessFile
from pipeline.sources.access.pages.halving import halved
from pipeline.sources.access.pages.rows import data_pages, live_rows
from pipeline.sources.codepage import UTF_16

PAGE = 4096
Definition = Callable[[str], TableDefinition]
Changed = Callable[[dict[int, bytes]], Path]


@dataclass
class Read:
    """A table as it was delivered."""

    rows: dict[int, tuple[object, ...]] = field(default_factory=dict)
    unread: list[Unread] = field(default_factory=list)
    defects: dict[int, list[Defect]] = field(default_factory=dict)
    doubts: set[str | None] = field(default_factory=set)

    def lost(self) -> list[tuple[int, Unreadable]]:
        return [(place.locator, place.reason) for place in self.unread]


def read(
    source: AccessSource, table: str, *, batch_rows: int = 1000, after: Position | None = None, batches: int = 1 << 30
) -> tuple[Read, Position | None]:
    """Some batches, and where they end; the order of rows and places is checked on the way."""
    found, position, last = Read(), after, -1 if after is None else int(str(after.mark))
    for batch in source.batches(table, batch_rows=batch_rows, after=after):
        places = sorted([*batch.locators, *(place.locator for place in batch.unread)])
        assert 0 < len(places) <= batch_rows
        assert last < places[0]
        assert len({*places}) == len(places)
        assert places[-1] == batch.position.mark
        position, last = batch.position, places[-1]
        for defect in batch.defects:
            found.defects.setdefault(batch.locators[defect.row], []).append(defect)
        found.rows |= dict(zip(batch.locators, batch.frame.rows(), strict=True))
        found.unread += batch.unread
        found.doubts.add(batch.doubt)
        batches -= 1
        if not batches:
            break
    return found, position


def salvaged(path: Path, table: str) -> Read:
    with AccessSource(path, salvage=True) as source:
        found, _ = read(source, table)
        assert source.count(table) == len(found.rows) + len(found.unread)
    return found


@pytest.fixture(scope="session")
def clean(sample: Path) -> dict[str, Read]:
    """Every table of the sample, read without salvage."""
    with AccessSource(sample) as source:
        return {table.name: read(source, table.name)[0] for table in source.catalog().tables}


def _pages(file: AccessFile, table: TableDefinition) -> list[int]:
    return [int(page) for page in data_pages(file, table)]


def _without_pages(rows: dict[int, tuple[object, ...]], *pages: int) -> dict[int, tuple[object, ...]]:
    return {locator: row for locator, row in rows.items() if locator >> 8 not in pages}


# ---- bisection


@pytest.mark.parametrize("bad", [[], [0], [255], [17, 18], [0, 100, 255], list(range(256))])
def test_halving_leaves_each_place_read_or_lost_in_order(bad: list[int]) -> None:
    readings: list[int] = []

    def attempt(part: slice) -> list[str]:
        places = range(256)[part]
        readings.append(len(places))
        if {*places} & {*bad}:
            raise DamagedSource("somewhere here")
        return [f"read {place}" for place in places]

    found = [text for texts in halved(attempt, 256, lambda place, _: [f"lost {place}"]) for text in texts]
    assert found == [f"{'lost' if place in bad else 'read'} {place}" for place in range(256)]
    assert sum(readings) <= 256 * (1 + min(len(bad), 1) * 8)


# ---- pages and rows


def test_an_undamaged_file_is_read_as_without_salvage(sample: Path, clean: dict[str, Read]) -> None:
    for name, table in clean.items():
        assert salvaged(sample, name) == table


def test_one_page_of_another_kind_is_lost_and_nothing_else(
    opened: AccessFile, definition: Definition, changed: Changed, clean: dict[str, Read]
) -> None:
    page = _pages(opened, definition("routings"))[40]
    found = salvaged(changed({page * PAGE: bytes(PAGE)}), "routings")
    (place,) = found.unread
    assert (place.locator, place.reason) == (page * 256, Unreadable.PAGE)
    assert place.detail == f"page {page}: is of type 0, not a data page"
    assert place.raw == bytes(1024)
    assert found.rows == _without_pages(clean["routings"].rows, page)


@pytest.mark.parametrize("counted", [0, 20])
def test_a_page_that_counts_fewer_rows_than_it_was_written_with_is_told(
    opened: AccessFile, definition: Definition, changed: Changed, clean: dict[str, Read], counted: int
) -> None:
    """The rows that it counts are read; the table's own count of rows and the page's free space say there are more."""
    page = _pages(opened, definition("audit_logs"))[5]
    path = changed({page * PAGE + 12: counted.to_bytes(2, "little")})
    found = salvaged(path, "audit_logs")
    assert found.lost() == [(page * 256 + counted, Unreadable.PAGE)]
    assert f"page {page}: its count of {counted} rows does not fit its free space" in found.unread[0].detail
    gone = {at for at in clean["audit_logs"].rows if at >> 8 == page and at & 0xFF >= counted}
    assert gone
    assert found.rows == {at: row for at, row in clean["audit_logs"].rows.items() if at not in gone}
    with AccessSource(path, salvage=True) as source:
        pieces, position = Read(), None
        while (part := read(source, "audit_logs", batch_rows=7, after=position, batches=1))[1] != position:
            pieces.unread, position = pieces.unread + part[0].unread, part[1]
    assert pieces.unread == found.unread
    with AccessSource(path) as source, pytest.raises(DamagedSource, match=rf"page {page}: its count of rows does not"):
        source.count("audit_logs")
    with AccessSource(path) as source, pytest.raises(DamagedSource, match=r"4,9\d\d rows are found where"):
        read(source, "audit_logs")


def test_a_wrong_free_space_alone_is_no_damage(
    opened: AccessFile, definition: Definition, changed: Changed, clean: dict[str, Read]
) -> None:
    page = _pages(opened, definition("audit_logs"))[5]
    path = changed({page * PAGE + 2: b"\x07\x00"})
    assert salvaged(path, "audit_logs") == clean["audit_logs"]
    with AccessSource(path) as source:
        assert source.count("audit_logs") == len(clean["audit_logs"].rows)


def test_a_row_outside_its_page_takes_only_those_that_border_on_it(
    opened: AccessFile, definition: Definition, changed: Changed, clean: dict[str, Read]
) -> None:
    page = _pages(opened, definition("routings"))[3]
    found = salvaged(changed({page * PAGE + 14 + 2 * 5: b"\xff\x1f"}), "routings")
    assert found.lost() == [(page * 256 + 5, Unreadable.ROW), (page * 256 + 6, Unreadable.ROW)]
    assert found.unread[0].detail == f"page {page}, row 5: lies outside its page"
    gone = {page * 256 + 5, page * 256 + 6}
    assert found.rows == {k: row for k, row in clean["routings"].rows.items() if k not in gone}


def test_a_row_without_room_for_its_values_keeps_its_bytes(
    opened: AccessFile, definition: Definition, changed: Changed
) -> None:
    rows = live_rows(opened, definition("users"), data_pages(opened, definition("users")))
    found = salvaged(changed({int(rows.start[3]): b"\xff\xff"}), "users")
    (place,) = found.unread
    assert place.locator == rows.locator[3]
    assert place.raw == (b"\xff\xff" + opened.memory.read(int(rows.start[3]) + 2, 1022))[: len(place.raw)]
    assert len(place.raw) == min(int(rows.end[3] - rows.start[3]), 1024)
    assert "has a null bitmap larger than itself" in place.detail


def test_a_page_of_another_table_is_lost_where_rows_are_missing(
    opened: AccessFile, definition: Definition, changed: Changed, clean: dict[str, Read]
) -> None:
    page, other = _pages(opened, definition("routings"))[7], _pages(opened, definition("items"))[0]
    found = salvaged(changed({page * PAGE: opened.page(other)}), "routings")
    assert found.lost() == [(page * 256, Unreadable.PAGE)]
    assert found.rows == _without_pages(clean["routings"].rows, page)


# ---- truncation


@pytest.mark.parametrize("odd", [0, 100])
def test_pages_beyond_the_end_are_lost_one_by_one(
    odd: int, opened: AccessFile, definition: Definition, sample: Path, tmp_path: Path, clean: dict[str, Read]
) -> None:
    pages = _pages(opened, definition("audit_logs"))
    kept, gone = pages[:-20], pages[-20:]
    path = tmp_path / "cut.accdb"
    path.write_bytes(sample.read_bytes()[: gone[0] * PAGE + odd])
    found = salvaged(path, "audit_logs")
    beyond = "lies beyond the end of the truncated file"
    assert [place.detail for place in found.unread] == [f"page {page}: {beyond}" for page in gone]
    assert {locator >> 8 for locator in found.rows} == {*kept}
    right = _without_pages(clean["audit_logs"].rows, *gone)
    sound = {locator: row for locator, row in found.rows.items() if locator not in found.defects}
    assert sound == {locator: row for locator, row in right.items() if locator not in found.defects}
    assert salvaged(path, "items").unread == []


def test_a_truncated_file_is_still_refused_without_salvage(sample: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.accdb"
    path.write_bytes(sample.read_bytes()[:-1])
    with pytest.raises(DamagedSource, match=r"cut\.accdb: is truncated") as caught, AccessSource(path):
        pass
    assert caught.value.hint is not None
    assert "Compact and Repair" in caught.value.hint
    assert "--salvage" in caught.value.hint


# ---- values


def _memo_header(file: AccessFile, table: TableDefinition, kind: int) -> tuple[str, int, int]:
    """Column, locator and file offset of the first memo value of a kind."""
    rows = live_rows(file, table, data_pages(file, table))
    for column in table.columns:
        if column.type == MEMO:
            slices = Fields(file, table, rows).slices(column, None)
            for index in slices.valid.nonzero()[0]:
                start = int(slices.start[index])
                if slices.length[index] >= 12 and int(file.memory.u32[start]) >> 30 == kind:
                    return column.name, int(rows.locator[index]), start
    raise AssertionError(f"{table.name} has no such value")


@pytest.mark.parametrize("kind", [0, 1])
def test_a_long_value_that_leads_nowhere_costs_one_cell(
    kind: int, opened: AccessFile, definition: Definition, changed: Changed, clean: dict[str, Read]
) -> None:
    column, locator, header = _memo_header(opened, definition("audit_logs"), kind)
    found = salvaged(changed({header + 4: b"\x00\xff\xff\xff"}), "audit_logs")
    assert found.unread == []
    ((where, (defect,)),) = found.defects.items()
    assert (where, defect.column, defect.damaged, defect.replacement) == (locator, column, True, None)
    assert defect.raw[4:8] == b"\x00\xff\xff\xff"
    assert "page 16777215" in defect.reason
    names = [c.name for c in definition("audit_logs").columns]
    row = dict(zip(names, clean["audit_logs"].rows[locator], strict=True)) | {column: None}
    assert found.rows == clean["audit_logs"].rows | {locator: tuple(row.values())}


def test_rows_that_share_a_chain_end_the_reading_after_a_bounded_effort(
    opened: AccessFile, definition: Definition, changed: Changed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chains are sound, so nothing is lost; followed for every row, they would take hours in a large file."""
    table = definition("audit_logs")
    rows = live_rows(opened, table, data_pages(opened, table))
    slices = Fields(opened, table, rows).slices(table.column("new_value"), None)
    start = slices.start[slices.valid & (slices.length == 12)]
    longest = opened.memory.read(int(start[(opened.memory.u32[start] & 0x3FFFFFFF).argmax()]), 12)
    path = changed(dict.fromkeys(start.tolist(), longest))
    monkeypatch.setattr(salvaging, "_MOST_FOLLOWED", 1)
    with AccessSource(path, salvage=True) as source, pytest.raises(SourceError, match="share pieces") as caught:
        read(source, "audit_logs")
    assert not isinstance(caught.value, DamagedSource)


# ---- usage maps


def _map_slot(file: AccessFile, table: TableDefinition) -> int:
    return (table.owned_pages >> 8) * PAGE + 14 + 2 * (table.owned_pages & 0xFF)


def test_without_a_map_pages_are_found_by_owner_and_believed_where_the_count_agrees(
    opened: AccessFile, definition: Definition, changed: Changed, clean: dict[str, Read]
) -> None:
    found = salvaged(changed({_map_slot(opened, definition("routings")): b"\x01\x00"}), "routings")
    (place,) = found.unread
    assert (place.locator, place.reason) == (0, Unreadable.TABLE)
    assert "lies outside its page" in place.detail
    assert found.doubts == {None}
    assert found.rows == clean["routings"].rows


def test_without_a_map_and_with_another_count_every_row_is_doubted(
    opened: AccessFile, definition: Definition, changed: Changed, clean: dict[str, Read]
) -> None:
    table = definition("routings")
    path = changed({_map_slot(opened, table): b"\x01\x00", table.page * PAGE + 16: (3449).to_bytes(4, "little")})
    found = salvaged(path, "routings")
    (doubt,) = found.doubts
    assert doubt is not None
    assert "3,450 rows where its definition counts 3,449" in doubt
    assert found.rows == clean["routings"].rows


def test_a_map_of_pages_that_no_file_has_is_unreadable(
    opened: AccessFile, definition: Definition, changed: Changed
) -> None:
    table = definition("users")
    slot = _map_slot(opened, table)
    start = (table.owned_pages >> 8) * PAGE + (int(opened.memory.u16[slot]) & 0x1FFF)
    found = salvaged(changed({start: b"\x00\xff\xff\xff\x7f\x01"}), "users")
    assert found.lost() == [(0, Unreadable.TABLE)]
    assert "beyond the largest file" in found.unread[0].detail


def _map_content(file: AccessFile, table: TableDefinition) -> tuple[int, int]:
    """Where the map's first page number stands, and the page."""
    slot = _map_slot(file, table)
    start = (table.owned_pages >> 8) * PAGE + (int(file.memory.u16[slot]) & 0x1FFF)
    return start + 1, int(file.memory.u32[start + 1])


def test_pages_that_the_map_has_lost_are_not_lost_in_silence(
    opened: AccessFile, definition: Definition, changed: Changed, clean: dict[str, Read]
) -> None:
    """An empty map is a map: only the count of the definition and the owner of the pages contradict it."""
    at, _ = _map_content(opened, definition("routings"))
    path = changed({at: bytes(4)})
    with AccessSource(path) as source:
        with pytest.raises(DamagedSource, match="'routings': its usage map lacks 100 pages with 3,450 rows"):
            read(source, "routings")
        with pytest.raises(DamagedSource, match="'routings': its usage map lacks"):
            source.count("routings")
    found = salvaged(path, "routings")
    assert found.lost() == [(0, Unreadable.TABLE)]
    assert found.rows == clean["routings"].rows


def test_pages_outside_the_map_that_the_count_does_not_explain_are_told_and_left(
    opened: AccessFile, definition: Definition, changed: Changed
) -> None:
    table = definition("routings")
    at, _ = _map_content(opened, table)
    found = salvaged(changed({at: bytes(4), table.page * PAGE + 16: (3451).to_bytes(4, "little")}), "routings")
    assert found.lost() == [(0, Unreadable.TABLE)]
    assert "3,450 rows may have been deleted long ago, and are left" in found.unread[0].detail
    assert found.rows == {}


# ---- what describes the tables


def test_a_damaged_definition_leaves_the_other_tables(definition: Definition, changed: Changed) -> None:
    path = changed({definition("users").page * PAGE: b"\x09"})
    with AccessSource(path, salvage=True) as source:
        catalog = source.catalog()
        assert [table.name for table in catalog.tables] == sorted(
            ["audit_logs", "items", "model_metadata", "output_profiles", "processes", "routing_groups", "routings"]
        )
        ((table, text),) = [(notice.table, notice.text) for notice in catalog.unread]
        assert table == "users"
        assert "definition is damaged" in text
    with AccessSource(path) as source, pytest.raises(DamagedSource, match="table 'users'"):
        source.catalog()


def test_a_damaged_decimal_is_a_damaged_definition(
    opened: AccessFile, definition: Definition, changed: Changed
) -> None:
    page = definition("routings").page
    at = page * PAGE + 63 + 12 * int(opened.memory.u32[page * PAGE + 51]) + 25 * 10 + 11
    with AccessSource(changed({at: b"\0\0"}), salvage=True) as source:
        assert [notice.table for notice in source.catalog().unread] == ["routings"]


OBJECT_PAGES = (17, 106)
RELATIONSHIP_PAGE = 114


@pytest.mark.parametrize("page", OBJECT_PAGES)
def test_a_lost_page_of_the_list_of_tables_is_told(page: int, changed: Changed, clean: dict[str, Read]) -> None:
    with AccessSource(changed({page * PAGE: bytes(PAGE)}), salvage=True) as source:
        catalog = source.catalog()
        assert f"MSysObjects: page {page}: is of type 0, not a data page" in [n.text for n in catalog.unread]
        names = {table.name for table in catalog.tables}
        assert {*clean} > names > set()
        for name in names:
            assert read(source, name)[0] == clean[name]


def test_lost_relationships_are_told_and_none_is_made_up(changed: Changed, sample: Path) -> None:
    with AccessSource(sample) as source:
        whole = {key.name for table in source.catalog().tables for key in table.foreign_keys}
    slot = RELATIONSHIP_PAGE * PAGE + 14
    with AccessSource(changed({slot: b"\x05\x00"}), salvage=True) as source:
        catalog = source.catalog()
    found = {key.name for table in catalog.tables for key in table.foreign_keys}
    assert found < whole
    assert [n.text.split(":")[0] for n in catalog.unread] == ["relationships"] * len(catalog.unread)
    assert len(catalog.unread) == len(whole) - len(found)


def test_the_first_definition_of_all_must_be_readable(changed: Changed) -> None:
    with (
        pytest.raises(DamagedSource, match=r"MSysObjects.*page 2"),
        AccessSource(changed({2 * PAGE: b"\0"}), salvage=True),
    ):
        pass


# ---- resuming


def test_the_batch_size_and_where_it_was_resumed_change_nothing(
    opened: AccessFile, definition: Definition, changed: Changed
) -> None:
    """A mark is worth the same under any batch size, also where it stands on a lost page or on the table itself."""
    table = definition("audit_logs")
    pages = _pages(opened, table)
    random = Random(20261121)
    patches = {page * PAGE: bytes(PAGE) for page in random.sample(pages, 20)}
    patches |= {page * PAGE + 14 + 2 * 3: b"\xff\x1f" for page in random.sample(pages, 30)}
    patches |= {_map_slot(opened, table): b"\x01\x00"}
    path = changed(patches)
    whole = salvaged(path, "audit_logs")
    assert {place.reason for place in whole.unread} == {Unreadable.TABLE, Unreadable.ROW}  # zeroed pages have no owner
    with AccessSource(path, salvage=True) as source:
        pieces, position = Read(), None
        while True:
            before = position
            part, position = read(
                source, "audit_logs", batch_rows=random.choice((1, 2, 7, 100)), after=position, batches=3
            )
            pieces.rows |= part.rows
            pieces.unread += part.unread
            pieces.defects |= part.defects
            pieces.doubts |= part.doubts
            if position == before:
                break
    assert pieces.unread == whole.unread
    assert pieces.rows == whole.rows
    assert pieces.defects.keys() == whole.defects.keys()


def test_a_lost_page_is_told_once_whatever_the_batches(
    opened: AccessFile, definition: Definition, changed: Changed
) -> None:
    pages = _pages(opened, definition("routings"))
    path = changed({page * PAGE: bytes(PAGE) for page in (pages[0], pages[1], pages[50], pages[-1])})
    whole = salvaged(path, "routings")
    assert [place.locator >> 8 for place in whole.unread] == [pages[0], pages[1], pages[50], pages[-1]]
    with AccessSource(path, salvage=True) as source:
        for stop_at in (1, 2, 5, 1000):
            head, position = read(source, "routings", batch_rows=stop_at, batches=1)
            tail, _ = read(source, "routings", batch_rows=13, after=position)
            assert head.unread + tail.unread == whole.unread
            assert head.rows | tail.rows == whole.rows


def test_salvage_is_part_of_the_fingerprint(sample: Path) -> None:
    with AccessSource(sample) as plain, AccessSource(sample, salvage=True) as salvage:
        assert plain.fingerprint() != salvage.fingerprint()


# ---- a seeded sweep


def _scribble(content: bytearray, random: Random) -> int:
    """Damage one page behind the system tables in one of four ways; returns which."""
    page = random.randrange(84, len(content) // PAGE)
    start = page * PAGE
    match random.randrange(4):
        case 0:
            content[start : start + PAGE] = bytes(PAGE)
        case 1:
            content[start : start + PAGE] = random.randbytes(PAGE)
        case 2:
            at = start + random.randrange(PAGE - 16)
            content[at : at + 16] = random.randbytes(16)
        case 3:
            at = start + random.randrange(64)
            content[at : at + 4] = random.randbytes(4)
    return page


@pytest.mark.parametrize("seed", range(3))
def test_rows_of_other_pages_all_arrive_and_are_right(
    seed: int, sample: Path, tmp_path: Path, clean: dict[str, Read], opened: AccessFile
) -> None:
    """Nothing is invented, and nothing is lost in silence: of rows on the other pages only cells can be missing.

    A page of long values may read as other text where it was scribbled on, so such a page is compared by its rows.
    """
    random, path, lost = Random(seed), tmp_path / "scribbled.accdb", 0
    whole = sample.read_bytes()
    for _ in range(12):
        content = bytearray(whole)
        page = _scribble(content, random)
        long_values = whole[page * PAGE : page * PAGE + 8].endswith(b"LVAL")
        path.write_bytes(content)
        with AccessSource(path, salvage=True) as source:
            catalog = source.catalog()
            told = {notice.table for notice in catalog.unread}
            names = {table.name for table in catalog.tables}
            assert names <= {*clean}
            assert names == {*clean} or told
            tables = {name: read(source, name)[0] for name in names}
        for name, found in tables.items():
            right = _without_pages(clean[name].rows, page)
            here = _without_pages(found.rows, page)
            assert here.keys() <= right.keys()
            assert {place.locator >> 8 for place in found.unread} <= {page, 0}
            assert here.keys() == right.keys() or found.doubts != {None}
            wrong = [k for k, row in here.items() if row != right[k] and k not in found.defects]
            assert not wrong or long_values
            lost += len(found.unread) + len(found.defects)
    assert lost, "the scribbling is too weak"


def test_two_names_of_one_definition_are_not_believed(
    opened: AccessFile, definition: Definition, changed: Changed
) -> None:
    """Else the rows of one table would arrive under the other's name, whose own would be missing."""
    objects, items = read_definition(opened, 2, "MSysObjects", Names(UTF_16)), definition("items").page
    rows = live_rows(opened, objects, data_pages(opened, objects))
    id = Fields(opened, objects, rows).slices(objects.column("Id"), 4).start
    (users,) = id[opened.memory.u32[id] == definition("users").page].tolist()
    path = changed({users: items.to_bytes(4, "little")})
    shared = rf"gives tables \['items', 'users'\] one definition, that on page {items}"
    with pytest.raises(DamagedSource, match=shared), AccessSource(path):
        pass
    with AccessSource(path, salvage=True) as source:
        catalog = source.catalog()
    assert {"items", "users"}.isdisjoint(table.name for table in catalog.tables)
    assert len(catalog.tables) == 6
    assert re.search(shared, catalog.unread[0].text)
