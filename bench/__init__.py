"""Measures a worker against its peers, in one run: `make bench` (docs/performance.md)."""
