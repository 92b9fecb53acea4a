"""How each PostgreSQL type travels: the frame's dtype, and whether COPY takes it in binary form.

A type that is not in the table below travels as text in COPY's CSV form, so that a mapping may
name any type PostgreSQL has. COPY is binary or text for a whole statement: one such column
makes the table's COPY a text one (binary is 1.7 times as fast on the server, measured on 1M rows).
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import pgpq
import polars as pl
import pyarrow as pa
from pgpq import encoders
from pgpq import schema as pgpq_schema

from pipeline.catalog import SqlType, Table

Payload = list[bytes]
"""The input of one COPY, in pieces that are sent one after another: joining them would cost a copy."""


def _decimal(args: tuple[int, ...]) -> pl.DataType:
    # An unconstrained numeric has no scale of its own; its values travel as text.
    if not args:
        return pl.String()
    return pl.Decimal(args[0], args[1] if len(args) > 1 else 0)


_DTYPES: dict[str, Callable[[tuple[int, ...]], pl.DataType]] = {
    "boolean": lambda _: pl.Boolean(),
    "smallint": lambda _: pl.Int16(),
    "integer": lambda _: pl.Int32(),
    "bigint": lambda _: pl.Int64(),
    "real": lambda _: pl.Float32(),
    "double precision": lambda _: pl.Float64(),
    "numeric": _decimal,
    "text": lambda _: pl.String(),
    "varchar": lambda _: pl.String(),
    "char": lambda _: pl.String(),
    "jsonb": lambda _: pl.String(),
    "json": lambda _: pl.String(),
    "bytea": lambda _: pl.Binary(),
    "uuid": lambda _: pl.Binary(),
    "date": lambda _: pl.Date(),
    "time": lambda _: pl.Time(),
    "timestamp": lambda _: pl.Datetime("us"),
    "timestamptz": lambda _: pl.Datetime("us", "UTC"),
}


def frame_dtype(type: SqlType) -> pl.DataType:
    """The dtype that a column of this PostgreSQL type has in a transformed frame."""
    dtype = _DTYPES.get(type.name)
    return pl.String() if dtype is None else dtype(type.args)


def travels_binary(type: SqlType) -> bool:
    return type.name in _DTYPES and not (type.name == "numeric" and not type.args)


@cache
def _wire_type(type: SqlType) -> Any:
    """Arrow types that pgpq takes: it has no binary_view, and Polars' time is in nanoseconds."""
    match type.name:
        case "bytea" | "uuid":
            return pa.large_binary()
        case "time":
            return pa.time64("us")
        case "text" | "varchar" | "char" | "json" | "jsonb":
            return pa.string_view()
        case _:
            schema: Any = pl.DataFrame(schema={"x": frame_dtype(type)}).to_arrow().schema
            return schema.field("x").type


@dataclass(frozen=True, slots=True)
class CopyEncoder:
    """Turns frames of one table into the bytes of one COPY each, without the columns that PostgreSQL computes."""

    table: Table

    @property
    def binary(self) -> bool:
        return all(travels_binary(column.type) for column in self.table.written)

    @property
    def options(self) -> str:
        return "format binary" if self.binary else "format csv, null ''"

    def encode(self, frame: pl.DataFrame, *more: pl.Series) -> Payload:
        """The whole input of a COPY of these rows and `more` columns; in the table's order, those that it has."""
        # Column by column: Polars keeps the values of a frame of one row apart, and copies them with each step. One
        # may be hundreds of megabytes.
        others = {series.name: series for series in more}
        columns = {name: others[name] if name in others else frame[name] for name in self.table.written_names}
        return self._encode_binary(columns) if self.binary else [self._encode_csv(pl.DataFrame(columns))]

    def _encode_binary(self, columns: dict[str, pl.Series]) -> Payload:
        schema = pa.schema([(column.name, _wire_type(column.type)) for column in self.table.written])
        newest = pl.CompatLevel.newest()
        arrow = pa.table({name: values.to_arrow(compat_level=newest) for name, values in columns.items()}).cast(schema)
        jsonb = {
            column.name: encoders.StringViewEncoderBuilder.new_with_output(
                schema.field(column.name), pgpq_schema.Jsonb()
            )
            for column in self.table.written
            if column.type.name == "jsonb"
        }
        inferred = {
            field.name: pgpq.ArrowToPostgresBinaryEncoder.infer_encoder(field)
            for field in schema
            if field.name not in jsonb
        }
        encoder = pgpq.ArrowToPostgresBinaryEncoder.new_with_encoders(schema, inferred | jsonb)
        return [encoder.write_header(), *map(encoder.write_batch, arrow.to_batches()), encoder.finish()]

    def _encode_csv(self, frame: pl.DataFrame) -> bytes:
        """CSV in which only NULL is unquoted and empty, so that '' stays the empty string."""
        hexed = frame.with_columns(
            pl.concat_str(
                pl.lit("\\x" if column.type.name == "bytea" else ""), pl.col(column.name).bin.encode("hex")
            ).alias(column.name)
            for column in self.table.written
            if frame_dtype(column.type) == pl.Binary
        )
        sink = io.BytesIO()
        hexed.write_csv(sink, include_header=False, quote_style="non_numeric")
        return sink.getvalue()
