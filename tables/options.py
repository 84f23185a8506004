"""How much memory RocksDB may take for one partition of one table."""

from __future__ import annotations

# Faust's own defaults are a 2 GiB block cache and three write buffers of 64 MB, per partition.
BLOCK_CACHE_BYTES = 8 * 1024 * 1024
WRITE_BUFFER_BYTES = 4 * 1024 * 1024
WRITE_BUFFERS = 2


def rocksdb_options() -> dict[str, int]:
    """Return fresh options for one table; Faust empties the dictionary that it is given."""
    return {
        "block_cache_size": BLOCK_CACHE_BYTES,
        "write_buffer_size": WRITE_BUFFER_BYTES,
        "max_write_buffer_number": WRITE_BUFFERS,
    }
