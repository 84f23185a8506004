"""A worker process whose speller does what a text tells it to: fail, hang, end or be killed."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from huleedu_streams.domain.spelling import CheckedText
from huleedu_streams.errors import DictionaryError
from huleedu_streams.spelling.l2 import RefusedEntry
from huleedu_streams.spelling.worker import run


class OddChecker:
    refused: tuple[RefusedEntry, ...] = ()

    def check(self, text: str) -> CheckedText:
        order = text.strip()
        if order == "fail":
            raise RuntimeError(order)
        if order == "hang":
            signal.pause()
        if order == "end":
            os._exit(1)
        if order == f"kill {os.getpid()}":
            os.kill(os.getpid(), signal.SIGKILL)
        sys.stdout.write("this must not reach the pipe of replies")
        return CheckedText(f"{order} {os.getpid()}")


def load(assignment: dict[str, Any]) -> dict[str, OddChecker]:
    if assignment["engine"] == "none":
        raise DictionaryError("no such engine")
    return {language: OddChecker() for language in assignment["languages"]}


if __name__ == "__main__":
    run(load)
