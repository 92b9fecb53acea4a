"""The one reading of both sides that all who look at a table's content begin with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from itertools import zip_longest

import polars as pl

from pipeline.postgres.connect import Connection
from pipeline.postgres.digest import Sum, Sums, summed
from pipeline.postgres.introspect import read_table
from pipeline.verify.losses import Ledgered
from pipeline.verify.sides import Arriving, Sides
from pipeline.verify.subject import Subject


def with_sums(connection: Connection, subject: Subject) -> Subject:
    """The subject with the sums of both sides, where its rows can be compared; raises SourceError and TargetError."""
    if subject.content is None or not subject.target.written or lacking(connection, subject):
        return subject
    sides = Sides(connection, subject.target, subject.content, subject.ordered)
    return replace(subject, sums=read_once(sides, Ledgered(connection, subject.target, subject.ordered)))


def lacking(connection: Connection, subject: Subject) -> list[str]:
    """What of the plan the target has not, so that there is nothing to compare."""
    found = read_table(connection, subject.target)
    if found is None:
        return ["the table"]
    return [name for name in subject.target.written_names if name not in found.column_names]


def read_once(sides: Sides, ledgered: Ledgered) -> Sums:
    """Raises SourceError and TargetError."""
    source, standing, changed = Sum(), Sum(), Sum()
    with closing(_both(sides)) as both:
        for arriving, frame in both:
            if arriving is not None:
                source.add(arriving.rows)
                for losses in arriving.losses:
                    changed.add(ledgered.made(losses))
            if frame is not None:
                standing.add(frame)
    told, kinds = Sum(), Counter[tuple[str, str]]()
    for stored in ledgered.told():
        told.add(stored)
        kinds.update({(column, rule): count for column, rule, count in stored.group_by("column", "rule").len().rows()})
    return Sums(
        source=source.buckets(),
        standing=standing.buckets(),
        removed=summed(sides.removed()),
        changed=changed.buckets(),
        told=told.buckets(),
        kinds=kinds,
    )


def _both(sides: Sides) -> Generator[tuple[Arriving | None, pl.DataFrame | None], None, None]:
    """In turns where that can be: the source decodes and the server sends while the other's rows are hashed."""
    if sides.asks:
        yield from ((arriving, None) for arriving in sides.source())
    with closing(sides.standing()) as standing:
        # The source goes first: it asks for what waits in the quarantine before the target's COPY holds the connection.
        yield from zip_longest(() if sides.asks else sides.source(), standing)
