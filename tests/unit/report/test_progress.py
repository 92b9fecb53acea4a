"""What is drawn of a run on a terminal."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from pipeline.report.progress import Bars


def test_a_table_s_name_can_neither_style_nor_steer_the_terminal() -> None:
    drawn = StringIO()
    with Bars(Console(file=drawn, force_terminal=True, width=120, color_system=None), 10) as bars:
        bars.table_begins("[/red]\x1b]0;title\x07", 10, 0)
        bars.batch_committed("[/red]", read=5, rejected=0, seconds=1)
    assert "[/red]⟨U+001B⟩]0;title⟨U+0007⟩" in drawn.getvalue()
