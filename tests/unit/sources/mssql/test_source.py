"""What a source makes of a server that says too little of the database."""

from __future__ import annotations

import pytest

from pipeline.errors import SourceError
from pipeline.sources.mssql import MssqlSource
from pipeline.sources.mssql.schema.answers import statement
from tests.tds.database import Result, ServedColumn
from tests.tds.live import address, database, table
from tests.tds.server import serve


def test_a_server_that_lists_no_database_of_its_own_name() -> None:
    pytest.importorskip("mssql_python", exc_type=ImportError)
    shop = database({"t": []}, table("t", {"id": "int"}, ("id",)))
    said = {"name": "nvarchar(128)", "server": "nvarchar(128)", "created": "nvarchar(30)", "code_page": "int"}
    shop.answers[statement("identity")] = Result([ServedColumn(name, type) for name, type in said.items()])
    with serve(shop) as server, pytest.raises(SourceError, match="is not shown which database it reads"):
        MssqlSource(address(server)).__enter__()
