"""An address in the words of a driver's connection string."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pipeline.errors import SettingsError
from pipeline.sources.mssql.address import Address

LOGIN_TIMEOUT_S: Final = 15
_NETWORK = {
    "ConnectRetryCount": "0",  # a connection that the driver mends unseen has lost its transaction
    "KeepAlive": "30",
    "KeepAliveInterval": "10",
}


def connection_string(keywords: Mapping[str, str]) -> str:
    """`key={value};...`, where no value can end early or add a keyword."""
    return ";".join(f"{key}={{{value.replace('}', '}}')}}}" for key, value in keywords.items())


def microsoft(address: Address) -> dict[str, str]:
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
    return {
        "Server": f"tcp:{address.host},{address.port}",
        "Database": address.database,
        "Encrypt": address.encrypt,
        "TrustServerCertificate": "yes" if address.trust_server_certificate else "no",
        **_NETWORK,
        **{key: value for key, value in login.items() if value},
    }


def freetds(address: Address) -> dict[str, str]:
    """For FreeTDS, which checks no certificate here; raises SettingsError rather than do less than was asked for."""
    if address.authentication not in ("sql", "integrated"):
        raise SettingsError(f"FreeTDS does not know MSSQL_AUTHENTICATION={address.authentication}", hint=_OTHER_DRIVER)
    if address.encrypt == "strict" or (address.encrypt == "mandatory" and not address.trust_server_certificate):
        raise SettingsError(
            "FreeTDS encrypts, but does not check whose certificate it is shown",
            hint=f"{_OTHER_DRIVER}; or accept any certificate with MSSQL_TRUST_SERVER_CERTIFICATE=true",
        )
    secret = address.password.get_secret_value() if address.password else ""
    return {
        "Server": address.host,
        "Port": str(address.port),
        "Database": address.database,
        "TDS_Version": "7.4",
        "ClientCharset": "UTF-8",
        "Encryption": "require" if address.encrypt == "mandatory" else "request",
        **({"Trusted_Connection": "yes"} if address.authentication == "integrated" else {}),
        **({"UID": address.user, "PWD": secret} if address.user else {}),
    }


_OTHER_DRIVER = "leave out MSSQL_ODBC_DRIVER, or name Microsoft's driver"
