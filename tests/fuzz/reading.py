"""Reading all of a file that may be damaged: what must hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.batch import Batch
from pipeline.errors import DamagedSource, NaruError, PasswordError, UnsupportedSource
from pipeline.sources.access import AccessSource

BATCH_ROWS = 3000
FIRST_ROWS, SMALL_ROWS = 61, 700
Seen = Counter[str]
Place = tuple[int, str | None]
_EXPECTED = (DamagedSource, UnsupportedSource, PasswordError)


def read_everything(path: Path, *, salvage: bool = False, **how: object) -> Seen:
    """How each step ended: open, catalog, fingerprint, and rows of each table; `how` goes to the source.

    Raises whatever is not an error of ours about this file, and AssertionError where answers contradict: what a
    resumed reading of a salvaged file finds is what one in one piece does.
    """
    seen: Seen = Counter()
    with _ours(path, seen), AccessSource(path, salvage=salvage, **how) as source:  # type: ignore[arg-type]
        with _ours(path, seen):
            source.fingerprint()
        with _ours(path, seen):
            tables = source.catalog().tables
            for table in tables:
                with _ours(path, seen):
                    _read_table(source, table.name, table.column_names, resumed=salvage)
    return seen


def _read_table(source: AccessSource, table: str, columns: tuple[str, ...], *, resumed: bool) -> None:
    count, chosen = source.count(table), readable(source, table, columns)
    if not chosen:
        return
    places: list[Place] = []
    for batch in source.batches(table, batch_rows=BATCH_ROWS, columns=chosen):
        # What was put together from buffers is what it claims: offsets ascend, text is UTF-8.
        batch.frame.to_arrow().validate(full=True)
        assert batch.frame.height == len(batch.locators)
        assert 0 < batch.frame.height + len(batch.unread) <= BATCH_ROWS
        places += _places(batch)
    assert len(places) == count
    assert not resumed or _resumed(source, table, chosen) == places


def _resumed(source: AccessSource, table: str, columns: tuple[str, ...]) -> list[Place]:
    """The same in small batches, of which the first is the last of its run."""
    found: list[Place] = []
    for batch in source.batches(table, batch_rows=FIRST_ROWS, columns=columns):
        found += _places(batch)
        for rest in source.batches(table, after=batch.position, batch_rows=SMALL_ROWS, columns=columns):
            found += _places(rest)
        break
    return found


def _places(batch: Batch) -> list[Place]:
    """Rows and unread places, with what is wrong with them."""
    flawed = {batch.locators[defect.row]: f"{defect.column}: {defect.reason}" for defect in batch.defects}
    rows = [(at, flawed.get(at, batch.doubt)) for at in batch.locators]
    return sorted([*rows, *((place.locator, place.detail) for place in batch.unread)], key=lambda place: place[0])


def readable(source: AccessSource, table: str, columns: tuple[str, ...]) -> tuple[str, ...]:
    """The columns whose types the source reads; all of them, but for types that are not read yet."""

    def reads(*chosen: str) -> bool:
        try:
            source.batches(table, batch_rows=1, columns=chosen)
        except UnsupportedSource:
            return False
        return True

    return columns if reads(*columns) else tuple(column for column in columns if reads(column))


@contextmanager
def _ours(path: Path, seen: Seen) -> Iterator[None]:
    try:
        yield
    except NaruError as error:
        if not isinstance(error, _EXPECTED) or path.name not in error.message:
            raise AssertionError(f"{type(error).__name__} says nothing of the file: {error}") from error
        seen[type(error).__name__] += 1
    else:
        seen["whole"] += 1
