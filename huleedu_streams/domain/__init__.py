"""The core: rules as data and pure functions; no I/O, no clock, no ids of its own."""
