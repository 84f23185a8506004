"""How much memory RocksDB may take for one partition of one table."""

from __future__ import annotations

# Faust's own defaults are a 2 GiB block cache and three write buffers of 64 MB, per partition.
# A worker with all partitions of three tables has 18 of each: 18 MiB when all of it is full, which
# is soon. Larger ones gained nothing, not even in a recovery, and took long to be as large as they
# get: that looks like a leak.
BLOCK_CACHE_BYTES = 512 * 1024
WRITE_BUFFER_BYTES = 256 * 1024
WRITE_BUFFERS = 2


def rocksdb_options() -> dict[str, int]:
    """Return fresh options for one table; Faust empties the dictionary that it is given."""
    return {
        "block_cache_size": BLOCK_CACHE_BYTES,
        "write_buffer_size": WRITE_BUFFER_BYTES,
        "max_write_buffer_number": WRITE_BUFFERS,
    }
