"""Databases exported by SQL Server as a .bacpac, read without any SQL Server."""

from pipeline.sources.bacpac.source import BacpacSource

__all__ = ["BacpacSource"]
