"""CAST and CONVERT as SQL Server does them; what this page does not know ends in an error that names it."""

from __future__ import annotations

import datetime as dt
import re
import struct
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from tests.tds.tokens import ServerError
from tests.tds.types import TICKS_PER_DAY, Family, SqlType, Zoned, time_unit

Cast = Callable[[Any, SqlType, SqlType, int], Any]
"""A value (never None), its type, the wanted type, and the style."""
_EXACT = Context(prec=80, rounding=ROUND_HALF_UP)
_SECOND = 10**7
_YEAR_1 = dt.date(1, 1, 1)
_DAY_1900 = (dt.date(1900, 1, 1) - _YEAR_1).days
_BITS = {"smallint": 16, "int": 32, "bigint": 64}
_RANGES = {"tinyint": (0, 255)} | {name: (-(1 << n - 1), (1 << n - 1) - 1) for name, n in _BITS.items()}


def converter(source: SqlType, target: SqlType, style: int = 0) -> Callable[[Any], Any]:
    """A function of values, of NULL too; raises ServerError for a conversion that this server does not know."""
    known = _CASTS.get((source.kind.family, target.kind.family))
    if known is None:
        raise ServerError(529, f"this server does not know the conversion from {source} to {target}")
    return lambda value: None if value is None else known(value, source, target, style)


def _unknown(source: SqlType, target: SqlType, style: int) -> ServerError:
    return ServerError(281, f"this server does not know style {style} from {source} to {target}")


# ---- text and bytes


def text_of(value: Any, type: SqlType) -> str:
    """Of a text's bytes; malformed ones end in an error, where SQL Server would put something in their place."""
    try:
        return value if isinstance(value, str) else bytes(value).decode(type.encoding)
    except UnicodeDecodeError as error:
        raise ServerError(50001, f"this server does not know how malformed text converts: {value!r}") from error


def _text_to_text(value: Any, source: SqlType, target: SqlType, _: int) -> bytes:
    raw = bytes(value)
    if source.encoding != target.encoding:
        raw = _encoded(text_of(value, source), target)
    return _cut(raw, target)


def _encoded(text: str, target: SqlType) -> bytes:
    try:
        return text.encode(target.encoding)
    except UnicodeEncodeError as error:
        raise ServerError(50001, f"this server does not know how {text!r} becomes {target}") from error


def _cut(raw: bytes, target: SqlType) -> bytes:
    limit = _limit(target)
    if limit is None or len(raw) <= limit:
        return raw
    cut = raw[:limit]
    text_of(cut, target)  # through the middle of a character is not known
    return cut


def _limit(target: SqlType) -> int | None:
    return None if target.is_max or not target.args else target.args[0] * target.kind.width


def _to_bytes(value: Any, _: SqlType, target: SqlType, style: int) -> bytes:
    raw = bytes(value)[: _limit(target)]
    if target.name == "rowversion":
        return raw[:8].rjust(8, b"\0")
    return raw.ljust(target.args[0], b"\0") if target.kind.padding else raw


def _text_to_bytes(value: Any, source: SqlType, target: SqlType, style: int) -> bytes:
    if style == 0:
        return _to_bytes(value, source, target, 0)
    if style not in (1, 2):
        raise _unknown(source, target, style)
    digits = text_of(value, source)
    return _to_bytes(bytes.fromhex(digits.removeprefix("0x") if style == 1 else digits), source, target, 0)


def _bytes_to_text(value: Any, source: SqlType, target: SqlType, style: int) -> bytes:
    if source.name in ("hierarchyid", "geography", "geometry"):
        raise _unknown(source, target, style)
    if style == 0:
        return _cut(bytes(value), target)
    if style not in (1, 2):
        raise _unknown(source, target, style)
    return _written("0x" * (style == 1) + bytes(value).hex().upper(), target)


def _written(text: str, target: SqlType) -> bytes:
    """The text of a number or a time, which has to fit."""
    raw, limit = text.encode(target.encoding), _limit(target)
    if limit is not None and len(raw) > limit:
        raise ServerError(8115, f"{text} does not fit {target}")
    return raw


# ---- numbers


def _to_integer(value: Any, source: SqlType, target: SqlType, _: int) -> int:
    number = int(value)
    if target.name == "bit":
        return int(number != 0)
    least, most = _RANGES[target.name]
    if not least <= number <= most:
        raise ServerError(8115, f"arithmetic overflow converting {source} to {target}: {value}")
    return number


def _to_exact(value: Any, source: SqlType, target: SqlType, _: int) -> Decimal:
    precision, scale = {"money": (19, 4), "smallmoney": (10, 4)}.get(target.name) or target.args
    number = _EXACT.quantize(Decimal(value), Decimal(1).scaleb(-scale))
    if len(number.as_tuple().digits) > precision:
        raise ServerError(8115, f"arithmetic overflow converting {source} to {target}: {value}")
    return number


