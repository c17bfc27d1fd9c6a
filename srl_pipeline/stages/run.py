"""What runs in a training process: SRL (with its declared warm-up), RLVR, evaluation. Each builds one artifact."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srl_pipeline.canonical import pretty, seed_of
from srl_pipeline.clock import StopWatch
from srl_pipeline.contracts import Gate, Stage, StageRequest
from srl_pipeline.registry import Built, Outcome, build_or_reuse
from srl_pipeline.registry.artifacts import write_durably
from srl_pipeline.stages.requests import stage_config
from srl_pipeline.stages.workspace import Workspace
from srl_pipeline.training.failures import clean_failures
from srl_pipeline.training.memory import peak_memory_mb
from srl_pipeline.training.peers import ALONE, Peers

if TYPE_CHECKING:
    from srl_pipeline.contracts import Trajectory
    from srl_pipeline.evaluation.results import TrainingSummary
    from srl_pipeline.stages.preflight import Preflight
    from srl_pipeline.training.optimization.policy_stage import PolicyOutcome
    from srl_pipeline.training.students.student import Student

SUMMARY = "training.json"
"""List of TrainingSummary records: what the artifact's stages did."""


def run(request: StageRequest, peers: Peers = ALONE) -> Built:
    """Build the artifact that ``request`` names, or find it. Resumes what an interrupted process left.

    The other processes of a group are in `run_beside`, which is told what to do.
    """
    workspace = Workspace.of(request)
    peers.told(request.model_dump(mode="json"))

    def make(work: Path) -> Outcome:
        peers.told(str(work))
        with clean_failures(request.stage, work):
            return _maker(request)(workspace, work)

    built = build_or_reuse(
        workspace.store,
        request.stage,
        request.model_type,
        inputs={asset: workspace.input(asset) for asset in request.inputs},
        config=stage_config(request.stage, workspace.config),
        code=request.code_version,
        seeds={"training": workspace.config.seed},
        data_version=request.data_version,
        make=make,
    )
    if built.reused:
        peers.told("")
    return built


def run_beside(peers: Peers) -> None:
    """What a process that is not the first does: the same stage, its share of the work, in a folder of its own.

    Only what the first process leaves becomes the artifact. An evaluation is the first one's alone.
    """
    request = StageRequest.model_validate(peers.told(None))
    work = peers.told(None)
    if not work or request.stage in ("eval_report", "current_evaluation"):
        return
    own = Path(work) / f"_peer_{peers.rank}"
    shutil.rmtree(own, ignore_errors=True)
    shutil.copytree(work, own, ignore=lambda _, names: [n for n in names if n.startswith("_")])
    with clean_failures(request.stage, own):
        _maker(request)(Workspace.of(request), own)


def _maker(request: StageRequest) -> Callable[[Workspace, Path], Outcome]:
    from srl_pipeline.stages.current import evaluate_current
    from srl_pipeline.stages.evaluate import evaluate

    makers: dict[Stage, Callable[[Workspace, Path], Outcome]] = {
        "srl_checkpoint": train_srl,
        "rlvr_checkpoint": train_rlvr,
        "eval_report": evaluate,
        "current_evaluation": evaluate_current,
    }
    return makers[request.stage]


def train_srl(workspace: Workspace, work: Path) -> Outcome:
    """Format warm-up where it is needed, then SRL.

    Leaves ``adapter/`` (with ``student.tuning=full`` a whole model lies there) and, where it ran, ``warmup/``.
    """
    from srl_pipeline.stages.preflight import preflight
    from srl_pipeline.training.environment.prompts import step_prompts
    from srl_pipeline.training.environment.tasks import SrlTask
    from srl_pipeline.training.optimization.budgets import Clock, cost_of
    from srl_pipeline.training.optimization.policy_stage import StageJob, run_policy_stage
    from srl_pipeline.training.optimization.watch import Circumstances, observers_of
    from srl_pipeline.training.students.policy_weights import trainable

    config, seed = workspace.config, seed_of(workspace.config.seed, "srl")
    summaries, start = [], None
    if warmed := warm_up(workspace, work):
        workspace.save()
        start = work / "warmup"
        summaries.append(warmed)
    watch = StopWatch()
    student = workspace.load()
    writer = workspace.writer(student)
    train, validation = (
        step_prompts(
            writer,
            workspace.accepted[split],
            targets=config.srl.targets,
            title=config.srl.step_title,
            nearest=config.srl.references == "nearest",
        )
        for split in ("train", "validation")
    )
    settings = config.srl.in_steps(len(train))
    task = SrlTask(workspace.verifier, settings)
    model = trainable(student, config.student, start, seed)
    warmed_usd = cost_of(sum(s.seconds for s in summaries), config.usd_per_hour)
    about = Circumstances(workspace.origin, {}, config.usd_per_hour, warmed_usd)
    observers = [clock := Clock(), *observers_of(settings, about)]
    job = StageJob("srl", student, model, task, train, validation, settings, work, seed, observers, workspace.save)
    found = preflight(job, config.preflight)
    done = run_policy_stage(job)
    _place(done.adapter, work / "adapter")
    summaries.append(_summary("srl", done, watch.seconds + clock.earlier, found))
    outcome = _outcome(work, summaries, done.gates, start, student, model, config.srl.max_kl, needs_signal=True)
    return _accounted(outcome, config.usd_per_hour, found)


