"""A certificate for localhost, made anew by each test process, that nobody trusts unless told to."""

from __future__ import annotations

import datetime as dt
import ipaddress
import platform
import ssl
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

if sys.platform == "darwin" and platform.machine() != "arm64":
    pytest.skip("cryptography, which makes the certificate, has no wheels for Macs of Intel", allow_module_level=True)

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

_VALID = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Certificate:
    path: Path
    """In PEM, to give to a client that shall trust it."""
    key_path: Path

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path, self.key_path)
        # TLS 1.3 sends its session tickets after the handshake, where TDS 7.4 has no packets for them.
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        return context


def make_certificate(folder: Path) -> Certificate:
    """Self-signed, for localhost and 127.0.0.1."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    hosts = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    now = dt.datetime.now(dt.UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - _VALID)
        .not_valid_after(now + _VALID)
        .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    made = Certificate(folder / "server.crt", folder / "server.key")
    made.path.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    made.key_path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return made
