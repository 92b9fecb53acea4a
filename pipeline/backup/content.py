"""What a database holds, in the words of a manifest, and where another one differs from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.backup.manifest import LargeObjects, Manifest, SequenceContent, TableContent
from pipeline.backup.phase import Observer, Phase, phase
from pipeline.postgres.connect import Target, connect
from pipeline.postgres.sequences import Sequence, Stand, find_sequences, stands
from pipeline.postgres.tally import Moment, one_moment


@dataclass(frozen=True, slots=True)
class Standing:
    """Of a database to which nobody writes."""

    tables: tuple[TableContent, ...]
    sequences: dict[tuple[str, str], Stand]
    """By schema and name."""
    large_objects: LargeObjects


def read_whole(moment: Moment, observer: Observer, text: str) -> tuple[tuple[TableContent, ...], LargeObjects]:
    """Every table and every large object, in a phase of that text."""
    with phase(observer, text, "tables", len(moment.tables)) as now:
        tables = tuple(_read(moment, now))
        objects = moment.large_objects()
        return tables, LargeObjects(count=objects.rows, hash=objects.hash)


def _read(moment: Moment, now: Phase) -> Iterator[TableContent]:
    for number, table in enumerate(moment.tables):
        now.reach(number, f"{table.schema}.{table.name}")
        total = moment.total(table)
        yield TableContent(schema=table.schema, name=table.name, rows=total.rows, hash=total.hash)
    now.reach(len(moment.tables), "large objects")


def sequences_between(
    sequences: list[Sequence], before: list[Stand], after: list[Stand]
) -> tuple[SequenceContent, ...]:
    return tuple(
        SequenceContent(schema=it.schema, name=it.name, increment=it.increment, before=earlier, after=later)
        for it, earlier, later in zip(sequences, before, after, strict=True)
    )


def differences(manifest: Manifest, target: Target, observer: Observer) -> list[str]:
    """Between what the manifest says and what is there, which is read whole; of what it lacks, nothing is said."""
    found = _standing(target, observer)
    problems = [*_of_tables(manifest.tables, found.tables)]
    if manifest.tells_all:
        problems += _of_sequences(manifest.sequences, found.sequences)
        problems += _of_large_objects(manifest.large_objects, found.large_objects)
    return problems


def _standing(target: Target, observer: Observer) -> Standing:
    with connect(target, application_name="naru backup", autocommit=True) as connection, one_moment(connection) as now:
        sequences = find_sequences(connection)
        names = [(it.schema, it.name) for it in sequences]
        where = dict(zip(names, stands(connection, sequences), strict=True))
        tables, large_objects = read_whole(now, observer, "counting and hashing every table")
        return Standing(tables, where, large_objects)


def _of_tables(said: tuple[TableContent, ...], found: tuple[TableContent, ...]) -> Iterator[str]:
    there = {table.key: table for table in found}
    for table in said:
        other = there.pop(table.key, None)
        if other is None:
            yield f"table {table.full_name} is missing"
        elif other.rows != table.rows:
            yield f"table {table.full_name} has {other.rows:,} rows and had {table.rows:,}"
        elif other.hash != table.hash:
            yield f"table {table.full_name} has as many rows, and not the same values"
    yield from (f"table {table.full_name} was not in the database" for table in there.values())


def _of_sequences(said: tuple[SequenceContent, ...], found: dict[tuple[str, str], Stand]) -> Iterator[str]:
    there = {**found}
    for sequence in said:
        stand = there.pop(sequence.key, None)
        if stand is None:
            yield f"sequence {sequence.full_name} is missing"
        elif not sequence.may_stand_at(stand):
            yield f"sequence {sequence.full_name} stands at {_words(stand)} and stood at {_between(sequence)}"
    yield from (f"sequence {schema}.{name} was not in the database" for schema, name in there)


def _of_large_objects(said: LargeObjects | None, found: LargeObjects) -> Iterator[str]:
    if said is None or said == found:
        return
    if said.count != found.count:
        yield f"there are {found.count:,} large objects and there were {said.count:,}"
    else:
        yield f"there are as many large objects, {found.count:,}, and they do not hold the same"


def _between(sequence: SequenceContent) -> str:
    looks = dict.fromkeys((_words(sequence.before), _words(sequence.after)))
    return " to ".join(looks)


def _words(stand: Stand) -> str:
    value, called = stand
    return f"{value}" if called else f"{value} (not given yet)"
