"""A second opinion on a small file: what access-parser reads of it, against what we read.

access-parser loads a whole file, fails on a third of the real ones, reads Byte as signed, gives money as
text, loses the scale of decimals, swaps GUIDs, and skips pages that it cannot read. So where the two
differ, either may be wrong; where they agree, two programs that share no code do. Nothing else depends on it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from pipeline.catalog import Table
from pipeline.errors import UsageError
from pipeline.sources.base import Source

_LARGEST_BYTES = 64 << 20
_BATCH_ROWS = 10_000
_NOT_READ = ("Complex", "Calculated")


@dataclass(frozen=True, slots=True)
class Disagreement:
    """What the two readers say differently of a table, or of one of its columns."""

    table: str
    column: str | None
    text: str


def cross_check(path: Path, source: Source) -> Iterator[Disagreement]:
    """Table by table; a table that the other reader cannot read is a disagreement too. Raises UsageError."""
    try:
        from access_parser import AccessParser  # an optional package, imported where it is asked for
    except ImportError:
        raise UsageError(
            "access-parser is not installed", hint="pip install access-parser, then ask for the cross-check again"
        ) from None
    if path.stat().st_size > _LARGEST_BYTES:
        raise UsageError(
            f"{path.name} is too large for a cross-check: access-parser loads a file whole",
            hint=f"check a file of at most {_LARGEST_BYTES >> 20} MB",
        )
    logging.getLogger("access_parser").setLevel(logging.CRITICAL + 1)  # it says on stderr what we report
    try:
        other = AccessParser(str(path))
    except Exception as error:  # noqa: BLE001  # whatever it raises is its opinion
        yield Disagreement("*", None, f"access-parser cannot open the file: {type(error).__name__}: {error}")
        return
    for table in source.catalog().tables:
        try:
            theirs = other.parse_table(table.name)
        except Exception as error:  # noqa: BLE001
            yield Disagreement(table.name, None, f"access-parser cannot read it: {type(error).__name__}: {error}")
            continue
        yield from _compare(source, table, theirs)


def _compare(source: Source, table: Table, theirs: dict[str, list[object]]) -> Iterator[Disagreement]:
    # access-parser takes the envelope of a calculated value for the value.
    plain = (column for column in table.columns if column.calculated is None and column.type.name not in _NOT_READ)
    names = tuple(column.name for column in plain)
    ours: dict[str, list[object]] = {name: [] for name in names}
    for batch in source.batches(table.name, batch_rows=_BATCH_ROWS, columns=names):
        for name in names:
            ours[name] += batch.frame[name].to_list()
    for name in names:
        if name not in theirs:
            yield Disagreement(table.name, name, "access-parser does not have this column")
        else:
            yield from _compare_column(table.name, name, ours[name], theirs[name])


def _compare_column(table: str, name: str, ours: Sequence[object], theirs: Sequence[object]) -> Iterator[Disagreement]:
    if len(ours) != len(theirs):
        yield Disagreement(table, name, f"we read {len(ours):,} rows, access-parser {len(theirs):,}")
        return
    differing = [(a, b) for a, b in zip(ours, theirs, strict=True) if _spell(a) != _spell(b)]
    if differing:
        a, b = differing[0]
        first = f"the first {_short(a)}, access-parser has {_short(b)}"
        yield Disagreement(table, name, f"{len(differing):,} of {len(ours):,} values differ, {first}")


def _spell(value: object) -> str:
    """The same value in the same words: access-parser gives dates and decimals as text."""
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return str(value)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
