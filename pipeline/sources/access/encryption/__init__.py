"""How the pages of an Access file are encrypted, and how they are read in the clear.

    jet.py        Jet RC4: the key lies in page 0, no password
    cryptoapi.py  RC4 CryptoAPI and AES standard: Access 2007, and providers chosen by hand
    agile.py      AES agile: Access 2010 and later
    copy.py       the pages in the clear, in a file without a name

Page 0 is never encrypted. [MS-OFFCRYPTO] describes keys and verifiers; that a page's number, mixed with the
four bytes at 0x3E of page 0, stands where Office has a block number is Access' own.
"""

from pipeline.sources.access.encryption.copy import plain_copy
from pipeline.sources.access.encryption.find import find_scheme, unlock
from pipeline.sources.access.encryption.scheme import Decrypt, Scheme

__all__ = ["Decrypt", "Scheme", "find_scheme", "plain_copy", "unlock"]
