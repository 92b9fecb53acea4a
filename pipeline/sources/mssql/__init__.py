"""A live SQL Server, read over its own protocol."""

from pipeline.sources.mssql.source import MssqlSource

__all__ = ["MssqlSource"]
