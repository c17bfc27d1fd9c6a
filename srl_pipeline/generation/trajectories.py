"""The `trajectories` asset: a fresh generation of verified expert solutions."""

from __future__ import annotations

import logging
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

from srl_pipeline.canonical import seed_of
from srl_pipeline.clock import StopWatch
from srl_pipeline.config import GenerationConfig, PipelineConfig
from srl_pipeline.contracts import Gate, LoreBundle, Scenario, Sources, Trajectory
from srl_pipeline.generation.dialogue import Abandoned, soft_cost, solve
from srl_pipeline.generation.sampling import ScenarioSampler, coverage, evaluation_ids, evaluation_scenarios
from srl_pipeline.generation.sources import LoadedSources, load_sources
from srl_pipeline.generation.tables import read_trajectories, write_trajectories
from srl_pipeline.lore import LoreRetriever, index_folder
from srl_pipeline.registry import ArtifactStore, Built, Outcome, StoredArtifact, build_or_reuse, code_version
from srl_pipeline.teachers import Teacher, make_teacher, pinned_teacher
from srl_pipeline.verification import ScenarioSpace, Verifier

log = logging.getLogger("srl_pipeline")
Drawn = tuple[Scenario, float]
ROOMS = (
    *(f"generation/{name}.py" for name in ("dialogue", "sampling", "sources", "tables", "trajectories")),
    "teachers",
    "verification",
    "lore",
    "model_types/spec.py",
)
"""The source that decides what is generated."""
BATCH = 32
"""Scenarios whose lore is retrieved together."""


def build_trajectories(
    store: ArtifactStore, model_type: str, sources: Sources, config: PipelineConfig, parent: StoredArtifact | None
) -> Built:
    """Generate trajectories, or find that they exist.

    ``parent`` is the type's previous trajectories artifact. When only the rules differ between it and this one,
    trajectories that still verify are kept and only the shortfall is generated anew. The parent is recorded in the
    notes; it is not part of the version, so going back to an earlier rule set finds the earlier artifact.
    """
    loaded = load_sources(store, model_type, sources)
    evaluation_scenarios(ScenarioSpace(loaded.pack), 1)  # without a held-out set, refuse now and not after training
    settings = {"generation": config.generation.model_dump(), "lore": config.lore.model_dump(), "seed": config.seed}
    seed = seed_of(config.seed, model_type, config.generation.generation)
    code = code_version(*ROOMS)

    def make(work: Path) -> Outcome:
        return _generate(work, loaded, config, seed, _reusable(parent, sources, settings, code))

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


def _generate(
    work: Path, loaded: LoadedSources, config: PipelineConfig, seed: int, parent: StoredArtifact | None
) -> Outcome:
    settings, watch = config.generation, StopWatch()
    verifier, space = Verifier(loaded.pack), ScenarioSpace(loaded.pack)
    teacher = make_teacher(pinned_teacher(loaded.teacher_model), verifier)
    kept = _still_valid(parent, verifier, space)[: settings.scenarios * settings.candidates]
    kept_scenarios = {t.scenario.id: t.scenario for t in kept}
    sampler = ScenarioSampler(space, seed, history=kept_scenarios.values())
    wanted = max(0, settings.scenarios - len(kept_scenarios))
    drawn: list[Drawn] = [sampler.draw() for _ in range(wanted)]
    results = _ask(teacher, verifier, drawn, LoreRetriever(index_folder(loaded.lore_index), config.lore), settings)
    fresh = [r for r in results if isinstance(r, Trajectory)]
    abandoned = [r for r in results if isinstance(r, Abandoned)]
    trajectories = kept + fresh
    write_trajectories(work, trajectories)
    asked = len(fresh) + len(abandoned)
    return Outcome(
        metrics=_metrics(space, trajectories, kept, asked, watch.seconds),
        gates=_gates(trajectories, asked, len(fresh), space, settings),
        notes={
            "parent": parent.data_version if parent else None,
            "abandoned": [{"scenario": a.scenario_id, "step": a.step, "messages": a.messages} for a in abandoned[:20]],
        },
    )


