"""docs/preflight.md, from the checks themselves: `python -m pipeline.engine.preflight.reference`."""

from __future__ import annotations

import sys

from pipeline.engine.preflight.checks import BEFORE, COMING, HERE, SERVER

_HEAD = """\
# Preflight

`python -m pipeline preflight` looks at everything that a run needs and changes nothing; where no target is configured,
it starts the embedded server, as every command does. It takes the arguments of `migrate`, and shows what passes, what
to know of, and what a run would stop at, each with the way to mend it; `--json` for machines. Generated from
`pipeline/engine/preflight/` by `python -m pipeline.engine.preflight.reference`; a test says that this page is current.

It ends in 0 where nothing fails, warnings or not. Else it ends in the code of the first failure, which is the one that
`migrate` would end in: 3 for the mapping, the settings or the log, 4 for the source, 5 for the target, 7 for another
run. What cannot be found out is `unknown`, and warns. Little room on the server's disk stops a run only where the
source is larger than what is free and all of it is to come, with every table, column and row: a full disk loses
nothing, and the same command goes on behind it.

`migrate` asks the checks marked with \\* by itself before it writes. Warnings become notes, and a failure stops it with
the same words. The others it finds out while it begins.

| check | passes | warns | fails |
|---|---|---|---|
"""
_TAIL = """
`migrate` asks for the backup too, since a merge into standing tables is when one may be needed. It stops no run: there
may be a backup elsewhere. To read an archive does not show that it can be restored, so that one which nobody has
restored warns until `backup verify --restore` or `backup run --verify restore` has. A backup counts where it is of the
same database of the same server, by the number that PostgreSQL gave that server.

Where rows of others stand in the target schema, `migrate` asks whether there is a backup of them. It does not ask for
tables of which a backup that passes has rows, and says which one that is; what has been written since it began is not
in it. So with `--restart`, which drops tables, it asks all the same.

## A target that passes

`python -m pipeline init --admin URL --database D --owner ROLE` makes, over an administrator's connection, the role, a
database that it owns, and the schemas that a run writes to; `--dry-run` prints the SQL for `psql`, which asks for the
password. What is there already stays as it is, so that a second time changes nothing. At the end it logs in as the role
and makes a table in each schema, which it takes back.

- The database is UTF8, from `template0`. Its locale is the builtin `C.UTF-8` where the server has it (17 and newer),
  else ICU's `ko-KR` (15 and 16), else the system's `C.UTF-8`, or `C`. For another, make the database before.
- The password comes from `--password-stdin` or `POSTGRESQL_PASSWORD`. It is sent as a SCRAM verifier, so that the
  server's log does not get to know it. That of a role which is there is not changed.
- `--write-env` adds the target to `.env`, which then its owner alone can read, and makes a password if there is none.
  The lines that are there stay.
- The administrator need not be a superuser: `createdb` and `createrole` are enough. It becomes a member of the role.
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
    marked = [(f"{it.name} \\*", it.passes, it.warns, it.fails) for it in (*HERE, *SERVER, *BEFORE, *COMING)]
    rows = (*marked[: len(HERE)], *_ROWS, *marked[len(HERE) :], _REHEARSAL)
    return _HEAD + "".join(f"| {' | '.join(row)} |\n" for row in rows).replace("|  |", "| |") + _TAIL


if __name__ == "__main__":
    sys.stdout.write(preflight())
