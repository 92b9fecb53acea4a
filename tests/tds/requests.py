"""What a client asks: a batch, or a remote procedure call that runs one (MS-TDS 2.2.6.6 and 2.2.6.7)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from tests.tds.casts import text_of
from tests.tds.parameters import Parameter, Reader
from tests.tds.tokens import ServerError

_BY_NUMBER = {10: "sp_executesql", 11: "sp_prepare", 12: "sp_execute", 13: "sp_prepexec", 15: "sp_unprepare"}
PREPARING = ("sp_prepare", "sp_unprepare")
"""Procedures that run nothing."""
_NUMBERED = 0xFFFF
_DECLARED = re.compile(r"@(\w+)\s")


@dataclass(frozen=True, slots=True)
class Request:
    """A statement to run; an empty one only prepares or forgets, or is a procedure of its own."""

    statement: str
    parameters: Sequence[Parameter] = ()
    handle: int | None = None
    """Of a statement that was prepared just now, which the client is told."""
    procedure: str = ""
    """Empty for a batch."""


def batch(content: bytes) -> Request:
    reader = Reader(content)
    reader.take(reader.number("I") - 4)
    return Request(content[reader.at :].decode("utf-16-le"))


class Transaction(Enum):
    BEGIN = 5
    COMMIT = 7
    ROLLBACK = 8
    SAVE = 9


def transaction(content: bytes) -> Transaction:
    reader = Reader(content)
    reader.take(reader.number("I") - 4)
    number = reader.number("H")
    if number not in [kind.value for kind in Transaction]:
        raise ServerError(3999, f"this server does not know the transaction request {number}")
    return Transaction(number)


class Prepared:
    """The statements that one session has prepared, and its remote procedure calls."""

    def __init__(self) -> None:
        self._statements: dict[int, tuple[str, str]] = {}
        """By handle: the declaration of the parameters, and the text."""
        self._handles = 0

    def call(self, content: bytes) -> Request:
        """Raises ServerError for what is no call."""
        reader = Reader(content)
        reader.take(reader.number("I") - 4)
        length = reader.number("H")
        number = reader.number("H") if length == _NUMBERED else None
        name = (
            _BY_NUMBER.get(number, str(number)) if number is not None else reader.take(2 * length).decode("utf-16-le")
        )
        reader.number("H")
        parameters = []
        while reader:
            parameters.append(reader.parameter())
        return self._run(name.replace("[", "").replace("]", "").lower().removeprefix("sys."), parameters)

    def _run(self, name: str, parameters: Sequence[Parameter]) -> Request:
        match name, list(parameters):
            case "sp_executesql", [statement]:
                return Request(_text(statement), procedure=name)
            case "sp_executesql", [statement, declared, *values]:
                return Request(_text(statement), _named(_text(declared), values), procedure=name)
            case "sp_prepare", [_, declared, statement, *_]:
                return Request("", (), self._prepare(_text(declared), _text(statement)), name)
            case "sp_prepexec", [_, declared, statement, *values]:
                made = self._prepare(_text(declared), _text(statement))
                return Request(_text(statement), _named(_text(declared), values), made, name)
            case "sp_execute", [handle, *values] if handle.value in self._statements:
                declaration, text = self._statements[handle.value]
                return Request(text, _named(declaration, values), procedure=name)
            case "sp_unprepare", [handle] if handle.value in self._statements:
                del self._statements[handle.value]
                return Request("", procedure=name)
        return Request("", parameters, procedure=name)

    def _prepare(self, declared: str, statement: str) -> int:
        self._handles += 1
        self._statements[self._handles] = declared, statement
        return self._handles


def _text(parameter: Parameter) -> str:
    return "" if parameter.value is None else text_of(parameter.value, parameter.type)


def _named(declared: str, values: Iterable[Parameter]) -> tuple[Parameter, ...]:
    """The values with their names, which positional ones lack."""
    names, given = _DECLARED.findall(declared), list(values)
    if len(names) != len(given):
        raise ServerError(8144, f"{len(given)} values for the parameters {declared}")
    return tuple(
        replace(value, name=value.name.removeprefix("@") or name) for name, value in zip(names, given, strict=True)
    )
