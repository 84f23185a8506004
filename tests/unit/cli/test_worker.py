from __future__ import annotations

import pytest

from huleedu_streams.cli.worker import faust_arguments, settings_of


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ([], ["-A", "huleedu_streams.app", "-L", "uvloop", "worker"]),
        (["-L", "aio"], ["-A", "huleedu_streams.app", "-L", "aio", "worker"]),
        (["-Laio"], ["-A", "huleedu_streams.app", "-L", "aio", "worker"]),
        (["--loop=aio"], ["-A", "huleedu_streams.app", "--loop", "aio", "worker"]),
        (["-A", "mine", "-L", "aio"], ["-A", "mine", "-L", "aio", "worker"]),
        (
            ["--web-port", "7000", "--debug", "-l", "info", "-L", "aio"],
            [
                *("-A", "huleedu_streams.app", "--debug", "-L", "aio"),
                *("worker", "--web-port", "7000", "-l", "info"),
            ],
        ),
        (
            ["--without-web", "-D", "state", "-L", "aio"],
            ["-A", "huleedu_streams.app", "-D", "state", "-L", "aio", "worker", "--without-web"],
        ),
        (
            ["--help", "-L", "aio"],
            ["-A", "huleedu_streams.app", "-L", "aio", "worker", "--help"],
        ),
    ],
)
def test_options_reach_faust_where_it_takes_them(given: list[str], wanted: list[str]) -> None:
    assert faust_arguments(given) == wanted


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ([], {}),
        (["--web-port", "7000"], {"HULEEDU_WEB_PORT": "7000"}),
        (["--web-port=7000"], {"HULEEDU_WEB_PORT": "7000"}),
        (["-p7000"], {"HULEEDU_WEB_PORT": "7000"}),
        (
            ["-b", "192.0.2.1", "-h", "a.example"],
            {"HULEEDU_WEB_BIND": "192.0.2.1", "HULEEDU_WEB_HOST": "a.example"},
        ),
        (["-D", "state"], {"HULEEDU_DATA_DIR": "state"}),
        (["-l", "warn"], {"HULEEDU_LOG_LEVEL": "WARNING"}),
        (["--loglevel=debug"], {"HULEEDU_LOG_LEVEL": "DEBUG"}),
        (["--web-port"], {}),
    ],
)
def test_options_that_are_settings_too_change_the_settings(
    given: list[str], wanted: dict[str, str]
) -> None:
    assert settings_of(given) == wanted
