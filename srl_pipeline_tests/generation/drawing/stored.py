"""A store with generations whose outcomes are invented: stands for training, for tests only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from srl_pipeline.canonical import dumps, pretty
from srl_pipeline.contracts import Action, Gate, LoreBundle, Manifest, Scenario, Step, TeacherRef, Trajectory, Verdict
from srl_pipeline.evaluation.report import RESULTS
from srl_pipeline.evaluation.results import Episode, EvaluationResults, StageResult
from srl_pipeline.generation.drawing import Drawn
from srl_pipeline.generation.tables import Reward, reward_writer, trajectory_writer
from srl_pipeline.registry import ArtifactStore, StoredArtifact
from srl_pipeline.training.rollouts.coverage import Coverage, CoveredPrompt, coverage_file
from srl_pipeline.training.rollouts.episode_samples import episodes_file
from srl_pipeline.training.routing import RoutedScenario, Routing, routing_file
from srl_pipeline.weaknesses import Weaknesses
from srl_pipeline.weaknesses.artifact import write_weaknesses

MODEL = "lanterns"


def trajectory(drawn: Drawn, generation: int) -> Trajectory:
    """A trajectory of one step, whose content is the scenario's number."""
    return Trajectory(
        id=f"t-{generation}-{drawn.scenario.id}",
        scenario=drawn.scenario,
        bundle=LoreBundle(citations=[], tokens=0, budget=0),
        steps=[Step(title="Only", reasoning="", action={"says": drawn.scenario.id})],
        teacher=TeacherRef(name="test", version="v"),
        variant="best",
        strategy=drawn.strategy,
        soft_cost=0.0,
        revisions=[],
        generation=generation,
        novelty=drawn.novelty,
        seconds=0.0,
    )


@dataclass
class Trained:
    """What training and evaluation are pretended to have found in one generation.

    Attributes:
        correct: Scenario id -> correct episodes of 8.
        kept: Scenario ids whose prompt gave a gradient.
        failed: Scenario id -> actions of a failed episode that began right.
        held_out: Episodes on the evaluation set.
    """

    correct: Mapping[str, int] = field(default_factory=dict[str, int])
    kept: set[str] = field(default_factory=set[str])
    failed: Mapping[str, list[Action]] = field(default_factory=dict[str, "list[Action]"])
    held_out: Sequence[tuple[Scenario, bool]] = ()
    pass_rate: float = 0.5
    rejected: set[str] = field(default_factory=set[str])
    """Scenario ids whose trajectory Model C rejected."""


class Generations:
    """Commits artifacts as the assets do."""

    def __init__(self, root: Path) -> None:
        self.store = ArtifactStore(root)
        self._made = 0

    def draw(self, number: int, drawn: Iterable[Drawn], *, passed: bool = True) -> StoredArtifact:
        """The trajectories of a generation."""
        version = f"g{number}"
        with trajectory_writer(self._work("trajectories", version)) as rows:
            for one in drawn:
                rows.add(trajectory(one, number))
        return self._commit("trajectories", version, {}, {"generation": {"generation": number}}, passed=passed)

    def train(self, number: int, drawn: Sequence[Drawn], trained: Trained) -> None:
        """Rewards, both checkpoints and the report of a generation."""
        version, made_from = f"g{number}", {"trajectories": f"g{number}"}
        with reward_writer(self._work("verified_rewards", version)) as rows:
            for one in drawn:
                rows.add(_reward(one, number, accepted=one.scenario.id not in trained.rejected))
        self._commit("verified_rewards", version, made_from)
        self._commit("srl_checkpoint", version, made_from)
        work = self._work("rlvr_checkpoint", version)
        coverage_file(work).write_text(pretty(_coverage(drawn, trained.kept).model_dump()))
        routing_file(work).write_text(pretty(_routing(trained.correct).model_dump()))
        episodes_file(work).write_text("".join(_episode(*item) for item in trained.failed.items()))
        self._commit("rlvr_checkpoint", version, made_from)
        work = self._work("eval_report", version)
        (work / RESULTS).write_text(dumps(_results(trained.held_out).model_dump(mode="json")))
        self._commit("eval_report", version, {"rlvr_checkpoint": version}, metrics={"pass_rate": trained.pass_rate})

    def look_for_weaknesses(self, number: int, found: Weaknesses) -> StoredArtifact:
        """What is weak by the report of a generation."""
        version = f"g{number}"
        write_weaknesses(self._work("weaknesses", version), found)
        return self._commit("weaknesses", version, {"eval_report": version})

    def _work(self, asset: str, version: str) -> Path:
        return self.store.work_folder(asset, MODEL, version)

    def _commit(
        self,
        asset: str,
        version: str,
        inputs: dict[str, str],
        config: dict[str, object] | None = None,
        *,
        metrics: dict[str, float] | None = None,
        passed: bool = True,
    ) -> StoredArtifact:
        self._made += 1
        manifest = Manifest(
            asset=asset,
            model_type=MODEL,
            data_version=version,
            inputs=inputs,
            config=config or {},
            seeds={},
            code_version="c",
            created_at=f"2026-01-01T00:00:{self._made:02}+00:00",
            seconds=0.0,
            gates=[Gate(name="count", passed=passed)],
            metrics=metrics or {},
            cost_usd=0.0,
            digests={},
        )
        return self.store.commit(self._work(asset, version), manifest)


def _reward(drawn: Drawn, number: int, *, accepted: bool) -> Reward:
    verdict = Verdict(steps=[], complete=True, correct=accepted, outcome_reward=float(accepted), considered=[])
    return Reward(trajectory_id=f"t-{number}-{drawn.scenario.id}", accepted=accepted, split="train", verdict=verdict)


def _coverage(drawn: Sequence[Drawn], kept: set[str]) -> Coverage:
    prompts = [
        CoveredPrompt(
            key=d.scenario.id,
            scenario=d.scenario.id,
            step=None,
            band=d.scenario.band,
            sampled=1,
            kept=int(d.scenario.id in kept),
        )
        for d in drawn
    ]
    return Coverage(stage="rlvr", trajectories=len(drawn), accepted=len(drawn), prompts=prompts)


def _routing(correct: Mapping[str, int]) -> Routing:
    rows = [
        RoutedScenario(scenario=name, band="easy", correct=count, episodes=8, route="rlvr")
        for name, count in correct.items()
    ]
    return Routing(before=[], after=rows)


def _episode(scenario: str, actions: list[Action]) -> str:
    return dumps({"scenario": scenario, "correct": False, "steps_ok": 1, "actions": actions}) + "\n"


def _results(held_out: Sequence[tuple[Scenario, bool]]) -> EvaluationResults:
    episodes = [
        Episode(
            scenario_id=scenario.id,
            axes=scenario.axes,
            band=scenario.band,
            correct=correct,
            format_ok=True,
            reward=float(correct),
            steps_ok=0,
            tokens=1,
            broken=[],
            hard_broken=[],
            considered=[],
        )
        for scenario, correct in held_out
    ]
    return EvaluationResults(
        model_type=MODEL,
        preset="test",
        evaluation_version=1,
        confidence=0.95,
        skills={},
        stages=[StageResult(stage="rlvr", data_version="v", episodes=episodes, seconds=0.0, peak_memory_mb=0.0)],
        training=[],
        versions={},
    )
