from __future__ import annotations

import json

import pytest

from huleedu_streams.contracts.processing_log import (
    MOST_BYTES_DECODED,
    MOST_ENTRIES,
    LogTooLargeError,
    pack,
    pages,
)
from huleedu_streams.domain.spelling import CheckedText, Correction, UnknownWord
from huleedu_streams.processors.spellcheck import check_report


def a_correction(offset: int) -> Correction:
    return Correction(offset, 3, 'te"h', "the,\n", "exact", "other", ("ten", "tea"))


def a_check(corrections: int, unknown: int = 0) -> CheckedText:
    return CheckedText(
        '"corrections":[\n],\n"unknown":[\n',
        tuple(a_correction(offset) for offset in range(corrections)),
        tuple(UnknownWord(offset, 4, "zyqx") for offset in range(unknown)),
    )


@pytest.mark.parametrize(("corrections", "unknown"), [(0, 0), (1, 0), (0, 1), (3, 2)])
def test_log_is_the_report_of_the_check_command(corrections: int, unknown: int) -> None:
    checked = a_check(corrections, unknown)

    assert json.loads(pack(checked)) == json.loads(json.dumps(check_report(checked)))


@pytest.mark.parametrize("is_packed", [True, False])
@pytest.mark.parametrize("offset", [0, 1, 3, 6, 7, 100])
@pytest.mark.parametrize("limit", [1, 3, 100])
def test_page_is_a_slice_of_each_list(offset: int, limit: int, *, is_packed: bool) -> None:
    checked = a_check(7, 4)
    report = json.loads(json.dumps(check_report(checked)))
    log = pack(checked) if is_packed else json.dumps(report).encode()

    found = pages(log, offset, limit)

    assert set(found) == {"corrections", "unknown"}
    for name, page in found.items():
        assert page.total == len(report[name])
        assert [json.loads(entry) for entry in page.entries] == report[name][offset:][:limit]


def test_log_without_entries_has_empty_pages() -> None:
    for page in pages(pack(a_check(0)), 0, 10).values():
        assert (page.entries, page.total) == ([], 0)


def test_log_is_bounded() -> None:
    found = pages(pack(a_check(MOST_ENTRIES + 1, MOST_ENTRIES + 1)), MOST_ENTRIES - 1, 10)

    assert [(len(page.entries), page.total) for page in found.values()] == [(1, MOST_ENTRIES)] * 2


@pytest.mark.parametrize("log", [b"[]", b"no json", b'{"corrections": 1}', b""])
def test_log_of_another_shape_has_no_entries(log: bytes) -> None:
    assert all(page.total == 0 for page in pages(log, 0, 10).values())


def test_large_log_of_another_shape_is_not_decoded() -> None:
    with pytest.raises(LogTooLargeError):
        pages(b" " * MOST_BYTES_DECODED + b"[]", 0, 10)
