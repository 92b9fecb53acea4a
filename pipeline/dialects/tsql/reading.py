"""T-SQL text as sqlglot's tree, with every function under the name that was written.

sqlglot reads functions into shapes that several dialects share, where ISNULL is COALESCE and all clocks are one; the
differences between them are what a translation is about, so here it is told of no function but CAST and CONVERT.
"""

from __future__ import annotations

from typing import ClassVar

import sqlglot
from sqlglot import Token, TokenType, exp
from sqlglot.dialects.tsql import TSQL
from sqlglot.errors import ParseError, SqlglotError
from sqlglot.parsers.tsql import TSQLParser

from pipeline.dialects.expressions.tree import Untranslatable

_LONGEST = 20_000
# Each CONVERT within another that is not closed takes sqlglot 1.6 times as long: 30 of them took two minutes.
_DEEPEST = 12
_KEPT = frozenset(("CAST", "CONVERT", "TRY_CAST", "TRY_CONVERT"))


class _Verbatim(TSQL):
    class Parser(TSQLParser):
        FUNCTIONS: ClassVar = {}
        FUNCTION_PARSERS: ClassVar = {name: TSQLParser.FUNCTION_PARSERS[name] for name in _KEPT}
        NO_PAREN_FUNCTIONS: ClassVar = {}

        def _warn_unsupported(self) -> None:
            """A statement that sqlglot does not know: it would log so, and go on."""
            raise ParseError("not known")


def read(text: str) -> exp.Expr:
    """One expression or statement; raises Untranslatable."""
    if len(text) > _LONGEST or "\0" in text:
        raise Untranslatable(f"it is longer than {_LONGEST} characters, or holds U+0000")
    try:
        _check_depth(sqlglot.tokenize(text, read=_Verbatim))
        trees = sqlglot.parse(text, read=_Verbatim)
    except Untranslatable:
        raise
    except (SqlglotError, RecursionError, ValueError) as error:
        raise Untranslatable("it is not T-SQL that is known here, or nests too deep") from error
    if len(trees) != 1 or trees[0] is None:
        raise Untranslatable("it is not one expression")
    return trees[0]


def _check_depth(tokens: list[Token]) -> None:
    """sqlglot takes a CAST for whole that is cut off."""
    depth = 0
    for token in tokens:
        depth += (token.token_type is TokenType.L_PAREN) - (token.token_type is TokenType.R_PAREN)
        if depth > _DEEPEST:
            raise Untranslatable(f"it nests too deep: more than {_DEEPEST} parentheses")
    if depth:
        raise Untranslatable("a ( of it is not closed")
