"""Which languages are served, with which engine and which of the user's lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huleedu_streams.errors import DictionaryError, UnsupportedLanguageError
from huleedu_streams.spelling.checker import SpellChecker
from huleedu_streams.spelling.dictionary import served_language


@dataclass(frozen=True, slots=True)
class Served:
    """What a process that checks texts has to load.

    Attributes:
        languages: As the dictionaries name them.
        engine: How candidates are chosen.
        l2: Language -> the user's list of errors in it.
    """

    languages: tuple[str, ...]
    engine: str
    l2: Mapping[str, Path]

    @classmethod
    def of(cls, languages: Sequence[str], engine: str, l2_dictionary: Path | None) -> Served:
        """Return what is served for these settings.

        Raises:
            UnsupportedLanguageError: there is no dictionary for one of the languages.
            DictionaryError: the list does not exist.
        """
        names = tuple(dict.fromkeys(served_language(tag) for tag in languages))
        return cls(names, engine, l2_lists(l2_dictionary, names))

    def resolve(self, tag: str) -> str:
        """Return the served language that a tag asks for: `en` for `en`, `EN` and `en-GB`.

        Raises:
            UnsupportedLanguageError: it is not served.
        """
        language = tag.lower().split("-")[0]
        if language not in self.languages:
            served = ", ".join(self.languages)
            raise UnsupportedLanguageError(
                f"language {tag[:35]!r} is not served here; served: {served}"
            )
        return language

    def load(self, language: str) -> SpellChecker:
        """Load one of the languages, without logging."""
        return SpellChecker.load_quietly(
            language, engine=self.engine, l2_dictionary=self.l2.get(language)
        )

    def assignment(self) -> dict[str, Any]:
        """Return this as JSON values; `from_assignment` reads them."""
        lists = {language: str(path.absolute()) for language, path in self.l2.items()}
        return {"languages": self.languages, "engine": self.engine, "l2": lists}

    @classmethod
    def from_assignment(cls, assignment: Mapping[str, Any]) -> Served:
        """Return what `assignment` wrote."""
        lists = {language: Path(path) for language, path in assignment["l2"].items()}
        return cls(tuple(assignment["languages"]), assignment["engine"], lists)


def l2_lists(l2_dictionary: Path | None, languages: Sequence[str]) -> dict[str, Path]:
    """Return which list belongs to which language.

    Args:
        l2_dictionary: A file: it is for the first language. A folder: `<language>.txt` each.
        languages: Those served; one never borrows another's list.

    Raises:
        DictionaryError: there is no such file or folder.
    """
    if l2_dictionary is None:
        return {}
    if l2_dictionary.is_dir():
        lists = {language: l2_dictionary / f"{language}.txt" for language in languages}
        return {language: path for language, path in lists.items() if path.is_file()}
    if not l2_dictionary.is_file():
        raise DictionaryError(f"there is no L2 list at {l2_dictionary}; mend the path")
    return {languages[0]: l2_dictionary}
