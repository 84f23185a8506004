"""Essays whose corrections are known beforehand, and the word that must be seen nowhere else."""

from __future__ import annotations

import random
from dataclasses import dataclass

# No dictionary has it and no word is near it: it stays as it is, in the text and nowhere else.
CANARY = "quazzlewimpet"

MISSPELLINGS = {
    "recieved": "received",
    "definately": "definitely",
    "goverment": "government",
    "tommorow": "tomorrow",
    "neccessary": "necessary",
    "becuase": "because",
    "beleive": "believe",
    "enviroment": "environment",
    "seperate": "separate",
    "differant": "different",
    "beautifull": "beautiful",
    "intresting": "interesting",
}
_SENTENCES = (
    "My family went to the beach last summer and the water was very cold.",
    "The teacher said that the answer is in the book on the table.",
    "We played football after school and then walked home in the rain.",
    "I think that every student should read more about history.",
    "The old house on the hill has a red door and a small garden.",
    "When the music started the people in the street began to dance.",
)


@dataclass(frozen=True, slots=True)
class Text:
    """A text and what becomes of it."""

    original: str
    corrected: str
    corrections: int


def a_text(rng: random.Random, misspelt: int, sentences: int = 4) -> Text:
    """Return some sentences with `misspelt` words wrong."""
    parts = rng.choices(_SENTENCES, k=sentences)
    wrong = rng.choices(sorted(MISSPELLINGS), k=misspelt)
    original = " ".join([*parts, *(f"It was {word} here." for word in wrong), f"{CANARY}."])
    corrected = original
    for word in wrong:
        corrected = corrected.replace(word, MISSPELLINGS[word])
    return Text(original, corrected, misspelt)


def a_cpu_bomb(rng: random.Random, size: int) -> str:
    """Return `size` characters of long words that are near to nothing."""
    letters = "bcdfghjklmnpqrstvwxz"
    words = []
    length = 0
    while length < size:
        words.append("".join(rng.choices(letters, k=rng.randint(9, 14))))
        length += len(words[-1]) + 1
    return " ".join(words)
