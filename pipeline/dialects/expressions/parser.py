"""From the text of an Access expression to its tree, by operator precedence.

The order is Microsoft's, "Operator precedence" of the Access language reference. Validation rules may leave
out what stands left of a comparison: `Between 1 And 9`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from pipeline.dialects.expressions.tokens import Token, tokenize
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

_DEEPEST = 40
_NOT, _COMPARISON, _CONCATENATION, _SIGN = 4, 5, 6, 11
_STRENGTH = (
    {"xor": 1, "or": 2, "and": 3}
    | dict.fromkeys(("=", "<>", "<", "<=", ">", ">=", "like", "is", "between", "in", "not"), _COMPARISON)
    | {"&": _CONCATENATION, "+": 7, "-": 7, "mod": 8, "\\": 9, "*": 10, "/": 10, "^": 12}
)
_CONSTANTS: dict[str, bool | None] = {
    "true": True, "yes": True, "on": True, "false": False, "no": False, "off": False, "null": None,
}  # fmt: skip


def parse(text: str) -> Node:
    """The tree of one whole expression, with `=` before it or not; raises Untranslatable."""
    return Parser(tokenize(text.strip().removeprefix("="))).whole()


def parse_rule(text: str) -> Node:
    """As `parse`, where a leading `=` compares with the column."""
    return Parser(tokenize(text)).whole()


@dataclass(slots=True)
class Parser:
    """A place in the tokens; a subclass knows more of the language than expressions."""

    tokens: tuple[Token, ...]
    at: int = 0
    depth: int = 0

    def whole(self) -> Node:
        node = self._expression(0)
        if self._next.kind != "end":
            raise self._unexpected()
        return node

    def _expression(self, weakest: int) -> Node:
        """The longest expression from here whose operators bind at least as strongly as `weakest`."""
        self.depth += 1
        if self.depth > _DEEPEST:
            raise Untranslatable(f"it nests deeper than {_DEEPEST}")
        left = self._operand()
        while (strength := self._strength()) and strength >= weakest:
            left = self._extended(left, strength)
        self.depth -= 1
        return left

    def _operand(self) -> Node:
        if self._strength() == _COMPARISON and not self._peek("not"):
            return self._extended(ColumnName(None), _COMPARISON)
        if self._peek("not"):
            # `Not Like "A*"` of a rule and `Not [a] Like "A*"` read alike: the operand may leave its left side out.
            self._take()
            return Prefix("not", self._expression(_COMPARISON))
        if self._accept("-"):
            operand = self._expression(_SIGN)
            if isinstance(operand, Literal) and isinstance(operand.value, Decimal):
                return Literal(-operand.value)
            return Prefix("-", operand)
        if self._accept("("):
            inner = self._expression(0)
            self._expect(")")
            return inner
        return self._word()

    def _word(self) -> Node:
        token = self._take()
        match token.kind, token.value:
            case (("number" | "text" | "date"), value):
                return Literal(value)
            case "name", str(name):
                return self._qualified(name)
            case "word", str(word) if self._accept("("):
                return Call(word, self._list())
            case "word", str(word) if word in _CONSTANTS:
                return Literal(_CONSTANTS[word])
            case "word", str(word) if word not in _STRENGTH:
                return self._qualified(token.written)
        self.at -= 1
        raise self._unexpected()

    def _qualified(self, name: str) -> ColumnName:
        if not (self._accept(".") or self._accept("!")):
            return ColumnName(name)
        return ColumnName(self._name(), name)

    def _name(self) -> str:
        token = self._take()
        if token.kind not in ("name", "word"):
            self.at -= token.kind != "end"
            raise self._unexpected()
        return str(token.value) if token.kind == "name" else token.written

    def _extended(self, left: Node, strength: int) -> Node:
        """The expression that `left` begins, to the end of the operator's right side."""
        negated = self._accept("not")
        operator = str(self._take().value)
        match operator:
            case "is" if not negated:
                inverted = self._accept("not")
                self._expect("null")
                return _negated(IsNull(left), inverted)
            case "between":
                low = self._expression(_CONCATENATION)
                self._expect("and")
                return _negated(Between(left, low, self._expression(_CONCATENATION)), negated)
            case "in":
                self._expect("(")
                return _negated(In(left, self._list()), negated)
            case "like":
                return _negated(Infix("like", left, self._expression(strength + 1)), negated)
            case _ if not negated:
                return Infix(operator, left, self._expression(strength + 1))
        self.at -= 1
        raise self._unexpected()

    def _list(self) -> tuple[Node, ...]:
        """Expressions between commas, up to the closing parenthesis."""
        if self._accept(")"):
            return ()
        items = [self._expression(0)]
        while self._accept(","):
            items.append(self._expression(0))
        self._expect(")")
        return tuple(items)

    @property
    def _next(self) -> Token:
        return self.tokens[self.at]

    def _strength(self) -> int | None:
        token = self._next
        return _STRENGTH.get(str(token.value)) if token.kind in ("word", "symbol") else None

    def _take(self) -> Token:
        token = self._next
        if token.kind != "end":
            self.at += 1
        return token

    def _peek(self, word: str) -> bool:
        return self._next.kind in ("word", "symbol") and self._next.value == word

    def _accept(self, word: str) -> bool:
        found = self._peek(word)
        self.at += found
        return found

    def _expect(self, word: str) -> None:
        if not self._accept(word):
            raise self._unexpected()

    def _unexpected(self) -> Untranslatable:
        value = self._next.value
        shown = self._next.written if not isinstance(value, datetime) else str(value)
        return Untranslatable(f"{shown[:40] or 'the end'} is not expected there")


def _negated(node: Node, negated: bool) -> Node:
    return Prefix("not", node) if negated else node
