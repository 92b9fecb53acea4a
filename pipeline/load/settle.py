"""After the rows: the constraints are built, and what breaks one goes to the quarantine.

All of it is one transaction over all tables of the run: keys, merges and relationships appear
together or not at all, and a run that dies here settles again from the start when it is resumed.
That is why foreign keys are added plainly, and not as NOT VALID first: nobody waits on the locks of
a table that is not finished, and the orphans are already out when PostgreSQL checks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from pipeline.catalog import ForeignKey, Index, Notice, Table
from pipeline.errors import TargetError
from pipeline.ledger.ledger import Ledger
from pipeline.load.deferral import deferred
from pipeline.load.image import Image, begin_image, note_as_left
from pipeline.load.merge import Merged, clear, merge, refused_rows
from pipeline.load.place import ORDINAL, Place
from pipeline.load.quarantine import Admit, Quarantine
from pipeline.load.sequences import set_sequences
from pipeline.mapping.conditions import named_columns
from pipeline.postgres import ddl
from pipeline.postgres.connect import Connection, translated
from pipeline.postgres.copy import RowsRefused
from pipeline.postgres.introspect import immediate_keys, read_table, table_exists
from pipeline.postgres.savepoint import attempt
from pipeline.postgres.sql import SQL, Composable, Identifier, relation


@dataclass(frozen=True, slots=True)
class Settlement:
    """A table whose rows have arrived at `place`; `fresh` where they have not been settled yet."""

    source: str
    place: Place
    load_mode: str
    fresh: bool

    @property
    def target(self) -> Table:
        return self.place.target

    @property
    def staged(self) -> bool:
        """Whether rows wait in a staging table."""
        return self.fresh and self.place.staging is not None

    @property
    def replaces(self) -> bool:
        return self.staged and self.load_mode == "replace"


class _BadRows(Exception):
    """Staged rows that PostgreSQL refuses: their locators by reason and detail."""

    def __init__(self, settlement: Settlement) -> None:
        super().__init__(settlement.target.name)
        self.settlement = settlement
        self.locators: dict[tuple[str, str], list[int]] = {}


class Settler:
    """Settles the tables of one run; `settlements` come parents first, settled ones included.

    `admit` is told of the rows that go to the quarantine, and `confirm` is asked before anything is committed; either
    may refuse by raising.
    """

    def __init__(
        self,
        connection: Connection,
        run_id: str,
        settlements: Sequence[Settlement],
        admit: Admit,
        confirm: Callable[[], object],
    ) -> None:
        self._connection = connection
        self._admit, self._confirm = admit, confirm
        self._run_id = run_id
        self._ledger = Ledger(connection)
        self._settlements = settlements
        self._images: dict[str, Image] = {}
        self._by_name = {settlement.target.name: settlement for settlement in settlements}

    def settle(self) -> tuple[Notice, ...]:
        """All or nothing; raises TargetError. Returns what could not be built, and why."""
        fresh = [settlement for settlement in self._settlements if settlement.fresh]
        with translated("building keys and relationships"), self._connection.transaction():
            self._connection.execute("set constraints all deferred")
            self._loosen()
            unhinged = self._unhinge(fresh)
            for settlement in fresh:
                self._hold(settlement)
            self._move_orphans()
            self._build(fresh)
            for settlement, key in unhinged:
                self._add(settlement, key)
            notices = tuple(notice for settlement in self._settlements for notice in self._relate(settlement))
            notices += tuple(self._not_kept(settlement) for settlement in fresh if not self._is_kept(settlement))
            for settlement in fresh:
                note_as_left(self._connection, settlement.place)
            self._confirm()
        return notices

    def _hold(self, settlement: Settlement) -> None:
        """Hold rows to what their table says of each row and each key; those that break it go to the quarantine.

        On a table of ours PostgreSQL builds its constraints first, and rows are looked for only where it refuses:
        looking takes as long as building (measured, 500,000 rows), and most tables have none.
        """
        if settlement.place.staging is not None:
            self._move_breakers(settlement)
            return
        statements = tuple(ddl.dress(settlement.target))
        try:
            attempt(self._connection, *statements)
        except RowsRefused:
            self._move_breakers(settlement)
            for statement in statements:
                self._connection.execute(statement)

    # -- quarantine

    def _move_breakers(self, settlement: Settlement) -> None:
        place, mode = settlement.place, settlement.load_mode
        wanted = self._constrained(settlement)
        carried = place.columns
        quarantine = self._quarantine(settlement)
        quarantine.nulls([column.name for column in wanted.columns if not column.nullable and column.name in carried])
        for check in wanted.checks:  # first, so that of two rows with one key the sound one stays
            if {*check.columns} <= {*carried}:
                quarantine.breakers(check)
        for key, among in _unique_keys(wanted, carried):
            quarantine.duplicates(key, among=among)
            if place.staging is None or mode == "replace":
                continue
            if mode == "append":
                quarantine.conflicts(key, among=among)
            elif key != place.target.primary_key:
                quarantine.conflicts(key, among=among, same_row=place.target.primary_key)

    def _loosen(self) -> None:
        """Take down relationships to settled tables that may yet lose orphans; `_relate` builds them again.

        Such a table has a parent that is migrated later than itself. Its orphans could not go, or would take
        their children with them.
        """
        settled = [one for one in self._settlements if not one.fresh and one.place.staging is None]
        shaky = {one.target.name for one in settled if self._missing(one)}
        for one in settled:  # parents first, so that one pass reaches the last child
            unbuilt = {key.name for key in self._unbuilt(one)}
            for key in one.target.foreign_keys:
                if key.parent in shaky and key.name not in unbuilt:
                    self._connection.execute(ddl.drop_constraint(one.target, key.name))
                    if key.enforced:
                        shaky.add(one.target.name)

    def _unhinge(self, fresh: Sequence[Settlement]) -> list[tuple[Settlement, ForeignKey]]:
        """Take down standing relationships whose orphans the mapping lets stay, while staged rows come in."""
        taken = []
        for one in fresh:
            standing = self._constrained(one).foreign_keys if one.staged else ()
            for key in one.target.foreign_keys:
                if not key.enforced and key in standing:  # one that somebody has validated is not equal
                    self._connection.execute(ddl.drop_constraint(one.target, key.name))
                    taken.append((one, key))
        return taken

    def _move_orphans(self) -> None:
        """Until none is left: an orphan that goes may have been a parent."""
        keys = [(settlement, key) for settlement in self._settlements for key in self._missing(settlement)]
        while sum(self._quarantine(one).orphans(key, self._parents(one, key)) for one, key in keys):
            continue

    def _quarantine(self, settlement: Settlement) -> Quarantine:
        return Quarantine(
            self._connection, self._run_id, settlement.source, settlement.place, self._admit, settlement.fresh
        )

    def _constrained(self, settlement: Settlement) -> Table:
        """The table whose constraints the rows must meet: the one that stands, or the one we build."""
        if settlement.place.staging is None:
            return settlement.target
        found = read_table(self._connection, settlement.target)
        assert found is not None, "a staged table stands in the target"
        return found

    def _missing(self, settlement: Settlement) -> list[ForeignKey]:
        """Relationships that the rows have not been held against yet."""
        if settlement.place.staging is not None:
            carried, standing = {*settlement.place.columns}, self._constrained(settlement).foreign_keys
            return [key for key in standing if settlement.fresh and {*key.columns} <= carried]
        return [key for key in self._unbuilt(settlement) if key.enforced]

    def _unbuilt(self, settlement: Settlement) -> list[ForeignKey]:
        """Relationships of a table of ours that do not stand yet, and could."""
        found = read_table(self._connection, settlement.target)
        built = {key.name for key in found.foreign_keys} if found else set()
        wanted = [key for key in settlement.target.foreign_keys if key.name not in built]
        return [key for key in wanted if self._parents(settlement, key)]

    def _parents(self, settlement: Settlement, key: ForeignKey) -> list[Composable]:
        """Every relation that may hold the parent row: the table, unless replaced, and its staged rows to come."""
        parent = self._parent_table(settlement, key)
        if not table_exists(self._connection, parent):
            return []
        known = self._by_name.get(key.parent)
        if known is None or not known.staged:
            return [relation(parent)]
        return [known.place.destination] if known.replaces else [relation(parent), known.place.destination]

    def _parent_table(self, settlement: Settlement, key: ForeignKey) -> Table:
        return Table(key.parent, (), settlement.target.schema)

    # -- construction

    def _build(self, fresh: Sequence[Settlement]) -> None:
        """Rows that PostgreSQL refuses after all go to the quarantine, and it begins again without them."""
        bisecting = False  # rare, so the usual way defers no more than it has to
        while True:
            try:
                with self._connection.transaction(), deferred(self._connection, self._backward_keys(bisecting)):
                    self._begin_images(fresh)
                    self._clear(fresh)
                    for settlement in fresh:
                        self._finish(settlement, bisecting)
                return
            except RowsRefused:
                bisecting = True
            except _BadRows as bad:
                quarantine = self._quarantine(bad.settlement)
                for (reason, detail), locators in bad.locators.items():
                    quarantine.refused(locators, reason, detail)
                self._move_orphans()  # of the rows that went

    def _backward_keys(self, bisecting: bool) -> list[tuple[Table, str]]:
        """Keys of staged tables to such as are merged later, or in later parts of the same one."""
        order = {one.target.name: n for n, one in enumerate(self._settlements) if one.staged}
        keys = []
        for one in self._settlements:
            if not one.staged:
                continue
            immediate = immediate_keys(self._connection, one.target)
            first = order[one.target.name] + (not bisecting)
            for key in self._constrained(one).foreign_keys:
                if key.name in immediate and order.get(key.parent, -1) >= first:
                    keys.append((one.target, key.name))
        return keys

    def _begin_images(self, fresh: Sequence[Settlement]) -> None:
        """Before anything of any table goes, so that parents, which come first, are also locked first."""
        self._images = {
            one.target.name: begin_image(self._connection, self._begun_by(one), one.place, one.load_mode)
            for one in fresh
            if one.staged
        }

    def _begun_by(self, settlement: Settlement) -> str:
        """The run that a rollback names: whichever run goes on with a load, its rows are of the one that began it."""
        load = self._ledger.load(settlement.target)
        return self._run_id if load is None else load.run_id

    def _is_kept(self, settlement: Settlement) -> bool:
        image = self._images.get(settlement.target.name)
        return image is None or image.kept

    def _not_kept(self, settlement: Settlement) -> Notice:
        told = "has rules for what is inserted, so that nothing tells which rows came: rollback cannot take them back"
        return Notice(settlement.source, None, f"table {settlement.target.name} {told}")

    def _clear(self, fresh: Sequence[Settlement]) -> None:
        replacing = [settlement for settlement in fresh if settlement.replaces]
        names = {settlement.target.name for settlement in replacing}
        for settlement in reversed(replacing):
            clear(self._connection, settlement.place, names)

    def _finish(self, settlement: Settlement, bisecting: bool) -> None:
        target, place = settlement.target, settlement.place
        merged = Merged(0, 0)
        if place.staging is None:
            self._undress(target)
        else:
            merged = self._merge(settlement, bisecting)
        set_sequences(self._connection, target)
        self._ledger.set_state(target, "done", rows_before=merged.before, rows_updated=merged.updated)

    def _merge(self, settlement: Settlement, bisecting: bool) -> Merged:
        """Raises RowsRefused, or where `bisecting` _BadRows."""
        place, load_mode = settlement.place, settlement.load_mode
        try:
            return merge(self._connection, self._images[settlement.target.name], load_mode)
        except RowsRefused as refusal:
            if not bisecting:
                raise
            bad = _BadRows(settlement)
            for locator, why in refused_rows(self._connection, place, load_mode):
                reason = f"sqlstate_{why.sqlstate}"
                self._admit(settlement.source, 1, f"{reason}: {why}")
                bad.locators.setdefault((reason, str(why)), []).append(locator)
            if not bad.locators:
                text = f"merging table {settlement.target.name}: {refusal}; every row alone is accepted"
                raise TargetError(text, hint="look at the constraints and triggers of that table") from refusal
            raise bad from refusal

    def _undress(self, target: Table) -> None:
        """Take off what the load alone needed."""
        self._connection.execute(SQL("alter table {} drop column {}").format(relation(target), Identifier(ORDINAL)))
        self._connection.execute(SQL("alter table {} reset (autovacuum_enabled)").format(relation(target)))

    def _relate(self, settlement: Settlement) -> Iterator[Notice]:
        if settlement.place.staging is not None:
            return
        for key in self._unbuilt(settlement):
            self._add(settlement, key)
        found = read_table(self._connection, settlement.target)
        built = {key.name for key in found.foreign_keys} if found else set()
        for key in settlement.target.foreign_keys:
            if key.name not in built:
                text = f"relationship {key.name} is not built: its parent table {key.parent} has not been migrated"
                yield Notice(settlement.source, None, text)

    def _add(self, settlement: Settlement, key: ForeignKey) -> None:
        parent = self._parent_table(settlement, key)
        self._connection.execute(ddl.add_foreign_key(settlement.target, key, parent))


def _unique_keys(table: Table, carried: Sequence[str]) -> list[tuple[tuple[str, ...], str | None]]:
    """Column lists that must be unique, each among the rows of a condition or all.

    Left out are those about columns that the target fills by itself: there PostgreSQL refuses the row.
    """
    unique = [index for index in table.indexes if index.unique and _told_by(index, carried)]
    return list(dict.fromkeys((index.columns, index.predicate) for index in unique))


def _told_by(index: Index, columns: Sequence[str]) -> bool:
    """Whether these columns decide which rows are one to the index."""
    try:
        return {*index.columns, *named_columns(index.predicate or "true")} <= {*columns}
    except ValueError:  # a standing index may say what no mapping can
        return False
