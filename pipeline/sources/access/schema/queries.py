"""Saved queries, from MSysQueries: one row for each part of a query, put together as the text that Access shows.

`Attribute` says what a row holds, and `Order`, big-endian, where it stands among those of its kind. Measured on the
79 queries of two real files, and as Microsoft's community has described the table.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.catalog import Query, QueryKind
from pipeline.sources.access.pages.codepage import Names
from pipeline.sources.access.pages.definition import read_definition
from pipeline.sources.access.pages.file import AccessFile
from pipeline.sources.access.schema.joins import join_text
from pipeline.sources.access.schema.objects import Objects, records

_COLUMNS = {
    "ObjectId": "Long",
    "Attribute": "Byte",
    "Order": "Binary",
    "Name1": "Text",
    "Name2": "Text",
    "Expression": "Memo",
    "Flag": "Integer",
}
_BEGIN, _TYPE, _PARAMETER, _OPTIONS, _ELSEWHERE, _INPUT, _OUTPUT, _JOIN = range(8)
_WHERE, _GROUP, _HAVING, _ORDER, _END = 8, 9, 10, 11, 255
_KNOWN = frozenset((*range(12), _END))

_KINDS = {
    1: QueryKind.SELECT,
    2: QueryKind.MAKE_TABLE,
    3: QueryKind.APPEND,
    4: QueryKind.UPDATE,
    5: QueryKind.DELETE,
    6: QueryKind.CROSSTAB,
    7: QueryKind.DEFINITION,
    8: QueryKind.PASS_THROUGH,
    9: QueryKind.UNION,
}
_STAR, _DISTINCT, _DISTINCT_ROW, _TOP, _PERCENT = 0x01, 0x02, 0x08, 0x10, 0x20
_UNION_ONCE = 0x02
_LONGEST = 64_000  # characters; Access takes about as many
_PLAIN_NAME = re.compile(r"[^\W\d]\w*")
_QUOTED = re.compile(r"""\[[^]]*\] | '[^']*' | "[^"]*" """, re.VERBOSE)
_CONNECT = re.compile(r"\bodbc;|\b(?:pwd|password|database|dsn)\s*=", re.IGNORECASE)
"""`FROM [ODBC;DSN=x;PWD=y].t`, `IN 'c:\\x.mdb' [;PWD=y]`: how to reach another database."""


@dataclass(frozen=True, slots=True)
class Row:
    """One part of a query; what is missing is the empty text, or 0."""

    attribute: int
    order: bytes
    name: str
    second: str
    expression: str
    flag: int

    @property
    def size(self) -> int:
        """In characters; a row without text counts for one."""
        return 1 + len(self.name) + len(self.second) + len(self.expression)


class _Incomplete(Exception):
    """Why rows do not make the text of a query."""


def read_queries(file: AccessFile, objects: Objects, names: Names) -> Iterator[Query]:
    """The user's saved queries by name; raises DamagedSource where their table is none."""
    table = objects.system.get("MSysQueries")
    if table is None or not objects.queries:
        for query in objects.queries:
            yield Query(query.name, QueryKind.UNKNOWN, "", reason="the file has no table of queries")
        return
    rows: dict[int, list[Row]] = {query.id: [] for query in objects.queries}
    sizes: Counter[int] = Counter()
    for record in records(file, read_definition(file, table.page, table.name, names), _COLUMNS, names.codec):
        row, id = _row(record), record["ObjectId"]
        if id in rows:
            sizes[id] += row.size
            if sizes[id] <= _LONGEST:
                rows[id].append(row)
    for query in objects.queries:
        yield put_together(query.name, rows[query.id], whole=sizes[query.id] <= _LONGEST)


def _row(record: dict[str, Any]) -> Row:
    return Row(
        attribute=-1 if record["Attribute"] is None else record["Attribute"],
        order=record["Order"] or b"",
        name=(record["Name1"] or "").strip(),
        second=(record["Name2"] or "").strip(),
        expression=(record["Expression"] or "").strip(),
        flag=record["Flag"] or 0,
    )


def put_together(name: str, rows: Sequence[Row], *, whole: bool = True) -> Query:
    """The query that the rows describe, which are `whole` or too many; what they do not describe says why."""
    parts = _Parts(tuple(sorted(rows, key=lambda row: row.order)))
    kind = parts.kind()
    parameters = tuple(row.name for row in parts.of(_PARAMETER))
    reason = None
    try:
        if not whole:
            raise _Incomplete(f"it is longer than {_LONGEST} characters")
        sql = parts.text(kind)
    except _Incomplete as why:
        sql, reason = "", str(why)
    shown = _QUOTED.sub(_without_connect, sql)
    if parts.of(_ELSEWHERE) or shown != sql:
        reason = "it reads another database"
    whole_text = shown.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if whole_text != shown:
        reason = "it holds text that PostgreSQL cannot store"
    return Query(name, kind, whole_text, parameters, reason)


