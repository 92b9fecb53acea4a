"""Writes .bacpac files from the notes on their form, one value at a time, beside and not with the reader."""

from __future__ import annotations

import hashlib
import struct
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID
from xml.sax.saxutils import quoteattr

NAMESPACE = "http://schemas.microsoft.com/sqlserver/dac/Serialization/2012/02"


@dataclass(frozen=True, slots=True)
class Made:
    """A column as it is declared: `decimal(10,2)`, `nvarchar(max)`."""

    name: str
    type: str
    nullable: bool = True
    extra: str = ""
    """Further properties, as XML."""

    @property
    def word(self) -> str:
        return self.type.partition("(")[0]

    @property
    def args(self) -> list[str]:
        inside = self.type.partition("(")[2].rstrip(")")
        return inside.split(",") if inside else []

    @property
    def bytes_of_length(self) -> int:
        """0 where the value stands without its length."""
        if self.args == ["max"] or self.word in {"xml", "geography", "geometry", "hierarchyid"}:
            return 8
        if self.word in {"text", "ntext", "image", "sql_variant"}:
            return 4
        if self.word in {"varchar", "nchar", "nvarchar", "binary", "varbinary"} or (
            self.word == "char" and self.nullable
        ):
            return 2
        always = self.word in {"bit", "uniqueidentifier", "decimal", "numeric", "rowversion"}
        return int(always or (self.nullable and self.word != "char"))


def encode(column: Made, value: object) -> bytes:
    """One cell: `value` is bytes as they are stored, or what `_native` knows, or None."""
    length = column.bytes_of_length
    if value is None:
        return b"\xff" * length
    raw = value if isinstance(value, bytes) else _native(column, value)
    return len(raw).to_bytes(length, "little") + raw if length else raw


def rows(columns: Sequence[Made], values: Iterable[Sequence[object]]) -> bytes:
    return b"".join(encode(column, value) for row in values for column, value in zip(columns, row, strict=True))


_STRUCT = {"tinyint": "<B", "smallint": "<h", "int": "<i", "bigint": "<q", "real": "<f", "float": "<d", "bit": "<B"}


def _native(column: Made, value: object) -> bytes:
    if column.word in _STRUCT:
        return struct.pack(_STRUCT[column.word], value)
    match value:
        case str():
            return value.encode("utf-16-le", "surrogatepass")
        case UUID():
            return value.bytes_le
        case datetime():
            since = value - datetime(1900, 1, 1)  # noqa: DTZ001 (the type has no zone)
            milliseconds = since.seconds * 1000 + since.microseconds // 1000
            return struct.pack("<iI", since.days, round(milliseconds * 3 / 10))
        case Decimal() if column.word == "money":
            number = int(value * 10000)
            return struct.pack("<iI", number >> 32, number & 0xFFFF_FFFF)
        case Decimal() if column.word == "smallmoney":
            return struct.pack("<i", int(value * 10000))
        case Decimal():
            precision, scale = map(int, column.args)
            _, digits, exponent = value.as_tuple()  # arithmetic would round to 28 digits
            magnitude = int("".join(map(str, digits))) * 10 ** (int(exponent) + scale)
            return bytes([precision, scale, value >= 0]) + magnitude.to_bytes(16, "little")
    raise ValueError(f"{value!r} for {column.type}")


def name(*parts: str) -> str:
    return quoteattr(".".join(f"[{part.replace(']', ']]')}]" for part in parts))


def references(relationship: str, *names: str) -> str:
    entries = "".join(f"<Entry><References Name={one} /></Entry>" for one in names)
    return f'<Relationship Name="{relationship}">{entries}</Relationship>'


def inner(relationship: str, elements: Iterable[str]) -> str:
    return f'<Relationship Name="{relationship}">{"".join(f"<Entry>{one}</Entry>" for one in elements)}</Relationship>'


def element(type: str, called: str | None, content: str) -> str:
    return f'<Element Type="{type}"{f" Name={called}" if called else ""}>{content}</Element>'


def text_property(key: str, text: str) -> str:
    return f'<Property Name="{key}"><Value><![CDATA[{text}]]></Value></Property>'


def flag(key: str, value: object) -> str:
    return f'<Property Name="{key}" Value="{value}" />'


def type_specifier(column: Made) -> str:
    keys = {"decimal": ("Precision", "Scale"), "numeric": ("Precision", "Scale")}.get(
        column.word, ("Scale",) if column.word in {"time", "datetime2", "datetimeoffset"} else ("Length",)
    )
    if column.args == ["max"]:
        properties = flag("IsMax", True)
    else:
        properties = "".join(flag(key, value) for key, value in zip(keys, column.args, strict=False))
    word = f"[{column.word}]" if "[" not in column.word else column.word
    return element("SqlTypeSpecifier", None, f"{properties}{references('Type', quoteattr(word))}")


def column_element(table: tuple[str, str], column: Made) -> str:
    properties = column.extra + ("" if column.nullable else flag("IsNullable", False))
    content = properties + inner("TypeSpecifier", [type_specifier(column)])
    return element("SqlSimpleColumn", name(*table, column.name), content)


def table_element(table: tuple[str, str], columns: Iterable[Made], *more: str) -> str:
    """`more` are further columns, as elements."""
    content = inner("Columns", [*(column_element(table, column) for column in columns), *more])
    return element("SqlTable", name(*table), content)


def model(*objects: str, head: str = "", collation: str = "Latin1_General_CI_AS") -> bytes:
    options = element("SqlDatabaseOptions", None, flag("Collation", collation))
    text = f'<?xml version="1.0" encoding="utf-8"?>{head}<DataSchemaModel xmlns="{NAMESPACE}"><Model>'
    return f"{text}{options}{''.join(objects)}</Model></DataSchemaModel>".encode()


def origin(
    model_xml: bytes, *, data_version: str = "2.0.0.0", exported: str = "true", digest: str | None = None
) -> bytes:
    digest = digest or hashlib.sha256(model_xml).hexdigest().upper()
    return f"""<?xml version="1.0" encoding="utf-8"?><DacOrigin xmlns="{NAMESPACE}"><PackageProperties>
        <ContainsExportedData>{exported}</ContainsExportedData>
        <StreamVersions><Version StreamName="Data">{data_version}</Version></StreamVersions></PackageProperties>
        <Checksums><Checksum Uri="/model.xml">{digest}</Checksum></Checksums></DacOrigin>""".encode()


def package(path: Path, parts: Mapping[str, bytes], *, packed: bool = True) -> Path:
    """The parts as they are given."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as archive:
        for part, content in parts.items():
            archive.writestr(part, content)
    return path


def export(path: Path, model_xml: bytes, data: Mapping[str, bytes], *, packed: bool = True) -> Path:
    """A whole .bacpac; `data` has for `dbo.Name/TableData-000-00000` what the file holds."""
    files = {f"Data/{part}.BCP": content for part, content in data.items()}
    listed = "".join(f'<Relationship Type="t" Target="/{part}" Id="R{at}" />' for at, part in enumerate(files))
    rels = f'<Relationships xmlns="urn:r">{listed}</Relationships>'.encode()
    parts = {"model.xml": model_xml, "Origin.xml": origin(model_xml), "_rels/.rels": rels, **files}
    return package(path, parts, packed=packed)
