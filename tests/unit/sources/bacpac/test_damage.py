"""Damaged and hostile files end in our own error, in bounded time and memory, and never in fewer rows."""

from __future__ import annotations

import struct
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.errors import DamagedSource, SourceError, UnsupportedSource
from pipeline.sources.bacpac import BacpacSource
from tests.unit.sources.bacpac.export import (
    Made,
    element,
    export,
    inner,
    model,
    name,
    origin,
    package,
    rows,
    table_element,
)

TABLE = ("dbo", "T")
PART = "dbo.T/TableData-000-00000"
COLUMNS = [
    Made("id", "int", nullable=False),
    Made("n", "int"),
    Made("v", "nvarchar(5)"),
    Made("m", "varbinary(max)"),
    Made("z", "bigint", nullable=False),
]
MODEL = model(table_element(TABLE, COLUMNS))
ROWS = [(1, None, "abc", b"12345", 7), (2, 3, None, None, 8), (3, 4, "", b"", 9)]


def read(path: Path) -> list[tuple[object, ...]]:
    with BacpacSource(path) as source:
        read = [
            row
            for table in source.catalog().tables
            for batch in source.batches(table.name, batch_rows=2)
            for row in batch.frame.rows()
        ]
        assert sum(source.count(table.name) for table in source.catalog().tables) == len(read)
        return read


# ---- rows


def test_each_place_where_a_data_file_may_be_cut_off(tmp_path: Path) -> None:
    """Between rows nothing shows it but the archive's own checksum, which a cut within the archive breaks."""
    whole = rows(COLUMNS, ROWS)
    ends = [len(rows(COLUMNS, ROWS[:count])) for count in range(len(ROWS) + 1)]
    for end in range(len(whole) + 1):
        path = export(tmp_path / "t.bacpac", MODEL, {PART: whole[:end]})
        if end in ends:
            assert read(path) == ROWS[: ends.index(end)]
        else:
            with pytest.raises(DamagedSource, match=r"TableData-000-00000.BCP: table 'T', row \d of the file: has"):
                read(path)


def test_bytes_after_the_last_row(tmp_path: Path) -> None:
    path = export(tmp_path / "t.bacpac", MODEL, {PART: rows(COLUMNS, ROWS) + b"\0"})
    with pytest.raises(DamagedSource, match="row 4 of the file"):
        read(path)


@pytest.mark.parametrize(
    ("at", "lie", "reason"),
    [
        (4, b"\x03", "row 1 of the file"),
        (4, b"\xfe", "row 1 of the file"),
        (5, b"\x0c\x00", "row 1 of the file"),
        (5, b"\x03\x00", "row 1 of the file"),
        (5, b"\xfe\xff", "has 65,"),
        (13, b"\xff\xff\xff\xff\xff\xff\xff\x7f", "has 9,223,372,036,854,775,8"),
        (13, b"\xfe\xff\xff\xff\xff\xff\xff\xff", "has 18,446,744,073,709,551,6"),
    ],
)
def test_a_length_that_lies(tmp_path: Path, at: int, lie: bytes, reason: str) -> None:
    content = bytearray(rows(COLUMNS, ROWS) + rows(COLUMNS, ROWS) * 3)
    content[at : at + len(lie)] = lie
    with pytest.raises(DamagedSource, match=reason):
        read(export(tmp_path / "t.bacpac", MODEL, {PART: bytes(content)}))


def test_a_value_of_a_gigabyte_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    """A megabyte of zip that unpacks to a gigabyte of zeros in one value."""
    columns = [Made("v", "varbinary(max)", nullable=False)]
    path, most = tmp_path / "t.bacpac", 1 << 30
    text = model(table_element(TABLE, columns))
    package(path, {"model.xml": text, "Origin.xml": origin(text)})
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive, archive.open(f"Data/{PART}.BCP", "w") as part:
        part.write(most.to_bytes(8, "little"))
        for _ in range(1024):
            part.write(bytes(1 << 20))
    tracemalloc.start()
    with BacpacSource(path) as source, pytest.raises(UnsupportedSource, match="holds no value of 1 GB"):
        list(source.batches("T", batch_rows=1))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100 << 20


