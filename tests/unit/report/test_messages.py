"""Every text of the page is in the table of messages, in each language, and nothing else is."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from string import Formatter
from typing import get_args

import pytest
from jinja2 import Environment

from pipeline.outcome import Level, Stage
from pipeline.report import messages as module
from pipeline.report.document import Standing
from pipeline.report.messages import Language, messages
from pipeline.verify import verify

_ROOM = Path(module.__file__).parent
_TEXTS = tomllib.loads((_ROOM / "messages.toml").read_text("utf-8"))
_KEYS = [f"{section}.{name}" for section, table in _TEXTS.items() for name in table]
_TEMPLATES = sorted(path for path in (_ROOM / "templates").iterdir() if path.suffix != ".css")


def text_of(key: str) -> dict[str, str]:
    section, name = key.split(".")
    return _TEXTS[section][name]


@pytest.mark.parametrize("key", _KEYS)
def test_a_message_is_there_in_each_language_with_the_same_values(key: str) -> None:
    texts = text_of(key)
    assert set(texts) == set(get_args(Language))
    assert all(text.strip() for text in texts.values())
    english, korean = ({(name, spec) for _, name, spec, _ in Formatter().parse(texts[x]) if name} for x in ("en", "ko"))
    assert english == korean
    assert re.search("[가-힣]", texts["ko"])
    assert not re.search("[가-힣]", texts["en"])


@pytest.mark.parametrize("template", _TEMPLATES, ids=lambda path: path.name)
def test_a_template_has_no_words_of_its_own(template: Path) -> None:
    plain = "".join(text if kind == "data" else "0" for _, kind, text in Environment().lex(template.read_text("utf-8")))
    assert not re.findall("[A-Za-z가-힣]+", re.sub("<[^<>]*>", "", plain).replace("UTC", ""))
    assert not re.findall(r'(?:title|alt|aria-label|data-label)="[^"0]', plain)


def test_no_message_is_left_that_nobody_says() -> None:
    source = "".join(path.read_text("utf-8") for path in [*_TEMPLATES, _ROOM / "messages.py"])
    whole = set(re.findall(r'"([a-z]+\.[a-z_]+)"', source))
    by_section = set(re.findall(r'"([a-z]+)\." ~|word\("([a-z]+)"', source))
    said = {key for key in _KEYS if key in whole or key.split(".")[0] in {name for pair in by_section for name in pair}}
    assert {*_KEYS} - said == set()


def test_the_words_that_the_ledger_may_hold_have_a_text() -> None:
    words = [f"{part}.{it.value}" for part in ("verdict", "meaning", "next") for it in Standing]
    words += [f"{part}.complete_{it}" for part in ("verdict", "meaning", "next") for it in Level if it != "content"]
    words += [f"level.{it}" for it in Level]
    words += [f"stage.{it.value}" for it in Stage]
    words += [f"state.{it}" for it in ("loading", "loaded", "done", "failed", "interrupted", "running")]
    words += [f"verifier.{it.__name__.removeprefix('verify_')}" for it in verify._ALL]
    assert set(words) <= set(_KEYS)


def test_a_word_of_a_later_release_stands_as_it_is() -> None:
    assert messages("ko").word("verifier", "counts") == "행 수"
    assert messages("ko").word("verifier", "tomorrow") == "tomorrow"


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.04, "0.0 s"), (59.94, "59.9 s"), (60, "1 min 0 s"), (3599.6, "1 h 0 min"), (7500, "2 h 5 min")],
)
def test_durations(seconds: float, told: str) -> None:
    assert messages("en").duration(seconds) == told
