"""The sets that are measured on: pairs of misspelling and word, and learners' texts by token."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_DATA = "HULEEDU_SPELLING_DATA"

PAIR_FILES = {
    "wikipedia": "mitton_wikipedia.dat",
    "aspell": "mitton_aspell.dat",
    "birkbeck": "mitton_birkbeck.dat",
}
TOKEN_FILES = {"en": "en_learner_tokens_dev.tsv", "sv": "sv_learner_tokens_dev.tsv"}
FLOOR = _ROOT / "tests" / "samples" / "spelling_floor.txt"

_CLOSING = frozenset(".,;:?!)]%°…”")
_OPENING = frozenset("([“$£")


@dataclass(frozen=True, slots=True)
class Pair:
    """A misspelling and what it should be, which may be several words."""

    wrong: str
    right: str


@dataclass(frozen=True, slots=True)
class Token:
    """A token of a learner's text; `is_correct` as its annotators saw it."""

    text: str
    is_correct: bool


@dataclass(frozen=True, slots=True)
class Sentence:
    """Running text made of tokens, and where in it each begins."""

    text: str
    tokens: tuple[Token, ...]
    offsets: tuple[int, ...]


def data_folder() -> Path:
    """Return the folder of the sets that are not in the repository; it may not exist."""
    return Path(os.environ.get(_DATA) or _ROOT.parent / "shared" / "data")


def pairs(name: str) -> list[Pair] | None:
    """Return a set of pairs by its name; None if its file is absent.

    A misspelling of several words is left out: no word is looked up that way.
    """
    path = data_folder() / PAIR_FILES[name]
    if not path.is_file():
        return None
    found: list[Pair] = []
    right = ""
    for line in path.read_text("utf-8").splitlines():
        word = line.strip().replace("_", " ")
        if word.startswith("$"):
            right = word[1:]
        elif word and " " not in word:
            found.append(Pair(word, right))
    return found


def floor_pairs(path: Path = FLOOR) -> list[Pair]:
    """Return the pairs of the repository's own: `wrong:right` a line."""
    lines = path.read_text("utf-8").splitlines()
    return [Pair(*line.split(":", 1)) for line in lines if line and not line.startswith("#")]


def sentences(language: str) -> list[Sentence] | None:
    """Return a language's learners' texts as they run; None if their file is absent."""
    path = data_folder() / TOKEN_FILES[language]
    if not path.is_file():
        return None
    return [_joined(tokens) for tokens in _sentences(path.read_text("utf-8"))]


def _sentences(content: str) -> Iterator[list[Token]]:
    for block in content.split("\n\n"):
        tokens = []
        for line in block.splitlines():
            text, _, label = line.partition("\t")
            tokens.append(Token(text.replace("\\", ""), label == "c"))
        if tokens:
            yield tokens


def _joined(tokens: list[Token]) -> Sentence:
    """Write tokens as one types them: no space before a full stop, `does` and `n't` in one."""
    text = ""
    offsets: list[int] = []
    is_open = False
    for place, token in enumerate(tokens):
        is_quote = token.text == '"'
        before = tokens[place - 1].text if place else ""
        after = tokens[place + 1].text if place + 1 < len(tokens) else ""
        is_tight = (
            not place
            or before in _OPENING
            or (before == '"' and is_open)
            or (is_quote and is_open)
            or _clings(token.text, before)
            or (token.text == "-" and _is_hyphen(before, after))
            or (before == "-" and place > 1 and _is_hyphen(tokens[place - 2].text, token.text))
        )
        text += "" if is_tight else " "
        offsets.append(len(text))
        text += token.text
        is_open ^= is_quote
    return Sentence(text, tuple(tokens), tuple(offsets))


def _clings(text: str, before: str) -> bool:
    if text == "'":  # of a plural: students'
        return before.endswith("s")
    return text in _CLOSING or text == "n't" or text[:1] in "'\u2019"


def _is_hyphen(before: str, after: str) -> bool:
    # The annotators' tokens part well-known in three; between words in lower case a dash is rare.
    return (before.islower() and after.islower()) or (before.isdigit() and after.isdigit())