@dataclass(frozen=True, slots=True)
class _Parts:
    rows: tuple[Row, ...]

    def of(self, attribute: int) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.attribute == attribute)

    def kind(self) -> QueryKind:
        """A query without a row of its type is a select."""
        numbers = {row.flag for row in self.of(_TYPE)} or {1}
        return _KINDS.get(numbers.pop(), QueryKind.UNKNOWN) if len(numbers) == 1 else QueryKind.UNKNOWN

    def text(self, kind: QueryKind) -> str:
        if not self.rows:
            raise _Incomplete("the file has no rows of it")
        strange = sorted({row.attribute for row in self.rows} - _KNOWN)
        if strange:
            raise _Incomplete(f"it has parts of a kind that is not known: {strange}")
        match kind:
            case QueryKind.SELECT:
                return self._select()
            case QueryKind.UNION:
                return self._union()
            case QueryKind.UNKNOWN:
                raise _Incomplete("it is of a kind that is not known")
        # Of the others no view is made; what they say is shown as far as one row holds it.
        return self._one(_TYPE) or self._pieces(" FROM ", _INPUT) or ""

    def _select(self) -> str:
        return (
            f"SELECT {self._options()}{self._outputs()}{self._from()}"
            f"{self._pieces(' WHERE ', _WHERE)}{self._pieces(' GROUP BY ', _GROUP)}"
            f"{self._pieces(' HAVING ', _HAVING)}{self._order()};"
        )

    def _union(self) -> str:
        """The first select and all that follows it, as they were typed."""
        selects = [_select_text(row) for row in self.of(_INPUT)]
        if len(selects) != 2 or not all(selects):
            raise _Incomplete("it is a union that does not have two parts")
        once = any(row.flag & _UNION_ONCE for row in self.of(_OPTIONS))
        return (" UNION " if once else " UNION ALL ").join(selects) + f"{self._order()};"

    def _options(self) -> str:
        flag, number = next(((row.flag, row.name) for row in self.of(_OPTIONS)), (0, ""))
        words = "DISTINCT " * bool(flag & _DISTINCT) or "DISTINCTROW " * bool(flag & _DISTINCT_ROW)
        if flag & _TOP:
            words += f"TOP {number} " + "PERCENT " * bool(flag & _PERCENT)
        return words

    def _outputs(self) -> str:
        outputs = [row.expression + (f" AS {written(row.name)}" if row.name else "") for row in self.of(_OUTPUT)] + [
            "*"
        ] * any(row.flag & _STAR for row in self.of(_OPTIONS))
        if not outputs:
            raise _Incomplete("it has no columns")
        return ", ".join(outputs)

    def _from(self) -> str:
        inputs: dict[str, str] = {}
        for row in self.of(_INPUT):
            called = row.second or row.name
            source = f"({_select_text(row)})" if row.expression else written(row.name)
            if not called or called.lower() in inputs:
                raise _Incomplete("it reads a table without a name, or two of one name")
            inputs[called.lower()] = source + (f" AS {written(row.second)}" if row.second else "")
        try:
            joined = join_text(inputs, [(row.name, row.second, row.expression, row.flag) for row in self.of(_JOIN)])
        except ValueError as error:
            raise _Incomplete(str(error)) from error
        return f" FROM {joined}" if joined else ""

    def _order(self) -> str:
        parts = [row.expression + " DESC" * (row.name.lower() == "d") for row in self.of(_ORDER)]
        return f" ORDER BY {', '.join(parts)}" if parts else ""

    def _pieces(self, word: str, attribute: int) -> str:
        pieces = [row.expression for row in self.of(attribute) if row.expression]
        if attribute in (_WHERE, _HAVING) and len(pieces) > 1:
            raise _Incomplete("it has two conditions where one belongs")
        return word + ", ".join(pieces) if pieces else ""

    def _one(self, attribute: int) -> str:
        return next((row.expression for row in self.of(attribute)), "")


def _without_connect(quoted: re.Match[str]) -> str:
    text = quoted[0]
    return f"{text[0]}***{text[-1]}" if _CONNECT.search(text) else text


def _select_text(row: Row) -> str:
    return row.expression.rstrip("; \r\n\t")


def written(name: str) -> str:
    """A name as Access writes it in SQL."""
    return name if _PLAIN_NAME.fullmatch(name) else f"[{name}]"
