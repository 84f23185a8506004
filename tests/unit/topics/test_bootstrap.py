"""What can be said of `bootstrap` where no broker answers."""

from __future__ import annotations

import asyncio
import logging
import socket

import pytest

from huleedu_streams.errors import BrokerUnavailableError
from huleedu_streams.topics.bootstrap import plan, wait_for_broker


@pytest.fixture
def nobody() -> str:
    """An address at which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


async def test_absent_broker_gets_one_line_a_retry_then_the_error(
    nobody: str, caplog: pytest.LogCaptureFixture
) -> None:
    lines: list[str] = []

    with pytest.raises(BrokerUnavailableError, match=r"within 0\.4 s; start it, or set"):
        await wait_for_broker(nobody, 0.4, lines.append)

    assert lines == [f"no Kafka answers at {nobody} (KafkaConnectionError); trying again in 0.25 s"]
    assert caplog.records == []


async def test_plan_without_a_broker_names_the_address(nobody: str) -> None:
    with pytest.raises(BrokerUnavailableError, match=nobody):
        await plan(nobody, [])

    assert logging.getLogger("aiokafka").level == logging.NOTSET


async def test_two_askers_side_by_side_leave_the_log_level_as_it_was(nobody: str) -> None:
    lines: list[str] = []

    answers = await asyncio.gather(
        plan(nobody, []), wait_for_broker(nobody, 0.4, lines.append), return_exceptions=True
    )

    assert [type(answer) for answer in answers] == [BrokerUnavailableError] * 2
    assert logging.getLogger("aiokafka").level == logging.NOTSET
