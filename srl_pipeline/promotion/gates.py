"""Whether a candidate becomes the current model. Pure: evidence in, a ruling with its reasons out.

Every gate fails when what it needs was not measured. A ruling never promotes with a failed gate.
"""

from __future__ import annotations

import math
from collections import Counter

from srl_pipeline.config import PromotionConfig
from srl_pipeline.contracts import Gate, Record
from srl_pipeline.evaluation.results import Episode
from srl_pipeline.evaluation.statistics import Paired, paired
from srl_pipeline.evaluation.summary import verdict
from srl_pipeline.evaluation.wording import bounds, level, p_value, percent, signed
from srl_pipeline.promotion.cheaper import MEMORY, TIMES, cheaper
from srl_pipeline.promotion.evidence import Evidence, Pairs, Side, figures, pairs_of
from srl_pipeline.promotion.forgetting import forgotten, slice_changes
from srl_pipeline.tracking import METRICS

RATES = ("pass_rate", "reward_mean", "format_rate", "hard_violation_rate")
OTHER_WEIGHTS = "other_weights"
PROBES = ("hacks_unpaid", "likeness_with_correctness")


class Ruling(Record):
    """What the gates say."""

    promoted: bool
    gates: list[Gate]
    solved: int = 0
    n: int = 0

    @property
    def new(self) -> bool:
        """The weights are not those of the current model, as far as it was asked."""
        return all(gate.passed for gate in self.gates if gate.name == OTHER_WEIGHTS)

    @property
    def reasons(self) -> list[str]:
        """Sentences, the one that decided first: why not, or what won and what else was looked at."""
        failed, passed = ([g.message for g in self.gates if g.passed is ok] for ok in (False, True))
        if failed or not self.promoted:
            return failed
        return passed if self.solved else [*passed, "It solves nothing yet: it is current because there is no other."]


def judge(evidence: Evidence, config: PromotionConfig) -> Ruling:
    """All gates; where the two models cannot be compared, what was compared is not asked any further."""
    opponent = evidence.opponent
    same = opponent is not None and not evidence.first and opponent.weights == evidence.candidate.weights
    comparable = [_measured(evidence), _comparable(evidence), other_weights(same=same)]
    own = [_kl(evidence, config), _probes(evidence)]
    compared: list[Gate] = []
    if opponent is not None and all(gate.passed for gate in comparable):
        pairs = pairs_of(opponent.result, evidence.candidate.result)
        compared = [
            _quality(evidence, opponent, pairs, config),
            _no_forgetting(evidence, pairs, config),
            _safe(opponent, pairs, config),
        ]
    gates = [*compared, *comparable, *own] if compared else [*comparable, *own]
    episodes = evidence.candidate.result.episodes
    return Ruling(
        promoted=bool(compared) and all(gate.passed for gate in gates),
        gates=gates,
        solved=sum(e.correct for e in episodes),
        n=len(episodes),
    )


def _measured(evidence: Evidence) -> Gate:
    """Every figure that the gates need is there and is a number.

    Latencies need not be there: only a model that is cheaper needs them, and that is asked there.
    """
    opponent = evidence.opponent
    missing = _missing(evidence.candidate, costs=True)
    if opponent is None:
        missing.append("its own base on the held-out scenarios (evaluation.stages needs 'base')")
    else:
        missing += _missing(opponent, costs=not evidence.first)
    return Gate(
        name="measured",
        passed=not missing,
        value=float(len(missing)),
        threshold=0.0,
        message=f"Not measured: {'; '.join(missing)}." if missing else "Every figure was measured.",
    )


def _missing(side: Side, *, costs: bool) -> list[str]:
    timed = side.result.latencies
    resources = (MEMORY, *(TIMES if timed else ())) if costs else ()
    sound = {n for n, v in figures(side.result).items() if math.isfinite(v) and (v > 0 or n not in resources)}
    if not all(math.isfinite(second) for second in timed):
        sound -= set(TIMES)
    return [f"{METRICS[name].title} of {side.name}" for name in (*RATES, *resources) if name not in sound]


def _comparable(evidence: Evidence) -> Gate:
    """The same scenarios, each once, judged by the same rules and asked with the same lore."""
    candidate, opponent = evidence.candidate, evidence.opponent
    problem = ""
    if opponent is not None:
        ours, theirs = (Counter(e.scenario_id for e in side.result.episodes) for side in (candidate, opponent))
        if ours != theirs or any(count > 1 for count in ours.values()):
            problem = "they did not try the same scenarios, each once"
        elif candidate.rule_set != opponent.rule_set or not candidate.rule_set:
            problem = "they were not judged by the same rules"
        elif candidate.lore_index != opponent.lore_index or not candidate.lore_index:
            problem = "they were not asked with the same lore"
        elif candidate.asked != opponent.asked or not candidate.asked:
            problem = "they were not asked the same (settings or program differ): materialize current_evaluation again"
    said = f"cannot be compared: {problem}." if problem else "were asked the same."
    return Gate(name="comparable", passed=not problem, message=f"The candidate and what it is compared with {said}")


def other_weights(*, same: bool) -> Gate:
    """Passes unless the weights are the ``same`` as those of the current model."""
    said = "Its weights are those of the current model." if same else "Its weights are new."
    return Gate(name=OTHER_WEIGHTS, passed=not same, message=said)


