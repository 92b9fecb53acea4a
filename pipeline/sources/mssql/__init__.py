"""A live SQL Server as a source; nothing is imported here, for the process of the driver waits for it."""
