"""What large messages cost a process once they are gone."""

from __future__ import annotations

import subprocess
import sys

import pytest

# Frees blocks of 20 MB, which teaches glibc to take them from its heap; then again, under a small
# neighbour that stays.
_SCRIPT = """
import sys
from huleedu_streams.runtime.memory import give_back_large_blocks

if sys.argv[1] == "told":
    give_back_large_blocks()
kept = []
for _ in range(3):
    block = b"x" * 20_000_000
    kept.append(b"y" * 2_000)
    del block
pages = int(open("/proc/self/statm").read().split()[1])
print(pages * 4096)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's habit, read from /proc")
def test_large_blocks_are_given_back() -> None:
    told, untold = (
        int(
            subprocess.run(  # noqa: S603 - our own command line
                [sys.executable, "-c", _SCRIPT, how], capture_output=True, check=True
            ).stdout
        )
        for how in ("told", "untold")
    )

    assert untold - told > 15_000_000
