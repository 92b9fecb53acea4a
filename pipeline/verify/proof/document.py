"""The proof file: what a verification proved, as names, numbers and hashes. docs/proof.md describes it for others.

One proof has one form in bytes, so that its SHA-256 stands for it: JSON in UTF-8, keys sorted, two blanks for each
level, a line feed at the end. A file in any other form has been changed since, and is refused.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from pipeline.errors import UsageError
from pipeline.json_file import Count, Digest, JsonFile, Many, Part, RowHash
from pipeline.outcome import Verdict

_FILE = JsonFile(
    what="proof",
    most_bytes=16 << 20,  # some 150,000 columns
    refusal=UsageError,
    hint="name the proof.json that a verification has written to logs/<run>/",
)

Moment = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]
Name = Annotated[str, StringConstraints(min_length=1)]


class ProvenColumn(Part):
    name: Name
    type: Name
    """As PostgreSQL spells it, in the short names of mappings: `varchar(20)`, `timestamptz`."""


class RejectKind(Part):
    stage: Name
    reason: Name
    count: Count


class LossKind(Part):
    column: Name
    """The target's."""
    rule: Name
    count: Count


class Rejects(Part):
    """Rows that waited in the quarantine."""

    kinds: Many[RejectKind]
    hash: RowHash


class Losses(Part):
    """Values that a rule of the mapping had changed, in rows that the target held."""

    kinds: Many[LossKind]
    hash: RowHash


class ProvenTable(Part):
    source: str
    """The source's name."""
    source_rows: Count | None
    """Counted in the source; None where that was not possible."""
    filtered: Count
    """Of these, those that the mapping leaves behind."""
    schema_name: Name = Field(alias="schema")
    name: Name
    columns: Many[ProvenColumn]
    """Those that are written, in the order of the hash."""
    key: Many[Name]
    rows: Count | None
    """None where the cells were not compared, or are not ours alone."""
    hash: RowHash | None
    others: bool
    """Whether rows of others stood in the table, so that no sum can say of ours that they are there."""
    rejects: Rejects
    losses: Losses

    @property
    def whole(self) -> bool:
        """Whether all is said of it that can be."""
        return self.rows is not None or self.others or not self.columns

    @model_validator(mode="after")
    def _one_sum(self) -> Self:
        if (self.rows is None) != (self.hash is None) or (self.others and self.rows is not None):
            raise ValueError("rows and hash belong together, and to a table without rows of others")
        _refuse_twice("column", (column.name for column in self.columns))
        return self


class ProvenSource(Part):
    name: str
    fingerprint: str


class Proof(Part):
    format: Literal[1]
    tool: Name
    """The version of Naru."""
    run: Name
    verified_at: Moment
    source: ProvenSource
    mapping: Digest
    """SHA-256 of the mapping, as the ledger has it."""
    target: str
    """Its URL without password and parameters."""
    verdict: Annotated[Verdict, Field(strict=False)]
    findings: Count
    """Those that stand against the target."""
    tables: Many[ProvenTable]

    @model_validator(mode="after")
    def _one_table_each(self) -> Self:
        _refuse_twice("table", (f"{table.schema_name}.{table.name}" for table in self.tables))
        if self.verdict is Verdict.COMPLETE and (self.findings or not all(table.whole for table in self.tables)):
            raise ValueError("a verdict of complete has no findings, and a hash of each table")
        return self


def as_bytes(proof: Proof) -> bytes:
    """The one form of a proof; raises UsageError for one that `read_proof` would not take."""
    values = proof.model_dump(mode="json", by_alias=True)
    data = (json.dumps(values, ensure_ascii=False, sort_keys=True, indent=2) + "\n").encode()
    if len(data) > _FILE.most_bytes:
        text = f"the proof of {len(proof.tables):,} tables is larger than {_FILE.most_bytes >> 20} MiB"
        raise UsageError(text, hint="prove them in parts: verify with --tables")
    return data


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def read_proof(path: Path) -> tuple[Proof, str]:
    """The proof of a file, and the file's SHA-256; raises UsageError for anything else than a proof of this format."""
    proof, data = _FILE.read(Proof, path)
    if as_bytes(proof) != data:
        text = f"{path} is not in the form in which a proof is written: it has been changed since"
        raise UsageError(text, hint="take the file as the verification wrote it, or verify again")
    return proof, sha256(data)


def _refuse_twice(what: str, names: Iterable[str]) -> None:
    name, count = next(iter(Counter(names).most_common(1)), ("", 0))
    if count > 1:
        raise ValueError(f"{what} {name} is there {count} times")
