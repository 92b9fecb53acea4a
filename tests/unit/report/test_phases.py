"""What is drawn of a phase, as a terminal or a file gets it."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from pipeline.report.phases import PhaseBars, PhaseLines


@pytest.fixture
def drawn() -> StringIO:
    return StringIO()


@pytest.fixture
def bars(drawn: StringIO) -> PhaseBars:
    return PhaseBars(Console(file=drawn, force_terminal=True, width=120, color_system=None, legacy_windows=False))


def test_on_a_terminal_tables_are_counted_by_name(bars: PhaseBars, drawn: StringIO) -> None:
    bars.begins("counting and hashing every table", "tables", 1200)
    bars.reached(1100, "public.orders")
    bars.ends()
    assert drawn.getvalue().startswith("counting and hashing every table\n")
    assert "1,100 of 1,200 tables" in drawn.getvalue()
    assert "public.orders" in drawn.getvalue()


def test_of_bytes_no_end_is_promised(bars: PhaseBars, drawn: StringIO) -> None:
    """A dump is compressed, and what it will come to is a guess."""
    bars.begins("dumping", "bytes", 9_000_000)
    bars.reached(123_400_000, "")
    bars.ends()
    assert "123.4 MB" in drawn.getvalue()
    assert "9" not in drawn.getvalue().replace("━", "")


def test_a_phase_without_a_measure_and_the_next_one_are_drawn_too(bars: PhaseBars, drawn: StringIO) -> None:
    bars.begins("reading it back", None, None)
    bars.ends()
    bars.begins("hashing its files", "bytes", 2000)
    bars.reached(2000, "")
    bars.ends()
    assert "reading it back\n" in drawn.getvalue()
    assert "hashing its files\n" in drawn.getvalue()
    assert "2.0 kB" in drawn.getvalue()


def test_a_name_can_neither_style_nor_steer_the_terminal(bars: PhaseBars, drawn: StringIO) -> None:
    bars.begins("counting", "tables", 2)
    bars.reached(1, "public.[/red]\x1b]0;title\x07")
    bars.ends()
    assert "public.[/red]⟨U+001B⟩]0;title⟨U+0007⟩" in drawn.getvalue()


def test_elsewhere_a_phase_is_one_line(drawn: StringIO) -> None:
    lines = PhaseLines(Console(file=drawn, width=40))
    lines.begins("dumping 12 tables with pg_dump 18.6, and a long name of a server", "bytes", 7)
    lines.reached(5, "public.orders")
    lines.ends()
    assert drawn.getvalue() == "dumping 12 tables with pg_dump 18.6, and a long name of a server\n"
