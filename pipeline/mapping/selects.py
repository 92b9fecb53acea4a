"""The SELECT of a view that a mapping may state: it reads tables of the mapping, and can do nothing else.

As with conditions: the text is parsed, each part of the tree is looked up in a closed set, and what goes into DDL is
written anew from the tree. No function outside the set is in it, so none that sleeps, writes or looks elsewhere.
"""

from __future__ import annotations

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from pipeline.mapping.conditions import PARTS, plain_value, quote

_LONGEST = 100_000
_MOST_NODES = 20_000
_PARTS = PARTS | {
    *(exp.Select, exp.Union, exp.Subquery, exp.From, exp.Table, exp.TableAlias, exp.Join, exp.Alias, exp.Star),
    *(exp.Where, exp.Group, exp.Having, exp.Order, exp.Ordered, exp.Distinct, exp.Exists),
    *(exp.Limit, exp.Fetch, exp.LimitOptions, exp.Offset),
    *(exp.Count, exp.Sum, exp.Avg, exp.Min, exp.Max, exp.StddevSamp, exp.StddevPop, exp.Variance, exp.VariancePop),
    *(exp.Nullif, exp.Greatest, exp.Least, exp.CurrentDate, exp.CurrentTimestamp, exp.Localtimestamp),
}
_TABLE = frozenset(("this", "alias", "joins"))


def valid_select(text: str) -> str:
    """The SELECT or UNION as it goes into DDL, which it gives back as it is; raises ValueError."""
    return _written_anew(_written_anew(text))


def selected_relations(text: str) -> tuple[str, ...]:
    """Target names of the tables and views that a valid SELECT reads, each once."""
    return tuple(dict.fromkeys(table.name for table in _parsed(text).find_all(exp.Table)))


def qualified(text: str, schema: str) -> str:
    """A valid SELECT over the tables of a schema, whatever the search path."""
    tree = _parsed(text)
    for table in tree.find_all(exp.Table):
        if not table.alias:
            table.set("alias", exp.TableAlias(this=table.this.copy()))  # `t.a` stays what it is
        table.set("db", exp.to_identifier(schema, quoted=True))
    return tree.sql("postgres", comments=False, pretty=True)


def _written_anew(text: str) -> str:
    tree = _parsed(text)
    for count, node in enumerate(tree.walk()):
        if count > _MOST_NODES:
            raise ValueError(f"a view of more than {_MOST_NODES} parts")
        if type(node) not in _PARTS or not _plain(node):
            raise ValueError(f"{_shown(node)!r} may not stand in a view")
    if not isinstance(tree, exp.Select | exp.Union):
        raise ValueError(f"{text[:60]!r} is no SELECT")
    try:
        return tree.sql("postgres", comments=False, pretty=True)
    except RecursionError as error:
        raise ValueError("a view that nests too deep") from error


def _shown(node: exp.Expr) -> str:
    try:
        return node.sql("postgres")[:60]
    except RecursionError:
        return type(node).__name__


def _parsed(text: str) -> exp.Expr:
    if len(text) > _LONGEST or "\0" in text:
        raise ValueError(f"a view is at most {_LONGEST} characters, without U+0000")
    try:
        tree = sqlglot.parse_one(text, read="postgres")
        while isinstance(tree, exp.Subquery) and not tree.alias:
            tree = tree.this
        quote(tree)
    except (SqlglotError, RecursionError) as error:
        raise ValueError(f"{text[:60]!r} is no SELECT that PostgreSQL reads") from error
    return tree


def _plain(node: exp.Expr) -> bool:
    """Tables by bare name and no more, columns by that of their table, and no row that is locked or drawn by lot."""
    match node:
        case exp.Table():
            given = {key for key, value in node.args.items() if value}
            return given <= _TABLE and isinstance(node.this, exp.Identifier)
        case exp.Column():
            return not node.args.get("db") and isinstance(node.this, exp.Identifier | exp.Star)
        case exp.Join():
            return not node.args.get("method")
        case exp.CurrentTimestamp():
            return node.this is None  # its digits, which sqlglot leaves out
    return plain_value(node)
