"""Expressions of a SELECT, from sqlglot's tree to functions of a row; anything unknown ends in an error naming it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from operator import itemgetter
from typing import Any

from sqlglot import exp
from sqlglot.dialects.tsql import TSQL
from sqlglot.errors import SqlglotError

from tests.tds.casts import converter
from tests.tds.database import Row
from tests.tds.order import common_type, order_key
from tests.tds.parameters import Parameter
from tests.tds.tokens import Column, ServerError
from tests.tds.types import COLLATIONS, KINDS, MAX, Collation, Family, SqlType, Variant, made, sql_type, stored

VERSION = "Naru's own TDS server for tests, which says it is 16.0"
_SECOND = 10**7
_TEXTS = (Family.NARROW, Family.WIDE)


class _Dialect(TSQL):
    class Tokenizer(TSQL.Tokenizer):
        # sqlglot takes real for float, which is another type.
        KEYWORDS = {name: token for name, token in TSQL.Tokenizer.KEYWORDS.items() if name != "REAL"}  # noqa: RUF012


def parse(statement: str) -> exp.Expr:
    """Raises ServerError for what is not one statement of T-SQL."""
    try:
        trees = _Dialect().parse(statement)
    except SqlglotError as error:
        raise ServerError(102, f"Incorrect syntax: {error}") from error
    if len(trees) != 1 or trees[0] is None:
        raise unknown(f"{len(trees)} statements in one: {statement}")
    return trees[0]


def written(tree: exp.Expr) -> str:
    return tree.sql(_Dialect)


def unknown(what: str | exp.Expr) -> ServerError:
    text = what if isinstance(what, str) else f"{type(what).__name__} in {written(what)!r}"
    return ServerError(102, f"Incorrect syntax, or more than this server knows: {text}")


@dataclass(frozen=True, slots=True)
class Term:
    type: SqlType
    value: Callable[[Row], Any]
    nullable: bool = True
    column: str = ""
    """Its name, where it is nothing but a column."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What names mean: the columns of a table, and parameters."""

    columns: Mapping[str, tuple[int, Column]]
    """By lower-case names."""
    parameters: Mapping[str, Parameter]
    collation: Collation
    server: Mapping[str, tuple[str, Any]]
    """Values such as @@VERSION, each with its type."""

    def term(self, tree: exp.Expr) -> Term:
        compiler = _COMPILERS.get(type(tree))
        if compiler is None:
            raise unknown(tree)
        return compiler(self, tree)

    def constant(self, tree: exp.Expr) -> Any:
        return self.term(tree).value(())


def _column(scope: Scope, tree: exp.Expr) -> Term:
    if tree.name.lower() not in scope.columns:
        raise ServerError(207, f"Invalid column name '{tree.name}'.")
    at, column = scope.columns[tree.name.lower()]
    store, read = stored(column.type), itemgetter(at)
    value = read if store is None else lambda row: None if (raw := row[at]) is None else store(raw)
    return Term(column.type, value, column.nullable, column.name)


def _parameter(scope: Scope, tree: exp.Expr) -> Term:
    if isinstance(tree.this, exp.Parameter):
        name = f"@@{tree.this.name.upper()}"
        if name not in scope.server:
            raise unknown(name)
        written_type, value = scope.server[name]
        return _constant(sql_type(written_type), value)
    if tree.name.lower() not in scope.parameters:
        raise ServerError(137, f'Must declare the scalar variable "@{tree.name}".')
    parameter = scope.parameters[tree.name.lower()]
    return _constant(parameter.type, parameter.value)


def _constant(type: SqlType, value: Any) -> Term:
    store = stored(type)
    kept = value if store is None or value is None else store(value)
    return Term(type, lambda _: kept, value is None)


def _literal(scope: Scope, tree: exp.Expr) -> Term:
    text = tree.name
    if isinstance(tree, exp.National):
        return _constant(SqlType("nvarchar", (max(len(text), 1),), scope.collation), text)
    if isinstance(tree, exp.HexString):
        raw = bytes.fromhex(text.rjust(len(text) + len(text) % 2, "0"))
        return _constant(SqlType("varbinary", (max(len(raw), 1),)), raw)
    if tree.is_string:
        raw = text.encode(scope.collation.encoding)
        return _constant(SqlType("varchar", (max(len(raw), 1),), scope.collation), raw)
    return _number(text)


