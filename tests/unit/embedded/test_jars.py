"""Jars are the pinned ones, or the broker does not start."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from huleedu_streams.embedded.jars import (
    KAFKA_VERSION,
    Pin,
    default_cache_dir,
    ensure_jars,
    read_pins,
)
from huleedu_streams.errors import StartupError

WANTED = b"the pinned jar"
PIN = Pin(hashlib.sha256(WANTED).hexdigest(), "org.example:thing:1.0")


@pytest.fixture
def maven_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    """Put `thing` into the user's own Maven repository; no other repository answers."""
    repository, config = tmp_path / "m2", tmp_path / "jgo.conf"
    config.write_text("[repositories]\ncentral = http://127.0.0.1:9/closed\n")
    monkeypatch.setenv("M2_REPO", str(repository))
    monkeypatch.setenv("JGO_CONFIG_FILE", str(config))

    def put(content: bytes) -> None:
        folder = repository / "org/example/thing/1.0"
        folder.mkdir(parents=True)
        (folder / "thing-1.0.jar").write_bytes(content)

    return put


def test_every_pin_is_a_hash_and_an_exact_coordinate() -> None:
    pins = read_pins()

    assert all(re.fullmatch(r"[0-9a-f]{64}", pin.sha256) for pin in pins)
    assert len({pin.file_name for pin in pins}) == len(pins)
    assert f"kafka_2.13-{KAFKA_VERSION}.jar" in {pin.file_name for pin in pins}


def test_cache_follows_the_users_cache_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")

    assert default_cache_dir() == Path("/somewhere/huleedu-streams")


def test_jar_is_fetched_once_by_two_starts_at_once(
    tmp_path: Path, maven_repository: Callable[[bytes], None]
) -> None:
    maven_repository(WANTED)

    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: ensure_jars(tmp_path / "cache", [PIN]), range(2)))

    assert both[0] == both[1]
    assert both[0][0].read_bytes() == WANTED
    assert sorted(path.name for path in both[0][0].parent.iterdir()) == ["lock", "thing-1.0.jar"]


def test_fetched_jar_that_is_not_the_pinned_one_is_not_kept(
    tmp_path: Path, maven_repository: Callable[[bytes], None]
) -> None:
    maven_repository(b"another jar")

    with pytest.raises(StartupError, match=r"thing:1\.0 is not the pinned file.*nothing was kept"):
        ensure_jars(tmp_path / "cache", [PIN])

    assert not list((tmp_path / "cache").rglob("*.jar"))


def test_cached_jar_that_was_changed_refuses_the_start(
    tmp_path: Path, maven_repository: Callable[[bytes], None]
) -> None:
    maven_repository(WANTED)
    [jar] = ensure_jars(tmp_path / "cache", [PIN])
    jar.write_bytes(WANTED + b"!")

    with pytest.raises(StartupError, match=rf"{jar} is not the pinned file .*delete it"):
        ensure_jars(tmp_path / "cache", [PIN])


@pytest.mark.usefixtures("maven_repository")
def test_jar_that_cannot_be_fetched_says_where_to_put_it(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match=r"cannot fetch org\.example.* put thing-1\.0\.jar into"):
        ensure_jars(tmp_path / "cache", [PIN])
