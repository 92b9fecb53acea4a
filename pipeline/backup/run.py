"""A backup: dumped and counted at one moment, read back whole, and only then given its name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import pipeline
from pipeline.backup.content import read_whole, sequences_between
from pipeline.backup.files import check_space, measured, partial, publish, refusals, remove, size_so_far, write_whole
from pipeline.backup.folder import Backup, all_backups, open_backup
from pipeline.backup.manifest import Format, Manifest, SequenceContent, as_text
from pipeline.backup.names import Names, left_behind, new_names
from pipeline.backup.phase import Observer, Phase, phase
from pipeline.errors import BackupError
from pipeline.log import get_logger
from pipeline.postgres.client.programs import Programs
from pipeline.postgres.client.run import link, run_client
from pipeline.postgres.connect import Connection, Target, translated
from pipeline.postgres.records import one
from pipeline.postgres.sequences import find_sequences, stands
from pipeline.postgres.sql import query
from pipeline.postgres.tally import LOCK_WAIT_S, Moment, one_moment

_END_OF_ROLES = b"\n-- PostgreSQL database cluster dump complete\n"
"""pg_dumpall does not look whether its writes succeed: on a full disk its exit code is 0 (measured: 15.18, 18.6)."""

_log = get_logger()


@dataclass(frozen=True, slots=True)
class Facts:
    """Of the database, as its server tells them."""

    server: str
    cluster: str
    bytes: int
    extensions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """What shall be backed up, where to, and how; its directory is locked by whoever runs it."""

    target: Target
    connection: Connection
    programs: Programs
    folder: Path
    archive: Format
    jobs: int
    observer: Observer


def back_up(order: Order) -> Backup:
    """Write one backup, or nothing that could be taken for one; raises BackupError, TargetError."""
    with refusals(f"{order.folder} cannot be read"):
        for path in left_behind(order.folder):
            _log.info("removing what a killed backup left", path=str(path))
            remove(path)
        names = new_names(order.folder, order.target.database, datetime.now().astimezone())
    earlier, _ = all_backups(order.folder)
    facts = _facts(order.connection)
    last = _last_bytes(order, facts, earlier)
    check_space(order.folder, last * 5 // 4 if last else facts.bytes)
    try:
        manifest = _written(order, names, facts, [it.manifest for it in earlier], expected=last or facts.bytes)
        with refusals(f"{order.folder} cannot be written"):
            for name in sorted({file.path.split("/")[0] for file in manifest.files}):
                publish(partial(order.folder / name), order.folder / name)
        write_whole(order.folder / names.manifest, as_text(manifest))
    except BaseException:
        _discard(order.folder, names)
        raise
    return open_backup(order.folder / names.manifest)


def _written(order: Order, names: Names, facts: Facts, earlier: list[Manifest], *, expected: int) -> Manifest:
    """All but the manifest, under names that end in .partial; so many bytes are expected."""
    created_at = datetime.now(UTC)
    own = [it for it in earlier if (it.cluster, it.database) == (facts.cluster, order.target.database)]
    archive, roles = (partial(order.folder / name) for name in (names.archive, names.roles))
    with one_moment(order.connection) as moment:
        sequences = _dump(order, archive, moment, expected)
        tables, large_objects = read_whole(
            moment, order.observer, "counting and hashing every table at the same moment"
        )
    roles_error = _dump_roles(order, roles)
    with phase(order.observer, "reading it back"):
        run_client(order.programs, "pg_restore", "--file=-", archive)
    with phase(order.observer, "hashing its files", "bytes", size_so_far(archive)) as now:
        files = measured(archive, PurePosixPath(names.archive), now.advance)
        files += [] if roles_error else measured(roles, PurePosixPath(names.roles), now.advance)
    return Manifest(
        format=2,
        name=names.stem,
        sequence=1 + max((it.sequence for it in earlier), default=0),
        created_at=created_at,
        day=max([created_at.astimezone().date(), *(it.day for it in own)]),
        tool=pipeline.__version__,
        pg_dump=order.programs.version,
        server=facts.server,
        target=order.target.describe(),
        cluster=facts.cluster,
        database=order.target.database,
        database_bytes=facts.bytes,
        extensions=facts.extensions,
        archive=order.archive,
        files=tuple(files),
        roles_error=roles_error,
        tables=tables,
        sequences=sequences,
        large_objects=large_objects,
        read_back_at=datetime.now(UTC),
    )


def _dump(order: Order, archive: Path, moment: Moment, expected: int) -> tuple[SequenceContent, ...]:
    """The sequences as they stood meanwhile."""
    sequences = find_sequences(order.connection)
    before = stands(order.connection, sequences)
    text = f"dumping {len(moment.tables):,} tables with pg_dump {order.programs.version}"
    with phase(order.observer, text, "bytes", expected) as now:
        _run_pg_dump(order, archive, moment, now)
        now.reach(size_so_far(archive))
    seen = sequences_between(sequences, before, stands(order.connection, sequences))
    for sequence in (it for it in seen if it.was_set_back):
        _log.warning("set back during the dump: where it stands cannot be compared", sequence=sequence.full_name)
    return seen


def _run_pg_dump(order: Order, archive: Path, moment: Moment, now: Phase) -> None:
    options = ["--no-password", f"--format={order.archive}", f"--snapshot={moment.snapshot}"]
    # Between our lock of a table and pg_dump's, another may wait to alter it: pg_dump would wait for that one forever.
    options.append(f"--lock-wait-timeout={LOCK_WAIT_S}s")
    if order.archive is Format.DIRECTORY:
        options.append(f"--jobs={order.jobs}")
    options += [f"--file={archive}", f"--dbname={link(order.target)}"]
    watch = (lambda: now.reach(size_so_far(archive))) if order.observer.live else None
    run_client(order.programs, "pg_dump", *options, target=order.target, watch=watch)


def _dump_roles(order: Order, roles: Path) -> str | None:
    """Why the roles may not be read, as on some managed servers: the rows are whole without them.

    Raises BackupError where they may be, and are not there all the same.
    """
    where = link(order.target)
    # --dbname alone leaves the database out, and connects to another, where the role may have no business.
    options = ("--roles-only", "--no-role-passwords", "--no-password", f"--dbname={where}", f"--database={where}")
    try:
        run_client(order.programs, "pg_dumpall", *options, f"--file={roles}", target=order.target)
    except BackupError as error:
        with translated("asking which rights the role has"):
            (readable,) = one(order.connection, query("roles_readable"))
        if readable:
            raise
        _log.warning("roles are not in the backup", error=error.message)
        remove(roles)
        return error.message
    with refusals(f"{roles} cannot be read back"):
        if _END_OF_ROLES not in roles.read_bytes():
            raise BackupError(
                "pg_dumpall has written no more than a part of the roles",
                hint="free space, or name another directory with --to or BACKUP_DIR",
            )
    return None


def _facts(connection: Connection) -> Facts:
    with translated("asking the server about the database"):
        server, cluster, size, extensions = one(connection, query("database_facts"))
    return Facts(server, cluster, size, tuple(extensions))


def _last_bytes(order: Order, facts: Facts, earlier: list[Backup]) -> int | None:
    """What the last good backup of the database took: the best guess of what the next one will."""
    own = facts.cluster, order.target.database
    return next((it.manifest.bytes for it in reversed(earlier) if it.database == own and it.good), None)


def _discard(folder: Path, names: Names) -> None:
    """Of a backup without a manifest, whatever is there of it."""
    for name in (names.manifest, names.roles, names.archive):
        for path in (partial(folder / name), folder / name):
            try:
                remove(path)
            except OSError as error:
                _log.warning("cannot be removed, and is no backup", path=str(path), error=error.strerror)
