"""Where built indexes lie, so that only the first start on a machine builds one.

A folder each, named after the language and everything that it was made from; it appears whole
or not at all and never changes. Processes that need the same one at the same time wait for the
first to build it. Where no folder can be written, one is built in memory.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from huleedu_streams.spelling.deletions import PREFIX_LENGTH
from huleedu_streams.spelling.dictionary import read_source, unpack
from huleedu_streams.spelling.lexicon import Lexicon
from huleedu_streams.spelling.vocabulary import Vocabulary
from huleedu_streams.spelling.wordlist import read_packed, unpack_words

# Raise it whenever the files change their meaning.
_FORMAT = 7
_OWNER_ONLY = 0o700


class Keepable(Protocol):
    """What can be written into a folder and opened again."""

    def save(self, folder: Path) -> None:
        """Write everything into an existing folder, durably."""
        ...


Kept = TypeVar("Kept", bound=Keepable)


@dataclass(frozen=True, slots=True)
class Recipe(Generic[Kept]):
    """How something is made, and from what.

    Attributes:
        name: Begins the folder's name, e.g. the language.
        source: The bytes that it is made from; others make another folder.
        build: Makes it, which takes a while.
        open: Opens what `save` wrote; raises `OSError`, `ValueError`, `KeyError` or `TypeError`
            if that is absent or damaged.
    """

    name: str
    source: bytes
    build: Callable[[], Kept]
    open: Callable[[Path], Kept]

    @property
    def folder(self) -> str:
        """The name of the folder."""
        made_from = f"{_FORMAT}/{PREFIX_LENGTH}/".encode() + self.source
        return f"{self.name}-{sha256(made_from).hexdigest()[:16]}"


def load_lexicon(
    language: str, cache_dir: Path | None = None, *, is_completed: bool = False
) -> Lexicon:
    """Return the lexicon of a language.

    Args:
        language: As `dictionary.languages()` has it.
        cache_dir: Where to keep it; by default the user's cache folder.
        is_completed: With the words that complete pyspellchecker's.

    Raises:
        DictionaryError: the dictionary cannot be read.
    """
    source = read_source(language, is_completed=is_completed)
    build = partial(_lexicon_of, source)
    return load_kept(Recipe(language, b"".join(source), build, Lexicon.open), cache_dir)


def load_vocabulary(language: str, cache_dir: Path | None = None) -> Vocabulary:
    """Return the vocabulary of a language.

    Args:
        language: One that `has_words`.
        cache_dir: Where to keep it; by default the user's cache folder.

    Raises:
        DictionaryError: its words cannot be read.
    """
    packed = read_packed(language)
    build = partial(_vocabulary_of, packed)
    recipe = Recipe(f"{language}-words", b"/".join(packed), build, Vocabulary.open)
    return load_kept(recipe, cache_dir)


def load_kept(recipe: Recipe[Kept], cache_dir: Path | None = None) -> Kept:
    """Open what the recipe makes, after making it if this is the first time on the machine."""
    for parent in [cache_dir] if cache_dir else _default_folders():
        with suppress(OSError):
            return _kept(parent, recipe)
    return recipe.build()


def _lexicon_of(source: tuple[bytes, ...]) -> Lexicon:
    return Lexicon.build(unpack(source))


def _vocabulary_of(packed: tuple[bytes, bytes]) -> Vocabulary:
    return Vocabulary.build(unpack_words(*packed))


def _kept(parent: Path, recipe: Recipe[Kept]) -> Kept:
    """Open it in `parent`, after building it if need be.

    Raises:
        OSError: the folder cannot be written.
    """
    name = recipe.folder
    found = _opened(recipe, parent / name)
    if found is not None:
        return found
    parent.mkdir(mode=_OWNER_ONLY, parents=True, exist_ok=True)
    with _locked(parent / f"{name}.lock"):
        found = _opened(recipe, parent / name)
        if found is None:
            _build(recipe, parent)
            found = recipe.open(parent / name)
        return found


def _opened(recipe: Recipe[Kept], folder: Path) -> Kept | None:
    try:
        return recipe.open(folder)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _build(recipe: Recipe[Kept], parent: Path) -> None:
    name = recipe.folder
    # Nobody else builds this one now: other drafts were left by processes that were killed.
    for leftover in parent.glob(f"{name}.*"):
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
    draft = Path(tempfile.mkdtemp(prefix=f"{name}.", dir=parent))
    try:
        recipe.build().save(draft)
        # What lies there could not be opened: it is damaged.
        shutil.rmtree(parent / name, ignore_errors=True)
        draft.rename(parent / name)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _default_folders() -> Iterator[Path]:
    """Yield the user's cache folder, which `XDG_CACHE_HOME` moves, then one for this user alone."""
    with suppress(RuntimeError):  # no home
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        yield Path(base) / "huleedu-streams" / "spelling"
    shared = Path(tempfile.gettempdir()) / f"huleedu-streams-{os.getuid()}"
    with suppress(OSError):
        shared.mkdir(mode=_OWNER_ONLY, exist_ok=True)
        found = shared.lstat()
        # Anybody may make a folder of this name: only ours, closed to others, is trusted.
        if found.st_uid == os.getuid() and not shared.is_symlink() and not found.st_mode & 0o077:
            yield shared / "spelling"
