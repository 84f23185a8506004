"""What the embedded broker is told: `server.properties` and the JVM's flags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"

# C1 only and the serial collector: ready in half the time, 170 MB, enough for one machine.
JVM_FLAGS = (
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
)


@dataclass(frozen=True, slots=True)
class Node:
    """One Kafka node, broker and controller in one.

    Attributes:
        log_dir: Where its data lies.
        port: Where clients connect.
        controller_port: Where controllers connect.
        node_id: Its id in the cluster.
        controllers: `host:port` of every controller of the cluster; empty = this one alone.
        replication_factor: Of Kafka's own topics.
        proxied: A second listener's port and the port advertised in its place, where a proxy
            stands before the node.
    """

    log_dir: Path
    port: int
    controller_port: int
    node_id: int = 1
    controllers: tuple[str, ...] = ()
    replication_factor: int = 1
    proxied: tuple[int, int] | None = None

    @property
    def bootstrap(self) -> str:
        """The address for clients."""
        return f"{HOST}:{self.port}"


def server_properties(node: Node) -> dict[str, str]:
    """Return the node's configuration."""
    controllers = node.controllers or (f"{HOST}:{node.controller_port}",)
    replicas = str(node.replication_factor)
    in_sync = str(max(1, node.replication_factor - 1))
    return _listeners(node) | {
        "process.roles": "broker,controller",
        "node.id": str(node.node_id),
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "controller.quorum.bootstrap.servers": ",".join(controllers),
        "log.dirs": str(node.log_dir),
        # A typing error must not become a topic; `topics apply` makes them.
        "auto.create.topics.enable": "false",
        # One worker is the usual case: nothing to wait for before the first assignment.
        "group.initial.rebalance.delay.ms": "0",
        # A killed node comes back only when its old session has ended; the default is 9 s.
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
        "offsets.topic.num.partitions": "3",
        "offsets.topic.replication.factor": replicas,
        "transaction.state.log.num.partitions": "3",
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": in_sync,
        "share.coordinator.state.topic.num.partitions": "3",
        "share.coordinator.state.topic.replication.factor": replicas,
        "share.coordinator.state.topic.min.isr": in_sync,
        "num.network.threads": "2",
        "num.io.threads": "4",
        # The default, 128 MiB, is a quarter of the heap; the changelogs here are small.
        "log.cleaner.dedupe.buffer.size": "16777216",
    }


def _listeners(node: Node) -> dict[str, str]:
    clients = {"PLAINTEXT": node.port}
    advertised = dict(clients)
    if node.proxied is not None:
        clients["PROXIED"], advertised["PROXIED"] = node.proxied
    listeners = clients | {"CONTROLLER": node.controller_port}
    return {
        "listeners": _addresses(listeners),
        "advertised.listeners": _addresses(advertised),
        "listener.security.protocol.map": ",".join(f"{name}:PLAINTEXT" for name in listeners),
    }


def _addresses(ports: dict[str, int]) -> str:
    return ",".join(f"{name}://{HOST}:{port}" for name, port in ports.items())


def write_properties(path: Path, properties: dict[str, str]) -> None:
    """Write a `.properties` file in one step; values are plain (no line ends)."""
    text = "".join(f"{key}={_escape(value)}\n" for key, value in properties.items())
    draft = path.with_name(f"{path.name}.new")
    draft.write_text(text, "utf-8")
    draft.replace(path)


def read_properties(path: Path) -> dict[str, str]:
    """Return a `.properties` file's entries; an absent file has none."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return {}
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {key: value.replace("\\\\", "\\") for key, _, value in pairs}


def java_command(
    java: Path, jars: Sequence[Path], mark: str, arguments: Sequence[str]
) -> list[str]:
    """Return the command line of a JVM over `jars`; `mark` makes it recognisable."""
    class_path = ":".join(str(jar) for jar in jars)
    return [str(java), *JVM_FLAGS, mark, "-cp", class_path, *arguments]


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\")
