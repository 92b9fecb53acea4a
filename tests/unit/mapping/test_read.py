from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import MappingError
from pipeline.mapping.models import Condition, Encoding
from pipeline.mapping.read import MappingFile, read_mapping

Read = Callable[[str], MappingFile]

_WHOLE = """\
naru: 1
target: {schema: factory}
naming: lower
code_page: 949
tables:
  Items:
    to: items
    load: upsert
    filter:
      - {column: Year, op: ">=", value: 2020}
      - {column: Kind, op: not in, value: [A, No, 7]}
      - {column: Gone, op: is null}
    columns:
      No: {to: number, type: int4, required: true, identity: true}
      1: {type: "decimal(10)", default: 0.10, round: true, default_sql: 0}
      Text: {type: text, trim: both, empty_to_null: true, encoding: {repair: cp949, invalid: replace}}
      Flag: {type: bool, values: {Yes: true, No: false, 1: true, "": null}}
    primary_key: ["No"]
    indexes:
      - {name: i, columns: [Text, Flag], descending: [Flag], ignore_nulls: true}
  Old: {skip: true}
"""


def test_a_whole_mapping(read: Read) -> None:
    mapping = read(_WHOLE).mapping
    items = mapping.tables["Items"]
    assert (mapping.target.schema_name, mapping.naming, mapping.code_page) == ("factory", "lower", 949)
    assert mapping.tables["Old"].skip
    assert items.filter == (
        Condition(column="Year", op=">=", value=2020),
        Condition(column="Kind", op="not in", value=("A", "No", 7)),
        Condition(column="Gone", op="is null"),
    )
    assert list(items.columns) == ["No", "1", "Text", "Flag"]
    assert items.columns["No"].type == "integer"
    number = items.columns["1"]
    assert (number.type, number.default, number.default_sql) == ("numeric(10,0)", Decimal("0.10"), "0")
    assert items.columns["Text"].encoding == Encoding(repair="cp949", invalid="replace")
    assert items.columns["Flag"].values == {"Yes": True, "No": False, "1": True, "": None}
    assert items.indexes[0].descending == ("Flag",)


def test_every_entry_knows_its_line(read: Read, tmp_path: Path) -> None:
    file = read(_WHOLE)
    assert file.where("tables", "Items", "columns", "1") == f"{tmp_path / 'm.yaml'}:15"
    assert file.where("tables", "Items", "filter", 1, "value").endswith(":11")
    # What is not in the file stands where its surroundings stand.
    assert file.where("tables", "Items", "columns", "Missing").endswith(":13")
    assert file.where("nothing").endswith(":1")


