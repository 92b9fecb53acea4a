"""The pages of an encrypted file in the clear, for the reader to map like those of any other file."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from typing import IO, BinaryIO

from pipeline.errors import SourceChanged, SourceError
from pipeline.sources.access.encryption.scheme import Decrypt

_BUFFER_BYTES = 1 << 20


def plain_copy(stream: BinaryIO, file: str, *, page_size: int, pages: int, decrypt: Decrypt) -> IO[bytes]:
    """All pages, decrypted one at a time, in a temporary file that only this process can reach.

    On POSIX the file has no name (O_TMPFILE, or unlinked at once) and mode 0600; Windows deletes it with
    its last handle. So nothing readable stays, even after a kill -9; what an undelete tool finds on the disk
    is up to the disk's own encryption. Memory instead would cost as much of it as the file has bytes.
    The caller closes it. Raises SourceError, and SourceChanged when the file becomes shorter meanwhile.
    """
    with ExitStack() as stack:
        try:
            copy = stack.enter_context(tempfile.TemporaryFile(buffering=_BUFFER_BYTES, prefix="naru-"))
            stream.seek(0)
            copy.write(stream.read(page_size))
            for page in range(1, pages):
                copy.write(decrypt(page, _whole(stream.read(page_size), file, page_size)))
            copy.flush()
        except OSError as error:
            size = page_size * pages
            raise SourceError(
                f"{file}: cannot be decrypted into a temporary file: {error.strerror or error}",
                hint=f"it needs room for {size:,} bytes; TMPDIR (Windows: TEMP) names another folder",
            ) from error
        stack.pop_all()
    return copy


def _whole(content: bytes, file: str, page_size: int) -> bytes:
    if len(content) != page_size:
        raise SourceChanged(f"{file}: became shorter while it was read", hint="close Access, or work on a copy")
    return content
