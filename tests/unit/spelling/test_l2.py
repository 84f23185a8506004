from __future__ import annotations

from pathlib import Path

import pytest
import structlog

from huleedu_streams.errors import DictionaryError
from huleedu_streams.spelling import SpellChecker
from huleedu_streams.spelling.l2 import parse_l2, read_l2
from huleedu_streams.spelling.served import l2_lists


def is_known(word: str) -> bool:
    return word in {"then", "than", "well"}


def test_usable_entries_are_kept_with_folded_lower_case_keys() -> None:
    text = (
        "# learners\n\nAlot : a  lot\nsweden:Sweden # a name\ndon\u2019s:don't\nwel-come:welcome\n"
    )

    listed = parse_l2(text, is_known)

    assert listed.refused == ()
    assert listed.replacements == {
        "alot": "a lot",
        "sweden": "Sweden",
        "don's": "don't",
        "wel-come": "welcome",
    }


@pytest.mark.parametrize(
    ("text", "lines", "reason"),
    [
        ("then:than", [1], "real word"),
        ("aa:bb\nbb:cc", [1], "itself a key"),
        ("aa:bb\nbb:aa", [1, 2], "itself a key"),
        ("aa:bb\naa:cc", [1, 2], "several replacements"),
        ("two words:x", [1], "not one word"),
        ("m8:mate", [1], "not one word"),
        ("'aa:bb", [1], "not one word"),
        ("aa:aa", [1], "the key itself"),
        ("aa", [1], "is not `wrong:right`"),
        ("aa:", [1], "is not `wrong:right`"),
        (":bb", [1], "is not `wrong:right`"),
    ],
)
def test_harmful_or_useless_entry_is_refused_with_its_line(
    text: str, lines: list[int], reason: str
) -> None:
    listed = parse_l2(text + "\nzz:yy", is_known)

    assert [entry.line for entry in listed.refused] == lines
    assert all(reason in entry.reason for entry in listed.refused)
    assert listed.replacements["zz"] == "yy"


def test_entry_that_only_adds_a_capital_changes_no_word_that_has_it(tmp_path: Path) -> None:
    path = tmp_path / "l2.txt"
    path.write_text("huleedu:HuleEdu\n", "utf-8")

    checked = SpellChecker.load("en", l2_dictionary=path).check("HuleEdu huleedu")

    assert [(c.offset, c.replacement) for c in checked.corrections] == [(8, "HuleEdu")]


def test_same_entry_twice_is_no_conflict() -> None:
    assert parse_l2("aa:bb\naa:bb", is_known).refused == ()


def test_l2_entries_are_applied_with_case_kept_and_refused_ones_are_not(l2_file: Path) -> None:
    checker = SpellChecker.load("en", l2_dictionary=l2_file)

    checked = checker.check("Alot is more then TEH rest, alot!")

    assert checked.text == "A lot is more then THE rest, a lot!"
    assert [correction.rule for correction in checked.corrections] == ["l2", "l2", "l2"]


def test_refused_entries_are_logged_and_available(l2_file: Path) -> None:
    with structlog.testing.capture_logs() as logs:
        checker = SpellChecker.load("en", l2_dictionary=l2_file)

    assert [entry.entry for entry in checker.refused] == ["then:than"]
    assert [(log["event"], log["line"]) for log in logs] == [("l2_entry_refused", 3)]


def test_l2_entry_of_a_hyphenated_word_is_used_before_its_parts(tmp_path: Path) -> None:
    path = tmp_path / "l2.txt"
    path.write_text("\ufeffwel-known:well-known\n", "utf-8")

    checked = SpellChecker.load("en", l2_dictionary=path).check("Wel\u2010known.")

    assert checked.text == "Well-known."


def test_absent_list_and_list_of_other_bytes_are_one_line_errors(tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes(b"f\xf6r:f\xf6r")

    with pytest.raises(DictionaryError, match="not UTF-8"):
        read_l2(tmp_path / "latin.txt", is_known)
    with pytest.raises(DictionaryError, match="cannot read"):
        read_l2(tmp_path / "absent.txt", is_known)


def test_file_belongs_to_the_first_language_and_folder_to_each(tmp_path: Path) -> None:
    (tmp_path / "de.txt").touch()

    assert l2_lists(tmp_path / "de.txt", ["en", "de"]) == {"en": tmp_path / "de.txt"}
    assert l2_lists(tmp_path, ["en", "de"]) == {"de": tmp_path / "de.txt"}
    assert l2_lists(None, ["en"]) == {}
    with pytest.raises(DictionaryError, match="no L2 list"):
        l2_lists(tmp_path / "absent.txt", ["en"])
