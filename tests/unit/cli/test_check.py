from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from huleedu_streams.cli import run
from huleedu_streams.cli.check import check, suggest


def run_check(*arguments: str, text: str | bytes) -> Result:
    return CliRunner().invoke(check, arguments, input=text)


def test_check_prints_text_corrections_and_unknown_as_one_json_object() -> None:
    result = run_check("--json", "--engine", "exact", "--language", "en", text="Teh xqzvkw\n")

    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "text": "The xqzvkw\n",
        "corrections": [
            {
                "offset": 0,
                "length": 3,
                "original": "Teh",
                "replacement": "The",
                "rule": "exact",
                "category": "transposition",
                "alternatives": ["Ten", "Tea", "Te", "Eh"],
            }
        ],
        "unknown": [{"offset": 4, "length": 6, "word": "xqzvkw"}],
    }


def test_refused_entry_of_the_list_is_said_beside_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    l2_list = tmp_path / "l2.txt"
    l2_list.write_text("then:than\n")
    monkeypatch.setenv("HULEEDU_L2_DICTIONARY", str(l2_list))
    text = tmp_path / "essay.txt"
    text.write_text("Teh cat.")

    assert run(["check", "--json", str(text)]) == 0

    written = capfd.readouterr()
    assert json.loads(written.out)["text"] == "The cat."
    assert "l2_entry_refused" in written.err


@pytest.mark.parametrize(("text", "code"), [("Teh", 1), ("xqzvkw", 1), ("The dog.", 0)])
def test_check_exits_with_1_for_errors_only_when_asked(text: str, code: int) -> None:
    assert run_check("--fail", text=text).exit_code == code
    assert run_check(text=text).exit_code == 0


def test_check_shows_people_the_text_and_a_table() -> None:
    result = run_check(text="Teh [b]dog[/b] :smile: xqzvkw")

    assert "The [b]dog[/b] :smile: xqzvkw" in result.stdout
    assert "transposition" in result.stdout
    assert "Unknown: xqzvkw" in result.stdout
    assert "6 words, 1 corrected, 1 unknown" in result.stdout


def test_check_refuses_bytes_that_are_no_utf8_in_one_line() -> None:
    result = run_check(text=b"\xff")

    assert result.exit_code == 2
    assert (
        result.stderr == "Error: standard input is not UTF-8 (byte 0); convert it to UTF-8 first\n"
    )


def test_check_of_an_unknown_language_lists_those_there_are() -> None:
    result = run_check("--language", "tlh", text="nuqneH")

    assert result.exit_code == 2
    assert "there are ar, de, en" in result.stderr


def test_suggest_prints_one_json_line_a_word() -> None:
    result = CliRunner().invoke(
        suggest, ["--engine", "exact", "--limit", "2"], input="freind\n\nTeh\nxqzvkw\nhello\n"
    )

    assert [json.loads(line) for line in result.stdout.splitlines()] == [
        {"word": "freind", "known": False, "correction": "friend", "suggestions": ["friend"]},
        {"word": "Teh", "known": False, "correction": "the", "suggestions": ["the", "ten"]},
        {"word": "xqzvkw", "known": False, "correction": "xqzvkw", "suggestions": []},
        {"word": "hello", "known": True, "correction": "hello", "suggestions": ["hello"]},
    ]
