"""What designers read: which model is current, why, what it is bad at, and how to go back. At most ten lines."""

from __future__ import annotations

from pydantic import Field

from srl_pipeline.contracts import Manifest, Record
from srl_pipeline.errors import ArtifactError, PipelineError
from srl_pipeline.evaluation.current import ASSET as CURRENT_EVALUATION
from srl_pipeline.evaluation.statistics import Estimate, wilson
from srl_pipeline.evaluation.wording import rate
from srl_pipeline.promotion.lineage import Lineage, read_lineage
from srl_pipeline.promotion.registered import ASSET, weakness_sentences
from srl_pipeline.promotion.standing import by_hand, made_current
from srl_pipeline.registry import Alias, ArtifactStore, Decision, Decisions

WORST = 2
"""Weaknesses that are told."""


class ModelRow(Record):
    """One registered model of a type."""

    version: str
    aliases: list[Alias]
    made_at: str = Field(description="Empty where its files are gone.")
    state: str = Field(description="'there', 'gone', or the name of the gate that failed. Files are not read.")
    metrics: dict[str, float]


def list_models(store: ArtifactStore, decisions: Decisions, model_type: str) -> list[ModelRow]:
    """The registered models of a type, newest first; then those that an alias names and that are gone."""
    named: dict[str, list[Alias]] = {}
    for alias, version in decisions.aliases(model_type).items():
        named.setdefault(version, []).append(alias)
    there = [a.manifest for a in reversed(store.versions(ASSET, model_type))]
    rows = [
        ModelRow(
            version=m.data_version,
            aliases=named.get(m.data_version, []),
            made_at=m.created_at,
            state=m.failed_gates[0].name if m.failed_gates else "there",
            metrics=m.metrics,
        )
        for m in there
    ]
    known = {row.version for row in rows}
    lost = [(version, aliases) for version, aliases in sorted(named.items()) if version not in known]
    return rows + [ModelRow(version=v, aliases=a, made_at="", state="gone", metrics={}) for v, a in lost]


def explain(decisions: Decisions, store: ArtifactStore, model_type: str) -> list[str]:
    """Why the current model is current, in at most ten lines; also where there is none, or its files are gone."""
    aliases = decisions.aliases(model_type)
    version = aliases.get("current", "")
    why = made_current(decisions, model_type, version) if version else None
    lines = _current(decisions, store, model_type, version, why)
    since = why.id if why else 0
    return [*lines, *_refused(decisions, model_type, since), *_next(model_type, aliases.get("candidate"), version),
            _way_back(model_type, aliases.get("previous"))]  # fmt: skip


def _current(
    decisions: Decisions, store: ArtifactStore, model_type: str, version: str, why: Decision | None
) -> list[str]:
    if not version or why is None:
        return [f"{model_type}: no model is current."]
    how = {"rollback": "by a rollback"}.get(why.kind, "by hand" if by_hand(why) else "automatically")
    lines = [f"{model_type}: model {version} is current since {why.at} (decision {why.id}, {how})."]
    try:
        artifact = store.require(ASSET, model_type, version)
        lineage = read_lineage(artifact.path)
    except PipelineError as error:
        return [*lines, f"Why: {why.reasons[0]}", f"Its files cannot be used: {error.what}"]
    return [
        *lines,
        f"How good: {_how_good(store, artifact.manifest, lineage)}.",
        f"Why: {' '.join(why.reasons[: 2 if by_hand(why) else 1])}",
        f"Bad at: {_weak(store, artifact.manifest)}",
        _rests_on(lineage),
        f"Cost: ${lineage.cost_usd:.2f} to make it, of which ${lineage.teacher.usd:.2f} for the teacher's answers.",
    ]


def _how_good(store: ArtifactStore, model: Manifest, lineage: Lineage) -> str:
    """By the newest judgement; by that of its own chain where it was not judged again."""
    try:
        judged = _judged_again(store, model)
    except ArtifactError as error:
        return f"it is not known: {error.what.removesuffix('.')}"
    found, rule_set = (judged.metrics, judged.inputs["rule_set"]) if judged else (model.metrics, lineage.rule_set)
    if not found.get("n") or "pass_rate" not in found:
        return "it was not measured"
    n, share = int(found["n"]), found["pass_rate"]
    if judged:
        estimate = wilson(round(share * n), n, judged.config["evaluation"]["confidence"])
    else:
        estimate = Estimate(value=share, low=found.get("pass_rate_low"), high=found.get("pass_rate_high"), n=n)
    return f"it solves {round(share * n)} of {n} held-out scenarios, {rate(estimate)}, by the rules {rule_set}"


def _judged_again(store: ArtifactStore, model: Manifest) -> Manifest | None:
    """The newest evaluation of the model, as the current one, that has figures and says what they rest on."""
    for artifact in reversed(store.versions(CURRENT_EVALUATION, model.model_type)):
        manifest = artifact.manifest
        whole = manifest.metrics.get("n") and "evaluation" in manifest.config
        if whole and manifest.notes.get("registered_model") == model.data_version:
            return manifest
    return None


def _weak(store: ArtifactStore, manifest: Manifest) -> str:
    artifact = store.find("weaknesses", manifest.model_type, str(manifest.notes["weaknesses"]))
    if artifact is None:
        return "not known any more: that artifact is gone."
    told = " ".join(weakness_sentences(artifact)[:WORST]).replace("*", "")  # no Markdown on a terminal
    return told or "nothing that can be told from noise."


def _rests_on(lineage: Lineage) -> str:
    teacher = lineage.teacher
    return (
        f"Rests on: base {lineage.base.name}, teacher {teacher.name} ({teacher.version}), rules {lineage.rule_set}, "
        f"lore {lineage.lore_index}."
    )


def _refused(decisions: Decisions, model_type: str, since: int) -> list[str]:
    """What was not taken since the current model was; the newest with its reason."""
    kinds = ("promotion", "shadow")
    refused = [
        d
        for d in decisions.decisions(model_type)
        if d.id > since and d.kind in kinds and (d.verdict == "no change" or d.kind == "shadow")
    ]
    if not refused:
        return []
    newest = refused[0]
    more = f", and {len(refused) - 1} before it" if len(refused) > 1 else ""
    return [f"Not taken since{more}: {newest.subject} (decision {newest.id}): {newest.reasons[0]}"]


def _next(model_type: str, candidate: str | None, current: str) -> list[str]:
    if candidate is None:
        return [] if current else ["The next candidate that passes its gates becomes current."]
    return [f"Candidate: {candidate}. By hand: `srl-pipeline promote {model_type} --reason …`."]


def _way_back(model_type: str, previous: str | None) -> str:
    if previous is None:
        return "Going back: there is no previous model."
    return f"Going back to {previous}: `srl-pipeline rollback {model_type} --reason …`."
