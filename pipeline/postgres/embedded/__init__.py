"""A PostgreSQL of our own below the project directory, for when no target is configured."""

from pipeline.postgres.embedded.server import EmbeddedServer, ServerStatus

__all__ = ["EmbeddedServer", "ServerStatus"]
