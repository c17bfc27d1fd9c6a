"""A day of generations, event by event: what arrives, waits in the queue, is dequeued, trains and ends.

Pure and seeded. Two waits are told apart: for the queue of runs (limit of runs at once, rate of dequeuing) and for a
training machine (the pool). A run holds its place among the runs at once for its whole life, also while it waits for a
machine; of one model type one run is under way at a time.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

DAY = 86_400.0
Arrivals: TypeAlias = Literal["even", "at once"]


@dataclass(frozen=True)
class Day:
    """One configuration and one load.

    Attributes:
        arrivals: ``even`` over the day, or all types ``at once``, each with its next generations behind it.
        before, training, after: Median minutes of what needs no training machine, of what does, and of the rest.
        spread: Standard deviation of the logarithm of these times.
        machines: Training machines (slots of the pool).
        runs: Runs at once.
        dequeue_seconds, launch_seconds: Pause between two looks at the queue, and time to start one run of a look.
        submit_seconds: Time in which a sensor puts one run into the queue, one after the other.
    """

    types: int = 1000
    each: int = 10
    arrivals: Arrivals = "even"
    before: float = 1.0
    training: float = 13.0
    after: float = 0.5
    spread: float = 0.2
    machines: int = 100
    runs: int = 200
    dequeue_seconds: float = 5.0
    launch_seconds: float = 0.15
    submit_seconds: float = 1.4
    seed: int = 1


@dataclass(frozen=True)
class Outcome:
    """What came of a day. Waits are in minutes.

    Attributes:
        done: Generations that were ready within the day.
        hours: Hours of training machines that were used, of those that were there, while anything ran.
        last: When the last generation was ready, in hours after the day began.
        first_limit: What the waiting was for, where it was more than a minute on average.
    """

    asked: int
    done: int
    queue_p50: float
    queue_p95: float
    machine_p50: float
    machine_p95: float
    hours: float
    utilisation: float
    last: float
    first_limit: str


@dataclass
class _Run:
    type: int
    asked: float
    dequeued: float = 0.0
    waited: float = 0.0


def simulate(day: Day) -> Outcome:
    """Live the day, and on until everything that was asked for is ready."""
    rng = random.Random(day.seed)
    events: list[tuple[float, int, str, _Run | None]] = []
    number = 0

    def at(when: float, what: str, run: _Run | None = None) -> None:
        nonlocal number
        number += 1
        heapq.heappush(events, (when, number, what, run))

    def minutes(median: float) -> float:
        return 60 * median * rng.lognormvariate(0.0, day.spread)

    total = day.types * day.each
    for index in range(total):
        when = rng.uniform(0, DAY) if day.arrivals == "even" else index * day.submit_seconds
        at(when, "asked", _Run(index % day.types, when))
    queue: deque[_Run] = deque()
    pool: deque[tuple[_Run, float]] = deque()
    busy_types, under_way, busy, left = set[int](), 0, 0, total
    finished: list[tuple[float, _Run]] = []
    used = end = 0.0
    at(0.0, "look")

    def train(run: _Run, now: float) -> None:
        nonlocal busy, used
        busy += 1
        taken = minutes(day.training)
        used += taken
        at(now + taken, "trained", run)

    while left:
        now, _, what, run = heapq.heappop(events)
        if what == "asked" and run:
            queue.append(run)
        elif what == "look":
            clock, skipped = now, deque[_Run]()
            while queue and under_way < day.runs:
                candidate = queue.popleft()
                if candidate.type in busy_types:
                    skipped.append(candidate)
                    continue
                busy_types.add(candidate.type)
                under_way += 1
                clock += day.launch_seconds
                candidate.dequeued = clock
                at(clock + minutes(day.before), "prepared", candidate)
            queue.extendleft(reversed(skipped))
            at(clock + day.dequeue_seconds, "look")
        elif what == "prepared" and run:
            if busy < day.machines:
                train(run, now)
            else:
                pool.append((run, now))
        elif what == "trained" and run:
            busy -= 1
            at(now + minutes(day.after), "ready", run)
            if pool:
                following, since = pool.popleft()
                following.waited = now - since
                train(following, now)
        elif what == "ready" and run:
            busy_types.discard(run.type)
            under_way -= 1
            left -= 1
            end = now
            finished.append((now, run))
    return _outcome(day, finished, used, end)


def _outcome(day: Day, finished: list[tuple[float, _Run]], used: float, end: float) -> Outcome:
    queued = sorted((run.dequeued - run.asked) / 60 for _, run in finished)
    waited = sorted(run.waited / 60 for _, run in finished)
    asked = len(finished)
    whole = sum(queued) + sum(waited)
    short = whole / asked < 1.0
    # who waits for a machine holds a place among the runs at once: the queue behind it is the machines', too
    machines = sum(waited) / asked > 0.1 * day.training
    return Outcome(
        asked=asked,
        done=sum(when <= DAY for when, _ in finished),
        queue_p50=_percentile(queued, 0.5),
        queue_p95=_percentile(queued, 0.95),
        machine_p50=_percentile(waited, 0.5),
        machine_p95=_percentile(waited, 0.95),
        hours=used / 3600,
        utilisation=used / (day.machines * end),
        last=end / 3600,
        first_limit="none" if short else "training machines" if machines else _queue_limit(day),
    )


def _queue_limit(day: Day) -> str:
    """Whether the places for runs, or the rate at which they are taken out of the queue, hold runs back."""
    life = 60 * (day.before + day.training + day.after)
    rate = day.runs / (day.dequeue_seconds + day.runs * day.launch_seconds)
    return "runs at once" if day.runs / life < rate else "dequeue rate"


def machines_needed(day: Day, *, share: float = 0.98) -> int:
    """The fewest training machines with which so many of the day's generations are ready within it; runs follow."""
    low, high = 1, 4 * day.types
    while low < high:
        middle = (low + high) // 2
        if simulate(replace(day, machines=middle, runs=middle + middle // 4 + 10)).done >= share * day.types * day.each:
            high = middle
        else:
            low = middle + 1
    return low


def _percentile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
