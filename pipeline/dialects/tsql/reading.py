"""T-SQL text as sqlglot's tree, with every function under the name that was written.

sqlglot reads functions into shapes that several dialects share, where ISNULL is COALESCE and all clocks are one; the
differences between them are what a translation is about, so here it is told of no function but CAST and CONVERT.
"""

from __future__ import annotations

from typing import ClassVar

import sqlglot
from sqlglot import exp
from sqlglot.dialects.tsql import TSQL
from sqlglot.errors import SqlglotError
from sqlglot.parsers.tsql import TSQLParser

from pipeline.dialects.expressions.tree import Untranslatable

_LONGEST = 20_000
_KEPT = frozenset(("CAST", "CONVERT", "TRY_CAST", "TRY_CONVERT"))


class _Verbatim(TSQL):
    class Parser(TSQLParser):
        FUNCTIONS: ClassVar = {}
        FUNCTION_PARSERS: ClassVar = {name: TSQLParser.FUNCTION_PARSERS[name] for name in _KEPT}
        NO_PAREN_FUNCTIONS: ClassVar = {}


def read(text: str) -> exp.Expr:
    """One expression or statement; raises Untranslatable."""
    if len(text) > _LONGEST or "\0" in text:
        raise Untranslatable(f"it is longer than {_LONGEST} characters, or holds U+0000")
    try:
        trees = sqlglot.parse(text, read=_Verbatim)
    except (SqlglotError, RecursionError, ValueError) as error:
        raise Untranslatable("it is not T-SQL that is known here, or nests too deep") from error
    if len(trees) != 1 or trees[0] is None:
        raise Untranslatable("it is not one expression")
    return trees[0]
