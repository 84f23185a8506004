"""One real Kafka for all integration tests; HULEEDU_TEST_BROKER=host:port names another."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from huleedu_streams.embedded import broker


@pytest.fixture(scope="session")
def bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    given = os.environ.get("HULEEDU_TEST_BROKER")
    if given:
        yield given
        return
    data_dir = tmp_path_factory.mktemp("kafka")
    try:
        yield broker.start(data_dir).bootstrap
    finally:
        broker.stop(data_dir)