def _still_valid(parent: StoredArtifact | None, verifier: Verifier, space: ScenarioSpace) -> list[Trajectory]:
    """The parent's trajectories whose scenario still exists and whose steps are as good as they were.

    No hard rule is broken, and the soft rules cost no more: a 'best' solution that a new soft rule finds worse need not
    be the best any longer.
    """
    if parent is None:
        return []
    held_out = evaluation_ids(space)
    valid: list[Trajectory] = []
    for t in read_trajectories(parent.path):
        if t.scenario.id in held_out or space.problem(t.scenario.axes):
            continue
        scenario = space.scenario(t.scenario.axes, where="parent trajectories")
        verdict = verifier.verify(scenario, [s.action for s in t.steps])
        cost = soft_cost(verdict)
        if verdict.correct and scenario == t.scenario and cost <= t.soft_cost:
            valid.append(t.model_copy(update={"soft_cost": cost}))
    log.info("%d trajectories of the previous generation still verify and are kept", len(valid))
    return valid


def _ask(
    teacher: Teacher, verifier: Verifier, drawn: list[Drawn], retriever: LoreRetriever, settings: GenerationConfig
) -> list[Trajectory | Abandoned]:
    results: list[Trajectory | Abandoned] = []

    def work_on(job: tuple[Drawn, LoreBundle]) -> list[Trajectory | Abandoned]:
        (scenario, novelty), bundle = job
        made: list[Trajectory | Abandoned] = []
        for variant in range(settings.candidates):
            found = solve(
                teacher,
                verifier,
                scenario,
                bundle,
                variant=variant,
                max_revisions=settings.max_revisions,
                reasoning_words=settings.reasoning_words,
                generation=settings.generation,
                novelty=novelty,
            )
            if found is None:
                break
            made.append(found)
        return made

    with ThreadPoolExecutor(settings.concurrency) as pool:
        remaining = iter(drawn)
        while batch := list(islice(remaining, BATCH)):
            bundles = retriever.bundles([scenario for scenario, _ in batch])
            # map keeps the order, so the artifact does not depend on which thread was faster
            for made in pool.map(work_on, zip(batch, bundles, strict=True)):
                results.extend(made)
            log.info("trajectories: %d candidates", len(results))
    return results


def _metrics(
    space: ScenarioSpace, trajectories: list[Trajectory], kept: list[Trajectory], asked: int, seconds: float
) -> dict[str, float]:
    scenarios = list({t.scenario.id: t.scenario for t in trajectories}.values())
    bands = Counter(s.band for s in scenarios)
    return {
        "trajectories": float(len(trajectories)),
        "kept": float(len(kept)),
        "asked": float(asked),
        "scenarios": float(len(scenarios)),
        "near_best": float(sum(t.variant == "near_best" for t in trajectories)),
        "novelty_mean": _mean([t.novelty for t in trajectories]),
        "coverage_pairs": coverage(space, scenarios),
        "soft_cost_mean": _mean([t.soft_cost for t in trajectories]),
        "revisions": float(sum(len(t.revisions) for t in trajectories)),
        "lore_tokens_mean": _mean([float(t.bundle.tokens) for t in trajectories]),
        "seconds": seconds,
        **{f"difficulty_{band}": float(bands[band]) for band in ("easy", "medium", "hard")},
    }


def _gates(
    trajectories: list[Trajectory], asked: int, solved: int, space: ScenarioSpace, settings: GenerationConfig
) -> list[Gate]:
    overlap = len({t.scenario.id for t in trajectories} & evaluation_ids(space))
    acceptance = solved / asked if asked else 1.0
    novelty = _mean([t.novelty for t in trajectories])
    scenarios = len({t.scenario.id for t in trajectories})
    least = max(2, int(settings.scenarios * settings.min_acceptance))
    return [
        Gate(
            name="count",
            passed=scenarios >= least,
            value=scenarios,
            threshold=least,
            message=f"{scenarios} scenarios solved",
        ),
        Gate(
            name="acceptance",
            passed=acceptance >= settings.min_acceptance,
            value=acceptance,
            threshold=settings.min_acceptance,
            message=f"Model C accepted {acceptance:.0%} of the candidates",
        ),
        Gate(
            name="no_overlap_with_evaluation",
            passed=overlap == 0,
            value=overlap,
            threshold=0,
            message=f"{overlap} scenarios of the evaluation set were drawn",
        ),
        Gate(
            name="novelty",
            passed=novelty >= settings.min_novelty,
            value=novelty,
            threshold=settings.min_novelty,
            message=f"mean novelty {novelty:.3f}",
        ),
    ]


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0