def test_a_length_that_its_column_cannot_have(tmp_path: Path) -> None:
    """Where the rows still come out even: two columns together as long as two others would be."""
    columns = [Made("a", "varchar(2)"), Made("b", "varchar(8)")]
    content = rows(columns, [("ab", "c")] * 3) + rows([columns[1], columns[0]], [("abc", "")])
    text = model(table_element(TABLE, columns))
    with pytest.raises(DamagedSource, match=r"row 4 of the file: column 'a' says 6 bytes, which no varchar\(2\) has"):
        read(export(tmp_path / "t.bacpac", text, {PART: content}))


# ---- the model


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (model(head='<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]>'), "has a document type"),
        (model(head='<!DOCTYPE a SYSTEM "file:///etc/passwd">'), "has a document type"),
        (b"<a>", "no XML that can be read"),
        (b"", "no XML that can be read"),
        (b"\xff\xfe\0\0", "no XML that can be read"),
        (model(inner("X", ["<a>" * 100 + "</a>" * 100])), "nests deeper"),
        (b"<a>" * 100_000, "nests deeper"),
        (model(element("SqlTable", name(*TABLE), "<a/>" * (1 << 20))), "object of more than 1,048,576"),
    ],
    ids=["entities", "external", "open", "empty", "no text", "deep", "deep and open", "wide"],
)
def test_xml_that_is_no_model(tmp_path: Path, text: bytes, reason: str) -> None:
    with pytest.raises(DamagedSource, match=f"model.xml: .*{reason}"):
        read(export(tmp_path / "t.bacpac", text, {}))


def test_origin_has_no_document_type_either(tmp_path: Path) -> None:
    parts = {"model.xml": MODEL, "Origin.xml": b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'}
    with pytest.raises(DamagedSource, match=r"Origin.xml: has a document type"):
        read(package(tmp_path / "t.bacpac", parts))


def test_a_model_that_was_changed_after_the_export(tmp_path: Path) -> None:
    parts = {"model.xml": MODEL, "Origin.xml": origin(b"another model")}
    with pytest.raises(DamagedSource, match=r"checksum in Origin\.xml is another"):
        read(package(tmp_path / "t.bacpac", parts))


@pytest.mark.parametrize(
    ("given", "error", "reason"),
    [
        ({"exported": "false"}, UnsupportedSource, "holds no data: it is a .dacpac"),
        ({"data_version": "3.0.0.0"}, UnsupportedSource, "its data is 3.0.0.0, and only version 2 is read"),
    ],
)
def test_an_export_of_another_kind(
    tmp_path: Path, given: dict[str, str], error: type[SourceError], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        read(package(tmp_path / "t.bacpac", {"model.xml": MODEL, "Origin.xml": origin(MODEL, **given)}))


# ---- the archive


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ("Data/dbo.Unknown/TableData-000-00000.BCP", "data of no table of the model"),
        ("Data/dbo.T/Other.BCP", "data of no table of the model"),
        ("Data/../T/TableData-000-00000.BCP", "data of no table of the model"),
        ("Data/dbo.T/TableData-000-00000.BCP/x", "data of no table of the model"),
        ("Data/%FF%FE/TableData-000-00000.BCP", "data of no table of the model"),
    ],
)
def test_data_that_belongs_to_no_table(tmp_path: Path, part: str, reason: str) -> None:
    with pytest.raises(DamagedSource, match=reason):
        read(package(tmp_path / "t.bacpac", {"model.xml": MODEL, "Origin.xml": origin(MODEL), part: b""}))


def test_a_data_file_that_is_listed_and_missing(tmp_path: Path) -> None:
    listed = f'<Relationships xmlns="r"><Relationship Target="/Data/{PART}.BCP" /></Relationships>'.encode()
    parts = {"model.xml": MODEL, "Origin.xml": origin(MODEL), "_rels/.rels": listed}
    with pytest.raises(DamagedSource, match="is listed among the parts and is not there"):
        read(package(tmp_path / "t.bacpac", parts))


@pytest.mark.parametrize("missing", ["model.xml", "Origin.xml"])
def test_a_part_that_every_export_has(tmp_path: Path, missing: str) -> None:
    parts = {"model.xml": MODEL, "Origin.xml": origin(MODEL)}
    del parts[missing]
    with pytest.raises(DamagedSource, match=f"has no part {missing}"):
        read(package(tmp_path / "t.bacpac", parts))


