"""`report` after real runs: the page, the JSON, and what is said where there is nothing to report."""

from __future__ import annotations

import re
import stat
import sys
from pathlib import Path

from psycopg import sql

from pipeline.postgres.connect import Target, connect
from tests.scenario.conftest import Naru


def test_migrate_and_verify_leave_what_a_report_tells(naru: Naru, sample: Path, database: Target) -> None:
    naru("migrate", sample)
    said = naru("report", "--html", "out/report.html")
    assert re.search(r"run \S+: complete; the page is out.report\.html", said)
    page = (naru.directory / "out" / "report.html").read_text("utf-8")
    assert "<h1>Everything arrived</h1>" in page
    assert "9,952" in page
    with connect(database, application_name="t", autocommit=True) as connection:
        connection.execute("delete from audit_logs where ctid = (select min(ctid) from audit_logs)")
    naru("verify", sample, code=1)
    naru("report", "--html", "둘.html", "--lang", "ko")
    page = (naru.directory / "둘.html").read_text("utf-8")
    assert "<h1>검증에서 차이가 발견되었습니다</h1>" in page
    assert "the target should hold 5,000 rows and holds 4,999" in page
    if sys.platform != "win32":  # it holds values of rows
        assert stat.S_IMODE((naru.directory / "둘.html").stat().st_mode) == 0o600


def test_json_has_the_same_values_and_stands_alone_on_standard_output(naru: Naru, sample: Path) -> None:
    naru("migrate", sample)
    told = naru.json("report")
    assert (told["standing"], told["totals"]["loaded"], told["findings"]) == ("complete", 9952, [])
    assert naru.json("report", told["run"]["run_id"]) == told


def test_nothing_to_report_is_told(naru: Naru, sample: Path) -> None:
    assert "--html FILE" in naru("report", code=2)
    assert "no run has written" in naru("report", "--json", code=2)
    naru("migrate", sample)
    assert "knows no run r9" in naru("report", "r9", "--json", code=2)
    assert "cannot be written" in naru("report", "--html", naru.directory / "logs", code=3)


def test_who_may_only_read_can_verify_and_report(naru: Naru, sample: Path, database: Target) -> None:
    naru("migrate", sample)
    reader, name = f"reader_{database.database}", sql.Identifier(f"reader_{database.database}")
    with connect(database, application_name="t", autocommit=True) as connection:
        connection.execute(sql.SQL("create role {} login password 'reader'").format(name))
        connection.execute(sql.SQL("grant usage on schema _naru to {}").format(name))
        connection.execute(sql.SQL("grant select on all tables in schema _naru, public to {}").format(name))
        connection.execute(sql.SQL("grant select on all sequences in schema public to {}").format(name))
        try:
            url = f"postgresql://{reader}:reader@{database.host}:{database.port}/{database.database}"
            (naru.directory / ".env").write_text(f"DATABASE_URL={url}\n", encoding="utf-8")
            alone = Naru(naru.directory, None)
            said = alone("verify", sample)
            assert "note: not kept for a report" in said
            assert "verified: no findings" in said
            assert "complete" in alone("report", "--html", "r.html")
        finally:
            connection.execute(sql.SQL("drop owned by {0}; drop role {0}").format(name))