def _number(text: str) -> Term:
    if "e" in text.lower():
        return _constant(SqlType("float"), float(text))
    value = Decimal(text)
    if "." not in text and value < 2**31:
        return _constant(SqlType("int"), int(value))
    digits = value.as_tuple()
    scale = -int(digits.exponent)
    return _constant(SqlType("decimal", (max(len(digits.digits), scale), scale)), value)


def _null(*_: object) -> Term:
    return _constant(SqlType("int"), None)


def _negated(scope: Scope, tree: exp.Expr) -> Term:
    term = scope.term(tree.this)
    if term.type.kind.family not in (Family.INTEGER, Family.EXACT, Family.FLOAT):
        raise unknown(tree)
    return Term(term.type, lambda row: None if (value := term.value(row)) is None else -value, term.nullable)


# ---- conversions

_NAMES = {
    "UTINYINT": "tinyint",
    "TIMESTAMPTZ": "datetimeoffset",
    "UUID": "uniqueidentifier",
    "VARIANT": "sql_variant",
    "DOUBLE": "float",
}
"""Where sqlglot's name of a type is not SQL Server's."""
_TEXTLESS_LENGTH = 30
"""What CAST makes of `varchar` without a length."""


def declared_type(tree: exp.Expr, collation: Collation) -> SqlType:
    """The type that CAST names; raises ServerError for one that does not exist."""
    assert isinstance(tree, exp.DataType)
    name = str(tree.args["kind"]) if tree.this is exp.DType.USERDEFINED else tree.this.value
    name = _NAMES.get(name.upper(), name.lower())
    args = tuple(MAX if part.name.lower() == "max" else int(part.name) for part in tree.expressions)
    try:
        if name == "sysname":
            return sql_type(name, collation)
        if not args and KINDS[name].width and KINDS[name].defaults == (1,):
            args = (_TEXTLESS_LENGTH,)
        return made(name, args, collation)
    except KeyError as error:
        raise ServerError(243, f"Type {name} is not a defined system type.") from error


def _cast(scope: Scope, tree: exp.Expr) -> Term:
    styled = isinstance(tree, exp.Convert)
    source = scope.term(tree.expression if styled else tree.this)
    # The text of a cast keeps the collation of what it comes from; else it has the database's.
    textual = source.type.kind.family in _TEXTS
    collation = source.type.collation if textual else scope.collation
    target = declared_type(tree.this if styled else tree.args["to"], collation)
    style = scope.constant(tree.args["style"]) if styled and tree.args.get("style") else 0
    if source.type == target and not style:
        return source
    convert = converter(source.type, target, style)
    return Term(target, lambda row: convert(source.value(row)), source.nullable)


def _collated(scope: Scope, tree: exp.Expr) -> Term:
    term, name = scope.term(tree.this), tree.expression.name
    known = {made.lower(): collation for made, collation in COLLATIONS.items()} | {"database_default": scope.collation}
    if name.lower() not in known or term.type.kind.family not in _TEXTS:
        raise unknown(tree)
    target = replace(term.type, collation=known[name.lower()])
    return Term(target, _converted(term, target), term.nullable)


def _converted(term: Term, target: SqlType) -> Callable[[Row], Any]:
    """Its values in the form of another type, in whole."""
    source, value = term.type, term.value
    textual = target.kind.family in _TEXTS
    if source.kind.family is target.kind.family and (not textual or source.encoding == target.encoding):
        return value
    convert = converter(source, SqlType(target.name, (MAX,), target.collation) if textual and target.args else target)
    return lambda row: convert(value(row))


# ---- functions


def _date_part(scope: Scope, tree: exp.Expr) -> Term:
    part, term = tree.this.name.upper(), scope.term(tree.expression)
    family, value = term.type.kind.family, term.value
    if part in ("NANOSECOND", "NS") and family in (Family.TIME, Family.MOMENT):
        read: Callable[[Any], int] = lambda ticks: ticks % _SECOND * 100  # noqa: E731
    elif part in ("NANOSECOND", "NS") and family is Family.ZONED:
        read = lambda zoned: zoned.ticks % _SECOND * 100  # noqa: E731
    elif part in ("TIMEZONE_MINUTE", "TZOFFSET", "TZ") and family is Family.ZONED:
        read = lambda zoned: zoned.offset_minutes  # noqa: E731
    else:
        raise unknown(f"DATEPART({part.lower()}) of {term.type}")
    return Term(SqlType("int"), lambda row: None if (raw := value(row)) is None else read(raw), term.nullable)


