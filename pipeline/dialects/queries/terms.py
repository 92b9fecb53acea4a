"""Expressions within a query: columns of several tables, aggregates, and the moment at which it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pipeline.dialects.expressions.terms import NUMBERS, Kind, Term, identifier, literal
from pipeline.dialects.expressions.translate import Translator
from pipeline.dialects.expressions.tree import ColumnName, Literal, Node, Untranslatable
from pipeline.dialects.queries.shapes import Field

_ROUNDED = "of floating point numbers: its last digits can differ from those of Access, which adds in another order"
_MOMENTS = {"now": "localtimestamp(0)", "date": "current_date"}
_REFUSED = {
    "first": "First depends on the order in which Access keeps the rows",
    "last": "Last depends on the order in which Access keeps the rows",
    "ucase": "which letters beyond A to Z have capitals depends on Windows",
    "lcase": "which letters beyond A to Z have capitals depends on Windows",
    "time": "Time() has no day",
    "genguid": "it makes a new value each time",
}
_DEVIATIONS = {"stdev": "stddev_samp", "stdevp": "stddev_pop", "var": "var_samp", "varp": "var_pop"}
_AGGREGATES = frozenset(("count", "sum", "avg", "min", "max", *_DEVIATIONS))


@dataclass(frozen=True, slots=True)
class Bound:
    """A table, view or inner query of a FROM clause, under the names that the two sides know it by."""

    name: str
    alias: str
    fields: tuple[Field, ...]
    keys: tuple[frozenset[str], ...]

    def sql(self, field: Field) -> str:
        """Raises Untranslatable for what Access shows otherwise."""
        if field.nested:
            raise Untranslatable(f"{field.name} holds files, several values or a history, which no view shows")
        return f"{identifier(self.alias)}.{identifier(field.target)}"


@dataclass(frozen=True, slots=True)
class QueryTerms(Translator):
    """Expressions over the inputs of one select; `notes` collects what the user should know of them."""

    inputs: tuple[Bound, ...]
    notes: list[str] = field(default_factory=list)
    aliases: Mapping[str, Node] = field(default_factory=dict)
    """What the columns that come out are computed from, by folded name: Access lets one name another."""

    def find(self, node: ColumnName) -> tuple[Bound, Field]:
        """The one column that a name stands for; raises Untranslatable."""
        found = self._found(node)
        self._check_meant(node, found)
        if len(found) == 1:
            return found[0]
        shown = f"{node.table}.{node.name}" if node.table else f"{node.name}"
        if found:
            raise Untranslatable(f"several of its tables have a column {shown!r}")
        raise Untranslatable(f"its tables have no column {shown!r}, so Access asks for it")

    def _column(self, node: ColumnName) -> Term:
        if self.is_alias(node):
            alias = (node.name or "").casefold()
            # Without the name itself, so that a circle of names ends.
            others = {name: value for name, value in self.aliases.items() if name != alias}
            return replace(self, aliases=others).term(self.aliases[alias])
        bound, field = self.find(node)
        return Term(bound.sql(field), field.kind)

    def _check_meant(self, node: ColumnName, found: list[tuple[Bound, Field]]) -> None:
        """Of a column and what comes out by the same name Access takes either, as its query mode is ANSI-92 or -89."""
        value = None if node.table else self.aliases.get((node.name or "").casefold())
        if value is not None and found and not (isinstance(value, ColumnName) and self._found(value) == found):
            raise Untranslatable(f"{node.name!r} is a column of its tables and the name of another that comes out")

    def is_alias(self, node: ColumnName) -> bool:
        """Whether a name stands for another column that comes out, as none of the tables has it."""
        return node.table is None and (node.name or "").casefold() in self.aliases and not self._found(node)

    def _found(self, node: ColumnName) -> list[tuple[Bound, Field]]:
        wanted = (node.name or "").casefold()
        return [
            (bound, field)
            for bound in self.inputs
            if node.table is None or bound.name.casefold() == node.table.casefold()
            for field in bound.fields
            if field.name.casefold() == wanted
        ]

    def _infix(self, operator: str, left: Node, right: Node) -> Term:
        if operator in ("=", "<>") and isinstance(left, ColumnName) and isinstance(right, ColumnName):
            pairs = [(a, b) for a in self._found(left) for b in self._found(right)]
            for (one, a), (other, b) in pairs if len(pairs) == 1 else ():
                if a.spelling is not None and a.spelling == b.spelling:
                    return Term(f"({one.sql(a)} {operator} {other.sql(b)})", Kind.BOOLEAN)
        return Translator._infix(self, operator, left, right)

    def _equated(self, node: Node, term: Term) -> tuple[Node, Term]:
        """`=` of Jet overlooks spaces at the end, which `Like` does not (Allen Browne's flaw 15)."""
        match node:
            case Literal(str(text)):
                plain = Literal(text.rstrip(" "))
                return plain, literal(plain)
        return node, Term(f"rtrim({term.sql})", Kind.TEXT, term.known) if term.kind is Kind.TEXT else term

    def _call(self, function: str, arguments: tuple[Node, ...]) -> Term:
        if function in _AGGREGATES:
            return self._aggregate(function, arguments)
        if function in _MOMENTS and not arguments:
            return Term(_MOMENTS[function], Kind.TIME)
        if function == "format":
            self.notes.append("Format of no date is NULL here, where Access may show empty text")
        if function in _REFUSED:
            raise Untranslatable(_REFUSED[function])
        return Translator._call(self, function, arguments)

    def _aggregate(self, function: str, arguments: tuple[Node, ...]) -> Term:
        if function == "count" and not arguments:
            return Term("count(*)", Kind.INTEGER)
        if len(arguments) != 1:
            raise Untranslatable(f"{function}() of {len(arguments)} values")
        term = self.term(arguments[0])
        if function == "count":
            return Term(f"count({term.sql})", Kind.INTEGER)
        if function in ("min", "max") and term.kind in (*NUMBERS, Kind.TIME):
            return Term(f"{function}({term.sql})", term.kind)
        if term.kind not in NUMBERS or function in ("min", "max"):
            raise Untranslatable(f"{function}() of {term.kind.value} differs in PostgreSQL")
        return self._computed(function, term)

    def _computed(self, function: str, term: Term) -> Term:
        if function in _DEVIATIONS:
            self.notes.append(f"{function} is {_ROUNDED}")
            return Term(f"{_DEVIATIONS[function]}({term.sql})::double precision", Kind.DOUBLE)
        if term.kind is Kind.DOUBLE:
            self.notes.append(f"{function} is {_ROUNDED}")
            return Term(f"{function}({term.sql}::double precision)", Kind.DOUBLE)  # of real, sum() would be real
        if function == "sum":
            return Term(f"sum({term.sql})", term.kind)
        if term.kind is Kind.INTEGER:  # a Double in Access: the whole sum by the count
            return Term(f"(sum({term.sql})::double precision / count({term.sql})::double precision)", Kind.DOUBLE)
        if term.kind is Kind.EXACT:
            self.notes.append("avg is of decimal numbers: it has more digits than Access keeps")
        return Term(f"avg({term.sql})", term.kind)
