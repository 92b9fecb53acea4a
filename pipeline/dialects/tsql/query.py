"""A view of SQL Server as one SELECT of PostgreSQL, or the reason why not.

What decides is whether the same rows come out. A collation that folds case takes `a` and `A` for one; so text may meet
text, or stand under DISTINCT, GROUP BY or UNION, only where a key fixes how it is written. Each part of the tree is
asked for what it holds beside what is translated, so nothing is left out unseen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import NoReturn

from sqlglot import exp

from pipeline.dialects.expressions.terms import identifier
from pipeline.dialects.expressions.tree import Untranslatable
from pipeline.dialects.tsql.collation import Collation
from pipeline.dialects.tsql.reading import read
from pipeline.dialects.tsql.relations import Field, Relation
from pipeline.dialects.tsql.terms import MOST_DIGITS, TEXTS, Kind, Term, collated
from pipeline.dialects.tsql.translate import Translator
from pipeline.mapping.names import Naming, drafted_column, fold, shorten

_JOINS = {
    ("", "", True): "join",
    ("", "INNER", True): "join",
    **{(side, kind, True): f"{side.lower()} join" for side in ("LEFT", "RIGHT", "FULL") for kind in ("", "OUTER")},
    ("", "CROSS", False): "cross join",
    ("", "", False): "cross join",
}
"""By side, kind and whether there is a condition."""
_CLOCKS = {"getdate": 3, "current_timestamp": 3, "sysdatetime": 6}
_BIGINT = 19


def parse_view(text: str) -> exp.Query:
    """The SELECT or UNION of a view, with CREATE VIEW before it or not; raises Untranslatable."""
    tree = read(text)
    if isinstance(tree, exp.Create) and tree.args.get("kind") == "VIEW" and isinstance(tree.this, exp.Table):
        tree = tree.expression
    if not isinstance(tree, exp.Select | exp.SetOperation):
        raise Untranslatable("it is no SELECT")
    return tree


def names_read(tree: exp.Query) -> set[str]:
    """Names that it may mean, folded, with and without their schema."""
    tables = [table for table in tree.find_all(exp.Table) if isinstance(table.this, exp.Identifier)]
    return {name for table in tables for name in _names(table)}


def _names(table: exp.Table) -> tuple[str, ...]:
    return table.name.casefold(), f"{table.db}.{table.name}".casefold()


def translate_view(
    tree: exp.Query, relations: Mapping[str, Relation], naming: Naming, collation: Collation
) -> tuple[str, tuple[Field, ...]]:
    """The SQL text and what it yields; raises Untranslatable."""
    try:
        return _united(tree, relations, naming, collation)
    except RecursionError:
        raise Untranslatable("it nests too deep") from None


def _united(
    tree: exp.Expr, relations: Mapping[str, Relation], naming: Naming, collation: Collation, *, first: bool = True
) -> tuple[str, tuple[Field, ...]]:
    if isinstance(tree, exp.Select):
        return _Select(relations, naming, collation, first).translated(tree)
    if not isinstance(tree, exp.Union):
        _refuse(tree)
    _only(tree, "this", "expression", "distinct")
    left, fields = _united(tree.this, relations, naming, collation)
    right, others = _united(tree.expression, relations, naming, collation, first=False)
    if len(fields) != len(others):
        raise Untranslatable("a UNION of selects with different numbers of columns")
    for a, b in zip(fields, others, strict=True):
        if (a.term.kind, a.term.scale) != (b.term.kind, b.term.scale):
            raise Untranslatable(f"UNION makes one type of {a.term.kind.value} and {b.term.kind.value}")
        if tree.args.get("distinct") and a.term.kind in TEXTS:
            raise Untranslatable(f"UNION takes texts for one that the collation does not tell apart, as with {a.name}")
        collated(a.term, b.term)
    made = tuple(replace(a, spelling=None) for a in fields)
    return f"({left}) union {'' if tree.args.get('distinct') else 'all '}({right})", made


@dataclass(frozen=True, slots=True)
class _Bound:
    """A table or view under the name that it has in one SELECT."""

    name: str
    alias: str
    relation: Relation


@dataclass(frozen=True, slots=True)
class _Output:
    field: Field
    bound: _Bound | None
    """Where a bare column comes from; None: it is computed."""


@dataclass(frozen=True, slots=True)
class _Select(Translator):
    relations: Mapping[str, Relation]
    naming: Naming
    collation: Collation
    first: bool
    """Of a UNION, whose columns are named by it."""
    inputs: list[_Bound] = field(default_factory=list)

    def translated(self, tree: exp.Select) -> tuple[str, tuple[Field, ...]]:
        _only(tree, "expressions", "from_", "joins", "where", "group", "having", "distinct")
        source = self._from(tree)
        outputs = [output for node in tree.expressions for output in self._outputs(node)]
        fields = tuple(output.field for output in outputs)
        if self.first:
            _check_apart(fields)
        columns = ", ".join(f"{output.field.term.sql} as {identifier(output.field.target)}" for output in outputs)
        sql = f"select {'distinct ' if self._distinct(tree, outputs) else ''}{columns}{source}"
        if where := tree.args.get("where"):
            sql += f" where {self.condition(where.this).sql}"
        if group := tree.args.get("group"):
            sql += f" group by {self._grouped(group)}"
        if having := tree.args.get("having"):
            sql += f" having {self.condition(having.this).sql}"
        return sql, fields

    def _from(self, tree: exp.Select) -> str:
        source = tree.args.get("from_")
        if source is None:
            return ""
        _only(source, "this")
        return f" from {self._input(source.this)}{self._joined(tree.args.get('joins') or [])}"

    def _input(self, node: exp.Expr) -> str:
        match node:
            case exp.Subquery(this=(exp.Table() | exp.Subquery()) as inner):
                _only(node, "this", "joins")
                return f"({self._input(inner)}){self._joined(node.args.get('joins') or [])}"
            case exp.Table(this=exp.Identifier()):
                _only(node, "this", "db", "alias", "joins")
                bound = self._bound(node)
                self.inputs.append(bound)
                named = f"{identifier(bound.relation.target)} as {identifier(bound.alias)}"
                return named + self._joined(node.args.get("joins") or [])
        raise Untranslatable("it reads from something that is no table by name")

    def _joined(self, joins: list[exp.Join]) -> str:
        """A condition names no table that comes after it."""
        made = ""
        for join in joins:
            _only(join, "this", "side", "kind", "on")
            on = join.args.get("on")
            word = _JOINS.get((join.side, join.kind, on is not None))
            if word is None:
                _refuse(join)
            made += f" {word} {self._input(join.this)}"
            if on is not None:
                made += f" on {self.condition(on).sql}"
        return made

    def _bound(self, table: exp.Table) -> _Bound:
        bare, whole = _names(table)
        found = [self.relations[name] for name in (bare, whole) if name in self.relations]
        schema = table.db.casefold()
        if whole not in self.relations and schema:
            found = [relation for relation in found if (relation.schema or "dbo").casefold() == schema]
        if len(found) != 1:
            raise Untranslatable(f"it reads {table.name!r}, which is no table or view that is carried")
        name = table.alias or table.name
        alias = shorten(fold(name, self.naming))
        if any(name.casefold() == other.name.casefold() or alias == other.alias for other in self.inputs):
            raise Untranslatable(f"two of its tables are named {name!r}")
        return _Bound(name, alias, found[0])

    def _outputs(self, node: exp.Expr) -> list[_Output]:
        match node:
            case exp.Star():
                _only(node)
                return [self._output(bound, field) for bound in self.inputs for field in bound.relation.fields]
            case exp.Column(this=exp.Star()):
                bound = self._table(node)
                return [self._output(bound, field) for field in bound.relation.fields]
            case exp.Column():
                return [self._output(*self._found(node))]
            case exp.Alias(this=exp.Column(this=exp.Identifier()) as column, args={"alias": exp.Identifier() as name}):
                output = self._output(*self._found(column))
                return [replace(output, field=self._named(name.name, output.field))]
            case exp.Alias(args={"alias": exp.Identifier() as name}):
                return [self._computed(name.name, node.this)]
        if self.first:
            raise Untranslatable("a column of it has no name")
        return [self._computed("", node)]

    def _computed(self, name: str, node: exp.Expr) -> _Output:
        term = self.value(node)
        if term.kind in (Kind.FOLDED, Kind.NULL):
            raise Untranslatable(f"column {name!r} is {term.kind.value}")
        return _Output(self._named(name, Field("", "", term)), None)

    def _output(self, bound: _Bound, field: Field) -> _Output:
        term = replace(field.term, sql=f"{identifier(bound.alias)}.{identifier(field.target)}")
        return _Output(replace(field, term=term), bound)

    def _named(self, name: str, field: Field) -> Field:
        return replace(field, name=name, target=drafted_column(fold(name, self.naming)))

    def _table(self, node: exp.Column) -> _Bound:
        for bound in self.inputs:
            if bound.name.casefold() == node.table.casefold():
                return bound
        raise Untranslatable(f"{node.table!r} is none of its tables")

    def _found(self, node: exp.Column) -> tuple[_Bound, Field]:
        _only(node, "this", "table")
        wanted = node.name.casefold()
        bounds = [self._table(node)] if node.table else self.inputs
        found = [
            (bound, field) for bound in bounds for field in bound.relation.fields if field.name.casefold() == wanted
        ]
        if len(found) != 1:
            what = "there is no column" if not found else "two columns are named"
            raise Untranslatable(f"{what} {node.name!r}, of those that are carried")
        return found[0]

    def _column(self, node: exp.Column) -> Term:
        if not isinstance(node.this, exp.Identifier):
            raise Untranslatable("a constant of money, or * in a place of its own")
        if not node.table and node.name.lower() in _CLOCKS and not node.this.quoted:
            return self._call(node.name.lower(), ())
        return self._output(*self._found(node)).field.term

    def _binary(self, node: exp.Expr) -> Term:
        """Two texts are equal in SQL Server where they are here, if one key fixes how both are written."""
        if isinstance(node, exp.EQ) and isinstance(node.this, exp.Column) and isinstance(node.expression, exp.Column):
            a, b = (self._output(*self._found(side)).field for side in (node.this, node.expression))
            if a.spelling is not None and a.spelling == b.spelling:
                return Term(f"({a.term.sql} = {b.term.sql})", Kind.CONDITION)
        return Translator._binary(self, node)

    def _call(self, function: str, arguments: tuple[exp.Expr, ...]) -> Term:
        if function in _CLOCKS and not arguments:
            return Term("localtimestamp", Kind.MOMENT, scale=_CLOCKS[function])
        match function, arguments:
            case (("count" | "count_big"), (exp.Star(),)):
                return Term("count(*)", Kind.INTEGER, _BIGINT)
            case _, (argument,) if function in _AGGREGATES:
                return _AGGREGATES[function](self.value(argument))
        return Translator._call(self, function, arguments)

    def _distinct(self, tree: exp.Select, outputs: list[_Output]) -> bool:
        distinct = tree.args.get("distinct")
        if distinct is None:
            return False
        _only(distinct)
        _tell_apart(outputs, "DISTINCT")
        return True

    def _grouped(self, group: exp.Group) -> str:
        _only(group, "expressions")
        outputs = []
        for node in group.expressions:
            if not isinstance(node, exp.Column):
                raise Untranslatable("it groups by an expression")
            outputs.append(self._output(*self._found(node)))
        _tell_apart(outputs, "GROUP BY")
        return ", ".join(output.field.term.sql for output in outputs)


def _tell_apart(outputs: list[_Output], where: str) -> None:
    """Refuse texts that the collation may take for one, unless a key among the columns tells the rows apart."""
    for output in outputs:
        if output.field.term.kind not in TEXTS or output.field.spelling is not None:
            continue
        bound = output.bound
        beside = {other.field.name for other in outputs if other.bound is bound}
        if bound is None or not any(key <= beside for key in bound.relation.keys):
            name = output.field.name
            raise Untranslatable(f"{where} takes texts for one that the collation does not tell apart, as with {name}")


def _check_apart(fields: tuple[Field, ...]) -> None:
    for target, count in Counter(made.target for made in fields).items():
        if count > 1:
            raise Untranslatable(f"two of its columns would be named {target!r}")


def _summed(term: Term) -> Term:
    if term.kind not in (Kind.INTEGER, Kind.EXACT):
        raise Untranslatable(f"the sum of {term.kind.value} depends on the order of its rows")
    return Term(f"sum({term.sql})", term.kind, MOST_DIGITS if term.scale else _BIGINT, term.scale, money=term.money)


def _extreme(function: str) -> Callable[[Term], Term]:
    def apply(term: Term) -> Term:
        if term.kind in TEXTS or term.kind in (Kind.BIT, Kind.OTHER, Kind.NULL):
            raise Untranslatable(f"{function} of {term.kind.value}")
        return replace(term, sql=f"{function}({term.sql})", value=None)

    return apply


_AGGREGATES: dict[str, Callable[[Term], Term]] = {
    "count": lambda term: Term(f"count({term.sql})", Kind.INTEGER, _BIGINT),
    "count_big": lambda term: Term(f"count({term.sql})", Kind.INTEGER, _BIGINT),
    "sum": _summed,
    "min": _extreme("min"),
    "max": _extreme("max"),
}


def _only(node: exp.Expr, *known: str) -> None:
    """Refuse a part that holds more than what is translated: hints, TOP, WITH, PIVOT."""
    for name, value in node.args.items():
        if value and name not in known:
            raise Untranslatable(f"{_WORDS.get(name, name.strip('_').upper())} has no translation")


_WORDS = {"limit": "TOP", "with_": "WITH", "pivots": "PIVOT", "hints": "a hint", "order": "ORDER BY", "kind": "a form"}


def _refuse(node: exp.Expr) -> NoReturn:
    raise Untranslatable(f"{type(node).__name__} of T-SQL has no translation")
