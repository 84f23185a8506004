"""Log lines of a command: warnings alone, on standard error, since scripts read the other one."""

from __future__ import annotations

import logging
import sys

import structlog


def go_to_stderr() -> None:
    """Send there whatever is logged from now on; a worker sets up its own way after this."""
    structlog.configure(
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
    )
