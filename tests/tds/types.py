"""SQL Server's types on the wire (MS-TDS 2.2.5.4 and 2.2.5.5): one row per type.

Values are held in the form of the wire where that matters, so that a test can serve what no driver would send:

- bit and integers: int; real and float: float; decimal, numeric, money, smallmoney: Decimal
- char, varchar, text: bytes in the collation's code page; nchar, nvarchar, ntext, xml: bytes in UTF-16LE; either as str
- binary, varbinary, image, rowversion, hierarchyid, geography, geometry: bytes; uniqueidentifier: UUID
- date: datetime.date; time: ticks of 100 ns; datetime2: ticks since 0001-01-01; datetimeoffset: Zoned
- datetime: 1/300 s since 1900-01-01; smalldatetime: minutes since 1900-01-01
- sql_variant: Variant
"""

from __future__ import annotations

import datetime as dt
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Context, Decimal
from enum import Enum
from typing import Any, NamedTuple

MAX = -1
"""The length of varchar(max)."""
TICKS_PER_DAY = 864_000_000_000
_YEAR_1 = dt.date(1, 1, 1).toordinal()
_DATETIME_PER_DAY = 300 * 86_400
_EXACT = Context(prec=80)
_PLP_CHUNK = 8000
Encoder = Callable[[Any], bytes]


class Zoned(NamedTuple):
    """datetimeoffset: the moment in UTC, and the offset it is shown with."""

    ticks: int
    offset_minutes: int


class Variant(NamedTuple):
    type: SqlType
    value: Any


@dataclass(frozen=True, slots=True)
class Collation:
    name: str
    lcid: int
    encoding: str
    flags: int = 0x0D
    """Ignores case, width and kana."""
    version: int = 0
    sort_id: int = 0

    @property
    def wire(self) -> bytes:
        return struct.pack("<IB", self.lcid | self.flags << 20 | self.version << 28, self.sort_id)

    @property
    def binary(self) -> bool:
        return bool(self.flags & 0x30)


_BINARY2, _UTF_8 = 0x20, 0x40
COLLATIONS = {
    known.name: known
    for known in (
        Collation("Korean_Wansung_CI_AS", 0x412, "cp949"),
        Collation("Korean_Wansung_BIN2", 0x412, "cp949", flags=_BINARY2),
        Collation("SQL_Latin1_General_CP1_CI_AS", 0x409, "cp1252", sort_id=52),
        Collation("Latin1_General_BIN2", 0x409, "cp1252", flags=_BINARY2),
        Collation("Latin1_General_100_CI_AS_SC_UTF8", 0x409, "utf-8", flags=0x0D | _UTF_8, version=2),
        Collation("Japanese_CI_AS", 0x411, "cp932"),
        Collation("Chinese_PRC_CI_AS", 0x804, "cp936"),
        Collation("Cyrillic_General_CI_AS", 0x419, "cp1251"),
    )
}
KOREAN = COLLATIONS["Korean_Wansung_CI_AS"]


@dataclass(frozen=True, slots=True)
class SqlType:
    name: str
    args: tuple[int, ...] = ()
    collation: Collation = KOREAN

    @property
    def kind(self) -> Kind:
        return KINDS[self.name]

    @property
    def is_max(self) -> bool:
        return self.args == (MAX,)

    @property
    def encoding(self) -> str:
        """Of a text type."""
        return "utf-16-le" if self.kind.family is Family.WIDE else self.collation.encoding

    def __str__(self) -> str:
        inner = "max" if self.is_max else ",".join(map(str, self.args))
        return f"{self.name}({inner})" if inner else self.name


_WRITTEN = re.compile(r"(\w+)(?:\((max|\d+(?:\s*,\s*\d+)?)\))?", re.IGNORECASE)
_SYNONYMS = {"numeric": "decimal", "sysname": "nvarchar", "timestamp": "rowversion", "integer": "int", "dec": "decimal"}


def sql_type(text: str, collation: Collation = KOREAN) -> SqlType:
    """`varchar(20)` as a type; raises KeyError for one that does not exist."""
    match = _WRITTEN.fullmatch(text.strip())
    if match is None:
        raise KeyError(text)
    name, inner = match[1].lower(), match[2]
    if name == "sysname":
        inner = "128"
    name = _SYNONYMS.get(name, name)
    args = () if inner is None else (MAX,) if inner.lower() == "max" else tuple(map(int, inner.split(",")))
    return made(name, args, collation)


def made(name: str, args: tuple[int, ...], collation: Collation = KOREAN) -> SqlType:
    """With what the type takes where a declaration leaves it out; raises KeyError for a type that does not exist."""
    if name == "float":
        return SqlType("real" if args and args[0] <= 24 else "float")
    given = KINDS[name].defaults
    return SqlType(name, (args + given[len(args) :])[: len(given)], collation)