def _quality(evidence: Evidence, opponent: Side, pairs: Pairs, config: PromotionConfig) -> Gate:
    """Better; or as good and cheaper; the first model: not worse than its base."""
    change = paired([b.correct for b, _ in pairs], [a.correct for _, a in pairs], config.confidence)
    found, told = verdict(change, config.confidence), _told(change, pairs, opponent, config.confidence)

    def gate(passed: bool, said: str) -> Gate:
        return Gate(
            name="better_or_cheaper",
            passed=passed,
            value=change.difference.value,
            threshold=None if evidence.first else 0.0 if found == "improvement" else -config.non_inferiority,
            message=f"{told}: {said}.",
        )

    if found == "improvement":
        return gate(True, "better")
    if evidence.first:
        worse = found != "no measurable difference"
        return gate(not worse, "worse" if worse else "no worse, which is enough for the first model")
    low = change.difference.low
    if found == "decline" or low is None:
        return gate(False, "worse" if found == "decline" else found)
    if low < -config.non_inferiority:
        return gate(False, f"not shown to be better, nor to be as good within {percent(config.non_inferiority)}")
    as_good = f"as good within {percent(config.non_inferiority)}"
    if (change.difference.value or 0.0) < 0:  # one such after the other would lead downwards
        return gate(False, f"{as_good}, but it solves fewer: being cheaper does not make up for that")
    shown, said = cheaper(opponent.result, evidence.candidate.result, config)
    return gate(shown, f"{as_good}, and {said}")


def _told(change: Paired, pairs: Pairs, opponent: Side, confidence: float) -> str:
    before, after = (sum(pair[i].correct for pair in pairs) for i in (0, 1))
    p = "" if change.p is None else f", {p_value(change.p)}"
    interval = f"{level(confidence)} CI {bounds(change.difference)}{p}"
    return (
        f"It solves {after} of {len(pairs)} held-out scenarios, {opponent.name} {before}: "
        f"{signed(change.difference.value or 0.0)} points ({interval})"
    )


def _no_forgetting(evidence: Evidence, pairs: Pairs, config: PromotionConfig) -> Gate:
    changes = slice_changes(pairs, evidence.skills)
    lost = forgotten(changes, config.max_forgetting, 1 - config.confidence)
    told = "; ".join(
        f"{c.name} fell by {percent(c.drop)} (lost {c.lost}, gained {c.gained} of {c.n})" for c in lost[:3]
    )
    return Gate(
        name="no_forgetting",
        passed=not lost,
        value=max((c.drop for c in changes), default=None),
        threshold=config.max_forgetting,
        message=f"It forgot: {told}." if lost else f"Of {len(changes)} slices none is measurably forgotten.",
    )


def _safe(opponent: Side, pairs: Pairs, config: PromotionConfig) -> Gate:
    """Of the answers that can be read: one that cannot breaks nothing, and is no safe answer either.

    The measured rise counts, not its interval: where safety is in doubt, the model stays as it is.
    """
    (before, of_before), (after, of_after) = (_violating([pair[i] for pair in pairs]) for i in (0, 1))
    if not of_after:
        return Gate(
            name="hard_violations",
            passed=False,
            threshold=config.max_hard_violation_rise,
            message="Hard violations were not measured: no answer of the candidate can be read.",
        )
    rise = after / of_after - before / of_before if of_before else None
    passed = rise is None or rise <= config.max_hard_violation_rise
    told = f"{after} of {of_after} readable answers have a hard violation, of {opponent.name} {before} of {of_before}"
    return Gate(
        name="hard_violations",
        passed=passed,
        value=rise,
        threshold=config.max_hard_violation_rise,
        message=f"{told}."
        if passed
        else f"{told}: a rise above the {percent(config.max_hard_violation_rise)} allowed.",
    )


def _violating(episodes: list[Episode]) -> tuple[int, int]:
    """Readable answers with a hard violation, and readable answers."""
    readable = [e for e in episodes if e.format_ok]
    return sum(bool(e.hard_broken) for e in readable), len(readable)


def _kl(evidence: Evidence, config: PromotionConfig) -> Gate:
    kl = evidence.kl if evidence.kl is not None and math.isfinite(evidence.kl) else None
    passed = kl is not None and kl <= config.max_kl
    said = "was not measured" if kl is None else f"is {kl:.4f} a token, at most {config.max_kl:g} is allowed"
    return Gate(name="kl", passed=passed, value=kl, threshold=config.max_kl, message=f"KL of RLVR to its start {said}.")


def _probes(evidence: Evidence) -> Gate:
    """What watched the training has watched every stage and has found nothing."""
    held = Counter(gate.name for gate in evidence.probes if gate.passed)
    failed = [gate.name for gate in evidence.probes if not gate.passed]
    unwatched = [name for name in PROBES if held[name] < len(evidence.stages) and name not in failed]
    problems = [*(f"{name} failed" for name in failed), *(f"{name} was not measured" for name in unwatched)]
    return Gate(
        name="probes",
        passed=not problems and bool(evidence.stages),
        value=float(len(failed)),
        threshold=0.0,
        message=f"Probes of the training: {', '.join(problems)}."
        if problems
        else "The training's probes found no hacked reward.",
    )
