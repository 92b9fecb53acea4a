"""What lies in an OLE Object of Access: the embedded file's bytes, its name and its class.

Access writes a header of its own (signature 0x1C15, name and class), then an OLE 1.0 stream as [MS-OLEDS] 2.2 has it:
class name and native data of an embedded object, then a picture of it and a checksum, which unwrapping leaves behind.
A Package (any file that was dropped in) holds label, original path, and the file. A value without the signature was
never wrapped and stays as it is. Measured on the pictures of Northwind and a Word document of 1997.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PureWindowsPath

import polars as pl

from pipeline.transform.compound import MAGIC, Compound, DamagedCompound
from pipeline.transform.step import Stepped, somewhere

_SIGNATURE = b"\x15\x1c"
_LINKED, _EMBEDDED, _PICTURE = 1, 2, 5
_PACKED_FILE = 3
_EMBEDDING_STREAMS = (("Package", b"PK\x03\x04"), ("CONTENTS", b"%PDF"))
"""Of Office since 2007 and of Acrobat."""
_LONGEST_NAME = 1 << 16


class Damaged(ValueError):
    """Why a wrapper cannot be opened; the message is what the reject tells."""


@dataclass(frozen=True, slots=True)
class Unwrapped:
    data: bytes
    file_name: str | None = None
    class_name: str | None = None


@dataclass(frozen=True, slots=True)
class OlePart:
    """One field of `Unwrapped`; `codec` is that of names, None takes ASCII alone."""

    take: Callable[[Unwrapped], bytes | str | None]
    dtype: pl.DataType
    codec: str | None
    name: str = "ole_unwrap"

    def __call__(self, values: pl.Series) -> Stepped:
        parts: list[bytes | str | None] = []
        why: dict[int, str] = {}
        for row, value in enumerate(values):
            try:
                parts.append(None if value is None else self.take(unwrap(value, self.codec)))
            except Damaged as error:
                parts.append(None)
                why[row] = str(error)
        taken = pl.Series(parts, dtype=self.dtype)
        refused = pl.repeat(False, len(values), eager=True).scatter(list(why), values=True) if why else None
        # Of the other parts nothing is lost: they come beside the value.
        lost = somewhere(values.ne_missing(taken) & taken.is_not_null()) if self.dtype == pl.Binary else None
        return Stepped(taken, refused, lost, why)


def unwrap(value: bytes, codec: str | None = None) -> Unwrapped:
    """Raises Damaged where a wrapper begins and is not followed to its end."""
    if not value.startswith(_SIGNATURE):
        return Unwrapped(value)
    header = _Reader(value, 2)
    size, _, _, class_length, _, class_at = header.numbers("<HIHHHH")
    program = _text(_Reader(value, class_at).take(class_length).partition(b"\0")[0], codec)
    stream = _Reader(value, size)
    _, form = stream.numbers("<II")
    known = _text(stream.counted().rstrip(b"\0"), codec)
    if form == _PICTURE:
        stream.numbers("<II")  # width and height
        return Unwrapped(stream.counted(), class_name=program or known or None)
    topic, _ = stream.counted(), stream.counted()
    if form == _LINKED:
        raise Damaged(f"is a link to {topic[:200].decode('latin-1')!r} and holds no file")
    if form != _EMBEDDED:
        raise Damaged(f"is OLE of form {form}, which is not known")
    native = stream.counted()
    if known == "Package":
        return _package(native, codec)
    return _object(native, program or known or None, codec)


def _object(native: bytes, kind: str | None, codec: str | None) -> Unwrapped:
    """An OLE 2 object is a compound file: one around another file, or, of old Office, the document itself."""
    if not native.startswith(MAGIC):
        return Unwrapped(native, class_name=kind)
    try:
        compound = Compound(native)
        packed = compound.stream("\x01Ole10Native")
        if packed is not None:
            return _package(_Reader(packed, 0).counted(), codec)
        for name, magic in _EMBEDDING_STREAMS:
            inner = compound.stream(name)
            if inner is not None and inner.startswith(magic):
                return Unwrapped(inner, class_name=kind)
    except DamagedCompound as error:
        raise Damaged(str(error)) from error
    return Unwrapped(native, class_name=kind)


def _package(native: bytes, codec: str | None) -> Unwrapped:
    """Label, original path, kind, path of a temporary file, the file; since Windows XP its names as UTF-16 after it."""
    reader = _Reader(native, 2)
    label, path = reader.terminated(), reader.terminated()
    _, kind = reader.numbers("<HH")
    if kind != _PACKED_FILE:
        raise Damaged(f"is a package of kind {kind}: a command or a link, and no file")
    reader.counted()
    data = reader.counted()
    names = _wide_names(reader) or tuple(_text(name, codec) for name in (label, path))
    return Unwrapped(data, PureWindowsPath(names[1]).name or names[0] or None, "Package")


def _wide_names(reader: _Reader) -> tuple[str, str] | None:
    """Label and path, as the packager writes them since it knows Unicode; None where it did not."""
    try:
        _, label, path = (reader.take(2 * reader.numbers("<I")[0]).decode("utf-16-le") for _ in range(3))
    except (Damaged, UnicodeDecodeError):
        return None
    return label.rstrip("\0"), path.rstrip("\0")


def _text(raw: bytes, codec: str | None) -> str:
    if len(raw) > _LONGEST_NAME:
        raise Damaged("has a name of more than 64 KiB")
    try:
        return raw.decode(codec or "ascii")
    except UnicodeDecodeError:
        told = f"that is not {codec}" if codec else "beyond ASCII: name its encoding, as `encoding: {repair: cp949}`"
        raise Damaged(f"has a name {told}") from None


class _Reader:
    """Walks forward through bytes; each step raises Damaged at their end."""

    def __init__(self, content: bytes, at: int) -> None:
        self._content, self._at = content, at

    def numbers(self, form: str) -> tuple[int, ...]:
        return struct.unpack(form, self.take(struct.calcsize(form)))

    def take(self, length: int) -> bytes:
        end = self._at + length
        if end > len(self._content):
            raise Damaged(f"claims {length} bytes at {self._at} of {len(self._content)}")
        piece = self._content[self._at : end]
        self._at = end
        return piece

    def counted(self) -> bytes:
        return self.take(self.numbers("<I")[0])

    def terminated(self) -> bytes:
        end = self._content.find(b"\0", self._at)
        if end < 0:
            raise Damaged("has a name without end")
        return self.take(end + 1 - self._at)[:-1]
