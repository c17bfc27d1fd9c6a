"""Which scenario goes where, by measured pass rate: to SRL, to RLVR, back to the teacher, or nowhere any more.

RLVR learns only where some episodes are right and some are wrong. What the student never solves needs a teacher's steps
(SRL); what it always solves teaches nothing. What stays unsolved after both stages is the teacher's to explain anew.
"""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from srl_pipeline.canonical import pretty, seed_of
from srl_pipeline.config import RlvrConfig
from srl_pipeline.contracts import Json, Record
from srl_pipeline.registry.artifacts import write_durably
from srl_pipeline.training.optimization.observer import Observer, StageView

if TYPE_CHECKING:
    from srl_pipeline.training.environment.prompts import Prompt
    from srl_pipeline.training.environment.tasks import Task
    from srl_pipeline.training.rollouts.collector import Batch, Group
    from srl_pipeline.training.students.student import Student

log = logging.getLogger("srl_pipeline")
Route: TypeAlias = Literal["srl", "rlvr", "retired", "teacher"]
ROUTES: tuple[Route, ...] = ("srl", "rlvr", "retired", "teacher")
BOTH = 2
"""Training stages that a scenario has been through once SRL and RLVR are over."""


class RoutedScenario(Record):
    """One scenario: correct episodes among those sampled, and where that sends it."""

    scenario: str
    band: str
    correct: int
    episodes: int
    route: Route

    @property
    def pass_rate(self) -> float:
        return self.correct / self.episodes


class Routing(Record):
    """All scenarios that were measured, before RLVR (empty when that was not asked for) and while it ran."""

    before: list[RoutedScenario]
    after: list[RoutedScenario]


def route(pass_rate: float, attempts: int) -> Route:
    """Where a scenario goes.

    Args:
        pass_rate: Share of its sampled episodes that were correct.
        attempts: Training stages that it has been through: 1 after SRL, 2 after RLVR as well.
    """
    if pass_rate >= 1.0:
        return "retired"
    if pass_rate > 0.0:
        return "rlvr"
    return "teacher" if attempts >= BOTH else "srl"


def route_before_rlvr(
    work: Path, student: Student, model: Any, task: Task, config: RlvrConfig, prompts: Sequence[Prompt], seed: int
) -> tuple[list[Prompt], list[RoutedScenario]]:
    """The prompts that RLVR trains on, and what was measured to choose them: all and nothing with ``routing=off``.

    A resumed stage goes by the first measurement.
    """
    from srl_pipeline.training.optimization.algorithms import policy_collector
    from srl_pipeline.training.rollouts.sampling import Sampler

    if config.routing == "off" or not prompts:
        return list(prompts), []
    file = routing_file(work)
    if not file.exists():
        seed = seed_of(seed, "routing")
        chosen = random.Random(seed).sample(list(prompts), min(config.routing_scenarios, len(prompts)))
        asked = config.model_copy(update={"rollouts": config.routing_rollouts})
        collector = policy_collector(chosen, task, asked, seed)
        groups = collector.sample(Sampler(model, student.tokenizer), chosen, seed=seed)
        _write(file, Routing(before=routed(groups, attempts=1), after=[]))
    found = Routing.model_validate_json(file.read_bytes()).before
    return sometimes_solved(prompts, found), found


def sometimes_solved(prompts: Sequence[Prompt], found: Sequence[RoutedScenario]) -> list[Prompt]:
    """The prompts whose scenario is solved now and then; all of them when there is none, which is logged."""
    wanted = {scenario.scenario for scenario in found if scenario.route == "rlvr"}
    chosen = [prompt for prompt in prompts if prompt.scenario.id in wanted]
    if chosen:
        log.info("rlvr: routing keeps %d of %d scenarios, of %d measured", len(chosen), len(prompts), len(found))
        return chosen
    log.warning(
        "rlvr: none of %d measured scenarios is solved now and then, so all %d are trained on", len(found), len(prompts)
    )
    return list(prompts)


def routed(groups: Iterable[Group], attempts: int) -> list[RoutedScenario]:
    """The scenarios of ``groups`` of episodes, in the order in which they first come."""
    tally = _Tally()
    tally.add(groups)
    return tally.routed(attempts)


def routing_file(folder: Path) -> Path:
    """Where an artifact holds its routing."""
    return folder / "routing.json"


class RouteAccount(Observer):
    """Counts correct episodes by scenario over all rollouts of RLVR; leaves ``routing.json`` in the artifact.

    The policy changes while it is counted: the rates are those of the stage, not of its last weights.
    """

    name = "routing"

    def __init__(self, before: Sequence[RoutedScenario] = ()) -> None:
        self._before = before
        self._tally = _Tally()

    def resumed(self, view: StageView, state: Json) -> None:
        self._tally = _Tally(state)

    def sampled(self, step: int, batch: Batch) -> dict[str, float]:
        self._tally.add(batch.sampled)
        return {}

    def state(self) -> Json:
        return self._tally.counts

    def ended(self, view: StageView) -> dict[str, float]:
        after = self._tally.routed(BOTH)
        _write(routing_file(view.work), Routing(before=list(self._before), after=after))
        return counts("routed_before", self._before) | counts("routed_after", after)


def counts(name: str, found: Sequence[RoutedScenario]) -> dict[str, float]:
    """Flat metrics: scenarios by route; nothing where nothing was measured."""
    if not found:
        return {}
    number = Counter(scenario.route for scenario in found)
    return {f"{name}_{one}": float(number[one]) for one in ROUTES}


def _write(file: Path, routing: Routing) -> None:
    write_durably(file, pretty(routing.model_dump()))


class _Tally:
    """Correct and sampled episodes by scenario, as JSON: scenario id -> [band, correct, episodes]."""

    def __init__(self, counts: Mapping[str, list[Json]] | None = None) -> None:
        self.counts: dict[str, list[Json]] = {name: list(row) for name, row in (counts or {}).items()}

    def add(self, groups: Iterable[Group]) -> None:
        for group in groups:
            row = self.counts.setdefault(group.prompt.scenario.id, [group.prompt.scenario.band, 0, 0])
            row[1] += sum(score.correct for score in group.scores)
            row[2] += len(group.scores)

    def routed(self, attempts: int) -> list[RoutedScenario]:
        return [
            RoutedScenario(
                scenario=name,
                band=band,
                correct=correct,
                episodes=episodes,
                route=route(correct / episodes, attempts),
            )
            for name, (band, correct, episodes) in self.counts.items()
        ]
