"""A process that checks texts: `python -m huleedu_streams.spelling.worker [--nice]`.

It reads what to load, says that it is ready, then answers one text after another until its
standard input ends, which is also what happens when its parent dies. Not here: how processes are
started and watched (`pool.py`).
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import IO, Any, NoReturn, Protocol

import orjson

from huleedu_streams.domain.spelling import CheckedText
from huleedu_streams.errors import SpellingError
from huleedu_streams.spelling.frames import read_frame, write_checked, write_frame
from huleedu_streams.spelling.l2 import RefusedEntry
from huleedu_streams.spelling.served import Served


class ChecksTexts(Protocol):
    """What a worker asks of a speller."""

    @property
    def refused(self) -> tuple[RefusedEntry, ...]:
        """The entries of the user's list that are not used."""
        ...

    def check(self, text: str) -> CheckedText:
        """Return the text corrected."""
        ...


# How a process is told to leave the processor to whoever else needs it.
NICE = "--nice"
# A third of what another process gets, where both want all: a text has its time to be checked in.
_NICENESS = 5
Load = Callable[[dict[str, Any]], Mapping[str, ChecksTexts]]


def load_checkers(assignment: dict[str, Any]) -> dict[str, ChecksTexts]:
    """Load every language of an assignment."""
    served = Served.from_assignment(assignment)
    return {language: served.load(language) for language in served.languages}


def serve(requests: IO[bytes], replies: IO[bytes], load: Load) -> None:
    """Answer requests until they end or nobody reads the replies."""
    assignment = read_frame(requests)
    if assignment is None:
        return
    try:
        checkers = load(orjson.loads(assignment))
    except SpellingError as error:
        write_frame(replies, orjson.dumps({"error": str(error)}))
        return
    refused = [
        {"language": language, **asdict(entry)}
        for language, checker in checkers.items()
        for entry in checker.refused
    ]
    write_frame(replies, orjson.dumps({"refused": refused}))
    while (request := read_frame(requests)) is not None:
        _answer(replies, orjson.loads(request), checkers)


def _answer(
    replies: IO[bytes], request: dict[str, str], checkers: Mapping[str, ChecksTexts]
) -> None:
    try:
        checked = checkers[request["language"]].check(request["text"])
    except Exception as error:  # noqa: BLE001 - the parent turns it into a failed result
        # The type alone: a message may quote the text.
        write_frame(replies, orjson.dumps({"error": type(error).__name__}))
    else:
        write_checked(replies, checked)


def run(load: Load = load_checkers) -> None:
    """Serve on standard input and output; whatever else prints goes to standard error."""
    # The parent ends this process; a Ctrl-C or a SIGTERM to a whole group is for the parent.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, args=[sys.stdin.fileno()], daemon=True).start()
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        serve(sys.stdin.buffer, replies, load)
        replies.close()
    except BrokenPipeError:
        os._exit(0)  # the parent is gone, and closing the stream would fail again


def _end_with_parent(requests: int) -> NoReturn:
    """End at once when nobody is there to read an answer, also in the middle of a long text."""
    poll = select.poll()
    poll.register(requests, 0)  # a hang-up is told without being asked for
    poll.poll()
    os._exit(0)


if __name__ == "__main__":
    if NICE in sys.argv:
        os.nice(_NICENESS)
    run()
