"""OLE objects as Access stores them, written from [MS-OLEDS] 2.2 and the form of Access's own header."""

from __future__ import annotations

import struct

from pipeline.transform.compound import MAGIC

EMBEDDED, LINKED, PICTURE = 2, 1, 5


def counted(text: bytes) -> bytes:
    return struct.pack("<I", len(text)) + text


def ansi(text: bytes) -> bytes:
    """LengthPrefixedAnsiString: its length counts the NUL, and nothing at all is just a length of 0."""
    return counted(text + b"\0" if text else b"")


def wrapped(stream: bytes, *, name: bytes = b"Bitmap Image", program: bytes = b"Paint.Picture") -> bytes:
    names = name + b"\0" + program + b"\0"
    lengths = (len(name) + 1, len(program) + 1, 20, 20 + len(name) + 1)
    head = struct.pack("<2sHI4HI", b"\x15\x1c", 20 + len(names), 2, *lengths, 0xFFFFFFFF)
    return head + names + stream


def object_header(form: int, kind: bytes, topic: bytes = b"", item: bytes = b"") -> bytes:
    return struct.pack("<II", 0x501, form) + ansi(kind) + ansi(topic) + ansi(item)


def embedded(kind: bytes, native: bytes) -> bytes:
    picture = struct.pack("<II", 0x501, 0)
    return object_header(EMBEDDED, kind) + counted(native) + picture + b"\xc7\xad\x05\xfe"


def package(label: bytes, path: bytes, data: bytes, *, kind: int = 3, wide: tuple[str, str] | None = None) -> bytes:
    temporary = b"C:\\TEMP\\" + label + b"\0"
    made = struct.pack("<H", 2) + label + b"\0" + path + b"\0" + struct.pack("<HH", 0, kind)
    made += counted(temporary) + counted(data)
    for text in ("", *wide) if wide else ():
        made += struct.pack("<I", len(text)) + text.encode("utf-16-le")
    return made


def packed(label: bytes, path: bytes, data: bytes, *, kind: int = 3, wide: tuple[str, str] | None = None) -> bytes:
    native = package(label, path, data, kind=kind, wide=wide)
    return wrapped(embedded(b"Package", native), name=b"Package", program=b"Package")


def compound(streams: dict[str, bytes], *, shift: int = 9) -> bytes:
    """A compound file ([MS-CFB]) with these streams in its root; those below 4096 bytes lie in the mini stream."""
    size, sectors, fat = 1 << shift, [], []
    mini, mini_fat, placed = b"", [], []

    def put(content: bytes) -> int:
        first = len(sectors)
        sectors.extend(content[at : at + size].ljust(size, b"\0") for at in range(0, len(content), size))
        fat.extend([*range(first + 1, len(sectors)), END] if len(sectors) > first else [])
        return first if len(sectors) > first else END

    for content in streams.values():
        if len(content) >= 4096:
            placed.append(put(content))
            continue
        placed.append(len(mini_fat) if content else END)
        pieces = -(-len(content) // 64)
        mini_fat += [*range(len(mini_fat) + 1, len(mini_fat) + pieces), END] if pieces else []
        mini += content.ljust(pieces * 64, b"\0")
    entries = _directory_entry("Root Entry", 5, NONE, 1 if streams else NONE, put(mini), len(mini))
    for number, (name, content) in enumerate(streams.items(), 1):
        after = number + 1 if number < len(streams) else NONE
        entries += _directory_entry(name, 2, after, NONE, placed[number - 1], len(content))
    directory, table = put(entries), put(struct.pack(f"<{len(mini_fat)}I", *mini_fat))
    own = -(-len(sectors) * 4 // (size - 4))
    first = len(sectors)
    fat += [0xFFFFFFFD] * own
    raw = struct.pack(f"<{len(fat)}I", *fat).ljust(own * size, b"\xff")
    listed = [*range(first, first + own), *[NONE] * (109 - own)]
    more = struct.pack("<128I", *listed[109:], *[NONE] * (127 - len(listed[109:])), END) if own > 109 else b""
    last = first + own if more else END
    head = MAGIC + bytes(16) + struct.pack("<5H", 0x3E, {9: 3, 12: 4}[shift], 0xFFFE, shift, 6) + bytes(10)
    head += struct.pack("<8I", own, directory, 0, 4096, table, len(mini_fat) > 0, last, bool(more))
    head += struct.pack("<109I", *listed[:109])
    return head.ljust(size, b"\0") + b"".join(sectors) + raw + more


END, NONE = 0xFFFFFFFE, 0xFFFFFFFF


def _directory_entry(name: str, kind: int, right: int, child: int, start: int, length: int) -> bytes:
    spelled = name.encode("utf-16-le") + b"\0\0"
    links = struct.pack("<3I", NONE, right, child) + bytes(36)
    return (
        spelled.ljust(64, b"\0")
        + struct.pack("<HBB", len(spelled), kind, 1)
        + links
        + struct.pack("<IQ", start, length)
    )
