"""What the text of a source tells of how it was stored, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console

from pipeline.evidence import Sample, TextEvidence
from pipeline.report.line import say


def print_evidence(
    console: Console, columns: Sequence[TextEvidence], lines: Mapping[tuple[str, str], str], rows: int | None
) -> None:
    """Each damaged column, and the line of the mapping that repairs it; `rows` of each table were read, or all."""
    damaged = [column for column in columns if column.damages or column.undecodable]
    for column in damaged:
        _print_column(console, column, lines.get((column.table, column.column)))
    read = "all readable rows" if rows is None else f"the first {rows:,} rows of each table"
    values = sum(column.values for column in columns)
    said = f"{len(damaged)} of {len(columns)} text columns hold damaged text" if damaged else "no damaged text"
    say(console, f"\nencoding: {said}: {read}, {values:,} values", "yellow" if damaged else "green")


def _print_column(console: Console, column: TextEvidence, line: str | None) -> None:
    say(console, f"\n{column.table}.{column.column}: {column.values:,} values, {column.korean:,} of them sound Korean")
    if column.undecodable:
        say(console, f"  {column.undecodable:,} cells are no text in their own encoding", "yellow")
    for damage in column.damages:
        say(console, f"  {damage.count:,} values ({_share(damage.count, column.values)}): {damage.meaning}", "yellow")
        _print_samples(console, damage.samples, "")
    if column.doubtful:
        say(console, f"  {column.doubtful:,} other values {_doubt(column)}", "yellow")
        _print_samples(console, column.doubted, "a reject")
    if line is not None:
        say(console, f"  mapping: {line}")


def _doubt(column: TextEvidence) -> str:
    if column.encoding and "only" in column.encoding:
        return "beyond ASCII stay as they are by `only: korean`; the repair of all would make"
    return "beyond ASCII come back too, and are no Korean by themselves"


def _print_samples(console: Console, samples: Sequence[Sample], otherwise: str) -> None:
    for sample in samples:
        after = otherwise if sample.after is None else sample.after
        say(console, f"      {_one_line(sample.before)}{'  ->  ' if after else ''}{_one_line(after)}", "dim")


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if part * 1000 >= whole else "less than 0.1%"


def _one_line(text: str) -> str:
    """Controls as escapes, and jamo, which a terminal would show as the syllable that they are not."""
    return "".join(c if c.isprintable() and not "\u1100" <= c <= "\u11ff" else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
