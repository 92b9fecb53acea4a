"""A database in two files: what links lead to, under which names, and what keeps them from it.

The sample is both files: each test says which of its tables stay in the main one, and what links it has.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.catalog import Table
from pipeline.errors import SourceChanged, SourceError, UsageError
from pipeline.sources.access import AccessSource, LinkedSource, source
from pipeline.sources.access.pages.codepage import Names
from pipeline.sources.access.pages.file import AccessFile
from pipeline.sources.access.schema.link import Link
from pipeline.sources.access.schema.objects import Objects, read_objects
from tests.unit.sources.access.encryptors import PASSWORD, Agile, twin

Linking = Callable[..., Path]


def _to(table: str, file: str = "back.accdb", password: str | None = None) -> Link:
    return Link("an Access file", file, table, password)


@pytest.fixture
def linking(sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Linking:
    """A main file with these tables and links, beside a directory with files of the sample's content."""
    said: dict[str, tuple[tuple[str, ...] | None, Mapping[str, Link]]] = {}

    def objects(file: AccessFile, names: Names) -> Objects:
        found = read_objects(file, names)
        kept, links = said.get(file.name, (None, {}))
        tables = {name: table for name, table in found.tables.items() if kept is None or name in kept}
        return replace(found, tables=tables, links=links)

    def make(tables: tuple[str, ...], links: Mapping[str, Link], *files: str, there: Mapping[str, Link] = {}) -> Path:
        monkeypatch.setattr(source, "read_objects", objects)
        said["main.accdb"] = tables, links
        (tmp_path / "links").mkdir()
        for name in files or ("back.accdb",):
            shutil.copy(sample, tmp_path / "links" / name)
            said[name] = None, there
        return Path(shutil.copy(sample, tmp_path / "main.accdb"))

    return make


def _open(path: Path, **options: str) -> LinkedSource:
    return LinkedSource(path, path.parent / "links", **options)


def _keys(table: Table) -> list[tuple[str, str, bool]]:
    return [(*key.columns, key.parent, key.enforced) for key in table.foreign_keys]


def test_tables_come_under_the_names_of_their_links(linking: Linking, sample: Path) -> None:
    path = linking(("users",), {"부품": _to("items"), "Uses": _to("ROUTINGS", "BACK.accdb")})
    with _open(path) as linked, AccessSource(sample) as plain:
        catalog = linked.catalog()
        assert sorted(table.name for table in catalog.tables) == ["Uses", "users", "부품"]
        assert catalog.table("부품") == replace(plain.catalog().table("items"), name="부품")
        assert linked.count("Uses") == plain.count("routings")
        (first, *_), (theirs, *_) = linked.batches("Uses", batch_rows=500), plain.batches("routings", batch_rows=500)
        assert first.frame.equals(theirs.frame)
        (second, *_) = linked.batches("Uses", batch_rows=500, after=first.position)
        assert second.locators[0] > first.locators[-1]
        with pytest.raises(SourceError, match="no table 'routings'"):
            linked.count("routings")


def test_relationships_follow(linking: Linking) -> None:
    """Those within the other file, those of the main one, and one of both once."""
    path = linking(("users",), {"items": _to("items"), "routings": _to("routings"), "audit_logs": _to("audit_logs")})
    with _open(path) as linked:
        catalog = linked.catalog()
    assert _keys(catalog.table("routings")) == [("item_id", "items", True)]
    # The parent has no link, so the key that the other file says leads nowhere; the main file says it, too.
    assert _keys(catalog.table("audit_logs")) == [("user_id", "users", False)]
    told = [notice.text for notice in catalog.notices if notice.table == "routings"]
    assert sum("'routing_groups' is not carried: no link leads there" in text for text in told) == 1


def test_the_values_of_complex_columns_come_along(linking: Linking, shared: Path) -> None:
    path = linking(("users",), {"L": _to("Table1")})
    back = shared / "access" / "reference" / "complexDataV2010.accdb"
    shutil.copy(back, path.parent / "links" / "back.accdb")
    with _open(path) as linked, AccessSource(back) as plain:
        tables = {table.name: table for table in linked.catalog().tables}
        wanted = {table.name.replace("Table1", "L", 1): table for table in plain.catalog().tables}
        assert {*tables} == {*wanted, "users"}
        for name, table in wanted.items():
            assert linked.count(name) == plain.count(table.name)
            assert {key.parent for key in tables[name].foreign_keys} <= {"L"}
            assert len(tables[name].foreign_keys) == len(table.foreign_keys)


