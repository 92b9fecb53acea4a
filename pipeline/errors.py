"""Every error that Naru raises on purpose, and the exit code each one ends in.

    NaruError                      70  (a bug of ours when nothing more precise was raised)
    ├── UsageError                  2  the command line asks for something that cannot be
    ├── SettingsError               3  a setting, .env or environment value is wrong
    ├── MappingError                3  the mapping file is wrong, or does not fit the source
    ├── SourceError                 4  the source cannot be read
    │   ├── UnsupportedSource          a format, encryption or type that we do not read
    │   ├── PasswordError              an encrypted source whose password is missing or wrong
    │   ├── DamagedSource              a page, row or value that cannot be what it claims
    │   ├── SourceChanged              the source is no longer what it was when the run began
    │   ├── ConnectionLost             a source behind a network cannot be reached, or went away: worth another try
    │   └── StatementRefused           the source's server answered a statement with an error
    ├── TargetError                 5  PostgreSQL refused, or holds something else than expected
    │   ├── TargetUnavailable          connection refused or lost, or a deadlock: worth another try
    │   └── BackupError                a backup could not be written, or cannot be what it claims
    ├── RejectLimitExceeded         6  more rows refused than the user allows
    ├── LockedError                 7  another run holds the target
    └── Interrupted                 8  stopped by the user; the next run resumes

Exit code 0 is done and clean; 1 means that verification found something, which is an outcome and
not an error. The message is lower case and names file, table, column or mapping line; the hint
is the next thing to do.
"""

from __future__ import annotations

from typing import ClassVar


class NaruError(Exception):
    """A failure with a message for the user and a hint of what to do next."""

    exit_code: ClassVar[int] = 70

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\nhint: {self.hint}"


class UsageError(NaruError):
    exit_code = 2


class SettingsError(NaruError):
    exit_code = 3


class MappingError(NaruError):
    exit_code = 3


class SourceError(NaruError):
    exit_code = 4


class UnsupportedSource(SourceError):
    pass


class PasswordError(SourceError):
    pass


class DamagedSource(SourceError):
    pass


class SourceChanged(SourceError):
    pass


class ConnectionLost(SourceError):
    pass


class StatementRefused(SourceError):
    def __init__(self, message: str, *, hint: str | None = None, number: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.number = number
        """The server's own number of the error, where it is known."""


class TargetError(NaruError):
    exit_code = 5


class TargetUnavailable(TargetError):
    pass


class BackupError(TargetError):
    pass


class RejectLimitExceeded(NaruError):
    exit_code = 6


class LockedError(NaruError):
    exit_code = 7


class Interrupted(NaruError):
    exit_code = 8
