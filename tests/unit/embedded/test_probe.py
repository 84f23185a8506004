"""Asking a port whether Kafka answers."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest

from huleedu_streams.embedded import probe
from huleedu_streams.embedded.probe import cluster_id_at, free_port, is_port_free


@contextmanager
def answering(answer: bytes) -> Iterator[int]:
    """Serve one connection: take a request, send `answer`, close."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1024)
                connection.sendall(answer)

        thread = Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def metadata(brokers: int) -> bytes:
    broker = b"\0\0\0\1" + b"\0\x091.2.3.4.5" + b"\0\0\x4e\x21" + b"\xff\xff"
    body = b"\0\0\0\1" + brokers.to_bytes(4, "big") + broker * brokers + b"\0\5clusT"
    return len(body).to_bytes(4, "big") + body


def test_broker_that_lists_itself_tells_its_cluster() -> None:
    with answering(metadata(brokers=2)) as port:
        assert cluster_id_at(port) == "clusT"


@pytest.mark.parametrize(
    "answer",
    [metadata(brokers=0), metadata(brokers=1)[:-9], b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"],
    ids=["fenced", "cut", "closed", "not Kafka"],
)
def test_other_answers_are_no_broker(answer: bytes) -> None:
    with answering(answer) as port:
        assert cluster_id_at(port) is None


def test_port_is_free_until_somebody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not is_port_free(port)

    assert cluster_id_at(port) is None
    assert is_port_free(port)


def test_chosen_port_is_none_that_clients_are_given() -> None:
    assert 20_000 <= free_port() < 32_000


def test_no_port_is_given_twice_here_or_in_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "_LAST_PORT", 20_060)
    here = [free_port() for _ in range(20)]

    code = (
        "from huleedu_streams.embedded import probe; probe._LAST_PORT = 20_060; "
        "print(*(probe.free_port() for _ in range(20)))"
    )
    there = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    ).stdout.split()

    assert len({*here, *map(int, there)}) == 40
