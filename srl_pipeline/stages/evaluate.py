"""The `eval_report` asset: every checkpoint on the frozen held-out set. What is finished survives an interruption."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from srl_pipeline.canonical import digest_file, pretty
from srl_pipeline.evaluation.results import EvaluationResults, StageResult, TrainingSummary
from srl_pipeline.generation.drawing import evaluation_scenarios
from srl_pipeline.lore import LoreRetriever, index_folder
from srl_pipeline.registry import Outcome
from srl_pipeline.registry.artifacts import write_durably
from srl_pipeline.training.step_records import StepSamples, read_samples
from srl_pipeline.verification import ScenarioSpace

if TYPE_CHECKING:
    from srl_pipeline.stages.workspace import Workspace

log = logging.getLogger("srl_pipeline")
Checkpoint = tuple[str, Path | None, str]
"""Stage, folder of its weights (None: the base model), data version."""


class Ask(Protocol):
    """Evaluates a checkpoint; ``timed``: its latency, too."""

    def __call__(self, name: str, folder: Path | None, version: str, /, *, timed: bool) -> StageResult: ...


def evaluate(workspace: Workspace, work: Path) -> Outcome:
    """Evaluate base, warm-up (where it ran), SRL and RLVR, and write the report."""
    from srl_pipeline.evaluation.report import write_report

    pack, config = workspace.pack, workspace.config
    checkpoints = _checkpoints(workspace)
    stages = each_weights_once(
        checkpoints, lambda *checkpoint, timed: evaluate_stage(workspace, work, *checkpoint, timed=timed)
    )
    results = EvaluationResults(
        model_type=pack.name,
        preset=config.preset,
        evaluation_version=pack.definition.evaluation.version,
        confidence=config.evaluation.confidence,
        skills={r.id: r.skill for r in pack.definition.rules.rules},
        stages=stages,
        training=_training(workspace),
        versions=dict(workspace.request.inputs),
    )
    return write_report(work, results, steps=_steps(workspace))


def each_weights_once(checkpoints: Sequence[Checkpoint], ask: Ask) -> list[StageResult]:
    """The result of every checkpoint; weights that were asked already are not asked again.

    Greedy answers of the same weights are the same answers: a stage that changed nothing costs no evaluation. Timed are
    the weights of the last checkpoint, under whichever name they come first.
    """
    from srl_pipeline.training.students.policy_weights import weights_file

    known: dict[str, StageResult] = {}
    results: list[StageResult] = []
    digests = [digest_file(weights_file(folder)) if folder else "" for _, folder, _ in checkpoints]
    for (name, folder, version), weights in zip(checkpoints, digests, strict=True):
        if (same := known.get(weights)) is not None:
            log.info("evaluation of %s: the weights of %s, whose answers count", name, same.stage)
            results.append(same.model_copy(update={"stage": name, "data_version": version, "seconds": 0.0}))
        else:
            results.append(known.setdefault(weights, ask(name, folder, version, timed=weights == digests[-1])))
    return results


def _checkpoints(workspace: Workspace) -> list[Checkpoint]:
    """What is evaluated, in training order."""
    srl, rlvr = workspace.input("srl_checkpoint"), workspace.input("rlvr_checkpoint")
    known: dict[str, tuple[Path | None, str]] = {"base": (None, "")}
    if (srl.path / "warmup").is_dir():
        known["warmup"] = (srl.path / "warmup", srl.data_version)
    known |= {"srl": (srl.path / "adapter", srl.data_version), "rlvr": (rlvr.path / "adapter", rlvr.data_version)}
    return [(name, *known[name]) for name in workspace.config.evaluation.stages if name in known]


def evaluate_stage(
    workspace: Workspace,
    work: Path,
    name: str,
    adapter: Path | None,
    version: str,
    *,
    timed: bool,
    own: Workspace | None = None,
) -> StageResult:
    """Evaluate one checkpoint, or read what an interrupted process had of it.

    Args:
        timed: Measure its latency, too.
        own: The workspace of its student, where that is not the one of ``workspace``.
    """
    from srl_pipeline.evaluation.episodes import evaluate_checkpoint
    from srl_pipeline.training.students.policy_weights import load_trained

    file = work / f"_{name}.json"
    if file.exists():
        return StageResult.model_validate_json(file.read_bytes())
    config = workspace.config.evaluation
    scenarios = evaluation_scenarios(ScenarioSpace(workspace.pack), config.scenarios)
    student = (own or workspace).load()
    writer = workspace.writer(student)
    bundles = LoreRetriever(index_folder(workspace.input("lore_index")), workspace.config.lore).bundles(scenarios)
    prompts = [writer.episode(s, b) for s, b in zip(scenarios, bundles, strict=True)]
    model = load_trained(student, adapter) if adapter else student.model
    result = evaluate_checkpoint(
        name,
        version,
        model,
        student.tokenizer,
        workspace.verifier,
        prompts,
        config,
        latency_scenarios=config.latency_scenarios if timed else 0,
    )
    right = sum(e.correct for e in result.episodes)
    log.info("evaluation of %s: %d of %d verified, %.0f s", name, right, len(prompts), result.seconds)
    write_durably(file, pretty(result.model_dump()))
    workspace.save()
    return result


def _training(workspace: Workspace) -> list[TrainingSummary]:
    from srl_pipeline.stages.run import SUMMARY

    return [
        TrainingSummary.model_validate(row)
        for asset in ("srl_checkpoint", "rlvr_checkpoint")
        for row in json.loads((workspace.input(asset).path / SUMMARY).read_text(encoding="utf-8"))
    ]


def _steps(workspace: Workspace) -> list[StepSamples]:
    """The step samples of every stage that took some; a checkpoint of before there were any took none."""
    stages = {"srl": workspace.input("srl_checkpoint"), "rlvr": workspace.input("rlvr_checkpoint")}
    return [
        read_samples(artifact.path, stage)
        for stage, artifact in stages.items()
        if artifact.manifest.config[stage].get("step_samples")
    ]
