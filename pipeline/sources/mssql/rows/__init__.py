"""Rows of a table as frames: what is selected, page by page behind a key, and how it is decoded."""
