"""How freed memory finds its way back to the system."""

from __future__ import annotations

import ctypes

# glibc's own value at the start of a process.
_MMAP_THRESHOLD_BYTES = 128 * 1024
_M_MMAP_THRESHOLD = -3


def give_back_large_blocks() -> None:
    """Have each large block be a mapping of its own for as long as the process lives.

    Each time a program frees such a block, glibc takes blocks of that size from its heap from
    then on, up to 32 MB, where one small neighbour that is still in use keeps all of it. A few
    messages of 20 MB so cost a worker 50 MB for ever. Other allocators have no such habit, and
    nothing happens there.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _MMAP_THRESHOLD_BYTES)
