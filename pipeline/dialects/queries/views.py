"""What becomes of the saved queries of an Access file: views where they translate, and the reason where not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from collections.abc import Mapping as Map
from contextlib import suppress
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Generic, TypeVar

from pipeline.catalog import Catalog, Notice, Query, QueryKind
from pipeline.dialects.expressions.tree import Untranslatable
from pipeline.dialects.queries.parser import parse_query
from pipeline.dialects.queries.shapes import Shape, table_shapes
from pipeline.dialects.queries.translate import translate_query
from pipeline.dialects.queries.tree import Derived, Input, Join, Named, Statement
from pipeline.dialects.rules import DraftedViews
from pipeline.mapping.models import Mapping, ViewMapping
from pipeline.mapping.names import Naming, fold, shorten, storable, valid_name
from pipeline.mapping.selects import valid_select

S = TypeVar("S")
"""A query as its language reads it."""
R = TypeVar("R")
"""A table or view that queries read."""


@dataclass(frozen=True, slots=True)
class Made(Generic[R]):
    sql: str
    relation: R
    """The view as other queries may read it."""
    notes: tuple[str, ...] = ()
    """Where it may differ from what the source shows, and is carried all the same."""


@dataclass(frozen=True, slots=True)
class Language(Generic[S, R]):
    """How the queries of a source are read, and what they become; raises Untranslatable."""

    parse: Callable[[str], S]
    reads: Callable[[S], set[str]]
    """What a query may read, by folded name."""
    relations: Callable[[Catalog, Mapping], dict[str, R]]
    """The tables that the mapping carries, by folded source name."""
    translate: Callable[[Query, str, S, Map[str, R], Naming], Made[R]]
    """A query as a view of that name."""


def draft_views(catalog: Catalog, mapping: Mapping, taken: Collection[str]) -> DraftedViews:
    """The views over the tables of a mapping; `taken` are names of relations in the target."""
    return drafted(Language(parse_query, _names, table_shapes, _translated), catalog, mapping, taken)


def drafted(language: Language[S, R], catalog: Catalog, mapping: Mapping, taken: Collection[str]) -> DraftedViews:
    """As `draft_views`, in any language."""
    drafting = _Drafting(language, catalog, mapping, {*taken})
    drafting.draft()
    left = tuple(Notice(query.name, None, drafting.reasons[query.name]) for query in catalog.queries
                 if query.name in drafting.reasons)  # fmt: skip
    return DraftedViews(drafting.views, tuple(drafting.notices), left)


@dataclass(slots=True)
class _Drafting(Generic[S, R]):
    language: Language[S, R]
    catalog: Catalog
    mapping: Mapping
    taken: set[str]
    views: dict[str, ViewMapping] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)

    def draft(self) -> None:
        """Each query after those that it reads."""
        relations = self.language.relations(self.catalog, self.mapping)
        parsed: dict[str, tuple[Query, S]] = {}
        names = Counter(query.name.casefold() for query in self.catalog.queries)
        names.update(table.name.casefold() for table in self.catalog.tables)
        for query in self.catalog.queries:
            try:
                if names[query.name.casefold()] > 1:
                    raise Untranslatable("another query or table has its name")
                parsed[query.name.casefold()] = query, self._parse(query)
            except Untranslatable as reason:
                self._leave(query, reason)
        order = TopologicalSorter({name: self.language.reads(statement) for name, (_, statement) in parsed.items()})
        with suppress(CycleError):  # what is not in the circle, or behind it, is ready all the same
            order.prepare()
        while ready := order.get_ready():
            for name in ready:
                if name in parsed:
                    self._add(*parsed.pop(name), relations)
                order.done(name)
        for query, _ in parsed.values():
            self._leave(query, "it reads itself by way of other queries, or one that does")

    def _add(self, query: Query, statement: S, relations: dict[str, R]) -> None:
        name = shorten(fold(query.name, self.mapping.naming))
        try:
            if name in self.taken:
                raise Untranslatable(f"the target has another {name!r} already")
            storable(query.name)
            made = self.language.translate(query, name, statement, relations, self.mapping.naming)
            view = ViewMapping(to=valid_name(name), sql=valid_select(made.sql))
        except ValueError as reason:
            self._leave(query, reason)
            return
        self.taken.add(name)
        self.views[query.name] = view
        self.notices += [Notice(query.name, None, note) for note in made.notes]
        relations[query.name.casefold()] = made.relation

    def _leave(self, query: Query, reason: object) -> None:
        self.reasons[query.name] = f"{query.kind.value} query is not carried: {reason}"

    def _parse(self, query: Query) -> S:
        """Raises Untranslatable for whatever is no whole select."""
        if query.kind not in (QueryKind.SELECT, QueryKind.UNION, QueryKind.UNKNOWN):
            raise Untranslatable("a view only selects")
        if query.parameters:
            raise Untranslatable(f"it asks for {', '.join(query.parameters)}")
        if query.reason:
            raise Untranslatable(query.reason)
        return self.language.parse(query.sql)


def _translated(query: Query, name: str, statement: Statement, shapes: Map[str, Shape], naming: Naming) -> Made[Shape]:
    made = translate_query(statement, shapes, naming)
    return Made(made.sql, Shape(query.name, name, made.fields), made.notes)


def _names(statement: Statement) -> set[str]:
    """What a query reads, by folded name."""
    found: set[str] = set()
    rest: list[Input] = [select.source for select in statement.selects]
    while rest:
        match rest.pop():
            case Named(name):
                found.add(name.casefold())
            case Derived(query):
                rest += [select.source for select in query.selects]
            case Join(_, left, right):
                rest += [left, right]
    return found
