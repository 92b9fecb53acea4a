"""From the first packet to a session: PRELOGIN, TLS inside TDS, LOGIN7 (MS-TDS 2.2.6.4, 2.2.6.5, 3.3.5)."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from tests.tds.packets import Channel, Disconnected, Kind
from tests.tds.tokens import ServerError, done, environment, info, login_accepted
from tests.tds.types import Collation, b_text

_OPTION = struct.Struct(">BHH")
_VERSION, _ENCRYPTION, _INSTANCE, _MARS, _END = 0, 1, 2, 4, 0xFF
_SERVER_2022 = bytes([16, 0, 0x10, 0, 0, 0])
_TLS_RECORD = 16384
_FIELDS = {"host": 36, "user": 40, "password": 44, "application": 48, "server": 52, "language": 64, "database": 68}
"""Where LOGIN7 says where its texts are."""
_PACKET_SIZE_AT = 8
_LEAST_PACKET, _MOST_PACKET, _MOST_ENCRYPTED = 512, 32767, 16383
"""Bytes; msodbcsql waits for ever for the rest of a packet that is larger than a TLS record."""


class Encryption(IntEnum):
    """How much of a session is encrypted, by the number that PRELOGIN has for it."""

    LOGIN_ONLY = 0
    ON = 1
    NONE = 2
    REQUIRED = 3


@dataclass(frozen=True, slots=True)
class Login:
    host: str
    user: str
    password: str
    application: str
    server: str
    language: str
    database: str
    packet_bytes: int
    encryption: Encryption


def read_login(connection: socket.socket, channel: Channel, tls: ssl.SSLContext | None) -> Login:
    """What the client says of itself; raises Disconnected where it does not like the certificate."""
    encryption = _agree(channel, tls)
    plain = channel.receive, channel.send
    if encryption is not Encryption.NONE:
        assert tls is not None
        channel.receive, channel.send = _tls(connection, channel, tls)
    kind, content = channel.read()
    if kind != Kind.LOGIN:
        raise Disconnected
    if encryption is Encryption.LOGIN_ONLY:
        channel.receive, channel.send = plain
    return _parsed(content, encryption)


def _agree(channel: Channel, tls: ssl.SSLContext | None) -> Encryption:
    kind, content = channel.read()
    if kind != Kind.PRELOGIN:
        raise Disconnected
    asked = Encryption((_options(content).get(_ENCRYPTION) or b"\x02")[0])
    encryption = asked if tls else Encryption.NONE
    if encryption is Encryption.REQUIRED:
        encryption = Encryption.ON
    values = {_VERSION: _SERVER_2022, _ENCRYPTION: bytes([encryption]), _INSTANCE: b"\0", _MARS: b"\0"}
    head, body, start = b"", b"", _OPTION.size * len(values) + 1
    for option, value in values.items():
        head += _OPTION.pack(option, start + len(body), len(value))
        body += value
    channel.write([head + bytes([_END]) + body])
    return encryption


def _options(content: bytes) -> dict[int, bytes]:
    found, at = {}, 0
    while content[at] != _END:
        option, start, length = _OPTION.unpack_from(content, at)
        found[option] = content[start : start + length]
        at += _OPTION.size
    return found


def _tls(connection: socket.socket, channel: Channel, context: ssl.SSLContext):  # type: ignore[no-untyped-def]
    """Receive and send through TLS, whose handshake travels in PRELOGIN packets and nothing else does."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_side=True)
    finished = False
    while not finished:
        try:
            tls.do_handshake()
            finished = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            raise Disconnected from error
        if ready := outgoing.read():
            channel.write([ready], Kind.PRELOGIN)
        if not finished:
            incoming.write(channel.read()[1])

    def receive(size: int) -> bytes:
        while True:
            try:
                return tls.read(size)
            except ssl.SSLWantReadError:
                if not (raw := connection.recv(65536)):
                    return b""
                incoming.write(raw)
            except ssl.SSLError:
                return b""

    def send(content: bytes) -> None:
        for at in range(0, len(content), _TLS_RECORD):
            tls.write(content[at : at + _TLS_RECORD])
        connection.sendall(outgoing.read())

    return receive, send


def _parsed(content: bytes, encryption: Encryption) -> Login:
    texts = {name: _field(content, at) for name, at in _FIELDS.items()}
    texts_decoded = {name: raw.decode("utf-16-le") for name, raw in texts.items() if name != "password"}
    (packet_bytes,) = struct.unpack_from("<I", content, _PACKET_SIZE_AT)
    most = _MOST_ENCRYPTED if encryption is Encryption.ON else _MOST_PACKET
    packet_bytes = min(max(packet_bytes or 4096, _LEAST_PACKET), most)
    return Login(
        **texts_decoded, password=_password(texts["password"]), packet_bytes=packet_bytes, encryption=encryption
    )


def _field(content: bytes, at: int) -> bytes:
    start, characters = struct.unpack_from("<HH", content, at)
    return content[start : start + 2 * characters]


def _password(raw: bytes) -> str:
    """Its halves of bytes are swapped, and then each byte is changed by 0xA5."""
    plain = bytes(((byte ^ 0xA5) << 4 & 0xF0) | (byte ^ 0xA5) >> 4 for byte in raw)
    return plain.decode("utf-16-le")


def refusal(login: Login) -> Iterator[bytes]:
    yield ServerError(18456, f"Login failed for user '{login.user}'.", 14).token()
    yield done(error=True)


def acceptance(login: Login, database: str, collation: Collation) -> Iterator[bytes]:
    yield environment(1, b_text(database), b_text("master"))
    yield info(5701, f"Changed database context to '{database}'.")
    yield environment(7, b"\x05" + collation.wire, b"\0")
    yield environment(2, b_text("us_english"), b_text(""))
    yield info(5703, "Changed language setting to us_english.")
    yield login_accepted()
    yield environment(4, b_text(str(login.packet_bytes)), b_text("4096"))
    yield done()
