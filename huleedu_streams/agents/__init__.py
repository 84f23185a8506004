"""Stream loops: the only writers of tables, and the only code that acknowledges events."""
