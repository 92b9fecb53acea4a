"""Rows of one table as a single value of the row they belong to: a JSON list of objects, or an array.

Pure: batches of the inner table in, texts with the number of their outer row out.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from pipeline.batch import Batch, Defect
from pipeline.catalog import SqlType
from pipeline.transform.step import Step

_RAW_JSON = frozenset({"smallint", "integer", "bigint", "real", "double precision", "numeric", "boolean"})
_NOT_JSON = ("NaN", "inf", "-inf")


@dataclass(frozen=True, slots=True)
class Field:
    """One column of the inner rows that goes into the value."""

    column: str
    label: str
    """Its name in JSON."""
    type: SqlType
    """PostgreSQL's, after the steps."""
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Nest:
    """How rows of `table` become values of the rows whose number their `key` holds."""

    table: str
    key: str
    order: tuple[str, ...]
    """Columns that say in which order they stand; ties in source order."""
    fields: tuple[Field, ...]
    array: bool

    @property
    def columns(self) -> tuple[str, ...]:
        """Those of the inner table that are read, each once."""
        return tuple(dict.fromkeys((self.key, *self.order, *(field.column for field in self.fields))))

    @property
    def empty(self) -> str:
        return "{}" if self.array else "[]"

    def items(self, batch: Batch) -> tuple[pl.DataFrame, dict[int, Defect]]:
        """One text per inner row beside its number and order, and by number what stands in a value's way."""
        defects = {defect.row: defect for defect in reversed(batch.defects)}
        texts = [_texts(field, batch, defects, json_form=not self.array) for field in self.fields]
        items = [text or "NULL" for text in texts[0]] if self.array else _objects(self.fields, texts)
        numbers = batch.frame[self.key]
        order = [batch.frame[name].alias(f"order{i}") for i, name in enumerate(self.order)]
        frame = pl.DataFrame([numbers.alias("number"), pl.Series("text", items, pl.String), *order])
        return frame, {numbers[row]: defect for row, defect in sorted(defects.items(), reverse=True)}

    def joined(self, items: Sequence[pl.DataFrame]) -> pl.DataFrame:
        """Columns `number` and `text`: each number once, with the whole value."""
        inner = pl.concat(items)
        if self.order:
            inner = inner.sort([f"order{i}" for i in range(len(self.order))], maintain_order=True)
        text = pl.concat_str(pl.lit(self.empty[0]), pl.col("text").str.join(","), pl.lit(self.empty[1])).alias("text")
        return inner.group_by("number", maintain_order=True).agg(text)


def _texts(field: Field, batch: Batch, defects: dict[int, Defect], *, json_form: bool) -> list[str | None]:
    values = batch.frame[field.column]
    for step in field.steps:
        stepped = step(values)
        for mask in (
            stepped.refused,
            stepped.lost,
            *stepped.lost_by.values(),
        ):  # nowhere to record a loss, so a value that changes is refused
            for row in mask.arg_true().to_list() if mask is not None else ():
                reason = f"cannot be carried as {field.type}: {values[row]!s:.100}"
                defects.setdefault(row, Defect(row, field.column, reason, str(values[row]).encode()))
        values = stepped.values
    spelled = _spelled(values, field.type)
    if not json_form:
        return [None if text is None else _quoted(text) for text in spelled]
    if field.type.name == "bytea":
        return [None if raw is None else f'"{base64.b64encode(raw).decode()}"' for raw in values]
    if field.type.name not in _RAW_JSON:
        return [None if text is None else json.dumps(text, ensure_ascii=False) for text in spelled]
    for row, text in enumerate(spelled):
        if text in _NOT_JSON:
            defects.setdefault(row, Defect(row, field.column, f"is no number of JSON: {text}", text.encode()))
    return spelled


def _spelled(values: pl.Series, type: SqlType) -> list[str | None]:
    """The values as PostgreSQL reads and writes them; times as ISO 8601 has them."""
    match type.name:
        case "bytea":
            return [None if raw is None else f"\\x{raw.hex()}" for raw in values]
        case "uuid":
            return [None if raw is None else str(uuid.UUID(bytes=raw)) for raw in values]
        case "timestamp" | "date" | "time" | "timestamptz":
            return values.dt.to_string("iso:strict").to_list()
    return values.cast(pl.String).to_list()


def _quoted(text: str) -> str:
    """An element of an array literal: in quotes nothing but a quote and a backslash means anything."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _objects(fields: tuple[Field, ...], texts: Sequence[list[str | None]]) -> list[str]:
    labels = [json.dumps(field.label, ensure_ascii=False) for field in fields]
    return [
        "{" + ", ".join(f"{label}: {text or 'null'}" for label, text in zip(labels, row, strict=True)) + "}"
        for row in zip(*texts, strict=True)
    ]
