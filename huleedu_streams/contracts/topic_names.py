"""Which topic carries which event."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from huleedu_streams.contracts.enums import ProcessingEvent

TOPIC_NAMES: Mapping[ProcessingEvent, str] = MappingProxyType(
    {
        ProcessingEvent.ESSAY_SPELLCHECK_REQUESTED: "huleedu.essay.spellcheck.requested.v1",
        ProcessingEvent.ESSAY_SPELLCHECK_RESULT_RECEIVED: "huleedu.essay.spellcheck.completed.v1",
        ProcessingEvent.BATCH_ESSAYS_REGISTERED: "huleedu.batch.essays.registered.v1",
        ProcessingEvent.ESSAY_LIFECYCLE_STATE_UPDATED: "huleedu.essay.lifecycle.state.updated.v1",
        ProcessingEvent.BATCH_SPELLCHECK_PHASE_COMPLETED: (
            "huleedu.batch.spellcheck.phase.completed.v1"
        ),
    }
)

DEAD_LETTER_SUFFIX = ".DLT"


def topic_name(event: ProcessingEvent) -> str:
    """Return the topic that carries `event`.

    - ESSAY_SPELLCHECK_REQUESTED (essay.spellcheck.requested) ➜ \
'huleedu.essay.spellcheck.requested.v1'
    - ESSAY_SPELLCHECK_RESULT_RECEIVED (essay.spellcheck.result.received) ➜ \
'huleedu.essay.spellcheck.completed.v1'
    - BATCH_ESSAYS_REGISTERED (batch.essays.registered) ➜ 'huleedu.batch.essays.registered.v1'
    - ESSAY_LIFECYCLE_STATE_UPDATED (essay.lifecycle.state.updated) ➜ \
'huleedu.essay.lifecycle.state.updated.v1'
    - BATCH_SPELLCHECK_PHASE_COMPLETED (batch.spellcheck.phase.completed) ➜ \
'huleedu.batch.spellcheck.phase.completed.v1'

    Raises:
        ValueError: `event` is not mapped; the message lists every mapping, one a line.
    """
    try:
        return TOPIC_NAMES[event]
    except KeyError:
        known = "\n".join(mapping_lines())
        raise ValueError(
            f"no topic carries {event.name} ({event.value}); the mapped events are:\n{known}"
        ) from None


def mapping_lines() -> list[str]:
    """Return every mapping as `- NAME (value) ➜ 'topic'`, in the order of the table."""
    return [f"- {event.name} ({event.value}) ➜ '{topic}'" for event, topic in TOPIC_NAMES.items()]


def dead_letter_topic(topic: str) -> str:
    """Return the dead-letter topic of `topic`."""
    return f"{topic}{DEAD_LETTER_SUFFIX}"
