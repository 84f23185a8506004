"""Essays of 500 words, 5 % of them misspelt, made from the sets by a seed.

The running text is the learners' own, without what its annotators marked; into it go misspellings
of its own words, each in the place of the word it stands for, as people have made them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from random import Random

from bench.spelling.sets import Pair, Sentence
from huleedu_streams.domain.tokens import words

WORDS = 500
MISSPELT = 25


@dataclass(frozen=True, slots=True)
class Essay:
    """A text and the misspellings that were put into it."""

    text: str
    misspellings: tuple[str, ...]


def misspellings_of(pairs: Iterable[Pair], is_known: Callable[[str], bool]) -> dict[str, list[str]]:
    """Return the misspellings of each word in lower case, without those that are words."""
    found: dict[str, list[str]] = {}
    for pair in pairs:
        wrong = pair.wrong.lower()
        if wrong.isalpha() and not is_known(wrong):
            found.setdefault(pair.right.lower(), []).append(wrong)
    return found


def essays(
    count: int,
    sentences: Iterable[Sentence],
    misspellings: Mapping[str, list[str]],
    *,
    seed: int = 1,
) -> list[Essay]:
    """Return `count` essays; the same for the same arguments.

    The sentences come in another order once they are used up.
    """
    random = Random(seed)  # noqa: S311 - a seed is the point
    source = _endless([_correct_part(sentence) for sentence in sentences], random)
    return [_essay(source, misspellings, random) for _ in range(count)]


def hopeless_words(count: int, *, seed: int = 1, length: int = 30) -> list[str]:
    """Return words of random letters, far from any word there is."""
    random = Random(seed)  # noqa: S311 - a seed is the point
    letters = "abcdefghijklmnopqrstuvwxyz"
    return ["".join(random.choices(letters, k=length)) for _ in range(count)]


def _correct_part(sentence: Sentence) -> str:
    """Return the text without the tokens that were marked."""
    text, end = "", 0
    for token, offset in zip(sentence.tokens, sentence.offsets, strict=True):
        if not token.is_correct:
            text += sentence.text[end:offset]
            end = offset + len(token.text)
    return " ".join((text + sentence.text[end:]).split())


def _endless(texts: list[str], random: Random) -> Iterator[str]:
    while True:
        random.shuffle(texts)
        yield from texts


def _essay(source: Iterator[str], misspellings: Mapping[str, list[str]], random: Random) -> Essay:
    text = ""
    places: list[tuple[int, str]] = []
    while len(places) < WORDS:
        text += f"{next(source)} "
        places = list(words(text))
    last, word = places[WORDS - 1]
    text = text[: last + len(word)] + "."
    fitting = [place for place in places[:WORDS] if place[1] in misspellings]
    chosen = sorted(random.sample(fitting, min(MISSPELT, len(fitting))), reverse=True)
    wrong: list[str] = []
    for offset, word in chosen:
        wrong.append(random.choice(misspellings[word]))
        text = text[:offset] + wrong[-1] + text[offset + len(word) :]
    return Essay(text, tuple(reversed(wrong)))
