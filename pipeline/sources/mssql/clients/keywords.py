"""An address as the connection string of a driver, in which no value can end early or add a keyword."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pipeline.errors import SettingsError
from pipeline.sources.mssql.address import Address
from pipeline.sources.mssql.clients.base import Login
from pipeline.sources.mssql.clients.odbc import registered

_NETWORK = {
    "ConnectRetryCount": "0",  # a connection that the driver mends unseen has lost its transaction
    "KeepAlive": "30",
    "KeepAliveInterval": "10",
}


def login(address: Address) -> Login:
    """For the driver that the address asks for; raises SettingsError where that cannot be, or is not there."""
    name = address.odbc_driver
    if name is None:
        return Login(address.name, microsoft(address))
    is_path = "/" in name or "\\" in name
    if is_path and not Path(name).is_file():
        raise SettingsError(f"MSSQL_ODBC_DRIVER {name!r}: no such file", hint="name the driver's library, or its name")
    if not is_path and name not in (known := registered()):
        listed = ", ".join(known) or "none"
        raise SettingsError(
            f"MSSQL_ODBC_DRIVER {name!r} is not registered",
            hint=f"registered are: {listed}; or give the library's path",
        )
    # Told by its name. One that is not what its name says does not understand the address, and connects nowhere.
    words = freetds(address) if "tds" in name.lower() else microsoft(address)
    return Login(address.name, f"Driver={{{name}}};{words};APP=naru", by_odbc=True)


def microsoft(address: Address) -> str:
    """For Microsoft's driver, alone or by way of mssql-python."""
    login: dict[str, str | None] = {
        "UID": address.user,
        "PWD": address.password.get_secret_value() if address.password else None,
        "ServerCertificate": str(address.server_certificate) if address.server_certificate else None,
    }
    if address.authentication == "integrated":
        login["Trusted_Connection"] = "yes"
    elif address.authentication != "sql":
        login["Authentication"] = address.authentication
    keywords = {
        "Server": f"tcp:{address.host},{address.port}",
        "Database": address.database,
        "Encrypt": address.encrypt,
        "TrustServerCertificate": "yes" if address.trust_server_certificate else "no",
        **_NETWORK,
        **{key: value for key, value in login.items() if value},
    }
    return _joined({key: value.replace("}", "}}") for key, value in keywords.items()})


def freetds(address: Address) -> str:
    """For FreeTDS, which checks no certificate here; raises SettingsError rather than do less than was asked for."""
    if address.authentication not in ("sql", "integrated"):
        raise SettingsError(f"FreeTDS does not know MSSQL_AUTHENTICATION={address.authentication}", hint=_OTHER_DRIVER)
    if address.encrypt == "strict" or (address.encrypt == "mandatory" and not address.trust_server_certificate):
        raise SettingsError(
            "FreeTDS encrypts, but does not check whose certificate it is shown",
            hint=f"{_OTHER_DRIVER}; or accept any certificate with MSSQL_TRUST_SERVER_CERTIFICATE=true",
        )
    secret = address.password.get_secret_value() if address.password else ""
    keywords = {
        "Server": address.host,
        "Port": str(address.port),
        "Database": address.database,
        "TDS_Version": "7.4",
        "ClientCharset": "UTF-8",
        "Encryption": "require" if address.encrypt == "mandatory" else "request",
        **({"Trusted_Connection": "yes"} if address.authentication == "integrated" else {}),
        **({"UID": address.user, "PWD": secret} if address.user else {}),
    }
    # A value ends with the first brace that a semicolon follows; there is no way to write one inside of it.
    if hostile := [key for key, value in keywords.items() if "};" in value]:
        raise SettingsError(f"FreeTDS cannot be told a {hostile[0]} with '}};' in it", hint=_OTHER_DRIVER)
    return _joined(keywords)


def _joined(keywords: Mapping[str, str]) -> str:
    return ";".join(f"{key}={{{value}}}" for key, value in keywords.items())


_OTHER_DRIVER = "leave out MSSQL_ODBC_DRIVER, or name Microsoft's driver"
