"""Write the English word list and word pairs that the wheel carries.

    python -m scripts.english.build_words SCOWL_FOLDER

SCOWL_FOLDER: Debian's package `scowl` 2020.12.07, `/usr/share/dict/scowl`. Also needs the packages
`wordfreq` 3.1.1 and `symspellpy` 6.9.0. The same sources give the same bytes.
"""

from __future__ import annotations

import gzip
import math
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from rapidfuzz.distance.OSA import distance
from wordfreq import zipf_frequency

from huleedu_streams.spelling.deletions import DeletionIndex

HERE = Path(__file__).parent
DATA = HERE.parent.parent / "huleedu_streams" / "spelling" / "data"

LICENCES = """\
English words: the word, how frequent it is in each of two sources (hundredths of a Zipf unit, the
logarithm of occurrences in a thousand million words), `k` if it is never suggested, `n` if it may
be the name of a person or a place.
Words: SCOWL 2020.12.07, Copyright 2000-2020 by Kevin Atkinson. Permission to use, copy, modify,
distribute and sell these word lists, the associated scripts, the output created from the scripts,
and its documentation for any purpose is hereby granted without fee, provided that the above
copyright notice appears in all copies and that both that copyright notice and this permission
notice appear in supporting documentation. Kevin Atkinson makes no representations about the
suitability of this array for any purpose. It is provided "as is" without express or implied
warranty. Parts of SCOWL: 12Dicts and ENABLE by Alan Beale, Moby by Grady Ward, the UK English
Wordlist by Brian Kelk (all in the public domain), WordNet 1.6, Copyright 1997 by Princeton
University, UKACD, Copyright 2009 by J Ross Beresford.
First frequency: wordfreq 3.1.1 by Robyn Speer, CC BY-SA 4.0, doi:10.5281/zenodo.7199437; its
sources, among them Google Books Ngrams (http://books.google.com/ngrams), Wikipedia, OpenSubtitles
and SUBTLEX, are named in its documentation. Changed: rounded, cut down to the words here.
Second frequency: the English dictionary of SymSpell by Wolf Garbe, MIT licence, from Google Books
Ngrams, CC BY 3.0.
This file as a whole: CC BY-SA 4.0, https://creativecommons.org/licenses/by-sa/4.0/.
"""
PAIR_LICENCES = """\
Pairs of English words in running text: the first word, then each second word with the logarithm of
its count in hundredths of a Zipf unit. From the bigram dictionary of SymSpell by Wolf Garbe, MIT
licence, which is made from Google Books Ngrams version 2, CC BY 3.0,
http://books.google.com/ngrams. Changed: cut down to the words of the word list, counts as
logarithms.
"""

_DIALECTS = ("english", "american", "british", "british_z")
_VARIANTS = ("variant_1", "british_variant_1")
_KINDS = ("words", "contractions", "upper", "proper-names")
_TOTAL_WORDS = 1.0e12  # of Google Books Ngrams, as SymSpell counts them
_HUNDREDTHS = 100
_COMMON_SIZE, _LARGE_SIZE = 60, 70
# Up to here, capitals are of what any dictionary has: Wednesday, English, Christmas.
_DICTIONARY_SIZE = 40
# A word in lower case beats the same with a capital unless it is much rarer: danish, dutch.
_SIZES_APART = 10
# A word of the large list has to be this frequent and this long.
_LARGE_ZIPF, _LARGE_LENGTH = 2.0, 5
# The same of one that is known and never suggested.
_RARE_LARGE_ZIPF, _RARE_LARGE_LENGTH = 1.3, 7
# The large list has misspellings that dictionaries tolerate: conquerer, develope.
_LARGE_RATIO_ZIPF = 1.3
# A rarer word next to one that is a thousand times as frequent is taken for that one, misspelt.
_RARE_ZIPF, _RARE_SIZE, _RATIO_ZIPF = 2.7, 50, 3.0
_POSSESSIVE_ZIPF, _POSSESSIVE_FORM_ZIPF = 4.4, 3.0
_MISSING_ZIPF = 0.7


