"""The bytes of an attached file, out of the wrapper that Access keeps them in.

FileData is: u32, 1 for zlib and 0 for plain | u32 size of the content, unpacked | the content, which is: u32 size of
its header, itself included | u32 | u32 characters of the extension | the extension in UTF-16 | the file's bytes.
Measured on the attachments of 15 real files: both forms, and sizes that are exact in each.
"""

from __future__ import annotations

import zlib

CLAIM = 4
"""Where the size stands."""
_HEAD = 8
_CHUNK = 1 << 20
LARGEST = 256 << 20
"""Access attaches no file over 256 MB, so what claims to be larger is damage, or means to fill the memory."""
_PLAIN, _ZLIB = 0, 1
_LEAST_HEADER = 4


def unpack(data: bytes | memoryview) -> memoryview:
    """The attached file, as a view of the value or of what was unpacked; raises ValueError that says why there is none.

    Takes little more memory than the size that the value claims, which is at most `LARGEST`.
    """
    data = memoryview(data)
    if len(data) < _HEAD:
        raise ValueError(f"attachment is {len(data)} bytes, shorter than its head")
    form, size = int.from_bytes(data[:4], "little"), int.from_bytes(data[CLAIM:_HEAD], "little")
    if size > LARGEST:
        raise ValueError(f"attachment claims {size} bytes, more than Access attaches")
    if form not in (_PLAIN, _ZLIB):
        raise ValueError(f"attachment is packed in form {form}, which is not known")
    content = data[_HEAD:] if form == _PLAIN else _inflate(data, size)
    if len(content) != size:
        raise ValueError(f"attachment holds {len(content)} bytes where it claims {size}")
    header = int.from_bytes(content[:_LEAST_HEADER], "little")
    if not _LEAST_HEADER <= header <= size:
        raise ValueError(f"attachment has a header of {header} bytes in {size}")
    return content[header:]


def _inflate(data: memoryview, size: int) -> memoryview:
    """At most one byte over the size, so that what is too large is seen and not made; grown in place."""
    stream, content, at = zlib.decompressobj(), bytearray(), _HEAD
    while at < len(data) and not stream.eof:
        try:
            content += stream.decompress(data[at : at + _CHUNK], size + 1 - len(content))
        except zlib.error as error:
            raise ValueError(f"attachment does not unpack: {error}") from error
        if len(content) > size:
            raise ValueError(f"attachment unpacks to more than the {size} bytes it claims")
        at += _CHUNK
    if not stream.eof:
        raise ValueError("attachment ends before its packed data does")
    if after := len(stream.unused_data) + max(len(data) - at, 0):
        raise ValueError(f"attachment has {after} bytes after its packed data")
    return memoryview(content)
