"""A session beside that of the rollback."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pipeline.postgres.connect import Connection, Target, connect


@pytest.fixture
def connection(database: Target) -> Iterator[Connection]:
    with connect(database, application_name="t", autocommit=True) as connection:
        yield connection
