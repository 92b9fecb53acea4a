"""What becomes of the views of SQL Server over a mapping's tables."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlglot import exp

from pipeline.catalog import Catalog, Query
from pipeline.dialects.queries.views import Language, Made, drafted
from pipeline.dialects.rules import DraftedViews
from pipeline.dialects.tsql.collation import Collation
from pipeline.dialects.tsql.query import names_read, parse_view, translate_view
from pipeline.dialects.tsql.relations import Relation, relations
from pipeline.mapping import models
from pipeline.mapping.names import Naming


@dataclass(frozen=True, slots=True)
class Views:
    """The views of a database with that collation."""

    collation: Collation

    def draft(self, catalog: Catalog, mapping: models.Mapping, taken: Collection[str]) -> DraftedViews:
        """Each view, or why it is left; `taken` are names of relations in the target."""
        return drafted(Language(parse_view, names_read, self._relations, self._made), catalog, mapping, taken)

    def _relations(self, catalog: Catalog, mapping: models.Mapping) -> dict[str, Relation]:
        return relations(catalog, mapping, self.collation)

    def _made(
        self, query: Query, name: str, tree: exp.Query, known: Mapping[str, Relation], naming: Naming
    ) -> Made[Relation]:
        sql, fields = translate_view(tree, known, naming, self.collation)
        return Made(sql, Relation(name, fields))
