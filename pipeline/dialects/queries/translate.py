"""A saved query of Access as one SELECT of PostgreSQL, or the reason why not.

What decides is whether the same rows come out. Access takes texts that differ in case alone for one; so text may
meet text, or stand under DISTINCT, GROUP BY or UNION, only where a key fixes how it is written. Rows may come in
another order where texts are sorted, so nothing may depend on that order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import sqlglot
from sqlglot import exp

from pipeline.dialects.expressions.terms import Kind, Term
from pipeline.dialects.expressions.tree import ColumnName, Literal, Untranslatable
from pipeline.dialects.queries.shapes import Field, Shape
from pipeline.dialects.queries.terms import Bound, QueryTerms
from pipeline.dialects.queries.tree import Derived, Input, Join, Named, Order, Output, Select, Star, Statement
from pipeline.mapping.names import Naming, drafted_column, fold, shorten

_SORTED = "its rows are sorted as the database's collation sorts text, not as Access does"
_MOST_ROWS = 2**31 - 1
_Exact = Sequence[tuple[Bound | None, Field]]
"""Columns of which rows are told apart, each with the input that it comes from; None is computed."""


@dataclass(frozen=True, slots=True)
class Translated:
    sql: str
    fields: tuple[Field, ...]
    relations: tuple[str, ...]
    """Target names of the tables and views that it reads."""
    notes: tuple[str, ...]
    """Where it may differ from what Access shows, and is carried all the same."""


def translate_query(statement: Statement, shapes: Mapping[str, Shape], naming: Naming) -> Translated:
    """The query over the tables and views that `shapes` knows by folded name; raises Untranslatable."""
    translation = _Query(shapes, naming)
    try:
        tree, fields = translation.statement(statement)
        sql = tree.sql("postgres")
    except RecursionError:
        raise Untranslatable("it nests too deep") from None
    relations, notes = dict.fromkeys(translation.relations), dict.fromkeys(translation.notes)
    return Translated(sql, fields, tuple(relations), tuple(notes))


@dataclass(frozen=True, slots=True)
class _Query:
    shapes: Mapping[str, Shape]
    naming: Naming
    relations: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def statement(self, statement: Statement) -> tuple[exp.Query, tuple[Field, ...]]:
        if len(statement.selects) == 1:
            return self._select(statement.selects[0], statement.orders)
        made = [self._select(select, ()) for select in statement.selects]
        fields = _united([fields for _, fields in made])
        if not statement.all:
            _check_exact([(None, field) for field in fields], "UNION")
        tree: exp.Query = made[0][0]
        for select, _ in made[1:]:
            tree = exp.union(tree, select, distinct=not statement.all, copy=False)
        for order in statement.orders:
            tree.order_by(self._ordered(_name(_output_of(order, fields).target), order), copy=False)
        return tree, fields

    def _select(self, select: Select, orders: tuple[Order, ...]) -> tuple[exp.Select, tuple[Field, ...]]:
        inputs: list[Bound] = []
        joins: list[tuple[exp.Join, Join]] = []
        source = self._input(select.source, inputs, joins)
        _check_names(inputs)
        terms = QueryTerms(tuple(inputs), self.notes)
        for made, join in joins:
            if join.on is not None:
                made.set("on", _parsed(terms.condition(join.on)))
        aliases = {
            output.alias.casefold(): output.value
            for output in select.outputs
            if output.alias and not isinstance(output.value, Star)
        }
        outputs = _Outputs(replace(terms, aliases=aliases), self.naming).of(select.outputs)
        tree = exp.select(*(output.tree() for output in outputs)).from_(source, copy=False)
        if select.where is not None:
            tree.where(_parsed(terms.condition(select.where)), copy=False)
        for group in select.groups:
            tree.group_by(_parsed(terms.term(group)), copy=False)
        if select.having is not None:
            tree.having(_parsed(terms.condition(select.having)), copy=False)
        self._check_rows(select, terms, outputs)
        if select.distinct:
            tree.distinct(copy=False)
        self._sort(tree, select, orders, terms)
        return tree, tuple(output.field for output in outputs)

    def _check_rows(self, select: Select, terms: QueryTerms, outputs: Sequence[_Column]) -> None:
        if select.distinct:
            _check_exact([(output.bound, output.origin) for output in outputs], "DISTINCT")
        if select.distinct_row and len(terms.inputs) > 1 and {*terms.inputs} - {output.bound for output in outputs}:
            raise Untranslatable("DISTINCTROW tells rows apart by columns that do not come out")
        groups: list[tuple[Bound | None, Field]] = [
            terms.find(node) if isinstance(node, ColumnName) else (None, Field("", "", terms.term(node).kind))
            for node in select.groups
        ]
        _check_exact(groups, "GROUP BY")

    def _sort(self, tree: exp.Select, select: Select, orders: tuple[Order, ...], terms: QueryTerms) -> None:
        kinds = []
        for order in orders:
            if isinstance(order.value, Literal):
                raise Untranslatable("it sorts by the place of a column")
            term = terms.term(order.value)
            kinds.append(term.kind)
            tree.order_by(self._ordered(_parsed(term), order, term.kind), copy=False)
        if select.top is None:
            return
        if not orders or {*kinds} & {Kind.TEXT, Kind.OTHER, Kind.NULL}:
            raise Untranslatable("which rows are the TOP depends on an order that PostgreSQL does not have")
        if not 0 < select.top <= _MOST_ROWS:
            raise Untranslatable(f"TOP {select.top} is no number of rows")
        options = exp.LimitOptions(rows=True, with_ties=True)  # as Access does
        tree.set("limit", exp.Fetch(direction="FIRST", count=exp.Literal.number(select.top), limit_options=options))

    def _ordered(self, value: exp.Expr, order: Order, kind: Kind = Kind.OTHER) -> exp.Ordered:
        """Null comes first in Access, and Yes, which is -1, before No."""
        if kind in (Kind.TEXT, Kind.OTHER):
            self.notes.append(_SORTED)
        descending = order.descending is not (kind is Kind.BOOLEAN)
        return exp.Ordered(this=value, desc=descending, nulls_first=not order.descending)

    # -- inputs

    def _input(self, source: Input, inputs: list[Bound], joins: list[tuple[exp.Join, Join]]) -> exp.Expr:
        """The tree of a FROM clause; conditions follow when all its names are known."""
        match source:
            case Named(name, alias):
                return self._named(name, alias, inputs)
            case Derived(query, alias):
                return self._derived(query, alias, inputs)
            case Join(kind, left, right):
                tree = self._input(left, inputs, joins)
                other = self._input(right, inputs, joins)
                if other.args.get("joins"):
                    other = exp.Subquery(this=other)
                side = {"side": kind} if kind in ("left", "right") else {"kind": kind}
                made = exp.Join(this=other, **side)
                tree.append("joins", made)
                joins.append((made, source))
                return tree

    def _named(self, name: str, alias: str | None, inputs: list[Bound]) -> exp.Expr:
        shape = self.shapes.get(name.casefold())
        if shape is None:
            raise Untranslatable(f"it reads {name!r}, which is not carried")
        called = self._alias(alias) if alias else shape.target
        inputs.append(Bound(alias or name, called, shape.fields, shape.keys))
        self.relations.append(shape.target)
        known_as = exp.TableAlias(this=_name(called)) if alias else None
        return exp.Table(this=_name(shape.target), alias=known_as)

    def _derived(self, query: Statement, alias: str, inputs: list[Bound]) -> exp.Expr:
        tree, fields = self.statement(query)
        called = self._alias(alias)
        inputs.append(Bound(alias, called, fields, ()))
        return exp.Subquery(this=tree, alias=exp.TableAlias(this=_name(called)))

    def _alias(self, alias: str) -> str:
        return shorten(fold(alias, self.naming))


@dataclass(frozen=True, slots=True)
class _Column:
    """A column that comes out."""

    term: Term
    field: Field
    bound: Bound | None
    """The input that it comes from as it is; None where it is computed."""
    origin: Field
    """What it is there."""

    def tree(self) -> exp.Expr:
        tree = _parsed(self.term)
        if isinstance(tree, exp.Column) and tree.name == self.field.target:
            return tree
        return exp.alias_(tree, _name(self.field.target), copy=False)


@dataclass(frozen=True, slots=True)
class _Outputs:
    terms: QueryTerms
    naming: Naming

    def of(self, outputs: Sequence[Output]) -> list[_Column]:
        """The columns with their names: two of one name are told apart as Access does, by their table's."""
        columns: list[_Column] = []
        for output in outputs:
            columns += self._starred(output.value) if isinstance(output.value, Star) else [self._one(output, columns)]
        names = [column.field.name.casefold() for column in columns]
        columns = [
            self._qualified(column) if names.count(name) > 1 else column
            for column, name in zip(columns, names, strict=True)
        ]
        _check_distinct([column.field.name.casefold() for column in columns], "columns")
        _check_distinct([column.field.target for column in columns], "columns")
        return columns

    def _starred(self, star: Star) -> list[_Column]:
        wanted = None if star.table is None else star.table.casefold()
        found = [bound for bound in self.terms.inputs if wanted in (None, bound.name.casefold())]
        if not found:
            raise Untranslatable(f"it has no table {star.table!r}")
        return [self._whole(bound, field) for bound in found for field in bound.fields]

    def _one(self, output: Output, before: Sequence[_Column]) -> _Column:
        value = output.value
        assert not isinstance(value, Star), "stars are columns by now"
        if isinstance(value, ColumnName) and not self.terms.is_alias(value):
            column = self._whole(*self.terms.find(value))
            return replace(column, field=self._renamed(column.field, output.alias)) if output.alias else column
        term = self.terms.term(value)
        name = output.alias or f"Expr{1000 + len(before)}"  # as Access numbers what has no name
        return _Column(term, self._renamed(Field(name, name, term.kind), name), None, Field(name, "", term.kind))

    def _whole(self, bound: Bound, field: Field) -> _Column:
        return _Column(Term(bound.sql(field), field.kind), field, bound, field)

    def _qualified(self, column: _Column) -> _Column:
        if column.bound is None or column.field is not column.origin:
            return column
        return replace(column, field=self._renamed(column.field, f"{column.bound.name}.{column.origin.name}"))

    def _renamed(self, field: Field, name: str) -> Field:
        return replace(field, name=name, target=drafted_column(fold(name, self.naming)))


