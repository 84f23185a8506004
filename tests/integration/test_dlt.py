"""`huleedu-streams dlt` over a real Kafka of its own: list, show, replay, purge."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import cast

import pytest
from aiokafka import ConsumerRecord

from huleedu_streams.contracts import burials, dead_letters
from huleedu_streams.contracts.codec import Headers
from huleedu_streams.contracts.dead_letters import ConsumedRecord
from huleedu_streams.dead_letters.log import open_log
from huleedu_streams.dead_letters.replaying import Fate, Target, open_replayer
from huleedu_streams.dead_letters.selection import Selection
from huleedu_streams.embedded import broker
from huleedu_streams.errors import ReplayTakenOverError
from huleedu_streams.topics.bootstrap import apply
from huleedu_streams.topics.catalogue import catalogue
from tests.integration.letters import Dlt, an_original, bury, cases, committed, header, put

pytestmark = pytest.mark.kafka

# No worker runs here, so a topic a test is all the separation that is needed.
WALK = "huleedu.essay.lifecycle.state.updated.v1"
CRASH = "huleedu.essay.spellcheck.requested.v1"
FOREIGN = "huleedu.essay.spellcheck.completed.v1"
SHOWN = PURGE = "huleedu.batch.essays.registered.v1"
CANARY = "Dear diary"


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Kafka of this module alone: these tests delete dead letters and leave poison."""
    data_dir = tmp_path_factory.mktemp("kafka-dlt")
    try:
        bootstrap = broker.start(data_dir).bootstrap
        asyncio.run(apply(bootstrap, catalogue()))
        yield bootstrap
    finally:
        broker.stop(data_dir)


async def test_letters_are_listed_and_shown_without_their_values(
    kafka: str, tmp_path: Path
) -> None:
    dlt = Dlt(kafka, SHOWN)
    large = an_original(SHOWN, 1, key=b"\xff", value=bytes(20_000_000))
    await bury(kafka, [an_original(SHOWN, 0, value=CANARY.encode()), large], partition=4)

    listed = await dlt.run("list", "--partition", "4")
    shown = await dlt.run("show", "--offset", "4/0")
    value = await dlt.run("show", "--offset", "4/0", "--value")
    saved = await dlt.run("show", "--key", r"\xff", "--out", str(tmp_path / "value"))
    twice = await dlt.run("show", "--key", r"\xff", "--out", str(tmp_path / "value"))

    assert listed.out.splitlines()[-1] == "2 dead letters: undecodable 2; 0 replayed"
    assert "undecodable" in shown.out
    assert CANARY not in listed.out + shown.out
    assert CANARY in value.out
    assert saved.code == 0
    assert (tmp_path / "value").read_bytes() == large.value
    assert (twice.code, twice.error.count("\n")) == (2, 1)


async def test_letters_are_replayed_once_as_they_were(kafka: str) -> None:
    dlt = Dlt(kafka, WALK)
    tricky = (("twice", b"1"), ("twice", b"2"), ("raw", b"\xff\x00"), ("empty", b""))
    originals = [an_original(WALK, number, headers=tricky) for number in range(150)]
    originals.append(an_original(WALK, 150, key=None))
    originals.append(an_original(WALK, 151, value=bytes(20_000_000)))
    await bury(kafka, originals)

    dry = await dlt.rows("replay")
    nothing_yet = await committed(kafka, WALK)
    part = await dlt.rows("replay", "--yes", "--offset", "..99", "--limit", "60")
    rest = await dlt.rows("replay", "--yes")
    again = await dlt.run("replay", "--yes")
    there = await committed(kafka, WALK)

    assert [row["offset"] for row in dry] == list(range(152))
    assert {(row["fate"], row["dry_run"]) for row in dry} == {("replayed", True)}
    assert nothing_yet == []
    assert [row["fate"] for row in part] == ["replayed"] * 60
    assert [row["fate"] for row in rest] == ["already-replayed"] * 60 + ["replayed"] * 92
    assert again.out == "0 replayed, 152 replayed before, 0 refused\n"
    assert all(row["replayed"] for row in await dlt.rows("list"))
    by_case = dict(zip(cases(there), there, strict=True))
    assert len(there) == len(by_case) == len(originals)
    for offset, original in enumerate(originals):
        assert_came_back(by_case[str(offset)], original, f"{WALK}.DLT/0/{offset}")


def assert_came_back(record: ConsumerRecord, original: ConsumedRecord, source: str) -> None:
    assert (record.partition, record.key) == (original.partition, original.key)
    assert record.value == original.value
    assert record.headers == (*original.headers, (burials.REPLAYED_FROM, source.encode()))


async def test_killed_replay_is_begun_again_and_sends_each_letter_once(kafka: str) -> None:
    dlt = Dlt(kafka, CRASH)
    await bury(kafka, [an_original(CRASH, number) for number in range(250)], partition=2)

    killed = await dlt.run("replay", "--yes", fault_points="before-replay-commit@2")
    left = await dlt.rows("list")
    seen_meanwhile = await committed(kafka, CRASH)
    done = await dlt.run("replay", "--yes")
    there = await committed(kafka, CRASH)

    assert killed.code == -signal.SIGKILL
    assert sum(row["replayed"] for row in left) == 100
    assert len(left) == 250
    assert len(seen_meanwhile) == 100
    assert done.out.splitlines()[-1] == "150 replayed, 100 replayed before, 0 refused"
    assert sorted(cases(there), key=int) == [str(number) for number in range(250)]
    assert all(row["replayed"] for row in await dlt.rows("list"))


