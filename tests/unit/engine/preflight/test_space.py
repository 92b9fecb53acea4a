"""What is free, and where it is looked for."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql

from pipeline.catalog import Catalog
from pipeline.dialects.access import ACCESS
from pipeline.dialects.draft import draft
from pipeline.engine.plan import make_plan
from pipeline.engine.preflight import space
from pipeline.engine.preflight.target import Coming
from pipeline.errors import SettingsError, TargetError
from pipeline.ledger.ledger import Ledger
from pipeline.mapping.models import ColumnMapping, Condition
from pipeline.postgres.connect import Connection, Target, connect
from pipeline.postgres.disk import _runs_here, data_directories
from tests.unit.engine.preflight.conftest import GOODS


def sized(coming: Coming, size: int) -> Coming:
    return replace(coming, fingerprint=replace(coming.fingerprint, bytes=size))


def test_twice_the_source_passes_less_warns_and_less_than_the_source_fails(session: Connection, coming: Coming) -> None:
    (directory,) = data_directories(session)
    free = shutil.disk_usage(directory).free
    assert space.disk(session, sized(coming, free // 4)).mend is None
    assert space.disk(session, sized(coming, free * 3 // 4)).mend
    with pytest.raises(TargetError, match="free on the server's disk"):
        space.disk(session, sized(coming, free * 4))


PARTS: dict[str, dict[str, Any]] = {
    "not every table": {"only": ("goods",)},
    "not every column": {"columns": {"ID": ColumnMapping(to="id", type="integer"), "Name": ColumnMapping(skip=True)}},
    "not every row": {"filter": (Condition(column="ID", op=">", value=7),)},
}


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
def test_what_is_a_part_of_the_source_is_never_refused_for_its_size(
    session: Connection, coming: Coming, part: dict[str, Any]
) -> None:
    edited = {name: value for name, value in part.items() if name != "only"}
    catalog = Catalog((GOODS,))
    mapping = draft(catalog, dialect=ACCESS).mapping
    mapping = mapping.model_copy(update={"tables": {"Goods": mapping.tables["Goods"].model_copy(update=edited)}})
    plan = make_plan(catalog, mapping, ACCESS, only=part.get("only", ()))
    assert space.disk(session, replace(sized(coming, 1 << 60), plan=plan)).mend


def test_what_is_begun_is_never_refused_for_its_size(session: Connection, coming: Coming) -> None:
    huge = sized(coming, 1 << 60)
    Ledger(session).install()
    with pytest.raises(TargetError):
        space.disk(session, huge)
    session.execute("insert into _naru.run values ('r', '', '', '', '', '', '', 1)")
    session.execute(
        "insert into _naru.load (target_schema, target_table, source_table, run_id, fingerprint, mapping_digest)"
        " values ('public', 'goods', 'Goods', 'r', '', '')"
    )
    assert space.disk(session, huge).mend


def test_what_cannot_be_seen_is_unknown_and_no_pass(as_clerk: Connection, session: Connection, coming: Coming) -> None:
    assert data_directories(as_clerk) == (), "this role is not told"
    said = space.disk(as_clerk, coming)
    assert said.text.startswith("unknown")
    assert said.mend
    role = sql.Identifier(as_clerk.info.user)
    session.execute(sql.SQL("grant pg_read_all_settings to {}").format(role))
    assert space.disk(as_clerk, coming).mend is None
    assert space.disk(session, sized(coming, 0)).text.startswith("unknown: the source")


def test_a_process_that_is_no_postgres_is_no_server_of_this_machine() -> None:
    assert not _runs_here(os.getpid())
    assert not _runs_here(2**31 - 1)


def test_the_tablespace_that_new_tables_go_to_is_looked_at(database: Target, session: Connection) -> None:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        place = Path(name, "space").resolve()
        place.mkdir()
        place.chmod(0o777)
        made = sql.Identifier(f"space_{database.database}")
        session.execute(sql.SQL("create tablespace {} location {}").format(made, sql.Literal(str(place))))
        try:
            here = sql.Identifier(database.database)
            session.execute(sql.SQL("alter database {} set default_tablespace = {}").format(here, made))
            with connect(database, application_name="t", autocommit=True) as connection:
                assert place in data_directories(connection)
        finally:
            session.execute(sql.SQL("drop tablespace {}").format(made))


def test_a_directory_that_takes_no_log_is_refused(tmp_path: Path) -> None:
    assert space.logs(tmp_path).mend is None
    with pytest.raises(SettingsError, match="no log can be written"):
        space.logs(Path(os.devnull, "logs") if os.name == "nt" else _gone(tmp_path))


def test_what_only_has_the_name_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("no directory", encoding="utf-8")
    with pytest.raises(SettingsError, match="no log can be written"):
        space.logs(tmp_path / "logs")


def _gone(tmp_path: Path) -> Path:
    """A directory in which nobody, root neither, can make a file: one of /proc."""
    place = Path("/proc/self/fdinfo")
    if not place.is_dir():
        pytest.skip("no /proc here")
    return place
