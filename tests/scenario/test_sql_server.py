"""A live server of 500,000 orders: killed and resumed, the content is that of one quiet run."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.postgres.connect import Target, connect
from tests.scenario.conftest import Naru
from tests.scenario.test_kill import differing_rows, kill_after
from tests.tds.orders import orders
from tests.tds.server import serve

ROWS = 500_000
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
    moments = random.Random(seed)
    with serve(orders(ROWS)) as server, connect(database, application_name="t", autocommit=True) as connection:
        naru, port = LiveNaru(tmp_path, database, server.password), server.address[1]
        url = f"mssql://{server.user}@127.0.0.1:{port}/shop"
        for schema in ("whole", "killed"):
            naru("map", url, "-o", f"{schema}.yaml", "--schema", schema)
        kills = 0
        for _ in range(KILLS):
            size = moments.choice((2000, 5000, 9000))
            command = ("migrate", url, "--mapping", "killed.yaml", "--batch-size", str(size), "--yes")
            kills += kill_after(naru, connection, moments.randint(1, 10), *command)
        assert kills == KILLS
        naru("migrate", url, "--mapping", "killed.yaml", "--yes")
        naru("migrate", url, "--mapping", "whole.yaml", "--yes")
        assert differing_rows(connection, "orders") == 0
        assert connection.execute("select count(*), sum(order_id) from killed.orders").fetchone() == (
            ROWS,
            ROWS * (ROWS - 1) // 2,
        )
