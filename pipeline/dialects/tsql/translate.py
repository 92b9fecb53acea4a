"""Checks and computed columns of SQL Server in PostgreSQL's words, or the reason why not.

The SQL text is built from the tree alone: identifiers and literals are written anew from their values, and nothing
of the source's text is pasted. What is no part of the tables here, and of those below, has no translation.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from functools import reduce

from sqlglot import exp

from pipeline.catalog import SqlType
from pipeline.dialects.expressions.tree import Untranslatable
from pipeline.dialects.rules import Columns
from pipeline.dialects.tsql import operators
from pipeline.dialects.tsql.collation import Collation
from pipeline.dialects.tsql.conversions import converted
from pipeline.dialects.tsql.functions import call, dated, why_not
from pipeline.dialects.tsql.reading import read
from pipeline.dialects.tsql.terms import MOST_DIGITS, TEXTS, Kind, Term, collated, column, constant, sized, text
from pipeline.mapping.conditions import valid_generated

_COMPARISONS: dict[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}
_ARITHMETIC: dict[type[exp.Expr], str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%"}
_LOGIC: dict[type[exp.Expr], str] = {exp.And: "and", exp.Or: "or"}
_DATED = frozenset(("datepart", "dateadd", "datediff"))
_WORDS = frozenset(("current_timestamp", "user", "current_user", "session_user", "system_user"))
"""Functions that are called without parentheses."""


@dataclass(frozen=True, slots=True)
class Translations:
    """What the columns of a table say in T-SQL, under the collation of their database."""

    collation: Collation

    def check(self, text: str, column: str | None, columns: Columns) -> str:
        """A boolean expression over the columns of one table; raises Untranslatable with the reason."""
        return _guarded(_Row(self.collation, columns), text).sql

    def generated(self, text: str, type: SqlType, columns: Columns) -> str:
        """An expression that computes a column of that PostgreSQL type; raises ValueError with the reason."""
        row = _Row(self.collation, columns)
        term = _guarded(row, text, value=True)
        if not _takes(column("", type), term):
            raise Untranslatable(f"it yields {_shown(term)}, which {type} may not hold exactly")
        return valid_generated(term.sql)


def _guarded(row: Translator, text: str, *, value: bool = False) -> Term:
    tree = read(text)
    try:
        return row.term(tree) if value else row.condition(tree)
    except RecursionError as error:
        raise Untranslatable("it nests too deep") from error


def _takes(wanted: Term, made: Term) -> bool:
    """Whether what is computed goes into the column as it is."""
    if wanted.kind in (Kind.EXACT, Kind.INTEGER) and made.kind in (Kind.EXACT, Kind.INTEGER):
        return made.scale <= wanted.scale
    if wanted.kind is Kind.TEXT and made.kind is Kind.TEXT:
        return wanted.size is None or (made.size is not None and made.size <= wanted.size)
    return wanted.kind is made.kind and wanted.kind in (Kind.BIT, Kind.DATE, Kind.MOMENT) and made.scale <= wanted.scale


def _shown(term: Term) -> str:
    match term.kind:
        case Kind.EXACT:
            return f"numeric({term.digits},{term.scale})"
        case Kind.TEXT if term.size is not None:
            return f"text of {term.size} characters"
    return str(term.kind.value)


class Translator(ABC):
    """Trees as PostgreSQL text. What names stand for depends on where they stand, so a subclass says it."""

    __slots__ = ()

    collation: Collation

    @abstractmethod
    def _column(self, node: exp.Column) -> Term:
        """Raises Untranslatable for a name that stands for no column."""

    def condition(self, node: exp.Expr) -> Term:
        """A node that is true, false or unknown: T-SQL has no columns of that, and takes no bit for it."""
        term = self.term(node)
        if term.kind is not Kind.CONDITION:
            raise Untranslatable(f"it takes {term.kind.value} for a condition")
        return term

    def value(self, node: exp.Expr) -> Term:
        term = self.term(node)
        if term.kind is Kind.CONDITION:
            raise Untranslatable("it takes a condition for a value")
        return term

    def term(self, node: exp.Expr) -> Term:
        match node:
            case exp.Paren():
                return self.term(node.this)
            case exp.Literal() | exp.National():
                return _literal(node)
            case exp.Null():
                return Term("null", Kind.NULL)
            case exp.Column():
                return self._column(node)
            case exp.Neg():
                return operators.negative(self.value(node.this))
            case exp.Not():
                return Term(f"(not {self.condition(node.this).sql})", Kind.CONDITION)
            case exp.And() | exp.Or():
                return self._logic(node)
            case exp.Is(expression=exp.Null()):
                return Term(f"({self.value(node.this).sql} is null)", Kind.CONDITION)
            case exp.Between():
                return self._between(node)
            case exp.In():
                return self._in(node)
            case exp.Like() | exp.Escape():
                return self._like(node)
            case exp.Case():
                return self._case(node)
            case exp.Cast() | exp.Convert():
                return self._converted(node)
            case exp.Anonymous():
                return self._call(node.name.lower(), tuple(node.expressions))
        return self._binary(node)

    def _binary(self, node: exp.Expr) -> Term:
        if comparison := _COMPARISONS.get(type(node)):
            return operators.compared(comparison, self.value(node.this), self.value(node.expression), self.collation)
        if operator := _ARITHMETIC.get(type(node)):
            return operators.arithmetic(operator, self.value(node.this), self.value(node.expression))
        raise Untranslatable(_why_no_part(node))

    def _logic(self, node: exp.And | exp.Or) -> Term:
        a, b = self.condition(node.this), self.condition(node.expression)
        return Term(f"({a.sql} {_LOGIC[type(node)]} {b.sql})", Kind.CONDITION)

    def _between(self, node: exp.Between) -> Term:
        one, low, high = self.value(node.this), self.value(node.args["low"]), self.value(node.args["high"])
        a = operators.compared(">=", one, low, self.collation)
        b = operators.compared("<=", one, high, self.collation)
        return Term(f"({a.sql} and {b.sql})", Kind.CONDITION)

    def _in(self, node: exp.In) -> Term:
        if not node.expressions:
            raise Untranslatable("IN without a list of values")
        one = self.value(node.this)
        tests = [operators.compared("=", one, self.value(value), self.collation).sql for value in node.expressions]
        return Term(f"({' or '.join(tests)})", Kind.CONDITION)

    def _like(self, node: exp.Like | exp.Escape) -> Term:
        like = node.this if isinstance(node, exp.Escape) else node
        pattern = self.value(like.expression).value
        escape = self.value(node.expression).value if isinstance(node, exp.Escape) else None
        if not isinstance(like, exp.Like) or not isinstance(pattern, str) or isinstance(escape, Decimal):
            raise Untranslatable("the pattern of LIKE is not a literal")
        subject = self.value(like.this)
        if subject.kind not in TEXTS:
            raise Untranslatable(f"LIKE of {subject.kind.value}")
        sql = (subject.collation or self.collation).like(subject.sql, pattern, escape)
        return Term(f"(not {sql})" if like.args.get("negate") else sql, Kind.CONDITION)

    def _case(self, node: exp.Case) -> Term:
        subject = self.value(node.this) if node.this is not None else None
        tests, values = [], []
        for branch in node.args["ifs"]:
            tests.append(self.condition(branch.this) if subject is None else
                         operators.compared("=", subject, self.value(branch.this), self.collation))  # fmt: skip
            values.append(self.value(branch.args["true"]))
        default = node.args.get("default")
        return _choice(tests, [*values, Term("null", Kind.NULL) if default is None else self.value(default)])

    def _converted(self, node: exp.Cast | exp.Convert) -> Term:
        cast = isinstance(node, exp.Cast)
        if isinstance(node, exp.TryCast) or node.args.get("safe"):
            raise Untranslatable("TRY_CAST yields NULL where PostgreSQL fails")
        type = node.to if isinstance(node, exp.Cast) else node.this
        given = node.args.get("style")
        style = None if given is None else self.value(given).value
        if not isinstance(type, exp.DataType) or not (given is None or isinstance(style, Decimal)):
            raise Untranslatable("a CONVERT whose type or style is not stated")
        assert style is None or isinstance(style, Decimal)
        return converted(self.value(node.this if cast else node.expression), type, style)

    def _call(self, function: str, arguments: tuple[exp.Expr, ...]) -> Term:
        if function in _DATED and arguments and isinstance(arguments[0], exp.Column):
            known = dated(function, arguments[0].name.lower(), tuple(map(self.value, arguments[1:])))
            if known is None:
                raise Untranslatable(f"{why_not(function)}: {arguments[0].name[:40]}")
            return known
        match function, arguments:
            case "iif", (chosen, yes, no):
                return _choice([self.condition(chosen)], [self.value(yes), self.value(no)])
            case "nullif", (first, second):
                a = self.value(first)
                test = operators.compared("=", a, self.value(second), self.collation)
                return replace(a, sql=f"case when {test.sql} then null else {a.sql} end", value=None)
            case "isnull", (first, second):
                return _isnull(self.value(first), self.value(second))
            case "coalesce", (_, *_):
                return _coalesced([self.value(argument) for argument in arguments])
            case "choose", (index, *choices) if choices:
                return self._chosen(self.value(index), [self.value(choice) for choice in choices])
        made = call(function, tuple(map(self.value, arguments)))
        if made is None:
            raise Untranslatable(why_not(function))
        return made

    def _chosen(self, index: Term, choices: list[Term]) -> Term:
        if index.kind is not Kind.INTEGER:
            raise Untranslatable(f"CHOOSE by {index.kind.value}")
        tests = [Term(f"({index.sql} = {i})", Kind.CONDITION) for i in range(1, len(choices) + 1)]
        return _choice(tests, [*choices, Term("null", Kind.NULL)])


def _choice(tests: list[Term], values: list[Term]) -> Term:
    """Branches of one type, the last without a test."""
    common = reduce(_common, values)
    branches = "".join(f" when {test.sql} then {value.sql}" for test, value in zip(tests, values, strict=False))
    return replace(common, sql=f"case{branches} else {values[-1].sql} end", value=None)


def _coalesced(values: list[Term]) -> Term:
    common = reduce(_common, values)
    return replace(common, sql=f"coalesce({', '.join(value.sql for value in values)})", value=None)


def _isnull(first: Term, second: Term) -> Term:
    """ISNULL makes the second of the first one's type, where COALESCE finds one for both."""
    common = _common(first, second)
    longer = first.size is not None and (second.size is None or second.size > first.size)
    finer = first.kind is Kind.INTEGER and common.kind is not Kind.INTEGER
    if (longer or finer or second.scale > first.scale) and not _fits(first, second):
        raise Untranslatable("ISNULL makes its second value of the first one's type, which may not hold it")
    return replace(first, sql=f"coalesce({first.sql}, {second.sql})", value=None, collation=common.collation)


