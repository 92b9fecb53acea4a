"""Makes a large Access file from the sample: its largest table again and again, under new keys.

    python bench/write_access.py --mb 2047 bench/data/large.accdb

Each copy of the table is a block of pages: its data pages and the pages of its long values, with every pointer between
them moved to the block and the autonumber counted on. The definition's row count and next number and the table's usage
map are written anew. Indexes, free-space maps and the maps of long values stay those of the sample: no reader of whole
tables needs them, and Access would want to repair them. tests/contract/test_enlarged.py holds the file to mdbtools.
"""

from __future__ import annotations

import argparse
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.sources.access.cells.columns import MEMO, OLE
from pipeline.sources.access.cells.fields import Fields
from pipeline.sources.access.pages.codepage import UTF_16, Names
from pipeline.sources.access.pages.definition import TableDefinition, read_definition
from pipeline.sources.access.pages.file import AccessFile
from pipeline.sources.access.pages.format import JET4, LARGEST_FILE, LONG_VALUE_OWNER
from pipeline.sources.access.pages.rows import data_pages, live_rows
from pipeline.sources.access.pages.usage import USAGE_PAGE
from pipeline.sources.access.schema.objects import read_objects

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "samples" / "routing_ml.accdb"
TABLE, KEY = "audit_logs", "log_id"
PAGE = JET4.page_size
_MAPPED = (PAGE - 4) * 8
"""Pages that one page of a usage map speaks of."""
_CHAIN, _ONE_ROW = 0, 1

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Block:
    """One copy of the table as if it stood at page 0."""

    pages: Bytes
    data_pages: int
    """The first ones; long values follow."""
    rows: int
    keys: Ints
    """Offsets of the keys."""
    pointers: Ints
    """Offsets of what points to a row in the block."""

    @classmethod
    def of(cls, file: AccessFile, table: TableDefinition) -> Block:
        """Raises ValueError for a table with overflow rows, whose pointers are not moved."""
        data = data_pages(file, table)
        rows = live_rows(file, table, data)
        if (rows.start // PAGE != rows.locator >> 8).any():
            raise ValueError(f"{table.name} has overflow rows")
        fields = Fields(file, table, rows)
        keys = fields.slices(table.column(KEY), 4).start
        pointers = np.array(sorted(_pointers(file, table, fields)), np.int64)
        targets = file.memory.u32[pointers].astype(np.int64)
        order = np.concatenate([data, np.unique(targets >> 8)])
        place = np.zeros(file.pages, np.int64)
        place[order] = np.arange(len(order))
        pages = np.concatenate([file.memory.u8[page * PAGE : (page + 1) * PAGE] for page in order.tolist()])
        block = cls(pages, len(data), len(rows), _moved(keys, place), _moved(pointers, place))
        block._put(block.pointers, place[targets >> 8] << 8 | targets & 0xFF)
        return block

    def _put(self, at: Ints, values: Ints) -> None:
        self.pages[at[:, None] + np.arange(4)] = values.astype("<u4").view(np.uint8).reshape(-1, 4)

    def _get(self, at: Ints) -> Ints:
        numbers = self.pages[at[:, None] + np.arange(4)].copy().view("<u4")
        return numbers.reshape(-1).astype(np.int64)

    def copies(self, first_page: int, count: int) -> Iterator[Bytes]:
        """Pages of the second copy and those after it, block after block from a page on."""
        keys, pointers = self._get(self.keys), self._get(self.pointers)
        size = len(self.pages) // PAGE
        for copy in range(count):
            self._put(self.keys, keys + (copy + 1) * self.rows)
            self._put(self.pointers, pointers + ((first_page + copy * size) << 8))
            yield self.pages


def _moved(at: Ints, place: Ints) -> Ints:
    moved: Ints = place[at // PAGE] * PAGE + at % PAGE
    return moved


def _pointers(file: AccessFile, table: TableDefinition, fields: Fields) -> Iterator[int]:
    """Offsets of all pointers to pieces of long values: in the rows, and from piece to piece."""
    for column in table.columns:
        if column.type in (MEMO, OLE):
            slices = fields.slices(column, None)
            for start in slices.start[slices.valid & (slices.length >= 12)].tolist():
                kind = int(file.memory.u32[start]) >> 30
                at = start + 4 if kind in (_CHAIN, _ONE_ROW) else None
                while at is not None and (pointer := int(file.memory.u32[at])):
                    yield at
                    at = _start(file, pointer) if kind == _CHAIN else None


def _start(file: AccessFile, pointer: int) -> int:
    """Offset of a piece, where the pointer to the next one stands."""
    base = (pointer >> 8) * PAGE
    assert int(file.memory.u32[base + 4]) == LONG_VALUE_OWNER
    return base + (int(file.memory.u16[base + JET4.rows + 2 * (pointer & 0xFF)]) & 0x1FFF)


def write(target: Path, most_bytes: int) -> int:
    """Write a file of at most so many bytes; returns the table's rows, whose keys are 1 to that number."""
    with AccessFile(SAMPLE) as file:
        objects = read_objects(file, Names(UTF_16))
        table = read_definition(file, objects.tables[TABLE].page, TABLE, Names(UTF_16))
        block = Block.of(file, table)
        pages = min(most_bytes, LARGEST_FILE) // PAGE
        maps, size = -(-pages // _MAPPED), len(block.pages) // PAGE
        first = file.pages + maps
        count = max((pages - first) // size, 0)
        rows = block.rows * (count + 1)
        head = bytearray(file.memory.read(0, file.size))
        struct.pack_into("<Ii", head, table.page * PAGE + JET4.definition_rows, rows, rows)
        _point_to_maps(head, table.owned_pages, file.pages, maps)
        own = np.concatenate([data_pages(file, table), *_owned(block, first, size, count)])
        with target.open("wb") as stream:
            stream.write(head)
            stream.write(_usage_maps(own, maps))
            for copy in block.copies(first, count):
                copy.tofile(stream)
    return rows


def _owned(block: Block, first: int, size: int, count: int) -> list[Ints]:
    return [first + copy * size + np.arange(block.data_pages) for copy in range(count)]


def _point_to_maps(head: bytearray, pointer: int, first: int, count: int) -> None:
    """Make the usage map in the row one that refers to pages of maps: it keeps its length, which is enough for 2 GB."""
    base = (pointer >> 8) * PAGE
    slot = base + JET4.rows + 2 * (pointer & 0xFF)
    start = int.from_bytes(head[slot : slot + 2], "little") & 0x1FFF
    before = int.from_bytes(head[slot - 2 : slot], "little") & 0x1FFF if pointer & 0xFF else PAGE
    entries = (before - start - 1) // 4
    assert count <= entries
    numbers = [first + at if at < count else 0 for at in range(entries)]
    struct.pack_into(f"<B{entries}I", head, base + start, 1, *numbers)


def _usage_maps(own: Ints, maps: int) -> bytes:
    mapped = np.zeros(maps * _MAPPED, np.uint8)
    mapped[own] = 1
    bits = np.packbits(mapped, bitorder="little").reshape(maps, -1)
    lead = np.tile(np.frombuffer(struct.pack("<BBH", USAGE_PAGE, 1, 0), np.uint8), (maps, 1))
    return np.concatenate([lead, bits], axis=1).tobytes()


def enlarged(mb: int) -> Path:
    """A file of that size in bench/data, made when it is not there."""
    target = ROOT / "bench" / "data" / f"enlarged-{mb}.accdb"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_suffix(".partial")
        write(partial, mb << 20)
        partial.replace(target)
    return target


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("file", type=Path)
    arguments.add_argument("--mb", type=int, default=2047, help="size, at most; Access itself allows 2048")
    options = arguments.parse_args()
    rows = write(options.file, options.mb << 20)
    print(f"{options.file}: {options.file.stat().st_size:,} bytes, {rows:,} rows of {TABLE}, {KEY} 1 to {rows}")


if __name__ == "__main__":
    main()
