"""I8 to I12: how fast workers are back, what they leave in memory and logs, what they tell."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median, mode, quantiles

from tests.chaos.evidence import Evidence
from tests.chaos.findings import Finding, finding
from tests.chaos.kafka import Logged
from tests.chaos.site import CATCH_UP_SECONDS, CHECK_WINDOW_EVENTS, READY_SECONDS
from tests.chaos.texts import CANARY
from tests.chaos.workers import Descriptors, Life, Sample

_STOP_SECONDS = 20.0
_RESUME_SECONDS = 10.0
# A process shorter than this is still warming up: caches, partitions that it was just given.
_LONG_LIFE_SECONDS = 180.0
_MOST_GROWTH = 0.10
_MORE_DESCRIPTORS = 24
# An event in flight has one at a time; and one asks whether the store is back.
_MOST_TO_STORE = CHECK_WINDOW_EVENTS + 1
# Of one worker of two: six partitions of three tables, shared.
_DATABASES = 9
# They share two processors; a loop that is held would show the ten seconds and more that a slow
# text takes. What takes less than two is the machine's doing.
_MOST_SLOWER = 3.0
_NOTICED_SECONDS = 2.0
_FEW_ESSAYS = 100
_WARM_SECONDS = 5.0
# Lines of a log that may hold a traceback: none.
_ALLOWED_TRACEBACKS: tuple[str, ...] = ()
_ALARMS = ("Traceback", "Unclosed", "never awaited", "never retrieved", "was destroyed but")


def speed(found: Evidence) -> Finding:
    """I8: ready, resumed and caught up in time; SIGTERM obeyed."""
    tally = found.tally
    late = [seconds for seconds in tally.resume_seconds if seconds > _RESUME_SECONDS]
    bad_stops = [stop for stop in tally.stops if stop[0] != 0 or stop[1] > _STOP_SECONDS]
    caught_up = tally.catch_up_seconds

    def faults() -> Iterator[str]:
        yield from tally.late
        yield from (f"resumed only {seconds:.1f} s after an outage" for seconds in late)
        yield from (f"SIGTERM: exit {code} after {seconds:.1f} s" for code, seconds in bad_stops)
        if caught_up is None or caught_up > CATCH_UP_SECONDS:
            yield f"lag 0 only after {caught_up} s"

    figures = (
        f"ready <= {max(tally.ready_seconds, default=0):.1f} s (may be {READY_SECONDS:g}), "
        f"resumed <= {max(tally.resume_seconds, default=0):.1f} s ({_RESUME_SECONDS:g}), "
        f"stopped <= {max((s for _, s in tally.stops), default=0):.1f} s ({_STOP_SECONDS:g}), "
        f"lag 0 after {caught_up or 0:.1f} s ({CATCH_UP_SECONDS:g})"
    )
    return finding("I8", "back in time", figures, faults())


def fairness(found: Evidence) -> Finding:
    """I11: who hands an essay in while a text that takes many seconds is checked hardly notices.

    Both kinds come in the calm before the first fault, at one rate: those of the seconds before
    the slow texts, and those sent while one is under way.
    """
    title = "one slow text slows nobody else"
    plan, rest = found.plan, found.site.observer.at_rest
    if not plan.calm_bombs:
        return finding("I11", title, "NOT CHECKED: no text of this run takes long", ())
    sent = {key.decode(errors="replace"): at for key, at in found.site.producer.sent_at.items()}
    spans = {essay: (sent[essay], rest[essay]) for essay in plan.bombs & sent.keys() & rest.keys()}
    in_the_calm = [span for essay, span in spans.items() if essay in plan.calm_bombs]
    first, warm = min(sent[essay] for essay in plan.calm_bombs), min(sent.values()) + _WARM_SECONDS
    alone: list[float] = []
    beside: list[float] = []
    for essay in (plan.essays - plan.bombs) & sent.keys() & rest.keys():
        if any(begin <= sent[essay] <= end for begin, end in in_the_calm):
            beside.append(rest[essay] - sent[essay])
        elif warm <= sent[essay] < first and not any(
            begin <= sent[essay] <= end for begin, end in spans.values()
        ):
            alone.append(rest[essay] - sent[essay])
    if min(len(alone), len(beside)) < _FEW_ESSAYS:
        too_few = f"{len(beside)} essays beside {len(in_the_calm)} slow texts, {len(alone)} before"
        return finding("I11", title, too_few, [f"too few to compare: {too_few}"])
    during, otherwise = (quantiles(each, n=20)[-1] for each in (beside, alone))
    most = max(_MOST_SLOWER * otherwise, _NOTICED_SECONDS)
    figures = (
        f"p95 {during:.2f} s of {len(beside)} essays beside {len(in_the_calm)} texts that take up "
        f"to {max(end - begin for begin, end in in_the_calm):.0f} s (may be {most:.2f}), "
        f"{otherwise:.2f} s of {len(alone)} before"
    )
    return finding("I11", title, figures, [figures] if during > most else [])


def health(found: Evidence) -> Finding:
    """I9: no traceback, no leak, nobody ends unasked."""
    lives = [
        (f"{worker.name}/{life.number}", life)
        for worker in found.site.workers.values()
        for life in worker.lives
    ]
    long_ones = {name: life for name, life in lives if _span(life) >= _LONG_LIFE_SECONDS}
    growths = {name: _growth(life) for name, life in long_ones.items() if _is_filled(life)}
    descriptors = {name: _more_descriptors(life) for name, life in long_ones.items()}

    def faults() -> Iterator[str]:
        for name, log in found.logs.items():
            yield from (f"{name}: {line[:300]}" for line in _alarms(log))
        for name, life in lives:
            yield from _too_many_connections(name, life)
        for name, growth in growths.items():
            if growth > _MOST_GROWTH:
                sizes = _sizes(long_ones[name])
                yield f"{name} needs {growth:.0%} more in its last quarter: {sizes}"
        for name, life in long_ones.items():
            if descriptors[name] > _MORE_DESCRIPTORS:
                yield f"{name} has {descriptors[name]} descriptors more: {_open(life)}"
        yield from (f"ended by itself: {exit_}" for exit_ in found.tally.unasked_exits)

    grown = ", ".join(f"{name} {growth:+.1%}" for name, growth in growths.items())
    longest = max((_span(life) for _, life in lives), default=0)
    measured = (
        f"memory, last quarter and the one before: {grown or 'NOT CHECKED'}; "
        f"descriptors {max(descriptors.values()):+d}"
        if long_ones
        else f"growth NOT CHECKED, the longest life is {longest:.0f} s of {_LONG_LIFE_SECONDS:g}"
    )
    figures = f"{measured}; {len(lives)} lives"
    return finding("I9", "no traceback, no growth", figures, faults())


def mending(found: Evidence) -> Finding:
    """I12: databases that were damaged are noticed, and made anew."""
    tally = found.tally

    def faults() -> Iterator[str]:
        for how, (_, missed) in tally.damages.items():
            if missed:
                yield f"{how}: {missed} damaged databases in use"

    harms = [f"{rebuilt} after {how}" for how, (rebuilt, _) in tally.damages.items()]
    unchecked = [f"NOT CHECKED: {what}" for what in tally.unchecked]
    figures = "; ".join([f"databases rebuilt: {', '.join(harms) or 'none, no damage'}", *unchecked])
    return finding("I12", "damage is found and mended", figures, faults())


def _too_many_connections(name: str, life: Life) -> Iterator[str]:
    most = max((sample.descriptors.to_store for sample in life.samples), default=0)
    if most > _MOST_TO_STORE:
        yield f"{name} had {most} connections to the content store"


def _alarms(log: str) -> Iterator[str]:
    for line in log.splitlines():
        is_allowed = any(allowed in line for allowed in _ALLOWED_TRACEBACKS)
        if not is_allowed and any(alarm in line for alarm in _ALARMS):
            yield line


def _span(life: Life) -> float:
    return life.samples[-1].at - life.started if life.samples else 0.0


def _halves(life: Life) -> tuple[list[Sample], list[Sample]]:
    """Return the samples round the middle of a life and those at its end, a tenth of it each."""
    middle, tenth = life.started + _span(life) / 2, max(1, len(life.samples) // 10)
    later = [sample for sample in life.samples if sample.at >= middle]
    return later[:tenth], life.samples[-tenth:]


def _is_filled(life: Life) -> bool:
    """Whether a life had as many databases in its first half as in its second.

    Whoever takes another's over for the first time fills the cache and the buffers that are there
    for them, 12 MiB at the most, and keeps that.
    """
    half = life.started + _span(life) / 2
    before, after = (
        max(s.descriptors.databases for s in life.samples if (s.at < half) is is_before)
        for is_before in (True, False)
    )
    return before >= after


def _growth(life: Life) -> float:
    """Return how much more a life needs in its last quarter than in the one before.

    The least of each counts: load comes and goes, and a large text or the partitions of a worker
    that was killed need some memory for a while. What leaks is there at the quietest moment too.
    """
    usual = mode(len(sample.each_bytes) for sample in life.samples)
    whole = [sample for sample in life.samples if len(sample.each_bytes) == usual]
    half, quarter = life.started + _span(life) / 2, life.started + _span(life) * 3 / 4
    before = min(sample.bytes_in_all for sample in whole if half <= sample.at < quarter)
    return min(sample.bytes_in_all for sample in whole if sample.at >= quarter) / before - 1


def _sizes(life: Life) -> str:
    """Return what each process of a life used at its half, at its end and at the most, in MB."""
    middle, last = _halves(life)
    most = max(life.samples, key=lambda sample: sample.bytes_in_all)
    return (
        " to ".join(
            "+".join(f"{size / 1e6:.0f}" for size in sample.each_bytes) + " MB"
            for sample in (middle[0], last[-1])
        )
        + f", at the most {most.bytes_in_all / 1e6:.0f} MB"
    )


def _more_descriptors(life: Life) -> int:
    """Return how many more are open at the end, but for databases of partitions that came."""
    middle, last = ([_flat(sample.descriptors) for sample in part] for part in _halves(life))
    return round(median(last) - median(middle))


def _open(life: Life) -> str:
    """Return what a life had open at its half and at its end."""
    return " to ".join(
        f"{open_.others} and {open_.of_databases} files of {open_.databases} databases"
        for open_ in (part[-1].descriptors for part in _halves(life))
    )


def _flat(found: Descriptors) -> float:
    """Return what stays as it is, whatever a worker owns: the files of one database, and all else.

    A file of each database more is as much as a leak.
    """
    return found.others + _DATABASES * found.of_databases / max(1, found.databases)


def secrecy(found: Evidence) -> Finding:
    """I10: the canary is in no log, metric, header, or record that is no poison."""
    places = {f"log of {name}": log for name, log in found.logs.items()}
    places |= {f"metrics of {name}": scrape for name, scrape in found.scrapes.items()}
    hits = [place for place, text in places.items() if CANARY in text]
    records = 0
    for topic, logged in found.log.items():
        for record in logged:
            records += 1
            hits += [
                f"{topic} {record.partition}@{record.offset}: {where}" for where in _in(record)
            ]
    figures = f"{len(places)} logs and scrapes, {records} records, {len(hits)} hits"
    return finding("I10", "no essay text outside the store", figures, hits)


def _in(record: Logged) -> Iterator[str]:
    word = CANARY.encode()
    for name, value in record.headers:
        if word in name.encode() or word in value:
            yield f"header {name}"
    # A dead letter holds its message as it was, and poison here is made with the canary in it.
    if not record.topic.endswith(".DLT") and word in (record.value or b""):
        yield "value"
