from __future__ import annotations

import pytest

from huleedu_streams.contracts.enums import ProcessingEvent
from huleedu_streams.contracts.topic_names import (
    TOPIC_NAMES,
    dead_letter_topic,
    mapping_lines,
    topic_name,
)

UNMAPPED = sorted(set(ProcessingEvent) - set(TOPIC_NAMES))


@pytest.mark.parametrize(("event", "topic"), TOPIC_NAMES.items())
def test_mapped_event_has_its_topic(event: ProcessingEvent, topic: str) -> None:
    assert topic_name(event) == topic


@pytest.mark.parametrize("event", UNMAPPED)
def test_unmapped_event_is_refused_with_every_mapping(event: ProcessingEvent) -> None:
    with pytest.raises(ValueError, match="no topic carries") as error:
        topic_name(event)

    first, *lines = str(error.value).splitlines()
    assert f"{event.name} ({event.value})" in first
    assert lines == [
        f"- {mapped.name} ({mapped.value}) ➜ '{topic}'" for mapped, topic in TOPIC_NAMES.items()
    ]


def test_docstring_shows_the_table_of_mappings() -> None:
    lines = [line.strip() for line in (topic_name.__doc__ or "").splitlines()]

    assert [line for line in lines if line.startswith("- ")] == mapping_lines()


def test_dead_letter_topic_is_the_topic_with_its_suffix() -> None:
    assert dead_letter_topic("a.v1") == "a.v1.DLT"
