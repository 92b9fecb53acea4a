"""docs/type-rules.md, from the rules themselves: `python -m pipeline.dialects.reference`."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from pipeline.dialects.access import ACCESS
from pipeline.dialects.mssql import MSSQL
from pipeline.dialects.rules import Dialect, TypeRule

_DIALECTS = (ACCESS, MSSQL)
_HEAD = """\
# Type rules

How each type of a source arrives in PostgreSQL when the mapping does not say otherwise. Generated from
`pipeline/dialects/` by `python -m pipeline.dialects.reference`; a test says that this page is current.

A source type without a rule stops the plan, and `skip: true` leaves the column behind. Of SQL Server those are
`vector`, which came in 2025, and types of the user's own assemblies; an alias type goes by what it stands for.
"""


def type_rules() -> str:
    return "\n".join([_HEAD, *(line for dialect in _DIALECTS for line in _section(dialect))]) + "\n"


def _section(dialect: Dialect) -> Iterator[str]:
    yield f"## {dialect.name}\n"
    yield f"| {dialect.name} | frame | PostgreSQL | why |"
    yield "|---|---|---|---|"
    for rule in dialect.rules:
        yield f"| {rule.source} | {_named(rule, rule.frame)} | {_named(rule, rule.postgres)} | {_reason(rule)} |"


def _named(rule: TypeRule, template: str) -> str:
    """The template with the names that the source type gives its arguments: `varchar(n)`."""
    return template.format(*rule.source.partition("(")[2].rstrip(")").split(","))


def _reason(rule: TypeRule) -> str:
    return f"{rule.why}; {rule.notice}" if rule.notice else rule.why


if __name__ == "__main__":
    sys.stdout.write(type_rules())
