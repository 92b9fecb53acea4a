"""Files that commands write for the user."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import SettingsError


def write_whole(path: Path, text: str) -> None:
    """Write a text file whole or not at all; raises SettingsError."""
    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, encoding="utf-8", newline="\n")
        partial.replace(path)
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror}", hint="name another file with -o") from error
