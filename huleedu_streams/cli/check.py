"""`huleedu-streams check` and `suggest`: the speller at a terminal, without Kafka."""

from __future__ import annotations

import sys
from typing import IO, TYPE_CHECKING

import click
import orjson

from huleedu_streams.cli import WrongUsageError
from huleedu_streams.domain.spelling import CheckedText
from huleedu_streams.errors import UnsupportedLanguageError
from huleedu_streams.settings import Settings, SpellEngine, load_settings

if TYPE_CHECKING:
    from huleedu_streams.spelling import SpellChecker

_language = click.option("--language", help="Language of the words, e.g. en; HULEEDU_LANGUAGES.")
_engine = click.option(
    "--engine",
    type=click.Choice([engine.value for engine in SpellEngine]),
    help="How corrections are chosen; HULEEDU_SPELL_ENGINE.",
)


@click.command()
@click.argument("file", type=click.File("rb"), default="-")
@_language
@_engine
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--fail", is_flag=True, help="Exit with 1 if anything is wrong.")
def check(
    *, file: IO[bytes], language: str | None, engine: str | None, as_json: bool, fail: bool
) -> None:
    """Check the spelling of one text: FILE, or standard input."""
    checked = _load(language, engine).check(
        _decoded(file.read(), getattr(file, "name", "standard input"))
    )
    show = _print_json if as_json else _print_for_people
    show(checked)
    if fail and (checked.corrections or checked.unknown):
        raise click.exceptions.Exit(1)


@click.command()
@_language
@_engine
@click.option(
    "--limit", type=click.IntRange(min=1), default=5, show_default=True, help="Most suggestions."
)
def suggest(*, language: str | None, engine: str | None, limit: int) -> None:
    """Suggest corrections for words on standard input, one a line.

    Each word gets one line of JSON at once: word, known, correction, suggestions.
    """
    speller = _load(language, engine)
    for line in sys.stdin.buffer:
        word = _decoded(line, "standard input").strip()
        if not word:
            continue
        _print_line(
            {
                "word": word,
                "known": speller.is_known(word),
                "correction": speller.correction(word),
                "suggestions": speller.suggestions(word, limit),
            }
        )


def _load(language: str | None, engine: str | None) -> SpellChecker:
    # Half of the start-up time, which `--help` need not wait for.
    from huleedu_streams.spelling.checker import SpellChecker  # noqa: PLC0415
    from huleedu_streams.spelling.dictionary import served_language  # noqa: PLC0415
    from huleedu_streams.spelling.served import l2_lists  # noqa: PLC0415

    settings: Settings = load_settings()
    try:
        served = [served_language(tag) for tag in settings.languages]
        name = served_language(language) if language else served[0]
    except UnsupportedLanguageError as error:
        raise WrongUsageError(str(error)) from None
    lists = l2_lists(settings.l2_dictionary, served)
    return SpellChecker.load(
        name, engine=engine or settings.spell_engine, l2_dictionary=lists.get(name)
    )


def _decoded(body: bytes, name: str) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise WrongUsageError(
            f"{name} is not UTF-8 (byte {error.start}); convert it to UTF-8 first"
        ) from None


def _print_json(checked: CheckedText) -> None:
    _print_line(
        {
            "text": checked.text,
            "corrections": checked.corrections,
            "unknown": checked.unknown,
        }
    )


def _print_line(content: dict[str, object]) -> None:
    sys.stdout.buffer.write(orjson.dumps(content, option=orjson.OPT_APPEND_NEWLINE))
    sys.stdout.buffer.flush()


def _print_for_people(checked: CheckedText) -> None:
    from rich.console import Console  # noqa: PLC0415 - a tenth of a second, for people only
    from rich.table import Table  # noqa: PLC0415

    console = Console(markup=False, highlight=False, emoji=False)
    console.print(checked.text)
    if checked.corrections:
        table = Table("at", "written", "corrected", "kind of error", "or", title="Corrections")
        for found in checked.corrections:
            others = ", ".join(found.alternatives)
            cells = (found.original, found.replacement, found.category, others)
            table.add_row(str(found.offset), *cells)
        console.print(table)
    if checked.unknown:
        words = dict.fromkeys(found.word for found in checked.unknown)
        console.print("Unknown:", ", ".join(words))
    console.print(
        f"{checked.word_count} words, {len(checked.corrections)} corrected, "
        f"{len(checked.unknown)} unknown"
    )
