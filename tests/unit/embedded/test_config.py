"""The broker's configuration."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from huleedu_streams.embedded.config import (
    Node,
    read_properties,
    server_properties,
    write_properties,
)

NODE = Node(Path("/data/kafka"), port=20_001, controller_port=20_002)


def test_single_node_listens_on_loopback_and_makes_no_topics() -> None:
    properties = server_properties(NODE)

    assert properties["listeners"] == "PLAINTEXT://127.0.0.1:20001,CONTROLLER://127.0.0.1:20002"
    assert properties["controller.quorum.bootstrap.servers"] == "127.0.0.1:20002"
    assert properties["auto.create.topics.enable"] == "false"
    assert properties["group.initial.rebalance.delay.ms"] == "0"
    assert {value for name, value in properties.items() if "replication.factor" in name} == {"1"}


def test_node_of_three_knows_all_controllers_and_keeps_copies() -> None:
    node = replace(NODE, node_id=3, controllers=("a:1", "b:2", "c:3"), replication_factor=3)

    properties = server_properties(node)

    assert properties["node.id"] == "3"
    assert properties["controller.quorum.bootstrap.servers"] == "a:1,b:2,c:3"
    assert properties["offsets.topic.replication.factor"] == "3"
    assert properties["transaction.state.log.min.isr"] == "2"


def test_properties_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "server.properties"
    properties = {"log.dirs": r"/a b\c=d", "node.id": "1"}

    write_properties(path, properties)

    assert read_properties(path) == properties
    assert read_properties(tmp_path / "none") == {}
