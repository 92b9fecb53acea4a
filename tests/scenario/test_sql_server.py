"""A live server on the command line: killed runs, lost connections, and bytes that are no text."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.postgres.connect import Target, connect
from tests.scenario.conftest import Naru
from tests.scenario.test_kill import committed, hold_to_a_quiet_run
from tests.tds.faults import Ending, Fault
from tests.tds.live import database as served
from tests.tds.live import table
from tests.tds.orders import orders
from tests.tds.server import Server, serve

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


def live_naru(directory: Path, database: Target, server: Server) -> tuple[LiveNaru, str]:
    """The command line that knows the server's password, and the server's url."""
    url = f"mssql://{server.user}@127.0.0.1:{server.address[1]}/{server.database.name}"
    return LiveNaru(directory, database, server.password), url


def test_a_row_of_malformed_cp949_is_refused_with_its_key_and_its_neighbours_arrive(
    tmp_path: Path, database: Target
) -> None:
    pytest.importorskip("mssql_python", reason="mssql-python is not installed here", exc_type=ImportError)
    items = table("items", {"item_id": "int", "name": "varchar(20)", "note": "nvarchar(20)"}, ("item_id",))
    rows = [(41, "가나", "앞"), (42, "서울".encode("cp949") + b"\xb0", "사이"), (43, "다라", "뒤")]
    with serve(served({"items": rows}, items)) as server:
        naru, url = live_naru(tmp_path, database, server)
        said = naru("migrate", url, "--yes", code=1)
        assert "text is not cp949: 0xB0 at byte 4 is no character" in said
        (refused,) = json.loads(naru("rejects", "--json"))["rejects"]
    assert refused["reject"]["key"] == {"item_id": 42}
    with connect(database, application_name="t", autocommit=True) as connection:
        assert connection.execute("select * from items order by 1").fetchall() == [rows[0], rows[2]]


@pytest.mark.parametrize("seed", [20261121])
def test_kills_and_lost_connections_leave_the_content_of_one_quiet_run(
    tmp_path: Path, database: Target, seed: int
) -> None:
    pytest.importorskip("mssql_python", reason="mssql-python is not installed here", exc_type=ImportError)
    with serve(orders(ROWS, COLUMNS)) as server:
        naru, url = live_naru(tmp_path, database, server)
        for ending in (Ending.DROP, Ending.DROP_BETWEEN_PACKETS):  # the killed runs come first, and use them up
            server.faults.add(Fault("FROM [dbo].[orders]", after_rows=3000, ending=ending, times=3))
        assert hold_to_a_quiet_run(naru, url, database, random.Random(seed), 10, kills=KILLS) == 1
        assert server.faults.left() == 0
    with connect(database, application_name="t", autocommit=True) as connection:
        assert connection.execute("select count(*), sum(order_id) from killed.orders").fetchone() == (
            ROWS,
            ROWS * (ROWS - 1) // 2,
        )


def wait_until(happened: Callable[[], bool], process: subprocess.Popen[str], otherwise: str) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert process.poll() is None, "the run has ended"
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.01)


@pytest.mark.skipif(os.name == "nt", reason="no SIGINT to another process")
@pytest.mark.parametrize("memo", ["varchar(20)", "nvarchar"])
def test_the_second_ctrl_c_ends_a_run_whose_server_says_nothing_more(
    tmp_path: Path, database: Target, memo: str
) -> None:
    """Within a (max) column Microsoft's driver waits with the lock of its interpreter, so that nothing else goes on."""
    pytest.importorskip("mssql_python", reason="mssql-python is not installed here", exc_type=ImportError)
    described = table("orders", {"order_id": "int", "memo": memo}, ("order_id",))
    shop = served({"orders": [(number, "메모") for number in range(6000)]}, described)
    with serve(shop) as server, connect(database, application_name="t", autocommit=True) as connection:
        naru, url = live_naru(tmp_path, database, server)
        naru("map", url, "-o", "shop.yaml")
        server.faults.add(Fault("FROM [dbo].[orders]", after_rows=4000, ending=Ending.NEVER))
        command = ("migrate", url, "--mapping", "shop.yaml", "--yes")
        process = naru.start(*command, "--batch-size", "1000")
        wait_until(lambda: committed(connection) >= 2, process, "the run commits nothing")
        time.sleep(0.5)  # or a batch may still be under way; the run ends in the same way then
        for _ in range(2):
            process.send_signal(signal.SIGINT)
            time.sleep(0.2)  # two signals at once may arrive as one
        try:
            _, err = process.communicate(timeout=60)
        finally:
            process.kill()
        assert process.returncode == 8, err
        assert "Traceback" not in err
        assert "trying again" not in err
        naru(*command)
        assert connection.execute("select count(*), max(order_id) from orders").fetchone() == (6000, 5999)


def test_what_went_wrong_is_told_though_the_server_says_nothing_more(tmp_path: Path, database: Target) -> None:
    """The driver fetches ahead of the row that ends the run, and nothing but the server ends its wait."""
    pytest.importorskip("mssql_python", reason="mssql-python is not installed here", exc_type=ImportError)
    items = table("items", {"item_id": "int", "name": "varchar(20)"}, ("item_id",))
    rows = [(number, b"\xb0" if number == 5 else "서울") for number in range(3000)]
    with serve(served({"items": rows}, items)) as server:
        naru, url = live_naru(tmp_path, database, server)
        naru("map", url, "-o", "shop.yaml")
        server.faults.add(Fault("FROM [dbo].[items]", after_rows=2600, ending=Ending.NEVER))
        said = naru(
            "migrate", url, "--mapping", "shop.yaml", "--yes", "--batch-size", "500", "--on-error", "stop", code=6
        )
    assert "more than 0 rows refused" in said
    assert "left open" not in said
    assert "trying again" not in said


@pytest.mark.skipif(os.name == "nt", reason="no SIGINT to another process")
def test_ctrl_c_ends_a_dry_run_whose_server_says_nothing_more(tmp_path: Path, database: Target) -> None:
    pytest.importorskip("mssql_python", reason="mssql-python is not installed here", exc_type=ImportError)
    with serve(orders(30_000)) as server:
        naru, url = live_naru(tmp_path, database, server)
        naru("map", url, "-o", "shop.yaml")
        server.faults.add(Fault("FROM [dbo].[orders]", after_rows=20_000, ending=Ending.NEVER))
        process = naru.start("migrate", url, "--mapping", "shop.yaml", "--dry-run")
        wait_until(lambda: not server.faults.left(), process, "no row is asked for")
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        try:
            _, err = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 8, err
    assert "Traceback" not in err
