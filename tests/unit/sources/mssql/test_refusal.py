"""What a driver's words are taken for, where it tells the server's number and where it does not."""

from __future__ import annotations

import pytest

from pipeline.errors import ConnectionLost, SourceError, StatementRefused
from pipeline.sources.mssql.refusal import refusal

# number, SQL Server's own text, what it becomes, a word of the hint
_CASES = [
    (18456, "Login failed for user 'sa'.", StatementRefused, "MSSQL_PASSWORD"),
    (4060, 'Cannot open database "x" requested by the login. The login failed.', StatementRefused, "MSSQL_DB"),
    (229, "The SELECT permission was denied on the object 't', database 'd', schema 'dbo'.", StatementRefused, "GRANT"),
    (230, "The SELECT permission was denied on the column 'c' of the object 't'.", StatementRefused, "GRANT"),
    (208, "Invalid object name 'dbo.t'.", StatementRefused, "inspect"),
    (207, "Invalid column name 'c'.", StatementRefused, "inspect"),
    (1222, "Lock request time out period exceeded.", StatementRefused, "lock"),
    (
        1205,
        "Transaction (Process ID 52) was deadlocked on lock resources with another process and has been chosen as the "
        "deadlock victim. Rerun the transaction.",
        ConnectionLost,
        "resumes",
    ),
    (
        3960,
        "Snapshot isolation transaction aborted due to update conflict. You cannot use snapshot isolation to access "
        "table 't' directly or indirectly in database 'd'.",
        ConnectionLost,
        "resumes",
    ),
    (40613, "Database 'd' on server 's' is not currently available. Please retry later.", ConnectionLost, "resumes"),
    (40197, "The service has encountered an error processing your request. Please try again.", ConnectionLost, ""),
    (40501, "The service is currently busy. Retry the request after 10 seconds.", ConnectionLost, "resumes"),
    (40615, "Cannot open server 's'. Client with IP address '1.2.3.4' is not allowed.", StatementRefused, "firewall"),
    (983, "The database replica is not in the PRIMARY or SECONDARY role.", ConnectionLost, "resumes"),
    (
        976,
        "The target database, 'd', is participating in an availability group and is currently not accessible for "
        "queries. Either data movement is suspended or the availability replica is not enabled for read access.",
        StatementRefused,
        "primary",
    ),
    (3966, "Transaction is rolled back when accessing version store.", StatementRefused, "MSSQL_SNAPSHOT"),
    (50000, "사용자 오류", StatementRefused, None),
]


@pytest.mark.parametrize(("number", "text", "kind", "hint"), _CASES)
@pytest.mark.parametrize("told", [True, False])
def test_by_number_and_by_text(number: int, text: str, kind: type[SourceError], hint: str | None, told: bool) -> None:
    error = refusal("h/d: reading", text, number=number if told else None)
    assert type(error) is kind
    assert error.message == f"h/d: reading: {text}"
    assert (error.hint is None) if hint is None else (hint in str(error.hint))
    if isinstance(error, StatementRefused) and (told or hint is not None):
        assert error.number == number


def test_a_server_of_another_language_is_told_by_its_number() -> None:
    said = "사용자 'sa'이(가) 로그인하지 못했습니다."
    assert "MSSQL_PASSWORD" in str(refusal("h/d", said, number=18456).hint)
    assert "MSSQL_PASSWORD" in str(refusal("h/d", said, state="28000").hint)


@pytest.mark.parametrize("state", ["08S01", "08001", "HYT00"])
def test_an_unknown_text_is_told_by_its_state(state: str) -> None:
    assert isinstance(refusal("h/d", "통신 연결 오류", state=state, number=10054), ConnectionLost)


def test_names_in_a_text_do_not_decide_over_a_number() -> None:
    error = refusal("h/d", "Invalid object name 'deadlock victim'.", number=208)
    assert isinstance(error, StatementRefused)
