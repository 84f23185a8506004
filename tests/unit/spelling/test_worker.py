"""What a worker answers, spoken to over streams in memory; `test_pool.py` has real processes."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import orjson
import pytest

from huleedu_streams.domain.spelling import CheckedText, Correction, UnknownWord
from huleedu_streams.errors import DictionaryError, SpellcheckFailedError
from huleedu_streams.spelling.frames import read_checked, read_frame, write_checked, write_frame
from huleedu_streams.spelling.l2 import RefusedEntry
from huleedu_streams.spelling.served import Served
from huleedu_streams.spelling.worker import Load, load_checkers, serve

CHECKED = CheckedText(
    "x" * 10,
    tuple(Correction(i, 1, "a", "b", "exact", "other", ("c",)) for i in range(1200)),
    (UnknownWord(1, 2, "zz"),),
    3,
)


class OneAnswer:
    refused = (RefusedEntry(3, "then:than", "why"),)

    def check(self, text: str) -> CheckedText:
        if text == "fail":
            raise RuntimeError(text)
        return CHECKED


def replies_to(*requests: object, load: Load = lambda _: {"en": OneAnswer()}) -> BytesIO:
    stream, replies = BytesIO(), BytesIO()
    for request in requests:
        write_frame(stream, orjson.dumps(request))
    stream.seek(0)
    serve(stream, replies, load)
    replies.seek(0)
    return replies


def test_worker_says_that_it_is_ready_then_answers_each_text() -> None:
    replies = replies_to({}, *({"language": "en", "text": text} for text in ("a", "fail", "b")))

    ready = orjson.loads(read_frame(replies) or b"")
    assert ready == {
        "refused": [{"language": "en", "line": 3, "entry": "then:than", "reason": "why"}]
    }
    assert read_checked(replies) == CHECKED
    with pytest.raises(SpellcheckFailedError, match=r"^the checker failed: RuntimeError$"):
        read_checked(replies)
    assert read_checked(replies) == CHECKED
    assert read_checked(replies) is None


def test_worker_that_cannot_load_answers_with_the_reason() -> None:
    def load(assignment: dict[str, Any]) -> dict[str, OneAnswer]:
        raise DictionaryError(f"no {assignment['engine']}")

    replies = replies_to({"engine": "best"}, load=load)

    assert read_frame(replies) == b'{"error":"no best"}'


def test_worker_without_an_assignment_says_nothing() -> None:
    assert replies_to().read() == b""


def test_answer_that_is_cut_off_is_none() -> None:
    whole = BytesIO()
    write_checked(whole, CHECKED)

    for length in (0, 2, 100, len(whole.getvalue()) - 1):
        assert read_checked(BytesIO(whole.getvalue()[:length])) is None


def test_assignment_loads_its_languages() -> None:
    assignment = orjson.loads(orjson.dumps(Served.of(["ru", "RU"], "exact", None).assignment()))

    assert list(load_checkers(assignment)) == ["ru"]
