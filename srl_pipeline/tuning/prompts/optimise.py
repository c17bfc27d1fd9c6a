"""The best few-shot prompt of a teacher, by verified pass rate on a validation split.

Method: random search over sets of demonstrations, as DSPy's BootstrapFewShotWithRandomSearch has it (Khattab et al.,
"DSPy: Compiling Declarative Language Model Calls into Self-Improving Pipelines", 2023, arXiv:2310.03714), with
successive halving of the sets that are tried (Jamieson & Talwalkar, "Non-stochastic Best Arm Identification and
Hyperparameter Optimization", AISTATS 2016). Demonstrations are solutions that Model C verified. The bare prompt takes
part in every round, is never dropped, and wins ties.

Calls are cached, metered and held against the caps, like all calls. Draws are seeded and answers are kept, so a search
that was interrupted is begun again: it comes to the same point without paying anything twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from srl_pipeline.config import PipelineConfig
from srl_pipeline.contracts import LoreBundle, Scenario, TeacherRef
from srl_pipeline.evaluation.statistics import wilson
from srl_pipeline.generation.flow import in_order
from srl_pipeline.generation.teaching import Teaching, teaching
from srl_pipeline.registry import dollars
from srl_pipeline.selection.asking import CountingAsker
from srl_pipeline.selection.attempting import attempt
from srl_pipeline.selection.samples import Attempt
from srl_pipeline.teachers import teacher_entry
from srl_pipeline.teachers.calls.pricing import cost
from srl_pipeline.teachers.catalog import TeacherEntry, current_catalog
from srl_pipeline.teachers.prompted.secrets import SecretFilter
from srl_pipeline.teachers.prompted.shots import Shots, keep_shots
from srl_pipeline.teachers.prompted.teacher import PromptedTeacher
from srl_pipeline.teachers.registry import ref_of
from srl_pipeline.tuning.prompts.checks import check_search
from srl_pipeline.tuning.prompts.draws import draw_sets
from srl_pipeline.tuning.prompts.halving import kept, rounds
from srl_pipeline.tuning.prompts.records import PromptResult, PromptSearch, Trial, with_shots
from srl_pipeline.verification import Verifier

if TYPE_CHECKING:
    from srl_pipeline.teachers.calls.caller import Asker


def optimise_prompt(
    search: PromptSearch, verifier: Verifier, config: PipelineConfig, home: Path, key: str
) -> PromptResult:
    """Measure prompts and keep the solved tasks of the best one below ``home``; nothing is registered.

    Calls are charged to the run ``tuning-<key>``. Raises TeacherError and BudgetError of the calls, and TuningError
    where there is nothing to search; run again after any of them, paid answers are kept.
    """
    entry = teacher_entry(search.base.name)
    check_search(search, entry)
    secrets = SecretFilter(current_catalog().key_variables)
    sets = draw_sets(search, verifier, secrets)
    bare, *shown = [_Entrant(index, search, entry, shots) for index, shots in enumerate([None, *sets])]
    with teaching(search.base, verifier, config, home, f"tuning-{key}") as taught:
        assert taught.asker is not None  # a model that is asked has one
        contest = _Contest(search, verifier, config, secrets, taught, taught.asker)
        best = left = shown
        for turn in rounds(len(shown), len(search.validation)):
            contest.ask([bare, *left], turn.tasks)
            best = sorted(left, key=_Entrant.rank)
            left = best[: kept(len(left))]
        winner = min([bare, *best], key=_Entrant.rank)
        spent = taught.spent_usd
    if winner.shots is not None:
        keep_shots(home, winner.shots)
    return PromptResult(
        base=search.base,
        trials=[entrant.trial for entrant in (bare, *shown)],
        chosen=winner.index,
        shots=winner.digest,
        why=_why(bare, winner, best[0]),
        spent_usd=spent,
    )


@dataclass
class _Entrant:
    """One prompt while it is measured."""

    index: int
    search: PromptSearch
    base: TeacherEntry
    shots: Shots | None
    attempts: list[Attempt] = field(default_factory=list[Attempt])

    @property
    def digest(self) -> str | None:
        return self.shots.digest if self.shots else None

    @property
    def shown(self) -> int:
        return len(self.shots.shots) if self.shots else 0

    @cached_property
    def entry(self) -> TeacherEntry:
        return with_shots(self.base, self.digest) if self.digest else self.base

    @cached_property
    def ref(self) -> TeacherRef:
        """As it would be once it is registered; the bare prompt is the teacher that there is."""
        return ref_of(self.search.name, self.entry) if self.shots else self.search.base

    @property
    def accepted(self) -> int:
        return sum(a.accepted for a in self.attempts)

    @property
    def input_tokens(self) -> int:
        return sum(a.usage.input_tokens for a in self.attempts)

    @property
    def output_tokens(self) -> int:
        return sum(a.usage.output_tokens for a in self.attempts)

    def rank(self) -> tuple[int, int, int, int]:
        """Smaller is better, among those that were asked the same: verified solutions, then what is cheaper to ask."""
        return -self.accepted, self.shown, self.input_tokens + self.output_tokens, self.index

    @property
    def trial(self) -> Trial:
        return Trial(
            index=self.index,
            shots=self.digest,
            shown=self.shown,
            tasks=len(self.attempts),
            accepted=self.accepted,
            pass_rate=wilson(self.accepted, len(self.attempts)),
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            usd=dollars(sum(cost(a.usage, self.base.price, batch=self.base.batch) for a in self.attempts)),
        )


@dataclass(frozen=True)
class _Contest:
    """Asks the entrants."""

    search: PromptSearch
    verifier: Verifier
    config: PipelineConfig
    secrets: SecretFilter
    taught: Teaching
    asker: Asker

    def ask(self, entrants: Sequence[_Entrant], tasks: int) -> None:
        """Ask each of them what is missing of the first ``tasks`` scenarios; raises TeacherError, BudgetError."""
        # one prompt after the other: what they have in common at the beginning is then in the vendor's cache
        work = [
            (entrant, item) for entrant in entrants for item in self.search.validation[len(entrant.attempts) : tasks]
        ]
        found = list(in_order(lambda one: self._attempt(*one), work, self.taught.concurrency, self.taught.abort))
        for (entrant, _), answer in zip(work, found, strict=True):
            entrant.attempts.append(answer)

    def _attempt(self, entrant: _Entrant, item: tuple[Scenario, LoreBundle]) -> Attempt:
        """One scenario; called from several threads, each with a count of its own."""
        scenario, bundle = item
        counting = CountingAsker(self.asker)
        teacher = PromptedTeacher(entrant.ref, entrant.entry, self.verifier, counting, self.secrets, entrant.shots)
        return attempt(teacher, self.verifier, self.config.generation, scenario, bundle, counting)


def _why(bare: _Entrant, winner: _Entrant, best_set: _Entrant) -> str:
    tasks = len(bare.attempts)
    without = f"{bare.accepted} of {tasks} scenarios verified without any"
    if winner is bare:
        return f"No set of solved tasks is better than none: {best_set.accepted} verified with the best, {without}."
    return f"{winner.accepted} of {tasks} scenarios verified with {winner.shown} solved tasks, {without}."
