"""One connection, from its login to its end."""

from __future__ import annotations

import re
import select
import socket
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from tests.tds import expressions
from tests.tds.database import Database, Result
from tests.tds.faults import Faults
from tests.tds.packets import Channel, Disconnected, Dropped, Kind
from tests.tds.parameters import Parameter
from tests.tds.procedures import PROCEDURES, batch_call
from tests.tds.requests import PREPARING, Prepared, Request, Transaction, batch, transaction
from tests.tds.statement import CHUNK_ROWS, Selected, TableStore
from tests.tds.statement import select as select_rows
from tests.tds.tokens import (
    RowEncoder,
    Rows,
    ServerError,
    attention_done,
    done,
    environment,
    metadata,
    return_status,
    return_value,
)
from tests.tds.types import SqlType, b_text, stored

_DONE, _DONE_IN_PROCEDURE, _DONE_PROCEDURE = 0xFD, 0xFF, 0xFE
_LEVELS = r"read\s+uncommitted|read\s+committed|repeatable\s+read|serializable|snapshot"
_SETTING = re.compile(
    rf"""\s*(?:
    set\s+transaction\s+isolation\s+level\s+(?:{_LEVELS})
    | set\s+(?!fmtonly\b)\w+(?:\s*,\s*\w+)*\s+(?:on|off|-?\d+|'[^']*'|(?!select\b)\w+)
    | begin\s+tran(?:saction)? | commit(?:\s+tran(?:saction)?|\s+work)? | rollback(?:\s+tran(?:saction)?|\s+work)?
    | (?:if\s+@@trancount\s*>\s*0\s+)(?:commit|rollback)(?:\s+tran(?:saction)?)?
    )\s*(?:;|(?=\s|$))""",
    re.IGNORECASE | re.VERBOSE,
)
_USE = re.compile(r"\s*use\s+(?:\[([^\]]+)\]|(\w+))\s*;?\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Statement:
    """What a session was asked to run."""

    session: int
    text: str
    parameters: tuple[Parameter, ...] = ()
    procedure: str = ""
    """What it was run by: sp_prepexec, sp_execute, ...; nothing for a batch."""


class Session:
    """Answers requests until the client leaves; `record` is told each statement before it runs."""

    def __init__(
        self,
        number: int,
        database: Database,
        stores: Mapping[str, TableStore],
        faults: Faults,
        record: Callable[[Statement], None],
    ) -> None:
        self._number, self._database, self._stores = number, database, stores
        self._faults, self._record = faults, record
        self._prepared = Prepared()
        self._transactions = 0
        self._waits: Callable[[], bool] = lambda: False
        """Whether something came from the client that was not read yet."""

    def run(self, connection: socket.socket, channel: Channel) -> None:
        self._waits = lambda: bool(select.select([connection], [], [], 0)[0])
        while True:
            kind, content = channel.read()
            channel.write(self._response(kind, content))

    def _response(self, kind: int, content: bytes) -> Iterator[bytes]:
        try:
            match kind:
                case Kind.BATCH:
                    yield from self._batch(batch(content))
                case Kind.RPC:
                    yield from self._procedure(self._prepared.call(content))
                case Kind.TRANSACTION:
                    yield from self._transaction(transaction(content))
                case Kind.ATTENTION:
                    yield attention_done()
                case _:
                    raise Disconnected
        except ServerError as error:
            yield error.token()
            yield done(error=True, code=_DONE_PROCEDURE if kind == Kind.RPC else _DONE)
            if error.severity >= 20:
                raise Dropped from error

    # ---- requests

    def _batch(self, request: Request) -> Iterator[bytes]:
        yield from self._run(request, _DONE)

    def _procedure(self, request: Request) -> Iterator[bytes]:
        if request.statement or request.procedure not in PREPARING:
            yield from self._run(request, _DONE_IN_PROCEDURE)
        yield return_status()
        if request.handle is not None:
            yield return_value("", SqlType("int"), request.handle)
        yield done(code=_DONE_PROCEDURE)

    def _transaction(self, request: Transaction) -> Iterator[bytes]:
        """The client gets a number for its transaction; there is nothing to keep or to undo."""
        if request is Transaction.BEGIN:
            self._transactions += 1
            yield environment(8, b"\x08" + struct.pack("<Q", self._transactions), b"\0")
        elif request is not Transaction.SAVE:
            ended = 9 if request is Transaction.COMMIT else 10
            yield environment(ended, b"\0", b"\x08" + struct.pack("<Q", self._transactions))
        yield done()

    def _run(self, request: Request, code: int) -> Iterator[bytes]:
        text = request.statement or request.procedure
        self._record(Statement(self._number, text, tuple(request.parameters), request.procedure))
        fault = self._faults.take(text)
        selected = self._selected(request)
        if isinstance(selected, bytes):
            yield selected + done(code=code)
            return
        yield metadata(selected.columns)
        rows = 0
        for chunk in fault.befall(selected.chunks) if fault else selected.chunks:
            yield chunk.content
            rows += len(chunk)
            if self._waits():  # by an attention, which is all that a client may send now
                return
        yield done(rows, code=code)

    # ---- statements

    def _selected(self, request: Request) -> Selected | bytes:
        """A result set, or what to say of a statement without one."""
        if not request.statement and request.procedure:
            return _canned(self._called(request))
        text = request.statement.strip()
        answer = self._database.answers.get(text)
        if answer is not None:
            if isinstance(answer, ServerError):
                raise answer
            return _canned(answer(request.parameters) if callable(answer) else answer)
        if (called := batch_call(text)) is not None:
            return _canned(called)
        if used := _USE.fullmatch(text):
            return self._use(used[1] or used[2])
        while match := _SETTING.match(text):
            text = text[match.end() :].strip()
        if not text:
            return b""
        tree = expressions.parse(text)
        if not isinstance(tree, exp.Select):
            raise expressions.unknown(tree)
        store = self._store(tree)
        return select_rows(tree, self._scope(request, store), store)

    def _called(self, request: Request) -> Result:
        if request.procedure not in PROCEDURES:
            raise ServerError(2812, f"Could not find stored procedure '{request.procedure}'.")
        return PROCEDURES[request.procedure](request.parameters)

    def _use(self, name: str) -> bytes:
        if name.lower() != self._database.name.lower():
            raise ServerError(911, f"Database '{name}' does not exist. Make sure that the name is entered correctly.")
        return environment(1, b_text(self._database.name), b_text(self._database.name))

    def _store(self, tree: exp.Select) -> TableStore | None:
        source = tree.args.get("from_")
        if source is None:
            return None
        table = source.this
        if not isinstance(table, exp.Table) or table.args.get("joins"):
            raise expressions.unknown(source)
        served = self._database.table(table.db or "dbo", table.name)
        if served is None:
            raise ServerError(208, f"Invalid object name '{'.'.join(part.name for part in table.parts)}'.")
        return self._stores[served.full_name]

    def _scope(self, request: Request, store: TableStore | None) -> expressions.Scope:
        values: dict[str, tuple[str, Any]] = {
            "@@VERSION": ("nvarchar(300)", expressions.VERSION),
            "@@SPID": ("smallint", 50 + self._number),
            "@@TRANCOUNT": ("int", 0),
            "@@MICROSOFTVERSION": ("int", 0x10000FA0),
            "DB_NAME": ("nvarchar(128)", self._database.name),
        }
        parameters = {parameter.name.lower(): parameter for parameter in request.parameters}
        return expressions.Scope(store.columns if store else {}, parameters, self._database.default_collation, values)


def _canned(result: Result) -> Selected | bytes:
    columns = [served.column for served in result.columns]
    if not columns:
        return b""
    encoder, stores = RowEncoder(columns), [stored(column.type) for column in columns]

    def encoded(row: Sequence[Any]) -> bytes:
        return encoder.row(
            [
                value if store is None or value is None else store(value)
                for store, value in zip(stores, row, strict=True)
            ]
        )

    def chunks() -> Iterator[Rows]:
        for at in range(0, len(result.rows), CHUNK_ROWS):
            yield Rows.of(encoded(row) for row in result.rows[at : at + CHUNK_ROWS])

    return Selected(columns, chunks())
