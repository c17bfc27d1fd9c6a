"""What a pack is like, in figures: for its designer, who wants to see what is too easy, too rare or never asked.

Seeded: the same pack gives the same figures, timings apart.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from srl_pipeline.canonical import seed_of
from srl_pipeline.config import GenerationConfig
from srl_pipeline.contracts import LoreBundle, Scenario, Step, Trajectory
from srl_pipeline.errors import TeacherError
from srl_pipeline.generation.dialogue import solve
from srl_pipeline.generation.drawing import (
    Drawing,
    count_valid,
    coverage,
    evaluation_scenarios,
)
from srl_pipeline.generation.pack_figures.field_changes import Change, Solution, domains_of, single_changes
from srl_pipeline.generation.pack_figures.field_freedom import FieldFreedom, field_freedom
from srl_pipeline.generation.pack_figures.rule_hits import RuleHits, guess, rule_hits
from srl_pipeline.model_types import NumericAxis, Pack
from srl_pipeline.teachers import SearchTeacher
from srl_pipeline.verification import ScenarioSpace, Verifier, valid_axes

SAMPLED = 1_000
"""Random valid scenarios: difficulty, and what coverage is within reach."""
DRAWN = 320
"""Scenarios drawn as generation draws them: what a training set of that size covers."""
SOLVED = 200
"""Scenarios given to the expert."""
GUESSED = 10_000
"""Random artefacts."""
PROBED = 25
"""Scenarios in which it is asked of every value of every field whether a valid artefact can have it."""
BINS = 10
BANDS = ("easy", "medium", "hard")
NO_LORE = LoreBundle(citations=[], tokens=0, budget=0)
SETTINGS = GenerationConfig()

Interval = Callable[[int, int], tuple[float | None, float | None]]
"""Bounds of a share, from hits and tries; the caller brings it, for it is the evaluation that knows statistics."""
Tokens = Callable[[Sequence[Step]], list[int]]
"""Tokens of each step of a transcript without monologues, as the student writes it."""


@dataclass(frozen=True)
class Share:
    """``hits`` of ``n``, with the bounds of its 95 % interval."""

    hits: int
    n: int
    low: float | None
    high: float | None

    @property
    def value(self) -> float:
        return self.hits / self.n if self.n else 0.0


@dataclass(frozen=True)
class AxisFigures:
    """An axis and its values as the pack writes them; of a numeric axis, its ends and step."""

    name: str
    values: list[str]
    size: int


@dataclass(frozen=True)
class ScenarioFigures:
    """What can be asked.

    Attributes:
        combinations: Of axis values, the impossible ones included.
        counted: Whether ``valid`` was counted; else it is an estimate.
        reachable, drawn, held_out: Share of all pairs of axis values (numeric axes in thirds) that occur in a large
            random sample, in a training set, in the evaluation set (None without one).
        difficulty, difficulty_held_out: Scenarios in each tenth of 0..1: of the random sample, of the evaluation set.
        bands: Easy, medium and hard scenarios of the random sample.
    """

    combinations: int
    valid: int
    counted: bool
    reachable: float
    drawn: float
    held_out: float | None
    difficulty: list[int]
    difficulty_held_out: list[int]
    bands: list[int]


@dataclass(frozen=True)
class ExpertFigures:
    """What the expert made of the scenarios that it was given.

    Attributes:
        solved: Verified, no hard rule broken.
        ideal: No soft rule broken either.
        unnoticed: Share of single changes of its solutions that break no rule, hard or soft; None without a solution.
        valid_changes: Share of them that break no hard rule.
        failures: Errors of scenarios that it did not solve, three at most.
    """

    solved: Share
    ideal: Share
    unnoticed: float | None
    valid_changes: float | None
    failures: list[str]


@dataclass(frozen=True)
class TokenFigures:
    """Tokens of the expert's transcripts without monologues, as the default student writes them."""

    step_median: float
    step_most: int
    episode_median: float
    episode_most: int


@dataclass(frozen=True)
class Timings:
    """Accepted trajectories a second of processor time, on one core, without retrieval; ``seconds`` of it for all
    figures of the pack."""

    median_rate: float | None
    mean_rate: float | None
    seconds: float


@dataclass(frozen=True)
class PackStatistics:
    """All figures of a pack. Equal for equal packs, ``timings`` apart."""

    name: str
    title: str
    description: str
    lore_documents: int
    axes: list[AxisFigures]
    scenarios: ScenarioFigures
    rules: list[RuleHits]
    guessed: Share
    expert: ExpertFigures
    fields: list[FieldFreedom]
    tokens: TokenFigures | None
    timings: Timings


