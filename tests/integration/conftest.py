"""One real Kafka for all integration tests; HULEEDU_TEST_BROKER=host:port names another."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator

import pytest

from huleedu_streams.embedded import broker
from huleedu_streams.topics.bootstrap import apply
from huleedu_streams.topics.catalogue import catalogue
from tests.integration.kafka import empty
from tests.integration.workers import Site


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


@pytest.fixture(scope="module")
def site(bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The topics of the default app id, and no worker yet; at the end all logs are looked at.

    All modules share the topics, which are empty at first: what others left would keep workers
    busy. A test looks only at essays and batches of its own.
    """
    asyncio.run(apply(bootstrap, catalogue()))
    asyncio.run(empty(bootstrap, [spec.name for spec in catalogue(None)]))
    site = Site(bootstrap, tmp_path_factory.mktemp("site"))
    yield site
    site.end()
