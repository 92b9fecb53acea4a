"""From what a verification saw to the proof of it."""

from __future__ import annotations

from datetime import datetime

from pipeline.ledger.ledger import storable
from pipeline.outcome import Verdict
from pipeline.record import Run
from pipeline.verify.evidence import Evidence, Kinds
from pipeline.verify.proof.document import (
    Losses,
    LossKind,
    Proof,
    ProvenColumn,
    ProvenSource,
    ProvenTable,
    RejectKind,
    Rejects,
)
from pipeline.verify.verify import Verified


def make_proof(run: Run, target: str, verdict: Verdict, verified: Verified, at: datetime) -> Proof:
    """`target` is told without secrets, `at` in UTC."""
    return Proof(
        format=1,
        tool=run.tool_version,
        run=run.run_id,
        verified_at=f"{at:%Y-%m-%dT%H:%M:%SZ}",
        source=ProvenSource(name=storable(run.source), fingerprint=run.fingerprint),
        mapping=run.mapping_digest,
        target=target,
        verdict=verdict,
        findings=sum(not finding.allowed for finding in verified.findings),
        tables=tuple(map(_table, verified.evidence)),
    )


def _table(evidence: Evidence) -> ProvenTable:
    table, rows = evidence.table, evidence.rows
    return ProvenTable(
        source=storable(evidence.source),
        source_rows=evidence.source_rows,
        filtered=evidence.filtered,
        schema=table.schema or "public",
        name=table.name,
        columns=tuple(ProvenColumn(name=column.name, type=str(column.type)) for column in table.written),
        key=table.primary_key,
        rows=rows.rows if rows else None,
        hash=rows.hash if rows else None,
        others=evidence.others,
        rejects=_rejects(evidence.rejects),
        losses=_losses(evidence.losses),
    )


def _rejects(found: Kinds) -> Rejects:
    kinds = (RejectKind(stage=stage, reason=why, count=count) for (stage, why), count in sorted(found.counts.items()))
    return Rejects(kinds=tuple(kinds), hash=found.total.hash)


def _losses(found: Kinds) -> Losses:
    kinds = (LossKind(column=name, rule=rule, count=count) for (name, rule), count in sorted(found.counts.items()))
    return Losses(kinds=tuple(kinds), hash=found.total.hash)
