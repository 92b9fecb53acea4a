"""From a mapping file to a Mapping, with the line of every entry kept for later checks."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from pipeline.errors import MappingError
from pipeline.mapping import models
from pipeline.mapping.document import Keys, Lines, dotted, read_document

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_SHOWN = 5
_SHOWN_CHARACTERS = 300
_OPTIONS = sorted(
    {field.alias or name for part in models.Part.__subclasses__() for name, field in part.model_fields.items()}
)


@dataclass(frozen=True, slots=True)
class MappingFile:
    mapping: models.Mapping
    path: Path
    lines: Lines

    def where(self, *keys: str | int) -> str:
        """`mappings/x.yaml:12`: the line of an entry, or of the nearest one around it."""
        return f"{self.path}:{_nearest(self.lines, keys)[1]}"


def read_mapping(path: Path) -> MappingFile:
    """Raises MappingError naming file, line and entry of each of the first few mistakes."""
    value, lines = read_document(path)
    try:
        return MappingFile(models.Mapping.model_validate(value), path, lines)
    except ValidationError as error:
        raise _explained(path, lines, error) from None


def _explained(path: Path, lines: Lines, error: ValidationError) -> MappingError:
    mistakes: dict[Keys, list[str]] = {}
    for details in error.errors(include_url=False, include_context=False):
        # What lies below the entry is pydantic's own: the member of a union that it tried.
        entry, _ = _nearest(lines, details["loc"])
        missing = f"{details['loc'][-1]} " if details["type"] == "missing" else ""
        mistakes.setdefault(entry, []).append(missing + _said(details))
    shown = [
        f"{path}:{lines[entry]}: {dotted(entry) or 'mapping'}: {' or '.join(texts)[:_SHOWN_CHARACTERS]}"
        for entry, texts in list(mistakes.items())[:_SHOWN]
    ]
    if len(mistakes) > _SHOWN:
        shown.append(f"and {len(mistakes) - _SHOWN} more")
    return MappingError("\n".join(shown), hint=_hint(error))


def _said(details: ErrorDetails) -> str:
    match details["type"]:
        case "extra_forbidden":
            close = get_close_matches(str(details["loc"][-1]), _OPTIONS, n=1)
            return f"unknown option; did you mean {close[0]!r}?" if close else "unknown option"
        case "missing":
            return "is missing"
        case "value_error":
            return details["msg"].removeprefix("Value error, ")
        case _:
            return details["msg"].replace("Input should be ", "not ", 1)


def _hint(error: ValidationError) -> str:
    if any(details["type"] == "string_type" for details in error.errors(include_url=False, include_context=False)):
        return "a text that looks like a number, true, false or null needs quotes"
    return "mapping.schema.json describes every option, and editors complete from it"


def _nearest(lines: Lines, keys: Keys) -> tuple[Keys, int]:
    while keys and keys not in lines:
        keys = keys[:-1]
    return keys, lines.get(keys, 1)
