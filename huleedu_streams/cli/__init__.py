"""The terminal: one module a command, each thin: parse, call, print.

This module composes them. A command's module is imported when the command is asked for, so that
`huleedu-streams check` does not wait for Faust. Exit codes: 0 done, 1 the answer is no, 2 wrong
usage, a start refused, or nobody there to ask.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NoReturn

import click

from huleedu_streams import __version__
from huleedu_streams.errors import (
    BrokerUnavailableError,
    HuleeduStreamsError,
    StartupError,
    WorkerUnavailableError,
)

EXIT_NO = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130
# Nothing was answered: neither yes nor no.
_REFUSALS = (StartupError, BrokerUnavailableError, WorkerUnavailableError)


class WrongUsageError(click.ClickException):
    """What was asked for cannot be done; one line says why."""

    exit_code = EXIT_USAGE


# Command -> (module that holds a click command of that name, what `--help` says about it).
COMMANDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "demo": ("demo", "Run everything on a dozen sample essays, leave nothing behind."),
        "up": ("local", "Start Kafka, topics and one worker, and leave them running."),
        "down": ("local", "Stop what `up` started."),
        "worker": ("worker", "Run a worker; takes every option of `faust worker`."),
        "broker": ("broker", "Start, stop or show the embedded Kafka."),
        "topics": ("topics", "Compare kafka_topics.yaml with the broker, or make it so."),
        "submit": ("submit", "Send essays to be checked."),
        "batch": ("batch", "Show or follow one batch."),
        "tables": ("tables", "Show the rows that this machine holds."),
        "dlt": ("dlt", "List, show, replay or purge dead letters."),
        "check": ("check", "Check the spelling of one text, without Kafka."),
        "suggest": ("check", "Suggest corrections for words on standard input."),
    }
)


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order in which a newcomer needs them."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command, importing the module that holds it."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        importlib.import_module(f"{__name__}.logs").go_to_stderr()
        module = importlib.import_module(f"{__name__}.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any of them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="huleedu-streams")
@click.option("--debug", is_flag=True, help="Show a traceback when something fails.")
def cli(*, debug: bool) -> None:
    """Spell checks a school's essays as a stream, on Apache Kafka."""
    del debug  # read by main(), which must know it for errors of any command


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(run(given))


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code; errors go to standard error, one line each."""
    # Only in front of the command: `worker --debug` is Faust's own option.
    is_debug = "--debug" in arguments[: _command_position(arguments)]
    try:
        outcome = cli.main(arguments, prog_name="huleedu-streams", standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        _show(error)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of our output went away (`… | head`): nobody is left to tell.
        sys.stderr.close()
        return 0
    except Exception as error:
        if is_debug:
            raise
        click.echo(f"huleedu-streams: {_one_line(error)}", err=True)
        return EXIT_USAGE if isinstance(error, _REFUSALS) else EXIT_NO
    return outcome if type(outcome) is int else 0


def _show(error: click.ClickException) -> None:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return
    text = " ".join(error.format_message().split())
    if isinstance(error, click.UsageError) and error.ctx is not None:
        text = f"{text.removesuffix('.')}; see {error.ctx.command_path} --help"
    click.echo(f"huleedu-streams: {text}", err=True)


def _command_position(arguments: Sequence[str]) -> int:
    return next(
        (index for index, word in enumerate(arguments) if not word.startswith("-")),
        len(arguments),
    )


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, HuleeduStreamsError):
        return text or error.code
    return f"{type(error).__name__}: {text}; `huleedu-streams --debug …` shows where"
