from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from huleedu_streams.cli import run
from huleedu_streams.cli.submit import read_essays


def write(path: Path, body: bytes) -> Path:
    path.write_bytes(body)
    return path


def ids(tmp_path: Path, *names: str, batch_id: str = "batch-1") -> list[str]:
    files = []
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        files.append(write(tmp_path / name, b"text"))
    return [essay.essay_id for essay in read_essays(files, batch_id, "en", 100)]


def test_essay_id_is_made_of_batch_and_file_name(tmp_path: Path) -> None:
    file = write(tmp_path / "my_essay1.txt", "Text med å.".encode())

    (essay,) = read_essays([file], "batch-1", "sv", 100)

    assert (essay.essay_id, essay.text, essay.language, essay.file) == (
        "batch-1-my_essay1",
        "Text med å.",
        "sv",
        str(file),
    )


@pytest.mark.parametrize(
    "names",
    [
        ("作文😀.txt", "論文.txt"),
        ("Åsa.txt", "Ösa.txt"),
        ("my essay.txt", "my-essay.txt"),
        ("x" * 61 + ".txt", "x" * 62 + ".txt"),
    ],
)
def test_names_that_look_alike_as_ids_are_told_apart(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    found = ids(tmp_path, *names)

    assert len(set(found)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,128}", one) for one in found)
    assert [ids(tmp_path, name)[0] for name in names] == found


def test_name_that_continues_a_batch_is_not_another_batchs_essay(tmp_path: Path) -> None:
    [first] = ids(tmp_path, "maths-anna.txt", batch_id="9a")
    [second] = ids(tmp_path, "anna.txt", batch_id="9a-maths")

    assert first != second == "9a-maths-anna"


def test_batches_that_begin_alike_have_essays_of_their_own(tmp_path: Path) -> None:
    first, second = (
        ids(tmp_path, "x" * 80 + ".txt", batch_id="b" * 127 + last)[0] for last in "12"
    )

    assert first != second
    assert max(len(first), len(second)) <= 128


def test_same_name_is_the_same_essay_however_it_is_composed(tmp_path: Path) -> None:
    assert ids(tmp_path, "Å.txt") == ids(tmp_path, "A\u030a.txt")


def test_files_of_one_name_are_told_apart_whatever_their_order(tmp_path: Path) -> None:
    names = ("a/essay.txt", "b/essay.txt", "essay.md")

    found = ids(tmp_path, *names)

    assert len(set(found)) == 3
    assert ids(tmp_path, *reversed(names)) == found[::-1]


def test_file_given_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(click.UsageError, match="given twice"):
        ids(tmp_path, "a.txt", "a.txt")


@pytest.mark.parametrize(
    "options",
    [
        ["--batch", "x\n"],
        ["--batch", "register"],
        ["--language", "sv;"],
        ["--language", "sv\n"],
        ["--timeout", "-1"],
    ],
)
def test_wrong_option_is_refused_in_one_line_before_anything_is_sent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    file = write(tmp_path / "a.txt", b"text")

    assert run(["submit", str(file), *options]) == 2

    assert capsys.readouterr().err.count("\n") == 1


def test_byte_order_mark_is_not_part_of_the_text(tmp_path: Path) -> None:
    file = write(tmp_path / "a.txt", b"\xef\xbb\xbftext")

    assert read_essays([file], "batch-1", "en", 100)[0].text == "text"


@pytest.mark.parametrize(
    ("body", "reason"),
    [(b"\xff\xfe", "UTF-8"), (b" \n", "empty"), (b"x" * 101, "HULEEDU_TEXT_MAX_BYTES")],
)
def test_file_that_is_no_essay_is_refused_before_anything_is_sent(
    tmp_path: Path, body: bytes, reason: str
) -> None:
    file = write(tmp_path / "a.txt", body)

    with pytest.raises(click.UsageError, match=reason):
        read_essays([file], "batch-1", "en", 100)
