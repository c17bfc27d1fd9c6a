"""The `current_evaluation` asset: the current model on today's rules and lore, to compare a candidate with.

A model that was promoted under earlier rules is judged again by those of now, on the same held-out scenarios as the
candidate. Where its own report already says that, the report is read instead. Where it cannot be judged for a reason
of its own (files gone or altered, no student), that is what the artifact says: a candidate is then never promoted, and
nothing fails. A process that was killed says nothing of the model: that is an error, and the run is tried again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from srl_pipeline.canonical import digest, pretty
from srl_pipeline.clock import now_iso
from srl_pipeline.config import PipelineConfig, StudentConfig
from srl_pipeline.contracts import StageRequest
from srl_pipeline.errors import ArtifactError, ChildKilled, GateError, StudentError, TrainingError
from srl_pipeline.evaluation.current import ASSET, RESULT
from srl_pipeline.evaluation.results import StageResult
from srl_pipeline.evaluation.timing import near
from srl_pipeline.registry import ArtifactStore, Built, Outcome, StoredArtifact, build_or_reuse
from srl_pipeline.registry.artifacts import write_durably
from srl_pipeline.stages.requests import stage_config, stage_request

if TYPE_CHECKING:
    from srl_pipeline.stages.workspace import Workspace

log = logging.getLogger("srl_pipeline")
STAGE = "current"
Launch = Callable[[StageRequest], Built]
"""Makes an artifact in a training process."""


def build_current_evaluation(
    store: ArtifactStore,
    current: str,
    report: StoredArtifact,
    pins: Mapping[str, str],
    config: PipelineConfig,
    launch: Launch,
) -> Built:
    """Judge the current model, or find that it was.

    Args:
        current: Data version of the `registered_model` that is current; empty for none.
        report: The candidate's `eval_report`. Where it is of the current model's own checkpoint there is nothing to
            compare, as if none were current: a run of what is unchanged finds everything.
        pins: Data versions of lore_index and rule_set.
        launch: Called only where answers are needed that no report has.

    Raises `ChildKilled` where the process that asks it was killed or crashed.
    """
    model_type = report.manifest.model_type

    def asked(version: str) -> StageRequest:
        return stage_request(store, ASSET, model_type, {"registered_model": version, **pins}, config)

    if not current:
        return _without(store, asked(""), "")
    request = asked(current)
    try:
        registered = store.require("registered_model", model_type, current)
        if registered.manifest.inputs["rlvr_checkpoint"] == report.manifest.inputs["rlvr_checkpoint"]:
            return _without(store, asked(""), "")
        if (answered := _answered(store, registered, request)) is not None:
            return _known(store, request, answered)
        return launch(request)
    except ChildKilled:
        raise
    except (ArtifactError, GateError, StudentError, TrainingError) as error:
        log.warning("the current model of %s cannot be judged: %s", model_type, error.what)
        return _without(store, request, error.what)


def evaluate_current(workspace: Workspace, work: Path) -> Outcome:
    """In a training process: ask the current model, and let today's Model C judge."""
    from srl_pipeline.stages.evaluate import evaluate_stage

    registered = workspace.input("registered_model")
    result = evaluate_stage(
        workspace, work, STAGE, registered.path, registered.data_version, timed=True, own=own_student(workspace)
    )
    return _write(work, result)


def own_student(workspace: Workspace) -> Workspace:
    """The workspace of the student that the current model was trained on, which need not be today's.

    Of the checkpoint only the manifest is read: the weights are the registered model's. Raises ArtifactError where it
    is gone.
    """
    registered = workspace.input("registered_model").manifest
    version = registered.inputs["rlvr_checkpoint"]
    trained = workspace.store.find("rlvr_checkpoint", registered.model_type, version)
    if trained is None:
        raise ArtifactError(
            f"The manifest of rlvr_checkpoint {version} is gone: it says which student the current model is of.",
            where=workspace.store.place("rlvr_checkpoint", registered.model_type, version),
            mend="Restore that manifest.json, go back to the previous model, or retire the current one.",
        )
    config = workspace.config.model_copy(
        update={"student": StudentConfig.model_validate(trained.manifest.config["student"])}
    )
    request = workspace.request.model_copy(update={"inputs": trained.manifest.inputs})
    return type(workspace)(request, config, workspace.store)


def _answered(store: ArtifactStore, registered: StoredArtifact, request: StageRequest) -> StageResult | None:
    """The model's answers in its own report, if that asked the same of it, judged by the same rules.

    Answers stay what they were; how long they took does not: of an older report the latencies are left out.
    """
    from srl_pipeline.evaluation.report import read_results

    report = store.find("eval_report", request.model_type, registered.manifest.inputs["eval_report"])
    if report is None or report.manifest.failed_gates:
        return None
    then, now = report.manifest, stage_config(ASSET, PipelineConfig.model_validate(request.config))
    same = (
        then.code_version == request.code_version
        and all(then.inputs[pin] == request.inputs[pin] for pin in ("lore_index", "rule_set"))
        and all(then.config.get(name) == value for name, value in now.items())
    )
    if not same:
        return None
    store.require("eval_report", request.model_type, report.data_version)  # unaltered
    last = read_results(report.path).stages[-1]
    fresh = near(last.measured_at, now_iso())
    timed = {} if fresh else {"latencies": [], "latency_tokens": 0, "measured_at": "", "machine": ""}
    return last.model_copy(update={"stage": STAGE, "data_version": registered.data_version, **timed})


def _known(store: ArtifactStore, request: StageRequest, result: StageResult) -> Built:
    return _build(store, request, request.data_version, lambda work: _write(work, result))


def _without(store: ArtifactStore, request: StageRequest, problem: str) -> Built:
    """No answers, and why. Of a version of its own: it is tried again whenever it is asked for."""
    notes = {"registered_model": request.inputs["registered_model"], "problem": problem}
    version = digest([request.data_version, notes])
    return _build(store, request, version, lambda work: Outcome(metrics={}, gates=[], notes=notes))


def _build(store: ArtifactStore, request: StageRequest, version: str, make: Callable[[Path], Outcome]) -> Built:
    inputs = {pin: store.require(pin, request.model_type, request.inputs[pin]) for pin in ("lore_index", "rule_set")}
    return build_or_reuse(
        store,
        ASSET,
        request.model_type,
        inputs=inputs,
        config=stage_config(ASSET, PipelineConfig.model_validate(request.config)),
        code=request.code_version,
        make=make,
        data_version=version,
    )


def _write(work: Path, result: StageResult) -> Outcome:
    write_durably(work / RESULT, pretty(result.model_dump(mode="json")))
    n, right = len(result.episodes), sum(e.correct for e in result.episodes)
    return Outcome(
        metrics={"n": float(n)} | ({"pass_rate": right / n} if n else {}),
        gates=[],
        notes={"registered_model": result.data_version, "problem": ""},
    )
