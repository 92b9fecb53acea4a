"""A live server of 500,000 orders: killed and resumed, the content is that of one quiet run."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.postgres.connect import Target, connect
from tests.scenario.conftest import Naru
from tests.scenario.test_kill import hold_to_a_quiet_run
from tests.tds.orders import orders
from tests.tds.server import serve

ROWS = 500_000
COLUMNS = ("order_id", "memo", "amount", "paid", "zoned_at")
"""The tests' server makes and encodes them, which takes longer than the migration."""
KILLS = 5


@dataclass(frozen=True)
class LiveNaru(Naru):
    """With the password that the server asks for."""

    password: str

    @property
    def environment(self) -> dict[str, str]:
        clean = {key: value for key, value in super().environment.items() if not key.startswith("MSSQL_")}
        return clean | {"MSSQL_PASSWORD": self.password, "MSSQL_TRUST_SERVER_CERTIFICATE": "true"}


@pytest.mark.parametrize("seed", [20261121])
def test_kills_leave_the_content_of_one_quiet_run(tmp_path: Path, database: Target, seed: int) -> None:
    pytest.importorskip("mssql_python", reason="mssql-python is not installed here", exc_type=ImportError)
    with serve(orders(ROWS, COLUMNS)) as server:
        naru = LiveNaru(tmp_path, database, server.password)
        url = f"mssql://{server.user}@127.0.0.1:{server.address[1]}/shop"
        assert hold_to_a_quiet_run(naru, url, database, random.Random(seed), 10, kills=KILLS) == 1
    with connect(database, application_name="t", autocommit=True) as connection:
        assert connection.execute("select count(*), sum(order_id) from killed.orders").fetchone() == (
            ROWS,
            ROWS * (ROWS - 1) // 2,
        )
