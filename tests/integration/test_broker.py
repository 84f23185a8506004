"""The embedded broker: real processes, real Kafka."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from huleedu_streams.cli import run
from huleedu_streams.embedded import broker, process
from huleedu_streams.errors import StartupError
from huleedu_streams.topics import bootstrap as topics
from huleedu_streams.topics.catalogue import TopicSpec

pytestmark = pytest.mark.kafka

TOPIC = TopicSpec("kept", partitions=1, replication_factor=1)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of its own: these tests kill its broker."""
    folder = tmp_path_factory.mktemp("own kafka")
    yield folder
    broker.stop(folder)


def start_by_command(data_dir: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "huleedu_streams", "broker", "start", "--json"]
    return subprocess.Popen(  # noqa: S603 - our own command
        [*command, "--data-dir", str(data_dir)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    assert process.wait_until(lambda: not process.is_alive(pid), 10)


def can_listen(bootstrap: str) -> bool:
    host, port = bootstrap.split(":")
    try:
        socket.create_server((host, int(port))).close()
    except OSError:
        return False
    return True


async def produce(bootstrap: str, value: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await producer.start()
    try:
        await producer.send_and_wait(TOPIC.name, value)
    finally:
        await producer.stop()


async def first_value(bootstrap: str) -> bytes | None:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([TopicPartition(TOPIC.name, 0)])
        value: bytes | None = (await consumer.getone()).value
        return value
    finally:
        await consumer.stop()


def test_two_starts_at_once_find_one_broker(data_dir: Path) -> None:
    both = [start_by_command(data_dir), start_by_command(data_dir)]

    answers = [starting.communicate(timeout=90) for starting in both]

    assert [starting.returncode for starting in both] == [0, 0], answers
    addresses = [json.loads(out) for out, _ in answers]
    assert addresses[0] == addresses[1]
    running = broker.status(data_dir)
    assert running is not None
    assert addresses[0] == {"bootstrap": running.bootstrap, "pid": running.pid}


async def test_killed_broker_starts_again_with_its_data_and_port(data_dir: Path) -> None:
    before = broker.start(data_dir)
    await topics.apply(before.bootstrap, [TOPIC])
    await produce(before.bootstrap, b"still here")
    kill(before.pid)
    # Its first thread is gone before the last, which still listens.
    assert process.wait_until(lambda: can_listen(before.bootstrap), 10)

    after = broker.start(data_dir)

    assert after.bootstrap == before.bootstrap
    assert after.pid != before.pid
    assert await first_value(after.bootstrap) == b"still here"


def test_broker_runs_apart_from_whoever_started_it(data_dir: Path) -> None:
    address = broker.start(data_dir)

    assert os.getsid(address.pid) != os.getsid(0)
    assert broker.start(data_dir) == broker.BrokerAddress(
        address.bootstrap, address.pid, was_running=True
    )


def test_people_read_the_address_and_the_setting(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address = broker.start(data_dir)
    folder = ["--data-dir", str(data_dir)]

    assert run(["broker", "start", *folder]) == 0
    assert run(["broker", "status", *folder]) == 0

    started, setting, status = capsys.readouterr().out.splitlines()
    assert started == f"Kafka already runs at {address.bootstrap} (pid {address.pid})"
    assert setting == f"HULEEDU_BROKER_URL=kafka://{address.bootstrap}"
    assert address.bootstrap in status


def test_running_broker_refuses_another_port(data_dir: Path) -> None:
    broker.start(data_dir)

    with pytest.raises(StartupError, match=r"already runs on port .* broker stop"):
        broker.start(data_dir, port=19_999)


def test_stopped_broker_gives_way_when_its_port_was_taken(data_dir: Path) -> None:
    before = broker.start(data_dir)
    host, port = before.bootstrap.split(":")

    assert broker.stop(data_dir)
    assert broker.status(data_dir) is None
    assert not broker.stop(data_dir)
    with socket.create_server((host, int(port))):
        after = broker.start(data_dir)

    assert after.bootstrap != before.bootstrap


def test_broker_whose_folder_was_removed_can_still_be_stopped(tmp_path: Path) -> None:
    folder = tmp_path / "broker"
    broker.start(folder)
    shutil.rmtree(folder)

    with pytest.raises(StartupError, match=r"although its files are gone; stop it first"):
        broker.start(folder)

    assert broker.stop(folder)
    assert process.find(folder) is None


def test_broker_that_cannot_start_says_why_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "kafka").mkdir()

    code = run(["broker", "start", "--data-dir", str(tmp_path)])

    assert code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "Kafka did not start: " in error
    assert str(tmp_path / "broker.log") in error


def test_port_in_use_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])

        code = run(["broker", "start", "--port", port, "--data-dir", str(tmp_path)])

    assert code == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "kafka").exists()


def test_status_of_an_empty_folder_exits_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["broker", "status", "--json", "--data-dir", str(tmp_path / "none")]) == 1
    assert json.loads(capsys.readouterr().out) == {"running": False, "bootstrap": None, "pid": None}
    assert run(["broker", "stop", "--data-dir", str(tmp_path / "none")]) == 0
