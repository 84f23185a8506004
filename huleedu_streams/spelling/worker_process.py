"""One worker process as its parent sees it; blocking, so each is spoken to from a thread.

Not here: how many there are, timeouts and what a caller gets (`pool.py`).
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import IO, Any, TypeVar

import orjson

from huleedu_streams.domain.spelling import CheckedText
from huleedu_streams.errors import DictionaryError
from huleedu_streams.spelling.frames import read_checked, read_frame, write_frame

T = TypeVar("T")


class WorkerGoneError(Exception):
    """The process has ended, by itself or by a signal. Operator action: none, it is replaced."""


class WorkerProcess:
    """A running process; `kill` may be called from any thread and unblocks the others."""

    def __init__(self, command: Sequence[str], assignment: bytes) -> None:
        # A group of its own: a Ctrl-C in the terminal is for the parent alone. Not a session of its
        # own: Linux may share the processor between sessions, and being nice would mean nothing.
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, process_group=0
        )
        self._assignment = assignment
        self.is_expired = False

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """Whether the process is no more."""
        return self._process.poll() is not None

    def wait_until_ready(self) -> list[dict[str, Any]]:
        """Return the refused entries of the users' lists once everything is loaded.

        Raises:
            WorkerGoneError: the process ended.
            DictionaryError: something cannot be loaded.
        """
        answer = self._exchange(self._assignment, read_frame)
        ready = orjson.loads(answer)
        if "error" in ready:
            raise DictionaryError(ready["error"])
        refused: list[dict[str, Any]] = ready["refused"]
        return refused

    def check(self, request: bytes) -> CheckedText:
        """Return the answer to a request.

        Raises:
            WorkerGoneError: the process ended before it answered.
            SpellcheckFailedError: the checker failed on the text.
        """
        return self._exchange(request, read_checked)

    def _exchange(self, request: bytes, read: Callable[[IO[bytes]], T | None]) -> T:
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:  # pragma: no cover - both are pipes
            raise WorkerGoneError
        try:
            write_frame(stdin, request)
            answer = read(stdout)
        except (OSError, ValueError) as error:  # ValueError: closed meanwhile
            raise WorkerGoneError from error
        if answer is None:
            raise WorkerGoneError
        return answer

    def expire(self) -> None:
        """Kill the process because it took too long."""
        self.is_expired = True
        self.kill()

    def kill(self) -> None:
        """End the process at once; it holds nothing that could be lost."""
        self._process.kill()

    def dispose(self) -> None:
        """Kill the process, wait for its end and close its pipes."""
        self.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(OSError):  # unsent bytes
                    stream.close()
