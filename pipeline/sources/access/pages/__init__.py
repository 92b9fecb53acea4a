"""Where things are in an Access file: pages, definitions of tables, rows and whose they are."""
