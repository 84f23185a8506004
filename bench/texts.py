"""Essays to check: sentences of the sample essays in new orders, with new misspellings.

New ones, because a speller remembers the words that it has seen. Around 200 words and ten errors.
"""

from __future__ import annotations

import random
import re
import string
from collections.abc import Iterator

from huleedu_streams.cli.samples import sample_essays

_SENTENCES = 14
_MISSPELT = 0.03
# Of learners' misspellings a fifth are two edits away.
_TWICE = 0.2
_WORD = re.compile(r"[a-z]{5,}")


def essay_texts(count: int, seed: int) -> Iterator[str]:
    """Yield so many texts; the same seed yields the same ones."""
    chance = random.Random(seed)  # noqa: S311 - it must repeat
    samples = (essay.text for essay in sample_essays() if essay.text)
    sentences = [part for text in samples for part in re.split(r"(?<=[.!?])\s+", text)]
    for _ in range(count):
        text = " ".join(chance.sample(sentences, _SENTENCES))
        yield _WORD.sub(lambda found: _maybe_misspelt(found[0], chance), text)


def _maybe_misspelt(word: str, chance: random.Random) -> str:
    if chance.random() >= _MISSPELT:
        return word
    wrong = _mistyped(word, chance)
    return _mistyped(wrong, chance) if chance.random() < _TWICE else wrong


def _mistyped(word: str, chance: random.Random) -> str:
    place, letter = chance.randrange(1, len(word)), chance.choice(string.ascii_lowercase)
    head, tail = word[:place], word[place:]
    return chance.choice((head + tail[1:], head + letter + tail, head + letter + tail[1:]))
