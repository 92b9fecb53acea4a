"""Messages of TDS and the packets they travel in (MS-TDS 2.2.3)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from enum import IntEnum

HEADER = struct.Struct(">BBHHBB")
"""Type, status, length with the header, process, packet number, window."""
_LAST = 1
_PACKETS_AT_ONCE = 32


class Kind(IntEnum):
    BATCH = 1
    RPC = 3
    RESPONSE = 4
    ATTENTION = 6
    TRANSACTION = 14
    LOGIN = 16
    PRELOGIN = 18


class Disconnected(Exception):
    """The other side is gone."""


class Dropped(Exception):
    """The connection shall end here."""

    def __init__(self, *, between_packets: bool = False) -> None:
        super().__init__()
        self.between_packets = between_packets


class Silenced(Dropped):
    """Nothing more shall be said, and the connection stays."""


class Channel:
    """Messages over anything that receives and sends bytes; TLS takes the place of the socket's own two functions."""

    def __init__(self, receive: Callable[[int], bytes], send: Callable[[bytes], None]) -> None:
        self.receive, self.send = receive, send
        self.packet_bytes = 4096

    def read(self) -> tuple[int, bytes]:
        """One whole message."""
        content = bytearray()
        while True:
            kind, status, length, *_ = HEADER.unpack(self._exactly(HEADER.size))
            content += self._exactly(length - HEADER.size)
            if status & _LAST:
                return kind, bytes(content)

    def _exactly(self, size: int) -> bytes:
        content = bytearray()
        while len(content) < size:
            part = self.receive(size - len(content))
            if not part:
                raise Disconnected
            content += part
        return bytes(content)

    def write(self, parts: Iterable[bytes], kind: Kind = Kind.RESPONSE) -> None:
        """One whole message.

        Where the parts end with Dropped, what they gave goes out first: the beginning of a message that never ends, cut
        in the middle of a packet or behind one.
        """
        waiting, sent, payload = bytearray(), 0, self.packet_bytes - HEADER.size
        try:
            for part in parts:
                waiting += part
                if len(waiting) > payload * _PACKETS_AT_ONCE:
                    sent += self._send_full(waiting, kind, sent)
        except Dropped as drop:
            sent += self._send_full(waiting, kind, sent)
            claimed = len(waiting) if drop.between_packets else payload
            self.send(self._header(kind, claimed, sent) + waiting)
            raise
        sent += self._send_full(waiting, kind, sent)
        self.send(self._header(kind, len(waiting), sent, _LAST) + waiting)

    def _send_full(self, waiting: bytearray, kind: Kind, sent: int) -> int:
        """Send, and take away, all full packets but for one that may be the last."""
        payload, out = self.packet_bytes - HEADER.size, bytearray()
        packets = max(len(waiting) - 1, 0) // payload
        for at in range(packets):
            out += self._header(kind, payload, sent + at) + waiting[at * payload : (at + 1) * payload]
        del waiting[: packets * payload]
        if out:
            self.send(bytes(out))
        return packets

    def _header(self, kind: Kind, payload: int, sent: int, status: int = 0) -> bytes:
        return HEADER.pack(kind, status, payload + HEADER.size, 0, (sent + 1) & 0xFF, 0)
