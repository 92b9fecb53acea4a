"""DB_TYPE in .env: the rest of the file stays as it is, byte for byte."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from tempfile import mkstemp

from dotenv.parser import Binding, parse_stream

from pipeline.errors import SettingsError
from pipeline.settings import DbType

_NAME = "DB_TYPE"
_SWITCHED = DbType.POSTGRESQL.value
_MARK = "# before the cutover of "
_KEPT = re.compile(rf"\s*{_MARK}\S+: (?P<line>.*)", re.DOTALL)
_LINE = re.compile(
    rf"(?P<before>\s*(?:export\s+)?{_NAME}[ \t]*=[ \t]*(['\"]?))(?P<value>\w+)(?P<after>\2.*)",
    re.DOTALL | re.IGNORECASE,
)
_BOM = "\ufeff"
_TARGET = frozenset({"DATABASE_URL", *(f"POSTGRESQL_{it}" for it in ("HOST", "PORT", "USER", "DB"))})


@dataclass(frozen=True, slots=True)
class Dotenv:
    """The file as it was read, in the parts that make it up."""

    path: Path
    content: bytes
    parts: tuple[str, ...]
    place: int
    """Of the part that sets DB_TYPE."""

    @property
    def _bom(self) -> str:
        return _BOM if self.content.startswith(_BOM.encode()) else ""

    @property
    def value(self) -> str:
        return _value(self.parts[self.place]).upper()

    @property
    def switched(self) -> bool:
        return self.value == _SWITCHED

    @property
    def before(self) -> str:
        """What DB_TYPE was before the cutover; raises SettingsError where nothing says so."""
        return _value(self._kept).upper()

    @property
    def _kept(self) -> str:
        """The line of before the cutover; one that others have written over is none."""
        found = _KEPT.fullmatch(self.parts[self.place - 1]) if self.place else None
        line = _LINE.fullmatch(found["line"]) if found else None
        if line is None or line["value"].upper() not in DbType.__members__:
            raise SettingsError(
                f"{self.path}: no line above {_NAME}={_SWITCHED} says what it was before the cutover",
                hint=f"write {_NAME}=ACCESS or MSSQL there yourself",
            )
        return line.string

    @property
    def target(self) -> dict[str, str]:
        """What it says of where the PostgreSQL is; of two lines the last one."""
        text = self.content.decode("utf-8-sig")
        said = {(line.key or "").upper(): line.value for line in parse_stream(StringIO(text, newline=""))}
        return {name: value for name, value in said.items() if name in _TARGET and value}

    def check_target(self) -> None:
        """Raise SettingsError where the environment names another target than the file, which the application reads."""
        for name, value in os.environ.items():
            said = self.target.get(name.upper())
            if said is not None and said != value:
                raise SettingsError(
                    f"{name.upper()} in the environment is another than in {self.path}, which the application reads",
                    hint=f"unset it in the environment, or make the line in {self.path} the same; then run again",
                )

    def forth(self) -> str:
        """The file with DB_TYPE=POSTGRESQL, and the line of before as a comment above it."""
        line = self.parts[self.place]
        indent = line[: len(line) - len(line.lstrip())]
        newline = "" if line.endswith("\n") else "\n"
        kept = f"{indent}{_MARK}{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}: {line.lstrip()}{newline}"
        found = _matched(line)
        return self._with(kept + found["before"].lstrip() + _SWITCHED + found["after"], 0)

    def back(self) -> str:
        """The file as it was before the cutover; raises SettingsError where nothing says how that was."""
        above, line = self.parts[self.place - 1], self.parts[self.place]
        kept = self._kept if line.endswith("\n") else self._kept.removesuffix("\n")
        return self._with(above[: len(above) - len(above.lstrip())] + kept, 1)

    def _with(self, line: str, above: int) -> str:
        return self._bom + "".join((*self.parts[: self.place - above], line, *self.parts[self.place + 1 :]))


def read_dotenv(path: Path) -> Dotenv:
    """Raises SettingsError where there is no file, or not one line in it that says what DB_TYPE is."""
    if any(name.upper() == _NAME and value for name, value in os.environ.items()):
        raise SettingsError(
            f"{_NAME} is set in the environment, which outranks .env", hint=f"unset it there, or change {_NAME} there"
        )
    try:
        content = path.read_bytes()
        text = content.decode("utf-8")
    except FileNotFoundError:
        raise SettingsError(f"{path} is not there", hint="run it in the directory of the .env to switch") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {type(error).__name__}", hint="save it as UTF-8 text") from error
    bindings = [*parse_stream(StringIO(text.removeprefix(_BOM), newline=""))]
    parts = [binding.original.string for binding in bindings]
    places = [place for place, binding in enumerate(bindings) if (binding.key or "").upper() == _NAME]
    _check(path, bindings, len(places))
    found = Dotenv(path, content, tuple(parts), places[0])
    if found.value not in DbType.__members__:
        raise SettingsError(f"{path}: {_NAME} is {found.value!r}", hint="it is ACCESS, MSSQL or POSTGRESQL")
    return found


def write_dotenv(dotenv: Dotenv, text: str) -> None:
    """Put the text in the place of the file, whole or not at all; raises SettingsError.

    Mode and owner stay, and where the name is a link the file that it leads to is replaced.
    """
    path = dotenv.path.resolve()
    try:
        if path.read_bytes() != dotenv.content:
            raise SettingsError(f"{dotenv.path} was written to meanwhile", hint="run the same command again")
        _replace(path, text.encode(), stat.S_IMODE(path.stat().st_mode))
    except OSError as error:
        raise _not_replaced(path, error) from error


def add_to_dotenv(path: Path, lines: str) -> None:
    """Put lines at the end of the file, or into a new one, which then its owner alone can read; raises SettingsError.

    As `write_dotenv`, and what is there stays byte for byte.
    """
    path = path.resolve()
    try:
        before = path.read_bytes() if path.exists() else b""
        gap = b"" if before.endswith(b"\n") or not before else b"\n"
        _replace(path, before + gap + lines.encode(), 0o600)
    except OSError as error:
        raise _not_replaced(path, error) from error


def _not_replaced(path: Path, error: OSError) -> SettingsError:
    return SettingsError(f"{path} cannot be replaced: {error.strerror}", hint="its directory must be yours to write to")


def _replace(path: Path, content: bytes, mode: int) -> None:
    about = path.stat() if path.exists() else None
    handle, name = mkstemp(prefix=".env.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            if about and hasattr(os, "fchown") and (about.st_uid, about.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(file.fileno(), about.st_uid, about.st_gid)
            Path(name).chmod(mode)
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    if os.name == "posix":  # elsewhere no directory can be opened
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def _check(path: Path, bindings: list[Binding], count: int) -> None:
    if any(binding.error for binding in bindings):
        raise SettingsError(f"{path}: a line of it is not NAME=value", hint="correct it; .env.example explains it")
    if count != 1:
        what = f"{_NAME} is set {count} times" if count else f"{_NAME} is not set"
        raise SettingsError(f"{path}: {what}", hint=f"have one line {_NAME}=ACCESS or MSSQL")


def _value(line: str) -> str:
    return _matched(line)["value"]


def _matched(line: str) -> re.Match[str]:
    found = _LINE.fullmatch(line)
    if found is None:
        raise SettingsError(f".env: cannot tell the value of {line.strip()!r}", hint=f"write {_NAME}=ACCESS or MSSQL")
    return found
