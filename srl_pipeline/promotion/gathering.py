"""From artifacts to evidence. Every file is checked; what cannot be used is said, and nothing is judged without it."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ValidationError

from srl_pipeline.canonical import digest
from srl_pipeline.contracts import Manifest
from srl_pipeline.errors import ArtifactError, PipelineError
from srl_pipeline.evaluation import EvaluationResults, StageResult, read_results
from srl_pipeline.evaluation.current import ASSET as CURRENT_EVALUATION
from srl_pipeline.evaluation.current import read_current
from srl_pipeline.evaluation.summary import BASE
from srl_pipeline.promotion.evidence import Evidence, Side
from srl_pipeline.promotion.gates import PROBES
from srl_pipeline.promotion.lineage import Lineage, read_lineage
from srl_pipeline.promotion.registered import ASSET
from srl_pipeline.registry import ArtifactStore, StoredArtifact

STAGES = ("srl_checkpoint", "rlvr_checkpoint")
ASKED = ("evaluation", "lore", "device")
"""Settings of an evaluation that must be the same; the student's need not be."""


@dataclass(frozen=True)
class Gathered:
    """What there is to decide on.

    Attributes:
        evidence: None where something of it cannot be used.
        problem: What, in one sentence; else empty.
        intact: The candidate's own files are there and unaltered.
        same: Its weights are those of the current model: nothing else was looked at.
    """

    evidence: Evidence | None
    problem: str
    intact: bool
    same: bool = False


def gather(
    store: ArtifactStore, model_type: str, *, registered: str, report: str, current: str, holds: str
) -> Gathered:
    """The evidence for a candidate.

    Args:
        registered: Data version of the candidate.
        report: Data version of its eval_report.
        current: Data version of the current_evaluation.
        holds: Data version of the model that is current; empty for none.
    """
    try:
        candidate = _use(store, ASSET, model_type, registered, "the candidate")
        lineage = read_lineage(candidate.path)
    except PipelineError as error:
        return Gathered(None, error.what, intact=False)
    try:
        weights = read_lineage(_use(store, ASSET, model_type, holds, "the current model").path).weights if holds else {}
        if holds and weights == lineage.weights:  # asked before any evaluation: there is none of a model against itself
            return Gathered(None, "", intact=True, same=True)
        return Gathered(_evidence(store, candidate, lineage, weights, report, current, holds), "", intact=True)
    except PipelineError as error:
        return Gathered(None, error.what, intact=True)


def latest_current_evaluation(store: ArtifactStore, candidate: StoredArtifact, holds: str) -> str:
    """The newest evaluation of the current model that asked the same as the candidate's report; empty for none."""
    report = store.find("eval_report", candidate.manifest.model_type, candidate.manifest.inputs["eval_report"])
    if report is None:
        return ""
    for artifact in reversed(store.versions(CURRENT_EVALUATION, candidate.manifest.model_type)):
        manifest = artifact.manifest
        if (
            _pins(manifest) == _pins(report.manifest)
            and manifest.notes.get("registered_model") == holds
            and not manifest.notes.get("problem")
        ):
            return artifact.data_version
    return ""


def _evidence(
    store: ArtifactStore,
    candidate: StoredArtifact,
    lineage: Lineage,
    weights: dict[str, str],
    report: str,
    current: str,
    holds: str,
) -> Evidence:
    """``weights``: of the current model; empty where none is."""
    model_type = candidate.manifest.model_type
    if candidate.manifest.inputs["eval_report"] != report:
        raise _problem(f"The report {report} is not the one of the candidate.")
    reported = _use(store, "eval_report", model_type, report, "the report of the candidate")
    results = read_results(reported.path)
    pins = _pins(reported.manifest)
    last = results.stages[-1] if results.stages else None
    if last is None or last.data_version != candidate.manifest.inputs["rlvr_checkpoint"]:
        raise _problem("The report does not end with the candidate's weights (evaluation.stages needs 'rlvr').")
    opponent = _current(store, model_type, current, holds, weights)
    made = [m for m in lineage.artifacts if m.asset in STAGES]
    return Evidence(
        candidate=Side(name="the candidate", result=last, weights=lineage.weights, **pins),
        opponent=opponent if holds else _base(results, pins),
        first=not holds,
        kl=lineage.kl,
        probes=[gate for m in made for gate in m.gates if gate.name in PROBES],
        stages=list(STAGES),
        skills=results.skills,
    )


def _current(
    store: ArtifactStore, model_type: str, evaluation: str, holds: str, weights: dict[str, str]
) -> Side | None:
    judged = _use(store, CURRENT_EVALUATION, model_type, evaluation, "the evaluation of the current model")
    try:
        found = read_current(judged)
    except ValidationError as error:
        raise _problem("The evaluation of the current model is of another format: materialize it again.") from error
    if found.version != holds:
        now = f"{holds} is current" if holds else "no model is current"
        raise _problem(
            f"The evaluation of the current model is of {found.version or 'none'}, but {now} now: "
            f"{CURRENT_EVALUATION} has to be materialized again."
        )
    if not holds:
        return None
    if found.problem or found.result is None:
        raise _problem(f"The current model {holds} cannot be judged: {found.problem or 'it was not evaluated'}")
    return Side(name="the current model", result=found.result, weights=weights, **_pins(judged.manifest))


def _pins(manifest: Manifest) -> dict[str, str]:
    """What an evaluation asked, and by which rules it judged; empty where it is not recorded."""
    found = {name: manifest.inputs.get(name, "") for name in ("rule_set", "lore_index")}
    settings = {name: manifest.config.get(name) for name in ASKED}
    known = manifest.code_version and all(value is not None for value in settings.values())
    return found | {"asked": digest([manifest.code_version, settings]) if known else ""}


def _base(results: EvaluationResults, pins: dict[str, str]) -> Side | None:
    base: StageResult | None = next((s for s in results.stages if s.stage == BASE), None)
    return Side(name="its own base", result=base, weights={}, **pins) if base else None


def _use(store: ArtifactStore, asset: str, model_type: str, version: str, name: str) -> StoredArtifact:
    """`ArtifactStore.require`, told in the words of a decision."""
    if not version:
        raise _problem(f"There is no {asset} to compare with on these rules, lore and settings: materialize it.")
    try:
        return store.require(asset, model_type, version)
    except PipelineError as error:
        title = f"{name[:1].upper()}{name[1:]} {version}"
        raise _problem(f"{title} cannot be used: {error.what}") from error


def _problem(what: str) -> ArtifactError:
    return ArtifactError(what, where="promotion", mend="See the decision.")
