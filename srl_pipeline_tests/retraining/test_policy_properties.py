"""Whatever happens in whatever order, runs are asked for once, one at a time, within their limits, and none is lost."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from srl_pipeline.config import RetrainingConfig
from srl_pipeline.retraining import PINS, Observed, Obstacle, Plan, Regeneration, Signal, Versions, plan
from srl_pipeline.retraining.policy import UNTAUGHT
from srl_pipeline.retraining.records import GENERATION
from srl_pipeline_tests.profiles import examples

TYPES = ("inns", "boats")
NO_MONEY = Obstacle(kind="money", why="the month's money is spent")
LIMITS = st.sampled_from([0, 1, 3, 200])
"""Runs a month: 0 is a type that is paused."""


@dataclass
class World:
    """One model type, as whoever looks from outside sees it."""

    pins: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PINS, 0))
    made: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PINS, 0))
    """What the last run that ended well has made each pin from."""
    signals: list[int] = field(default_factory=list[int])
    generation: int = 1
    generated_at: str = ""
    running: Regeneration | None = None
    running_pins: dict[str, int] = field(default_factory=dict[str, int])
    failed: set[str] = field(default_factory=set[str])
    limit: int = 200
    launched: list[str] = field(default_factory=list[str])
    money: bool = True
    readable: bool = True
    known: bool = False
    """Whether the cursor knows it."""

    def observed(self) -> Observed:
        return Observed(
            Versions(**{name: f"{name}{value}" for name, value in self.pins.items()}),
            RetrainingConfig(quiet_seconds=20, cooldown_hours=24, retry_hours=1, runs_per_month=self.limit),
            tuple(Signal(kind="weakness", key=f"s{n}", why="Weak.") for n in self.signals),
            generation=self.generation,
            generated_at=self.generated_at,
            running=self.running is not None,
            failed=frozenset(self.failed),
            runs_this_month=len(self.launched),
            runs_ever=len(self.launched),
            no_teaching=None if self.money else NO_MONEY,
        )


class PolicyMachine(RuleBasedStateMachine):
    """Dagster drops a run key that it has seen; a run makes what it begins with from what the pins are as it starts."""

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime(2026, 11, 2, 12, tzinfo=UTC)
        self.cursor: str | None = None
        self.worlds = {name: World() for name in TYPES}
        self.signals = 0
        self.answered: dict[str, list[str]] = {name: [] for name in TYPES}
        self.crashed = False
        """Whether a cursor was not saved: the same may be asked again, and its key is dropped."""

    names = st.sampled_from(TYPES)

    @rule(name=names, pin=st.sampled_from(sorted(PINS)), value=st.integers(0, 2))
    def change(self, name: str, pin: str, value: int) -> None:
        self.worlds[name].pins[pin] = value

    @rule(name=names)
    def measure(self, name: str) -> None:
        self.signals += 1
        self.worlds[name].signals = [*self.worlds[name].signals, self.signals][-3:]

    @rule(name=names, well=st.booleans())
    def end_run(self, name: str, well: bool) -> None:
        world = self.worlds[name]
        if world.running is None:
            return
        if well:
            world.made |= {p: v for p, v in world.running_pins.items() if PINS[p] in world.running.assets}
            if world.running.generation:
                world.generated_at = self.now.isoformat()
        else:
            world.failed.add(world.running.run_key)
        world.running = None

    @rule(seconds=st.sampled_from([1, 10, 20, 3600, 90_000, -30, -7200]))
    def time_passes_and_it_ticks(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        self.look()

    @rule(seconds=st.sampled_from([20, 3600, 90_000]), well=st.sampled_from([False, False, True]))
    def all_runs_end_and_it_ticks_later(self, seconds: int, well: bool) -> None:
        for name in TYPES:
            self.end_run(name, well)
        self.time_passes_and_it_ticks(seconds)

    @rule(name=names, pin=st.sampled_from(sorted(PINS)))
    def a_change_whose_runs_fail(self, name: str, pin: str) -> None:
        self.change(name, pin, 3)
        for seconds in (0, 20, 3600, 3600):
            self.time_passes_and_it_ticks(seconds)
            self.end_run(name, False)

    @rule(name=names, limit=LIMITS, money=st.booleans(), readable=st.booleans())
    def circumstances(self, name: str, limit: int, money: bool, readable: bool) -> None:
        world = self.worlds[name]
        world.limit, world.money, world.readable = limit, money, readable

    @rule()
    def clear_cursor(self) -> None:
        self.cursor = None
        for world in self.worlds.values():
            world.known = False

    @rule(saved=st.sampled_from([True, True, True, False]), launched=st.booleans())
    def tick(self, saved: bool, launched: bool) -> None:
        self.look(saved=saved, launched=launched or saved)

    def look(self, *, saved: bool = True, launched: bool = True) -> Plan:
        observed = {name: world.observed() for name, world in self.worlds.items() if world.readable}
        decided = plan(self.cursor, observed, self.now)
        assert decided == plan(self.cursor, observed, self.now)
        assert len({r.model_type for r in decided.requests}) == len(decided.requests)
        for request in decided.requests:
            self.check(request)
        assert set(decided.first_seen) == {n for n in observed if not self.worlds[n].known}
        if saved:
            self.cursor = decided.cursor
            for name in decided.first_seen:
                world = self.worlds[name]
                # it is only recorded, also while a run is under way
                world.known, world.made, world.running_pins = True, dict(world.pins), dict(world.pins)
        for request in decided.requests if launched else ():
            self.launch(request)
        self.crashed = self.crashed or not saved
        return decided

    def check(self, request: Regeneration) -> None:
        world = self.worlds[request.model_type]
        assert world.known and world.readable and world.running is None
        assert len(world.launched) < world.limit
        assert request.assets and (world.money or UNTAUGHT.issuperset(request.assets))
        assert self.crashed or request.run_key not in world.launched, "Dagster would drop it, and the run be lost"
        if request.generation is not None:
            assert request.generation == world.generation + 1 and GENERATION in request.assets
            if world.generated_at:
                assert self.now - datetime.fromisoformat(world.generated_at) >= timedelta(hours=24)
            assert request.triggers[0] == "weakness"

    def launch(self, request: Regeneration) -> None:
        world = self.worlds[request.model_type]
        if request.run_key in world.launched:
            return  # Dagster has seen the key
        world.launched.append(request.run_key)
        world.running, world.running_pins = request, dict(world.pins)
        if request.generation is not None:
            told = [f"s{n}" for n in world.signals]
            fresh = [key for key in told if key not in self.answered[request.model_type]]
            assert fresh or self.crashed, "a signal is answered once"
            self.answered[request.model_type] += told
            world.generation = request.generation

    def teardown(self) -> None:
        """In the end nothing stands in the way, all runs end well, and something changes once more: all is made."""
        for world in self.worlds.values():
            world.limit, world.money, world.readable = 10**6, True, True
        self.look()
        for world in self.worlds.values():
            world.pins["lore"] = 99
        for _ in range(12):
            for name in TYPES:
                self.end_run(name, True)
            self.look()
            self.now += timedelta(hours=30)
        for world in self.worlds.values():
            assert world.running is None
            assert world.made == world.pins


PolicyMachine.TestCase.settings = examples(20, stateful_step_count=15)
TestPolicyInAWorldWhereAnythingHappens = PolicyMachine.TestCase