@dataclass(frozen=True, slots=True)
class Entry:
    """A word as it is written."""

    word: str
    size: int
    is_suggested: bool = True

    @property
    def flags(self) -> str:
        """`k` if it is known but never suggested, `n` if it may be a person's or a place's name."""
        if not self.is_suggested or (self.word.isupper() and len(self.word) > 1):
            return "\tk"
        is_name = not self.word.islower() and self.size > _DICTIONARY_SIZE
        return "\tn" if is_name else ""


class Sizes:
    """SCOWL: word -> size of the smallest list that has it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def words(self, dialects: Iterable[str], kinds: Iterable[str], most: int) -> dict[str, int]:
        """Return the words of some lists up to a size, each with its smallest."""
        sizes: dict[str, int] = {}
        for dialect in dialects:
            for kind in kinds:
                for path in sorted(self._folder.glob(f"{dialect}-{kind}.*")):
                    size = int(path.suffix[1:])
                    if size > most:
                        continue
                    for word in path.read_text("latin-1").split("\n"):
                        if is_plain(word):
                            sizes[word] = min(size, sizes.get(word, size))
        return sizes


def is_plain(word: str) -> bool:
    """Whether a word is of letters and apostrophes; possessives are made, not listed."""
    return word.replace("'", "").isalpha() and not word.endswith(("'s", "'"))


def zipf(word: str) -> float:
    """Return how frequent a word is, as wordfreq has it."""
    return float(zipf_frequency(word.lower(), "en", minimum=0.0))


def listed(name: str) -> list[str]:
    """Return the words of a list made by hand."""
    lines = (HERE / name).read_text("utf-8").splitlines()
    return [word for line in lines if not line.startswith("#") for word in line.split()]


def gather(scowl: Path) -> dict[str, Entry]:
    """Return the entries by lower-case word: lower case wins over capitals."""
    sizes = Sizes(scowl)
    found: dict[str, Entry] = {}

    def add(words: Mapping[str, int], *, is_suggested: bool = True) -> None:
        for word, size in sorted(words.items(), key=lambda item: (item[0].lower(), item[0])):
            key = word.lower()
            there = found.get(key)
            if there is None:
                found[key] = Entry(word, size, is_suggested)
            elif is_suggested and word.islower() and size <= there.size + _SIZES_APART:
                found[key] = Entry(word, min(size, there.size), is_suggested)

    add(dict.fromkeys(listed("extra_words.txt"), _DICTIONARY_SIZE))
    add(sizes.words(_DIALECTS, _KINDS, _COMMON_SIZE))
    add(dict.fromkeys(listed("left_alone.txt"), _DICTIONARY_SIZE), is_suggested=False)
    add(sizes.words(_VARIANTS, _KINDS, _COMMON_SIZE), is_suggested=False)
    add(sizes.words(_DIALECTS, ("abbreviations",), _COMMON_SIZE), is_suggested=False)
    large = sizes.words(_DIALECTS, _KINDS, _LARGE_SIZE)
    add({w: s for w, s in large.items() if len(w) >= _LARGE_LENGTH and zipf(w) >= _LARGE_ZIPF})
    rare = {w for w in large if len(w) >= _RARE_LARGE_LENGTH and zipf(w) >= _RARE_LARGE_ZIPF}
    add({w: large[w] for w in rare if w.islower()}, is_suggested=False)
    for word in listed("refused_words.txt"):
        found.pop(word, None)
    for word in listed("capitals.txt"):
        found[word.lower()] = Entry(word, _DICTIONARY_SIZE)
    for word in possessives(found):
        found[word] = Entry(word, _DICTIONARY_SIZE)
    return found


def possessives(found: Mapping[str, Entry]) -> list[str]:
    """Return those that are easily taken for a plural that does not exist: children's."""
    return [
        f"{entry.word}'s"
        for entry in found.values()
        if f"{entry.word.lower()}s" not in found
        and not entry.word.endswith(("s", "x", "z", "ch", "sh", "y"))
        and entry.word.islower()
        and zipf(entry.word) >= _POSSESSIVE_ZIPF
        and zipf(f"{entry.word}'s") >= _POSSESSIVE_FORM_ZIPF
    ]


