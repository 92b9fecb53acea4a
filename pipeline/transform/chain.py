"""A table's mapping as a chain of steps: batches in, what can be loaded and what cannot out.

The chain is pure. Every row that goes in comes out once: transformed, filtered, or as a reject
with its original values and the first reason found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import polars as pl

from pipeline.batch import Batch, Defect, Position, Unread, Unreadable
from pipeline.catalog import Column, Table
from pipeline.errors import MappingError
from pipeline.mapping.models import ColumnMapping, Encoding, TableMapping
from pipeline.outcome import Loss, Reject, Stage
from pipeline.postgres.wire import frame_dtype
from pipeline.transform.constants import constants
from pipeline.transform.filter import Comparison, kept
from pipeline.transform.origin import Origin
from pipeline.transform.parts import part_step
from pipeline.transform.rich_text import StripTags
from pipeline.transform.step import Step, Stepped
from pipeline.transform.text import Default, EmptyToNull, MapValues, NoNul, Repair, Trim
from pipeline.transform.types import CONVERTERS, Cast, Fit, Fraction, Required, castable

_SHOWN_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Transformed:
    """A batch on its way into the target.

    `frame` has the target's columns and dtypes; `origin` the same rows as the source gave them, and
    `locators` their places, so that a row PostgreSQL refuses can still be told and replayed.
    """

    frame: pl.DataFrame
    origin: Origin
    position: Position
    read: int
    filtered: int
    rejects: tuple[Reject, ...]
    losses: tuple[Loss, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """Where one column of the source goes; without a target it is read for the filter only."""

    source: Column
    target: Column | None
    mapping: ColumnMapping
    dtype: pl.DataType
    """As the source delivers it."""
    converter: str | None = None
    part: str | None = None
    """The step that takes the target's part out of the value, in place of the converter, where several targets share
    one source."""


@dataclass(frozen=True, slots=True)
class _ColumnChain:
    """One column's way: from the source's name and type to the target's, step by step."""

    source: str
    target: Column
    replace_defects: bool
    steps: tuple[Step, ...]


@dataclass(slots=True)
class _Findings:
    """What the columns of one batch held against its rows; the first reason of a row counts."""

    origin: Origin
    refusals: dict[int, tuple[Stage, str, str]] = field(default_factory=dict)
    losses: list[tuple[int, Loss]] = field(default_factory=list)

    def refuse(self, stepped: Stepped, column: str, values: pl.Series, step: Step) -> list[int]:
        """Gives the rows that the step refused."""
        rows = [] if stepped.refused is None else stepped.refused.arg_true().to_list()
        for row in rows:
            why = f"{stepped.why[row]}: " if row in stepped.why else ""
            detail = f"column {column}: {why}{_show(values[row])}"
            self.refusals.setdefault(row, (Stage.TRANSFORM, step.name, detail))
        return rows

    def refuse_defect(self, defect: Defect) -> None:
        reason = Unreadable.VALUE if defect.damaged else "undecodable"
        self.refusals.setdefault(defect.row, (Stage.SOURCE, reason, f"column {defect.column}: {defect.reason}"))

    def refuse_all(self, doubt: str) -> None:
        why = (Stage.SOURCE, Unreadable.DOUBTED, doubt)
        self.refusals |= dict.fromkeys(range(self.origin.frame.height), why)

    def lose(self, rows: pl.Series, column: str, before: pl.Series, after: pl.Series, rule: str) -> None:
        for row in rows.arg_true().to_list():
            self.lose_one(row, column, rule, _show(before[row]), _show(after[row]))

    def lose_one(self, row: int, column: str, rule: str, before: str, after: str) -> None:
        origin = self.origin
        loss = Loss(origin.table, origin.locators[row], origin.key_of(row), column, rule, before, after)
        self.losses.append((row, loss))


