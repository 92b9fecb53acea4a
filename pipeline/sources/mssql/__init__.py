"""A live SQL Server, read over its own protocol."""
