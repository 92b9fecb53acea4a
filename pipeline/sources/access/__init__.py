"""Reads Microsoft Access files: Jet 3, Jet 4 and ACE 12 to 17."""

from pipeline.sources.access.linked import LinkedSource
from pipeline.sources.access.source import AccessSource

__all__ = ["AccessSource", "LinkedSource"]