def _parsed(make: Callable[[str], Any], then: Cast | None = None) -> Cast:
    def read(value: Any, source: SqlType, target: SqlType, style: int) -> Any:
        text = text_of(value, source).strip()
        try:
            made = make(text)
        except (ValueError, InvalidOperation) as error:
            raise ServerError(8114, f"error converting {source} to {target}: {text!r}") from error
        return then(made, source, target, style) if then else made

    return read


def _integer_text(value: Any, _: SqlType, target: SqlType, style: int) -> bytes:
    return _written(str(int(value)), target)


def _exact_text(value: Decimal, source: SqlType, target: SqlType, style: int) -> bytes:
    if source.name in ("money", "smallmoney"):
        if style not in (0, 2):
            raise _unknown(source, target, style)
        digits = 2 if style == 0 else 4
    else:
        digits = source.args[1]
    return _written(f"{_EXACT.quantize(value, Decimal(1).scaleb(-digits)):f}", target)


_FLOAT_DIGITS = {1: 7, 2: 15, 3: 16}
"""Behind the point, by style."""


def _float_text(value: float, source: SqlType, target: SqlType, style: int) -> bytes:
    if style not in _FLOAT_DIGITS:
        raise _unknown(source, target, style)
    mantissa, exponent = f"{value:.{_FLOAT_DIGITS[style]}e}".split("e")
    return _written(f"{mantissa}e{exponent[0]}{int(exponent[1:]):03}", target)


def _float_to_bytes(value: float, source: SqlType, target: SqlType, style: int) -> bytes:
    return _to_bytes(struct.pack(">f" if source.name == "real" else ">d", value), source, target, style)


# ---- times

_TIME = r"(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,7}))?)?"
_MOMENT = re.compile(rf"(\d{{4}}-\d\d-\d\d)(?:[T ]{_TIME})?(?: ?([+-])(\d\d):(\d\d)|(Z))?")


def _clock_ticks(hours: str, minutes: str, seconds: str | None, fraction: str | None) -> int:
    whole = int(hours) * 3600 + int(minutes) * 60 + int(seconds or 0)
    return whole * _SECOND + int((fraction or "").ljust(7, "0"))


def _zoned_of(text: str) -> Zoned:
    match = _MOMENT.fullmatch(text)
    if match is None:
        raise ValueError(text)
    ticks = days_of(dt.date.fromisoformat(match[1])) * TICKS_PER_DAY
    if match[2]:
        ticks += _clock_ticks(match[2], match[3], match[4], match[5])
    offset = (int(match[7]) * 60 + int(match[8])) * (-1 if match[6] == "-" else 1) if match[6] else 0
    return Zoned(ticks - offset * 60 * _SECOND, offset)


def _moment_of(text: str) -> int:
    return _zoned_of(text).ticks


def _time_of(text: str) -> int:
    match = re.fullmatch(_TIME, text)
    if match is None:
        raise ValueError(text)
    return _clock_ticks(match[1], match[2], match[3], match[4])


def days_of(date: dt.date) -> int:
    return date.toordinal() - 1


def _rounded(ticks: int, unit: int) -> int:
    return (2 * ticks + unit) // (2 * unit)


def _to_scale(ticks: int, _: SqlType, target: SqlType, style: int = 0) -> int:
    unit = time_unit(target.args[0])
    return _rounded(ticks, unit) * unit


def _zoned_scale(value: Zoned, source: SqlType, target: SqlType, style: int) -> Zoned:
    return Zoned(_to_scale(value.ticks, source, target), value.offset_minutes)


def _moment_to_datetime(ticks: int, *_: object) -> int:
    return _rounded((ticks - _DAY_1900 * TICKS_PER_DAY) * 300, _SECOND)


def _moment_to_minutes(ticks: int, *_: object) -> int:
    return _rounded(ticks - _DAY_1900 * TICKS_PER_DAY, 60 * _SECOND)


