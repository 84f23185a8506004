"""Three Kafka nodes, each broker and controller, that hold three copies of everything."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
from pathlib import Path

from confluent_kafka.admin import AdminClient

from huleedu_streams.embedded import broker, config, jars, probe, process
from huleedu_streams.topics.bootstrap import apply
from huleedu_streams.topics.catalogue import catalogue

_IDS = (1, 2, 3)
_READY_SECONDS = 90.0
_STOP_SECONDS = 20.0
_ASK_SECONDS = 10.0


class ThreeNodes:
    """Stands where a `Cluster` does; workers reach it without a proxy."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        ports = [(probe.free_port(), probe.free_port()) for _ in _IDS]
        controllers = tuple(f"{config.HOST}:{controller}" for _, controller in ports)
        self._nodes = {
            number: config.Node(
                folder / f"node-{number}" / "kafka", *ports[number - 1], number, controllers, 3
            )
            for number in _IDS
        }
        self._pids: dict[int, int] = {}
        self.bootstrap = ",".join(node.bootstrap for node in self._nodes.values())

    @property
    def for_workers(self) -> str:
        """Where workers look for it."""
        return self.bootstrap

    async def start(self) -> None:
        await asyncio.to_thread(self._start)

    async def make_topics(self) -> None:
        await apply(self.bootstrap, catalogue())
        copies = await asyncio.to_thread(self._copies)
        assert copies == {len(_IDS)}, f"topics of {copies} copies prove nothing"

    def _copies(self) -> set[int]:
        found = AdminClient({"bootstrap.servers": self.bootstrap}).list_topics(timeout=_ASK_SECONDS)
        ours = {spec.name for spec in catalogue()}
        return {
            len(partition.replicas)
            for name, topic in found.topics.items()
            if name in ours
            for partition in topic.partitions.values()
        }

    def stop(self) -> None:
        for pid in self._pids.values():
            process.end(pid, _STOP_SECONDS)

    def leader_of(self, topic: str, partition: int) -> int:
        """Return which node leads a partition; blocks."""
        found = AdminClient({"bootstrap.servers": self.bootstrap}).list_topics(topic, _ASK_SECONDS)
        return int(found.topics[topic].partitions[partition].leader)

    def controller(self) -> int:
        """Return which node leads the quorum, by the newest vote that one has written down."""
        votes = [
            json.loads((node.log_dir / "__cluster_metadata-0" / "quorum-state").read_bytes())
            for node in self._nodes.values()
        ]
        newest = max(votes, key=lambda vote: (vote["leaderEpoch"], vote["leaderId"]))
        return int(newest["leaderId"])

    def kill(self, number: int) -> None:
        """SIGKILL a node."""
        pid = self._pids.pop(number)
        os.kill(pid, signal.SIGKILL)
        assert process.wait_until(lambda: not process.is_alive(pid), 10)

    def start_again(self, number: int) -> None:
        """Start a node that was killed; return once it takes requests."""
        self._spawn(number)
        self._wait(number)

    def _start(self) -> None:
        cluster = broker.random_id()
        directories = {number: broker.random_id() for number in _IDS}
        voters = ",".join(
            f"{number}@{config.HOST}:{node.controller_port}:{directories[number]}"
            for number, node in self._nodes.items()
        )
        for number in _IDS:
            self._format(number, [f"--cluster-id={cluster}", "--initial-controllers", voters])
            self._spawn(number)
        for number in _IDS:
            self._wait(number)

    def _format(self, number: int, who: list[str]) -> None:
        node = self._nodes[number]
        folder = node.log_dir.parent
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        properties = folder / "server.properties"
        config.write_properties(properties, config.server_properties(node))
        tool = ["kafka.tools.StorageTool", "format", *who, "-c", str(properties)]
        said = broker.run_in_time(self._command(tool, "-Dhuleedu.format"), _READY_SECONDS)
        assert said.returncode == 0, said.stdout + said.stderr

    def _spawn(self, number: int) -> None:
        folder = self._nodes[number].log_dir.parent
        command = self._command(
            ["kafka.Kafka", str(folder / "server.properties")], process.mark_of(folder)
        )
        self._pids[number] = process.spawn(command, folder / "broker.log", folder)

    def _wait(self, number: int) -> None:
        port = self._nodes[number].port
        is_there = process.wait_until(lambda: probe.cluster_id_at(port) is not None, _READY_SECONDS)
        assert is_there, f"node {number} does not answer; see {self.folder}"

    def _command(self, arguments: list[str], mark: str) -> list[str]:
        return config.java_command(jars.java_executable(), jars.ensure_jars(), mark, arguments)
