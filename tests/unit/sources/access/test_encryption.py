"""Encrypted files read like their plain twins, with the right password and with nothing else."""

from __future__ import annotations

import gc
import hashlib
import io
import os
import re
import struct
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from polars.testing import assert_frame_equal

from pipeline.errors import DamagedSource, NaruError, PasswordError, SourceChanged, SourceError, UnsupportedSource
from pipeline.sources.access import AccessSource
from pipeline.sources.access.encryption import plain_copy, unlock
from pipeline.sources.access.pages.header import parse_header
from tests.unit.sources.access.encryptors import INFO, PASSWORD, Agile, CryptoApi, Encrypt, jet_rc4, rc4, twin

Scheme = Callable[[], tuple[bytes, Encrypt]]

OFFICE: list[tuple[str, Scheme]] = [
    ("AES-128 (Office agile)", Agile(128, "SHA1")),
    ("AES-192 (Office agile)", Agile(192, "SHA384")),
    ("AES-256 (Office agile)", Agile(256, "SHA512")),
    ("AES-128 (Office standard)", CryptoApi(0x660E, 128)),
    ("AES-192 (Office standard)", CryptoApi(0x660F, 192)),
    ("AES-256 (Office standard)", CryptoApi(0x6610, 256)),
    ("AES-128 (Office standard)", CryptoApi(0x660E, 128, spins=0)),
    ("RC4-40 (Office CryptoAPI)", CryptoApi(0x6801, 40, stated_bits=0)),
    ("RC4-56 (Office CryptoAPI)", CryptoApi(0x6801, 56)),
    ("RC4-128 (Office CryptoAPI)", CryptoApi(0x6801, 128)),
]
every_scheme = pytest.mark.parametrize(("name", "scheme"), OFFICE, ids=[str(scheme) for _, scheme in OFFICE])


def plainly(_: int, content: bytes) -> bytes:
    return content


def _same(twin: AccessSource, plain: AccessSource) -> None:
    with twin, plain:
        assert twin.catalog().tables == plain.catalog().tables
        for table in plain.catalog().tables:
            assert twin.count(table.name) == plain.count(table.name)
            pairs = zip(
                twin.batches(table.name, batch_rows=10_000), plain.batches(table.name, batch_rows=10_000), strict=True
            )
            for ours, theirs in pairs:
                assert_frame_equal(ours.frame, theirs.frame)
                assert ours.position == theirs.position


def _refused(path: Path, password: str | None = PASSWORD) -> NaruError:
    with pytest.raises(NaruError) as caught, AccessSource(path, password=password) as source:
        source.catalog()
    assert path.name in caught.value.message
    return caught.value


@pytest.fixture
def locked(sample: Path, tmp_path: Path) -> Callable[[Scheme], Path]:
    """The sample, encrypted by a scheme."""

    def lock(scheme: Scheme) -> Path:
        path = tmp_path / "locked.accdb"
        path.write_bytes(twin(sample.read_bytes(), *scheme()))
        return path

    return lock


@pytest.fixture
def described(sample: Path, tmp_path: Path) -> Callable[[bytes], Path]:
    """The sample, said to be encrypted in such a way; its pages stay plain."""

    def describe(info: bytes) -> Path:
        path = tmp_path / "described.accdb"
        path.write_bytes(twin(sample.read_bytes(), info, plainly))
        return path

    return describe


# ---- the right password


@every_scheme
def test_a_twin_holds_what_the_plain_file_holds(
    name: str, scheme: Scheme, locked: Callable[[Scheme], Path], sample: Path
) -> None:
    path = locked(scheme)
    assert path.read_bytes()[4096:] != sample.read_bytes()[4096:]
    with AccessSource(path, password=PASSWORD) as source:
        assert source.catalog().facts["encryption"] == name
    _same(AccessSource(path, password=PASSWORD), AccessSource(sample))