async def test_second_replay_ends_the_first_and_nothing_is_sent_twice(kafka: str) -> None:
    target = Target(PURGE, 6, 278_528)
    topic = f"{PURGE}.DLT"
    await bury(kafka, [an_original(PURGE, number) for number in range(150)], partition=5)
    opened = partial(open_replayer, kafka, topic, target, 30_000_000, lambda _point: None)
    here = Selection(partitions=frozenset({5}))

    async with opened() as first, open_log(kafka, topic, 6) as old:
        replays = first.replay(old, here)
        sent = [await anext(replays) for _ in range(100)]
        async with opened() as second, open_log(kafka, topic, 6) as new:
            rest = [one.fate async for one in second.replay(new, here)]
            with pytest.raises(ReplayTakenOverError):
                [one async for one in replays]

    there = await committed(kafka, PURGE)
    assert len(sent) == rest.count(Fate.ALREADY_REPLAYED) == 100
    assert rest.count(Fate.REPLAYED) == 50
    assert sorted(cases(there), key=int) == [str(number) for number in range(150)]


async def test_whatever_others_put_there_breaks_no_command(kafka: str) -> None:
    dlt = Dlt(kafka, FOREIGN)
    topic = f"{FOREIGN}.DLT"
    place = {
        dead_letters.TOPIC: FOREIGN.encode(),
        dead_letters.PARTITION: b"99",
        dead_letters.OFFSET: b"9" * 5000,
    }
    foreign: dict[str, tuple[bytes | None, bytes | None, dict[str, bytes | None]]] = {
        "no headers": (b"k", b"v", {}),
        "no key, no value": (None, None, {"case": b"null"}),
        "nothing but a key": (b"\xff\x1b[2J", None, {"h\u202e\x1b": b"\xfe", "none": None}),
        "no such partition": (b"k", b"99", {**place}),
        "another topic": (b"k", b"other", {**place, dead_letters.TOPIC: b"changelog\x1b"}),
        "not text": (b"k", b"raw", dict.fromkeys(dead_letters.PROVENANCE, b"\xff\xfe\x00")),
        "none at all": (b"k", b"none", dict.fromkeys(dead_letters.PROVENANCE)),
        "a mark that is none": (b"k", b"mark", {burials.REPLAYED: b"0", burials.REPLAYED_TO: b""}),
        "too large": (b"k", os.urandom(300_000), {}),
    }
    for key, value, headers in foreign.values():
        pairs = cast("Headers", tuple(headers.items()))  # Kafka has None for a value, too
        await put(kafka, topic, key, value, pairs, partition=1)

    listed = await dlt.run("list")
    rows = await dlt.rows("list")
    shown = await dlt.run("show", "--value", "--limit", "0")
    dry = await dlt.run("replay")
    done = await dlt.rows("replay", "--yes", expected=1)
    again = await dlt.run("replay", "--yes")
    purged = await dlt.run("purge", "--all")

    assert listed.code == shown.code == purged.code == 0
    assert len(rows) == len(foreign)
    for said in (listed, shown, dry, again, purged):
        assert all(line.isprintable() for line in (said.out + said.error).splitlines())
    refused = {"another topic", "not text", "too large"}
    fates = dict(zip(foreign, [row["fate"] for row in done], strict=True))
    assert {name for name, fate in fates.items() if fate == "refused"} == refused
    assert dry.code == again.code == 1
    assert again.out.splitlines()[-1] == "0 replayed, 6 replayed before, 3 refused"
    there = await committed(kafka, FOREIGN)
    assert sorted(str((record.key, record.value)) for record in there) == sorted(
        str(foreign[name][:2]) for name in foreign if name not in refused
    )
    assert all(len(header(record.headers, burials.REPLAYED_FROM)) == 1 for record in there)


async def test_purge_deletes_what_was_replayed_and_says_what_stays(kafka: str) -> None:
    dlt = Dlt(kafka, PURGE)
    await bury(kafka, [an_original(PURGE, number) for number in range(10)], partition=0)
    await dlt.run("replay", "--yes", "--offset", "0/..5", "--offset", "0/8")
    this = ("--partition", "0")

    early = await dlt.rows("purge", *this, expected=1)
    untouched = await dlt.rows("list", *this)
    purged = await dlt.rows("purge", *this, "--yes", expected=1)
    left = await dlt.rows("list", *this)
    by_offset = await dlt.run("purge", "--offset", "0/7", "--all", "--yes")
    finished = await dlt.rows("purge", *this, "--all", "--yes")
    nothing = await dlt.run("purge", *this, "--yes")

    plan = {"letters": 6, "before": 6, "stopped_at": 6, "stopped_by": "not replayed"}
    counts = {"kept": 3, "behind": 1, "unreplayed": 0}
    assert (plan | counts | {"dry_run": True}).items() <= early[0].items()
    assert len(untouched) == 10
    assert (plan | counts | {"dry_run": False}).items() <= purged[0].items()
    assert [(row["offset"], row["replayed"]) for row in left] == [
        (6, False),
        (7, False),
        (8, True),
        (9, False),
    ]
    assert by_offset.code == 1
    assert "0/6 stays: not chosen by the filters" in by_offset.out
    assert "1 behind it stay, Kafka deletes from the beginning only" in by_offset.out
    assert (finished[0]["letters"], finished[0]["unreplayed"]) == (4, 3)
    assert await dlt.rows("list", *this) == []
    assert (nothing.code, nothing.out.splitlines()[-1]) == (0, "0 deleted, 0 stay though meant")


async def test_show_of_no_letter_is_exit_1(kafka: str) -> None:
    ran = await Dlt(kafka, WALK).run("show", "--reason", "no-such-reason")

    assert (ran.code, ran.out) == (1, "")
    assert ran.error.count("\n") == 1
