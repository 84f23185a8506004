"""The broker as an operating-system process: spawned apart, found again, ended.

A broker is known by a mark in its command line that names its folder, so no stale pid file can
point at a stranger, and one whose starter died is found all the same.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

_POLL_SECONDS = 0.05
# `&` in a shell of its own session: the broker is nobody's child, holds none of the caller's
# pipes and outlives its terminal.
_SPAWN = 'log="$1"; shift; "$@" </dev/null >>"$log" 2>&1 & echo "$!"'


def mark_of(data_dir: Path) -> str:
    """Return the JVM argument that names the folder."""
    return f"-Dhuleedu.broker={data_dir}"


def find(data_dir: Path) -> int | None:
    """Return the pid of the live broker of `data_dir`, if there is one."""
    mark = mark_of(data_dir)
    for process in psutil.process_iter():
        try:
            command = process.cmdline()
            if mark in command and Path(command[0]).name == "java" and is_alive(process.pid):
                return process.pid
        except psutil.Error:
            continue
    return None


def spawn(command: Sequence[str], log: Path, folder: Path) -> int:
    """Start `command` in a session of its own, its output going to `log`; return its pid."""
    shell = subprocess.run(  # noqa: S603 - our own command line
        ["/bin/sh", "-c", _SPAWN, "sh", str(log), *command],
        check=True,
        cwd=folder,
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    return int(shell.stdout)


def is_alive(pid: int) -> bool:
    """Whether the process still runs; a zombie (nobody reaps in some containers) does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def end(pid: int, timeout_seconds: float) -> bool:
    """Ask the process to stop, and kill it when time is up.

    Returns:
        Whether it stopped by itself.
    """
    try:
        process = psutil.Process(pid)
        process.terminate()
        if wait_until(lambda: not is_alive(pid), timeout_seconds):
            return True
        process.kill()
    except psutil.NoSuchProcess:
        return True
    wait_until(lambda: not is_alive(pid), timeout_seconds)
    return False


def wait_until(is_true: Callable[[], bool], timeout_seconds: float) -> bool:
    """Poll until `is_true()` or until time is up; return whether it became true."""
    deadline = time.monotonic() + timeout_seconds
    while not is_true():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True
