"""Views of SQL Server over a mapping's tables."""

from __future__ import annotations

from collections.abc import Collection

from pipeline.catalog import Catalog, Notice
from pipeline.dialects.rules import DraftedViews
from pipeline.mapping.models import Mapping


def draft_views(catalog: Catalog, mapping: Mapping, taken: Collection[str]) -> DraftedViews:
    """Each view, with why it is left; `taken` are names of relations in the target."""
    reason = "view is not carried: views of SQL Server are not translated yet"
    return DraftedViews({}, (), tuple(Notice(query.name, None, reason) for query in catalog.queries))
