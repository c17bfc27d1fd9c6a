"""The `trajectories` asset: a fresh generation of verified expert solutions."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from srl_pipeline.canonical import seed_of
from srl_pipeline.clock import StopWatch
from srl_pipeline.config import PipelineConfig
from srl_pipeline.contracts import LoreBundle, Sources, Trajectory
from srl_pipeline.generation.data_card import data_card, write_card
from srl_pipeline.generation.dialogue import Abandoned, soft_cost, solve
from srl_pipeline.generation.drawing import (
    Drawing,
    Drawn,
    DuplicateFilter,
    Feedback,
    bucket_name,
    content,
    evaluation_ids,
    evaluation_scenarios,
    read_feedback,
)
from srl_pipeline.generation.flow import in_order
from srl_pipeline.generation.forecast import check_forecast
from srl_pipeline.generation.generation_gates import gates, metrics
from srl_pipeline.generation.sources import LoadedSources, load_sources
from srl_pipeline.generation.tables import TableWriter, read_trajectories, trajectory_writer
from srl_pipeline.generation.tally import Tally
from srl_pipeline.generation.teaching import Teaching, teaching
from srl_pipeline.lore import LoreRetriever, index_folder
from srl_pipeline.registry import ArtifactStore, Built, Outcome, StoredArtifact, build_or_reuse, code_version
from srl_pipeline.teachers import pinned_teacher
from srl_pipeline.verification import ScenarioSpace, Verifier

log = logging.getLogger("srl_pipeline")
ROOMS = (
    *(
        f"generation/{name}.py"
        for name in ("data_card", "dialogue", "flow", "generation_gates", "sources", "tables", "tally", "trajectories")
    ),
    "generation/drawing",
    "verification",
    "lore",
    "model_types/spec.py",
)
"""The source that decides what is generated; the teacher's own is part of its pin."""
BATCH = 32
"""Scenarios whose lore is retrieved together."""
TOLD_EVERY = 20.0
"""Seconds between two lines of progress."""


def build_trajectories(
    store: ArtifactStore, model_type: str, sources: Sources, config: PipelineConfig, parent: StoredArtifact | None
) -> Built:
    """Generate trajectories, or find that they exist.

    ``parent`` is the type's previous trajectories artifact. When only the rules differ between it and this one,
    trajectories that still verify are kept and only the shortfall is generated anew. Neither the parent nor the
    earlier generations that steer this one are part of the version, so going back to an earlier rule set finds the
    earlier artifact; both are in its notes.
    """
    loaded = load_sources(store, model_type, sources)
    evaluation_scenarios(ScenarioSpace(loaded.pack), 1)  # without a held-out set, refuse now and not after training
    settings = {
        "generation": config.generation.model_dump(),
        "lore": config.lore.model_dump(),
        "seed": config.seed,
        "steer": config.weaknesses.steer,
    }
    seed = seed_of(config.seed, model_type, config.generation.generation)
    code = code_version(*ROOMS)

    def make(work: Path) -> Outcome:
        earlier = _reusable(parent, sources, settings, code)
        return _Generation(store, model_type, loaded, config, seed).make(work, earlier)

    return build_or_reuse(
        store,
        "trajectories",
        model_type,
        inputs=loaded.artifacts,
        config=settings,
        code=code,
        make=make,
        seeds={"scenarios": seed},
    )


def _reusable(
    parent: StoredArtifact | None, sources: Sources, settings: dict[str, object], code: str
) -> StoredArtifact | None:
    """The parent, if only the rule set differs."""
    if parent is None or parent.manifest.config != settings or parent.manifest.code_version != code:
        return None
    same = parent.manifest.inputs | {"rule_set": sources.rule_set}
    return parent if same == sources.model_dump() and parent.manifest.inputs["rule_set"] != sources.rule_set else None


@dataclass(frozen=True)
class _Job:
    """One scenario to solve, with its lore."""

    drawn: Drawn
    bundle: LoreBundle


