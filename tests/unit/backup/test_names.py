from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.backup.names import Names, left_behind, new_names

_NOW = datetime(2026, 11, 21, 2, 0, 0, tzinfo=UTC)


def test_no_name_is_given_twice(tmp_path: Path) -> None:
    given = []
    for ending in (".dump", ".json", ".roles.sql.partial"):
        names = new_names(tmp_path, "shop", _NOW)
        (tmp_path / f"{names.stem}{ending}").touch()
        given.append(names.stem)
    assert given == ["shop_20261121_020000", "shop_20261121_020000_2", "shop_20261121_020000_3"]


@given(st.text(min_size=1, max_size=63))
def test_any_database_has_a_name_that_is_a_file_of_the_folder(database: str) -> None:
    names = new_names(Path(__file__).parent, database, _NOW)
    assert names.owns(names.archive)
    assert names.owns(names.roles)
    assert Path(names.stem).name == names.stem
    assert len(f"{names.verified}.partial".encode()) < 255


@pytest.mark.parametrize(
    "path",
    ["../x", "/x", "x", "shop_20261121_020000.dump/../x", "shop_20261121_020000.dump/a/b", "shop_20261121_020000.dump/",
     "shop_20261121_020000.dump/.", "shop_20261121_020000.dump/..", "shop_20261121_020000.json", "c:\\x"],
)  # fmt: skip
def test_no_other_path_is_its_own(path: str) -> None:
    names = Names("shop_20261121_020000")
    assert names.owns("shop_20261121_020000.dump/toc.dat")
    assert not names.owns(path)
    assert not Names("..").owns("../.dump")


def test_only_what_a_backup_had_begun_is_left_behind(tmp_path: Path) -> None:
    for name in ("shop_20261121_020000.dump.partial", "mine.partial", "shop_20261121_020000.dump", "x.dump.partial"):
        (tmp_path / name).touch()
    assert [path.name for path in left_behind(tmp_path)] == ["shop_20261121_020000.dump.partial"]
