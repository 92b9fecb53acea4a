"""Writes the batches of one table: rows, rejects, losses and position commit together."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from pipeline.catalog import Table
from pipeline.ledger.ledger import Ledger
from pipeline.ledger.losses import add_losses
from pipeline.load.place import ORDINAL, as_loaded
from pipeline.load.quarantine import Admit
from pipeline.outcome import Reject, Stage
from pipeline.postgres.connect import Connection, translated
from pipeline.postgres.copy import RowsRefused, copy_in
from pipeline.postgres.sql import Composable
from pipeline.postgres.wire import CopyEncoder, Payload
from pipeline.transform.chain import Transformed
from pipeline.transform.origin import Origin


@dataclass(frozen=True, slots=True)
class Cargo:
    """A transformed batch and its bytes for COPY, made beside the thread that sends them."""

    batch: Transformed
    payload: Payload


@dataclass(frozen=True, slots=True)
class Delivered:
    """What one batch came to."""

    read: int
    loaded: int
    filtered: int
    rejects: tuple[Reject, ...]
    losses: int
    seconds: float
    """Since the batch before it was committed: reading, transforming and sending together."""


class Loader:
    """Loads into `destination` (the bare table itself, or its staging table) on behalf of `target`.

    `admit` is told of a batch's rejects before it commits.
    """

    def __init__(
        self,
        connection: Connection,
        run_id: str,
        target: Table,
        destination: Composable,
        admit: Admit,
    ) -> None:
        self._connection = connection
        self._ledger = Ledger(connection)
        self._run_id = run_id
        self._target = target
        self._destination = destination
        self._admit = admit
        self._encoder = CopyEncoder(as_loaded(target))
        self._last_commit = time.perf_counter()

    def encode(self, batch: Transformed) -> Cargo:
        """Pure and thread-safe: meant to run while an earlier batch is being sent."""
        return Cargo(batch, self._encode(batch.frame, batch.origin))

    def load(self, cargo: Cargo) -> Delivered:
        """Commit one batch, or nothing of it.

        Raises TargetError, and what `admit` raises.
        """
        with translated(f"loading table {self._target.name}"):
            try:
                return self._commit(cargo.batch, lambda: self._copy(cargo.payload))
            except RowsRefused:
                # Rare, so the usual way pays no savepoint; the refused batch is begun again with them.
                return self._commit(cargo.batch, lambda: self._bisect(cargo.batch.frame, cargo.batch.origin))

    def _commit(self, batch: Transformed, copy: Callable[[], tuple[Reject, ...]]) -> Delivered:
        with self._connection.transaction():
            # No batch waits for the disk: a server that loses power may lose the last ones, rows and position together,
            # and the load goes on behind those that are left. The commit that ends the table waits for all of them.
            self._connection.execute("set local synchronous_commit = off")
            refused = copy() if batch.frame.height else ()
            rejects = batch.rejects + refused
            if rejects:
                self._admit(rejects[0].table, len(rejects), f"{rejects[0].reason}: {rejects[0].detail}")
            losses = self._record(batch, rejects, refused)
            seconds = time.perf_counter() - self._last_commit
            loaded = batch.frame.height - len(refused)
            self._ledger.advance(
                self._run_id,
                self._target,
                batch.position,
                read=batch.read,
                filtered=batch.filtered,
                loaded=loaded,
                seconds=seconds,
            )
        self._last_commit = time.perf_counter()
        return Delivered(batch.read, loaded, batch.filtered, rejects, losses, seconds)

    def _record(self, batch: Transformed, rejects: tuple[Reject, ...], refused: tuple[Reject, ...]) -> int:
        if rejects:
            self._ledger.add_rejects(self._run_id, self._target, rejects)
        gone = {reject.locator for reject in refused}
        losses = [one.without(gone) for one in batch.losses] if gone else batch.losses
        add_losses(self._connection, self._run_id, self._target, losses)
        return sum(map(len, losses))

    def _encode(self, frame: pl.DataFrame, origin: Origin) -> Payload:
        return self._encoder.encode(frame, origin.locators.alias(ORDINAL))

    def _copy(self, payload: Payload) -> tuple[Reject, ...]:
        copy_in(self._connection, self._destination, self._encoder, payload)
        return ()

    def _bisect(self, frame: pl.DataFrame, origin: Origin) -> tuple[Reject, ...]:
        """Copy what PostgreSQL accepts and return the rest: k bad rows of n cost O(k log n) COPYs."""
        try:
            with self._connection.transaction():
                return self._copy(self._encode(frame, origin))
        except RowsRefused as refusal:
            if frame.height == 1:
                return (origin.reject(0, Stage.COPY, f"sqlstate_{refusal.sqlstate}", str(refusal)),)
        half = frame.height // 2
        rest = frame.height - half
        first = self._bisect(frame.slice(0, half), origin.slice(0, half))
        return first + self._bisect(frame.slice(half, rest), origin.slice(half, rest))
