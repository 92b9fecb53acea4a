"""A login of SQL Server that is shown masked values: looked at, stopped, and carried without them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.postgres.connect import Target, connect
from tests.scenario.conftest import Naru
from tests.tds.live import database, table
from tests.tds.server import serve

PASSWORD = "never-to-be-shown"
GUESTS = table("손님", {"번호": "int", "이름": "varchar(20)", "mail": "nvarchar(50)"}, ("번호",))


@pytest.fixture
def shop(naru: Naru) -> Iterator[str]:
    """A server whose login does not see the mails; its URL, and its password in .env."""
    masked = {"is_filestream": False, "is_column_set": False, "encryption_type": None, "is_masked": True}
    mail = {"object_id": 1000, "column_id": 3, **masked, "generated_always_type_desc": None, "sees_unmasked": 0}
    rows = [(1, "김하나", "kXXX@XXXX.com"), (2, "이두리", None)]
    with serve(database({"손님": rows}, GUESTS, besides={"column_kinds": [mail]}), password=PASSWORD) as server:
        host, port = server.address
        settings = f"MSSQL_PASSWORD={PASSWORD}\nMSSQL_TRUST_SERVER_CERTIFICATE=true\n"
        Path(naru.directory, ".env").write_text(settings, encoding="utf-8")
        yield f"mssql://{server.user}@{host}:{port}/shop"


def test_masked_values_are_never_taken_for_values(naru: Naru, shop: str, database: Target) -> None:
    shown = naru("inspect", shop)
    assert "not readable: mail: the server masks its values before this login" in shown
    refused = naru("migrate", shop, "--yes", code=4)
    assert "table 손님, column mail: the server masks its values before this login: have UNMASK granted to" in refused
    assert "{skip: true}" in refused
    with connect(database, application_name="t", autocommit=True) as connection:
        assert connection.execute("select to_regclass('public.손님')").fetchone() == (None,)
    naru("map", shop, "-o", "shop.yaml")
    mapping = Path(naru.directory, "shop.yaml")
    text, changed = re.subn(r"(?m)^( +mail:).*$", r"\1 {skip: true}", mapping.read_text(encoding="utf-8"))
    assert changed == 1
    mapping.write_text(text, encoding="utf-8")
    carried = naru("migrate", shop, "--mapping", "shop.yaml", "--yes")
    with connect(database, application_name="t", autocommit=True) as connection:
        rows = connection.execute("select * from 손님 order by 번호").fetchall()
    assert rows == [(1, "김하나"), (2, "이두리")]
    assert PASSWORD not in shown + refused + carried + text
