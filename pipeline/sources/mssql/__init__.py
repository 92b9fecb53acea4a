"""A live SQL Server as a source."""

from pipeline.sources.mssql.source import MssqlSource

__all__ = ["MssqlSource"]
