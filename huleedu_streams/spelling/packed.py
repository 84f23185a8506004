"""The packed word lists in `data/`: text, a word and a number a line, behind lines of licence.

Each word is written as the number of letters that it shares with the word before and the rest.
`scripts/languages` writes them and says in each what it is made from.
"""

from __future__ import annotations

import lzma
from importlib.resources import files

from huleedu_streams.errors import DictionaryError

_BASE = 36
_MAGIC = b"\xfd7zXZ\x00"


def read(name: str) -> bytes:
    """Return a list's packed bytes.

    Raises:
        DictionaryError: it cannot be read.
    """
    try:
        return (files("huleedu_streams.spelling") / "data" / name).read_bytes()
    except OSError as error:
        raise DictionaryError(
            f"cannot read the word list {name}: {error.strerror}; install huleedu-streams again"
        ) from error


def is_packed(content: bytes) -> bool:
    """Whether bytes are such a list."""
    return content.startswith(_MAGIC)


def unpack(packed: bytes) -> dict[str, int]:
    """Return the words of a list with their numbers.

    Raises:
        DictionaryError: the bytes are damaged.
    """
    numbers: dict[str, int] = {}
    word = ""
    try:
        for line in lzma.decompress(packed).decode().splitlines():
            if line.startswith("#"):
                continue
            rest, _, number = line.partition("\t")
            word = word[: int(rest[0], _BASE)] + rest[1:]
            numbers[word] = int(number)
    except (lzma.LZMAError, ValueError, IndexError) as error:
        raise DictionaryError("a word list is damaged; install huleedu-streams again") from error
    return numbers


def notice(packed: bytes) -> str:
    """Return the lines that say what a list is, where it comes from and under which licence."""
    lines = lzma.decompress(packed).decode().splitlines()
    return "\n".join(line.removeprefix("#").strip() for line in lines if line.startswith("#"))
