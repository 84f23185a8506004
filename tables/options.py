"""How much memory RocksDB may take in a worker."""

from __future__ import annotations

from functools import lru_cache

from faust.stores.rocksdb import RocksDBOptions
from rocksdict import BlockBasedIndexType, BlockBasedOptions, Cache, Options

# Faust's own defaults are a 2 GiB block cache and three write buffers of 64 MB, per partition.
# A worker with all partitions of three tables has 18 databases: one cache for all of them, and
# 9 MiB of buffers when all are full. Larger ones gained nothing, not even in a recovery, and took
# long to be as large as they get: that looks like a leak.
BLOCK_CACHE_BYTES = 8 * 1024 * 1024
WRITE_BUFFER_BYTES = 256 * 1024
WRITE_BUFFERS = 2


def rocksdb_options() -> dict[str, int]:
    """Return fresh options for one table; Faust empties the dictionary that it is given."""
    return {
        "block_cache_size": BLOCK_CACHE_BYTES,
        "write_buffer_size": WRITE_BUFFER_BYTES,
        "max_write_buffer_number": WRITE_BUFFERS,
    }


class SharingOptions(RocksDBOptions):
    """Faust's options; databases whose caches have one size have one cache.

    So what a worker's memory is does not follow the partitions that it is given.
    """

    @classmethod
    def of(cls, options: RocksDBOptions) -> SharingOptions:
        """Return the same options, with the cache shared."""
        shared = cls()
        vars(shared).update(vars(options))
        return shared

    def as_options(self) -> Options:
        """Return them as RocksDB takes them."""
        options: Options = super().as_options()
        blocks = BlockBasedOptions()
        blocks.set_bloom_filter(self.bloom_filter_size, block_based=True)
        blocks.set_index_type(BlockBasedIndexType.binary_search())
        blocks.set_block_cache(_cache(self.block_cache_size))
        options.set_block_based_table_factory(blocks)
        # Until the guard has seen which files there are.
        options.set_disable_auto_compactions(True)
        return options


@lru_cache
def _cache(size: int) -> Cache:
    return Cache(size)
