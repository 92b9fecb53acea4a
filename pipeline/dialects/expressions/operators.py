"""Operators of Access as PostgreSQL computes them; Untranslatable where the two would differ, or PostgreSQL fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from pipeline.dialects.expressions.terms import Kind, Term, quoted
from pipeline.dialects.expressions.text import folded, regular_expression
from pipeline.dialects.expressions.tree import Literal, Node, Untranslatable

_COMPARISONS = frozenset(("=", "<>", "<", "<=", ">", ">="))
_LOGIC = {"and": "and", "or": "or", "xor": "<>"}  # all three take Null as SQL does
_WHOLE = frozenset((Kind.INTEGER,))
_DECIMALS = frozenset((Kind.INTEGER, Kind.EXACT))
# 28 digits each: their product still has a place in double precision, so no cast of it fails.
_MOST_FACTORS = 9


def infix(operator: str, left: tuple[Node, Term], right: tuple[Node, Term]) -> Term:
    """`left operator right`, each given as its tree and its translation."""
    (left_node, a), (right_node, b) = left, right
    if operator in _COMPARISONS:
        return _compared(operator, left_node, a, right_node, b)
    if operator in _LOGIC:
        return Term(f"({_boolean(a)} {_LOGIC[operator]} {_boolean(b)})", Kind.BOOLEAN)
    if operator == "like":
        return _like(a, right_node)
    if operator in ("\\", "mod", "/"):
        _nonzero(operator, right_node)
    return _ARITHMETIC[operator](a, b)


def negative(term: Term) -> Term:
    if not term.kind.number:
        _refuse("-", term)
    return Term(f"(- {term.sql}::numeric)" if term.kind in _DECIMALS else f"(- {term.sql})", term.kind)


def inverted(term: Term) -> Term:
    return Term(f"(not {_boolean(term)})", Kind.BOOLEAN)


def comparable(term: Term, literals: tuple[tuple[Node, Term], ...]) -> tuple[Term, list[Term]]:
    """A term and the literals it is compared with for equality, both folded where they are text."""
    if term.kind is Kind.TEXT:
        texts = [node.value for node, _ in literals if isinstance(node, Literal)]
        strings = [text for text in texts if isinstance(text, str)]
        if len(strings) < len(literals):
            raise Untranslatable("how Access compares two columns of text depends on the file's sort order")
        lower = [folded(text) for text in strings]
        cased = any(text != text.upper() for text in lower)
        return _folding(term) if cased else term, [Term(quoted(text), Kind.TEXT) for text in lower]
    for _, other in literals:
        if not _alike(term, other):
            raise Untranslatable(f"it compares {term.kind.value} with {other.kind.value}")
    return term, [other for _, other in literals]


def _compared(operator: str, left: Node, a: Term, right: Node, b: Term) -> Term:
    if isinstance(left, Literal) and not isinstance(right, Literal):
        return _compared(_TURNED.get(operator, operator), right, b, left, a)
    b = _yes_or_no(right) if a.kind is Kind.BOOLEAN and b.kind is Kind.INTEGER else b
    if operator not in ("=", "<>") and a.kind in (Kind.TEXT, Kind.BOOLEAN):
        raise Untranslatable(f"which of {a.kind.value} comes first depends on Access")
    one, (other,) = comparable(a, ((right, b),))
    return Term(f"({one.sql} {operator} {other.sql})", Kind.BOOLEAN)


_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def _yes_or_no(node: Node) -> Term:
    """Yes is -1 in Access, so no other number than 0 and -1 equals a yes or no."""
    if isinstance(node, Literal) and node.value in (0, -1):
        return Term(str(bool(node.value)).lower(), Kind.BOOLEAN)
    raise Untranslatable("it computes with yes and no as numbers")


def _alike(a: Term, b: Term) -> bool:
    return (a.kind.number and b.kind.number) or (a.kind is b.kind and a.kind in (Kind.TIME, Kind.BOOLEAN))


def _folding(term: Term) -> Term:
    return Term(f'lower({term.sql} collate "C")', Kind.TEXT)


def _like(term: Term, pattern: Node) -> Term:
    if term.kind is not Kind.TEXT:
        _refuse("Like", term)
    if not (isinstance(pattern, Literal) and isinstance(pattern.value, str)):
        raise Untranslatable("the pattern of Like is not a literal")
    return Term(f'({term.sql} collate "C" ~* {quoted(regular_expression(pattern.value))})', Kind.BOOLEAN)


def _boolean(term: Term) -> str:
    if term.kind is not Kind.BOOLEAN:
        raise Untranslatable(f"it takes {term.kind.value} for a yes or no")
    return term.sql


def _nonzero(operator: str, divisor: Node) -> None:
    if not (isinstance(divisor, Literal) and divisor.value):
        raise Untranslatable(f"{operator} may divide by zero, which ends the run where Access refuses the row")


def _concatenated(a: Term, b: Term) -> Term:
    """Null is empty to `&`, except that Null & Null is Null."""
    if a.kind is not Kind.TEXT or b.kind is not Kind.TEXT:
        _refuse("&", a, b)
    if a.known or b.known:
        return Term(f"({_or_empty(a)} || {_or_empty(b)})", Kind.TEXT, known=True)
    return Term(f"coalesce({a.sql} || {b.sql}, {a.sql}, {b.sql})", Kind.TEXT)


def _or_empty(text: Term) -> str:
    return text.sql if text.known else f"coalesce({text.sql}, '')"


def _sum(a: Term, b: Term) -> Term:
    if a.kind is b.kind is Kind.TEXT:
        return Term(f"({a.sql} || {b.sql})", Kind.TEXT)  # unlike &, Null for Null
    return _exact("+", a, b)


def _exact(operator: str, a: Term, b: Term) -> Term:
    """In numeric, which has room for every result; doubles would differ or overflow."""
    if not {a.kind, b.kind} <= _DECIMALS:
        _refuse(operator, a, b)
    kind = Kind.INTEGER if a.kind is b.kind is Kind.INTEGER else Kind.EXACT
    return Term(f"({a.sql}::numeric {operator} {b.sql})", kind)


def _product(a: Term, b: Term) -> Term:
    if a.kind is b.kind is Kind.EXACT:
        raise Untranslatable("Access rounds the product of two decimal numbers")
    product = _exact("*", a, b)
    if product.sql.count(" * ") >= _MOST_FACTORS:
        raise Untranslatable(f"it multiplies more than {_MOST_FACTORS} numbers")
    return product


def _whole(operator: str, template: str, kind: Kind) -> Callable[[Term, Term], Term]:
    def apply(a: Term, b: Term) -> Term:
        if not {a.kind, b.kind} <= _WHOLE:
            _refuse(operator, a, b)
        return Term(template.format(a.sql, b.sql), kind)

    return apply


def _power(a: Term, b: Term) -> Term:
    raise Untranslatable("the last digits of ^ differ between the two, and it can overflow")


def _refuse(operator: str, *terms: Term) -> NoReturn:
    raise Untranslatable(f"{operator} of {' and '.join(term.kind.value for term in terms)} is not exact in PostgreSQL")


_ARITHMETIC: dict[str, Callable[[Term, Term], Term]] = {
    "&": _concatenated,
    "+": _sum,
    "-": lambda a, b: _exact("-", a, b),
    "*": _product,
    # A Double in Access, even of whole numbers: 7/2 is 3.5.
    "/": _whole("/", "({0}::double precision / {1}::double precision)", Kind.DOUBLE),
    # Both cut towards zero, and the remainder has the sign of the dividend.
    "\\": _whole("\\", "div({0}::numeric, {1}::numeric)", Kind.INTEGER),
    "mod": _whole("Mod", "mod({0}::numeric, {1}::numeric)", Kind.INTEGER),
    "^": _power,
}
