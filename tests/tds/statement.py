"""A SELECT over one served table: which rows, in which order, and what of them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlglot import exp

from tests.tds.database import Row, ServedTable
from tests.tds.expressions import Condition, Scope, Term, condition, unknown, written
from tests.tds.order import order_key
from tests.tds.tokens import Column, RowEncoder, Rows
from tests.tds.types import SqlType

CHUNK_ROWS = 1000
_KNOWN_PARTS = {"kind", "expressions", "limit", "from_", "where", "order", "hint", "options", "operation_modifiers"}


@dataclass(frozen=True, slots=True)
class Selected:
    """A result set, encoded as far as it is asked for."""

    columns: Sequence[Column]
    chunks: Iterator[Rows]


class TableStore:
    """A table with the orders it was asked in, and its encoded rows, which are made once and then sent again."""

    def __init__(self, table: ServedTable) -> None:
        self.table = table
        self.columns = {served.name.lower(): (at, served.column) for at, served in enumerate(table.columns)}
        self._orders: dict[tuple[str, ...], Sequence[int]] = {}
        self._encoded: dict[tuple[str, tuple[str, ...], int], Rows] = {}

    def order(self, by: Sequence[Term]) -> Sequence[int]:
        """Places of the rows, ascending by columns; NULL is first, and equal rows stay as they are."""
        names = tuple(term.column for term in by)
        if names not in self._orders:
            self._orders[names] = (
                self._sorted(by) if names and not self._is_sorted(names) else range(len(self.table.rows))
            )
        return self._orders[names]

    def _is_sorted(self, names: tuple[str, ...]) -> bool:
        return self.table.sorted_by[: len(names)] == names

    def _sorted(self, by: Sequence[Term]) -> list[int]:
        keys = [(term.value, order_key(term.type)) for term in by]

        def key(at: int) -> tuple[Any, ...]:
            row = self.table.rows[at]
            return tuple((False, None) if (raw := value(row)) is None else (True, made(raw)) for value, made in keys)

        return sorted(range(len(self.table.rows)), key=key)

    def chunk(self, what: str, by: tuple[str, ...], number: int, encode: Callable[[], Rows]) -> Rows:
        """The encoded rows of one part of the table, in one form and order."""
        place = what, by, number
        if place not in self._encoded:
            self._encoded[place] = encode()
        return self._encoded[place]


def select(tree: exp.Select, scope: Scope, store: TableStore | None) -> Selected:
    """Raises ServerError for anything it does not know."""
    if extra := {part for part, value in tree.args.items() if value} - _KNOWN_PARTS:
        raise unknown(f"{', '.join(sorted(extra))} of a SELECT")
    if store is None:
        return _constants(tree, scope)
    if any(isinstance(_bare(item), exp.Count) for item in tree.expressions):
        return _count(tree, scope, store)
    return _Select(tree, scope, store).run()


def _bare(item: exp.Expr) -> exp.Expr:
    return item.this if isinstance(item, exp.Alias) else item


def _constants(tree: exp.Select, scope: Scope) -> Selected:
    if tree.args.get("where") or tree.args.get("order"):
        raise unknown(tree)
    columns, values = _items(tree.expressions, scope)
    return Selected(columns, iter([_encoded(columns, values, [()])]))


def _encoded(columns: Sequence[Column], values: Sequence[Callable[[Row], Any]], rows: Sequence[Row]) -> Rows:
    encoder = RowEncoder(columns)
    return Rows.of(encoder.row([value(row) for value in values]) for row in rows)


def _items(trees: Sequence[exp.Expr], scope: Scope) -> tuple[list[Column], list[Callable[[Row], Any]]]:
    columns, values = [], []
    for tree in trees:
        if isinstance(tree, exp.Star):
            names = [exp.column(column.name, quoted=True) for _, column in scope.columns.values()]
            more_columns, more_values = _items(names, scope)
            columns += more_columns
            values += more_values
            continue
        term = scope.term(tree)
        columns.append(Column(tree.alias if isinstance(tree, exp.Alias) else term.column, term.type, term.nullable))
        values.append(term.value)
    return columns, values


def _count(tree: exp.Select, scope: Scope, store: TableStore) -> Selected:
    if len(tree.expressions) != 1 or tree.args.get("order") or tree.args.get("limit"):
        raise unknown(tree)
    item = tree.expressions[0]
    count = _bare(item)
    if not isinstance(count.this, exp.Star):
        raise unknown(count)
    number = len(store.table.rows)
    if where := tree.args.get("where"):
        holds = condition(scope, where.this)
        number = sum(holds(row) is True for row in store.table.rows)
    # sqlglot's mark of COUNT_BIG.
    column = Column(item.alias, SqlType("bigint" if count.args.get("big_int") else "int"))
    return Selected([column], iter([_encoded([column], [lambda row: row[0]], [(number,)])]))


class _Select:
    def __init__(self, tree: exp.Select, scope: Scope, store: TableStore) -> None:
        self._tree, self._scope, self._store = tree, scope, store
        self._columns, self._values = _items(tree.expressions, scope)
        self._by = _order_columns(tree, scope)
        self._names = tuple(term.column for term in self._by)
        self._order = store.order(self._by)

    def run(self) -> Selected:
        limit = self._tree.args.get("limit")
        most = len(self._order) if limit is None else int(self._scope.constant(limit.expression))
        where = self._tree.args.get("where")
        if where is None:
            return Selected(self._columns, self._span(0, most))
        holds = condition(self._scope, where.this)
        if _is_behind(where.this, self._names, self._scope):
            return Selected(self._columns, self._span(self._first(holds), most))
        return Selected(self._columns, self._scan(holds, most))

    def _first(self, holds: Condition) -> int:
        """The first row behind a key: none before it is, and all from it on are."""
        rows = self._store.table.rows
        return bisect_left(self._order, True, key=lambda at: holds(rows[at]) is True)

    def _span(self, first: int, most: int) -> Iterator[Rows]:
        end = min(first + most, len(self._order))
        what = None if list(self._select_parameters()) else ", ".join(map(written, self._tree.expressions))
        for number in range(first // CHUNK_ROWS, -(-end // CHUNK_ROWS)):
            start = number * CHUNK_ROWS
            yield self._chunk(what, number).part(max(first - start, 0), min(end - start, CHUNK_ROWS))

    def _select_parameters(self) -> Iterator[exp.Expr]:
        for item in self._tree.expressions:
            yield from item.find_all(exp.Parameter)

    def _chunk(self, what: str | None, number: int) -> Rows:
        def encode() -> Rows:
            places = self._order[number * CHUNK_ROWS : (number + 1) * CHUNK_ROWS]
            return _encoded(self._columns, self._values, [self._store.table.rows[at] for at in places])

        return encode() if what is None else self._store.chunk(what, self._names, number, encode)

    def _scan(self, holds: Condition, most: int) -> Iterator[Rows]:
        table = (self._store.table.rows[at] for at in self._order)
        found = islice((row for row in table if holds(row) is True), most)
        while rows := list(islice(found, CHUNK_ROWS)):
            yield _encoded(self._columns, self._values, rows)


def _order_columns(tree: exp.Select, scope: Scope) -> list[Term]:
    order = tree.args.get("order")
    terms = []
    for item in order.expressions if order else ():
        term = scope.term(item.this)
        if item.args.get("desc") or not term.column:
            raise unknown(item)
        terms.append(term)
    return terms


# ---- the conditions of paging by a key

_Comparison = tuple[str, type[exp.Expr], str]
"""A column, how it compares, and with what value."""
_MOST_ALTERNATIVES = 32


def _is_behind(tree: exp.Expr, names: Sequence[str], scope: Scope) -> bool:
    """Whether the condition says that a row is behind a key in this order.

    However it is nested: `a > x OR (a = x AND b > y) OR (a = x AND b = y AND c > z)`, each maybe beside `a >= x`; a
    parameter that is repeated counts by its value, as drivers number each place of it anew.
    """
    names = [name.lower() for name in names]
    found = {_shortest(alternative) for alternative in _alternatives(tree, scope)}
    keys = {name: value for alternative in found for name, _, value in alternative}
    wanted: set[frozenset[_Comparison]] = {
        frozenset({*((name, exp.EQ, keys.get(name, "")) for name in names[:at]), (last, exp.GT, keys.get(last, ""))})
        for at, last in enumerate(names)
    }
    return bool(names) and found == wanted


def _alternatives(tree: exp.Expr, scope: Scope) -> list[frozenset[_Comparison]]:
    """The condition as alternatives of comparisons that all hold; none where it has other parts, or too many."""
    tree = tree.unnest()
    if isinstance(tree, exp.Or):
        one, other = _alternatives(tree.this, scope), _alternatives(tree.expression, scope)
        return [*one, *other] if one and other else []
    if isinstance(tree, exp.And):
        left, right = _alternatives(tree.this, scope), _alternatives(tree.expression, scope)
        return [one | other for one in left for other in right] if len(left) * len(right) <= _MOST_ALTERNATIVES else []
    column, value = tree.args.get("this"), tree.args.get("expression")
    if not isinstance(column, exp.Column) or not isinstance(value, exp.Expr) or value.find(exp.Column):
        return []
    return [frozenset({(column.name.lower(), type(tree), repr(scope.constant(value)))})]


def _shortest(alternative: frozenset[_Comparison]) -> frozenset[_Comparison]:
    """Without `a >= x` where `a > x` is said too; else it is as good as `a = x`, beside the alternative `a > x`."""
    said = {(name, value) for name, how, value in alternative if how is exp.GT}
    return frozenset(
        (name, exp.EQ if how is exp.GTE else how, value)
        for name, how, value in alternative
        if how is not exp.GTE or (name, value) not in said
    )
