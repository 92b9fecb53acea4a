"""docs/preflight.md, from the checks themselves: `python -m pipeline.engine.preflight.reference`."""

from __future__ import annotations

import sys

from pipeline.engine.preflight.checks import COMING, HERE, SERVER

_HEAD = """\
# Preflight

`python -m pipeline preflight` looks at everything that a run needs and changes nothing. It takes the arguments of
`migrate`, and shows what passes, what to know of, and what a run would stop at, each with the way to mend it; `--json`
for machines. Generated from `pipeline/engine/preflight/` by `python -m pipeline.engine.preflight.reference`; a test
says that this page is current.

It ends in 0 where nothing fails, warnings or not. Else it ends in the code of the first failure, which is the one that
`migrate` would end in: 3 for the mapping, the settings or the log, 4 for the source, 5 for the target, 7 for another
run. What cannot be found out is `unknown`, and warns.

`migrate` asks the checks marked with \\* by itself before it writes. Warnings become notes, and a failure stops it with
the same words. The others it finds out while it begins.

| check | passes | warns | fails |
|---|---|---|---|
"""
_TAIL = """
`init` makes a database, a role and rights that pass: `python -m pipeline init --help`.
"""
_ROWS = (
    ("source", "it can be read, and the mapping fits it", "", "it cannot, or the mapping does not"),
    ("server", "it answers, is PostgreSQL 13 or newer, and its database is UTF8", "", "it does not, or is not"),
)
_REHEARSAL = (
    "rehearsal",
    "what a run does before its first row could be done, and was taken back",
    "it was not tried, since something else fails",
    "tables that stand do not fit, the source or its mapping has changed since its last run, or a lock is in the way",
)


def preflight() -> str:
    marked = [(f"{it.name} \\*", it.passes, it.warns, it.fails) for it in (*HERE, *SERVER, *COMING)]
    rows = (*marked[: len(HERE)], *_ROWS, *marked[len(HERE) :], _REHEARSAL)
    return _HEAD + "".join(f"| {' | '.join(row)} |\n" for row in rows).replace("|  |", "| |") + _TAIL


if __name__ == "__main__":
    sys.stdout.write(preflight())
