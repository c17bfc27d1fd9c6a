"""Decisions that take a model out of use: rollback, refusal of a candidate, retirement. Each is one action."""

from __future__ import annotations

from collections.abc import Mapping

from srl_pipeline.clock import now_iso
from srl_pipeline.contracts import Json
from srl_pipeline.errors import ArtifactError, PipelineError
from srl_pipeline.promotion.registered import ASSET
from srl_pipeline.promotion.standing import FILES_LOST, snapshot, weights_evidence
from srl_pipeline.registry import Alias, ArtifactStore, Conflict, Decision, Decisions, Kind


def rollback(
    store: ArtifactStore,
    decisions: Decisions,
    model_type: str,
    *,
    reason: str,
    evidence: Mapping[str, Json] | None = None,
    leaving: str | None = None,
) -> Decision:
    """Make the previous model current again; the one that was current becomes the previous one.

    Args:
        leaving: The model that has to go. An alarm names it, so that two alarms about one model do not bring it back.

    Raises PipelineError where there is no previous model, ArtifactError or GateError where its files cannot be used,
    `Conflict` where another model than ``leaving`` is current, or the aliases were moved meanwhile. Then nothing
    changes.
    """
    aliases = snapshot(decisions, model_type)
    holds, back_to = aliases["current"], aliases["previous"]
    if leaving is not None and holds != leaving:
        raise Conflict(
            f"{model_type}: {holds or 'no model'} is current now, not {leaving}.",
            where="rollback",
            mend="Nothing is to do: it is out of use already.",
        )
    if back_to is None:
        raise PipelineError(
            f"{model_type} has no previous model to go back to.",
            where="rollback",
            mend=f"Promote another one (`srl-pipeline models {model_type}`), or retire the current one.",
        )
    try:
        store.require(ASSET, model_type, back_to)
    except PipelineError as error:
        raise type(error)(
            f"The previous model {back_to} cannot be used: {error.what}", where=error.where, mend=error.mend
        ) from error
    return _record(
        decisions,
        model_type,
        "rollback",
        subject=holds or "",
        after=back_to,
        reasons=[reason, f"{back_to} is current again; its files were checked."],
        evidence={**(evidence or {}), **weights_evidence(store, model_type, holds or "", back_to)},
        moved={"current": back_to, "previous": holds},
        aliases=aliases,
    )


def retire(store: ArtifactStore, decisions: Decisions, model_type: str, *, reason: str) -> Decision:
    """Leave a model type without a current model: the next good candidate is the first.

    A model whose files were lost may return when it is made again; one whose files are fine went because it is bad, and
    is not promoted again by itself. Raises PipelineError where no model is current.
    """
    aliases = snapshot(decisions, model_type)
    if (holds := aliases["current"]) is None:
        raise PipelineError(f"{model_type} has no current model.", where="retire", mend="Nothing is to do.")
    try:
        store.require(ASSET, model_type, holds)
        lost, files = False, "Its files are there and unaltered: it is not promoted again by itself."
    except PipelineError as error:
        lost, files = True, f"Its files cannot be used: {error.what}"
    return _record(
        decisions,
        model_type,
        "rollback",
        subject=holds,
        after="",
        reasons=[reason, files, "No model is current until the next candidate passes."],
        evidence={FILES_LOST: lost, **weights_evidence(store, model_type, holds)},
        moved={"current": None},
        aliases=aliases,
    )


def refuse_candidate(
    decisions: Decisions,
    model_type: str,
    *,
    reason: str,
    evidence: Mapping[str, Json] | None = None,
    leaving: str | None = None,
) -> Decision:
    """Take the alias `candidate` away: it is not promoted by itself any more.

    Args:
        leaving: The candidate that was found bad.

    Raises PipelineError where there is no candidate, `Conflict` where it is another one than ``leaving``.
    """
    aliases = snapshot(decisions, model_type)
    candidate = aliases["candidate"]
    if leaving is not None and candidate != leaving:
        raise Conflict(
            f"{model_type}: the candidate is {candidate or 'not set'} now, not {leaving}.",
            where="refusal of a candidate",
            mend="Nothing is to do: it is no candidate any more.",
        )
    if candidate is None:
        raise ArtifactError(f"{model_type} has no candidate.", where="refusal of a candidate", mend="Nothing is to do.")
    return _record(
        decisions,
        model_type,
        "shadow",
        subject=candidate,
        after="",
        reasons=[reason],
        evidence=evidence,
        moved={"candidate": None},
        aliases=aliases,
    )


def _record(
    decisions: Decisions,
    model_type: str,
    kind: Kind,
    *,
    subject: str,
    after: str,
    reasons: list[str],
    evidence: Mapping[str, Json] | None,
    moved: Mapping[Alias, str | None],
    aliases: Mapping[Alias, str | None],
) -> Decision:
    decision = Decision(
        at=now_iso(),
        model_type=model_type,
        kind=kind,
        verdict="change",
        subject=subject,
        before=subject,
        after=after,
        reasons=reasons,
        evidence=dict(evidence or {}),
    )
    return decisions.record(decision, aliases=moved, expected=aliases)