def test_the_values_of_two_links_to_one_table_each_belong_to_their_own(linking: Linking, shared: Path) -> None:
    path = linking(("users",), {"A": _to("Table1"), "B": _to("Table1")})
    shutil.copy(shared / "access" / "reference" / "complexDataV2010.accdb", path.parent / "links" / "back.accdb")
    with _open(path) as linked:
        tables = [table for table in linked.catalog().tables if "." in table.name]
    assert len(tables) == 6
    for table in tables:
        assert [key.parent for key in table.foreign_keys] == [table.name.partition(".")[0]]


def test_a_renamed_parent_is_still_the_parent(linking: Linking) -> None:
    with _open(linking(("users",), {"Teile": _to("items"), "Uses": _to("routings")})) as linked:
        assert _keys(linked.catalog().table("Uses")) == [("item_id", "Teile", True)]


@pytest.mark.parametrize(
    ("link", "reason"),
    [
        (_to("items", "gone.accdb"), "no such file is there"),
        (_to("items", "../main.accdb"), "no such file is there"),
        (_to("nothing"), "that file has no such table"),
        (_to("onward"), "it is a link there, too"),
    ],
)
def test_a_link_that_leads_nowhere_is_told(linking: Linking, link: Link, reason: str) -> None:
    path = linking(("users",), {"L": link}, there={"onward": _to("L", "main.accdb")})
    with _open(path) as linked:
        assert [table.name for table in linked.catalog().tables] == ["users"]
        (told,) = [notice.text for notice in linked.catalog().notices if notice.table == "L"]
    assert told == f"is a link to {link} and is not carried: {reason}"


def test_a_link_does_not_take_the_place_of_a_table(linking: Linking) -> None:
    with _open(linking(("users",), {"Users": _to("items")})) as linked:
        assert [table.name for table in linked.catalog().tables] == ["users"]
        assert any("another table has the link's name" in notice.text for notice in linked.catalog().notices)


def test_what_else_has_the_files_name(linking: Linking) -> None:
    path = linking(("users",), {"A": _to("items", "a.accdb"), "B": _to("items", "b.accdb")})
    folder = path.parent / "links"
    (folder / "a.accdb").symlink_to(folder / "back.accdb")
    (folder / "b.accdb").mkdir()
    with _open(path) as linked:
        told = [notice.text for notice in linked.catalog().notices if notice.table in ("A", "B")]
    assert [text.partition("carried: ")[2] for text in told] == ["what has that name there is no regular file"] * 2


def test_two_files_of_one_name_but_for_its_case(linking: Linking) -> None:
    path = linking(("users",), {"A": _to("items")}, "back.accdb", "BACK.accdb")
    if len([*(path.parent / "links").iterdir()]) < 2:
        pytest.skip("this file system does not tell upper from lower case")
    with _open(path) as linked:
        assert any("but for its case" in notice.text for notice in linked.catalog().notices)


def test_a_directory_that_is_not_there(linking: Linking) -> None:
    path = linking(("users",), {})
    with (
        pytest.raises(UsageError, match=r"--follow-links .*nowhere: cannot be read"),
        LinkedSource(path, Path("nowhere")),
    ):
        pass


def test_the_fingerprint_is_of_all_files_and_each_is_watched(linking: Linking) -> None:
    path = linking(("users",), {"A": _to("items"), "B": _to("processes")})
    back = path.parent / "links" / "back.accdb"
    with _open(path) as linked, AccessSource(path) as alone:
        before = linked.fingerprint()
        assert before.bytes == 2 * alone.fingerprint().bytes
        assert before.digest != alone.fingerprint().digest
    content = bytearray(back.read_bytes())
    content[-1] ^= 1
    back.write_bytes(content)
    with _open(path) as linked:
        assert linked.fingerprint().digest != before.digest
        back.write_bytes(back.read_bytes() + bytes(4096))
        assert linked.count("users")
        with pytest.raises(SourceChanged, match=r"back\.accdb"):
            linked.count("A")


@pytest.mark.parametrize(
    ("links", "password", "reason"),
    [
        ({"A": _to("items"), "B": _to("items", password=PASSWORD)}, None, None),
        ({"A": _to("items")}, PASSWORD, None),
        ({"A": _to("items")}, None, "no password is given"),
        ({"A": _to("items", password="wrong")}, PASSWORD, "the password does not open it"),
    ],
)
def test_an_encrypted_file_opens_with_what_its_links_know(
    linking: Linking, links: dict[str, Link], password: str | None, reason: str | None
) -> None:
    path = linking(("users",), links)
    back = path.parent / "links" / "back.accdb"
    back.write_bytes(twin(back.read_bytes(), *Agile()()))
    with _open(path, **({"password": password} if password else {})) as linked:
        catalog = linked.catalog()
        assert ("A" in {table.name for table in catalog.tables}) == (reason is None)
        assert reason is None or any(reason in notice.text for notice in catalog.notices)
        assert PASSWORD not in repr(catalog)
        assert "wrong" not in repr(catalog)
