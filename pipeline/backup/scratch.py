"""A database to restore into and throw away: of a server of its own, or of the target's where that one falls short."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from pipeline.backup.files import check_space, refusals
from pipeline.backup.lock import alone_in
from pipeline.backup.manifest import Manifest
from pipeline.postgres.client.programs import Need
from pipeline.postgres.connect import Target, connect, translated
from pipeline.postgres.databases import create_database, drop_database
from pipeline.postgres.embedded import EmbeddedServer
from pipeline.postgres.records import one
from pipeline.postgres.sql import query

_NAME = "naru backup"


@dataclass(frozen=True, slots=True)
class Scratch:
    """An empty database, for one backup."""

    target: Target
    where: str
    """In words."""
    own_server: bool
    """Whether roles may be made on its server."""
    need: Need
    """Of its server."""
    decisive: bool
    """Whether what it refuses is refused everywhere: it is the backup's own server, and no right is missing."""


@contextmanager
def own_server(home: Path, manifest: Manifest) -> Iterator[Target]:
    """A server below `home` that is gone at the end, as is what a killed one left; raises BackupError, LockedError."""
    with refusals(f"{home} cannot be written"):
        home.mkdir(parents=True, exist_ok=True)
    with alone_in(home):
        place = home / "server"
        _remove(place)
        check_space(home, manifest.database_bytes)
        try:
            target = EmbeddedServer(place).ensure_running()
            with connect(target, application_name=_NAME, autocommit=True) as admin, translated("preparing the scratch"):
                admin.execute("alter system set fsync = off")  # what is thrown away need not survive
                admin.execute("select pg_reload_conf()")
            yield target
        finally:
            _remove(place)


def lack(server: Target, manifest: Manifest) -> str | None:
    """Why the backup cannot be restored there; None where it can."""
    with connect(server, application_name=_NAME, autocommit=True, any_encoding=True) as session:
        if session.info.server_version // 10000 < manifest.server_major:
            return f"it is of postgresql {manifest.server_major}"
        with translated("asking which extensions there are"):
            there = {name for (name,) in session.execute("select name from pg_available_extensions")}
    missing = [name for name in manifest.extensions if name not in there]
    return f"it needs the extension {', '.join(missing)}" if missing else None


@contextmanager
def scratch_database(server: Target, where: str, manifest: Manifest, *, own_server: bool) -> Iterator[Scratch]:
    """Made for the purpose, and dropped at the end; raises TargetError where the role may not."""
    name = f"naru_scratch_{uuid4().hex[:12]}"
    with connect(server, application_name=_NAME, autocommit=True, any_encoding=True) as admin:
        with translated("asking whether the server is like that of the backup"):
            (decisive,) = one(admin, query("decides_for"), [manifest.cluster])
        create_database(admin, name)
        try:
            yield Scratch(server.with_database(name), where, own_server, Need.of(admin), decisive)
        finally:
            drop_database(admin, name)


def _remove(place: Path) -> None:
    EmbeddedServer(place).stop()
    if place.exists():
        with refusals(f"{place}, which is not needed any more, cannot be removed"):
            shutil.rmtree(place)
