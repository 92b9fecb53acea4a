"""How a source is named by a URL and by settings, and what is refused before anything is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import SecretStr

from pipeline.errors import NaruError, SettingsError, UsageError
from pipeline.settings import Authentication, load_settings
from pipeline.sources.mssql.address import Address

_SECRET = "geheim-9"

pytestmark = pytest.mark.usefixtures("without_settings")


def _from(url: str, **flags: object) -> Address:
    return Address.from_url(url, load_settings(mssql_password=_SECRET, **flags))


def test_a_url_names_the_place() -> None:
    address = _from("mssql://reader@db.example:14330/shop")
    assert (address.host, address.port, address.database, address.user) == ("db.example", 14330, "shop", "reader")
    assert address.password == SecretStr(_SECRET)
    assert (address.encrypt, address.trust_server_certificate) == ("mandatory", False)


@pytest.mark.parametrize(
    ("url", "host", "port", "database", "user"),
    [
        ("mssql://u@h/d", "h", 1433, "d", "u"),
        ("mssql://u@[::1]:1434/d", "::1", 1434, "d", "u"),
        ("mssql://u%40corp@h/a%2Fb%20c", "h", 1433, "a/b c", "u@corp"),
        ("mssql://%EB%8B%B4%EB%8B%B9@h/%EA%B0%80%EA%B2%8C", "h", 1433, "가게", "담당"),
        ("mssql://u@h/a;Server=evil", "h", 1433, "a;Server=evil", "u"),
    ],
)
def test_forms_of_a_url(url: str, host: str, port: int, database: str, user: str) -> None:
    address = _from(url)
    assert (address.host, address.port, address.database, address.user) == (host, port, database, user)


def test_options_of_a_url_outrank_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MSSQL_ENCRYPT", "optional")
    monkeypatch.setenv("MSSQL_SNAPSHOT", "none")
    address = _from("mssql://u@h/d?encrypt=strict&server_certificate=/tmp/a.crt")
    assert (address.encrypt, address.server_certificate, address.snapshot) == ("strict", Path("/tmp/a.crt"), "none")
    with pytest.raises(SettingsError, match="MSSQL_ENCRYPT 'maybe'"):
        _from("mssql://u@h/d?encrypt=maybe")


def test_a_url_takes_user_and_password_of_the_settings_and_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"HOST": "other", "PORT": "99", "DB": "otherdb", "USER": "reader"}.items():
        monkeypatch.setenv(f"MSSQL_{name}", value)
    address = _from("mssql://h/d")
    assert (address.host, address.port, address.database, address.user) == ("h", 1433, "d", "reader")


@pytest.mark.parametrize(
    "url",
    [
        f"mssql://u:{_SECRET}@h/d",
        f"mssql://u:@h/d?x={_SECRET}",
        f"mssql://u:{_SECRET}/d",
        f"mssql://u:p@{_SECRET}@h/d",
        f"mssql://u@h/d?password={_SECRET}",
        f"mssql://u@h/d?PWD={_SECRET}",
        f"mssql://u@h:{_SECRET}/d",
        f"mysql://u@h/{_SECRET}",
        f"mssql://u@[{_SECRET}/d",
        f"mssql://u@h/d#{_SECRET}",
        f"mssql://u@h/?d={_SECRET}",
        "mssql://u@h/",
        "mssql:///d",
        "mssql://u@h/d?encrypt",
        "mssql://u@h/d?encrypt=strict&encrypt=optional",
    ],
)
def test_a_url_that_is_wrong_or_holds_a_password_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        Address.from_url(url, load_settings(mssql_password="x"))
    assert caught.value.hint
    assert _SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "host", ["h\\instance", "h,1433", "tcp:h", "h;Database=x", "a b", "", "h}", "(localdb)", "np:\\\\h", "::g"]
)
def test_a_host_is_a_name_or_an_address_and_nothing_else(host: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Address(host, 1433, "d", "u", SecretStr(_SECRET))
    assert caught.value.hint


def test_a_named_instance_is_told_how_it_is_reached() -> None:
    for url in ("mssql://u@h%5Csqlexpress/d", "mssql://u@h\\sqlexpress/d"):
        with pytest.raises(SettingsError, match="named instances") as caught:
            _from(url)
        assert "port" in str(caught.value.hint)


def test_what_is_wrong_with_a_place_is_said() -> None:
    with pytest.raises(SettingsError, match="host 'tcp:h,1433' holds a port") as caught:
        Address("tcp:h,1433", 1433, "d", "u", SecretStr(_SECRET))
    assert "MSSQL_PORT" in str(caught.value.hint)
    with pytest.raises(UsageError, match="names no database"):
        _from("mssql://u@h:1433")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"user": None}, "MSSQL_AUTHENTICATION=sql needs a user"),
        ({"password": None}, "no password"),
        ({"authentication": "ActiveDirectoryServicePrincipal", "password": None}, "no password"),
        ({"authentication": "integrated"}, "takes no user"),
        ({"server_certificate": Path("a.crt")}, "MSSQL_ENCRYPT=strict"),
        ({"encrypt": "strict", "trust_server_certificate": True}, "trusts no certificate unseen"),
        ({"database": "a\0b"}, "NUL"),
        ({"password": SecretStr("a\0b")}, "NUL"),
    ],
)
def test_wishes_that_contradict_each_other_are_refused(changes: dict[str, Any], told: str) -> None:
    parts: dict[str, Any] = {"host": "h", "port": 1, "database": "d", "user": "u", "password": SecretStr(_SECRET)}
    with pytest.raises(SettingsError, match=told):
        Address(**(parts | changes))


def test_the_password_does_not_show() -> None:
    address = Address("::1", 1433, "가 게", "a@b", SecretStr(_SECRET))
    assert _SECRET not in f"{address} {address!r} {address.name}"
    assert str(address) == "mssql://a%40b@[::1]:1433/%EA%B0%80%20%EA%B2%8C"
    assert address.name == "::1/가 게"


def test_accounts_of_the_system_and_of_entra_need_no_password() -> None:
    for how in ("integrated", "ActiveDirectoryDefault", "ActiveDirectoryMSI"):
        assert Address("h", 1433, "d", authentication=how).user is None  # type: ignore[arg-type]


@pytest.mark.parametrize("how", get_args(Authentication))
def test_who_has_to_sign_in_is_known(how: Authentication) -> None:
    user, password = (None, None) if how == "integrated" else ("reader", SecretStr(_SECRET))
    asks = how in ("ActiveDirectoryDeviceCode", "ActiveDirectoryInteractive")
    assert Address("h", 1433, "d", user, password, authentication=how).asks_a_person == asks


def test_half_a_source_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MSSQL_HOST", "h")
    with pytest.raises(NaruError, match="MSSQL_HOST is set, and MSSQL_DB missing"):
        load_settings()
    monkeypatch.delenv("MSSQL_HOST")
    monkeypatch.setenv("MSSQL_PASSWORD", _SECRET)
    with pytest.raises(SettingsError, match="MSSQL_HOST and MSSQL_DB are not set"):
        Address.from_settings(load_settings())