class _Generation:
    """One generation while it is made."""

    def __init__(
        self, store: ArtifactStore, model_type: str, loaded: LoadedSources, config: PipelineConfig, seed: int
    ) -> None:
        self._store, self._model_type, self._loaded = store, model_type, loaded
        self._config, self._settings, self._seed = config, config.generation, seed
        self._verifier, self._space = Verifier(loaded.pack), ScenarioSpace(loaded.pack)
        self._tally = Tally(evaluation_ids(self._space), lambda axis, value: bucket_name(self._space, axis, value))
        self._known = DuplicateFilter()

    def make(self, work: Path, parent: StoredArtifact | None) -> Outcome:
        """Write trajectories and data card into ``work``."""
        watch, settings = StopWatch(), self._settings
        feedback = read_feedback(self._store, self._model_type, settings.generation, self._space, self._known)
        ref = pinned_teacher(self._loaded.teacher_model)
        home = self._store.home
        with (
            teaching(ref, self._verifier, self._config, home, run=work.name) as taught,
            trajectory_writer(work) as rows,
        ):
            kept = [t.scenario.axes for t in self._keep(parent, rows)]
            wanted = max(0, settings.scenarios - self._tally.scenarios)
            steer = self._config.weaknesses.steer
            drawing = Drawing(self._space, self._seed, wanted, settings, feedback, kept=kept, steer=steer)
            forecast = check_forecast(taught, self._verifier, self._config, wanted)
            self._ask(taught, islice(drawing, wanted), rows, wanted)
            cost, spent = taught.cost(), taught.spent_usd
        card = data_card(
            self._model_type,
            settings.generation,
            ref,
            self._tally,
            shares=drawing.shares,
            share_reasons=drawing.reasons,
            drawing=drawing.refused,
            coverage_pairs=drawing.coverage,
            coverage_ever=drawing.coverage_ever,
            learned_from=feedback.used,
            cost=cost,
            seconds=watch.seconds,
        )
        write_card(work, card)
        return Outcome(
            metrics=metrics(card, self._tally, forecast),
            gates=gates(self._tally, settings),
            cost_usd=spent,
            notes=self._notes(parent, feedback),
        )

    def _keep(self, parent: StoredArtifact | None, rows: TableWriter[Trajectory]) -> Iterator[Trajectory]:
        """Those of the parent's trajectories that still hold, written as they are."""
        most = self._settings.scenarios * self._settings.candidates
        for trajectory in islice(_still_valid(parent, self._verifier, self._space), most):
            rows.add(trajectory)
            self._tally.add(trajectory, kept=True)
            self._known.add(content(trajectory))
            yield trajectory
        if parent is not None:
            log.info("%d trajectories of the previous rules still verify and are kept", self._tally.kept)

    def _ask(self, taught: Teaching, drawn: Iterable[Drawn], rows: TableWriter[Trajectory], wanted: int) -> None:
        watch, told = StopWatch(), 0.0
        solved = in_order(
            lambda job: self._solve(taught, job), self._with_lore(drawn), taught.concurrency, taught.abort
        )
        for done, made in enumerate(solved, start=1):
            for candidate in made:
                self._enter(candidate, rows)
            if watch.seconds - told >= TOLD_EVERY:
                told = watch.seconds
                log.info("trajectories: %d of %d scenarios, %.0f s left", done, wanted, told / done * (wanted - done))

    def _with_lore(self, drawn: Iterable[Drawn]) -> Iterator[_Job]:
        retriever = LoreRetriever(index_folder(self._loaded.lore_index), self._config.lore)
        remaining = iter(drawn)
        while batch := list(islice(remaining, BATCH)):
            bundles = retriever.bundles([d.scenario for d in batch])
            yield from (_Job(d, bundle) for d, bundle in zip(batch, bundles, strict=True))

    def _solve(self, taught: Teaching, job: _Job) -> list[Trajectory | Abandoned]:
        """The candidates of one scenario; called from several threads."""
        settings, drawn = self._settings, job.drawn
        made: list[Trajectory | Abandoned] = []
        for variant in range(1 if drawn.prefix else settings.candidates):  # a begun solution has no next best one
            found = solve(
                taught.teacher,
                self._verifier,
                drawn.scenario,
                job.bundle,
                variant=variant,
                max_revisions=settings.max_revisions,
                reasoning_words=settings.reasoning_words,
                generation=settings.generation,
                novelty=drawn.novelty,
                strategy=drawn.strategy,
                prefix=drawn.prefix,
            )
            if found is None:
                break
            made.append(found)
        return made

    def _enter(self, candidate: Trajectory | Abandoned, rows: TableWriter[Trajectory]) -> None:
        if isinstance(candidate, Abandoned):
            self._tally.give_up(candidate)
            return
        said = content(candidate)
        if self._known.reason(said):
            self._tally.repeat(candidate)
            return
        self._known.add(said)
        rows.add(candidate)
        self._tally.add(candidate)

    def _notes(self, parent: StoredArtifact | None, feedback: Feedback) -> dict[str, object]:
        return {
            "parent": parent.data_version if parent else None,
            "learned_from": feedback.used,
            "abandoned": [
                {"scenario": a.scenario_id, "step": a.step, "reason": a.reason, "messages": a.messages}
                for a in self._tally.given_up
            ],
        }


def _still_valid(parent: StoredArtifact | None, verifier: Verifier, space: ScenarioSpace) -> Iterator[Trajectory]:
    """The parent's trajectories whose scenario still exists and whose steps are as good as they were.

    No hard rule is broken, and the soft rules cost no more: a 'best' solution that a new soft rule finds worse need not
    be the best any longer.
    """
    if parent is None:
        return
    held_out = evaluation_ids(space)
    for t in read_trajectories(parent.path):
        if t.scenario.id in held_out or space.problem(t.scenario.axes):
            continue
        scenario = space.scenario(t.scenario.axes, where="parent trajectories")
        verdict = verifier.verify(scenario, [s.action for s in t.steps])
        cost = soft_cost(verdict)
        if verdict.correct and scenario == t.scenario and cost <= t.soft_cost:
            yield t.model_copy(update={"soft_cost": cost})