def without_unlikely(found: dict[str, Entry]) -> dict[str, Entry]:
    """Leave out rare words one edit from a word so frequent that they rather are misspelt."""
    frequent = [word for word in found if zipf(word) >= _RATIO_ZIPF]
    index = DeletionIndex.build(frequent)
    kept: dict[str, Entry] = {}
    for word, entry in found.items():
        is_large = entry.size >= _LARGE_SIZE
        ratio = _LARGE_RATIO_ZIPF if is_large else _RATIO_ZIPF
        if is_large or (
            entry.size >= _RARE_SIZE and zipf(word) < _RARE_ZIPF and entry.word.islower()
        ):
            near = (frequent[i] for i in set(index.near([word], 1).ids.tolist()))
            if any(
                zipf(other) >= zipf(word) + ratio
                and distance(word, other) <= 1
                and not is_inflected(word, other)
                for other in near
            ):
                continue
        kept[word] = entry
    return kept


def is_inflected(word: str, other: str) -> bool:
    """Whether it is the other word with an ending: right, not misspelt."""
    return word[:-1] == other and word[-1] in "sdr"


def google_books() -> dict[str, float]:
    """Return how frequent words are, as SymSpell has it."""
    text = (files("symspellpy") / "frequency_dictionary_en_82_765.txt").read_text("utf-8-sig")
    return {
        word: math.log10(int(count) * 1e9 / _TOTAL_WORDS)
        for word, count in (line.split() for line in text.splitlines())
    }


def word_lines(found: Mapping[str, Entry]) -> Iterator[str]:
    """Yield the lines of the word list, the most frequent word first."""
    books = google_books()
    for key, entry in sorted(found.items(), key=lambda item: (-zipf(item[0]), item[0])):
        first = zipf(key)
        other = books.get(key, first if "'" in key else max(first - _MISSING_ZIPF, 0.0))
        numbers = (round(value * _HUNDREDTHS) for value in (first, max(other, 0.0)))
        yield "\t".join((entry.word, *map(str, numbers))) + entry.flags


def pair_lines(found: Mapping[str, Entry]) -> Iterator[str]:
    """Yield the lines of the pairs."""
    text = (files("symspellpy") / "frequency_bigramdictionary_en_243_342.txt").read_text(
        "utf-8-sig"
    )
    seconds: dict[str, list[str]] = defaultdict(list)
    for line in text.splitlines():
        first, second, count = line.lower().split()
        if first in found and second in found:
            value = round(_HUNDREDTHS * math.log10(int(count) * 1e9 / _TOTAL_WORDS))
            seconds[first].append(f"{second} {value}")
    for first in sorted(seconds):
        yield "\t".join((first, *sorted(seconds[first])))


def write(path: Path, notice: str, lines: Iterable[str]) -> None:
    """Write a packed file."""
    comments = "".join(f"# {line}\n" for line in notice.splitlines())
    content = (comments + "\n".join(lines) + "\n").encode()
    path.write_bytes(gzip.compress(content, 9, mtime=0))
    print(f"{path.name}: {len(path.read_bytes()):,} bytes")


def main() -> None:
    """Write both files."""
    found = without_unlikely(gather(Path(sys.argv[1])))
    print(f"{len(found):,} words")
    DATA.mkdir(exist_ok=True)
    write(DATA / "en.words.gz", LICENCES, word_lines(found))
    write(DATA / "en.pairs.gz", PAIR_LICENCES, pair_lines(found))


if __name__ == "__main__":
    main()
