from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

_ROOT = Path(__file__).parent.parent.parent
_PROJECT = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))
_LOCK = (_ROOT / "requirements.lock").read_text(encoding="utf-8")
_PINS = re.findall(r"^([a-z].*[^ ]) +\\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", _LOCK, re.MULTILINE)


def _name(requirement: Requirement) -> str:
    return re.sub(r"[-_.]+", "-", requirement.name).lower()


def test_every_line_of_the_lock_is_a_pin_with_hashes() -> None:
    assert _LOCK.count("==") - _LOCK.count(" == ") == len(_PINS) > 0
    assert sum(hashes.count("--hash") for _, hashes in _PINS) == _LOCK.count("--hash")


def test_uv_run_is_held_to_the_versions_of_the_lock() -> None:
    assert [pin for pin, _ in _PINS] == _PROJECT["tool"]["uv"]["constraint-dependencies"], "run: make lock"


def test_the_lock_pins_what_the_project_asks_for() -> None:
    pinned = {_name(pin): pin for pin in (Requirement(text) for text, _ in _PINS)}
    groups = [_PROJECT["project"]["dependencies"], *_PROJECT["project"]["optional-dependencies"].values()]
    groups += _PROJECT["dependency-groups"].values()
    for requirement in (Requirement(text) for group in groups for text in group):
        (version,) = {clause.version for clause in pinned[_name(requirement)].specifier}
        assert version in requirement.specifier, f"{requirement}: run make lock"


@pytest.mark.parametrize("name", ["requirements.lock", "pyproject.toml", "Makefile", ".ci/run"])
def test_no_file_records_a_download_address(name: str) -> None:
    text = (_ROOT / name).read_text(encoding="utf-8")
    assert not re.search(r"\w+://| @ |--(?:extra-)?index-url [^-]|--find-links [^-]", text)


def test_the_lock_of_uv_with_its_addresses_is_not_kept() -> None:
    assert "uv.lock" in (_ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_a_module_imports_strictly_lower_rooms() -> None:
    """ARCHITECTURE.md's table, as the contract in pyproject.toml."""
    program = "from importlinter.cli import lint_imports; import sys; sys.exit(lint_imports(no_cache=True))"
    ended = subprocess.run([sys.executable, "-c", program], cwd=_ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="make is POSIX")
def test_make_explains_every_target() -> None:
    text = (_ROOT / "Makefile").read_text(encoding="utf-8")
    (phony,) = re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    assert re.findall(r"^([a-z-]+):.*## \w", text, re.MULTILINE) == phony.split()
