"""Start, stop and ask for the embedded broker of a folder.

The folder is the broker: `server.properties` holds its ports, `kafka/` its data, `broker.log`
what it said. A broker that was killed starts again from there, on the same port if that is free.
"""

from __future__ import annotations

import base64
import fcntl
import re
import shutil
import subprocess
import uuid
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from huleedu_streams.embedded import config, jars, probe, process
from huleedu_streams.errors import StartupError

_READY_SECONDS = 60.0
_STOP_SECONDS = 20.0
_FORMAT_SECONDS = 180.0
_PORT_TRIES = 3


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where a broker answers, and its process.

    Attributes:
        bootstrap: `127.0.0.1:N`.
        pid: Its process id.
        was_running: Whether `start` found it already there.
    """

    bootstrap: str
    pid: int
    was_running: bool = False


class _PortTakenError(Exception):
    """The broker found its port in use."""


def start(
    data_dir: Path,
    port: int | None = None,
    report: jars.Report = jars.say_nothing,
    *,
    proxy_port: int | None = None,
) -> BrokerAddress:
    """Return once the broker of `data_dir` takes requests; start it where it does not run.

    Two starts of one folder are safe: the second waits and finds the first one's broker.

    Args:
        data_dir: Its folder; made where it is missing.
        port: Where to listen; None = as before, else a free one.
        report: Gets one line where Kafka must be fetched first.
        proxy_port: Where a proxy listens for clients of a second listener, `proxied_port`.

    Raises:
        StartupError: the port is in use, the jars are wrong or absent, or Kafka did not start.
    """
    data_dir = data_dir.resolve()
    with _locked(data_dir):
        pid = process.find(data_dir)
        if pid is not None:
            return _join(data_dir, pid, port)
        if port is not None and not probe.is_port_free(port):
            raise StartupError(f"port {port} is in use; stop what uses it or choose another --port")
        java, class_path = jars.java_executable(), jars.ensure_jars(report=report)
        for _ in range(_PORT_TRIES):
            node = _node(data_dir, port, proxy_port)
            try:
                return _launch(data_dir, node, java, class_path)
            except _PortTakenError:
                continue
        raise StartupError(f"Kafka found its port in use {_PORT_TRIES} times; see {_log(data_dir)}")


def stop(data_dir: Path) -> bool:
    """Stop the broker of `data_dir`: SIGTERM, then SIGKILL after 20 s.

    Returns:
        Whether one was running.
    """
    data_dir = data_dir.resolve()
    if not data_dir.is_dir() and process.find(data_dir) is None:
        return False
    with _locked(data_dir):
        pid = process.find(data_dir)
        if pid is None:
            return False
        process.end(pid, _STOP_SECONDS)
        return True


def status(data_dir: Path) -> BrokerAddress | None:
    """Return the address of the running broker of `data_dir`, or None; asks no lock."""
    data_dir = data_dir.resolve()
    pid = process.find(data_dir)
    port = _ports(data_dir).get("PLAINTEXT")
    if pid is None or port is None:
        return None
    return BrokerAddress(f"{config.HOST}:{port}", pid, was_running=True)


def _join(data_dir: Path, pid: int, port: int | None) -> BrokerAddress:
    """Return the broker that runs already, once it takes requests."""
    running = _ports(data_dir).get("PLAINTEXT")
    if running is None or port not in (None, running):
        where = f"on port {running}" if running else "although its files are gone"
        raise StartupError(
            f"the broker of {data_dir} already runs {where}; stop it first: "
            f"huleedu-streams broker stop --data-dir {data_dir}"
        )
    _wait_ready(data_dir, pid, running)
    return BrokerAddress(f"{config.HOST}:{running}", pid, was_running=True)


def _launch(
    data_dir: Path, node: config.Node, java: Path, class_path: Sequence[Path]
) -> BrokerAddress:
    _format(data_dir, node, java, class_path)
    properties = data_dir / "server.properties"
    config.write_properties(properties, config.server_properties(node))
    log = _log(data_dir)
    if log.exists():
        log.replace(log.with_name("broker.log.1"))
    command = config.java_command(
        java, class_path, process.mark_of(data_dir), ["kafka.Kafka", str(properties)]
    )
    pid = process.spawn(command, log, data_dir)
    try:
        _wait_ready(data_dir, pid, node.port)
    except StartupError:
        process.end(pid, _STOP_SECONDS)
        raise
    return BrokerAddress(node.bootstrap, pid)


def _format(data_dir: Path, node: config.Node, java: Path, class_path: Sequence[Path]) -> None:
    """Format the data folder once; in a draft, so that a half-formatted one is never used."""
    if node.log_dir.exists():
        return
    draft = data_dir / "kafka.new"
    shutil.rmtree(draft, ignore_errors=True)
    properties = data_dir / "format.properties"
    entries = config.server_properties(node) | {"log.dirs": str(draft)}
    config.write_properties(properties, entries)
    tool = ["kafka.tools.StorageTool", "format", f"--cluster-id={random_id()}"]
    command = config.java_command(
        java, class_path, "-Dhuleedu.format", [*tool, "-c", str(properties), "--standalone"]
    )
    result = run_in_time(command, _FORMAT_SECONDS)
    if result.returncode != 0:
        raise StartupError(f"Kafka cannot format {draft}: {_reason(result.stdout + result.stderr)}")
    properties.unlink()
    draft.rename(node.log_dir)


def random_id() -> str:
    """Return a new id as Kafka writes them: a UUID in 22 characters."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")