class Chain:
    """Applies the mapping of one table; raises MappingError for a cast that does not exist."""

    def __init__(self, source: Table, mapping: TableMapping, routes: Sequence[Route]) -> None:
        self._table = source.name
        self._key = tuple(name for name in source.primary_key if name in {route.source.name for route in routes})
        self._filter = tuple(_comparisons(source, mapping, routes))
        self._columns = tuple(_column_chain(source.name, route) for route in routes if route.target)
        # Columns that share a source share its defects, which are told once.
        self._sources = tuple({column.source: column for column in self._columns}.values())
        self.source_dtypes = {route.source.name: route.dtype for route in routes}
        """Dtypes of the source's columns that the chain reads; what a mapping skips is not even decoded."""

    @property
    def source_columns(self) -> tuple[str, ...]:
        return tuple(self.source_dtypes)

    def apply(self, batch: Batch) -> Transformed:
        origin = Origin.of(self._table, self._key, batch)
        findings = _Findings(origin)
        if batch.doubt is not None:
            findings.refuse_all(batch.doubt)
        values = {column.source: batch.frame[column.source] for column in self._columns}
        if batch.defects:
            values |= {c.source: _settle_defects(c, batch, values[c.source], findings) for c in self._sources}
        columns = [self._carry(column, values[column.source], findings) for column in self._columns]
        passing = self._passing(batch, findings)
        filtered = 0 if passing is None else batch.frame.height - int(passing.sum())
        made = _assemble(columns, origin, findings, passing, filtered, batch.position)
        return _with_unread(made, batch.unread) if batch.unread else made

    def _passing(self, batch: Batch, findings: _Findings) -> pl.Series | None:
        """Rows that the filter keeps, and those it cannot judge because their cell is unreadable."""
        passing = kept(batch.frame, self._filter)
        if passing is None:
            return None
        judged = {comparison.column for comparison in self._filter}
        unjudged = []
        for defect in batch.defects:
            if defect.column in judged:
                findings.refuse_defect(defect)
                unjudged.append(defect.row)
        for comparison in self._filter:
            if comparison.step:
                values = batch.frame[comparison.column]
                unjudged += findings.refuse(comparison.step(values), comparison.column, values, comparison.step)
        return passing.scatter(unjudged, values=True) if unjudged else passing

    def _carry(self, column: _ColumnChain, values: pl.Series, findings: _Findings) -> pl.Series:
        for step in column.steps:
            stepped = step(values)
            findings.refuse(stepped, column.source, values, step)
            if stepped.lost is not None:
                findings.lose(stepped.lost, column.source, values, stepped.values, step.name)
            values = stepped.values
        return values.alias(column.target.name)


def _column_chain(table: str, route: Route) -> _ColumnChain:
    assert route.target is not None, "a column without a target is read for the filter only"
    replace_defects = _encoding(route.mapping).invalid == "replace"
    return _ColumnChain(route.source.name, route.target, replace_defects, steps_of(table, route, route.target))


def steps_of(table: str, route: Route, target: Column) -> tuple[Step, ...]:
    """From what the source delivers to the target's dtype; raises MappingError for a cast that does not exist."""
    first: list[Step] = []
    if route.part:
        first.append(part_step(route.part, route.mapping))
    elif route.converter:
        first.append(CONVERTERS[route.converter])
    return (*first, *_steps(route.mapping, target, _after(first, route.dtype), table, route.source))


def _encoding(mapping: ColumnMapping) -> Encoding:
    return mapping.encoding or Encoding()


def _after(steps: list[Step], dtype: pl.DataType) -> pl.DataType:
    for step in steps:
        dtype = step(pl.Series(dtype=dtype)).values.dtype
    return dtype


def _steps(mapping: ColumnMapping, target: Column, dtype: pl.DataType, table: str, source: Column) -> Iterator[Step]:
    text = dtype == pl.String
    encoding = _encoding(mapping)
    if text and mapping.rich_text:
        yield StripTags()
    if text and encoding.repair and mapping.ole is None:
        yield Repair(encoding.repair)
    if text:
        yield NoNul(replace=encoding.invalid == "replace")
    if text and mapping.trim:
        yield Trim(mapping.trim)
    if text and mapping.empty_to_null:
        yield EmptyToNull()
    wanted = frame_dtype(target.type)
    if mapping.values:
        with _written(table, source):
            before = constants(mapping.values, dtype)
            if before.n_unique() < len(before):
                raise ValueError(f"values names one value twice: {', '.join(mapping.values)}")
            yield MapValues(before, constants(mapping.values.values(), wanted, uuid=target.type.name == "uuid"))
    elif dtype != wanted:
        if not castable(dtype, target.type):
            raise MappingError(
                f"table {table}, column {source.name}: {source.type} cannot be carried as {target.type}",
                hint="change the column's `type:` in the mapping, or give it `skip: true`",
            )
        yield Cast(target.type, round=mapping.round)
    if mapping.default is not None:
        with _written(table, source):
            yield Default(constants([mapping.default], wanted, uuid=target.type.name == "uuid"))
    if target.type.name in ("varchar", "char") and target.type.args:
        yield Fit(target.type.args[0])
    if target.type.name in ("timestamp", "timestamptz", "time") and target.type.args and target.type.args[0] < 6:
        yield Fraction(target.type.args[0], round=mapping.round)
    if not target.nullable:
        yield Required()