@pytest.mark.parametrize(("name", "page_size"), [("indexCodesV1997.mdb", 2048), ("unicodeCompV2003.mdb", 4096)])
def test_jet_rc4_needs_no_password(name: str, page_size: int, shared: Path, tmp_path: Path) -> None:
    plain, path = shared / "access" / "reference" / name, tmp_path / "locked.mdb"
    path.write_bytes(twin(plain.read_bytes(), *jet_rc4(), page_size=page_size))
    with AccessSource(path) as source:
        assert source.catalog().facts["encryption"] == "Jet RC4"
    _same(AccessSource(path), AccessSource(plain))
    _same(AccessSource(path, password="not asked for"), AccessSource(plain))


@pytest.mark.parametrize(("name", "masked", "size"), [("indexCodesV1997.mdb", 126, 20), ("indexV2003.mdb", 128, 40)])
def test_a_password_alone_hides_nothing(name: str, masked: int, size: int, shared: Path, tmp_path: Path) -> None:
    plain, path = shared / "access" / "reference" / name, tmp_path / "guarded.mdb"
    content = bytearray(plain.read_bytes())
    header = bytearray(rc4(bytes.fromhex("c7da396b"), bytes(content[0x18 : 0x18 + masked])))
    (made,) = struct.unpack_from("<d", header, 0x72 - 0x18)
    mask = struct.pack("<i", int(made)) * 10 if size == 40 else bytes(20)
    word = "secret".encode("utf-16-le" if size == 40 else "ascii").ljust(size, b"\0")
    header[0x42 - 0x18 : 0x42 - 0x18 + size] = bytes(a ^ b for a, b in zip(word, mask, strict=True))
    content[0x18 : 0x18 + masked] = rc4(bytes.fromhex("c7da396b"), bytes(header))
    path.write_bytes(content)
    with AccessSource(plain) as source:
        assert not any("password" in notice.text for notice in source.catalog().notices)
    with AccessSource(path) as source:
        assert source.catalog().facts["encryption"] == "none"
        assert any("a password guards opening it" in notice.text for notice in source.catalog().notices)
    _same(AccessSource(path), AccessSource(plain))


def test_identity_is_that_of_the_encrypted_file(locked: Callable[[Scheme], Path]) -> None:
    path = locked(Agile())
    with AccessSource(path, password=PASSWORD) as source:
        assert source.fingerprint().digest == hashlib.sha256(path.read_bytes()).hexdigest()
        path.write_bytes(path.read_bytes() + bytes(4096))
        with pytest.raises(SourceChanged, match="was written to"):
            source.count("items")


def test_a_rewrite_that_keeps_size_and_times_is_seen_behind_the_copy(locked: Callable[[Scheme], Path]) -> None:
    path = locked(Agile())
    with AccessSource(path, password=PASSWORD) as source:
        before, stat = source.fingerprint(), path.stat()
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        with path.open("r+b") as stream:
            stream.write(content)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        assert source.count("items") == 1250, "the rows are those of the copy"
        assert source.fingerprint() != before, "and the run will not settle them"


def test_a_truncated_file_is_salvaged_as_its_plain_twin_is(
    locked: Callable[[Scheme], Path], sample: Path, tmp_path: Path
) -> None:
    path, plain = locked(Agile()), tmp_path / "plain.accdb"
    plain.write_bytes(sample.read_bytes()[: 4096 * 700 + 9])
    os.truncate(path, 4096 * 700 + 9)
    with AccessSource(path, password=PASSWORD, salvage=True) as one, AccessSource(plain, salvage=True) as other:
        for table in ("audit_logs", "items"):
            pairs = zip(one.batches(table, batch_rows=500), other.batches(table, batch_rows=500), strict=True)
            for got, wanted in pairs:
                assert_frame_equal(got.frame, wanted.frame)
                assert [u.detail for u in got.unread] == [u.detail for u in wanted.unread]
        assert one.count("audit_logs") == other.count("audit_logs") > 1000


