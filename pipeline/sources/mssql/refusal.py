"""What a server or the way to it refuses, as errors of ours."""

from __future__ import annotations

from pipeline.errors import SourceError


class ConnectionLost(SourceError):
    """Worth another try."""


class UnknownName(SourceError):
    """The server knows no such view, column or function: it is an older one, or another product."""
