"""What is checked before a worker starts. Each refusal is one line that says what to do."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import shutil
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from huleedu_streams.errors import BrokerUnavailableError, StartupError, TopicError
from huleedu_streams.topics.bootstrap import member_client_ids, verify, wait_for_broker
from huleedu_streams.topics.catalogue import TopicSpec

log = structlog.get_logger(__name__)
_WILDCARDS = frozenset({"", "0.0.0.0", "::", "[::]"})  # noqa: S104 - refused, not bound to
# Held until the process ends: closing the file would give the folder away.
_held_locks: list[int] = []
_SPACE_POLL_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Peers:
    """What a worker shares with the other workers of its group.

    Attributes:
        group: Its consumer group.
        client_id: Its Kafka client id, which names its roles.
        web_host: Address that it gives to the group for state views; `None` where it has none.
    """

    group: str
    client_id: str
    web_host: str | None


@dataclass(frozen=True, slots=True)
class Preflight:
    """The checks of one worker, in the order in which they are cheap.

    Attributes:
        folder: The worker's data folder.
        host: Address that its web server will listen on.
        port: Port of that.
        bootstrap: Kafka's `host:port[,host:port]`; `None` for a worker that needs no Kafka.
        topics: What must exist there.
        wait_seconds: How long to wait for the broker; 0 = for ever.
        peers: What other workers of the group must agree with; `None` where there are none.
        free_bytes: How much space there must be in the folder; waited for, for ever.
    """

    folder: Path
    host: str
    port: int
    bootstrap: str | None
    topics: Sequence[TopicSpec]
    wait_seconds: float
    peers: Peers | None = None
    free_bytes: int = 0

    async def run(self) -> None:
        """Return once the worker may start.

        Raises:
            StartupError: it must not; the message says what to do.
        """
        if self.peers is not None:
            check_peers_can_reach(self.peers.web_host)
        hold_folder(self.folder)
        check_port_is_free(self.host, self.port)
        await wait_for_space(self.folder, self.free_bytes)
        if self.bootstrap is None:
            return
        try:
            await wait_for_broker(self.bootstrap, self.wait_seconds, _report_retry)
            await verify(self.bootstrap, self.topics)
            if self.peers is not None:
                members = await member_client_ids(self.bootstrap, self.peers.group)
                check_members_agree(self.peers, members)
        except (BrokerUnavailableError, TopicError) as error:
            raise StartupError(str(error)) from error


def hold_folder(folder: Path) -> None:
    """Lock `folder` for this process, making it if it is absent.

    Raises:
        StartupError: it cannot be made, or another worker has it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / "worker.lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise StartupError(
            f"cannot use the data folder {folder}: {error.strerror}; set HULEEDU_DATA_DIR"
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise StartupError(
            f"another worker uses the data folder {folder}; give each worker its own by "
            "HULEEDU_DATA_DIR"
        ) from error
    _held_locks.append(descriptor)


async def wait_for_space(
    folder: Path, free_bytes: int, *, poll_seconds: float = _SPACE_POLL_SECONDS
) -> None:
    """Return once `folder` has so many bytes free: RocksDB does not open without some."""
    has_waited = False
    while (free := shutil.disk_usage(folder).free) < free_bytes:
        if not has_waited:
            log.warning(
                "waiting_for_space", folder=str(folder), free_bytes=free, wanted_bytes=free_bytes
            )
        has_waited = True
        await asyncio.sleep(poll_seconds)
    if has_waited:
        log.info("space_is_back", folder=str(folder), free_bytes=free)


def check_port_is_free(host: str, port: int) -> None:
    """Bind `port` for a moment.

    Raises:
        StartupError: somebody listens there, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise StartupError(
                    f"port {port} on {host} is in use; choose another by --web-port"
                ) from error
            raise StartupError(
                f"cannot listen on {host}:{port}: {error.strerror}; set HULEEDU_WEB_BIND"
            ) from error


def check_peers_can_reach(web_host: str | None) -> None:
    """Refuse an address that means every machine, so that no peer can ask this one.

    Raises:
        StartupError: it is a wildcard.
    """
    if web_host in _WILDCARDS:
        raise StartupError(
            f"{web_host or 'nothing'} is no address at which other workers reach this one; set "
            "HULEEDU_WEB_HOST to its own name or address"
        )


def check_members_agree(peers: Peers, members: Iterable[str]) -> None:
    """Compare this worker's roles with those of the group's members.

    Raises:
        StartupError: another runs other roles; events of a role would go to whoever lacks it.
    """
    prefix, _, roles = peers.client_id.partition(":")
    others = {
        member.partition(":")[2]
        for member in members
        if member.startswith(f"{prefix}:") and member != peers.client_id
    }
    if others:
        raise StartupError(
            f"a worker of the group {peers.group} runs the roles {min(others)}, this one {roles}; "
            "stop it (one that was killed is gone in some seconds), or set another HULEEDU_APP_ID"
        )


def _report_retry(message: str) -> None:
    log.warning("waiting_for_broker", detail=message)
