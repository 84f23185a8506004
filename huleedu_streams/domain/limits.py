"""How large what is made of a text may be; the content store and who fills it agree on it here."""

from __future__ import annotations

# A log repeats the text and describes each word that is wrong: a page of misspellings grows about
# tenfold on its way into a log.
_DERIVED_FACTOR = 16
# A text of the largest size may be 170,000 words, all wrong. Reading, writing and forgetting so
# many would hold an event loop for longer than 50 ms, and nobody looks at them.
MAX_LISTED_WORDS = 5_000


def derived_max_bytes(text_max_bytes: int) -> int:
    """Return the size of the largest content derived from a text of at most `text_max_bytes`."""
    return text_max_bytes * _DERIVED_FACTOR