def train_rlvr(workspace: Workspace, work: Path) -> Outcome:
    """RLVR from the SRL adapter. Leaves ``adapter/``."""
    from srl_pipeline.stages.preflight import preflight
    from srl_pipeline.training.environment.tasks import RlvrTask
    from srl_pipeline.training.optimization.budgets import Clock
    from srl_pipeline.training.optimization.policy_stage import StageJob, run_policy_stage
    from srl_pipeline.training.optimization.watch import Circumstances, observers_of
    from srl_pipeline.training.rollouts.episode_samples import EpisodeKeeper
    from srl_pipeline.training.routing import route_before_rlvr
    from srl_pipeline.training.students.policy_weights import trainable

    config, seed, watch = workspace.config, seed_of(workspace.config.seed, "rlvr"), StopWatch()
    start = workspace.input("srl_checkpoint").path / "adapter"
    student = workspace.load()
    writer = workspace.writer(student)
    scenarios = {
        split: within_reach(trajectories, config.rlvr.max_difficulty)
        for split, trajectories in workspace.accepted.items()
    }
    train, validation = (
        [writer.episode(t.scenario, t.bundle) for t in scenarios[split]] for split in ("train", "validation")
    )
    model = trainable(student, config.student, start, seed)
    train, routed = route_before_rlvr(
        work, student, model, RlvrTask(workspace.verifier, config.rlvr), config.rlvr, train, seed
    )
    settings = config.rlvr.in_steps(len(train))
    task = RlvrTask(workspace.verifier, settings)
    solutions = {t.scenario.id: t.steps for t in scenarios["train"]}
    about = Circumstances(workspace.origin, solutions, config.usd_per_hour, routed=routed)
    observers = [clock := Clock(), *observers_of(settings, about), EpisodeKeeper(task)]
    job = StageJob("rlvr", student, model, task, train, validation, settings, work, seed, observers, workspace.save)
    found = preflight(job, config.preflight)
    done = run_policy_stage(job)
    _place(done.adapter, work / "adapter")
    # Without an episode that is right where another is wrong there is nothing to learn: the adapter passes through,
    # and says so.
    summaries = [_summary("rlvr", done, watch.seconds + clock.earlier, found)]
    outcome = _outcome(work, summaries, done.gates, start, student, model, config.rlvr.max_kl, needs_signal=False)
    return _accounted(outcome, config.usd_per_hour, found)


def _place(folder: Path, target: Path) -> None:
    """Move a finished folder; what lies there is of a process that was killed before it could commit."""
    shutil.rmtree(target, ignore_errors=True)
    folder.replace(target)


def within_reach(trajectories: Sequence[Trajectory], max_difficulty: float) -> list[Trajectory]:
    """One trajectory a scenario, of those up to a difficulty."""
    unique = {t.scenario.id: t for t in trajectories}.values()
    return [t for t in unique if t.scenario.difficulty <= max_difficulty]


def warm_up(workspace: Workspace, work: Path) -> TrainingSummary | None:
    """Preflight, then the warm-up if the format rate asks for it; what an interrupted process finished is kept."""
    from srl_pipeline.evaluation.results import TrainingSummary
    from srl_pipeline.stages.preflight import format_rate
    from srl_pipeline.training.students.policy_weights import trainable
    from srl_pipeline.training.warmup import run_warmup

    config, done = workspace.config.warmup, work / "warmup.json"
    if done.exists():
        return TrainingSummary.model_validate_json(done.read_bytes()) if (work / "warmup").is_dir() else None
    watch, seed = StopWatch(), seed_of(workspace.config.seed, "warmup")
    rate = format_rate(workspace) if config.mode == "auto" else None
    if config.mode == "never" or (rate is not None and rate >= config.min_format_rate):
        write_durably(done, pretty({"format_rate": rate}))
        return None
    student = workspace.load()
    model = trainable(student, workspace.config.student, None, seed)
    writer = workspace.writer(student)
    metrics = run_warmup(student, model, writer, workspace.accepted["train"], config, work, seed)
    from srl_pipeline.training.journal import Journal

    summary = TrainingSummary(
        stage="warmup",
        steps=int(metrics["steps"]),
        seconds=watch.seconds,
        generated_tokens=0,
        trained_tokens=int(metrics["trained_tokens"]),
        metrics=metrics | ({"format_rate_before": rate} if rate is not None else {}),
        curve=Journal(work, "warmup", config.steps).rows(),
        note="Declared format warm-up (SFT on whole transcripts)"
        + (f": the base model's format rate was {rate:.0%}." if rate is not None else "."),
    )
    write_durably(done, pretty(summary.model_dump()))
    return summary


