"""Defaults and validation rules of Access in PostgreSQL's words, or the reason why not.

The SQL text is built from the tree alone: identifiers and literals are written anew from their values, and nothing
of the source's text is pasted. A rule that yields Null refuses no row here; whether a column may be empty is what
`Required` says.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal

from pipeline.catalog import SqlType
from pipeline.dialects.expressions import operators
from pipeline.dialects.expressions.format import date_pattern
from pipeline.dialects.expressions.functions import call, why_not
from pipeline.dialects.expressions.parser import parse, parse_rule
from pipeline.dialects.expressions.terms import Kind, Term, column, literal, number, quoted
from pipeline.dialects.expressions.tree import (
    Between,
    Call,
    ColumnName,
    In,
    Infix,
    IsNull,
    Literal,
    Node,
    Prefix,
    Untranslatable,
)
from pipeline.dialects.rules import Columns
from pipeline.mapping.conditions import named_columns, valid_generated
from pipeline.mapping.types import INTEGERS, family

_FUNCTIONS = {("now", "time"): "now()", ("date", "time"): "current_date", ("genguid", "uuid"): "gen_random_uuid()"}
_YES_OR_NO = {"true": "true", "yes": "true", "on": "true", "-1": "true", "1": "true"} | dict.fromkeys(
    ("false", "no", "off", "0"), "false"
)


def translate_default(text: str, type: SqlType) -> str | None:
    """A default for a column of that PostgreSQL type; None where `default_sql` tells why not."""
    try:
        return default_sql(text, type)
    except Untranslatable:
        return None


def translate_check(text: str, column: str | None, columns: Columns) -> str | None:
    """A condition for CHECK from a validation rule; None where `check_sql` tells why not."""
    try:
        return check_sql(text, column, columns)
    except Untranslatable:
        return None


def default_sql(text: str, type: SqlType) -> str:
    """A constant or one of three functions, as `mapping.defaults` knows them; raises Untranslatable.

    Access writes a constant of any type with or without quotes, and `=` before it or not.
    """
    node = parse(text)
    match node, family(type):
        case Call(function, ()), kind if (function, kind) in _FUNCTIONS:
            return _FUNCTIONS[function, kind]
        case Literal(bool(value)), "boolean":
            return str(value).lower()
        case Literal(Decimal() | str() as value), "boolean" if (word := _word(value)) in _YES_OR_NO:
            return _YES_OR_NO[word]
        case Literal(Decimal() as value), "number":
            return _number(value, type)
        case Literal(str(value)), "number" if isinstance(inner := parse(value), Literal):
            if isinstance(inner.value, Decimal):
                return _number(inner.value, type)
        case Literal(str(value)), "text":
            return quoted(value)
        case Literal(Decimal() as value), "text" if value == value.to_integral_value():
            return quoted(number(value))
        case Literal(datetime() as value), "time" if type.name == "timestamp" or (
            type.name == "date" and value.time() == time(0)
        ):
            return quoted(value.isoformat(" "))
    raise Untranslatable(f"no constant, Now(), Date() or GenGUID() that fits {type}")


def check_sql(text: str, column: str | None, columns: Columns) -> str:
    """A boolean expression over the columns of one table; raises Untranslatable with the reason.

    `column` is the source name of the column that has the rule, None for the rule of a table.
    """
    rule = _Rule(column, columns.names, columns.types)
    return rule.condition(parse_rule(text)).sql


def generated_sql(text: str, type: SqlType, columns: Columns) -> str:
    """An expression that computes a column of that PostgreSQL type from others; raises ValueError with the reason."""
    names, types = columns.names, columns.types
    term = _Rule(None, names, types).term(parse(text))
    sql = valid_generated(term.sql)
    used = {*named_columns(sql)}
    if not _takes(type, term.kind, [types[source] for source in types if names[source] in used]):
        raise Untranslatable(f"it yields {term.kind.value}, which {type} may not hold exactly")
    return sql


def _takes(type: SqlType, kind: Kind, operands: list[SqlType]) -> bool:
    """Whether what the expression yields goes into the column as it is.

    What translates has no more decimals than the columns that it is computed from.
    """
    wanted = column("", type).kind
    if wanted is Kind.EXACT and kind is Kind.EXACT and type.args:
        return all(_scale(operand) <= _scale(type) for operand in operands)
    return kind is wanted or (wanted.number and kind is Kind.INTEGER)


def _scale(type: SqlType) -> float:
    """Digits after the point that a column of the type may hold."""
    return 0 if type.name != "numeric" else type.args[1] if type.args else math.inf


def _word(value: Decimal | str) -> str:
    return number(value) if isinstance(value, Decimal) else value.strip().lower()


def _number(value: Decimal, type: SqlType) -> str:
    if type.name in INTEGERS and value != value.to_integral_value():
        raise Untranslatable("a fraction does not fit a whole number")
    return number(value)


class Translator(ABC):
    """Nodes as PostgreSQL text. What names stand for depends on where they stand, so a subclass says it."""

    __slots__ = ()

    @abstractmethod
    def _column(self, node: ColumnName) -> Term:
        """Raises Untranslatable for a name that stands for no column."""

    def condition(self, node: Node) -> Term:
        """A node as yes or no."""
        term = self.term(node)
        if term.kind is not Kind.BOOLEAN:
            raise Untranslatable(f"it takes {term.kind.value} for a yes or no")
        return term

    def term(self, node: Node) -> Term:
        match node:
            case Literal():
                return literal(node)
            case ColumnName():
                return self._column(node)
            case Call(function, arguments):
                return self._call(function, arguments)
            case Prefix("not", operand):
                return operators.inverted(self.condition(operand))
            case Prefix(_, operand):
                return operators.negative(self.term(operand))
            case Infix("and" | "or" | "xor" as operator, left, right):
                return operators.infix(operator, (left, self.condition(left)), (right, self.condition(right)))
            case Infix(operator, left, right):
                return self._infix(operator, left, right)
            case IsNull(operand):
                return Term(f"({self.term(operand).sql} is null)", Kind.BOOLEAN)
            case Between(operand, low, high):
                return self._between(operand, low, high)
            case In(operand, values):
                return self._in(operand, values)

    def _infix(self, operator: str, left: Node, right: Node) -> Term:
        a, b = self.term(left), self.term(right)
        if operator in "+-" and a.kind is Kind.TIME and isinstance(right, Literal) and b.kind is Kind.INTEGER:
            days = right if operator == "+" else Literal(-Decimal(str(right.value)))
            return self._call("dateadd", (Literal("d"), days, left))
        sides = (left, a), (right, b)
        if operator in ("=", "<>"):
            sides = self._equated(left, a), self._equated(right, b)
        return operators.infix(operator, *sides)

    def _equated(self, node: Node, term: Term) -> tuple[Node, Term]:
        """One side of a comparison for equality, as it counts here."""
        return node, term

    def _between(self, operand: Node, low: Node, high: Node) -> Term:
        """Access takes the bounds in either order, so they must be known."""
        if not _ascending(low, high):
            raise Untranslatable("Between takes its bounds in either order, so here it needs two constants in order")
        bounds = ((low, self.term(low)), (high, self.term(high)))
        if (term := self.term(operand)).kind in (Kind.TEXT, Kind.BOOLEAN):
            raise Untranslatable(f"it compares {term.kind.value} with {bounds[0][1].kind.value}")
        one, (a, b) = operators.comparable(term, bounds)
        return Term(f"({one.sql} between {a.sql} and {b.sql})", Kind.BOOLEAN)

    def _in(self, operand: Node, values: tuple[Node, ...]) -> Term:
        if not values or not all(isinstance(value, Literal) for value in values):
            raise Untranslatable("In needs a list of constants")
        _, term = self._equated(operand, self.term(operand))
        one, others = operators.comparable(term, tuple(self._equated(value, self.term(value)) for value in values))
        return Term(f"({one.sql} in ({', '.join(other.sql for other in others)}))", Kind.BOOLEAN)

    def _call(self, function: str, arguments: tuple[Node, ...]) -> Term:
        match function, arguments:
            case "iif", (test, yes, no):
                return self._choice(self.condition(test), self.term(yes), self.term(no))
            case "format", (value, Literal(str(pattern))) if (term := self.term(value)).kind is Kind.TIME:
                return Term(f"to_char({term.sql}::timestamp, {quoted(date_pattern(pattern))})", Kind.TEXT)
            case "dateserial", (Literal(Decimal() as y), Literal(Decimal() as m), Literal(Decimal() as d)):
                return _day(y, m, d)
        known = call(function, arguments, tuple(map(self.term, arguments)))
        if known is None:
            raise Untranslatable(why_not(function))
        return known

    def _choice(self, test: Term, yes: Term, no: Term) -> Term:
        """Null chooses the second, as `case` does."""
        kinds = {yes.kind, no.kind}
        if len(kinds) > 1 and not (Kind.INTEGER in kinds and yes.kind.number and no.kind.number):
            raise Untranslatable(f"IIf yields {yes.kind.value} or {no.kind.value}")
        kind = yes.kind if no.kind is Kind.INTEGER else no.kind
        return Term(f"case when {test.sql} then {yes.sql} else {no.sql} end", kind)


@dataclass(frozen=True, slots=True)
class _Rule(Translator):
    """One rule, with what its names stand for."""

    column: str | None
    names: Mapping[str, str]
    types: Mapping[str, SqlType]

    def condition(self, node: Node) -> Term:
        """`0 Or >100`: a constant in the place of a condition is what the column may equal."""
        if isinstance(node, Literal) and not isinstance(node.value, bool) and self.column is not None:
            node = Infix("=", ColumnName(None), node)
        return Translator.condition(self, node)

    def _column(self, node: ColumnName) -> Term:
        wanted = self.column if node.name is None else node.name
        if wanted is None:
            raise Untranslatable("it leaves out what it compares, and it is no rule of a column")
        found = [known for known in self.names if known.casefold() == wanted.casefold()]
        if len(found) != 1 or node.table is not None:
            shown = repr(wanted) if node.table is None else f"{wanted!r} of {node.table!r}"
            raise Untranslatable(f"there is no column {shown}" if len(found) < 2 else f"two columns are named {shown}")
        if found[0] not in self.types:
            raise Untranslatable(f"column {wanted!r} is not carried")
        return column(self.names[found[0]], self.types[found[0]])


def _ascending(low: Node, high: Node) -> bool:
    match low, high:
        case Literal(Decimal() as least), Literal(Decimal() as most):
            return least <= most
        case Literal(datetime() as first), Literal(datetime() as last):
            return first <= last
    return False


def _day(year: Decimal, month: Decimal, day: Decimal) -> Term:
    """Months and days beyond their range count on into the next in Access: refused."""
    if any(part != part.to_integral_value() for part in (year, month, day)):
        raise Untranslatable("DateSerial of a fraction is a guess")
    try:
        value = datetime(int(year), int(month), int(day))  # noqa: DTZ001 (Access knows no zones)
    except (ValueError, OverflowError) as error:
        raise Untranslatable(f"DateSerial({year}, {month}, {day}) is no day of the calendar") from error
    if value.year < 100:
        raise Untranslatable("Access completes a year of two digits as Windows is set to")
    return literal(Literal(value))
