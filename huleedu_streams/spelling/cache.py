"""Where built lexicons lie, so that only the first start on a machine builds one.

A folder a lexicon, named after the language and everything that it was made from; it appears
whole or not at all and never changes. Processes that need the same one at the same time wait
for the first to build it. Where no folder can be written, a lexicon is built in memory.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from huleedu_streams.spelling.deletions import PREFIX_LENGTH
from huleedu_streams.spelling.dictionary import read_source, unpack
from huleedu_streams.spelling.lexicon import Lexicon

# Raise it whenever a lexicon's files change their meaning.
_FORMAT = 1
_OWNER_ONLY = 0o700


def load_lexicon(language: str, cache_dir: Path | None = None) -> Lexicon:
    """Return the lexicon of a language that there is a dictionary for.

    Args:
        language: As `dictionary.languages()` has it.
        cache_dir: Where to keep it; by default the user's cache folder.

    Raises:
        DictionaryError: the dictionary cannot be read.
    """
    source = read_source(language)
    made_from = f"{_FORMAT}/{PREFIX_LENGTH}/".encode() + source
    name = f"{language}-{sha256(made_from).hexdigest()[:16]}"
    for parent in [cache_dir] if cache_dir else _default_folders():
        with suppress(OSError):
            return _kept(parent, name, source)
    return Lexicon.build(unpack(source))


def _kept(parent: Path, name: str, source: bytes) -> Lexicon:
    """Open the lexicon in `parent`, after building it if need be.

    Raises:
        OSError: the folder cannot be written.
    """
    lexicon = _opened(parent / name)
    if lexicon is not None:
        return lexicon
    parent.mkdir(mode=_OWNER_ONLY, parents=True, exist_ok=True)
    with _locked(parent / f"{name}.lock"):
        lexicon = _opened(parent / name)
        if lexicon is None:
            _build(parent, name, source)
            lexicon = Lexicon.open(parent / name)
        return lexicon


def _opened(folder: Path) -> Lexicon | None:
    try:
        return Lexicon.open(folder)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _build(parent: Path, name: str, source: bytes) -> None:
    # Nobody else builds this one now: other drafts were left by processes that were killed.
    for leftover in parent.glob(f"{name}.*"):
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
    draft = Path(tempfile.mkdtemp(prefix=f"{name}.", dir=parent))
    try:
        Lexicon.build(unpack(source)).save(draft)
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