def measure_pack(pack: Pack, interval: Interval, tokens: Tokens | None = None) -> PackStatistics:
    """Measure a pack. Raises PackError for one that is plainly wrong."""
    started = time.process_time()
    verifier, space = Verifier(pack), ScenarioSpace(pack)
    rng = Random(seed_of("pack statistics", pack.name))
    sample = [space.scenario(valid_axes(space, rng), where="pack statistics") for _ in range(SAMPLED)]
    found, failures, seconds = _solve(verifier, sample[:SOLVED])
    solutions: list[Solution] = [(t.scenario, t.artefact) for t in found]
    domains = domains_of(pack)
    changes = [list(single_changes(verifier, *solution, domains)) for solution in solutions]
    every = [change for own in changes for change in own]
    guesses = guess(verifier, sample, domains, GUESSED, rng)
    return PackStatistics(
        name=pack.name,
        title=pack.spec.title,
        description=pack.spec.description,
        lore_documents=len(pack.documents),
        axes=[_axis(pack, name) for name in pack.spec.axes],
        scenarios=_scenarios(space, sample),
        rules=rule_hits(verifier, solutions, every, guesses),
        guessed=_share(guesses.passed, guesses.draws, interval),
        expert=_expert(found, len(sample[:SOLVED]), every, failures, interval),
        fields=field_freedom(verifier, solutions, changes, PROBED),
        tokens=_tokens([tokens(t.steps) for t in found]) if tokens and found else None,
        timings=Timings(
            median_rate=1 / statistics.median(seconds) if seconds else None,
            mean_rate=len(seconds) / sum(seconds) if seconds else None,
            seconds=time.process_time() - started,
        ),
    )


def _solve(verifier: Verifier, scenarios: Sequence[Scenario]) -> tuple[list[Trajectory], list[str], list[float]]:
    """Accepted trajectories, errors of the others, and seconds of processor time of the accepted."""
    teacher = SearchTeacher(verifier)
    found: list[Trajectory] = []
    failures: list[str] = []
    seconds: list[float] = []
    for scenario in scenarios:
        start = time.thread_time()
        try:
            answer = solve(
                teacher,
                verifier,
                scenario,
                NO_LORE,
                variant=0,
                max_revisions=SETTINGS.max_revisions,
                reasoning_words=SETTINGS.reasoning_words,
                generation=1,
                novelty=1.0,
            )
        except TeacherError as error:
            failures.append(str(error))
            continue
        if isinstance(answer, Trajectory):
            seconds.append(time.thread_time() - start)
            found.append(answer)
        else:
            failures.append(f"given up: {answer}")
    return found, failures, seconds


def _expert(
    found: Sequence[Trajectory], asked: int, changes: Sequence[Change], failures: list[str], interval: Interval
) -> ExpertFigures:
    def share(weight: float) -> float | None:
        return weight / len(found) if found else None

    return ExpertFigures(
        solved=_share(len(found), asked, interval),
        ideal=_share(sum(t.soft_cost == 0 for t in found), asked, interval),
        unnoticed=share(sum(c.weight for c in changes if not c.broken)),
        valid_changes=share(sum(c.weight for c in changes if not c.hard)),
        failures=failures[:3],
    )


def _scenarios(space: ScenarioSpace, sample: Sequence[Scenario]) -> ScenarioFigures:
    valid, counted = count_valid(space)
    free = valid - len(space.pack.definition.evaluation.scenarios)
    seed = seed_of("pack statistics", space.pack.name)
    drawn = [d.scenario for d in Drawing(space, seed, min(DRAWN, free // 2), SETTINGS)]
    held_out = evaluation_scenarios(space) if space.pack.definition.evaluation.scenarios else []
    return ScenarioFigures(
        combinations=space.size,
        valid=valid,
        counted=counted,
        reachable=coverage(space, sample),
        drawn=coverage(space, drawn),
        held_out=coverage(space, held_out) if held_out else None,
        difficulty=histogram([s.difficulty for s in sample]),
        difficulty_held_out=histogram([s.difficulty for s in held_out]),
        bands=[sum(s.band == band for s in sample) for band in BANDS],
    )


def histogram(values: Sequence[float]) -> list[int]:
    """How many of ``values`` (0..1) lie in each tenth; 1.0 is in the last."""
    counts = [0] * BINS
    for value in values:
        # rounded, so that a sum such as 0.1 + 0.2 lies where its decimal says
        counts[min(BINS - 1, int(round(value, 9) * BINS))] += 1
    return counts


def _axis(pack: Pack, name: str) -> AxisFigures:
    spec = pack.spec.axes[name]
    if isinstance(spec, NumericAxis):
        ends = f"{pack.spec.label(name, spec.min)} to {pack.spec.label(name, spec.max)}"
        return AxisFigures(name, [f"{ends} by {spec.step:g} {spec.unit}".rstrip()], len(spec.values))
    return AxisFigures(name, list(spec), len(spec))


def _share(hits: int, n: int, interval: Interval) -> Share:
    low, high = interval(hits, n)
    return Share(hits, n, low, high)


def _tokens(episodes: Sequence[Sequence[int]]) -> TokenFigures:
    steps = [n for episode in episodes for n in episode]
    whole = [sum(episode) for episode in episodes]
    return TokenFigures(statistics.median(steps), max(steps), statistics.median(whole), max(whole))
