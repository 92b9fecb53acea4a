"""The drivers that speak to SQL Server, behind one protocol; nothing outside imports them."""
