"""Learn the weights of engine `ranked` for English: what edits cost, and what features are worth.

    python -m scripts.english.train [--hold-out SET] [--data FOLDER] [--write]

FOLDER (or HULEEDU_SPELLING_DATA, by default ../shared/data) holds Mitton's lists of misspellings:
`mitton_wikipedia.dat`, `mitton_aspell.dat`, `mitton_birkbeck.dat`. Needs nothing but numpy; the
same lists give the same weights. A set held out is not learned from, which makes its figure
honest. Files `pairs_*.tsv` (written, tab, meant) are never learned from and reported too.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rapidfuzz.distance.DamerauLevenshtein import distance

from huleedu_streams.spelling.cache import load_vocabulary
from huleedu_streams.spelling.candidates import all_near, cheap_features
from huleedu_streams.spelling.channel import Channel
from huleedu_streams.spelling.ranked import rank
from huleedu_streams.spelling.scorer import Weights
from huleedu_streams.spelling.splits import splits
from huleedu_streams.spelling.vocabulary import Spelled, Vocabulary
from scripts.english import channel as channels
from scripts.english.net import train

HERE = Path(__file__).parent
WEIGHTS = HERE.parent.parent / "huleedu_streams" / "spelling" / "data" / "en.weights.npz"
# Birkbeck's spellers are much worse than learners, and it is fifteen times as large.
SETS = {"wikipedia": 1.0, "aspell": 1.0, "birkbeck": 0.3}
# Four in five of learners' errors are one edit.
_EDIT_WEIGHTS = {1: 1.0, 2: 0.6}
_FURTHER_WEIGHT = 0.25
_JOINED_WEIGHT, _JOINED_BY_HAND_WEIGHT = 0.2, 0.7
_JOINED = 800
_BATCH = 200
_CHEAP_SHARE = 4


@dataclass(frozen=True, slots=True)
class Pair:
    """A misspelling: as written, as meant, and how much it counts; lower case."""

    wrong: str
    right: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Groups:
    """Candidates of many misspellings, those of one in a row.

    Attributes:
        rows: Features.
        numbers: Which misspelling, ascending.
        is_right: Whether the candidate is what was meant.
    """

    rows: np.ndarray
    numbers: np.ndarray
    is_right: np.ndarray


def read(folder: Path, name: str) -> list[Pair]:
    """Return the pairs of a list."""
    pairs: dict[tuple[str, str], None] = {}
    right = ""
    for line in (folder / f"mitton_{name}.dat").read_text("utf-8").splitlines():
        word = line.split()[0].replace("_", " ").lower() if line.strip() else ""
        if word.startswith("$"):
            right = word[1:]
        elif word and " " not in word and word != right:
            pairs[word, right] = None
    return [Pair(wrong, right) for wrong, right in pairs]


def weighted(pairs: list[Pair], weight: float) -> list[Pair]:
    """Return the pairs with the weight of their list and of their distance."""
    return [
        Pair(
            pair.wrong,
            pair.right,
            weight * _EDIT_WEIGHTS.get(distance(pair.wrong, pair.right), _FURTHER_WEIGHT),
        )
        for pair in pairs
    ]


def joined(vocabulary: Vocabulary) -> list[Pair]:
    """Return frequent pairs of words written as one, and those made by hand."""
    keys, ids = vocabulary.keys, vocabulary.ids
    order = (-vocabulary.pair_zipfs).argsort(kind="stable")
    found = []
    for key in vocabulary.pair_keys[order].tolist():
        first, second = keys[key >> 32], keys[key & 0xFFFFFFFF]
        if first + second not in ids and "'" not in first + second:
            found.append(Pair(first + second, f"{first} {second}", _JOINED_WEIGHT))
        if len(found) == _JOINED:
            break
    by_hand = (HERE / "joined.txt").read_text("utf-8").splitlines()
    written = [word for line in by_hand if not line.startswith("#") for word in line.split()]
    return found + [
        Pair(word, parted, _JOINED_BY_HAND_WEIGHT)
        for word in written
        if word not in ids and (parted := _parted(word, vocabulary))
    ]


def _parted(word: str, vocabulary: Vocabulary) -> str:
    parted = splits([word], vocabulary)
    keys = vocabulary.keys
    return next(
        (f"{keys[a]} {keys[b]}" for a, b in zip(parted.first, parted.second, strict=True)), ""
    )


def cheap_worth(pairs: list[Pair], vocabulary: Vocabulary) -> np.ndarray:
    """Learn what the cheap features are worth from a part of the pairs."""
    part = [pair for pair in pairs[::_CHEAP_SHARE] if " " not in pair.right]
    keys, blocks = vocabulary.keys, []
    for begin in range(0, len(part), _BATCH):
        batch = part[begin : begin + _BATCH]
        words = [pair.wrong for pair in batch]
        spelled = Spelled.of(words)
        near = all_near(words, spelled, vocabulary)
        found = np.ascontiguousarray(cheap_features(near, spelled, vocabulary).T)
        is_right = [
            keys[i] == batch[row].right
            for row, i in zip(near.rows.tolist(), near.ids.tolist(), strict=True)
        ]
        blocks.append((found, near.rows + begin, np.array(is_right)))
    groups = Groups(*(np.concatenate(column) for column in zip(*blocks, strict=True)))
    weights = np.array([pair.weight for pair in part], np.float32)
    net = train(groups.rows, groups.numbers, groups.is_right, weights, hidden=0)
    return net.direct * net.scale


def grouped(
    pairs: list[Pair], vocabulary: Vocabulary, worth: np.ndarray, channel: Channel
) -> Groups:
    """Return the candidates of every pair."""
    keys, parts = vocabulary.keys, []
    for begin in range(0, len(pairs), _BATCH):
        batch = pairs[begin : begin + _BATCH]
        ranking = rank([pair.wrong for pair in batch], vocabulary, worth, channel)
        order = ranking.rows.argsort(kind="stable")
        is_right = [
            (keys[i] if second < 0 else f"{keys[i]} {keys[second]}") == batch[row].right
            for row, i, second in zip(*(c[order].tolist() for c in ranking[:3]), strict=True)
        ]
        parts.append((ranking.features[order], ranking.rows[order] + begin, np.array(is_right)))
    return Groups(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def report(name: str, pairs: list[Pair], vocabulary: Vocabulary, weights: Weights) -> None:
    """Print how many of all pairs are right at first choice; known words are never changed."""
    unknown = [pair for pair in pairs if pair.wrong not in vocabulary.ids]
    groups = grouped(unknown, vocabulary, weights.worth, weights.channel)
    scores = weights.net.score(groups.rows)
    order = np.lexsort((-scores, groups.numbers))
    first = order[np.flatnonzero(np.diff(groups.numbers[order], prepend=-1))]
    right, reached = groups.is_right[first].sum(), groups.is_right.sum()
    share = [f"{100 * count / len(pairs):.2f} %" for count in (right, reached)]
    print(
        f"{name}: {len(pairs)} pairs, right {share[0]}, among the candidates {share[1]}", flush=True
    )


def main() -> None:
    """Learn, report, and write if asked to."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--hold-out", choices=[*SETS], default="")
    parser.add_argument("--write", action="store_true")
    folder = os.environ.get("HULEEDU_SPELLING_DATA", "../shared/data")
    parser.add_argument("--data", type=Path, default=Path(folder))
    options = parser.parse_args()
    vocabulary = load_vocabulary("en")
    sets = {name: read(options.data, name) for name in SETS}
    learned = [
        pair
        for name, weight in SETS.items()
        if name != options.hold_out
        for pair in weighted(sets[name], weight)
        if " " not in pair.right
    ]
    channel = channels.learn([(pair.wrong, pair.right, pair.weight) for pair in learned])
    two_words = [p for n in sets if n != options.hold_out for p in sets[n] if " " in p.right]
    examples = [*learned, *two_words, *joined(vocabulary)]
    examples = [pair for pair in examples if pair.wrong not in vocabulary.ids]
    worth = cheap_worth(examples, vocabulary)
    groups = grouped(examples, vocabulary, worth, channel)
    weights = np.array([pair.weight for pair in examples], np.float32)
    net = train(groups.rows, groups.numbers, groups.is_right, weights)
    learned_weights = Weights(worth, channel, net)
    for name in ("wikipedia", "aspell"):
        is_held = " held out" if name == options.hold_out else ""
        report(name + is_held, sets[name], vocabulary, learned_weights)
    for path in sorted(options.data.glob("pairs_*.tsv")):
        pairs = [Pair(*line.split("\t")) for line in path.read_text("utf-8").lower().splitlines()]
        report(path.stem, pairs, vocabulary, learned_weights)
    if options.write:
        write(learned_weights)


def write(weights: Weights) -> None:
    """Write the weights where the wheel takes them from."""
    parts = (weights.channel, weights.net)
    arrays = {name: getattr(part, name) for part in parts for name in part.__slots__}
    wide = {"mean", "scale"}
    np.savez_compressed(
        WEIGHTS,
        worth=weights.worth,
        **{k: v.astype(np.float32 if k in wide else np.float16) for k, v in arrays.items()},
    )
    print(f"{WEIGHTS.name}: {WEIGHTS.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
