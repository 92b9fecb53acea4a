"""YAML as plain values that remember their lines: the part of YAML a mapping needs, and no more.

Read event by event, so that hostile input ends in our own error before it costs memory or
recursion. Refused: duplicate keys, anchors and aliases, tags, directives, a second document.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

from pipeline.errors import MappingError
from pipeline.mapping.scalars import resolve

Keys = tuple[str | int, ...]
Lines = dict[Keys, int]
"""The line of every entry, by the keys and list positions that lead to it."""

_BYTES = 8 * 1024 * 1024
_DEPTH = 16
_ENTRIES = 500_000
_LINE_CHARACTERS = 100_000  # ruamel's scanner is quadratic in the length of a tag
_HINT = "`python -m pipeline map` writes a mapping to start from"


def read_document(path: Path) -> tuple[Any, Lines]:
    """The file's value, of dicts, tuples and scalars, and the line of every entry by its keys.

    Keys are texts as written, whatever YAML thinks of `No` or `1`. Raises MappingError naming file and
    line for anything unreadable, within seconds for a file of any content.
    """
    return _Document(path, _text(path)).read()


def dotted(keys: Keys) -> str:
    """`tables.Items.columns.Foo`, for messages: one line, whatever the keys hold."""
    return ".".join(text if text.isprintable() else repr(text) for text in map(str, keys))


class _Document:
    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._text = text
        self._lines: Lines = {}
        self._events: Iterator[Any] = iter(YAML(typ="safe", pure=True).parse(text))

    def read(self) -> tuple[Any, Lines]:
        try:
            self._expect(DocumentStartEvent)
            value = self._value(next(self._events), ())
            self._refuse_another_document()
        except ReaderError as error:
            line = self._text.count("\n", 0, error.position) + 1
            self._refuse(line, f"character U+{error.character:04X} is not allowed")
        except YAMLError as error:
            mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
            self._refuse(mark.line + 1 if mark else 1, f"not YAML: {getattr(error, 'problem', None) or error}")
        except (ValueError, OverflowError) as error:  # an escape beyond Unicode
            self._refuse(1, f"not YAML: {error}")
        return value, self._lines

    def _expect(self, kind: type) -> None:
        for event in self._events:
            if isinstance(event, kind):
                return
        self._refuse(1, "the file is empty")

    def _refuse_another_document(self) -> None:
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                self._refuse(_line(event), "a second document begins; a mapping is one")

    def _value(self, event: Any, keys: Keys) -> Any:
        self._admit(event, keys)
        match event:
            case MappingStartEvent():
                return dict(self._entries(keys))
            case SequenceStartEvent():
                return tuple(self._value(item, (*keys, i)) for i, item in enumerate(self._until_end()))
            case _:
                return resolve(event.value) if event.implicit[0] else event.value

    def _entries(self, keys: Keys) -> Iterator[tuple[str, Any]]:
        for key_event in self._until_end():
            if not isinstance(key_event, ScalarEvent):
                self._refuse(_line(key_event), "a key must be a plain text")
            self._admit(key_event, keys)
            key: str = key_event.value
            here = (*keys, key)
            if here in self._lines:
                self._refuse(_line(key_event), f"{key!r} appears twice (first on line {self._lines[here]})")
            self._lines[here] = _line(key_event)
            yield key, self._value(next(self._events), here)

    def _until_end(self) -> Iterator[Any]:
        """Events up to the end of this collection; the caller consumes each one's inside."""
        for event in self._events:
            if isinstance(event, MappingEndEvent | SequenceEndEvent):
                return
            yield event

    def _admit(self, event: Any, keys: Keys) -> None:
        line = _line(event)
        self._lines.setdefault(keys, line)
        if isinstance(event, AliasEvent) or event.anchor is not None:
            self._refuse(line, "anchors and aliases are not read; write the value out")
        if event.tag is not None:
            self._refuse(line, f"tag {str(event.tag)[:40]} is not read")
        if len(keys) > _DEPTH or len(self._lines) > _ENTRIES:
            self._refuse(line, f"more than {_DEPTH} levels or {_ENTRIES} entries")

    def _refuse(self, line: int, text: str) -> NoReturn:
        raise MappingError(f"{self._path}:{line}: {text}", hint=_HINT) from None


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_BYTES + 1)
    except OSError as error:
        raise MappingError(f"{path}: cannot be read: {error.strerror}", hint=_HINT) from error
    if len(data) > _BYTES:
        raise MappingError(f"{path}: larger than {_BYTES // 1024**2} MiB", hint=_HINT)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise MappingError(f"{path}:{line}: not UTF-8", hint="save the file as UTF-8") from error
    for number, line_text in enumerate(text.split("\n"), 1):
        if len(line_text) > _LINE_CHARACTERS:
            raise MappingError(f"{path}:{number}: longer than {_LINE_CHARACTERS} characters", hint=_HINT)
        if line_text.startswith("%"):
            raise MappingError(f"{path}:{number}: YAML directives are not read", hint="remove the line")
    return text


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1
