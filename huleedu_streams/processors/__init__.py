"""One event in, one decision out; never sends, never writes a table."""