def _moment_to_date(ticks: int, *_: object) -> dt.date:
    return _YEAR_1 + dt.timedelta(days=ticks // TICKS_PER_DAY)


def _clock_text(ticks: int, scale: int) -> str:
    seconds, fraction = divmod(ticks, _SECOND)
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{text}.{fraction:07}"[: len(text) + 1 + scale] if scale else text


def _moment_text(ticks: int, scale: int, between: str = " ") -> str:
    return f"{_moment_to_date(ticks).isoformat()}{between}{_clock_text(ticks % TICKS_PER_DAY, scale)}"


def _show_moment(ticks: int, source: SqlType, target: SqlType, style: int) -> bytes:
    if style not in (0, 121, 126):
        raise _unknown(source, target, style)
    return _written(_moment_text(ticks, source.args[0], "T" if style == 126 else " "), target)


def _show_zoned(value: Zoned, source: SqlType, target: SqlType, style: int) -> bytes:
    if style not in (0, 121):
        raise _unknown(source, target, style)
    minutes = abs(value.offset_minutes)
    local = _moment_text(value.ticks + value.offset_minutes * 60 * _SECOND, source.args[0])
    sign = "-" if value.offset_minutes < 0 else "+"
    return _written(f"{local} {sign}{minutes // 60:02}:{minutes % 60:02}", target)


def _show_datetime(value: int, source: SqlType, target: SqlType, style: int) -> bytes:
    """With its thirds of a hundredth as milliseconds: .000, .003 and .007."""
    if style not in (121, 126):
        raise _unknown(source, target, style)
    milliseconds = _rounded(value * 10, 3)
    text = _moment_text(_DAY_1900 * TICKS_PER_DAY + milliseconds * 10_000, 3, "T" if style == 126 else " ")
    return _written(text.removesuffix(".000") if style == 126 else text, target)


def _show_minutes(value: int, source: SqlType, target: SqlType, style: int) -> bytes:
    if style not in (121, 126):
        raise _unknown(source, target, style)
    moment = _DAY_1900 * TICKS_PER_DAY + value * 60 * _SECOND
    return _written(_moment_text(moment, 0 if style == 126 else 3, "T" if style == 126 else " "), target)


# ---- all of them

_I, _E, _R, _N, _W = Family.INTEGER, Family.EXACT, Family.FLOAT, Family.NARROW, Family.WIDE
_B, _G, _D, _T, _M, _Z = Family.BINARY, Family.GUID, Family.DATE, Family.TIME, Family.MOMENT, Family.ZONED
_300, _60, _V = Family.DATETIME, Family.MINUTES, Family.VARIANT


def _same(value: Any, *_: object) -> Any:
    return value


_FROM_TEXT: dict[Family, Cast] = {
    _N: _text_to_text,
    _W: _text_to_text,
    _B: _text_to_bytes,
    _I: _parsed(int, _to_integer),
    _E: _parsed(Decimal, _to_exact),
    _R: _parsed(float),
    _G: _parsed(UUID),
    _D: _parsed(dt.date.fromisoformat),
    _T: _parsed(_time_of, _to_scale),
    _M: _parsed(_moment_of, _to_scale),
    _Z: _parsed(_zoned_of, _zoned_scale),
    _300: _parsed(_moment_of, _moment_to_datetime),
    _60: _parsed(_moment_of, _moment_to_minutes),
}
_TO_TEXT: dict[Family, Cast] = {
    _I: _integer_text,
    _E: _exact_text,
    _R: _float_text,
    _B: _bytes_to_text,
    _G: lambda value, source, target, style: _written(str(value).upper(), target),
    _D: lambda value, source, target, style: _written(value.isoformat(), target),
    _T: lambda value, source, target, style: _written(_clock_text(value, source.args[0]), target),
    _M: _show_moment,
    _Z: _show_zoned,
    _300: _show_datetime,
    _60: _show_minutes,
}
_CASTS: dict[tuple[Family, Family], Cast] = {
    **{(text, family): read for text in (_N, _W) for family, read in _FROM_TEXT.items()},
    **{(family, text): show for text in (_N, _W) for family, show in _TO_TEXT.items()},
    (_B, _B): _to_bytes,
    (_R, _B): _float_to_bytes,
    (_G, _B): lambda value, source, target, style: _to_bytes(value.bytes_le, source, target, style),
    (_B, _G): lambda value, source, target, style: UUID(bytes_le=bytes(value)[:16].ljust(16, b"\0")),
    (_G, _G): _same,
    (_I, _I): _to_integer,
    (_E, _I): _to_integer,
    (_R, _I): _to_integer,
    (_I, _E): _to_exact,
    (_E, _E): _to_exact,
    (_R, _E): _to_exact,
    (_I, _R): lambda value, *_: float(value),
    (_E, _R): lambda value, *_: float(value),
    (_R, _R): _same,
    (_D, _D): _same,
    (_D, _M): lambda value, *_: days_of(value) * TICKS_PER_DAY,
    (_T, _T): _to_scale,
    (_M, _M): _to_scale,
    (_M, _D): _moment_to_date,
    (_M, _300): _moment_to_datetime,
    (_M, _60): _moment_to_minutes,
    (_M, _T): lambda value, source, target, style: _to_scale(value % TICKS_PER_DAY, source, target),
    (_Z, _Z): _zoned_scale,
    (_300, _300): _same,
    (_60, _60): _same,
    (_60, _300): lambda value, *_: value * 60 * 300,
    **{
        (_V, family): lambda value, source, target, style: converter(value.type, target, style)(value.value)
        for family in Family
        if family is not _V
    },
}
