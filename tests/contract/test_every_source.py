"""What `Source` promises, held to every kind of source alike: whoever reads from one need not know which it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal, assert_series_equal

from pipeline.batch import Batch, Position
from pipeline.catalog import Catalog
from pipeline.dialects.access import ACCESS
from pipeline.dialects.mssql import sql_server
from pipeline.dialects.rules import Dialect
from pipeline.errors import SourceError
from pipeline.sources.access import AccessSource
from pipeline.sources.bacpac import BacpacSource
from pipeline.sources.base import Source
from pipeline.sources.mssql.source import MssqlSource
from tests.tds.drivers import address_of
from tests.tds.from_bacpac import served
from tests.tds.server import serve

_ROOT = Path(__file__).parents[2]
_SHARED = _ROOT.parent / "shared"
_FEW, _MANY = 97, 10_000
_ROWS_READ_IN_ALL = 3000


@dataclass(frozen=True, slots=True)
class Kind:
    """One database that is read in one way."""

    name: str
    open: Callable[[ExitStack], Source]
    """The source, to be entered; what must outlive it goes on the stack."""
    dialect: Callable[[Catalog], Dialect]
    needs: Path

    def __str__(self) -> str:
        return self.name


def _dialect_of(catalog: Catalog) -> Dialect:
    return sql_server(catalog.facts["collation"])


def _over_tds(stack: ExitStack) -> Source:
    return MssqlSource(address_of(stack.enter_context(serve(served(_PACKAGE)))))


_SAMPLE = _ROOT / "samples" / "routing_ml.accdb"
_PACKAGE = _SHARED / "bacpac" / "AdventureWorksLT.bacpac"
KINDS = (
    Kind("access", lambda _: AccessSource(_SAMPLE), lambda _: ACCESS, _SAMPLE),
    Kind("bacpac", lambda _: BacpacSource(_PACKAGE), _dialect_of, _PACKAGE),
    Kind("mssql", _over_tds, _dialect_of, _PACKAGE),
)


@pytest.fixture(params=KINDS, ids=str)
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    if not found.needs.exists():
        pytest.skip(f"{found.needs.name} is not beside the repository")
    return found


@pytest.fixture
def source(kind: Kind) -> Iterator[Source]:
    with ExitStack() as stack:
        yield stack.enter_context(kind.open(stack))


def tables(source: Source) -> list[str]:
    """Those with rows, the largest of them left out to keep the suite quick."""
    counts = {table.name: source.count(table.name) for table in source.catalog().tables}
    return [name for name, rows in counts.items() if 0 < rows <= _ROWS_READ_IN_ALL]


def joined(batches: list[Batch]) -> tuple[pl.DataFrame, pl.Series]:
    return pl.concat(batch.frame for batch in batches), pl.concat(batch.locators for batch in batches)


def test_a_catalog_speaks_of_what_it_holds(source: Source) -> None:
    catalog = source.catalog()
    assert source.catalog() == catalog
    names = [table.name for table in catalog.tables]
    assert len(set(names)) == len(names) > 5
    for table in catalog.tables:
        held = set(table.column_names)
        assert len(held) == len(table.columns) > 0
        assert all(set(index.columns) <= held for index in table.indexes)
        assert sum(index.primary for index in table.indexes) <= 1
        for key in table.foreign_keys:
            assert set(key.columns) <= held
            assert set(key.parent_columns) <= set(catalog.table(key.parent).column_names)


def test_frames_are_of_the_types_that_the_rules_name(kind: Kind, source: Source) -> None:
    catalog = source.catalog()
    dialect = kind.dialect(catalog)
    for name in tables(source):
        frame = next(iter(source.batches(name, batch_rows=_FEW))).frame
        for column in frame.columns:
            rule = dialect.rule(catalog.table(name).column(column).type)
            assert rule is not None
            assert frame.schema[column] == rule.dtype_for(catalog.table(name).column(column).type), (name, column)


def test_rows_and_their_places_do_not_depend_on_the_size_of_batches(source: Source) -> None:
    for name in tables(source):
        few, many = (list(source.batches(name, batch_rows=rows)) for rows in (_FEW, _MANY))
        assert all(0 < batch.frame.height <= _FEW for batch in few[:-1])
        (frame, places), (same, same_places) = joined(few), joined(many)
        assert_frame_equal(frame, same)
        assert_series_equal(places, same_places)
        assert frame.height == source.count(name)
        assert places.dtype == pl.Int64
        assert places.is_sorted()
        assert places.n_unique() == places.len()
        assert few[-1].position == many[-1].position


def test_what_comes_after_a_position_is_the_rest(source: Source) -> None:
    """A position passes through the ledger as JSON, and the next run may have another batch size."""
    for name in tables(source):
        batches = list(source.batches(name, batch_rows=_FEW))
        frame, places = joined(batches)
        read = 0
        for batch in batches[:3]:
            read += batch.frame.height
            mark = json.loads(json.dumps(batch.position.mark))
            rest = list(source.batches(name, after=Position(mark), batch_rows=_MANY))
            after = joined(rest) if rest else (frame.clear(), places.clear())
            assert_frame_equal(after[0], frame.slice(read))
            assert_series_equal(after[1], places.slice(read))


def test_only_the_columns_that_are_asked_for(source: Source) -> None:
    for name in tables(source):
        frame, _ = joined(list(source.batches(name, batch_rows=_MANY)))
        chosen = tuple(reversed(frame.columns[-2:]))
        part, _ = joined(list(source.batches(name, batch_rows=_MANY, columns=chosen)))
        assert_frame_equal(part, frame.select(chosen))


def test_the_fingerprint_is_the_same_each_time_it_is_taken(kind: Kind, source: Source) -> None:
    with ExitStack() as stack:
        again = stack.enter_context(kind.open(stack)).fingerprint()
    assert source.fingerprint() == source.fingerprint() == again


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda source, _: source.count("no such table"), "no such table"),
        (lambda source, _: list(source.batches("no such table", batch_rows=1)), "no such table"),
        (lambda source, table: list(source.batches(table, batch_rows=1, columns=("no such column",))), "such column"),
        (lambda source, table: list(source.batches(table, batch_rows=0)), "0 rows"),
        (lambda source, table: list(source.batches(table, after=Position(["x"]), batch_rows=1)), "position"),
    ],
)
def test_what_it_cannot_do_it_says(source: Source, ask: Callable[[Source, str], object], said: str) -> None:
    with pytest.raises(SourceError, match=said):
        ask(source, tables(source)[0])


def test_a_closed_source_reads_nothing(kind: Kind) -> None:
    with ExitStack() as stack:
        source = stack.enter_context(kind.open(stack))
        table = tables(source)[0]
    for ask in (source.catalog, source.fingerprint, lambda: source.count(table)):
        with pytest.raises(SourceError, match="not open"):
            ask()
