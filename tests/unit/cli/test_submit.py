from __future__ import annotations

from pathlib import Path

import click
import pytest

from huleedu_streams.cli.submit import read_essays


def write(path: Path, body: bytes) -> Path:
    path.write_bytes(body)
    return path


def test_essay_id_is_made_of_batch_and_file_name(tmp_path: Path) -> None:
    file = write(tmp_path / "Åsa's essay (1).txt", "Text med å.".encode())

    (essay,) = read_essays([file], "batch-1", "sv", 100)

    assert (essay.essay_id, essay.text, essay.language) == (
        "batch-1-sa-s-essay-1",
        "Text med å.",
        "sv",
    )


def test_files_of_one_name_get_ids_of_their_own(tmp_path: Path) -> None:
    files = []
    for folder in ("a", "b", "c"):
        (tmp_path / folder).mkdir()
        files.append(write(tmp_path / folder / "essay.txt", b"text"))

    essays = read_essays(files, "batch-1", "en", 100)

    assert [essay.essay_id for essay in essays] == [
        "batch-1-essay",
        "batch-1-essay-2",
        "batch-1-essay-3",
    ]


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
