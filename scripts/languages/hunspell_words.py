"""The forms that a hunspell dictionary describes: stems, affixes and parts of compounds.

Reads what the Swedish dictionary uses: suffix rules, the flags of compounds, forbidden words.
Numbers written out and other compound rules are left out.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

# Bits of a form's roles; `huleedu_streams/spelling/packed.py` reads them.
WORD, FIRST, MIDDLE, LAST = 1, 2, 4, 8

_SHORTEST_COMMON = 4
_COMMON = 100  # forms, of some six a compound


@dataclass(frozen=True, slots=True)
class _Suffix:
    strip: str
    add: str
    flags: str
    condition: re.Pattern[str]

    def applied(self, stem: str) -> str | None:
        if stem.endswith(self.strip) and self.condition.search(stem):
            return stem[: len(stem) - len(self.strip)] + self.add
        return None


@dataclass(frozen=True, slots=True)
class _Flags:
    """Which letters of the affix file mean what."""

    first: str
    middle: str
    last: str
    only_in_compound: str
    needs_affix: str
    forbidden: str


def forms(affixes: str, stems: str) -> dict[str, int]:
    """Return every form with its roles.

    Args:
        affixes: The text of the `.aff` file.
        stems: The text of the `.dic` file.
    """
    flags, suffixes = _flags(affixes), _suffixes(affixes)
    found: dict[str, int] = defaultdict(int)
    forbidden: set[str] = set()
    for line in stems.splitlines()[1:]:
        stem, _, own = line.split("\t")[0].partition("/")
        if flags.forbidden in own:
            forbidden.add(stem)
            continue
        for form, form_flags in _inflected(stem, own, suffixes):
            if form.endswith("-"):
                found[form.removesuffix("-")] |= FIRST
            else:
                found[form] |= _roles(form_flags, flags, is_stem=form == stem)
    for part in _common_firsts(found):
        found[part] |= FIRST
    return {form: roles for form, roles in found.items() if roles and form not in forbidden}


def _common_firsts(found: dict[str, int]) -> list[str]:
    """Return what many compounds of the list begin with, though no flag says that it may.

    So `gatu` of gatukontor, `kill` (the rest of `kille`) and `land`.
    """
    began: dict[str, int] = defaultdict(int)
    for form, roles in found.items():
        if roles & WORD and form.islower():
            for end in range(_SHORTEST_COMMON, len(form) - _SHORTEST_COMMON + 1):
                if found.get(form[end:], 0) & LAST:
                    began[form[:end]] += 1
    return [part for part, count in began.items() if count >= _COMMON and _is_part(part, found)]


def _is_part(part: str, found: dict[str, int]) -> bool:
    is_stem = any(found.get(part + vowel, 0) & LAST for vowel in "ae")
    return is_stem or part.endswith(("o", "u")) or bool(found.get(part, 0) & WORD)


def _inflected(
    stem: str, flags: str, suffixes: dict[str, list[_Suffix]]
) -> Iterator[tuple[str, str]]:
    yield stem, flags
    for flag in flags:
        for suffix in suffixes.get(flag, ()):
            form = suffix.applied(stem)
            if form is not None:
                # A suffix with flags of its own makes a part of compounds.
                yield form, suffix.flags or flags


def _roles(own: str, flags: _Flags, *, is_stem: bool) -> int:
    roles = WORD | (LAST if flags.last in own else 0)
    if flags.only_in_compound in own:
        roles &= ~WORD
    if is_stem and flags.needs_affix in own:
        roles = 0
    # Within a compound hunspell takes a suffix only where the suffix itself allows it.
    is_part = is_stem or "W" in own
    if is_part and flags.first in own:
        roles |= FIRST
    if is_part and flags.middle in own:
        roles |= MIDDLE
    return roles


def _flags(affixes: str) -> _Flags:
    named = dict(
        line.split()[:2]
        for line in affixes.splitlines()
        if len(line.split()) == 2  # noqa: PLR2004
    )
    return _Flags(
        first=named["COMPOUNDBEGIN"],
        middle=named["COMPOUNDMIDDLE"],
        last=named["COMPOUNDEND"],
        only_in_compound=named["ONLYINCOMPOUND"],
        needs_affix=named["NEEDAFFIX"],
        forbidden=named["FORBIDDENWORD"],
    )


def _suffixes(affixes: str) -> dict[str, list[_Suffix]]:
    found: dict[str, list[_Suffix]] = defaultdict(list)
    # Hunspell itself gives flags that stand twice their last meaning; those are digits, unused.
    rule = re.compile(r"SFX\s+(\S)\s+(\S+)\s+([^\s/]+)(?:/(\S+))?\s+(\S+)\s*(?:#.*)?")
    for line in affixes.partition("#pragma ignore-start")[0].splitlines():
        match = rule.fullmatch(line)
        if match:
            flag, strip, add, own, condition = match.groups()
            found[flag].append(
                _Suffix(
                    "" if strip == "0" else strip,
                    "" if add == "0" else add,
                    own or "",
                    re.compile(f"(?:{condition})$"),
                )
            )
    return found
