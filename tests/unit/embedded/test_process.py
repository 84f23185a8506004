"""Finding and ending processes; none of these is a Kafka."""

from __future__ import annotations

import sys
from pathlib import Path

from huleedu_streams.embedded import process

# Says that it is up, then waits for ever; `stubborn` ignores SIGTERM.
_PROGRAM = """
import signal, sys
if "stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
while True:
    signal.pause()
"""


def spawn(tmp_path: Path, *arguments: str) -> int:
    log = tmp_path / "log"
    pid = process.spawn([sys.executable, "-c", _PROGRAM, *arguments], log, tmp_path)
    assert process.wait_until(lambda: log.read_text() == "up\n", 10)
    return pid


def test_process_that_is_no_java_is_never_taken_for_the_broker(tmp_path: Path) -> None:
    pid = spawn(tmp_path, process.mark_of(tmp_path))

    assert process.is_alive(pid)
    assert process.find(tmp_path) is None
    assert process.end(pid, 10)
    assert not process.is_alive(pid)


def test_process_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    pid = spawn(tmp_path, "stubborn")

    assert not process.end(pid, 0.2)
    assert not process.is_alive(pid)
