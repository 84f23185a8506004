"""How much memory RocksDB may take for one partition of one table."""

from __future__ import annotations

# Faust's own defaults are a 2 GiB block cache and three write buffers of 64 MB, per partition.
# A worker with all partitions of three tables has 18 of each: 72 MiB when all of it is full. A
# buffer holds the rows of 500 essays, which is some seconds of one partition under full load.
BLOCK_CACHE_BYTES = 2 * 1024 * 1024
WRITE_BUFFER_BYTES = 1024 * 1024
WRITE_BUFFERS = 2


def rocksdb_options() -> dict[str, int]:
    """Return fresh options for one table; Faust empties the dictionary that it is given."""
    return {
        "block_cache_size": BLOCK_CACHE_BYTES,
        "write_buffer_size": WRITE_BUFFER_BYTES,
        "max_write_buffer_number": WRITE_BUFFERS,
    }
