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
from pipeline.outcome import Losses, Reject, Stage
from pipeline.postgres.wire import frame_dtype
from pipeline.transform.changes import Changes
from pipeline.transform.constants import constants
from pipeline.transform.filter import Comparison, kept
from pipeline.transform.jsonb import Kept
from pipeline.transform.misread import Misread
from pipeline.transform.origin import Origin
from pipeline.transform.parts import part_step
from pipeline.transform.rich_text import StripTags
from pipeline.transform.spelling import shown
from pipeline.transform.step import Step, Stepped
from pipeline.transform.text import Compose, Default, EmptyToNull, MapValues, NoNul, Repair, Trim
from pipeline.transform.types import CONVERTERS, Cast, Fit, Fraction, Required, castable


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
    losses: tuple[Losses, ...]


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
    form: str | None
    """The converter that the source's values ask for."""
    replace_defects: bool
    steps: tuple[Step, ...]


@dataclass(slots=True)
class _Findings:
    """What the columns of one batch held against its rows; the first reason of a row counts."""

    origin: Origin
    refusals: dict[int, tuple[Stage, str, str]] = field(default_factory=dict)

    def refuse(self, stepped: Stepped, column: str, values: pl.Series, step: Step) -> list[int]:
        """Gives the rows that the step refused."""
        rows = [] if stepped.refused is None else stepped.refused.arg_true().to_list()
        for row in rows:
            why = f"{stepped.why[row]}: " if row in stepped.why else ""
            detail = f"column {column}: {why}{shown(values[row])}"
            self.refusals.setdefault(row, (Stage.TRANSFORM, step.name, detail))
        return rows

    def refuse_defect(self, defect: Defect) -> None:
        reason = Unreadable.VALUE if defect.damaged else "undecodable"
        self.refusals.setdefault(defect.row, (Stage.SOURCE, reason, f"column {defect.column}: {defect.reason}"))

    def refuse_all(self, doubt: str) -> None:
        why = (Stage.SOURCE, Unreadable.DOUBTED, doubt)
        self.refusals |= dict.fromkeys(range(self.origin.frame.height), why)


class Chain:
    """Applies the mapping of one table; raises MappingError for a cast that does not exist."""

    def __init__(self, source: Table, mapping: TableMapping, routes: Sequence[Route]) -> None:
        self._table = source.name
        self._key = tuple(name for name in source.primary_key if name in {route.source.name for route in routes})
        self._filter = tuple(_comparisons(source, mapping, routes))
        self._columns = tuple(_column_chain(source.name, route) for route in routes if route.target)
        # Columns that share a source share its defects, which are told once.
        self._sources = tuple({column.source: column for column in self._columns}.values())
        self.carried = {route.target.name: route.source.name for route in routes if route.target and _as_it_is(route)}
        """By column of the target, that of the source whose values it takes as they are, but for losses."""
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
        replaced = {c.source: _settle_defects(c, batch, findings) for c in self._sources} if batch.defects else {}
        columns = [
            self._carry(column, batch.frame[column.source], replaced.get(column.source, ()), findings)
            for column in self._columns
        ]
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

    def _carry(
        self, column: _ColumnChain, values: pl.Series, defects: Sequence[Defect], findings: _Findings
    ) -> Changes:
        changes = Changes(column.source, column.target, values, values, column.form)
        if defects:
            changes = changes.with_replaced(defects)
        for step in column.steps:
            stepped = step(changes.after)
            findings.refuse(stepped, column.source, changes.after, step)
            changes = changes.through(step.name, stepped)
        return changes


def _column_chain(table: str, route: Route) -> _ColumnChain:
    assert route.target is not None, "a column without a target is read for the filter only"
    replace_defects = _encoding(route.mapping).invalid == "replace"
    return _ColumnChain(
        route.source.name, route.target, route.converter, replace_defects, steps_of(table, route, route.target)
    )


def _as_it_is(route: Route) -> bool:
    """Whether a value of the source is one of the target too, and can be told from it without a step's knowledge."""
    assert route.target is not None
    dtypes = (route.dtype, frame_dtype(route.target.type))
    comparable = dtypes[0] == dtypes[1] or all(dtype.is_integer() for dtype in dtypes)
    return comparable and not (route.part or route.converter or route.mapping.values)


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
        yield Repair(Misread(encoding.repair, encoding.read_as), only_korean=encoding.only == "korean")
    if text and encoding.compose:
        yield Compose()
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
    if text and target.type.name == "jsonb":
        yield Kept()
    if mapping.default is not None:
        with _written(table, source):
            yield Default(constants([mapping.default], wanted, uuid=target.type.name == "uuid"))
    if target.type.name in ("varchar", "char") and target.type.args:
        yield Fit(target.type.args[0], padded=target.type.name == "char")
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


def _settle_defects(column: _ColumnChain, batch: Batch, findings: _Findings) -> list[Defect]:
    """Those whose replacement the mapping allows, the last of each row; the rows of the others are refused."""
    replaced: dict[int, Defect] = {}
    for defect in batch.defects:
        if defect.column != column.source:
            continue
        if column.replace_defects and defect.replacement is not None:
            replaced[defect.row] = defect
        else:
            findings.refuse_defect(defect)
    return list(replaced.values())


def _assemble(
    columns: list[Changes],
    origin: Origin,
    findings: _Findings,
    passing: pl.Series | None,
    filtered: int,
    position: Position,
) -> Transformed:
    """Part the rows: a filtered row is neither refused nor lost, whatever its cells hold."""
    frame = pl.DataFrame([column.after.alias(column.target.name) for column in columns])
    refusals = findings.refusals
    if passing is not None:
        refusals = {row: why for row, why in refusals.items() if passing[row]}
    rejects = tuple(origin.reject(row, *why) for row, why in sorted(refusals.items()))
    mask, origin_kept = None, origin
    if refusals or filtered:
        mask = pl.Series([True]).new_from_index(0, origin.frame.height) if passing is None else passing
        if refusals:
            mask = mask.scatter(list(refusals), values=False)
        frame, origin_kept = frame.filter(mask), origin.select(mask)
    losses = tuple(found for column in columns if (found := column.losses(origin, mask)))
    return Transformed(frame, origin_kept, position, origin.frame.height, filtered, rejects, losses)


def _with_unread(made: Transformed, unread: tuple[Unread, ...]) -> Transformed:
    """Places that nobody can read are rows read and refused, whatever the filter would say of them."""
    table = made.origin.table
    rejects = [Reject(table, u.locator, Stage.SOURCE, u.reason, u.detail, {}, {"": u.raw}) for u in unread]
    together = sorted([*made.rejects, *rejects], key=lambda reject: reject.locator or 0)
    return replace(made, read=made.read + len(unread), rejects=tuple(together))
