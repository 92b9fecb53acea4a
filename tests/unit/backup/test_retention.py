"""What goes is decided by the order and the days of the backups alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.backup.folder import Backup
from pipeline.backup.manifest import File, Format, Manifest
from pipeline.backup.retention import Keep, delete, surplus
from pipeline.errors import BackupError

_FIRST = datetime(2026, 1, 1, 12, tzinfo=UTC)
_MOMENTS = st.integers(-2000, 2000).map(lambda hours: _FIRST + timedelta(hours=5 * hours))
_KEEPS = st.builds(Keep, st.integers(1, 9), st.integers(0, 5), st.integers(0, 5))


def backup(sequence: int, at: datetime, *problems: str, database: str = "shop", day: date | None = None) -> Backup:
    name = f"{database}_{at:%Y%m%d_%H%M%S}_{sequence}"
    manifest = Manifest(
        format=1,
        name=name,
        sequence=sequence,
        created_at=at,
        day=day or at.date(),
        tool="t",
        pg_dump="18.6",
        server="18.6",
        target="t",
        cluster="1",
        database=database,
        database_bytes=0,
        extensions=(),
        archive=Format.CUSTOM,
        files=(File(path=f"{name}.dump", bytes=1, sha256="0" * 64),),
        roles_error=None,
        tables=(),
        read_back_at=at,
    )
    return Backup(Path("backups"), manifest, None, problems)


def written(moments: list[datetime]) -> list[Backup]:
    """As `backup run` numbers and dates them."""
    days = accumulate((at.date() for at in moments), max)
    return [backup(n + 1, at, day=day) for n, (at, day) in enumerate(zip(moments, days, strict=True))]


def nightly(count: int) -> list[Backup]:
    return [backup(n + 1, _FIRST + timedelta(days=n)) for n in range(count)]


def kept(backups: Sequence[Backup], keep: Keep) -> list[int]:
    gone = surplus(backups, keep)
    return [it.manifest.sequence for it in backups if it not in gone]


def test_days_weeks_and_months_each_keep_their_last() -> None:
    year = nightly(365)
    assert kept(year, Keep(7, 0, 0)) == [*range(359, 366)]
    assert kept(year, Keep(1, 3, 0)) == [354, 361, 365]  # two Sundays, and the last Thursday of December
    assert kept(year, Keep(1, 0, 3)) == [304, 334, 365]


def test_all_of_a_day_stay_together() -> None:
    hourly = [backup(n + 1, _FIRST.replace(hour=0) + timedelta(hours=n)) for n in range(48)]
    assert kept(hourly, Keep(1, 0, 0)) == [*range(25, 49)]


def test_a_month_without_backups_costs_none() -> None:
    before = nightly(7)
    after = backup(8, _FIRST + timedelta(days=60))
    assert kept([*before, after], Keep(7, 0, 0)) == [2, 3, 4, 5, 6, 7, 8]


def test_databases_do_not_take_each_others_places() -> None:
    other = [backup(100 + n, _FIRST + timedelta(days=n), database="other") for n in range(3)]
    assert {it.manifest.database for it in surplus([*nightly(30), *other], Keep(7, 0, 0))} == {"shop"}


def test_a_bad_one_keeps_no_place_and_is_left_to_the_user() -> None:
    backups = [*nightly(3), backup(4, _FIRST + timedelta(days=3), "truncated")]
    assert kept(backups, Keep(1, 0, 0)) == [3, 4]


@given(moments=st.lists(_MOMENTS, min_size=1, max_size=30), keep=_KEEPS)
def test_whatever_the_clock_did_the_newest_written_stay(moments: list[datetime], keep: Keep) -> None:
    backups = written(moments)
    remaining = kept(backups, keep)
    assert remaining[-1] == len(backups)
    # By days alone, what stays is what was written last, without a gap.
    by_days = kept(backups, Keep(keep.days, 0, 0))
    assert by_days == [*range(by_days[0], len(backups) + 1)]
    assert {*by_days} <= {*remaining}


@given(moments=st.lists(_MOMENTS, min_size=1, max_size=30), keep=_KEEPS)
def test_what_one_prune_leaves_the_next_one_leaves_too(moments: list[datetime], keep: Keep) -> None:
    backups = written(moments)
    gone = surplus(backups, keep)
    assert surplus([it for it in backups if it not in gone], keep) == []


def test_a_backup_stays_whole_where_others_have_put_something_into_its_directory(tmp_path: Path) -> None:
    one = replace(backup(1, _FIRST), folder=tmp_path)
    name = one.manifest.name
    files = tuple(File(path=f"{name}.dump/{part}", bytes=1, sha256="0" * 64) for part in ("toc.dat", "1.dat"))
    one = replace(one, manifest=one.manifest.model_copy(update={"files": files}))
    one.archive.mkdir()
    for file in files:
        (tmp_path / file.path).touch()
    foreign = one.archive / "theirs"
    foreign.mkdir()
    before = {*tmp_path.rglob("*")}
    with pytest.raises(BackupError, match="theirs is no part of backup"):
        delete(one)
    assert {*tmp_path.rglob("*")} == before
    foreign.rmdir()
    delete(one)
    assert [*tmp_path.iterdir()] == []
