"""XXH3-128 with seed 0 in plain Python, written from the specification: slow, and a second opinion on every length."""

from __future__ import annotations

import struct

_SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221"
    "b8084674f743248ee03590e6813a264c3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
    "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364eac5ac8334d3ebc3c581a0fffa1363eb"
    "170ddd51b7f0da49d316552629d4689e2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e"
)
_M32, _M64, _M128 = 2**32 - 1, 2**64 - 1, 2**128 - 1
_P32 = (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D)
_P64 = (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5)
_MX1, _MX2 = 0x165667919E3779F9, 0x9FB21C651E98DF25


def xxh3_128(data: bytes) -> int:
    size = len(data)
    if size == 0:
        low = _xxh64_avalanche(_u64(_SECRET, 64) ^ _u64(_SECRET, 72))
        return _joined(low, _xxh64_avalanche(_u64(_SECRET, 80) ^ _u64(_SECRET, 88)))
    if size <= 3:
        return _to_3(data)
    if size <= 8:
        return _to_8(data)
    if size <= 16:
        return _to_16(data)
    if size <= 128:
        return _to_128(data)
    return _to_240(data) if size <= 240 else _long(data)


def _to_3(data: bytes) -> int:
    size = len(data)
    both = data[0] << 16 | data[size >> 1] << 24 | data[-1] | size << 8
    turned = int.from_bytes(both.to_bytes(4, "little"), "big")
    turned = (turned << 13 | turned >> 19) & _M32
    low = both ^ (_u32(_SECRET, 0) ^ _u32(_SECRET, 4))
    return _joined(_xxh64_avalanche(low), _xxh64_avalanche(turned ^ (_u32(_SECRET, 8) ^ _u32(_SECRET, 12))))


def _to_8(data: bytes) -> int:
    size = len(data)
    keyed = (_u32(data, 0) + (_u32(data, size - 4) << 32)) ^ (_u64(_SECRET, 16) ^ _u64(_SECRET, 24))
    product = keyed * ((_P64[0] + (size << 2)) & _M64) & _M128
    low, high = product & _M64, product >> 64
    high = (high + (low << 1)) & _M64
    low ^= high >> 3
    low = (low ^ low >> 35) * _MX2 & _M64
    return _joined(low ^ low >> 28, _avalanche(high))


def _to_16(data: bytes) -> int:
    size = len(data)
    first, last = _u64(data, 0), _u64(data, size - 8)
    product = (first ^ last ^ _u64(_SECRET, 32) ^ _u64(_SECRET, 40)) * _P64[0]
    low, high = product & _M64, product >> 64
    low = (low + ((size - 1) << 54)) & _M64
    last ^= _u64(_SECRET, 48) ^ _u64(_SECRET, 56)
    high = (high + last + (last & _M32) * (_P32[1] - 1)) & _M64
    low ^= int.from_bytes(high.to_bytes(8, "little"), "big")
    product = low * _P64[1]
    high = (high * _P64[1] + (product >> 64)) & _M64
    return _joined(_avalanche(product & _M64), _avalanche(high))


def _to_128(data: bytes) -> int:
    size = len(data)
    low, high = size * _P64[0] & _M64, 0
    for i in range((size - 1) // 32, -1, -1):
        low, high = _mix32(low, high, data[16 * i :], data[size - 16 * (i + 1) :], 32 * i)
    return _ended(low, high, size)


def _to_240(data: bytes) -> int:
    size = len(data)
    low, high = size * _P64[0] & _M64, 0
    for i in range(4):
        low, high = _mix32(low, high, data[32 * i :], data[32 * i + 16 :], 32 * i)
    low, high = _avalanche(low), _avalanche(high)
    for i in range(4, size // 32):
        low, high = _mix32(low, high, data[32 * i :], data[32 * i + 16 :], 3 + 32 * (i - 4))
    low, high = _mix32(low, high, data[size - 16 :], data[size - 32 :], 136 - 17 - 16)
    return _ended(low, high, size)


def _long(data: bytes) -> int:
    size = len(data)
    lanes = [_P32[2], *_P64[:4], _P32[1], _P64[4], _P32[0]]
    stripes = (len(_SECRET) - 64) // 8
    block = 64 * stripes
    whole = (size - 1) // block
    for n in range(whole):
        for i in range(stripes):
            _accumulate(lanes, data, n * block + 64 * i, 8 * i)
        for i in range(8):
            lanes[i] ^= lanes[i] >> 47
            lanes[i] = (lanes[i] ^ _u64(_SECRET, len(_SECRET) - 64 + 8 * i)) * _P32[0] & _M64
    for i in range((size - 1 - whole * block) // 64):
        _accumulate(lanes, data, whole * block + 64 * i, 8 * i)
    _accumulate(lanes, data, size - 64, len(_SECRET) - 64 - 7)
    low = _merged(lanes, 11, size * _P64[0] & _M64)
    return _joined(low, _merged(lanes, len(_SECRET) - 64 - 11, ~(size * _P64[1]) & _M64))


def _accumulate(lanes: list[int], data: bytes, at: int, secret: int) -> None:
    for i in range(8):
        value = _u64(data, at + 8 * i)
        keyed = value ^ _u64(_SECRET, secret + 8 * i)
        lanes[i ^ 1] = (lanes[i ^ 1] + value) & _M64
        lanes[i] = (lanes[i] + (keyed & _M32) * (keyed >> 32)) & _M64


def _merged(lanes: list[int], secret: int, start: int) -> int:
    for i in range(4):
        one, other = _u64(_SECRET, secret + 16 * i), _u64(_SECRET, secret + 16 * i + 8)
        start += _folded((lanes[2 * i] ^ one) * (lanes[2 * i + 1] ^ other))
    return _avalanche(start & _M64)


def _mix32(low: int, high: int, one: bytes, other: bytes, secret: int) -> tuple[int, int]:
    low = (low + _mix16(one, secret)) & _M64 ^ (_u64(other, 0) + _u64(other, 8)) & _M64
    high = (high + _mix16(other, secret + 16)) & _M64 ^ (_u64(one, 0) + _u64(one, 8)) & _M64
    return low, high


def _mix16(data: bytes, secret: int) -> int:
    return _folded((_u64(data, 0) ^ _u64(_SECRET, secret)) * (_u64(data, 8) ^ _u64(_SECRET, secret + 8)))


def _ended(low: int, high: int, size: int) -> int:
    mixed = (low * _P64[0] + high * _P64[3] + size * _P64[1]) & _M64
    return _joined(_avalanche((low + high) & _M64), -_avalanche(mixed) & _M64)


def _folded(product: int) -> int:
    return product & _M64 ^ product >> 64


def _avalanche(value: int) -> int:
    value = (value ^ value >> 37) * _MX1 & _M64
    return value ^ value >> 32


def _xxh64_avalanche(value: int) -> int:
    value = (value ^ value >> 33) * _P64[1] & _M64
    value = (value ^ value >> 29) * _P64[2] & _M64
    return value ^ value >> 32


def _joined(low: int, high: int) -> int:
    return high << 64 | low


def _u32(data: bytes, at: int) -> int:
    return int(struct.unpack_from("<I", data, at)[0])


def _u64(data: bytes, at: int) -> int:
    return int(struct.unpack_from("<Q", data, at)[0])
