"""JSON files of ours as models: read within bounds, and refused for anything in them that is not ours."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, FailFast, Field, StringConstraints, ValidationError
from pydantic_core import from_json

from pipeline.errors import NaruError

T = TypeVar("T")
P = TypeVar("P", bound="Part")

_SHOWN = 200

Count = Annotated[int, Field(ge=0, lt=1 << 63)]
RowHash = Annotated[str, StringConstraints(pattern="^[0-9a-f]{32}$")]
Digest = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
Many = Annotated[tuple[T, ...], Field(strict=False), FailFast()]
"""Of a list, which is what JSON has; a million mistakes are told by the first one."""


class Part(BaseModel):
    """Any part of a file: frozen, and strict about what it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


@dataclass(frozen=True, slots=True)
class JsonFile:
    """How files of one kind are read."""

    what: str
    """In the words of a refusal: `proof`."""
    most_bytes: int
    """What is hostile takes 32 times as much memory, and five seconds for each 16 MiB, to be refused (measured)."""
    refusal: type[NaruError]
    hint: str

    def read(self, kind: type[P], path: Path) -> tuple[P, bytes]:
        """The file as a model, and its bytes; raises `refusal` for what cannot be read and for anything else."""
        data = self._bytes(path)
        try:
            # Not validated while it is parsed: each missing part would then hold a copy of all that is there.
            return kind.model_validate(from_json(data, allow_inf_nan=False)), data
        except ValidationError as error:
            raise self._none(path, _first(error)) from None
        except ValueError as error:
            raise self._none(path, str(error)) from None

    def _bytes(self, path: Path) -> bytes:
        try:
            with path.open("rb") as file:
                data = file.read(self.most_bytes + 1)
        except OSError as error:
            raise self.refusal(f"{path} cannot be read: {error.strerror or error}", hint=self.hint) from error
        if len(data) > self.most_bytes:
            raise self._none(path, f"it is larger than {self.most_bytes >> 20} MiB")
        return data

    def _none(self, path: Path, why: str) -> NaruError:
        return self.refusal(f"{path} is no {self.what}: {why}", hint=self.hint)


def _first(error: ValidationError) -> str:
    (details, *_) = error.errors(include_url=False, include_context=False, include_input=False)
    place = ".".join(map(str, details["loc"]))
    return f"{place or 'file'}: {details['msg']}"[:_SHOWN]
