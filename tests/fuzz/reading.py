"""Reading all of a file that may be damaged: what must hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import DamagedSource, NaruError, PasswordError, UnsupportedSource
from pipeline.sources.access import AccessSource

BATCH_ROWS = 3000
Seen = Counter[str]
_EXPECTED = (DamagedSource, UnsupportedSource, PasswordError)


def read_everything(path: Path, **how: object) -> Seen:
    """How each step ended: open, catalog, fingerprint, and rows of each table; `how` goes to the source.

    Raises whatever is not an error of ours about this file, and AssertionError where answers contradict.
    """
    seen: Seen = Counter()
    with _ours(path, seen), AccessSource(path, **how) as source:  # type: ignore[arg-type]
        with _ours(path, seen):
            source.fingerprint()
        with _ours(path, seen):
            tables = source.catalog().tables
            for table in tables:
                with _ours(path, seen):
                    _read_table(source, table.name, table.column_names)
    return seen


def _read_table(source: AccessSource, table: str, columns: tuple[str, ...]) -> None:
    rows, count, chosen = 0, source.count(table), readable(source, table, columns)
    for batch in source.batches(table, batch_rows=BATCH_ROWS, columns=chosen) if chosen else ():
        assert 0 < batch.frame.height == len(batch.locators) <= BATCH_ROWS
        # What was put together from buffers is what it claims: offsets ascend, text is UTF-8.
        batch.frame.to_arrow().validate(full=True)
        rows += batch.frame.height
    assert rows == count or not chosen


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