@pytest.mark.parametrize("place", [30, 32], ids=["of what is extra", "of a comment"])
def test_an_entry_of_the_directory_that_hides_those_behind_it(tmp_path: Path, place: int) -> None:
    path = export(tmp_path / "t.bacpac", MODEL, {PART: rows(COLUMNS, ROWS)})
    whole = bytearray(path.read_bytes())
    entry = whole.rindex(b"PK\1\2", 0, whole.rindex(b"_rels/.rels"))
    hidden = whole.rindex(b"PK\5\6") - entry - 46 - len("_rels/.rels")
    whole[entry + place : entry + place + 2] = hidden.to_bytes(2, "little")
    path.write_bytes(whole)
    with pytest.raises(DamagedSource, match="directory"):
        read(path)


def test_the_end_of_a_long_zip_tells_its_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)  # of whose writer: from then on it makes a long end
    path = export(tmp_path / "t.bacpac", MODEL, {PART: rows(COLUMNS, ROWS)})
    assert read(path) == ROWS
    whole = bytearray(path.read_bytes())
    whole[whole.rindex(b"PK\6\6") + 32] += 1
    path.write_bytes(whole)
    with pytest.raises(DamagedSource, match="names 4 parts, and its end says 5"):
        read(path)


def test_a_comment_of_the_whole_zip(tmp_path: Path) -> None:
    path = export(tmp_path / "t.bacpac", MODEL, {PART: rows(COLUMNS, ROWS)})
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = b"kept by hand" * 5000
    assert read(path) == ROWS


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_parts_of_one_name(tmp_path: Path) -> None:
    path = export(tmp_path / "t.bacpac", MODEL, {PART: rows(COLUMNS, ROWS)})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(f"Data/{PART}.BCP", b"")
    with pytest.raises(DamagedSource, match="two parts of one name"):
        read(path)


def test_a_part_without_a_name(tmp_path: Path) -> None:
    path = export(tmp_path / "t.bacpac", MODEL, {PART: rows(COLUMNS, ROWS)})
    changed = bytearray(path.read_bytes())
    last = changed.rindex(b"PK\1\2")
    name_bytes, extra_bytes, comment_bytes = struct.unpack_from("<HHH", changed, last + 28)
    struct.pack_into("<HHH", changed, last + 28, 0, extra_bytes, comment_bytes + name_bytes)
    path.write_bytes(changed)
    with pytest.raises(DamagedSource, match="without a name"):
        read(path)


def test_encrypted_parts_and_unknown_packing_are_named(tmp_path: Path) -> None:
    path = export(tmp_path / "t.bacpac", MODEL, {PART: rows(COLUMNS, ROWS)})
    whole = path.read_bytes()
    directory = whole.index(b"PK\1\2")
    for offset, value, reason in ((8, 1, "is encrypted"), (10, 12, "is packed by method 12")):
        changed = bytearray(whole)
        changed[directory + offset] = value
        path.write_bytes(changed)
        with pytest.raises(UnsupportedSource, match=f"model.xml: {reason}"):
            read(path)


@pytest.mark.parametrize("content", [b"", b"PK", b"\0\1\0\0Standard Jet DB", b"PK\5\6" + bytes(18)])
def test_what_is_no_archive_of_an_export(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "t.bacpac"
    path.write_bytes(content)
    with pytest.raises(SourceError):
        read(path)


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is a directory"):
        read(tmp_path)
    with pytest.raises(SourceError, match="cannot be opened"):
        read(tmp_path / "none.bacpac")
    with pytest.raises(SourceError, match="cannot be opened"):
        read(tmp_path / ("a" * 300))


_DATA = rows(COLUMNS, ROWS)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_byte_of_the_archive_may_be_another(tmp_path: Path, data: st.DataObject) -> None:
    """The rows are those that were written, or the file is refused: its parts all have checksums."""
    path = export(tmp_path / "t.bacpac", MODEL, {PART: _DATA}, packed=data.draw(st.booleans()))
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(whole[: data.draw(st.one_of(st.just(len(whole)), st.integers(0, len(whole))))])
    try:
        assert read(path) == ROWS
    except SourceError:
        return


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_any_bytes_as_rows(tmp_path: Path, content: bytes) -> None:
    path = export(tmp_path / "t.bacpac", MODEL, {PART: content}, packed=False)
    try:
        found = read(path)
    except SourceError:
        return
    assert rows(COLUMNS, found) == content  # what is read is all that is there
