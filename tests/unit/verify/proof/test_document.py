"""One proof has one form, and a file in any other form, or with anything else in it, is refused."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import UsageError
from pipeline.outcome import Verdict
from pipeline.verify.proof.document import as_bytes, read_proof
from tests.unit.verify.proof.proofs import proof, table


def written(values: object, **how: Any) -> bytes:
    return (json.dumps(values, **({"ensure_ascii": False, "sort_keys": True, "indent": 2} | how)) + "\n").encode()


def read(path: Path, data: bytes) -> str:
    """Why it is refused."""
    file = path / "proof.json"
    file.write_bytes(data)
    with pytest.raises(UsageError) as refused:
        read_proof(file)
    assert refused.value.hint
    assert refused.value.message.startswith(str(file))
    assert len(refused.value.message) < 500
    return refused.value.message.removeprefix(str(file))


def test_a_proof_comes_back_as_it_was_with_the_sha256_of_its_bytes(tmp_path: Path) -> None:
    values = proof(table(), table("u", others=True, rows=None, hash=None), table("v", columns=[], rows=None, hash=None))
    data = written(values)
    (tmp_path / "p").write_bytes(data)
    read, digest = read_proof(tmp_path / "p")
    assert as_bytes(read) == data
    assert digest == hashlib.sha256(data).hexdigest()
    assert (read.verdict, read.tables[0].columns[1].name) == (Verdict.COMPLETE, "이름")


@pytest.mark.parametrize("verdict", ["differences", "incomplete"])
def test_what_proves_nothing_can_be_read_as_well(tmp_path: Path, verdict: str) -> None:
    (tmp_path / "p").write_bytes(written(proof(table(rows=None, hash=None), verdict=verdict, findings=2)))
    assert read_proof(tmp_path / "p")[0].findings == 2


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"format": 2}, "format: Input should be 1"),
        ({"format": "1"}, "format: "),
        ({"more": 1}, "more: Extra inputs are not permitted"),
        ({"verdict": "fine"}, "verdict: "),
        ({"findings": 1}, "no findings"),
        ({"findings": -1}, "findings: "),
        ({"findings": 0.0}, "findings: "),
        ({"findings": 2**63}, "findings: "),
        ({"findings": 10**400}, "findings: "),
        ({"findings": True}, "findings: "),
        ({"mapping": "C" * 64}, "mapping: "),
        ({"verified_at": "2026-11-21T18:00:00+09:00"}, "verified_at: "),
        ({"source": None}, "source: "),
        ({"tables": {}}, "tables: "),
        ({"tables": [table(), table()]}, "table public.t is there 2 times"),
        ({"tables": [table(hash="a" * 31)]}, "tables.0.hash: "),
        ({"tables": [table(hash="A" * 32)]}, "tables.0.hash: "),
        ({"tables": [table(hash="a" * 32 + "\n")]}, "tables.0.hash: "),
        ({"tables": [table(hash=None)]}, "belong together"),
        ({"tables": [table(rows=-1)]}, "tables.0.rows: "),
        ({"tables": [table(others=True)]}, "belong together"),
        ({"tables": [table(rows=None, hash=None)]}, "a hash of each table"),
        ({"tables": [table(columns=[{"name": "a", "type": "text"}] * 2)]}, "column a is there 2 times"),
        ({"tables": [table(columns=[{"name": "", "type": "text"}])]}, "columns.0.name: "),
    ],
)
def test_anything_else_than_a_proof_is_refused(tmp_path: Path, values: dict[str, Any], why: str) -> None:
    assert why in read(tmp_path, written(proof(**values)))


@pytest.mark.parametrize(
    "how", [{"indent": None}, {"ensure_ascii": True}, {"sort_keys": False}, {"separators": (",", ":")}]
)
def test_another_form_of_the_same_values_is_refused(tmp_path: Path, how: dict[str, Any]) -> None:
    values = dict(reversed(proof().items()))
    assert "has been changed since" in read(tmp_path, written(values, **how))


def test_a_part_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    twice = written(proof()).replace(b'  "format": 1,\n', b'  "format": 1,\n  "format": 1,\n')
    assert "has been changed since" in read(tmp_path, twice)
    assert "has been changed since" in read(tmp_path, written(proof()).replace(b"\n", b"\r\n"))
    assert "has been changed since" in read(tmp_path, written(proof()) + b"\n")
    assert "has been changed since" in read(tmp_path, written(proof(format=True)))
