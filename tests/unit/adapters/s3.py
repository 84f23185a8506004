"""A real S3 server for tests: moto's, as a process of its own."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

from huleedu_streams.adapters.content_objects import Bucket
from huleedu_streams.embedded import process
from huleedu_streams.embedded.probe import free_port

_START_SECONDS = 30.0
# As `python -m moto.server` does, but for one request at a time: moto's objects are not safe from
# threads.
_PROGRAM = """
import sys
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple
run_simple("127.0.0.1", int(sys.argv[1]), DomainDispatcherApplication(create_backend_app))
"""


@dataclass(frozen=True, slots=True)
class S3Server:
    """Where it answers."""

    url: str

    def new_bucket(self, prefix: str = "class/9b") -> Bucket:
        """Make an empty bucket."""
        name = f"texts-{uuid4().hex}"
        _ask(urllib.request.Request(f"{self.url}/{name}", method="PUT"))  # noqa: S310 - loopback
        return Bucket(name, prefix, self.url, ("key-id", "secret"))

    def object_names(self, bucket: Bucket) -> str:
        """Return the server's own list of the bucket, as XML."""
        return _ask(urllib.request.Request(f"{self.url}/{bucket.name}"))  # noqa: S310 - loopback


@contextmanager
def serving_s3() -> Iterator[S3Server]:
    port = free_port()
    server = S3Server(f"http://127.0.0.1:{port}")
    running = subprocess.Popen(  # noqa: S603 - our own command line
        [sys.executable, "-c", _PROGRAM, str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert process.wait_until(partial(_answers, server), _START_SECONDS)
        yield server
    finally:
        running.kill()
        running.wait()


def _answers(server: S3Server) -> bool:
    try:
        _ask(urllib.request.Request(server.url))  # noqa: S310 - loopback
    except OSError:
        return False
    return True


def _ask(request: urllib.request.Request) -> str:
    with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 - loopback
        return str(answer.read().decode())