@pytest.mark.parametrize(
    ("text", "value"),
    [("no", "no"), ("007", "007"), ("1e3", "1e3"), ("0x10", "0x10"), ("2020-01-01", "2020-01-01"), ("1_000", "1_000"),
     ("12:30", "12:30"), ("-5", -5), ("1.50", Decimal("1.50")), ("true", True), ("'true'", "true"), ("True", "True")],
)  # fmt: skip
def test_only_plain_numbers_and_true_false_null_are_not_text(read: Read, text: str, value: object) -> None:
    file = read(f"naru: 1\ntables: {{T: {{columns: {{C: {{default: {text}}}}}}}}}")
    default = file.mapping.tables["T"].columns["C"].default
    assert default == value
    assert type(default) is type(value)


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("", 1, "the file is empty"),
        ("naru: 1", 1, "mapping: tables is missing"),
        ("naru: 2\ntables: {}", 1, "naru: not 1"),
        ("naru: 1\ntables: {}\ntables: {}", 3, "'tables' appears twice (first on line 2)"),
        ("naru: 1\ntables:\n  A: &x {skip: true}\n  B: *x", 3, "anchors and aliases are not read"),
        ("naru: 1\ntables: !!map {}", 2, "tag tag:yaml.org,2002:map is not read"),
        ("naru: 1\ntables: !!python/object:os.system {}", 2, "is not read"),
        ("naru: 1\ntables: {}\n---\nnaru: 1", 3, "a second document begins"),
        ("%YAML 1.1\n---\nnaru: 1", 1, "directives are not read"),
        ("naru: 1\n? [a]\n: 1", 2, "a key must be a plain text"),
        ("naru: 1\ntables: {", 2, "not YAML"),
        ("naru: 1\ntables: \x01", 2, "U+0001 is not allowed"),
        ('naru: 1\ntables: {A: {to: "a\\0"}}', 2, "U+0000"),
        ('naru: 1\ntables: {A: {comment: "\\ud800"}}', 2, "lone surrogates"),
        ('naru: 1\ntables:\n  A: {columns: {B: {default: "\\0"}}}', 3, "holds neither U+0000"),
        ("naru: 1\ntables:\n  A:\n    columns:\n      B: {type: nvarchar(3)}", 5,
         "tables.A.columns.B.type: unknown type 'nvarchar(3)'; did you mean varchar?"),
        ("naru: 1\ntables:\n  A:\n    columns:\n      B:\n        typ: text", 6,
         "tables.A.columns.B.typ: unknown option; did you mean 'type'?"),
        ("naru: 1\ntables:\n  A:\n    columns: {B: {to: 5}}", 4, "tables.A.columns.B.to: not a valid string"),
        ("naru: 1\ntables: {A: {to: " + "가" * 22 + "}}", 2, "66 bytes"),
        ("naru: 1\ntarget: {schema: pg_x}\ntables: {}", 2, "'pg_x' is reserved"),
        ("naru: 1\ntables: {A: {load: upsert}}", 2, "upsert needs a primary_key"),
        ("naru: 1\ntables: {A: {checks: [{name: c, sql: pg_sleep(9) is null}]}}", 2, "may not stand in a check"),
        ("naru: 1\ntables: {A: {columns: {B: {encoding: {repair: cp9949}}}}}", 2, "unknown encoding 'cp9949'"),
        ("naru: 1\ntables: {A: {columns: {B: {encoding: {repair: rot13}}}}}", 2, "unknown encoding 'rot13'"),
        ("naru: 1\ntables: {A: {columns: {B: {encoding: {only: korean}}}}}", 2, "`repair` names no encoding"),
        ("naru: 1\ntables: {A: {columns: {B: {encoding: {read_as: cp949}}}}}", 2, "`repair` names no encoding"),
        ("naru: 1\ntables: {A: {columns: {B: {ole: unwrap, encoding: {repair: cp949, only: korean}}}}}", 2,
         "ole and only exclude each other"),
        ("naru: 1\ntables: {A: {columns: {B: {identity: true, default_sql: 1}}}}", 2, "exclude each other"),
        ("naru: 1\ntables: {A: {columns: {B: {default_sql: version()}}}}", 2, "is not a number, a quoted string"),
        ("naru: 1\ntables: {A: {filter: [{column: B, op: in, value: 3}]}}", 2, "`in` needs a list"),
        ("naru: 1\ntables: {A: {filter: [{column: B, op: in, value: []}]}}", 2, "`in` needs a list"),
        ("naru: 1\ntables: {A: {filter: [{column: B, op: is null, value: 3}]}}", 2, "takes no value"),
        ("naru: 1\ntables: {A: {filter: [{column: B, op: =}]}}", 2, "`=` needs one value"),
        ("naru: 1\ntables: {A: {foreign_keys: [{name: f, columns: [a], references: B, referenced_columns: [a, b]}]}}",
         2, "differ in number"),
        ("naru: 1\ntables: {A: {indexes: [{name: i, columns: [a], descending: [b]}]}}", 2, "not among the columns"),
        ("naru: 1\ntables: {A: {indexes: [{name: i, columns: [a], include: [b, a]}]}}", 2, "among the columns already"),
        ("naru: 1\ntables: {A: {indexes: [{name: i, columns: [a], ignore_nulls: true, where: a > 0}]}}", 2,
         "ignore_nulls and where exclude each other"),
        ("naru: 1\ntables: {A: {indexes: [{name: i, columns: [a], where: a > now()}]}}", 2,
         "may not stand in the condition of an index"),
    ],
)  # fmt: skip
def test_mistakes_are_told_with_their_line(read: Read, tmp_path: Path, text: str, line: int, reason: str) -> None:
    with pytest.raises(MappingError) as caught:
        read(text)
    assert caught.value.message.startswith(f"{tmp_path / 'm.yaml'}:{line}: ")
    assert reason in caught.value.message
    assert caught.value.hint


def test_several_mistakes_are_told_at_once_but_not_all(read: Read) -> None:
    columns = "".join(f"      C{i}: {{type: x{i}}}\n" for i in range(9))
    with pytest.raises(MappingError) as caught:
        read(f"naru: 1\ntables:\n  A:\n    columns:\n{columns}")
    told = caught.value.message.splitlines()
    assert len(told) == 6
    assert ":5: tables.A.columns.C0.type: unknown type" in told[0]
    assert told[-1] == "and 4 more"


def test_a_byte_order_mark_is_not_content(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_bytes(b"\xef\xbb\xbfnaru: 1\r\ntables: {}\r\n")
    assert read_mapping(path).mapping.tables == {}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"naru: 1\n# \xc7\xd1\xb1\xdb", "m.yaml:2: not UTF-8"),
        (b"#" + b"\n" * (8 * 1024 * 1024), "larger than 8 MiB"),
        (b"a: " + b"x" * 200_000, "m.yaml:1: longer than"),
        (b"[" * 90_000, "more than 16 levels"),
        (b"- " * 40_000, "more than 16 levels"),
        (b"? " * 40_000, "key must be a plain text"),
    ],
)
def test_hostile_files_end_in_our_own_error(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "m.yaml"
    path.write_bytes(content)
    with pytest.raises(MappingError, match=reason):
        read_mapping(path)


def test_a_missing_file_and_a_directory(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(MappingError, match="cannot be read"):
            read_mapping(path)


_TOKENS = st.sampled_from(
    ["naru: 1\n", "tables:", " ", "\n", "  A:", "{", "}", "[", "]", ",", ": ", "- ", "? ", "'", '"', "\\", "&a ", "*a",
     "!", "|", ">", "%", "#", "---", "...", "<<: ", "\t", "\0", "\u2028", "\ud7ff", "skip: true", "columns:", "null",
     "\\U00110000"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(_TOKENS, max_size=25).map("".join) | st.text(max_size=60))
def test_any_text_is_a_mapping_or_our_own_error(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with suppress(MappingError):
        assert isinstance(read_mapping(path), MappingFile)