def _check_exact(columns: _Exact, where: str) -> None:
    """Whether the rows that Access tells apart by these columns are those that PostgreSQL does."""
    for bound, one in columns:
        if one.kind is Kind.TEXT and one.spelling is None and not _determined(bound, columns):
            of = f", as with {one.name}" if one.name else ""
            raise Untranslatable(f"{where} takes texts that differ in case alone for one{of}")


def _determined(bound: Bound | None, columns: _Exact) -> bool:
    """Whether a key of the column's own table is among the columns, so that the rest follows from it."""
    if bound is None:
        return False
    exact = {one.name for other, one in columns if other is bound and (one.kind is not Kind.TEXT or one.spelling)}
    return any(key <= exact for key in bound.keys)


def _united(selects: Sequence[tuple[Field, ...]]) -> tuple[Field, ...]:
    """The columns of a union, named as those of its first select."""
    if len({*map(len, selects)}) > 1:
        raise Untranslatable("the parts of its union differ in their number of columns")
    fields = []
    for places in zip(*selects, strict=True):
        kinds = {field.kind for field in places} - {Kind.NULL}
        if len(kinds) > 1 and not kinds <= {Kind.INTEGER, Kind.EXACT}:
            raise Untranslatable(f"the parts of its union differ in the kind of {places[0].name}")
        kind = Kind.EXACT if len(kinds) > 1 else next(iter(kinds), Kind.NULL)
        spelling = places[0].spelling if len({field.spelling for field in places}) == 1 else None
        fields.append(replace(places[0], kind=kind, spelling=spelling))
    return tuple(fields)


def _output_of(order: Order, fields: Sequence[Field]) -> Field:
    if isinstance(order.value, ColumnName):
        name = (order.value.name or "").casefold()
        found = [field for field in fields if field.name.casefold() == name]
        if len(found) == 1:
            return found[0]
    raise Untranslatable("a union is sorted by what is none of its columns")


def _check_names(inputs: Sequence[Bound]) -> None:
    _check_distinct([bound.name.casefold() for bound in inputs], "tables")
    _check_distinct([bound.alias for bound in inputs], "tables")


def _check_distinct(names: Sequence[str], what: str) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise Untranslatable(f"two of its {what} are named {twice!r}")


def _parsed(term: Term) -> exp.Expr:
    return sqlglot.parse_one(term.sql, read="postgres").unnest()


def _name(name: str) -> exp.Identifier:
    return exp.to_identifier(name, quoted=True)
