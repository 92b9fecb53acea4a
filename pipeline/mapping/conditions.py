"""SQL that a mapping may state, for CHECK, for indexes and for generated columns: one expression over columns, from a
closed set of parts.

The text goes into DDL, so it is parsed, each part is looked up here, and what goes on is written anew from the
tree: no second statement, subquery, comment or function outside the list can be in it.
"""

from __future__ import annotations

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

_LONGEST = 20_000
_BOOLEAN = (exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Between, exp.In, exp.Is,
            exp.Like, exp.ILike, exp.RegexpLike, exp.RegexpILike, exp.Boolean, exp.Column, exp.Case)  # fmt: skip
PARTS = frozenset(
    (
        *_BOOLEAN,
        *(exp.Paren, exp.Identifier, exp.Literal, exp.Null, exp.If, exp.Var, exp.Collate, exp.Cast, exp.DataType),
        *(exp.DataTypeParam, exp.Interval, exp.Neg, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod),
        *(exp.DPipe, exp.Coalesce, exp.Length, exp.Lower, exp.Upper, exp.Trim, exp.Left, exp.Right, exp.Substring),
        *(exp.Abs, exp.Floor, exp.Ceil, exp.Round, exp.Trunc, exp.Extract, exp.TimestampTrunc, exp.TimeToStr),
    )
)
# What only some settings of the session decide, and so no generated column or index may depend on.
_UNSTEADY = frozenset((exp.TimeToStr,))
_TYPES = frozenset(("DECIMAL", "DOUBLE", "INT", "BIGINT", "TEXT", "VARCHAR", "DATE", "TIMESTAMP"))


def valid_condition(text: str) -> str:
    """The condition as it goes into DDL, which it gives back as it is; raises ValueError."""
    return _condition(text, PARTS, "a check")


def valid_predicate(text: str) -> str:
    """The condition of an index as it goes into DDL, which it gives back as it is; raises ValueError.

    What is in an index may not change with the settings of a session.
    """
    return _condition(text, PARTS - _UNSTEADY, "the condition of an index")


def _condition(text: str, parts: frozenset[type[exp.Expr]], where: str) -> str:
    written = _twice_anew(text, parts, where)
    if not isinstance(_parsed(written), _BOOLEAN):
        raise ValueError(f"{text[:60]!r} is not a condition")
    return written


def valid_generated(text: str) -> str:
    """The expression of a generated column as it goes into DDL, which it gives back as it is; raises ValueError.

    Whether its type fits the column's, and whether a cast in it is immutable, PostgreSQL says when the table is made.
    """
    return _twice_anew(text, PARTS - _UNSTEADY, "a generated column")


def _twice_anew(text: str, parts: frozenset[type[exp.Expr]], where: str) -> str:
    """The first pass may bring forth a shape that the second still turns."""
    try:
        return _written_anew(_written_anew(text, parts, where), parts, where)
    except RecursionError as error:
        raise ValueError(f"{text[:60]!r} nests too deep") from error


def _written_anew(text: str, parts: frozenset[type[exp.Expr]], where: str) -> str:
    tree = _parsed(text)
    for node in tree.walk():
        if type(node) not in parts or not _plain(node):
            raise ValueError(f"{node.sql('postgres')[:60]!r} may not stand in {where}")
    return tree.sql("postgres", comments=False)


def named_columns(text: str) -> tuple[str, ...]:
    """Target names of the columns that a valid expression speaks of, each once."""
    return tuple(dict.fromkeys(column.name for column in _parsed(text).find_all(exp.Column)))


def _parsed(text: str) -> exp.Expr:
    if len(text) > _LONGEST or "\0" in text:
        raise ValueError(f"an expression is at most {_LONGEST} characters, without U+0000")
    try:
        tree = sqlglot.parse_one(text, read="postgres").unnest()
        quote(tree)
    except (SqlglotError, RecursionError) as error:
        raise ValueError(f"{text[:60]!r} is not an expression that PostgreSQL reads") from error
    return tree


def quote(tree: exp.Expr) -> None:
    """Have names stand as PostgreSQL reads them: folded unless quoted. From here on all are quoted."""
    for name in tuple(tree.find_all(exp.Identifier)):
        name.set("this", name.name if name.quoted else name.name.lower())
        name.set("quoted", True)


def _plain(node: exp.Expr) -> bool:
    """No qualified column, no list from elsewhere."""
    match node:
        case exp.Column():
            return node.table == "" and isinstance(node.this, exp.Identifier)
        case exp.In():
            return bool(node.expressions)
    return plain_value(node)


def plain_value(node: exp.Expr) -> bool:
    """No type of the user's making, and no cast that is read the other way round."""
    match node:
        case exp.Cast(this=exp.Cast(this=exp.Literal())):
            # sqlglot reads `timestamp 'x'::date` as `('x'::date)::timestamp`, and PostgreSQL the other way round.
            return _type(node.to) != "TIMESTAMP" or _type(node.this.to) == "TIMESTAMP"
        case exp.DataType():
            return _type(node) in _TYPES
        case exp.Collate():
            return str(node.expression.name) == "C"
    return True


def _type(node: exp.Expr) -> str:
    return str(getattr(node.this, "name", ""))
