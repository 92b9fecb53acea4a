"""What stands in the columns of some rows: bytes found, and decoded whole columns at a time."""
