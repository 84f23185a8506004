from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from huleedu_streams.spelling import SpellChecker
from huleedu_streams.spelling.cache import load_lexicon

SMALL = "ru"


def lexicon_folder(cache_dir: Path) -> Path:
    (folder,) = (path for path in cache_dir.iterdir() if path.is_dir())
    return folder


def test_mapped_lexicon_answers_as_the_built_one(tmp_path: Path) -> None:
    built = SpellChecker.load(SMALL, engine="exact", cache_dir=tmp_path)
    files = {path.name: path.stat().st_mtime_ns for path in lexicon_folder(tmp_path).iterdir()}

    mapped = SpellChecker.load(SMALL, engine="exact", cache_dir=tmp_path)

    assert {p.name: p.stat().st_mtime_ns for p in lexicon_folder(tmp_path).iterdir()} == files
    for word in ("превет", "привет", "здраствуйте", "xyz"):
        assert mapped.suggestions(word, 99) == built.suggestions(word, 99)
    assert mapped.correction("здраствуйте") == "здравствуйте"


def test_damaged_lexicon_is_built_again(tmp_path: Path) -> None:
    load_lexicon(SMALL, tmp_path)
    for name in ("entries.npy", "words.json", "starts.npy", "counts.npy"):
        path = lexicon_folder(tmp_path) / name
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])

        load_lexicon(SMALL, tmp_path)

        assert (lexicon_folder(tmp_path) / name).read_bytes() == whole


def test_leftover_of_a_killed_build_is_removed(tmp_path: Path) -> None:
    load_lexicon(SMALL, tmp_path)
    name = lexicon_folder(tmp_path).name
    (tmp_path / name / "words.json").unlink()
    (tmp_path / f"{name}.killed").mkdir()

    load_lexicon(SMALL, tmp_path)

    assert lexicon_folder(tmp_path).name == name


def test_concurrent_first_loads_build_once_and_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(3) as threads:
        lexicons = list(threads.map(lambda _: load_lexicon(SMALL, tmp_path), range(3)))

    assert len({tuple(lexicon.words) for lexicon in lexicons}) == 1
    assert lexicon_folder(tmp_path).is_dir()


def test_folder_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    lexicon = load_lexicon(SMALL, tmp_path / "file")

    assert "привет" in lexicon.ids


def test_lexicon_that_was_built_beforehand_is_only_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    load_lexicon(SMALL)
    folder = tmp_path / "huleedu-streams" / "spelling"
    (folder / f"{lexicon_folder(folder).name}.lock").unlink()

    lexicon = load_lexicon(SMALL)

    assert "привет" in lexicon.ids
    assert list(folder.glob("*.lock")) == []
