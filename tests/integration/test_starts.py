"""Starts that are refused in one line that says what to do, and stops while nothing runs yet."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from huleedu_streams.embedded import process
from huleedu_streams.topics.bootstrap import apply
from huleedu_streams.topics.catalogue import TopicSpec, catalogue
from tests.integration.workers import RunningWorker, Site

pytestmark = pytest.mark.kafka

NOWHERE = "kafka://127.0.0.1:1"
OTHERS = "an-app-of-others"
PREFIX = "huleedu-streams: "
REFUSALS = {
    "port": r"port \d+ on 127\.0\.0\.1 is in use; choose another by --web-port",
    "folder": r"another worker uses the data folder \S+; give each .* HULEEDU_DATA_DIR",
    "value": r"wrong setting HULEEDU_WEB_PORT: .+",
    "unknown": r"unknown setting HULEEDU_WEB_PROT; did you mean HULEEDU_WEB_PORT\?",
    "fault": r"wrong fault point after-lunch: .+",
    "topics": r"topic \S+ \(and \d more\) is missing; run: huleedu-streams topics apply",
    "differs": r"an-app-of-others-essays-changelog has 2 partitions, .* says 6; run: .+ plan",
    "wildcard": r"0\.0\.0\.0 is no address at which other workers .* set HULEEDU_WEB_HOST .*",
    "dictionary": r"the L2 list \S+ is not UTF-8: save it as UTF-8",
    "language": r".*xx.*",
    "token": r"cannot read \S+: No such file or directory",
    "absent": r"no Kafka answers at \S+ \(\w+\) within 2 s; start it, or set HULEEDU_BROKER_URL",
}


@pytest.fixture(scope="module")
def holder(site: Site) -> RunningWorker:
    """A worker that waits for a broker for ever."""
    worker = site.start("holder", broker_url=NOWHERE, broker_wait_seconds=0)
    waiting = process.wait_until(lambda: len(worker.entries("waiting_for_broker")) > 1, 30)
    assert waiting, worker.log
    return worker


@pytest.fixture(scope="module")
def refused(
    site: Site, holder: RunningWorker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, RunningWorker]]:
    """Workers that must not start, started side by side."""
    asyncio.run(apply(site.bootstrap, [*of_others()]))
    latin = tmp_path_factory.mktemp("l2") / "latin.txt"
    latin.write_bytes("felstavt:felstavat\nhär".encode("latin-1"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield {
            "port": site.start("port", web_port=taken.getsockname()[1]),
            "folder": site.start("folder", data_dir=holder.data_dir),
            "value": site.start("value", web_port="soon"),
            "unknown": site.start("unknown", web_prot=1),
            "fault": site.start("fault", fault_points="after-lunch"),
            "topics": site.start("topics", app_id="an-app-nobody-applied"),
            "differs": site.start("differs", app_id=OTHERS),
            "wildcard": site.start("wildcard", web_bind="0.0.0.0"),  # noqa: S104 - refused
            "dictionary": site.start("dictionary", l2_dictionary=latin),
            "language": site.start("language", languages="xx"),
            "token": site.start("token", api_tokens_file=latin.with_name("absent")),
            "absent": site.start("absent", broker_url=NOWHERE, broker_wait_seconds=2),
        }


def of_others() -> Iterator[TopicSpec]:
    """Yield the topics of another app id, one of them as it must not be."""
    for spec in catalogue(OTHERS):
        is_wrong = spec.name == f"{OTHERS}-essays-changelog"
        yield replace(spec, partitions=2) if is_wrong else spec


@pytest.mark.parametrize("name", REFUSALS)
def test_refused_start_says_in_one_line_what_to_do(
    refused: dict[str, RunningWorker], name: str
) -> None:
    worker = refused[name]

    code = worker.exit_code(30)

    assert code == 2, worker.log
    lines = [line for line in worker.log.splitlines() if line.startswith(PREFIX)]
    assert len(lines) == 1, worker.log
    assert lines == worker.log.splitlines()[-1:]
    assert re.fullmatch(REFUSALS[name], lines[0].removeprefix(PREFIX)), lines


def test_absent_broker_is_one_line_a_retry_and_sigterm_ends_the_wait(
    holder: RunningWorker, refused: dict[str, RunningWorker]
) -> None:
    assert refused["folder"].exit_code(30) == 2  # it needs the holder alive

    code = holder.stop(5)

    assert code == 0
    retries = holder.entries("waiting_for_broker")
    assert len(retries) > 1
    assert all("127.0.0.1:1" in retry["detail"] for retry in retries)
    said = [line for line in holder.log.splitlines() if line[:1] not in "|+"]
    assert len(said) == len(retries)
