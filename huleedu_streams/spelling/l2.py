"""The user's own list of learners' errors: `wrong:right` a line, `#` begins a comment.

An entry that would damage correct text or could never apply is refused, with a reason and its
line, and the rest is used. Not here: how a replacement gets its letter case (`domain/spelling`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from huleedu_streams.domain.tokens import fold, words
from huleedu_streams.errors import DictionaryError


@dataclass(frozen=True, slots=True)
class RefusedEntry:
    """A line of the list that is not used, and why."""

    line: int
    entry: str
    reason: str


@dataclass(frozen=True, slots=True)
class L2List:
    """Learners' errors and what they should be: lower-case keys, replacements as written."""

    replacements: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    refused: tuple[RefusedEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class _Entry:
    line: int
    wrong: str
    right: str

    def refused(self, reason: str) -> RefusedEntry:
        return RefusedEntry(self.line, f"{self.wrong}:{self.right}"[:200], reason)


def read_l2(path: Path, is_known: Callable[[str], bool]) -> L2List:
    """Read a list.

    Args:
        path: A UTF-8 text file.
        is_known: Whether a word is right as it is, by the dictionary of the list's language.

    Raises:
        DictionaryError: the file cannot be read or is no UTF-8.
    """
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise DictionaryError(f"cannot read the L2 list {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DictionaryError(f"the L2 list {path} is not UTF-8: save it as UTF-8") from error
    return parse_l2(text, is_known)


def parse_l2(text: str, is_known: Callable[[str], bool]) -> L2List:
    """Return the entries of a list that can be used, and those that cannot."""
    entries, refused = _entries(text)
    rights: dict[str, set[str]] = {}
    for entry in entries:
        rights.setdefault(entry.wrong, set()).add(entry.right)
    kept: dict[str, str] = {}
    for entry in entries:
        reason = _objection(entry, rights, is_known)
        if reason is None:
            kept[entry.wrong] = entry.right
        else:
            refused.append(entry.refused(reason))
    refused.sort(key=lambda entry: entry.line)
    return L2List(MappingProxyType(kept), tuple(refused))


def _entries(text: str) -> tuple[list[_Entry], list[RefusedEntry]]:
    entries: list[_Entry] = []
    refused: list[RefusedEntry] = []
    for number, line in enumerate(text.splitlines(), start=1):
        content = line.partition("#")[0].strip()
        if not content:
            continue
        wrong, colon, right = (part.strip() for part in content.partition(":"))
        entry = _Entry(number, fold(wrong).lower(), " ".join(fold(right).split()))
        if colon and wrong and right:
            entries.append(entry)
        else:
            refused.append(RefusedEntry(number, content[:200], "is not `wrong:right`"))
    return entries, refused


def _objection(
    entry: _Entry, rights: Mapping[str, set[str]], is_known: Callable[[str], bool]
) -> str | None:
    if [word for _, word in words(entry.wrong)] != [entry.wrong]:
        return "the key is not one word of letters, so no text can hold it as a word"
    if is_known(entry.wrong):
        return "the key is a real word: replacing it would damage correct text"
    if entry.wrong == entry.right:
        return "the replacement is the key itself"
    if len(rights[entry.wrong]) > 1:
        return "the key has several replacements"
    if entry.right.lower() in rights.keys() - {entry.wrong}:
        return "the replacement is itself a key of the list"
    return None
