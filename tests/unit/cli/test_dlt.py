from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import click
import pytest

from huleedu_streams.cli import run
from huleedu_streams.cli.dlt_options import Request, resolved, with_request
from huleedu_streams.cli.dlt_output import Listing, document_of, shown_document, shown_lines
from huleedu_streams.contracts.burials import read_letter
from huleedu_streams.contracts.dead_letters import ConsumedRecord, dead_letter
from huleedu_streams.dead_letters.log import FoundLetter
from huleedu_streams.dead_letters.selection import OffsetRange, Selection
from huleedu_streams.errors import UndecodableMessageError
from tests.builders import NOON, REQUESTED

NOBODY = "127.0.0.1:9"
TEXT = "Dear diary"
NASTY = "\x1b[2J\u202e[bold]"


def selection(*arguments: str) -> Selection:
    """Return what a command is asked for with these options."""
    asked: list[Request] = []
    command = click.command()(with_request(asked.append))
    command.main([REQUESTED, *arguments], standalone_mode=False)
    return asked[0].selection


def found(
    key: bytes | None = b"essay-1", headers: tuple[tuple[str, bytes], ...] = (), offset: int = 41
) -> FoundLetter:
    record = ConsumedRecord(REQUESTED, 3, 7, key, TEXT.encode(), headers)
    letter = dead_letter(record, UndecodableMessageError("no"), tries=1, first_failed_at=NOON)
    place = ConsumedRecord(letter.topic, 5, offset, letter.key, letter.value, letter.headers)
    return FoundLetter(read_letter(place, NOON), is_replayed=False)


def nothing() -> FoundLetter:
    record = ConsumedRecord("a.DLT", 0, 0, None, None, ())
    return FoundLetter(read_letter(record, NOON), is_replayed=True)


@pytest.mark.parametrize("name", [REQUESTED, f"{REQUESTED}.DLT"])
def test_topic_is_named_with_or_without_its_suffix(name: str) -> None:
    assert resolved(name) == (REQUESTED, f"{REQUESTED}.DLT")


@pytest.mark.parametrize(
    "arguments",
    [
        ["no.such.topic"],
        ["huleedu.batch.spellcheck.phase.completed.v1"],
        ["huleedu-streams-essays-changelog"],
        [f"{REQUESTED}.DLT.DLT"],
        [f"{REQUESTED}\n\x1b[2J"],
        [REQUESTED, "--offset", "x"],
        [REQUESTED, "--offset", "-1"],
        [REQUESTED, "--since", "yesterday"],
        [REQUESTED, "--until", "99999d999"],
    ],
)
@pytest.mark.parametrize("command", ["list", "show", "replay", "purge"])
def test_wrong_usage_is_one_line_and_exit_2(
    command: str, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["dlt", command, *arguments]) == 2

    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "\x1b" not in error


@pytest.mark.parametrize(
    "arguments",
    [["list"], ["list", "--json"], ["show"], ["replay"], ["replay", "--yes"], ["purge", "--yes"]],
)
def test_absent_broker_is_one_line_and_exit_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["dlt", *arguments, REQUESTED, "--broker", NOBODY]) == 2

    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    assert NOBODY in shown.err


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("41", OffsetRange(None, 41, 41)),
        ("3/41", OffsetRange(3, 41, 41)),
        ("41..50", OffsetRange(None, 41, 50)),
        ("3/41..", OffsetRange(3, 41, None)),
        ("..50", OffsetRange(None, 0, 50)),
    ],
)
def test_offsets_are_given_as_list_prints_them(text: str, wanted: OffsetRange) -> None:
    assert selection("--offset", text).offsets == (wanted,)


def test_filters_become_one_selection() -> None:
    chosen = selection(
        "--reason", "a", "--reason", "b", "--partition", "3", "--since", "2025-05-27"
    )

    assert chosen.reasons == {"a", "b"}
    assert chosen.partitions == {3}
    assert chosen.since == datetime(2025, 5, 27, tzinfo=UTC)
    assert (chosen.until, chosen.offsets, chosen.has_key) == (None, (), None)


def test_age_is_counted_back_from_now() -> None:
    before = datetime.now(UTC)

    until = selection("--until", "2h").until

    assert until is not None
    assert timedelta() <= until - (before - timedelta(hours=2)) < timedelta(seconds=10)


def test_key_is_asked_for_as_it_is_or_as_it_is_printed() -> None:
    asked = selection("--key", "essay-1", "--key", r"\xff").has_key

    assert asked is not None
    assert asked(b"essay-1")
    assert asked(b"\xff")
    assert not asked(b"essay-2")
    assert not asked(None)


def test_listing_shows_no_value_and_nothing_raw(capsys: pytest.CaptureFixture[str]) -> None:
    listing = Listing(REQUESTED)

    for one in (found(key=(NASTY * 20).encode()), found(), nothing()):
        listing.add(one)
    listing.close()

    shown = capsys.readouterr().out
    assert shown.count("\n") == 5
    assert "3 dead letters: undecodable 2, unknown 1; 1 replayed" in shown
    assert "essay-1" in shown
    assert "5/41" in shown
    assert "3/7" in shown
    assert "[bold]" in shown
    assert "…" in shown
    assert TEXT not in shown
    assert all(line.isprintable() for line in shown.splitlines())


def test_long_listing_is_printed_as_it_comes(capsys: pytest.CaptureFixture[str]) -> None:
    listing = Listing(REQUESTED)

    for offset in range(500):
        listing.add(found(offset=offset))
    before_end = capsys.readouterr().out
    listing.close()

    assert before_end.count("\n") == 501
    assert capsys.readouterr().out == "500 dead letters: undecodable 500; 0 replayed\n"


def test_value_is_shown_only_when_asked_for() -> None:
    letter = found(headers=(("case\n", NASTY.encode()),))

    plain = "\n".join(shown_lines(letter, with_value=False))
    full = "\n".join(shown_lines(letter, with_value=True))

    assert TEXT not in plain
    assert "10 bytes" in plain
    assert r"case\n: \x1b[2J\u202e[bold]" in plain
    assert TEXT in full
    assert all(line.isprintable() for line in full.splitlines())


def test_large_value_is_cut_at_the_terminal() -> None:
    record = ConsumedRecord("a.DLT", 0, 0, None, bytes(1_000_000), ())

    lines = shown_lines(FoundLetter(read_letter(record, NOON), is_replayed=False), with_value=True)

    assert len("\n".join(lines)) < 3000


def test_json_holds_every_byte_in_ascii() -> None:
    letter = found(key=b"\xff", headers=(("raw", b"\xfe"), ("text", NASTY.encode())))

    document = shown_document(letter, with_value=True)

    assert json.dumps(document).isascii()
    assert (document["key"], document["key_base64"]) == (None, "/w==")
    assert document["value_base64"] == "RGVhciBkaWFyeQ=="
    assert [header["value"] for header in document["headers"]] == [None, NASTY]
    assert (document["original_partition"], document["original_offset"]) == (3, 7)
    assert "value_base64" not in shown_document(letter, with_value=False)


def test_letter_that_says_nothing_is_shown_all_the_same() -> None:
    document = document_of(nothing().letter)

    assert document["reason"] is document["key"] is document["value_bytes"] is None
    assert "came from     -/-/-" in "\n".join(shown_lines(nothing(), with_value=True))
