"""A candidate's way to `current`: evidence, gates, one decision. Automatic, or by a person.

The same question is not decided twice. A question is the candidate, its report, what is current and since which
decision, its evaluation, the settings and the code of the gates, and what stands in the way. So a lost file that is
restored is another question, and so is what was asked before another model became current.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

from srl_pipeline.canonical import digest
from srl_pipeline.clock import now_iso
from srl_pipeline.config import PipelineConfig, PromotionConfig
from srl_pipeline.contracts import Gate
from srl_pipeline.errors import GateError, PipelineError
from srl_pipeline.promotion.evidence import Evidence, figures
from srl_pipeline.promotion.gates import Ruling, judge, other_weights
from srl_pipeline.promotion.gathering import Gathered, gather, latest_current_evaluation
from srl_pipeline.promotion.standing import (
    BY_HAND,
    by_hand,
    find_model,
    last_move,
    made_current,
    snapshot,
    taken_back,
    weights_evidence,
)
from srl_pipeline.registry import Alias, Alternative, ArtifactStore, Conflict, Decision, Decisions, code_version

GATES = tuple(f"promotion/{name}.py" for name in ("gates", "cheaper", "forgetting", "evidence"))
"""Source of the gates: by other gates it is another question."""
CLOCKS_AGREE = timedelta(minutes=1)
"""By so much the clocks of two machines may differ before a decision in the future counts as a clock gone back."""


def promote(
    store: ArtifactStore,
    decisions: Decisions,
    model_type: str,
    *,
    registered: str,
    report: str,
    current: str,
    config: PipelineConfig,
) -> Decision:
    """Decide whether a candidate becomes the current model, and keep the decision; the earlier one where there is one.

    Args:
        registered: Data version of the candidate's registered_model.
        report: Data version of its eval_report.
        current: Data version of the current_evaluation.

    Files that are gone or altered, figures that were not measured and a clock that went back are a decision
    "no change" with its reason. Raises `Conflict` when the aliases were moved twice while it was decided.
    """
    tries = Retrying(stop=stop_after_attempt(2), retry=retry_if_exception_type(Conflict), reraise=True)
    return tries(_decide, store, decisions, model_type, registered, report, current, config.promotion)


def promote_by_hand(
    store: ArtifactStore,
    decisions: Decisions,
    model_type: str,
    *,
    reason: str,
    config: PipelineConfig,
    version: str = "candidate",
    despite_gates: bool = False,
) -> Decision:
    """Make a model current because a person says so.

    Args:
        version: Data version or alias of a registered model.
        despite_gates: Also where gates fail. Files that are gone or altered are refused in any case.

    Raises GateError where gates fail, PipelineError for a model that is current, unknown or cannot be used.
    """
    aliases = snapshot(decisions, model_type)
    candidate = find_model(store, decisions, model_type, version)
    registered, holds = candidate.data_version, aliases["current"] or ""
    if registered == holds:
        raise PipelineError(
            f"{registered} is the current model of {model_type} already.", where="promotion", mend="Nothing is to do."
        )
    gathered = gather(
        store,
        model_type,
        registered=registered,
        report=candidate.manifest.inputs["eval_report"],
        current=latest_current_evaluation(store, candidate, holds),
        holds=holds,
    )
    ruling = _ruling(gathered, [], config.promotion)
    if not ruling.promoted and not despite_gates:
        raise GateError(
            f"{registered} does not pass: {' '.join(ruling.reasons)}",
            where=f"promotion of {model_type}",
            mend="Mend the cause and train again, or repeat it with --despite-gates.",
        )
    against = [] if ruling.promoted else [f"Against its gates: {text}" for text in ruling.reasons]
    clock = [
        f"Despite this, which counts no more from now on: {g.message}" for g in _clock_gone_back(decisions, model_type)
    ]
    reasons = [f"By hand: {reason}", *(against or ruling.reasons), *clock]
    evidence = {
        BY_HAND: True,
        "clock": clock,
        "gates": _gates(ruling),
        "figures": _figures(gathered.evidence),
        **weights_evidence(store, model_type, registered, holds),
    }
    return _change(decisions, model_type, registered, aliases, reasons, evidence, gathered.evidence)


def _decide(
    store: ArtifactStore,
    decisions: Decisions,
    model_type: str,
    registered: str,
    report: str,
    current: str,
    config: PromotionConfig,
) -> Decision:
    aliases = snapshot(decisions, model_type)
    holds = aliases["current"] or ""
    if registered == holds and (why := made_current(decisions, model_type, holds)) is not None:
        return why
    gathered = gather(store, model_type, registered=registered, report=report, current=current, holds=holds)
    back = taken_back(store, decisions, model_type, registered)
    obstacles = [*_taken_back(back, model_type), *_clock_gone_back(decisions, model_type)]
    question = {
        "registered_model": registered,
        "eval_report": report,
        "current_evaluation": current,
        "current": holds,
        "since": last_move(decisions, model_type),
        "settings": digest(config.model_dump()),
        "gates": code_version(*GATES),
        "obstacles": [gathered.problem, *(gate.message for gate in obstacles)],
    }
    ruling = _ruling(gathered, obstacles, config)
    candidate = _candidate(registered, aliases, usable=gathered.intact and back is None and ruling.new)
    for earlier in decisions.decisions(model_type, kind="promotion"):
        if earlier.evidence.get("question") == question and all(aliases[a] == v for a, v in candidate.items()):
            return earlier
    evidence = {
        "question": question,
        "gates": _gates(ruling),
        "figures": _figures(gathered.evidence),
        **weights_evidence(store, model_type, registered, holds),
    }
    if ruling.promoted and config.automatic:
        return _change(decisions, model_type, registered, aliases, ruling.reasons, evidence, gathered.evidence)
    command = f"`srl-pipeline promote {model_type} --reason …`"
    waits = f"It passes every gate and waits for a person: {command} (promotion.automatic is off)."
    reasons = [waits, *ruling.reasons] if ruling.promoted else ruling.reasons
    judged = gathered.evidence
    return _record(decisions, model_type, registered, aliases, candidate, reasons, evidence, judged)


def _change(
    decisions: Decisions,
    model_type: str,
    registered: str,
    aliases: Mapping[Alias, str | None],
    reasons: list[str],
    evidence: dict[str, Any],
    judged: Evidence | None,
) -> Decision:
    """Record that ``registered`` is current; the one that was becomes `previous`, in the same transaction."""
    holds = aliases["current"] or ""
    moved: dict[Alias, str | None] = {"current": registered}
    if holds:
        moved["previous"] = holds
    if aliases["candidate"] == registered:
        moved["candidate"] = None
    return _record(decisions, model_type, registered, aliases, moved, reasons, evidence, judged)


def _record(
    decisions: Decisions,
    model_type: str,
    registered: str,
    aliases: Mapping[Alias, str | None],
    moved: Mapping[Alias, str | None],
    reasons: list[str],
    evidence: dict[str, Any],
    judged: Evidence | None,
) -> Decision:
    """Keep the decision about ``registered`` with the aliases that it moves, if they still are as they were."""
    holds, changed = aliases["current"] or "", "current" in moved
    return decisions.record(
        Decision(
            at=now_iso(),
            model_type=model_type,
            kind="promotion",
            verdict="change" if changed else "no change",
            subject=registered,
            before=holds,
            after=registered if changed else holds,
            reasons=reasons,
            alternatives=_alternatives(registered, holds, reasons[0], judged, chosen=changed),
            evidence=evidence,
        ),
        aliases=moved,
        expected=aliases,
    )


def _candidate(registered: str, aliases: Mapping[Alias, str | None], *, usable: bool) -> dict[Alias, str | None]:
    """The newest model that is not current is the candidate, for shadow tests and for people; never a broken one."""
    if usable:
        return {"candidate": registered}
    return {"candidate": None} if aliases["candidate"] == registered else {}


def _ruling(gathered: Gathered, obstacles: list[Gate], config: PromotionConfig) -> Ruling:
    if gathered.same:
        return Ruling(promoted=False, gates=[other_weights(same=True), *obstacles])
    if gathered.evidence is None:
        gone = Gate(name="evidence", passed=False, message=gathered.problem)
        return Ruling(promoted=False, gates=[gone, *obstacles])
    ruling = judge(gathered.evidence, config)
    promoted = ruling.promoted and not obstacles
    return ruling.model_copy(update={"promoted": promoted, "gates": [*obstacles, *ruling.gates]})


def _taken_back(back: Decision | None, model_type: str) -> list[Gate]:
    if back is None:
        return []
    said = f"It was taken back by decision {back.id}: {back.reasons[0]} A person may promote it again."
    return [Gate(name="not_taken_back", passed=False, message=said)]


def _clock_gone_back(decisions: Decisions, model_type: str) -> list[Gate]:
    """Compared with the latest time of all decisions: what was decided by a wrong clock may be the newest of them.

    A person who promotes by hand clears it: of what was decided before, no time counts.
    """
    since = takewhile(lambda d: not by_hand(d), decisions.decisions(model_type))
    latest = max(since, key=lambda d: datetime.fromisoformat(d.at), default=None)
    if latest is None or datetime.fromisoformat(now_iso()) + CLOCKS_AGREE >= datetime.fromisoformat(latest.at):
        return []
    said = f"The clock went back: decision {latest.id} is of {latest.at}. Set the clock, or promote by hand."
    return [Gate(name="clock", passed=False, message=said)]


def _gates(ruling: Ruling) -> list[dict[str, Any]]:
    return [gate.model_dump(mode="json") for gate in ruling.gates]


def _figures(evidence: Evidence | None) -> dict[str, dict[str, float]]:
    """Finite figures of both, for people and pages."""
    if evidence is None:
        return {}
    sides = [side for side in (evidence.candidate, evidence.opponent) if side is not None]
    return {s.name: {n: v for n, v in figures(s.result).items() if math.isfinite(v)} for s in sides}


def _alternatives(
    registered: str, holds: str, why: str, evidence: Evidence | None, *, chosen: bool
) -> list[Alternative]:
    known = list(_figures(evidence).values())
    ours, theirs = (known[i] if len(known) > i else {} for i in (0, 1))
    found = [Alternative(name=registered, chosen=chosen, why=why, figures=ours)]
    if holds:
        stays = "It was current." if chosen else "It stays current."
        found.append(Alternative(name=holds, chosen=not chosen, why=stays, figures=theirs))
    return found
