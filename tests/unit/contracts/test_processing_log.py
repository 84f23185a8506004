from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest

from huleedu_streams.contracts.processing_log import (
    MOST_BYTES_DECODED,
    LogTooLargeError,
    pack,
    pages,
)
from huleedu_streams.domain.limits import MAX_LISTED_WORDS
from huleedu_streams.domain.spelling import CheckedText, Correction, UnknownWord


def a_correction(offset: int) -> Correction:
    return Correction(offset, 3, 'te"h', "the,\n", "exact", "other", ("ten", "tea"))


def a_check(corrections: int, unknown: int = 0) -> CheckedText:
    return CheckedText(
        '"corrections":[\n],\n"unknown":[\n',
        tuple(a_correction(offset) for offset in range(corrections)),
        tuple(UnknownWord(offset, 4, "zyqx") for offset in range(unknown)),
    )


def a_report(checked: CheckedText) -> dict[str, Any]:
    """Return what the log must say, by way of the standard library."""
    report: dict[str, Any] = json.loads(
        json.dumps(
            {
                "text": checked.text,
                "corrections": [asdict(correction) for correction in checked.corrections],
                "unknown": [asdict(word) for word in checked.unknown],
                "truncated": False,
            }
        )
    )
    return report


@pytest.mark.parametrize(("corrections", "unknown"), [(0, 0), (1, 0), (0, 1), (3, 2)])
def test_log_is_the_report_of_the_check_command(corrections: int, unknown: int) -> None:
    checked = a_check(corrections, unknown)

    assert json.loads(pack(checked)) == a_report(checked)


@pytest.mark.parametrize("is_packed", [True, False])
@pytest.mark.parametrize("offset", [0, 1, 3, 6, 7, 100])
@pytest.mark.parametrize("limit", [1, 3, 100])
def test_page_is_a_slice_of_each_list(offset: int, limit: int, *, is_packed: bool) -> None:
    checked = a_check(7, 4)
    report = a_report(checked)
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
    found = pages(
        pack(a_check(MAX_LISTED_WORDS + 1, MAX_LISTED_WORDS + 1)), MAX_LISTED_WORDS - 1, 10
    )

    assert [(len(page.entries), page.total) for page in found.values()] == [
        (1, MAX_LISTED_WORDS)
    ] * 2


@pytest.mark.parametrize("log", [b"[]", b"no json", b'{"corrections": 1}', b""])
def test_log_of_another_shape_has_no_entries(log: bytes) -> None:
    assert all(page.total == 0 for page in pages(log, 0, 10).values())


def test_large_log_of_another_shape_is_not_decoded() -> None:
    with pytest.raises(LogTooLargeError):
        pages(b" " * MOST_BYTES_DECODED + b"[]", 0, 10)
