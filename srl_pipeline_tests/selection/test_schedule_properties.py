"""Checks cost money: one that was made is not due again at once, one that is due comes, whatever clocks do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from srl_pipeline.config import SelectionConfig
from srl_pipeline.selection.schedule import CLOCK_SLACK, RETRY, Check, down_since, reason, tasks_of, went_back
from srl_pipeline_tests.profiles import examples

NAMES = ("a", "b", "c")


class ScheduleMachine(RuleBasedStateMachine):
    """Checks whenever one is due, as the sensor does."""

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime(2026, 11, 2, 12, tzinfo=UTC)
        self.config = SelectionConfig()
        self.last: Check | None = None
        self.fingerprint, self.incumbent = "f0", "a"
        self.enough = True
        self.down: frozenset[str] = frozenset()
        self.checks: list[datetime] = []
        self.causes = 0
        """What may have called for a check so far, time left out."""

    @initialize(days=st.sampled_from([0.01, 1.0, 30.0]))
    def begin(self, days: float) -> None:
        self.config = SelectionConfig(recheck_days=days)

    @rule(number=st.integers(0, 2))
    def something_changes(self, number: int) -> None:
        self.causes += self.fingerprint != f"f{number}"
        self.fingerprint = f"f{number}"

    @rule(down=st.frozensets(st.sampled_from(NAMES)), incumbent=st.sampled_from(NAMES))
    def who_answers(self, down: frozenset[str], incumbent: str) -> None:
        self.down, self.incumbent = down, incumbent

    @rule(enough=st.booleans())
    def candidates(self, enough: bool) -> None:
        self.enough = enough

    @rule(hours=st.sampled_from([0.01, 0.5, 2, 25, 24 * 31, -0.5, -2, -24 * 40]))
    def time_passes(self, hours: float) -> None:
        self.now += timedelta(hours=hours)
        self.causes += hours < 0

    def why(self) -> str:
        return reason(self.last, self.enough, self.fingerprint, self.now, self.config)

    def time_has_come(self, last: Check) -> bool:
        """By days, or by a clock that went back."""
        old = self.now - datetime.fromisoformat(last.since) >= timedelta(self.config.recheck_days)
        return old or self.now < datetime.fromisoformat(last.at) - CLOCK_SLACK

    @rule()
    def look(self) -> None:
        due = self.why()
        if self.last is None:
            assert bool(due) == self.enough
        elif self.last.fingerprint != self.fingerprint or (self.enough and self.time_has_come(self.last)):
            assert due
        if not due:
            return
        before = self.last
        seed, since = tasks_of(before, self.now, self.config)
        at = self.now.isoformat(timespec="seconds")
        down = down_since(before, self.down, self.now)
        assert set(down) == self.down
        for name, moment in down.items():
            assert before is None or name not in before.down or moment == before.down[name]
        self.last = Check(
            fingerprint=self.fingerprint, seed=seed, since=since, at=at, incumbent=self.incumbent, down=down
        )
        self.checks.append(self.now)

    @invariant()
    def a_check_that_was_just_made_is_not_due_again(self) -> None:
        if self.last and self.checks[-1] == self.now and self.last.fingerprint == self.fingerprint:
            assert self.why() == ""
            assert not went_back(self.last, self.now)

    def teardown(self) -> None:
        """No more checks than there were causes: changes, clocks, answers that were missing, and the days."""
        steps = [b - a for a, b in zip(self.checks, self.checks[1:], strict=False)]
        by_days = sum(max(0, step / timedelta(self.config.recheck_days)) >= 0.5 for step in steps)
        retries = sum(step >= RETRY - timedelta(seconds=1) for step in steps)
        assert len(self.checks) <= 1 + self.causes + by_days + retries


ScheduleMachine.TestCase.settings = examples(30, stateful_step_count=25)
TestScheduleOfChecks = ScheduleMachine.TestCase