def _fits(first: Term, second: Term) -> bool:
    """Whether a constant is in the type of the first as it is: 0.00 is a whole number."""
    if not isinstance(second.value, Decimal):
        return False
    beyond = f"{second.value:f}".partition(".")[2][first.scale :]
    return not beyond.strip("0")


def _common(a: Term, b: Term) -> Term:
    """What both are, of the wider type."""
    if Kind.NULL in (a.kind, b.kind):
        return b if a.kind is Kind.NULL else a
    exact = (Kind.INTEGER, Kind.EXACT)
    if a.kind in exact and b.kind in exact:
        if a.kind is b.kind is Kind.INTEGER:
            return a if a.digits >= b.digits else b
        scale = max(a.scale, b.scale)
        digits = max(a.digits - a.scale, b.digits - b.scale) + scale
        if digits > MOST_DIGITS:
            raise Untranslatable(f"the common type of its numbers has more than {MOST_DIGITS} digits")
        return Term("", Kind.EXACT, digits, scale, money=a.money or b.money)
    if a.kind is not b.kind or a.kind in (Kind.OTHER, Kind.PADDED, Kind.REAL):
        raise Untranslatable(f"it yields {a.kind.value} or {b.kind.value}")
    return replace(a, size=sized(a, b), scale=max(a.scale, b.scale), collation=collated(a, b))


