"""What the verifiers said is kept with its run, and a report finds it again."""

from __future__ import annotations

from dataclasses import replace

import psycopg
import pytest

from pipeline.ledger.ledger import Ledger
from pipeline.ledger.samples import run_record
from pipeline.ledger.verification import record_verification, recorded_verification
from pipeline.outcome import Finding, Level, Verdict
from pipeline.postgres.connect import Connection
from pipeline.record import Run, Verification

RUN = Run("v1", "verify", "s", "f", "m", "0")
FOUND = Verification(
    Verdict.DIFFERENCES,
    "public",
    ('t"%s', "표, 둘", "{x}"),
    (
        Finding("counts", "t", "rows", 2**40, "two\nlines \\N\t한글"),
        Finding("checks", "가" * 10_000, "</script>", 1, "nul \0, surrogate \ud83d", allowed=True),
    ),
)


@pytest.fixture
def ledger(connection: Connection) -> Ledger:
    ledger = Ledger(connection)
    ledger.install()
    return ledger


def test_findings_come_back_as_they_were_and_in_their_order(connection: Connection, ledger: Ledger) -> None:
    record_verification(connection, RUN, FOUND, seconds=3.5)
    kept = recorded_verification(connection, "v1")
    assert kept is not None
    assert kept.verified_at is not None
    first, second = FOUND.findings
    said = replace(second, detail="nul \\u0000, surrogate \\ud83d")  # PostgreSQL's text holds neither
    assert replace(kept, verified_at=None) == replace(FOUND, findings=(first, said))


def test_how_far_it_went_and_its_proof_are_kept(connection: Connection, ledger: Ledger) -> None:
    record_verification(connection, RUN, replace(FOUND, level=Level.CONTENT, proof="9" * 64), seconds=0)
    record_verification(connection, replace(RUN, run_id="v2"), replace(FOUND, level=Level.COUNTS), seconds=0)
    kept = [recorded_verification(connection, run_id) for run_id in ("v1", "v2")]
    assert [(it.level, it.proof) for it in kept if it] == [(Level.CONTENT, "9" * 64), (Level.COUNTS, None)]


def test_one_of_a_release_that_kept_no_level_went_as_far_as_keys(connection: Connection, ledger: Ledger) -> None:
    record_verification(connection, RUN, replace(FOUND, level=Level.COUNTS), seconds=0)
    connection.execute("update _naru.verification set level = null")
    kept = recorded_verification(connection, "v1")
    assert kept is not None
    assert (kept.level, kept.proof) == (Level.KEYS, None)


def test_a_run_that_only_verified_is_over_and_took_its_time(connection: Connection, ledger: Ledger) -> None:
    record_verification(connection, RUN, FOUND, seconds=3.5)
    run = run_record(connection, None)
    assert run is not None
    assert run.finished_at is not None
    assert (run.run_id, run.command, run.state) == ("v1", "verify", "done")
    assert (run.finished_at - run.started_at).total_seconds() == pytest.approx(3.5, abs=0.1)


def test_a_run_that_is_under_way_stays_as_it_is(connection: Connection, ledger: Ledger) -> None:
    ledger.begin(replace(RUN, run_id="m1", command="migrate"))
    record_verification(connection, RUN, FOUND, seconds=0)
    record_verification(connection, replace(RUN, run_id="m1"), replace(FOUND, findings=()), seconds=0)
    run = run_record(connection, "m1")
    assert run is not None
    assert (run.command, run.state) == ("migrate", "running")
    clean = recorded_verification(connection, "m1")
    assert clean is not None
    assert clean.findings == ()


def test_half_a_verification_is_never_kept(connection: Connection, ledger: Ledger) -> None:
    unstorable = replace(FOUND, findings=(FOUND.findings[0], Finding("counts", "t", "rows", 2**63, "too many")))
    with pytest.raises(psycopg.Error):
        record_verification(connection, RUN, unstorable, seconds=0)
    assert recorded_verification(connection, "v1") is None
    assert run_record(connection, "v1") is None
