"""What an observer and the log get to know of a phase."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from pipeline.backup.content import differences
from pipeline.backup.files import size_so_far
from pipeline.backup.manifest import Format
from pipeline.backup.phase import Phase, Unit, phase
from pipeline.backup.run import Order, back_up
from pipeline.backup.verify import fill, verify_by_reading
from pipeline.errors import BackupError
from pipeline.postgres.client.programs import Need, programs_for
from pipeline.postgres.connect import Target, connect
from pipeline.postgres.databases import create_database, drop_database
from pipeline.settings import Settings


class Watching:
    """Keeps what it is told."""

    live = True

    def __init__(self) -> None:
        self.began: list[tuple[str, Unit | None, int | None]] = []
        self.told: dict[str, list[tuple[int, str]]] = {}
        self.under_way = 0

    def begins(self, text: str, unit: Unit | None, total: int | None) -> None:
        self.began.append((text, unit, total))
        self.told[text] = []
        self.under_way += 1

    def reached(self, done: int, name: str) -> None:
        self.told[self.began[-1][0]].append((done, name))

    def ends(self) -> None:
        self.under_way -= 1


def test_a_phase_that_fails_ends_and_is_not_logged_as_done() -> None:
    watching = Watching()

    def fails() -> None:
        with phase(watching, "dumping", "bytes", 10):
            assert watching.under_way == 1
            raise BackupError("no")

    with capture_logs() as events, pytest.raises(BackupError):
        fails()
    assert watching.under_way == 0
    assert events == []


def test_a_whole_backup_is_told_and_logged_phase_by_phase(database: Target, tmp_path: Path) -> None:
    watching = Watching()
    with connect(database, application_name="t", autocommit=True) as session, capture_logs() as events:
        session.execute("create table a as select 1 as id; create table b as select 2 as id")
        programs = programs_for(Settings(), Need.of(session))
        backup = back_up(Order(database, session, programs, tmp_path, Format.CUSTOM, 1, watching))
        verify_by_reading(backup, programs, watching)
        size = backup.archive.stat().st_size
        assert watching.told[f"dumping 2 tables with pg_dump {programs.version}"][-1] == (size, "")
        counting = "counting and hashing every table at the same moment"
        assert watching.told[counting] == [(0, "public.a"), (1, "public.b"), (2, "large objects")]
        assert watching.told["hashing its files"][-1][0] == backup.manifest.bytes
        assert watching.told[f"hashing the files of {backup.manifest.name}"][-1][0] == backup.manifest.bytes
        name = f"{database.database}_restored"
        create_database(session, name, None)
        with phase(watching, "restoring", "bytes", 1) as now:
            fill(backup, programs, database.with_database(name), now)
        assert differences(backup.manifest, database.with_database(name), watching) == []
        drop_database(session, name)
        back_up(Order(database, session, programs, tmp_path, Format.DIRECTORY, 1, watching))
    assert watching.under_way == 0
    assert (watching.began[-4][1], watching.began[-4][2]) == ("bytes", backup.manifest.bytes), (
        "as large as the last one"
    )
    ended = {event["phase"]: event for event in events if event["event"] == "phase ended"}
    assert [*ended] == [*dict.fromkeys(text for text, _, _ in watching.began)]
    assert ended[counting]["tables"] == 2
    assert ended["restoring"]["bytes"] > 1_000_000, "no database is smaller"
    assert all(event["seconds"] >= 0 for event in ended.values())


def test_what_is_being_written_is_measured_file_or_directory_or_nothing_yet(tmp_path: Path) -> None:
    assert size_so_far(tmp_path / "none") == 0
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "a").write_bytes(b"x" * 10)
    (tmp_path / "b").write_bytes(b"x" * 5)
    assert size_so_far(tmp_path / "b") == 5
    assert size_so_far(tmp_path) == 15
    assert Phase(Watching()).done == 0
