"""Which way of reading is chosen, what a session then begins with, and what is left behind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs
from tenacity import stop_after_attempt

from pipeline.errors import SourceError, StatementRefused
from pipeline.sources.mssql import consistency as module
from pipeline.sources.mssql.clients.base import Client
from pipeline.sources.mssql.connect import connect
from pipeline.sources.mssql.consistency import BEGIN, SNAPSHOT, Consistency, consistency
from pipeline.sources.mssql.source import MssqlSource
from tests.tds.database import Database, Result, ServedColumn
from tests.tds.drivers import address_of
from tests.tds.live import database, live, table
from tests.tds.server import Server, serve
from tests.tds.tokens import ServerError

_T = table("T", {"id": "int"}, ("id",))
_FLAGS = [ServedColumn(name, "int") for name in ("snapshots", "versions", "frozen", "origin")]
_NAMES = [ServedColumn("name", "nvarchar(128)")]
_FILES = [ServedColumn("name", "nvarchar(128)"), ServedColumn("path", "nvarchar(260)")]


class _Shop:
    """A server with one database, whose answers a test sets; it takes CREATE and DROP DATABASE, and notes them."""

    def __init__(self) -> None:
        self.flags: tuple[int | None, ...] = (0, 0, 0, None)
        self.in_memory: list[str] = []
        self.left: list[str] = []
        self.refused: dict[str, ServerError] = {}
        self.answers: dict[str, Any] = {
            module.STATE: self._answer(module.STATE, lambda: Result(_FLAGS, [self.flags])),
            module.IN_MEMORY: self._answer(module.IN_MEMORY, lambda: Result(_NAMES, [(n,) for n in self.in_memory])),
            module.LEFTOVERS: self._answer(module.LEFTOVERS, lambda: Result(_NAMES, [(n,) for n in self.left])),
            module.FILES: Result(_FILES, [("shop]1", "C:\\data\\O'Hara.mdf"), ("shop2", "/d/shop2.ndf")]),
        }

    def _answer(self, statement: str, result: Any) -> Any:
        def answer(_: object) -> Result:
            if statement in self.refused:
                raise self.refused[statement]
            return result()  # type: ignore[no-any-return]

        return answer


@pytest.fixture
def shop() -> _Shop:
    return _Shop()


@pytest.fixture
def server(shop: _Shop) -> Iterator[Server]:
    pytest.importorskip("mssql_python", exc_type=ImportError)
    with serve(Database("shop]x", answers=shop.answers), in_this_process=True) as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    made = connect(address_of(server))
    yield made
    made.close()


def _chosen(server: Server, client: Client, snapshot: str) -> tuple[Consistency, list[str]]:
    """The way of reading, and what it sends as a session begins."""
    chosen = consistency(address_of(server, snapshot=snapshot), client)
    before = len(server.texts)
    chosen.begin(client)
    return chosen, server.texts[before:]


def test_snapshot_isolation_is_used_where_the_database_allows_it(shop: _Shop, server: Server, client: Client) -> None:
    shop.flags = (1, 0, 0, None)
    for how in ("auto", "isolation"):
        chosen, sent = _chosen(server, client, how)
        assert sent == ["SET TRANSACTION ISOLATION LEVEL SNAPSHOT", "BEGIN TRANSACTION"]
        assert chosen.notices == ()
        assert chosen.address.database == "shop]x"
        client.execute("ROLLBACK TRANSACTION")


@pytest.mark.parametrize("state", [0, 2, 3])  # off, and on the way there and back
def test_elsewhere_the_user_is_told_what_may_happen_and_what_helps(
    shop: _Shop, server: Server, client: Client, state: int
) -> None:
    shop.flags = (state, 0, 0, None)
    chosen, sent = _chosen(server, client, "auto")
    assert sent == ["SET TRANSACTION ISOLATION LEVEL READ COMMITTED"]
    (notice,) = chosen.notices
    assert "ALTER DATABASE [shop]]x] SET ALLOW_SNAPSHOT_ISOLATION ON" in notice.text
    assert "MSSQL_SNAPSHOT=database" in notice.text
    with pytest.raises(SourceError, match="does not allow snapshot isolation") as caught:
        consistency(address_of(server, snapshot="isolation"), client)
    assert "ALTER DATABASE [shop]]x]" in str(caught.value.hint)


def test_read_committed_snapshot_makes_another_notice(shop: _Shop, server: Server, client: Client) -> None:
    texts = set()
    for versions in (0, 1):
        shop.flags = (0, versions, 0, None)
        texts |= {notice.text for notice in _chosen(server, client, "none")[0].notices}
    assert len(texts) == 2


def test_memory_optimized_tables_cannot_be_read_that_way(shop: _Shop, server: Server, client: Client) -> None:
    shop.flags, shop.in_memory = (1, 0, 0, None), ["hot"]
    chosen, sent = _chosen(server, client, "auto")
    assert sent == ["SET TRANSACTION ISOLATION LEVEL READ COMMITTED"]
    assert "'hot'" in chosen.notices[0].text
    with pytest.raises(SourceError, match="'hot'"):
        consistency(address_of(server, snapshot="isolation"), client)


def test_a_server_that_knows_less_is_asked_for_less(shop: _Shop, server: Server, client: Client) -> None:
    shop.flags = (1, 0, 0, None)
    shop.refused[module.IN_MEMORY] = ServerError(207, "Invalid column name 'is_memory_optimized'.")
    assert "BEGIN TRANSACTION" in _chosen(server, client, "auto")[1]
    client.execute("ROLLBACK TRANSACTION")
    shop.refused[module.STATE] = ServerError(208, "Invalid object name 'sys.databases'.")
    assert len(_chosen(server, client, "auto")[0].notices) == 1
    shop.refused[module.STATE] = ServerError(229, "The SELECT permission was denied on the object 'databases'.")
    with pytest.raises(StatementRefused, match="denied"):
        consistency(address_of(server), client)


@pytest.mark.parametrize("flags", [(0, 0, 1, None), (0, 0, 1, 5), (0, 0, 0, 5)])
@pytest.mark.parametrize("how", ["auto", "isolation", "database", "none"])
def test_what_cannot_change_needs_nothing(
    shop: _Shop, server: Server, client: Client, flags: tuple[int | None, ...], how: str
) -> None:
    shop.flags = flags
    chosen, sent = _chosen(server, client, how)
    assert (chosen.notices, chosen.address.database) == ((), "shop]x")
    assert sent == ["SET TRANSACTION ISOLATION LEVEL READ COMMITTED"]


def test_a_second_session_under_snapshot_isolation_sees_a_later_state_and_says_so(
    shop: _Shop, server: Server, client: Client
) -> None:
    shop.flags = (1, 0, 0, None)
    with capture_logs() as events:
        chosen, _ = _chosen(server, client, "auto")
        assert events == []
        again = connect(address_of(server))
        chosen.begin(again)
        again.close()
    assert [event["log_level"] for event in events] == ["warning"]


_IN_USE = ServerError(3702, 'Cannot drop database "shop" because it is currently in use.')


class _Statements(dict[str, Any]):
    """Takes the statements that make and drop a database, whatever the name in them."""

    drop: Result | ServerError = Result([])
    in_use = 0
    """How often the database is told to be in use before."""

    def get(self, text: str, default: Any = None) -> Any:
        if text.startswith("CREATE DATABASE "):
            return Result([])
        if text.startswith("DROP DATABASE "):
            return self._dropped
        return super().get(text, default)

    def _dropped(self, _: object) -> Result:
        if self.in_use:
            self.in_use -= 1
            raise _IN_USE
        if isinstance(self.drop, ServerError):
            raise self.drop
        return self.drop


def _made(server: Server) -> str:
    (statement,) = [text for text in server.texts if text.startswith("CREATE")]
    match = re.fullmatch(
        r"CREATE DATABASE \[(shop\]\]x_naru_[0-9a-f]{8})\] ON "
        r"\(NAME = \[shop\]\]1\], FILENAME = N'C:\\data\\O''Hara.mdf\.shop\]x_naru_[0-9a-f]{8}\.ss'\), "
        r"\(NAME = \[shop2\], FILENAME = N'/d/shop2.ndf\.shop\]x_naru_[0-9a-f]{8}\.ss'\) "
        r"AS SNAPSHOT OF \[shop\]\]x\]",
        statement,
    )
    assert match, statement
    return match[1]


def test_a_source_snapshot_is_made_read_from_and_dropped(shop: _Shop) -> None:
    shop.left = ["shop_naru_0000aaaa"]
    with serve(Database("shop]x", answers=_Statements(shop.answers)), in_this_process=True) as server:
        client = connect(address_of(server))
        chosen, sent = _chosen(server, client, "database")
        name = _made(server)
        assert chosen.address.database == name.replace("]]", "]")
        assert sent == ["SET TRANSACTION ISOLATION LEVEL READ COMMITTED"]
        assert [notice.text for notice in chosen.notices] == [
            "source snapshot 'shop_naru_0000aaaa' is another run's, or was left by one that died: "
            "then DROP DATABASE [shop_naru_0000aaaa]"
        ]
        client.close()
        chosen.close()
        chosen.close()
        assert [text for text in server.texts if text.startswith("DROP")] == [f"DROP DATABASE [{name}]"]
        assert server.logins[-1].database == "shop]x"


@pytest.mark.parametrize("how", ["auto", "isolation", "none"])
def test_only_who_asks_for_rows_has_a_second_session_and_that_one_holds_the_moment(how: str) -> None:
    with live({"T": [(1,)]}, _T, snapshot=how) as (source, server):
        assert [login.database for login in server.logins] == ["shop"]
        of_the_catalog = server.texts
        assert [batch.frame.rows() for batch in source.batches("T", batch_rows=10)] == [[(1,)]]
        assert source.count("T") == 1
    assert [login.database for login in server.logins] == ["shop", "shop"]
    moments = [text for text in server.texts if text in (SNAPSHOT, BEGIN)]
    assert not {SNAPSHOT, BEGIN} & set(of_the_catalog)
    assert moments == ([] if how == "none" else [SNAPSHOT, BEGIN])


def test_a_source_snapshot_is_read_in_the_place_of_its_database(shop: _Shop) -> None:
    told = database({"T": [(1,)]}, _T)
    answers = _Statements({**told.answers, **shop.answers})
    with serve(replace(told, answers=answers), in_this_process=True) as server:
        with MssqlSource(address_of(server, snapshot="database")) as source:
            assert [batch.frame.rows() for batch in source.batches("T", batch_rows=10)] == [[(1,)]]
        assert [login.database[:10] for login in server.logins] == ["shop", "shop_naru_", "shop_naru_", "shop"]
        assert server.texts[-1].startswith("DROP DATABASE [shop_naru_")


def test_a_source_snapshot_is_dropped_once_the_server_has_noticed_that_nobody_reads_it(shop: _Shop) -> None:
    told = database({"T": [(1,)]}, _T)
    answers = _Statements({**told.answers, **shop.answers})
    answers.in_use = 2
    with serve(replace(told, answers=answers), in_this_process=True) as server:
        with MssqlSource(address_of(server, snapshot="database")):
            pass
        assert sum(text.startswith("DROP DATABASE [shop_naru_") for text in server.texts) == 3


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LEAVING", module._LEAVING.copy(stop=stop_after_attempt(1)))


@pytest.mark.usefixtures("impatient")
def test_a_source_snapshot_that_cannot_be_dropped_is_named_with_the_statement(shop: _Shop) -> None:
    answers = _Statements(shop.answers)
    answers.drop = _IN_USE
    with serve(Database("shop]x", answers=answers), in_this_process=True) as server:
        client = connect(address_of(server))
        chosen = consistency(address_of(server, snapshot="database"), client)
        client.close()
        with pytest.raises(SourceError, match=r"is left on the server: .*currently in use") as caught:
            chosen.close()
        assert f"DROP DATABASE [{_made(server)}]" in str(caught.value.hint)


@pytest.mark.usefixtures("impatient")
def test_what_ended_a_run_is_not_hidden_by_a_source_snapshot_that_cannot_be_dropped(shop: _Shop) -> None:
    told = database({"T": [(1,)]}, _T)
    answers = _Statements({**told.answers, **shop.answers})
    answers.drop = _IN_USE
    with (
        serve(replace(told, answers=answers), in_this_process=True) as server,
        capture_logs() as logs,
        pytest.raises(KeyError, match="what ended it"),
        MssqlSource(address_of(server, snapshot="database")),
    ):
        raise KeyError("what ended it")
    (said,) = [log for log in logs if log["log_level"] == "warning"]
    assert "is left on the server" in said["event"]
    assert "DROP DATABASE [shop_naru_" in said["hint"]


def test_a_server_that_makes_no_source_snapshot_says_why(shop: _Shop, server: Server, client: Client) -> None:
    with pytest.raises(StatementRefused):
        consistency(address_of(server, snapshot="database"), client)
