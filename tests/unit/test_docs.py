"""What the documentation says is so: its session is run, its commands, codes and links exist."""

from __future__ import annotations

import doctest
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import jsonschema
import pytest
import typer.main
from ruamel.yaml import YAML

from pipeline import errors
from pipeline.cli.app import app
from pipeline.mapping.read import read_mapping

_ROOT = Path(__file__).parents[2]
_README, _KOREAN = _ROOT / "README.md", _ROOT / "README.ko.md"
_PAGES = [_README, _KOREAN, _ROOT / "CHANGELOG.md", *sorted((_ROOT / "docs").rglob("*.md"))]
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MAPPING = Path("mappings", "mine.yaml")


@dataclass(frozen=True)
class Section:
    level: int
    title: str
    text: str

    @property
    def blocks(self) -> list[tuple[str, str]]:
        return _BLOCK.findall(self.text)

    @property
    def table_rows(self) -> int:
        return len(re.findall(r"^\|", self.text, re.MULTILINE))

    @property
    def items(self) -> int:
        return len(re.findall(r"^- ", self.text, re.MULTILINE))


def sections(page: Path) -> list[Section]:
    text = page.read_text("utf-8")
    prose = _BLOCK.sub(lambda block: re.sub(r"[^\n]", " ", block[0]), text)  # a comment in a block is no heading
    heads = [*re.finditer(r"^(#+) (.*)$", prose, re.MULTILINE)]
    ends = [*(head.start() for head in heads[1:]), len(text)]
    return [Section(len(head[1]), head[2], text[head.end() : end]) for head, end in zip(heads, ends, strict=True)]


def test_both_readmes_have_the_same_sections_blocks_tables_and_lists() -> None:
    english, korean = sections(_README), sections(_KOREAN)
    assert [section.level for section in english] == [section.level for section in korean]
    for ours, theirs in zip(english, korean, strict=True):
        assert ours.blocks == theirs.blocks, (ours.title, theirs.title)
        assert (ours.table_rows, ours.items) == (theirs.table_rows, theirs.items), (ours.title, theirs.title)


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text("utf-8")):
        assert "://" in link or (page.parent / link).exists(), link


# ---- commands and codes


def commands() -> Iterator[tuple[str, list[str]]]:
    for page in _PAGES:
        for line in re.findall(r"python -m pipeline ([^`\n|]+)", page.read_text("utf-8")):
            yield page.name, line.split()


def options_of(words: list[str]) -> set[str]:
    """Options of the command that the words name; raises KeyError where there is none."""
    command = typer.main.get_command(app)
    known = {"-h", "--help"}
    for word in words:
        if not word.isalpha() or not hasattr(command, "commands"):
            break
        command = command.commands[word]
        known |= {option for parameter in command.params for option in parameter.opts}
    return known


def test_every_command_and_option_that_the_pages_show_exists() -> None:
    found = [*commands()]
    assert len(found) > 20
    for page, words in found:
        if "psql" in words:
            continue  # what follows is psql's
        given = {word.rstrip(".,;:)]").split("=")[0] for word in words if re.match(r"\[?-[-\w]", word)}
        assert {option.lstrip("[") for option in given} <= options_of(words), (page, words)


def subclasses(kind: type[errors.NaruError]) -> Iterator[type[errors.NaruError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from subclasses(child)


@pytest.mark.parametrize("page", [_README, _KOREAN], ids=lambda page: page.name)
def test_the_table_of_exit_codes_is_complete(page: Path) -> None:
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", page.read_text("utf-8"), re.MULTILINE)}
    assert told == {0, 1} | {kind.exit_code for kind in subclasses(errors.NaruError)}


def test_the_mapping_of_the_readme_is_one(tmp_path: Path) -> None:
    (example,) = [body for kind, body in _BLOCK.findall(_README.read_text("utf-8")) if body.startswith("tables:")]
    text = f"naru: 1\n{example}"
    path = tmp_path / "example.yaml"
    path.write_text(text, encoding="utf-8")
    assert set(read_mapping(path).mapping.tables) == {"고객"}
    schema = YAML(typ="safe", pure=True).load(_ROOT / "mappings" / "mapping.schema.json")
    jsonschema.validate(YAML(typ="safe", pure=True).load(text), schema)


# ---- the session


@pytest.fixture
def directory() -> Iterator[Path]:
    """An empty directory with the sample, and no target but the embedded server."""
    with tempfile.TemporaryDirectory(prefix="naru-readme-", ignore_cleanup_errors=True) as name:
        path = Path(name)
        path.chmod(0o755)  # where root becomes another user, that one has to get in
        shutil.copytree(_ROOT / "samples", path / "samples")
        yield path
        naru(path, ["server", "stop"])


def naru(directory: Path, arguments: list[str]) -> str:
    """What the command prints on both streams."""
    ours = ("PG", "POSTGRESQL_", "DATABASE_", "ACCESS_", "DB_TYPE", "MIGRATION_", "NARU_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    ended = subprocess.run(
        [sys.executable, "-m", "pipeline", *arguments],
        cwd=directory,
        env=clean | {"PYTHONPATH": str(_ROOT), "PYTHONUTF8": "1", "COLUMNS": "140"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=240,
    )
    return ended.stdout


def steady(text: str) -> str:
    """The text without what differs from run to run: times, speeds and ports."""
    text = re.sub(r"^( \S+(?: +[\d,]+){3}) +[\d,]+ *$", r"\1 N", text, flags=re.MULTILINE)
    text = re.sub(r"(?<=estimated time: ).*", "T", text)
    return re.sub(r"(?<=127\.0\.0\.1:)\d+(/\S+ after )[\d.]+", r"P\1T", text)


def edit(path: Path, line: str) -> None:
    """Put the line in the place of the one that begins with the same key."""
    key = line.partition(":")[0] + ":"
    lines = path.read_text("utf-8").splitlines(keepends=True)
    (place,) = [number for number, old in enumerate(lines) if old.startswith(key)]
    lines[place] = line
    path.write_text("".join(lines), encoding="utf-8")


def console_steps(block: str) -> Iterator[tuple[str, str]]:
    starts = [match.start() for match in re.finditer(r"^\$ ", block, re.MULTILINE)]
    for start, end in pairwise([*starts, len(block)]):
        command, _, wanted = block[start + 2 : end].partition("\n")
        yield command, wanted


def test_the_session_of_the_readme_is_real(directory: Path) -> None:
    checker = doctest.OutputChecker()
    lenient = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    steps = 0
    (session,) = [section for section in sections(_README) if section.title == "A session"]
    for kind, body in session.blocks:
        if kind == "yaml":
            edit(directory / _MAPPING, body)
            continue
        for command, wanted in console_steps(body):
            python, m, pipeline, *arguments = shlex.split(command)
            assert (python, m, pipeline) == ("python", "-m", "pipeline")
            printed = naru(directory, arguments)
            same = checker.check_output(steady(wanted), steady(printed), lenient)
            assert same, f"the README says after {command}:\n{wanted}\nand it prints:\n{printed}"
            steps += 1
    assert steps > 6