def _literal(node: exp.Literal | exp.National) -> Term:
    if isinstance(node, exp.National) or node.is_string:
        return text(str(node.this))
    written = str(node.this)
    try:
        if not written.isascii() or "e" in written.lower() or "_" in written or len(written) > 2 * MOST_DIGITS:
            raise InvalidOperation
        return constant(Decimal(written))
    except InvalidOperation:
        raise Untranslatable(f"{written[:40]} is not a decimal number") from None


def _why_no_part(node: exp.Expr) -> str:
    match node:
        case exp.NextValueFor():
            return "it takes the next number of a sequence, which is an object of its own in SQL Server"
        case exp.Dot():
            return "it calls a function of the database, or a method of a value"
        case exp.Subquery() | exp.Select() | exp.Exists():
            return "it asks other rows"
        case exp.Collate():
            return "it names a collation of Windows"
    return f"{type(node).__name__} of T-SQL has no translation"


@dataclass(frozen=True, slots=True)
class _Row(Translator):
    """The columns of one row, which is all that a check or a computed column knows."""

    collation: Collation
    known: Columns

    def _column(self, node: exp.Column) -> Term:
        identifier = node.this
        if not isinstance(identifier, exp.Identifier) or node.table:
            raise Untranslatable("a name of several parts, or a constant of money")
        wanted = identifier.name
        if not identifier.quoted and wanted.lower() in _WORDS:
            raise Untranslatable(why_not(wanted.lower()))
        names, types = self.known.names, self.known.types
        exact = [name for name in names if name == wanted]
        found = exact or [name for name in names if name.casefold() == wanted.casefold()]
        if len(found) != 1:
            raise Untranslatable(f"there is no column {wanted!r}" if not found else f"two columns are named {wanted!r}")
        if found[0] not in types:
            raise Untranslatable(f"column {wanted!r} is not carried")
        own = self.known.collations.get(found[0])
        return column(names[found[0]], types[found[0]], Collation.named(own) if own else self.collation)