def test_nothing_readable_stays(
    locked: Callable[[Scheme], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = tmp_path / "temporary"
    room.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(room))
    with AccessSource(locked(Agile()), password=PASSWORD) as source:
        assert source.count("items") > 0
        if os.name == "posix":  # it has no name even while it is open
            assert list(room.iterdir()) == []
    gc.collect()
    assert list(room.iterdir()) == []


# ---- another password


@every_scheme
def test_missing_and_wrong_passwords_are_told_apart(
    name: str, scheme: Scheme, locked: Callable[[Scheme], Path]
) -> None:
    path = locked(scheme)
    for nothing in (None, ""):
        error = _refused(path, nothing)
        assert isinstance(error, PasswordError)
        assert f"is encrypted with {name}, and no password is given" in error.message
        assert "ACCESS_PASSWORD" in str(error.hint)
    for wrong in (PASSWORD.lower(), PASSWORD + " ", "x" * 100_000):
        error = _refused(path, wrong)
        assert isinstance(error, PasswordError)
        assert "the password does not open it" in error.message


@pytest.mark.parametrize("secret", ["hunter2-wrong", "hunter2-\udc80"], ids=["wrong", "no text"])
def test_no_password_in_an_error_or_a_repr(secret: str, locked: Callable[[Scheme], Path]) -> None:
    source = AccessSource(locked(Agile()), password=secret)
    assert "hunter2" not in repr(source)
    with pytest.raises(PasswordError) as caught:
        source.__enter__()
    told = "".join(traceback.format_exception(caught.value))
    assert "hunter2" not in told + repr(caught.value)
    chain: BaseException | None = caught.value
    while chain is not None:
        assert "hunter2" not in repr(chain.args)
        chain = chain.__cause__ or chain.__context__


# ---- descriptions that cannot be, or that we do not read


def _agile_with(pattern: str, replacement: str) -> bytes:
    info, _ = Agile()()
    changed = re.sub(pattern, replacement, info[8:].decode(), count=0)
    assert changed.encode() != info[8:]
    return info[:8] + changed.encode()


@pytest.mark.parametrize(
    ("info", "match"),
    [
        (struct.pack("<HHI", 1, 1, 0) + bytes(52), "RC4 of Office 97"),
        (struct.pack("<HHI", 4, 3, 0x10) + bytes(52), "extensible provider"),
        (struct.pack("<HHI", 9, 9, 0) + bytes(52), r"unknown scheme \(EncryptionInfo 9\.9\)"),
        (replace(CryptoApi(0x6801, 128), algorithm=0x6801).info().replace(b"\1\x68\0\0", b"\2\x66\0\0"), "0x6602"),
        (CryptoApi(0x6801, 128).info().replace(b"\4\x80\0\0", b"\x0c\x80\0\0"), "hash algorithm 0x800C"),
        (_agile_with('cipherAlgorithm="AES"', 'cipherAlgorithm="DES"'), "'DES' with 'ChainingModeCBC'"),
        (_agile_with("ChainingModeCBC", "ChainingModeCFB"), "ChainingModeCFB"),
        (_agile_with('hashAlgorithm="SHA512"', 'hashAlgorithm="WHIRLPOOL"'), "hashed with 'WHIRLPOOL'"),
        (_agile_with('spinCount="1000"', 'spinCount="1000001"'), "hashed 1,000,001 times"),
        (_agile_with("keyEncryptor/password", "keyEncryptor/certificate"), "a certificate"),
    ],
)
def test_schemes_that_are_not_read_are_named(info: bytes, match: str, described: Callable[[bytes], Path]) -> None:
    error = _refused(described(info))
    assert isinstance(error, UnsupportedSource)
    assert re.search(match, error.message), error.message
    assert "Decrypt Database" in str(error.hint)


@pytest.mark.parametrize(
    ("info", "match"),
    [
        (_agile_with('spinCount="1000"', 'spinCount="99999999999999999999"'), "spinCount is '9999"),
        (_agile_with('spinCount="1000"', 'spinCount="-1"'), "spinCount is '-1'"),
        (_agile_with('keyBits="256"', 'keyBits="255"'), "AES key of 255 bits"),
        (_agile_with('blockSize="16"', 'blockSize="4096"'), "blocks that AES does not have"),
        (_agile_with('saltSize="16"', 'saltSize="2000000"'), "a salt of 16 bytes"),
        (_agile_with('saltValue="[^"]*"', 'saltValue=""'), "a salt of 0 bytes"),
        (_agile_with('saltValue="[^"]*"', 'saltValue="~"'), "saltValue is not base64"),
        (_agile_with('encryptedKeyValue="[^"]*"', 'encryptedKeyValue="AAAA"'), "encryptedKeyValue of 3 bytes"),
        (
            _agile_with(
                r'(<p:encryptedKey [^>]*)keyBits="256"([^>]*encryptedKeyValue=")[^"]*',
                rf'\1keyBits="128"\2{"A" * 22}==',
            ),
            "16 bytes for a key of 32",
        ),
        (_agile_with("<keyData [^>]*>", ""), "no keyData"),
        (_agile_with("</encryption>", ""), "malformed"),
        (_agile_with("<encryption", "<!DOCTYPE e [<!ENTITY a 'aaaa'>]><encryption"), "document type"),
        (struct.pack("<HHI", 4, 4, 0x40) + "<encryption/>".encode("utf-16"), "not UTF-8"),
        (CryptoApi(0x6801, 128, stated_bits=2**31).info(), "RC4 key of 2147483648 bits"),
        (CryptoApi(0x6801, 128, stated_bits=41).info(), "RC4 key of 41 bits"),
        (CryptoApi(0x6610, 256, spins=0, stated_bits=128).info(), "AES key of 128 bits"),
        (CryptoApi(0x6801, 128).info().replace(b"\x10\0\0\0\x64", b"\xff\xff\xff\xff\x64"), "salt of 4294967295"),
        (CryptoApi(0x6801, 128).info()[:8] + b"\xff\xff\xff\xff" + bytes(60), "header of 4294967295 bytes"),
    ],
)
def test_descriptions_that_cannot_be(info: bytes, match: str, described: Callable[[bytes], Path]) -> None:
    error = _refused(described(info))
    assert isinstance(error, DamagedSource)
    assert re.search(match, error.message), error.message


short = pytest.mark.parametrize("scheme", [Agile(spins=1), CryptoApi(0x660E, 128), CryptoApi(0x6801, 128)])


@short
def test_a_truncated_description_is_refused(scheme: Scheme, sample: Path) -> None:
    page, (info, _) = sample.read_bytes()[:4096], scheme()
    for length in range(1, len(info)):
        with pytest.raises((DamagedSource, UnsupportedSource)):
            parse_header(twin(page, info[:length], plainly), "f")


def test_a_description_longer_than_its_page_is_refused(described: Callable[[bytes], Path]) -> None:
    path = described(Agile()()[0])
    content = bytearray(path.read_bytes())
    for size in (0, 7, 0xFFFF):
        content[INFO : INFO + 2] = struct.pack("<H", size)
        path.write_bytes(content)
        assert f"said to have {size} bytes" in _refused(path).message


@short
def test_scribbled_descriptions_end_in_our_own_errors(scheme: Scheme, sample: Path) -> None:
    page, (info, _) = sample.read_bytes()[:4096], scheme()
    random, seen = Random(7), set()
    for _ in range(100):
        content = bytearray(info)
        content[random.randrange(len(info))] = random.randrange(256)
        with pytest.raises((PasswordError, DamagedSource, UnsupportedSource)) as caught:
            unlock(parse_header(twin(page, bytes(content), plainly), "f").scheme, "wrong", "f")
        seen.add(caught.type)
    assert PasswordError in seen
    assert len(seen) > 1


# ---- the copy


def test_a_file_that_shrinks_while_it_is_decrypted_has_changed() -> None:
    with pytest.raises(SourceChanged, match="became shorter"):
        plain_copy(io.BytesIO(bytes(2 * 4096 + 5)), "f", page_size=4096, pages=3, decrypt=plainly)


def test_no_room_for_the_copy_says_where_to_find_some(
    locked: Callable[[Scheme], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    error = _refused(locked(Agile()))
    assert type(error) is SourceError
    assert "cannot be decrypted" in error.message
    assert "TMPDIR" in str(error.hint)
