"""Dead letters in words and in JSON. A value, which may be an essay, is in neither unasked."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import click

from huleedu_streams.cli.escaping import escaped
from huleedu_streams.contracts.burials import Letter
from huleedu_streams.contracts.codec import Headers
from huleedu_streams.dead_letters.log import FoundLetter
from huleedu_streams.dead_letters.selection import reason_shown

COLUMNS = (
    *("letter", "stored (UTC)", "reason", "exception", "tries", "first failed", "from"),
    *("key", "key+value bytes", "replayed"),
)
_KEY_SHOWN = 24
_FOREIGN_SHOWN = 32
_HEADER_SHOWN = 200
_VALUE_SHOWN = 2000
# So many rows are held back to find how wide the columns are.
_ROWS_MEASURED = 200


@dataclass(slots=True)
class Listing:
    """Prints rows as they come, in columns as wide as the first of them need."""

    source: str
    reasons: Counter[str] = field(default_factory=Counter)
    replayed: int = 0
    _held: list[Sequence[str]] = field(default_factory=list)
    _widths: Sequence[int] | None = None

    def add(self, found: FoundLetter) -> None:
        """Print `found`, now or a little later."""
        self.reasons[escaped(reason_shown(found.letter), _FOREIGN_SHOWN)] += 1
        self.replayed += found.is_replayed
        row = _row(found, self.source)
        if self._widths is not None:
            self._print(row)
            return
        self._held.append(row)
        if len(self._held) >= _ROWS_MEASURED:
            self._flush()

    def close(self) -> None:
        """Print what was held back, and the counts."""
        self._flush()
        total = self.reasons.total()
        words = "1 dead letter" if total == 1 else f"{total} dead letters"
        counts = ", ".join(f"{reason} {count}" for reason, count in self.reasons.most_common())
        click.echo(f"{words}: {counts}; {self.replayed} replayed" if total else f"{words}")

    def _flush(self) -> None:
        held, self._held = self._held, []
        if not held:
            return
        self._widths = [max(map(len, cells)) for cells in zip(COLUMNS, *held, strict=True)]
        for row in (COLUMNS, *held):
            self._print(row)

    def _print(self, row: Sequence[str]) -> None:
        widths = self._widths or ()
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def print_json(document: Mapping[str, Any]) -> None:
    """Print one object on one line, in ASCII."""
    click.echo(json.dumps(document))


def document_of(letter: Letter) -> dict[str, Any]:
    """Return a letter as JSON values, without headers and value."""
    place, origin = letter.place, letter.origin
    return {
        "topic": place.topic,
        "partition": place.partition,
        "offset": place.offset,
        "stored_at": letter.stored_at.isoformat(),
        "reason": letter.reason,
        "exception": letter.exception,
        "message": letter.message,
        "attempts": letter.attempts,
        "first_failed_at": letter.first_failed_at,
        "original_topic": origin.topic,
        "original_partition": origin.partition,
        "original_offset": origin.offset,
        "key": _text(place.key),
        "key_base64": _base64(place.key),
        "key_bytes": len(place.key or b""),
        "value_bytes": None if place.value is None else len(place.value),
        "omitted": letter.omitted,
    }


def shown_document(found: FoundLetter, *, with_value: bool) -> dict[str, Any]:
    """Return a letter with its headers as JSON values, and with its value if asked."""
    headers = [
        {"name": name, "value": _text(value), "value_base64": _base64(value)}
        for name, value in found.letter.headers
    ]
    value = {"value_base64": _base64(found.letter.place.value)} if with_value else {}
    document = document_of(found.letter) | {"replayed": found.is_replayed, "headers": headers}
    return document | value


def shown_lines(found: FoundLetter, *, with_value: bool) -> Iterator[str]:
    """Yield what there is to say about one letter, a line each."""
    letter, place = found.letter, found.letter.place
    origin = letter.origin
    whence = (origin.topic, origin.partition, origin.offset)
    yield f"{letter.name}  {_cut(reason_shown(letter))}"
    facts = {
        "stored at": f"{letter.stored_at:%Y-%m-%d %H:%M:%S} UTC",
        "exception": _cut(letter.exception, _HEADER_SHOWN),
        "message": _cut(letter.message, _HEADER_SHOWN),
        "tries": _cut(letter.attempts),
        "first failed": _cut(letter.first_failed_at),
        "came from": "/".join(_cut(part, _HEADER_SHOWN) for part in whence),
        "replayed": "yes" if found.is_replayed else "no",
        "key": _sized(place.key, _HEADER_SHOWN),
        "value": _value(letter, with_value=with_value),
        "headers": str(len(letter.headers)),
    }
    yield from (f"  {name:<14}{text}" for name, text in facts.items())
    yield from (f"    {line}" for line in _header_lines(letter.headers))


def _header_lines(headers: Headers) -> Iterable[str]:
    for name, value in headers:
        shown = "(none)" if _is_none(value) else escaped(value, _HEADER_SHOWN)
        yield f"{escaped(name, _HEADER_SHOWN)}: {shown}"


def _row(found: FoundLetter, source: str) -> Sequence[str]:
    letter, place = found.letter, found.letter.place
    exception = None if letter.exception is None else letter.exception.rpartition(".")[2]
    return (
        letter.name,
        f"{letter.stored_at:%Y-%m-%d %H:%M:%S}",
        _cut(reason_shown(letter)),
        _cut(exception),
        _cut(letter.attempts),
        _cut(letter.first_failed_at and letter.first_failed_at[:19]),
        _whence(letter, source),
        "-" if place.key is None else escaped(place.key, _KEY_SHOWN),
        f"{len(place.key or b'')}+{letter.value_bytes}",
        "yes" if found.is_replayed else "-",
    )


def _whence(letter: Letter, source: str) -> str:
    """Return the original's place; its topic only where it is not the expected one."""
    topic, *numbers = letter.origin.topic, letter.origin.partition, letter.origin.offset
    place = "/".join("-" if number is None else str(number) for number in numbers)
    return place if topic in (None, source) else f"{_cut(topic, 80)}/{place}"


def _cut(value: str | int | None, longest: int = _FOREIGN_SHOWN) -> str:
    return "-" if value is None else escaped(str(value), longest)


def _value(letter: Letter, *, with_value: bool) -> str:
    if letter.omitted is not None:
        return f"left out: {_cut(letter.omitted, _HEADER_SHOWN)}; it cannot be replayed"
    value = letter.place.value
    return _sized(value, _VALUE_SHOWN) if with_value else _size(value)


def _size(value: bytes | None) -> str:
    return "none" if value is None else f"{len(value)} bytes"


def _sized(value: bytes | None, longest: int) -> str:
    if value is None:
        return _size(value)
    return f"{escaped(value, longest)}  ({_size(value)})"


def _is_none(value: object) -> bool:
    return value is None


def _text(value: bytes | None) -> str | None:
    """Return `value` as text, if that is what it is."""
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None


def _base64(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()