# ---- values


class Family(Enum):
    """Types that hold their values in the same form."""

    INTEGER = "integer"
    EXACT = "decimal"
    FLOAT = "float"
    NARROW = "text of a code page"
    WIDE = "text in UTF-16"
    BINARY = "bytes"
    GUID = "guid"
    DATE = "date"
    TIME = "ticks of a day"
    MOMENT = "ticks since year 1"
    ZONED = "moment and offset"
    DATETIME = "1/300 s since 1900"
    MINUTES = "minutes since 1900"
    VARIANT = "variant"


def _integer(type: SqlType) -> Encoder:
    width, signed = type.kind.width, type.name not in ("bit", "tinyint")
    return lambda value: int(value).to_bytes(width, "little", signed=signed)


def _packed(form: str) -> Callable[[SqlType], Encoder]:
    pack = struct.Struct(form).pack
    return lambda _: lambda value: pack(value)


def _money(_: SqlType) -> Encoder:
    def encode(value: Decimal) -> bytes:
        units = unscaled(value, 4)
        return struct.pack("<iI", units >> 32, units & 0xFFFFFFFF)

    return encode


def _decimal(type: SqlType) -> Encoder:
    width, scale = _magnitude_bytes(type), type.args[1]

    def encode(value: Decimal) -> bytes:
        units = unscaled(value, scale)
        return bytes([units >= 0]) + abs(units).to_bytes(width, "little")

    return encode


def unscaled(value: Decimal, scale: int) -> int:
    units = _EXACT.scaleb(value, scale)
    if units != units.to_integral_value():
        raise ValueError(f"{value} has more than {scale} digits behind the point")
    return int(units)


def _magnitude_bytes(type: SqlType) -> int:
    precision = type.args[0]
    return 4 if precision <= 9 else 8 if precision <= 19 else 12 if precision <= 28 else 16


def _date(_: SqlType) -> Encoder:
    return lambda value: _days(value.toordinal() - _YEAR_1)


def _days(days: int) -> bytes:
    return days.to_bytes(3, "little")


def _clock(type: SqlType) -> Encoder:
    scale = type.args[0]
    width, unit = time_bytes(scale), time_unit(scale)

    def encode(ticks: int) -> bytes:
        units, rest = divmod(ticks, unit)
        if rest:
            raise ValueError(f"{ticks} ticks in {type}")
        return units.to_bytes(width, "little")

    return encode


def time_unit(scale: int) -> int:
    """Ticks of the last digit that a scale keeps."""
    return int(10 ** (7 - scale))


def time_bytes(scale: int) -> int:
    return 3 if scale <= 2 else 4 if scale <= 4 else 5


def _moment(type: SqlType) -> Encoder:
    clock = _clock(type)

    def encode(ticks: int) -> bytes:
        days, time = divmod(ticks, TICKS_PER_DAY)
        return clock(time) + _days(days)

    return encode


def _zoned(type: SqlType) -> Encoder:
    moment = _moment(type)
    return lambda value: moment(value.ticks) + struct.pack("<h", value.offset_minutes)


def _datetime(_: SqlType) -> Encoder:
    return lambda value: struct.pack("<iI", *divmod(value, _DATETIME_PER_DAY))


def _minutes(_: SqlType) -> Encoder:
    return lambda value: struct.pack("<HH", *divmod(value, 24 * 60))


