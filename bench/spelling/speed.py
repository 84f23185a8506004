"""Essays and words a second of one process's processor time, next to pyspellchecker."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from random import Random
from statistics import fmean

from bench.spelling.clock import seconds, within
from bench.spelling.essays import Essay, essays, hopeless_words, misspellings_of
from bench.spelling.rows import Row, skipped
from bench.spelling.sets import PAIR_FILES, pairs, sentences
from bench.spelling.spellers import Other, Ours

_COLD = "essays/s, 500 words, 5 % misspelt, cold"
_WARM = "essays/s, the same, warm"
_CLASS_SEEN = "essays/s, of a class, after ten of its essays"
_ONE = "one hopeless word of 30 letters, the slowest of 20"
_MANY = "an essay of 2,000 hopeless words of 30 letters"
_TARGETS = {"exact": ">= 600", "ranked": ">= 300"}
_CLASS = 40
_SEEN = 10
_TRIES = 3


def rows(engines: Sequence[str], baseline: Other, count: int, limit: float) -> Iterator[Row]:
    """Yield the figures of essays and of the worst cases.

    Args:
        engines: Those of ours.
        baseline: pyspellchecker.
        count: Cold essays for each engine.
        limit: Seconds for the baseline, which checks whole essays until then, one at least.
    """
    made = _made_essays(count, baseline)
    if made is None:
        yield skipped(_COLD, "the sets that essays are made of are absent")
    else:
        cold, of_class = made
        texts = [essay.text for essay in cold]
        slow = [seconds(baseline.check, text) for text in within(limit, texts)]
        yield Row(_COLD, baseline.name, 1 / fmean(slow), "essays/s", len(slow))
        for name in engines:
            speed = _cold(Ours(name), texts)
            yield Row(_COLD, name, speed, "essays/s", count, _TARGETS.get(name, ""))
        for name in engines:
            speed = _warm(Ours(name), texts)
            yield Row(_WARM, name, speed, "essays/s", count, ">= 2,000")
        for name in engines:
            speed = _in_class(Ours(name), [essay.text for essay in of_class])
            yield Row(_CLASS_SEEN, name, speed, "essays/s", _CLASS - _SEEN)
    yield from _worst(engines, baseline)


def _made_essays(count: int, baseline: Other) -> tuple[list[Essay], list[Essay]] | None:
    """Return essays with all kinds of errors, and those of a class, which repeats its own."""
    texts = sentences("en")
    found = [pairs(name) for name in PAIR_FILES]
    if texts is None or None in found:
        return None
    all_pairs = [pair for part in found if part for pair in part]
    misspellings = misspellings_of(all_pairs, baseline.is_known)
    random = Random(1)  # noqa: S311 - a seed is the point
    one_each = {word: [random.choice(wrong)] for word, wrong in misspellings.items()}
    return essays(count, texts, misspellings), essays(_CLASS, texts, one_each, seed=2)


def _cold(speller: Ours, texts: Sequence[str]) -> float:
    """Return essays a second by a checker that remembers no word of the essays before."""
    return _essays_a_second(speller, texts, speller.forget)


def _in_class(speller: Ours, texts: Sequence[str]) -> float:
    """Return essays a second of a class once some of its essays have been seen."""
    for text in texts[:_SEEN]:
        speller.check(text)
    return 1 / fmean([seconds(speller.check, text) for text in texts[_SEEN:]])


def _warm(speller: Ours, texts: Sequence[str]) -> float:
    """Return essays a second where every word has been seen before."""
    for text in texts:
        speller.check(text)
    return _essays_a_second(speller, texts, lambda: None)


def _essays_a_second(speller: Ours, texts: Sequence[str], before_each: Callable[[], None]) -> float:
    """Time each essay, the best of some tries: what else runs drives words out of the caches."""
    taken = []
    for text in texts:
        tries = []
        for _ in range(_TRIES):
            before_each()
            tries.append(seconds(speller.check, text))
        taken.append(min(tries))
    return 1 / fmean(taken)


def _worst(engines: Sequence[str], baseline: Other) -> Iterator[Row]:
    words = hopeless_words(20)
    slow = seconds(baseline.first, words[0])
    yield Row(_ONE, baseline.name, slow * 1000, "ms", 1)
    for name in engines:
        speller = Ours(name)
        slowest = max(seconds(speller.first, word) for word in words)
        yield Row(_ONE, name, slowest * 1000, "ms", len(words), "<= 5")
    essay = " ".join(hopeless_words(2000, seed=2))
    for name in engines:
        speller = Ours(name)
        yield Row(_MANY, name, seconds(speller.check, essay), "s", 1, "<= 1")
