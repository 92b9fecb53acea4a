"""Files that commands write for the user."""

from __future__ import annotations

from pathlib import Path
from tempfile import NamedTemporaryFile

from pipeline.errors import SettingsError


def write_whole(path: Path, text: str) -> None:
    """Write a text file whole or not at all, for its owner alone to read; raises SettingsError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile("w", encoding="utf-8", newline="\n", dir=path.parent, delete=False) as partial:
            partial.write(text)
        Path(partial.name).replace(path)
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror}", hint="name another file") from error