def run_in_time(command: Sequence[str], seconds: float) -> subprocess.CompletedProcess[str]:
    """Run a command to its end and return what it said.

    Raises:
        StartupError: it took longer; its own message would hold the whole command line.
    """
    try:
        return subprocess.run(  # noqa: S603 - our own command line
            command, check=False, capture_output=True, text=True, timeout=seconds
        )
    except subprocess.TimeoutExpired:
        raise StartupError(
            f"Kafka's format step took over {seconds:g} s: this machine is busy; try again"
        ) from None


def _wait_ready(data_dir: Path, pid: int, port: int) -> None:
    meta = config.read_properties(data_dir / "kafka" / "meta.properties")
    cluster_id = meta.get("cluster.id")

    def is_settled() -> bool:
        answer = probe.cluster_id_at(port)
        return (answer is not None and answer == cluster_id) or not process.is_alive(pid)

    is_timely = process.wait_until(is_settled, _READY_SECONDS)
    if not is_timely:
        raise StartupError(
            f"Kafka did not answer within {_READY_SECONDS:.0f} s; see {_log(data_dir)}"
        )
    if process.is_alive(pid):
        return
    text = _log(data_dir).read_text("utf-8", errors="replace")
    if "Address already in use" in text:
        raise _PortTakenError
    raise StartupError(f"Kafka did not start: {_reason(text)}; see {_log(data_dir)}")


def proxied_port(data_dir: Path) -> int | None:
    """Return the port that the proxy of `start(proxy_port=…)` has to speak to."""
    return _ports(data_dir).get("PROXIED")


def _node(data_dir: Path, port: int | None, proxy_port: int | None) -> config.Node:
    """Keep the ports of the last run where they are free."""
    ports = _ports(data_dir)
    chosen = port or _free(ports.get("PLAINTEXT"), {proxy_port})
    controller = _free(ports.get("CONTROLLER"), {chosen, proxy_port})
    proxied = None
    if proxy_port is not None:
        proxied = (_free(ports.get("PROXIED"), {chosen, controller, proxy_port}), proxy_port)
    return config.Node(data_dir / "kafka", chosen, controller, proxied=proxied)


def _free(before: int | None, not_these: Collection[int | None]) -> int:
    if before is not None and before not in not_these and probe.is_port_free(before):
        return before
    return next(port for port in iter(probe.free_port, None) if port not in not_these)


def _ports(data_dir: Path) -> dict[str, int]:
    """Return the ports of the last run by listener name."""
    listeners = config.read_properties(data_dir / "server.properties").get("listeners", "")
    return {name: int(port) for name, port in re.findall(r"(\w+)://[^:,]+:(\d+)", listeners)}


def _reason(text: str) -> str:
    """Return the line of Kafka's output that says most."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if "Exception" in line and not line.startswith("at ")]
    return ((telling or lines or ["no output"])[-1])[:300]


def _log(data_dir: Path) -> Path:
    return data_dir / "broker.log"


@contextmanager
def _locked(data_dir: Path) -> Iterator[None]:
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        handle = (data_dir / "start.lock").open("w")
    except OSError as error:
        raise StartupError(f"cannot use {data_dir}: {error.strerror}") from error
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