def _summary(stage: str, done: PolicyOutcome, seconds: float, found: Preflight | None) -> TrainingSummary:
    from srl_pipeline.evaluation.results import TrainingSummary
    from srl_pipeline.training.journal import mean_of

    rows = done.rows
    few = max(1, len(rows) // 4)
    ends = {
        f"{name}_{when}": mean_of(part, name)
        for name in ("reward", "correct", "format_rate")
        for when, part in (("first", rows[:few]), ("last", rows[-few:]))
    }
    return TrainingSummary(
        stage=stage,
        steps=len(rows),
        seconds=seconds,
        generated_tokens=done.counts.generated_tokens,
        trained_tokens=done.counts.trained_tokens,
        # A measurement that is no number is left out: JSON has none, and its gate fails for want of it.
        metrics={name: value for name, value in (done.metrics | ends).items() if math.isfinite(value)},
        curve=rows,
        note=" ".join(note for note in (done.note, found.note if found else "") if note),
    )


def _outcome(
    work: Path,
    summaries: list[TrainingSummary],
    watched: list[Gate],
    start: Path | None,
    student: Student,
    model: Any,
    max_kl: float,
    *,
    needs_signal: bool,
) -> Outcome:
    from srl_pipeline.training.students.policy_weights import difference, reload_problem

    adapter = work / "adapter"
    problem = reload_problem(adapter, model)
    change = 0.0 if problem else difference(adapter, start, student.folder)
    last = summaries[-1]
    write_durably(work / SUMMARY, pretty([s.model_dump() for s in summaries]))
    (work / "warmup.json").unlink(missing_ok=True)
    metrics = dict(last.metrics)
    updates = metrics["updates"]
    passed_on = metrics.get("validation_step") == 0
    metrics |= {
        "change": change,
        "seconds": sum(s.seconds for s in summaries),
        "peak_memory_mb": peak_memory_mb(),
    }
    losses = [row["loss"] for row in last.curve if "loss" in row]
    gates = [
        Gate(name="finite_loss", passed=all(abs(x) < 1e6 for x in losses), value=losses[-1] if losses else 0.0),
        Gate(
            name="signal",
            passed=updates > 0 or not needs_signal,
            value=metrics["kept_fraction"],
            message=f"{metrics['kept_fraction']:.0%} of the sampled groups carried signal. {last.note}".rstrip(),
        ),
        Gate(name="adapter_reloads", passed=not problem, message=problem),
        Gate(
            name="adapter_differs_from_start",
            passed=change > 0 or updates == 0 or passed_on,
            value=change,
            message=f"largest change of a trained weight. {last.note}".rstrip(),
        ),
        _at_most("kl_bound", metrics.get("kl"), max_kl, "mean KL a token to the stage's start"),
        _at_most(
            "rollouts_used_updated_weights",
            metrics.get("canary_gap"),
            MAX_CANARY_GAP,
            "mean gap of log-probabilities between policy and sampler",
        ),
    ]
    return Outcome(metrics=metrics, gates=gates + watched)


def _accounted(outcome: Outcome, usd_per_hour: float, found: Preflight | None) -> Outcome:
    """With its price, and with what the preflight found."""
    from srl_pipeline.training.optimization.budgets import cost_of

    return replace(
        outcome,
        cost_usd=cost_of(outcome.metrics["seconds"], usd_per_hour),
        notes={"preflight": found.model_dump()} if found else {},
    )


def _at_most(name: str, value: float | None, bound: float, what: str) -> Gate:
    said = "is not a number" if value is None else f"is {value:.4f}"
    return Gate(
        name=name, passed=value is not None and value <= bound, value=value, threshold=bound, message=f"{what} {said}"
    )


MAX_CANARY_GAP = 0.1
"""Nats a token; bfloat16 rounding of the merged weights stays well below."""
