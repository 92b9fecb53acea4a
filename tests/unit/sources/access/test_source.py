"""AccessSource on the committed sample: catalog, batches, positions and the identity of the file."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipeline.batch import Batch, Position
from pipeline.catalog import Action, Catalog, Check, ForeignKey, Identity, IndexPart, SqlType
from pipeline.errors import SourceChanged, SourceError, UnsupportedSource
from pipeline.sources.access import AccessSource, reading


@pytest.fixture
def copy(sample: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(sample, tmp_path / "copy.accdb"))


@pytest.fixture
def catalog(sample: Path) -> Catalog:
    with AccessSource(sample) as source:
        return source.catalog()


def _whole(batches: list[Batch]) -> pl.DataFrame:
    return pl.concat([batch.frame for batch in batches])


def test_counts_are_those_of_the_sample(sample: Path) -> None:
    expected = json.loads(sample.with_name("routing_ml.counts.json").read_text("utf-8"))["rows"]
    with AccessSource(sample) as source:
        assert {name: source.count(name) for name in expected} == expected


def test_catalog_has_types_keys_and_comments(catalog: Catalog) -> None:
    items = catalog.table("items")
    assert items.comment == "품목 마스터"
    assert items.primary_key == ("item_id",)
    assert items.column("item_id").identity == Identity(1251)
    assert items.column("std_cost").type == SqlType("Decimal", (18, 4))
    assert items.column("품목명").type == SqlType("Text", (120,))
    assert not items.column("item_code").nullable
    assert not items.column("is_active").nullable
    assert items.column("unit").nullable
    assert items.column("is_active").default == "True"
    index = next(index for index in catalog.table("routings").indexes if index.name == "IX_item_seq")
    assert (index.parts, index.unique) == ((IndexPart("item_id"), IndexPart("seq")), False)


def test_catalog_has_relationships_with_their_actions(catalog: Catalog) -> None:
    keys = {key.name: key for table in catalog.tables for key in table.foreign_keys}
    assert keys["FK_routings_items"] == ForeignKey(
        "FK_routings_items", ("item_id",), "items", ("item_id",), on_delete=Action.CASCADE
    )
    assert keys["FK_routings_groups"].on_update is Action.CASCADE
    assert not keys["FK_logs_users"].enforced


def test_a_relationship_of_one_to_one(sample: Path, changed: Callable[[dict[int, bytes]], Path]) -> None:
    cascading, same = struct.pack("<3i", 0x100, 1, 0), struct.pack("<3i", 0x101, 1, 0)  # flags, columns, number
    raw = sample.read_bytes()
    assert raw.count(cascading) == 1
    with AccessSource(changed({raw.index(cascading): same})) as source:
        found = {key for table in source.catalog().tables for key in table.foreign_keys}
    assert [(key.parent, key.on_update) for key in found if key.one_to_one] == [("routing_groups", Action.CASCADE)]


def test_catalog_tells_the_format_and_what_is_not_carried(catalog: Catalog) -> None:
    assert catalog.facts["format"] == "ACE 14 (Access 2010)"
    assert catalog.notices == ()


def test_catalog_has_the_validation_rules(catalog: Catalog) -> None:
    assert catalog.table("items").checks == (Check("lead_time", ">=0 And <=365", ("lead_time",)),)


def test_frame_types_are_those_of_the_column_types(sample: Path) -> None:
    with AccessSource(sample) as source:
        frame = next(source.batches("items", batch_rows=10)).frame
        users = next(source.batches("users", batch_rows=10)).frame
    assert frame.schema == {
        "item_id": pl.Int32, "item_code": pl.String, "품목명": pl.String, "item_type": pl.String,
        "도면번호": pl.String, "unit": pl.String, "unit_price": pl.Decimal(19, 4), "std_cost": pl.Decimal(18, 4),
        "weight_kg": pl.Float64, "length_mm": pl.Float32, "lead_time": pl.Int16, "safety_stock": pl.Int32,
        "priority": pl.UInt8, "is_active": pl.Boolean, "is_export": pl.Boolean, "created_at": pl.Datetime("us"),
        "updated_at": pl.Datetime("us"), "item_guid": pl.Binary, "규격": pl.String,
    }  # fmt: skip
    assert (users.schema["pw_hash"], users.schema["photo"]) == (pl.Binary, pl.Binary)


def test_batches_are_full_but_the_last_and_resume_at_any_size(sample: Path) -> None:
    with AccessSource(sample) as source:
        whole = _whole(list(source.batches("routings", batch_rows=100_000)))
        small = list(source.batches("routings", batch_rows=500))
        assert [batch.frame.height for batch in small] == [500] * 6 + [450]
        assert_frame_equal(_whole(small), whole)
        position = Position(json.loads(json.dumps(small[2].position.mark)))
        assert_frame_equal(_whole(list(source.batches("routings", after=position, batch_rows=7))), whole[1500:])
        assert list(source.batches("routings", after=small[-1].position, batch_rows=7)) == []


def test_locators_are_unique_ascend_and_end_at_the_position(sample: Path) -> None:
    with AccessSource(sample) as source:
        batches = list(source.batches("items", batch_rows=100))
    locators = pl.concat([batch.locators for batch in batches])
    assert locators.dtype == pl.Int64
    assert locators.is_unique().all()
    assert locators.is_sorted()
    assert all(batch.position.mark == batch.locators[-1] for batch in batches)
    assert all(len(batch.locators) == batch.frame.height for batch in batches)


def test_a_batch_is_bounded_in_bytes(sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with AccessSource(sample) as source:
        whole = _whole(list(source.batches("audit_logs", batch_rows=100_000)))
        limit = 20_000
        monkeypatch.setattr(reading, "BATCH_BYTES", limit)
        batches = list(source.batches("audit_logs", batch_rows=100_000))
    assert_frame_equal(_whole(batches), whole)
    sizes = [batch.frame["new_value"].str.len_chars().sum() for batch in batches]
    alone = [batch.frame.height for batch, size in zip(batches, sizes, strict=True) if size > limit]
    assert alone
    assert set(alone) == {1}
    assert len(batches) < 500


def test_chosen_columns_come_in_the_order_asked(sample: Path) -> None:
    with AccessSource(sample) as source:
        frame = next(source.batches("users", batch_rows=3, columns=("성명", "user_id"))).frame
    assert frame.columns == ["성명", "user_id"]
    assert frame["user_id"].to_list() == [1, 2, 3]


def test_frames_outlive_the_source(sample: Path) -> None:
    with AccessSource(sample) as source:
        batches = list(source.batches("items", batch_rows=100_000))
        expected = batches[0].frame.clone().rows()
    del source
    assert batches[0].frame.rows() == expected


def test_fingerprint_is_of_the_whole_content(sample: Path) -> None:
    with AccessSource(sample) as source:
        found = source.fingerprint()
    assert (found.kind, found.bytes) == ("access", sample.stat().st_size)
    assert found.digest == hashlib.sha256(sample.read_bytes()).hexdigest()


def test_names_that_are_not_there(sample: Path) -> None:
    with AccessSource(sample) as source:
        with pytest.raises(SourceError, match="no table 'nothing'"):
            source.batches("nothing", batch_rows=1)
        with pytest.raises(SourceError, match="'users' has no column 'nothing'"):
            source.batches("users", batch_rows=1, columns=("nothing",))
        with pytest.raises(SourceError, match="is no position"):
            next(source.batches("users", batch_rows=1, after=Position("x")))
    with pytest.raises(SourceError, match="is not open"):
        source.catalog()


@pytest.mark.parametrize("how", ["touched", "written", "replaced", "gone", "longer", "shorter"])
def test_a_file_that_changes_is_not_read_on(how: str, copy: Path, sample: Path) -> None:
    with AccessSource(copy) as source:
        batches = source.batches("audit_logs", batch_rows=10)
        next(batches)
        before = copy.stat()
        match how:
            case "touched":
                os.utime(copy, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
            case "written":
                with copy.open("r+b") as stream:
                    stream.write(b"\0")
                os.utime(copy, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
            case "replaced":
                other = Path(shutil.copy2(copy, copy.with_name("other.accdb")))
                other.replace(copy)
            case "gone":
                copy.unlink()
            case "longer" | "shorter":
                os.truncate(copy, before.st_size + (4096 if how == "longer" else -4096))
        with pytest.raises(SourceChanged, match=r"copy\.accdb") as caught:
            next(batches)
        assert caught.value.hint
        if how != "shorter":  # its last page is beyond the file now, and touching it would end the process
            for method in (source.fingerprint, source.catalog, lambda: source.count("users")):
                with pytest.raises(SourceChanged):
                    method()


def test_a_change_after_the_last_batch_is_told_too(copy: Path) -> None:
    with AccessSource(copy) as source:
        batches = source.batches("users", batch_rows=1000)
        next(batches)
        os.utime(copy, ns=(0, 0))
        with pytest.raises(SourceChanged):
            next(batches)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04" + bytes(5000), "is not an Access database"),
        (b"\0\1\0\0Standard ACE DB\0", "is not an Access database"),
        (b"\0\1\0\0Standard ACE DB\0\x09" + bytes(8000), "version 0x09 is not known"),
        (b"\0\1\0\0MSISAM Database\0" + bytes(8000), "Microsoft Money"),
    ],
)
def test_files_of_other_kinds(content: bytes, match: str, tmp_path: Path) -> None:
    path = tmp_path / "file.accdb"
    path.write_bytes(content)
    with pytest.raises(UnsupportedSource, match=rf"file\.accdb: .*{match}"), AccessSource(path):
        pass


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is a directory"), AccessSource(tmp_path):
        pass
    missing = tmp_path / "missing.accdb"
    with pytest.raises(SourceError, match=r"missing\.accdb: cannot be opened"), AccessSource(missing):
        pass
    with pytest.raises(SourceError, match="cannot be opened"), AccessSource(tmp_path / ("a" * 300)):
        pass


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.accdb")
    with pytest.raises(SourceError, match="is a pipe"), AccessSource(tmp_path / "pipe.accdb"):
        pass


def test_a_batch_asked_for_after_closing(sample: Path) -> None:
    with AccessSource(sample) as source:
        batches = source.batches("items", batch_rows=10)
        next(batches)
    with pytest.raises(SourceError, match="is not open"):
        next(batches)


def test_unicode_files_ignore_the_code_page(sample: Path) -> None:
    with AccessSource(sample, code_page="nonsense") as source:
        assert source.catalog().table("items").comment == "품목 마스터"


@pytest.mark.parametrize("wrong", ["nonsense", 99999, "hex"])
def test_jet_3_refuses_code_pages_that_do_not_exist(wrong: int | str, shared: Path) -> None:
    jet3 = shared / "access" / "reference" / "jet3_cp949_500.mdb"
    with pytest.raises(UnsupportedSource, match=r"jet3_cp949_500\.mdb: .* is not known"):
        AccessSource(jet3, code_page=wrong).__enter__()


def test_a_rewrite_that_keeps_size_and_times_is_another_fingerprint(copy: Path) -> None:
    """The check at the end of each table sees size, time and file; the run compares the content before it settles."""
    with AccessSource(copy) as source:
        before, stat = source.fingerprint(), copy.stat()
        list(source.batches("users", batch_rows=1000))
        with copy.open("r+b") as stream:
            stream.seek(-1, os.SEEK_END)
            last = stream.read(1)
            stream.seek(-1, os.SEEK_END)
            stream.write(bytes([last[0] ^ 1]))
        os.utime(copy, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        assert source.fingerprint() != before


@pytest.mark.parametrize("lock", ["copy.laccdb", "copy.ldb"])
def test_a_lock_file_beside_it_is_told_and_no_reason_to_refuse(lock: str, copy: Path) -> None:
    copy.with_name(lock).touch()
    with AccessSource(copy) as source:
        (notice,) = source.catalog().notices
        assert notice.text.startswith(f"{lock} beside it says that another program has it open")
        assert source.count("users") == 24
