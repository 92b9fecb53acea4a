"""What the sources of SQL Server, live and as a .bacpac, call by the same names and tell in the same words."""

from __future__ import annotations

from collections.abc import Mapping

_DEFAULT_SCHEMA = "dbo"


def table_name(schema: str, *parts: str) -> str:
    """`Customers` for [dbo].[Customers], `SalesLT.Customer` for others: names in a catalog have no schema."""
    return ".".join(parts if schema == _DEFAULT_SCHEMA else (schema, *parts))


def of_own_step(step: str) -> str:
    return f"the source counts it by {step}; new numbers count on by 1"


def disabled_check(name: str, expression: str) -> str:
    return f"check {name} is left out, as the source has it disabled: {expression}"


def not_carried(kinds: Mapping[str, int]) -> str | None:
    """One line of the objects that are no tables, by kind; None where there are none."""
    told = ", ".join(f"{count:,} {kind}" for kind, count in sorted(kinds.items()) if count)
    return f"not carried, by kind of object: {told}" if told else None
