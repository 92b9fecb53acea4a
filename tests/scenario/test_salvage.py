"""A damaged file through the command line: refused without `--salvage`, carried as far as it can be read with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.postgres.connect import Target, connect
from pipeline.sources.access.pages.codepage import Names
from pipeline.sources.access.pages.definition import read_definition
from pipeline.sources.access.pages.file import AccessFile
from pipeline.sources.access.pages.rows import data_pages, live_rows
from pipeline.sources.access.schema.objects import read_objects
from pipeline.sources.codepage import UTF_16
from tests.scenario.conftest import Naru
from tests.scenario.test_kill import kill_after

PAGE = 4096


@pytest.fixture
def damaged(naru: Naru, sample: Path) -> Path:
    """One page of audit_logs is zeroed, one row of it leads nowhere, and the definition of users is no longer one."""
    content = bytearray(sample.read_bytes())
    with AccessFile(sample) as file:
        names = Names(UTF_16)
        objects = read_objects(file, names).tables
        logs = read_definition(file, objects["audit_logs"].page, "audit_logs", names)
        pages = data_pages(file, logs).tolist()
        assert len(live_rows(file, logs, data_pages(file, logs)[5:6])) > 10
    content[pages[5] * PAGE : (pages[5] + 1) * PAGE] = bytes(PAGE)
    content[pages[9] * PAGE + 14 : pages[9] * PAGE + 16] = b"\x05\x00"
    content[objects["users"].page * PAGE] = 0
    path = naru.directory / "damaged.accdb"
    path.write_bytes(content)
    return path


def quarantine(
    target: Target, columns: str = "source_table, locator, stage, reason, detail"
) -> list[tuple[object, ...]]:
    with connect(target, application_name="t", autocommit=True) as connection:
        statement = f"select {columns} from _naru.reject where reason like 'unreadable%' order by locator, detail"
        return connection.execute(statement).fetchall()  # type: ignore[arg-type]


def count(target: Target, table: str) -> int:
    with connect(target, application_name="t", autocommit=True) as connection:
        ((found,),) = connection.execute(f"select count(*) from public.{table}").fetchall()  # type: ignore[arg-type]
    return int(found)


def test_a_damaged_file_is_carried_as_far_as_it_can_be_read(naru: Naru, damaged: Path, database: Target) -> None:
    refused = naru("migrate", damaged, code=4)
    assert "table 'users'" in refused
    assert "Compact and Repair" in refused
    assert "--salvage" in refused

    shown = naru("inspect", damaged)
    assert "users: is not carried, as its definition is damaged" in shown
    assert "routing_groups" in shown

    forecast = naru("migrate", damaged, "--salvage", "--dry-run")
    assert "1 rows would be refused: unreadable_page" in forecast

    said = naru("migrate", damaged, "--salvage", "--yes", code=1)
    assert ": incomplete: the source is damaged" in said
    places = quarantine(database)
    assert [place[3] for place in places] == ["unreadable_page", "unreadable_row", "unreadable_row"]
    assert {place[:1] + place[2:3] for place in places} == {("audit_logs", "source")}
    page = int(str(places[0][1])) // 256
    assert places[0][4] == f"page {page}: is of type 0, not a data page"
    assert count(database, "items") == 1250
    assert count(database, "routings") == 3450
    assert 4900 < count(database, "audit_logs") < 5000

    # Nothing changes when it is done again, and the counts of a second reading agree with the first.
    outcome = json.loads(naru("migrate", damaged, "--salvage", "--yes", "--json", code=1).split("\n}\n")[0] + "\n}")
    assert outcome["verdict"] == "incomplete"
    assert {f["subject"] for f in outcome["findings"]} == {"unreadable_schema", "unreadable_page", "unreadable_row"}
    assert quarantine(database) == places
    naru("verify", damaged, "--salvage", code=1)

    # Without --salvage the same load is another one.
    assert "table 'users'" in naru("migrate", damaged, "--yes", code=4)

    assert f"page {page}: is of type 0" in naru("rejects")
    replayed = naru("rejects", "replay", damaged, "--salvage", code=6)
    assert f"{len(places)} places of a damaged source cannot be replayed" in replayed
    assert quarantine(database) == places


def test_a_load_begun_with_salvage_is_not_continued_without(naru: Naru, sample: Path) -> None:
    naru("migrate", sample, "--salvage", "--yes")
    said = naru("migrate", sample, "--yes", code=4)
    assert "is read in another way" in said
    assert "--salvage" in said
    assert "complete" in naru("migrate", sample, "--salvage", "--yes")


def test_a_mapping_of_the_whole_file_serves_the_damaged_one(
    naru: Naru, sample: Path, damaged: Path, database: Target
) -> None:
    """audit_logs refers to users, which is lost: the table arrives without that relationship."""
    naru("map", sample, "-o", "whole.yaml")
    said = naru("migrate", damaged, "--mapping", "whole.yaml", "--salvage", "--yes", code=1)
    assert "incomplete" in said
    assert count(database, "items") == 1250


def test_kills_and_other_batch_sizes_give_the_quarantine_of_one_quiet_run(
    naru: Naru, large: Path, database: Target
) -> None:
    content = bytearray(large.read_bytes())
    with AccessFile(large) as file:
        names = Names(UTF_16)
        objects = read_objects(file, names).tables
        for name in ("routings", "items"):
            table = read_definition(file, objects[name].page, name, names)
            for page in data_pages(file, table).tolist()[::97]:
                content[page * PAGE : (page + 1) * PAGE] = bytes(PAGE)
            for page in data_pages(file, table).tolist()[50::97]:
                content[page * PAGE + 14 : page * PAGE + 16] = b"\x05\x00"
    path = naru.directory / "scribbled.accdb"
    path.write_bytes(content)
    for schema in ("whole", "killed"):
        naru("map", path, "--salvage", "-o", f"{schema}.yaml", "--schema", schema)
    command = ("migrate", path, "--salvage", "--yes", "--tables", "routings,items", "--mapping")
    with connect(database, application_name="t", autocommit=True) as connection:
        kills = 0
        for size in (3000, 500, 7000, 1000):
            kills += kill_after(naru, connection, 4, *command, "killed.yaml", "--batch-size", str(size))
    assert kills >= 3
    naru(*command, "killed.yaml", code=1)
    naru(*command, "whole.yaml", code=1)
    found: dict[str, list[tuple[object, ...]]] = {"whole": [], "killed": []}
    for schema, *place in quarantine(
        database, "target_schema, source_table, locator, reason, detail, row_values::text"
    ):
        found[str(schema)].append(tuple(place))
    assert len(found["whole"]) > 50
    assert found["whole"] == found["killed"]