def _text(type: SqlType) -> Encoder:
    encoding, width = type.encoding, type.args[0] * type.kind.width if type.kind.padding else 0
    blank = " ".encode(encoding) if type.kind.padding else b""

    def encode(value: str | bytes) -> bytes:
        raw = (
            value.encode(encoding, "surrogatepass" if encoding == "utf-16-le" else "strict")
            if isinstance(value, str)
            else bytes(value)
        )
        return raw + blank * ((width - len(raw)) // len(blank)) if blank else raw

    return encode


def _bytes(type: SqlType) -> Encoder:
    width = type.args[0] if type.kind.padding else 0
    return lambda value: bytes(value).ljust(width, b"\0")


def _variant(_: SqlType) -> Encoder:
    def encode(value: Variant) -> bytes:
        kind, properties = value.type.kind, value.type.kind.properties(value.type)
        head = bytes([kind.fixed or kind.code, len(properties)])
        return head + properties + kind.payload(value.type)(value.value)

    return encode


# ---- type info, behind its code


def _width(type: SqlType) -> bytes:
    return bytes([type.kind.width])


def _nothing(_: SqlType) -> bytes:
    return b""


def _precision(type: SqlType) -> bytes:
    return bytes([_magnitude_bytes(type) + 1, *type.args])


def _scale(type: SqlType) -> bytes:
    return bytes(type.args)


def _length(type: SqlType) -> bytes:
    return struct.pack("<H", 0xFFFF if type.is_max else type.args[0] * type.kind.width)


def _collated(type: SqlType) -> bytes:
    return _length(type) + type.collation.wire


def _legacy(type: SqlType) -> bytes:
    collation = b"" if type.kind.family is Family.BINARY else type.collation.wire
    return struct.pack("<I", 0x7FFFFFFF // type.kind.width * type.kind.width) + collation + b"\1" + us_text("t")


_ASSEMBLY = "Microsoft.SqlServer.Types, Version=11.0.0.0, Culture=neutral, PublicKeyToken=89845dcd8080cc91"
_CLASSES = {"hierarchyid": "SqlHierarchyId", "geography": "SqlGeography", "geometry": "SqlGeometry"}


def _class(type: SqlType) -> bytes:
    length = 892 if type.name == "hierarchyid" else 0xFFFF
    names = b_text("master") + b_text("sys") + b_text(type.name)
    return struct.pack("<H", length) + names + us_text(f"Microsoft.SqlServer.Types.{_CLASSES[type.name]}, {_ASSEMBLY}")


def b_text(text: str) -> bytes:
    """Text behind its length in one byte."""
    return bytes([len(text.encode("utf-16-le")) // 2]) + text.encode("utf-16-le")


def us_text(text: str) -> bytes:
    """Text behind its length in two bytes."""
    raw = text.encode("utf-16-le")
    return struct.pack("<H", len(raw) // 2) + raw


# ---- cells: how the length of a value is told


class Prefix(Enum):
    BYTE = "<B"
    SHORT = "<H"
    CHUNKS = "chunks"
    POINTER = "text pointer"
    LONG = "<I"


_NULLS = {
    Prefix.BYTE: b"\0",
    Prefix.SHORT: b"\xff\xff",
    Prefix.CHUNKS: b"\xff" * 8,
    Prefix.POINTER: b"\0",
    Prefix.LONG: b"\0\0\0\0",
}
_TEXT_POINTER = b"\x10" + b"\x11" * 16 + b"\0" * 8


def in_chunks(raw: bytes) -> bytes:
    """A value of a max type: its length, and parts until an empty one."""
    parts = (raw[at : at + _PLP_CHUNK] for at in range(0, len(raw), _PLP_CHUNK))
    return b"".join((struct.pack("<Q", len(raw)), *(struct.pack("<I", len(part)) + part for part in parts), b"\0" * 4))


def _behind(prefix: Prefix, payload: Encoder) -> Encoder:
    match prefix:
        case Prefix.CHUNKS:
            return lambda value: in_chunks(payload(value))
        case Prefix.POINTER:
            return lambda value: _TEXT_POINTER + struct.pack("<I", len(raw := payload(value))) + raw
    pack = struct.Struct(prefix.value).pack

    def encode(value: Any) -> bytes:
        raw = payload(value)
        return pack(len(raw)) + raw

    return encode


# ---- the types


@dataclass(frozen=True, slots=True)
class Kind:
    code: int
    family: Family
    payload: Callable[[SqlType], Encoder]
    info: Callable[[SqlType], bytes] = _nothing
    prefix: Prefix = Prefix.BYTE
    width: int = 1
    """Bytes of a value, or of each of a text's units."""
    fixed: int | None = None
    """Its code where no value is NULL."""
    defaults: tuple[int, ...] = ()
    padding: bool = False
    user_type: int = 0
    properties: Callable[[SqlType], bytes] = _nothing
    """What a sql_variant tells of it beyond the code."""


def _variant_text(type: SqlType) -> bytes:
    return type.collation.wire + struct.pack("<H", 8000)


def _variant_length(_: SqlType) -> bytes:
    return struct.pack("<H", 8000)


_N, _W, _B = Family.NARROW, Family.WIDE, Family.BINARY
KINDS = {
    "bit": Kind(0x68, Family.INTEGER, _integer, _width, width=1, fixed=0x32),
    "tinyint": Kind(0x26, Family.INTEGER, _integer, _width, width=1, fixed=0x30),
    "smallint": Kind(0x26, Family.INTEGER, _integer, _width, width=2, fixed=0x34),
    "int": Kind(0x26, Family.INTEGER, _integer, _width, width=4, fixed=0x38),
    "bigint": Kind(0x26, Family.INTEGER, _integer, _width, width=8, fixed=0x7F),
    "real": Kind(0x6D, Family.FLOAT, _packed("<f"), _width, width=4, fixed=0x3B),
    "float": Kind(0x6D, Family.FLOAT, _packed("<d"), _width, width=8, fixed=0x3E),
    "money": Kind(0x6E, Family.EXACT, _money, _width, width=8, fixed=0x3C),
    "smallmoney": Kind(
        0x6E, Family.EXACT, lambda _: lambda value: struct.pack("<i", unscaled(value, 4)), _width, width=4, fixed=0x7A
    ),
    "decimal": Kind(0x6A, Family.EXACT, _decimal, _precision, defaults=(18, 0), properties=lambda t: bytes(t.args)),
    "date": Kind(0x28, Family.DATE, _date),
    "time": Kind(0x29, Family.TIME, _clock, _scale, defaults=(7,), properties=_scale),
    "datetime2": Kind(0x2A, Family.MOMENT, _moment, _scale, defaults=(7,), properties=_scale),
    "datetimeoffset": Kind(0x2B, Family.ZONED, _zoned, _scale, defaults=(7,), properties=_scale),
    "datetime": Kind(0x6F, Family.DATETIME, _datetime, _width, width=8, fixed=0x3D),
    "smalldatetime": Kind(0x6F, Family.MINUTES, _minutes, _width, width=4, fixed=0x3A),
    "uniqueidentifier": Kind(0x24, Family.GUID, lambda _: lambda value: value.bytes_le, _width, width=16),
    "char": Kind(0xAF, _N, _text, _collated, Prefix.SHORT, defaults=(1,), padding=True, properties=_variant_text),
    "varchar": Kind(0xA7, _N, _text, _collated, Prefix.SHORT, defaults=(1,), properties=_variant_text),
    "nchar": Kind(0xEF, _W, _text, _collated, Prefix.SHORT, 2, defaults=(1,), padding=True, properties=_variant_text),
    "nvarchar": Kind(0xE7, _W, _text, _collated, Prefix.SHORT, 2, defaults=(1,), properties=_variant_text),
    "binary": Kind(0xAD, _B, _bytes, _length, Prefix.SHORT, defaults=(1,), padding=True, properties=_variant_length),
    "varbinary": Kind(0xA5, _B, _bytes, _length, Prefix.SHORT, defaults=(1,), properties=_variant_length),
    "rowversion": Kind(0xAD, _B, _bytes, lambda _: b"\x08\0", Prefix.SHORT, user_type=80),
    "text": Kind(0x23, _N, _text, _legacy, Prefix.POINTER),
    "ntext": Kind(0x63, _W, _text, _legacy, Prefix.POINTER, 2),
    "image": Kind(0x22, _B, _bytes, _legacy, Prefix.POINTER),
    "xml": Kind(0xF1, _W, _text, lambda _: b"\0", Prefix.CHUNKS),
    # As a server sends it that is not asked for the newer form: as nvarchar(max).
    "json": Kind(0xE7, _W, _text, lambda type: b"\xff\xff" + type.collation.wire, Prefix.CHUNKS),
    "hierarchyid": Kind(0xF0, _B, _bytes, _class, Prefix.CHUNKS),
    "geography": Kind(0xF0, _B, _bytes, _class, Prefix.CHUNKS),
    "geometry": Kind(0xF0, _B, _bytes, _class, Prefix.CHUNKS),
    "sql_variant": Kind(0x62, Family.VARIANT, _variant, lambda _: struct.pack("<I", 8009), Prefix.LONG),
}


def type_info(type: SqlType, *, nullable: bool) -> bytes:
    kind = type.kind
    if kind.fixed is not None and not nullable:
        return bytes([kind.fixed])
    return bytes([kind.code]) + kind.info(type)


def null_cell(type: SqlType) -> bytes:
    return _NULLS[_prefix(type)]


def cell_encoder(type: SqlType, *, nullable: bool) -> Encoder:
    """For values that are not None."""
    payload = type.kind.payload(type)
    return payload if type.kind.fixed is not None and not nullable else _behind(_prefix(type), payload)


def _prefix(type: SqlType) -> Prefix:
    return Prefix.CHUNKS if type.is_max else type.kind.prefix


def stored(type: SqlType) -> Callable[[Any], Any] | None:
    """What makes of a served value what SQL Server stores, as text its bytes; None where it is that already."""
    if type.name == "sql_variant":
        return _stored_variant
    return type.kind.payload(type) if type.kind.payload in (_text, _bytes) else None


def _stored_variant(value: Variant) -> Variant:
    store = stored(value.type)
    return value if store is None else Variant(value.type, store(value.value))