def _function(scope: Scope, tree: exp.Expr) -> Term:
    name = str(tree.this).upper()
    if name not in _FUNCTIONS:
        raise unknown(tree)
    return _FUNCTIONS[name](scope, tree.expressions)


def _variant_property(scope: Scope, arguments: Sequence[exp.Expr]) -> Term:
    variant, wanted = scope.term(arguments[0]), arguments[1].name.lower()
    if variant.type.kind.family is not Family.VARIANT or wanted not in _PROPERTIES:
        raise unknown(f"SQL_VARIANT_PROPERTY({variant.type}, {wanted})")
    read = _PROPERTIES[wanted]
    return Term(SqlType("sql_variant"), lambda row: None if (raw := variant.value(row)) is None else read(raw.type))


_PROPERTIES: dict[str, Callable[[SqlType], Variant]] = {
    "basetype": lambda type: Variant(sql_type("sysname"), type.name.encode("utf-16-le")),
    "precision": lambda type: Variant(SqlType("int"), (*type.args, 0)[0]),
    "scale": lambda type: Variant(SqlType("int"), (0, *type.args)[-1]),
    "maxlength": lambda type: Variant(SqlType("int"), (*type.args, 1)[0] * type.kind.width),
    "collation": lambda type: Variant(sql_type("sysname"), type.collation.name.encode("utf-16-le")),
}


_CODE_PAGES = {"utf-8": 65001}


def _collation_property(scope: Scope, arguments: Sequence[exp.Expr]) -> Term:
    collation, wanted = scope.term(arguments[0]), arguments[1].name.lower()
    if wanted != "codepage":
        raise unknown(f"COLLATIONPROPERTY of {wanted}")

    def code_page(row: Row) -> Variant | None:
        if (raw := collation.value(row)) is None:
            return None
        encoding = COLLATIONS[raw.decode("utf-16-le")].encoding
        return Variant(SqlType("int"), _CODE_PAGES.get(encoding) or int(encoding.removeprefix("cp")))

    return Term(SqlType("sql_variant"), code_page)


def _data_length(scope: Scope, arguments: Sequence[exp.Expr]) -> Term:
    (term,) = map(scope.term, arguments)
    payload = term.type.kind.payload(term.type)
    return Term(SqlType("int"), lambda row: None if (raw := term.value(row)) is None else len(payload(raw)))


def _db_name(scope: Scope, arguments: Sequence[exp.Expr]) -> Term:
    if arguments:
        raise unknown("DB_NAME of another database")
    written_type, value = scope.server["DB_NAME"]
    return _constant(sql_type(written_type), value)


_FUNCTIONS: dict[str, Callable[[Scope, Sequence[exp.Expr]], Term]] = {
    "SQL_VARIANT_PROPERTY": _variant_property,
    "DATALENGTH": _data_length,
    "DB_NAME": _db_name,
    "COLLATIONPROPERTY": _collation_property,
}


def _coalesce(scope: Scope, tree: exp.Expr) -> Term:
    return _first_of(scope, [tree.this, *tree.expressions])


def _first_of(scope: Scope, trees: Sequence[exp.Expr]) -> Term:
    terms = [scope.term(tree) for tree in trees]
    target = _one_type(terms, trees)
    values = [term.value for term in terms]
    nullable = all(term.nullable for term in terms)
    return Term(target, lambda row: next((v for value in values if (v := value(row)) is not None), None), nullable)


def _one_type(terms: Sequence[Term], trees: Sequence[exp.Expr]) -> SqlType:
    """Of alternatives that hold their values alike; a bare NULL is of any type."""
    types = [term.type for term, tree in zip(terms, trees, strict=True) if not isinstance(tree, exp.Null)]
    if not types or len({type.kind.family for type in types}) != 1:
        raise unknown(f"alternatives of different types: {', '.join(map(str, types))}")
    widest = types[0]
    for type in types[1:]:
        widest = common_type(widest, type)
    if widest.kind.family is Family.EXACT and len(set(types)) != 1:
        raise unknown(f"alternatives of different types: {', '.join(map(str, types))}")
    return widest