@contextmanager
def _written(table: str, column: Column) -> Iterator[None]:
    """Say where a value stands that the column cannot have."""
    try:
        yield
    except ValueError as error:
        hint = "write it as the column's type has it: 12, 1.50, true, 2024-02-29, 2024-02-29 23:59:59"
        raise MappingError(f"table {table}, column {column.name}: {error}", hint=hint) from None


def _comparisons(table: Table, mapping: TableMapping, routes: Sequence[Route]) -> Iterator[Comparison]:
    by_name = {route.source.name: route for route in routes}
    for condition in mapping.filter:
        route = by_name[condition.column]
        with _written(table.name, route.source):
            yield Comparison.of(condition, route.dtype, route.converter)


def _settle_defects(column: _ColumnChain, batch: Batch, values: pl.Series, findings: _Findings) -> pl.Series:
    """Put each defect's replacement in its place where the mapping allows one; refuse the other rows."""
    replaced: dict[int, str] = {}
    for defect in batch.defects:
        if defect.column != column.source:
            continue
        if column.replace_defects and defect.replacement is not None:
            replaced[defect.row] = defect.replacement
            before = "\\x" + defect.raw.hex()
            findings.lose_one(defect.row, column.source, "replace_invalid", before, defect.replacement)
        else:
            findings.refuse_defect(defect)
    return values.scatter(list(replaced), list(replaced.values())) if replaced else values


def _assemble(
    columns: list[pl.Series],
    origin: Origin,
    findings: _Findings,
    passing: pl.Series | None,
    filtered: int,
    position: Position,
) -> Transformed:
    """Part the rows: a filtered row is neither refused nor lost, whatever its cells hold."""
    frame = pl.DataFrame(columns)
    refusals = findings.refusals
    losses = findings.losses
    if passing is not None:
        refusals = {row: why for row, why in refusals.items() if passing[row]}
        losses = [(row, loss) for row, loss in losses if passing[row]]
    rejects = tuple(origin.reject(row, *why) for row, why in sorted(refusals.items()))
    if refusals or filtered:
        mask = pl.Series([True]).new_from_index(0, origin.frame.height) if passing is None else passing
        if refusals:
            mask = mask.scatter(list(refusals), values=False)
        frame, origin_kept = frame.filter(mask), origin.select(mask)
    else:
        origin_kept = origin
    survived = tuple(loss for row, loss in losses if row not in refusals)
    read = origin.frame.height
    return Transformed(frame, origin_kept, position, read, filtered, rejects, survived)


def _with_unread(made: Transformed, unread: tuple[Unread, ...]) -> Transformed:
    """Places that nobody can read are rows read and refused, whatever the filter would say of them."""
    table = made.origin.table
    rejects = [Reject(table, u.locator, Stage.SOURCE, u.reason, u.detail, {}, {"": u.raw}) for u in unread]
    together = sorted([*made.rejects, *rejects], key=lambda reject: reject.locator or 0)
    return replace(made, read=made.read + len(unread), rejects=tuple(together))


def _show(value: object) -> str:
    """A value for a person, bounded in length."""
    if isinstance(value, bytes):
        shown = f"\\x{value[: _SHOWN_CHARACTERS // 2].hex()}"
        return shown if len(value) <= _SHOWN_CHARACTERS // 2 else f"{shown}… ({len(value)} bytes)"
    text = "null" if value is None else str(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}… ({len(text)} characters)"
