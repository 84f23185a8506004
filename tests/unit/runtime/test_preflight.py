from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from huleedu_streams.errors import StartupError
from huleedu_streams.runtime.preflight import (
    Peers,
    Preflight,
    check_members_agree,
    wait_for_space,
)

EXABYTES = 2**62
OURS = "huleedu-streams:lifecycle+spellcheck"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", ""])  # noqa: S104 - refused, not bound to
async def test_address_that_no_peer_can_reach_is_refused(tmp_path: Path, host: str) -> None:
    checks = Preflight(tmp_path, "127.0.0.1", 1, None, (), 0, peers=Peers("group", OURS, host))

    with pytest.raises(StartupError, match="set HULEEDU_WEB_HOST"):
        await checks.run()


@pytest.mark.parametrize("members", [(), (OURS, OURS), ("some-other-client", "aiokafka-0.14.0")])
def test_members_of_the_same_roles_and_strangers_are_welcome(members: tuple[str, ...]) -> None:
    check_members_agree(Peers("group", OURS, None), members)


def test_member_with_other_roles_is_named_in_one_line() -> None:
    with pytest.raises(StartupError) as refusal:
        check_members_agree(Peers("group", OURS, None), [OURS, "huleedu-streams:spellcheck"])

    assert "runs the roles spellcheck, this one lifecycle+spellcheck" in str(refusal.value)
    assert "HULEEDU_APP_ID" in str(refusal.value)


async def test_start_with_space_enough_waits_for_nothing(tmp_path: Path) -> None:
    with capture_logs() as logs:
        await wait_for_space(tmp_path, 1)

    assert logs == []


async def test_start_without_space_says_so_once_and_waits(tmp_path: Path) -> None:
    with capture_logs() as logs:
        waiting = asyncio.create_task(wait_for_space(tmp_path, EXABYTES, poll_seconds=0))
        for _ in range(100):
            await asyncio.sleep(0)

    assert not waiting.done()
    assert [entry["event"] for entry in logs] == ["waiting_for_space"]
    waiting.cancel()
