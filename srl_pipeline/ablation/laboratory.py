"""Where an ablation's work is done: with the pipeline's own inputs, student, stages and verifier."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Protocol

from srl_pipeline.ablation.arms import Assignment, mean_answer_tokens, train_arm
from srl_pipeline.ablation.budget import refuse_too_small
from srl_pipeline.ablation.plan import Arm
from srl_pipeline.ablation.results import Answers, ScenarioRate, StageCost
from srl_pipeline.ablation.trials import Examiner
from srl_pipeline.canonical import seed_of
from srl_pipeline.contracts import Artefact, LoreBundle, Scenario, Trajectory
from srl_pipeline.generation.dialogue import solve
from srl_pipeline.generation.drawing import evaluation_scenarios
from srl_pipeline.lore import LoreRetriever, index_folder
from srl_pipeline.stages.run import warm_up
from srl_pipeline.stages.workspace import Workspace
from srl_pipeline.teachers import Teacher, make_teacher, pinned_teacher
from srl_pipeline.training.failures import clean_failures
from srl_pipeline.training.students.policy_weights import load_trained
from srl_pipeline.training.students.student import Student
from srl_pipeline.verification import ScenarioSpace

WARMUP = "warmup"
"""Folder of the start's weights; absent where there was no warm-up."""


class Laboratory(Protocol):
    """What `run_ablation` asks for. ``start`` and ``weights`` are folders of weights, None the base model."""

    def check(self, arms: list[Arm]) -> None:
        """Raise PipelineError where the budget is too small for one of the arms."""
        ...

    def warm_up(self, seed: int, work: Path) -> StageCost | None:
        """Make the common start in ``work/warmup``; None where no warm-up is needed."""
        ...

    def calibrate(self, seed: int, start: Path | None) -> tuple[list[ScenarioRate], list[ScenarioRate], int]:
        """Pass rates of training and of held-out scenarios, and the tokens that were generated."""
        ...

    def train(self, arm: Arm, seed: int, start: Path | None, scenarios: Sequence[str], work: Path) -> list[StageCost]:
        """Train an arm on these scenarios; its weights lie in ``work/adapter`` afterwards."""
        ...

    def examine(self, seed: int, weights: Path | None, scenarios: Sequence[str]) -> list[Answers]:
        """Try these held-out scenarios."""
        ...


class WorkspaceLaboratory:
    """The real one. The seed of ablation seed k is ``seed + k - 1``: the first is that of the pipeline's own run."""

    def __init__(self, workspace: Workspace) -> None:
        self._first = workspace
        self._rooms: dict[int, Workspace] = {1: workspace}
        self._experts: dict[str, Artefact] = {}

    def check(self, arms: list[Arm]) -> None:
        student = self._first.load()
        writer = self._first.writer(student)
        answer = mean_answer_tokens(writer, self._first.accepted["train"])
        refuse_too_small(self._first.config, arms, answer, len(writer.titles))

    def warm_up(self, seed: int, work: Path) -> StageCost | None:
        with clean_failures("warmup", work):
            done = warm_up(self._room(seed), work)
        _forget()
        if done is None:
            return None
        return StageCost(
            stage="warmup",
            steps=done.steps,
            updates=done.steps,
            generated_tokens=0,
            trained_tokens=done.trained_tokens,
            seconds=done.seconds,
            note=done.note,
        )

    def calibrate(self, seed: int, start: Path | None) -> tuple[list[ScenarioRate], list[ScenarioRate], int]:
        settings = self._first.config.ablation
        train = [(t[0].scenario, t[0].bundle) for t in self._solutions.values()][: settings.train_candidates]
        student, examiner = self._examiner(seed, start)
        writer = self._first.writer(student)
        found: list[list[ScenarioRate]] = []
        tokens = 0
        for split, tasks in (("train", train), ("held_out", list(self._held_out.values()))):
            rates, used = examiner.rates(
                [writer.episode(scenario, bundle) for scenario, bundle in tasks],
                episodes=settings.calibration_rollouts,
                seed=seed_of(self._room(seed).config.seed, "ablation", "calibration", split),
            )
            found.append(rates)
            tokens += used
        del student, examiner
        _forget()
        return found[0], found[1], tokens

    def train(self, arm: Arm, seed: int, start: Path | None, scenarios: Sequence[str], work: Path) -> list[StageCost]:
        solutions = [t for scenario in scenarios for t in self._solutions[scenario]]
        costs = train_arm(arm, Assignment(self._room(seed), start, solutions, work))
        _forget()
        return costs

    def examine(self, seed: int, weights: Path | None, scenarios: Sequence[str]) -> list[Answers]:
        student, examiner = self._examiner(seed, weights)
        writer = self._first.writer(student)
        # The same random numbers for every arm: equal weights give equal answers.
        answers = examiner.answers(
            [writer.episode(*self._held_out[name]) for name in scenarios],
            {name: expert for name in scenarios if (expert := self._expert(name)) is not None},
            samples=self._first.config.ablation.samples,
            seed=seed_of(self._room(seed).config.seed, "ablation", "trial"),
        )
        del student, examiner
        _forget()
        return answers

    def _room(self, seed: int) -> Workspace:
        """The workspace whose configuration has this seed."""
        if seed not in self._rooms:
            config = self._first.config
            changed = config.model_copy(update={"seed": config.seed + seed - 1})
            self._rooms[seed] = replace(self._first, config=changed)
        return self._rooms[seed]

    def _examiner(self, seed: int, weights: Path | None) -> tuple[Student, Examiner]:
        student = self._room(seed).load()
        model = load_trained(student, weights) if weights else student.model
        limit = self._first.config.evaluation.max_tokens
        return student, Examiner(model, student.tokenizer, self._first.verifier, limit)

    @cached_property
    def _solutions(self) -> dict[str, list[Trajectory]]:
        """The expert's accepted solutions by training scenario, in the order of generation."""
        found: dict[str, list[Trajectory]] = {}
        for trajectory in self._first.accepted["train"]:
            found.setdefault(trajectory.scenario.id, []).append(trajectory)
        return found

    @cached_property
    def _held_out(self) -> dict[str, tuple[Scenario, LoreBundle]]:
        """Candidates of the frozen set, in its order, with their lore."""
        config = self._first.config
        scenarios = evaluation_scenarios(ScenarioSpace(self._first.pack), config.ablation.held_out_candidates)
        retriever = LoreRetriever(index_folder(self._first.input("lore_index")), config.lore)
        return {s.id: (s, b) for s, b in zip(scenarios, retriever.bundles(scenarios), strict=True)}

    def _expert(self, scenario: str) -> Artefact | None:
        """The teacher's best artefact; None where it has none."""
        if scenario not in self._experts:
            solved = solve(
                self._teacher,
                self._first.verifier,
                *self._held_out[scenario],
                variant=0,
                max_revisions=self._first.config.generation.max_revisions,
                reasoning_words=0,
                generation=self._first.config.generation.generation,
                novelty=0.0,
            )
            if not isinstance(solved, Trajectory):
                return None
            self._experts[scenario] = solved.artefact
        return self._experts[scenario]

    @cached_property
    def _teacher(self) -> Teacher:
        return make_teacher(pinned_teacher(self._first.input("teacher_model")), self._first.verifier)


def _forget() -> None:
    """Give back the memory of a student that is no longer needed, on a GPU too."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
