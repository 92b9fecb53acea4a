"""pg_restore for a server that is older than it: what it would run there is run by psql.

pg_restore 17 and newer set a parameter first that older servers do not know, which no option leaves out (measured: 18.6
on a server of 15.18); and an older pg_restore does not read the archive of a newer pg_dump.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from itertools import islice
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from typing import IO

from pipeline.errors import BackupError
from pipeline.log import get_logger
from pipeline.postgres.client.programs import Programs
from pipeline.postgres.client.run import check_end, environment_of, last_words, link
from pipeline.postgres.connect import Target

_PSQL = ("--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1", "--single-transaction", "--file=-")
_UNKNOWN_BEFORE_17 = b"SET transaction_timeout = 0;"
_HEAD_LINES = 30
"""In which it stands; further on, a line may be a value."""
_PIECE_BYTES = 1 << 16

_log = get_logger()


def restore_as_text(programs: Programs, archive: Path, *options: str, target: Target) -> None:
    """All of it or nothing; raises BackupError with the end of what failed has said."""
    read = [str(programs.path("pg_restore")), *options, "--file=-", str(archive)]
    write = [str(programs.path("psql")), *_PSQL, f"--dbname={link(target)}"]
    _log.info("programs started", read=read, write=write)
    with (
        environment_of(target) as environment,
        tempfile.TemporaryFile() as read_said,
        tempfile.TemporaryFile() as write_said,
    ):
        try:
            with (
                Popen(write, env=environment, stdin=PIPE, stdout=DEVNULL, stderr=write_said) as writer,
                Popen(read, env=environment, stdin=DEVNULL, stdout=PIPE, stderr=read_said) as reader,
            ):
                _hand_over(reader, writer)
        except OSError as error:
            raise BackupError(f"psql or pg_restore: {error.strerror}", hint="see POSTGRESQL_BIN") from error
        if writer.returncode > 0:  # by itself; then the other could not go on
            check_end("psql", writer.returncode, last_words(write_said))
        check_end("pg_restore", reader.returncode, last_words(read_said))
        check_end("psql", writer.returncode, last_words(write_said))


def _hand_over(reader: Popen[bytes], writer: Popen[bytes]) -> None:
    """psql commits at the end of its input, so that it is killed before it sees one that has come too soon."""
    source, sink = _pipe(reader.stdout), _pipe(writer.stdin)
    try:
        with suppress(BrokenPipeError):  # psql has stopped, and says why
            _copy(source, sink)
            if reader.wait() != 0:
                writer.kill()
    except BaseException:
        writer.kill()
        reader.kill()
        raise
    finally:
        source.close()
        with suppress(BrokenPipeError):
            sink.close()


def _copy(source: IO[bytes], sink: IO[bytes]) -> None:
    for line in islice(source, _HEAD_LINES):
        sink.write(b"\n" if line.rstrip() == _UNKNOWN_BEFORE_17 else line)
    shutil.copyfileobj(source, sink, _PIECE_BYTES)
    sink.flush()


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise ValueError("no pipe was asked for")
    return stream
