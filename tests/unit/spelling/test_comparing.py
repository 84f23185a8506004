"""The parts of engine `ranked`: sounds, the channel, splits, the word list."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from huleedu_streams.errors import DictionaryError
from huleedu_streams.spelling.candidates import candidates
from huleedu_streams.spelling.deletions import DeletionIndex
from huleedu_streams.spelling.features import COLUMNS
from huleedu_streams.spelling.gists import (
    LETTER_BITS,
    SPELLING_BITS,
    ZIPFS,
    gists_of,
    same_bytes,
)
from huleedu_streams.spelling.ranked import rank
from huleedu_streams.spelling.scorer import load_weights
from huleedu_streams.spelling.splits import splits
from huleedu_streams.spelling.vocabulary import Spelled, Vocabulary
from huleedu_streams.spelling.wordlist import WordList, unpack_words

WORDS = ["the", "a", "in", "friend", "lot", "phone", "fact", "fiend", "Friday", "sofa", "grr"]


@pytest.fixture(scope="module")
def small() -> Vocabulary:
    return Vocabulary.build(
        WordList(
            WORDS,
            [(7 - i / 4, 7 - i / 4) for i in range(len(WORDS))],
            only_known=frozenset({"grr"}),
            pairs={"a": {"lot": 5.0}, "in": {"fact": 4.5}},
        )
    )


def found(small: Vocabulary, word: str) -> set[str]:
    return {
        small.words[i]
        for i in candidates([word], Spelled.of([word]), small, load_weights().worth).ids.tolist()
    }


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("fone", "phone"), ("rite", "write"), ("nite", "knight"), ("nashun", "nation"),
        ("fisics", "physics"), ("lam", "lamb"), ("wich", "which"),
    ],
)  # fmt: skip
def test_words_that_are_heard_alike_have_one_key(one: str, other: str) -> None:
    spelled = Spelled.of([one, other])

    assert spelled.heard[0] == spelled.heard[1]


def test_key_of_a_word_does_not_depend_on_the_others() -> None:
    together = Spelled.of(["necessary", "", "x" * 50, "caf\u00e9"])

    for i, word in enumerate(["necessary", "", "x" * 50, "caf\u00e9"]):
        alone = Spelled.of([word])
        assert alone.heard[0] == together.heard[i]
        assert (alone.spellings[0] == together.spellings[i]).all()


def test_no_words_have_no_keys() -> None:
    spelled = Spelled.of([])

    assert spelled.heard == []
    assert spelled.spellings.shape == (0, 3)


def test_candidates_are_near_or_sound_alike(small: Vocabulary) -> None:
    assert {"friend", "fiend"} <= found(small, "freind")
    assert "sofa" not in found(small, "freind")
    assert "phone" in found(small, "fone")
    assert found(small, "zzzzzz") == set()


def test_word_that_is_only_known_is_no_candidate(small: Vocabulary) -> None:
    assert found(small, "grrr") == set()


def test_learned_channel_knows_what_is_easily_confused() -> None:
    english = Vocabulary.build(WordList(["necessary", "friend"], [(4.0, 4.0)] * 2))
    weights = load_weights()
    costs = {
        word: rank([word], english, weights.worth, weights.channel).features[0, 3]
        for word in ("neccessary", "necessery", "necessarx", "freind", "frient", "xriend")
    }

    assert costs["neccessary"] < costs["necessarx"]
    assert costs["necessery"] < costs["necessarx"]
    assert costs["freind"] < costs["xriend"]
    assert all(np.isfinite(cost) and cost > 0 for cost in costs.values())


def test_features_have_a_row_a_candidate_and_are_finite(small: Vocabulary) -> None:
    weights = load_weights()
    words = ["freind", "alot", "'", "x" * 60, "zzz"]

    ranking = rank(words, small, weights.worth, weights.channel)

    assert ranking.features.shape == (len(ranking.rows), COLUMNS)
    assert np.isfinite(ranking.features).all()
    assert len(ranking.ids) == len(ranking.seconds) == len(ranking.rows)


def test_best_split_is_the_most_frequent_pair(small: Vocabulary) -> None:
    parted = splits(["alot", "infact", "thefriend", "sofaphone", "lota", "friend"], small)

    pairs = {
        row: (WORDS[a], WORDS[b], bool(is_seen))
        for row, a, b, is_seen in zip(
            parted.rows.tolist(), parted.first, parted.second, parted.is_seen, strict=True
        )
    }
    assert pairs == {
        0: ("a", "lot", True),
        1: ("in", "fact", True),
        2: ("the", "friend", False),
        3: ("sofa", "phone", False),
    }


@given(st.lists(st.text("abc\u00e5", max_size=14), min_size=1, max_size=8), st.sampled_from([1, 2]))
def test_many_words_are_found_as_each_one_alone(words: list[str], edits: int) -> None:
    index = DeletionIndex.build(["abc", "abcabc", "cab", "b", "aabbccaabbcc", "\u00e5a"], edits)

    near = index.near(words, edits)

    for row, word in enumerate(words):
        alone = set(index.near([word], edits).ids.tolist()) if word else set()
        assert set(near.ids[near.rows == row].tolist()) >= alone


def test_gists_tell_what_two_words_have_in_common() -> None:
    written, meant = Spelled.of(["freind", "fone"]), Spelled.of(["friend", "phonetically"])
    zipfs = np.array([[5.5, 5.25], [2.0, 1.0]], np.float32)

    ours = gists_of(written.letters, written.spellings, is_written=True)
    theirs = gists_of(meant.letters, meant.spellings, zipfs)
    same = same_bytes(ours, theirs)

    # Letters by their places, none beyond an end.
    assert [f"{bits & LETTER_BITS:b}" for bits in same.tolist()] == ["110011", "0"]
    assert [[bits & mask == mask for mask in SPELLING_BITS] for bits in same.tolist()] == [
        (one == other).tolist()
        for one, other in zip(written.spellings, meant.spellings, strict=True)
    ]
    assert (theirs[:, ZIPFS].view(np.float32) == zipfs).all()


def test_damaged_word_list_is_an_error() -> None:
    with pytest.raises(DictionaryError, match="damaged"):
        unpack_words(b"\x1f\x8b nonsense", b"")
