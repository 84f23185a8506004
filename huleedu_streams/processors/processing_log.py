"""The processing log of a spell check, as it is stored beside the corrected text.

Lives here: its shape and its bounds. Not here: the check, the storing (`processors/spellcheck.py`).
It holds the essay's words, so it belongs into the content store and nowhere else.
"""

from __future__ import annotations

import orjson

from huleedu_streams.domain.limits import MAX_LISTED_WORDS
from huleedu_streams.domain.spelling import CheckedText


def processing_log(checked: CheckedText, max_bytes: int | None = None) -> bytes:
    """Return the check as JSON: `text`, `corrections`, `unknown`, `truncated`.

    Each list holds the first 5,000 of its words, fewer if the log would be longer than
    `max_bytes`; then `truncated` is true. The count in the result event is always the whole.
    """
    listed = MAX_LISTED_WORDS
    while True:
        log = _log(checked, listed)
        if max_bytes is None or len(log) <= max_bytes or listed == 0:
            return log
        listed //= 2


def _log(checked: CheckedText, listed: int) -> bytes:
    is_cut = max(len(checked.corrections), len(checked.unknown)) > listed
    return orjson.dumps(
        {
            "text": checked.text,
            "corrections": checked.corrections[:listed],
            "unknown": checked.unknown[:listed],
            "truncated": checked.is_abridged or is_cut,
        }
    )
