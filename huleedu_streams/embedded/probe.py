"""Ports and the question whether a broker answers, without any client library or event loop."""

from __future__ import annotations

import fcntl
import os
import random
import socket
import struct
import tempfile
from pathlib import Path

from huleedu_streams.embedded.config import HOST

# Below every system's ephemeral ports: a client that keeps reconnecting to a dead broker on an
# ephemeral port can be given that very port and connect to itself, and then hold it.
_FIRST_PORT, _LAST_PORT = 20_000, 32_000
_METADATA, _VERSION = 3, 2
_TIMEOUT_SECONDS = 2.0
_MAX_ANSWER_BYTES = 65_536


def is_port_free(port: int) -> bool:
    """Whether a server could listen on `port` of the loopback address now."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind((HOST, port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """Return a port that nothing listens on and that no client is given by chance.

    No other call returns it while this process lives, one in another process of this user
    included: who asks for several ports listens on them much later.

    Raises:
        OSError: the folder for temporary files cannot be written.
    """
    folder = Path(tempfile.gettempdir()) / f"huleedu-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    while True:
        port = random.randrange(_FIRST_PORT, _LAST_PORT)  # noqa: S311 - no secret
        if is_port_free(port) and _claim(folder / str(port)):
            return port


def _claim(path: Path) -> bool:
    """Whether the lock on `path` is now this call's; its descriptor stays open for good."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return False
    return True


def cluster_id_at(port: int) -> str | None:
    """Return the id of the cluster that answers on `port`, once a broker of it takes requests.

    Asks for metadata: an accepted connection alone says nothing, and a broker that is still
    fenced is not listed.
    """
    request = struct.pack(">hhih", _METADATA, _VERSION, 1, -1) + struct.pack(">i", 0)
    try:
        with socket.create_connection((HOST, port), timeout=_TIMEOUT_SECONDS) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            (size,) = struct.unpack(">i", _read(connection, 4))
            return _cluster_id(_read(connection, size))
    except (OSError, struct.error, UnicodeDecodeError):
        return None


def _read(connection: socket.socket, size: int) -> bytes:
    if size > _MAX_ANSWER_BYTES:
        raise ConnectionError("not Kafka")
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise ConnectionError("closed early")
        data += part
    return data


def _cluster_id(answer: bytes) -> str | None:
    """Read metadata version 2: correlation id, brokers (id, host, port, rack), cluster id."""
    (brokers,) = struct.unpack_from(">i", answer, 4)
    place = 8
    for _ in range(brokers):
        _, place = _string(answer, place + 4)
        _, place = _string(answer, place + 4)
    cluster_id, _ = _string(answer, place)
    return cluster_id if brokers > 0 else None


def _string(answer: bytes, place: int) -> tuple[str | None, int]:
    (length,) = struct.unpack_from(">h", answer, place)
    if length < 0:
        return None, place + 2
    end = place + 2 + length
    return answer[place + 2 : end].decode(), end
