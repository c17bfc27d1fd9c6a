"""A store with an evaluation of the candidate and one of the promoted model: for tests only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from srl_pipeline.canonical import dumps, pretty
from srl_pipeline.evaluation import EvaluationResults, StageResult
from srl_pipeline.evaluation.current import RESULT
from srl_pipeline.evaluation.report import RESULTS
from srl_pipeline.registry import ArtifactStore, Outcome, StoredArtifact, build_or_reuse

MODEL = "buildings"


def report(
    store: ArtifactStore, results: EvaluationResults, metrics: Mapping[str, float] | None = None
) -> StoredArtifact:
    """An `eval_report` with these results and figures."""

    def make(work: Path) -> Outcome:
        (work / RESULTS).write_text(dumps(results.model_dump(mode="json")))
        return Outcome(metrics=dict(metrics or {}), gates=[], notes={"preset": "smoke"})

    config = {"results": results.model_dump(mode="json"), "metrics": dict(metrics or {})}
    return build_or_reuse(store, "eval_report", MODEL, inputs={}, config=config, code="c", make=make).artifact


def current(
    store: ArtifactStore, result: StageResult | None, *, version: str = "m1", problem: str = ""
) -> StoredArtifact:
    """A `current_evaluation`: of the registered model ``version``, or why it could not be judged."""

    def make(work: Path) -> Outcome:
        if result:
            (work / RESULT).write_text(pretty(result.model_dump(mode="json")))
        return Outcome(metrics={}, gates=[], notes={"registered_model": version, "problem": problem})

    config = {"version": version, "problem": problem, "result": result.model_dump(mode="json") if result else None}
    return build_or_reuse(store, "current_evaluation", MODEL, inputs={}, config=config, code="c", make=make).artifact
