"""What can be seen of the work while it goes on: results and rest, live, from Kafka itself."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter

from confluent_kafka import Consumer, TopicPartition

from tests.chaos import wire
from tests.chaos.kafka import PARTITIONS, headers_of
from tests.chaos.poison import MARK

_TOPICS = (wire.UPDATED, wire.COMPLETED, wire.PHASE_COMPLETED, *wire.DEAD_LETTERS)


class Observer:
    """Tails the outputs in a thread; its numbers are read from anywhere."""

    def __init__(self, bootstrap: str) -> None:
        self.at_rest: dict[str, float] = {}
        self.status: dict[str, str] = {}
        self.records: Counter[str] = Counter()
        self.dead_letters: set[bytes] = set()
        self.by_second: Counter[tuple[str, int]] = Counter()
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "chaos-observer",
                "enable.auto.commit": False,
                "log_level": 2,
                "reconnect.backoff.max.ms": 500,
            }
        )
        self._is_stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="observer", daemon=True)

    def start(self) -> None:
        self._consumer.assign(
            [TopicPartition(topic, n, 0) for topic in _TOPICS for n in range(PARTITIONS)]
        )
        self._thread.start()

    def stop(self) -> None:
        self._is_stopping.set()
        self._thread.join()
        self._consumer.close()

    def peak_per_second(self, topic: str) -> int:
        """Return the most records that one second brought to the topic."""
        return max((n for (name, _), n in self.by_second.items() if name == topic), default=0)

    def _run(self) -> None:
        while not self._is_stopping.is_set():
            for message in self._consumer.consume(500, 0.2):
                if message.error() is None:
                    headers = dict(headers_of(message))
                    self._see(message.topic() or "", message.value(), headers)

    def _see(self, topic: str, value: str | bytes | None, headers: dict[str, bytes]) -> None:
        now = time.monotonic()
        self.records[topic] += 1
        self.by_second[topic, int(now)] += 1
        if topic.endswith(".DLT"):
            self.dead_letters.add(headers.get(MARK, b""))
        elif topic == wire.UPDATED and MARK not in headers and value is not None:
            data = json.loads(value)["data"]
            essay_id = data["entity_ref"]["entity_id"]
            self.status[essay_id] = data["status"]
            if data["status"] in wire.TERMINAL:
                self.at_rest.setdefault(essay_id, now)
