"""Log lines: one event name and its fields; Faust's and aiokafka's lines look the same.

No line carries essay text: that is a rule for whoever logs, kept by tests.
"""

from __future__ import annotations

import logging
import logging.config
import sys
from collections.abc import Callable
from time import monotonic
from typing import Any

import orjson
import structlog
from structlog.typing import Processor

from huleedu_streams.settings import LogFormat, Settings

# Their info lines describe their inner steps, several a commit; ours say what happened.
_CHATTY = (
    *("faust", "mode", "aiokafka", "aiohttp", "asyncio", "kafka"),
    # Faust names the loggers of its services after the modules of our subclasses.
    *(
        "huleedu_streams.runtime.streams_app",
        "huleedu_streams.runtime.consumer",
        "huleedu_streams.runtime.contiguous_consumer",
        "huleedu_streams.runtime.recovery",
        "tables.changelog",
        "tables.guard",
    ),
)


# While a broker is away they say so a hundred times a second.
_REPEAT_SECONDS = 60.0
_MOST_LINES = 1_000

_HTTP_SERVER = "aiohttp.server"


class OncePerMinute(logging.Filter):
    """Lets a library say the same thing once a minute; `repeated` counts what was held back."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._said: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the line is to be written."""
        if not record.name.startswith(_CHATTY):
            return True
        now, line = self._clock(), (record.name, record.getMessage())
        said_at, repeated = self._said.get(line, (float("-inf"), 0))
        if now - said_at < _REPEAT_SECONDS:
            self._said[line] = (said_at, repeated + 1)
            return False
        if repeated:
            record.repeated = repeated
        if len(self._said) >= _MOST_LINES:
            self._said.clear()
        self._said[line] = (now, 0)
        return True


class WithoutRequestBytes(logging.Filter):
    """Takes from a line of the HTTP server what it quotes of a request, which may be essay text.

    A parser's error holds the bytes that it stumbled on; the error's class is kept.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Return True: every line is written."""
        if record.name == _HTTP_SERVER:
            error = record.exc_info[1] if record.exc_info else None
            if error is not None:
                record.error = type(error).__name__
            record.exc_info = record.exc_text = record.stack_info = None
            # The arguments may quote, the line that they go into does not.
            record.msg, record.args = str(record.msg).partition("%")[0].rstrip(), None
        return True


def configure_logging(settings: Settings) -> None:
    """Send every log line of this process to stderr, as JSON or for a terminal.

    Our own lines go there straight, at a fifth of what a trip through `logging` costs; those of
    libraries come from `logging` and are made to look the same.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    set_level(settings.log_level)
    structlog.configure(
        processors=[*shared, *_renderers(settings.log_format)],
        logger_factory=_Lines,
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(_config(settings, [structlog.stdlib.ExtraAdder(), *shared]))


def set_level(name: str) -> None:
    """Write our own lines from this level on; for `logging` itself there is its root logger."""
    level = logging.getLevelNamesMapping()[name]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(level))


class _Lines:
    """Writes finished lines; `name` is what `add_logger_name` shows."""

    def __init__(self, name: str = "huleedu_streams") -> None:
        self.name = name

    def msg(self, line: str) -> None:
        # One write a line: threads must not mix theirs.
        sys.stderr.write(line + "\n")
        sys.stderr.flush()

    debug = info = warning = error = critical = exception = msg


def _config(settings: Settings, shared: list[Processor]) -> dict[str, Any]:
    chatty_level = "DEBUG" if settings.log_level == "DEBUG" else "WARNING"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    *_renderers(settings.log_format),
                ],
                "foreign_pre_chain": shared,
            }
        },
        "filters": {
            "without-request-bytes": {"()": WithoutRequestBytes},
            "once": {"()": OncePerMinute},
        },
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "filters": ["without-request-bytes", "once"],
                "stream": "ext://sys.stderr",
                "formatter": "line",
            }
        },
        "root": {"handlers": ["stderr"], "level": settings.log_level},
        "loggers": {name: {"level": chatty_level} for name in _CHATTY}
        # Its debug lines quote the values of the records that it produces: dead letters, too.
        | {"aiokafka.producer": {"level": "WARNING"}},
    }


def _renderers(wanted: LogFormat) -> list[Processor]:
    is_console = wanted is LogFormat.CONSOLE or (wanted is LogFormat.AUTO and sys.stderr.isatty())
    if is_console:
        return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(_to_json)]


def _to_json(fields: object, **options: Any) -> str:  # noqa: ANN401 - structlog's own
    return orjson.dumps(fields, options.get("default"), orjson.OPT_NON_STR_KEYS).decode()
