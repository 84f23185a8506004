"""What is remembered: one module a Faust table, with its typed wrapper (source, never data)."""
