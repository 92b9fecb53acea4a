"""From the text of an Access query to its tree: SELECT and UNION, as Access itself writes and takes them."""

from __future__ import annotations

from decimal import Decimal

from pipeline.dialects.expressions.parser import Parser
from pipeline.dialects.expressions.tokens import MOST_TOKENS, tokenize
from pipeline.dialects.expressions.tree import ColumnName, Node, Untranslatable
from pipeline.dialects.queries.tree import Derived, Input, Join, Named, Order, Output, Select, Star, Statement

_LONGEST_TEXT = 64_000  # what Access takes
_MOST_WORDS = 20_000
_DEEPEST = 20
_MOST_SELECTS = 50
_MOST_INPUTS = 32  # of a query of Access; its join is as deep
_AFTER_TABLE = frozenset(("inner", "left", "right", "on", "where", "group", "having", "order", "union", "with"))


def parse_query(text: str) -> Statement:
    """The tree of one whole query; raises Untranslatable."""
    parser = _QueryParser(tokenize(text, longest=_LONGEST_TEXT, most=_MOST_WORDS))
    return parser.query()


class _QueryParser(Parser):
    __slots__ = ()

    def query(self) -> Statement:
        statement = self._statement()
        if self._accept("with"):
            self._words("owneraccess", "option")  # whose rights the query has: PostgreSQL's are granted
        self._accept(";")
        if self._next.kind != "end":
            raise self._unexpected()
        return statement

    def _statement(self) -> Statement:
        selects, words = [self._select()], set()
        while self._accept("union"):
            words.add("all" if self._accept("all") else "once")
            selects.append(self._select())
            if len(selects) > _MOST_SELECTS:
                raise Untranslatable(f"it is a union of more than {_MOST_SELECTS} selects")
        if len(words) > 1:
            raise Untranslatable("it mixes UNION and UNION ALL, whose order counts")
        orders = self._orders() if self._accept("order") else ()
        return Statement(tuple(selects), "all" in words, orders)

    def _select(self) -> Select:
        self._expect("select")
        self._accept("all")
        distinct, distinct_row = self._accept("distinct"), self._accept("distinctrow")
        top = self._top() if self._accept("top") else None
        outputs = [self._output()]
        while self._accept(","):
            outputs.append(self._output())
        self._expect("from")
        source = self._inputs()
        where = self._whole() if self._accept("where") else None
        groups = self._groups() if self._accept("group") else ()
        having = self._whole() if self._accept("having") else None
        return Select(tuple(outputs), source, where, groups, having, distinct, distinct_row, top)

    def _top(self) -> int:
        token = self._take()
        if not isinstance(token.value, Decimal) or token.value != token.value.to_integral_value():
            raise Untranslatable("TOP without a whole number")
        if self._accept("percent"):
            raise Untranslatable("TOP of a percentage has no counterpart")
        return int(token.value)

    def _output(self) -> Output:
        if self._accept("*"):
            return Output(Star(), None)
        value = self._starred() or self._whole()
        return Output(value, self._name() if self._accept("as") else None)

    def _starred(self) -> Star | None:
        """`table.*`, and nothing else is taken."""
        before, token = self.at, self._take()
        if token.kind in ("name", "word") and (self._accept(".") or self._accept("!")) and self._accept("*"):
            return Star(str(token.value) if token.kind == "name" else token.written)
        self.at = before
        return None

    def _groups(self) -> tuple[Node, ...]:
        self._expect("by")
        groups = [self._whole()]
        while self._accept(","):
            groups.append(self._whole())
        return tuple(groups)

    def _orders(self) -> tuple[Order, ...]:
        self._expect("by")
        orders = [self._order()]
        while self._accept(","):
            orders.append(self._order())
        return tuple(orders)

    def _order(self) -> Order:
        value = self._whole()
        descending = self._accept("desc")
        if not descending:
            self._accept("asc")
        return Order(value, descending)

    # -- inputs

    def _inputs(self) -> Input:
        inputs = [self._joined()]
        while self._accept(","):
            inputs.append(self._joined())
            if len(inputs) > _MOST_INPUTS:
                raise Untranslatable(f"it reads more than {_MOST_INPUTS} tables")
        source = inputs[0]
        for other in inputs[1:]:
            source = Join("cross", source, other, None)
        return source

    def _joined(self) -> Input:
        left = self._input()
        joins = 0
        while kind := self._join_kind():
            right = self._input()
            self._expect("on")
            left = Join(kind, left, right, self._whole())
            joins += 1
            if joins > _MOST_INPUTS:
                raise Untranslatable(f"it reads more than {_MOST_INPUTS} tables")
        return left

    def _join_kind(self) -> str | None:
        for kind in ("inner", "left", "right"):
            if self._accept(kind):
                if kind != "inner":
                    self._accept("outer")
                self._expect("join")
                return kind
        return None

    def _input(self) -> Input:
        if not self._accept("("):
            name = self._name()
            return Named(name, self._alias())
        self._descend()
        if self._peek("select"):
            query = self._statement()
            self._expect(")")
            alias = self._alias()
            if alias is None:
                raise Untranslatable("a query in the place of a table has no name")
            self.depth -= 1
            return Derived(query, alias)
        inner = self._joined()
        self._expect(")")
        self.depth -= 1
        return inner

    def _alias(self) -> str | None:
        if self._accept("as"):
            return self._name()
        named = self._next.kind == "name" or (self._next.kind == "word" and self._next.value not in _AFTER_TABLE)
        return self._name() if named else None

    def _descend(self) -> None:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise Untranslatable(f"it nests deeper than {_DEEPEST}")

    # -- expressions

    def _whole(self) -> Node:
        """One expression, no longer than its readers can follow by recursion."""
        start = self.at
        node = self._expression(0)
        if self.at - start > MOST_TOKENS:
            raise Untranslatable(f"an expression of it has more than {MOST_TOKENS} words")
        return node

    def _word(self) -> Node:
        if self._peek("select"):
            raise Untranslatable("it asks another query within an expression")
        return Parser._word(self)

    def _qualified(self, name: str) -> ColumnName:
        column = Parser._qualified(self, name)
        if self._peek(".") or self._peek("!"):
            raise Untranslatable(f"{column.table}!{column.name} names no column of a table, but of a form or report")
        return column

    def _list(self) -> tuple[Node, ...]:
        """`Count(*)` counts without arguments."""
        if self._accept("*"):
            self._expect(")")
            return ()
        return Parser._list(self)

    def _words(self, *words: str) -> None:
        for word in words:
            self._expect(word)
