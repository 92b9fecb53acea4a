"""One line of the crontab is ours: it comes, changes and goes, and every other byte stays."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.backup.crontab import line_of, with_line
from pipeline.backup.schedule import At, Job
from pipeline.errors import UsageError

_JOB = Job(Path("/가 50% it's"), "cron", (), None, ())
_OTHER = Job(Path("/other"), "cron", (), None, ())


@given(st.binary(), st.booleans())
def test_every_other_byte_stays(before: bytes, ended: bool) -> None:
    before = before + b"\n" if ended and before else before
    written = with_line(before, _JOB, line_of(_JOB, At(2, 0)))
    assert written.startswith(before)
    assert with_line(written, _JOB, line_of(_JOB, At(2, 0))) == written
    assert with_line(written, _OTHER, None) == written
    taken = with_line(written, _JOB, None)
    assert taken in (before, before + b"\n")


def test_a_changed_line_stays_in_its_place() -> None:
    first = with_line(b"MAILTO=x\r\n", _JOB, line_of(_JOB, At(2, 0)))
    second = with_line(first + b"0 1 * * * other # % \n", _JOB, line_of(_JOB, At(23, 59)))
    assert second.splitlines(keepends=True)[0] == b"MAILTO=x\r\n"
    assert second.splitlines()[1].startswith(b"59 23 * * * /bin/sh ")
    assert second.splitlines(keepends=True)[2] == b"0 1 * * * other # % \n"
    both = with_line(second, _OTHER, line_of(_OTHER, At(0, 5)))
    assert len(both.splitlines()) == 4


def test_no_percent_ends_the_command_early() -> None:
    line = line_of(_JOB, At(2, 0))
    assert line.count("%") == line.count(r"\%") == 2


@pytest.mark.parametrize("text", ["", "24:00", "2:60", "2", "02:00:00", "-1:00", "02:00\n", "٠٢:٠٠", "2:0"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no time of the day"):
        At.read(text)


def test_a_time_is_read() -> None:
    assert (At.read("2:05"), At.read("23:59"), At.read("00:00")) == (At(2, 5), At(23, 59), At(0, 0))