def _case(scope: Scope, tree: exp.Expr) -> Term:
    subject = tree.this
    conditions = [
        condition(scope, exp.EQ(this=subject.copy(), expression=branch.this.copy()) if subject else branch.this)
        for branch in tree.args["ifs"]
    ]
    trees = [*(branch.args["true"] for branch in tree.args["ifs"]), tree.args.get("default") or exp.Null()]
    terms = [scope.term(branch) for branch in trees]
    *results, otherwise = [term.value for term in terms]
    branches = list(zip(conditions, results, strict=True))

    def value(row: Row) -> Any:
        return next((result for holds, result in branches if holds(row) is True), otherwise)(row)

    return Term(_one_type(terms, trees), value)


def _inner(scope: Scope, tree: exp.Expr) -> Term:
    return scope.term(tree.this)


def _sum(scope: Scope, tree: exp.Expr) -> Term:
    """Of texts: one behind the other."""
    left, right = scope.term(tree.this), scope.term(tree.expression)
    target = common_type(left.type, right.type)
    if target.kind.family not in _TEXTS:
        raise unknown(tree)
    one, other = _converted(left, target), _converted(right, target)

    def joined(row: Row) -> bytes | None:
        first, second = one(row), other(row)
        return None if first is None or second is None else first + second

    return Term(SqlType(target.name, (MAX,), target.collation), joined, left.nullable or right.nullable)


# ---- conditions: True, False, or None where SQL does not know

Condition = Callable[[Row], bool | None]


def condition(scope: Scope, tree: exp.Expr) -> Condition:
    match tree:
        case exp.Paren():
            return condition(scope, tree.this)
        case exp.And():
            return _decided(condition(scope, tree.this), condition(scope, tree.expression), False)
        case exp.Or():
            return _decided(condition(scope, tree.this), condition(scope, tree.expression), True)
        case exp.Not():
            inner = condition(scope, tree.this)
            return lambda row: None if (known := inner(row)) is None else not known
        case exp.Is(expression=exp.Null()):
            value = scope.term(tree.this).value
            return lambda row: value(row) is None
        case exp.In() if tree.expressions:
            return _one_of(scope, tree)
        case _ if type(tree) in _COMPARISONS:
            return _comparison(scope, tree)
    raise unknown(tree)


def _decided(one: Condition, other: Condition, decisive: bool) -> Condition:
    """Decided by either side that is `decisive`, False for AND and True for OR; else not known where a side is not."""

    def holds(row: Row) -> bool | None:
        first = one(row)
        if first is decisive:
            return decisive
        second = other(row)
        return decisive if second is decisive else None if None in (first, second) else not decisive

    return holds


def _one_of(scope: Scope, tree: exp.Expr) -> Condition:
    held = [_comparison(scope, exp.EQ(this=tree.this.copy(), expression=item.copy())) for item in tree.expressions]
    result = held[0]
    for another in held[1:]:
        result = _decided(result, another, True)
    return result


_COMPARISONS: dict[type[exp.Expr], Callable[[Any, Any], bool]] = {
    exp.EQ: lambda one, other: one == other,
    exp.NEQ: lambda one, other: one != other,
    exp.LT: lambda one, other: one < other,
    exp.LTE: lambda one, other: one <= other,
    exp.GT: lambda one, other: one > other,
    exp.GTE: lambda one, other: one >= other,
}


def _comparison(scope: Scope, tree: exp.Expr) -> Condition:
    left, right = scope.term(tree.this), scope.term(tree.expression)
    # A column's collation decides over that of a parameter or a literal.
    decides = left if left.column or not right.column else right
    target = replace(common_type(left.type, right.type), collation=decides.type.collation)
    one, other, compare = _converted(left, target), _converted(right, target), _COMPARISONS[type(tree)]
    key = order_key(target)

    def holds(row: Row) -> bool | None:
        first, second = one(row), other(row)
        return None if first is None or second is None else compare(key(first), key(second))

    return holds


_COMPILERS: dict[type[exp.Expr], Callable[[Scope, Any], Term]] = {
    exp.Column: _column,
    exp.Parameter: _parameter,
    exp.Literal: _literal,
    exp.National: _literal,
    exp.HexString: _literal,
    exp.Null: _null,
    exp.Neg: _negated,
    exp.Cast: _cast,
    exp.Convert: _cast,
    exp.Extract: _date_part,
    exp.Anonymous: _function,
    exp.Coalesce: _coalesce,
    exp.Case: _case,
    exp.Collate: _collated,
    exp.Paren: _inner,
    exp.Alias: _inner,
    exp.Add: _sum,
    exp.DPipe: _sum,
}
