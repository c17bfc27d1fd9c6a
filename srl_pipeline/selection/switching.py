"""Whether to switch: hysteresis and break-even. Pure; every "no change" says why.

A challenger takes over from an incumbent that meets the hard constraints only where all of this holds:

- its score is higher by ``selection.margin`` at least, and higher at all;
- on the tasks that both solved it is not measurably worse (paired exact test and interval, 95 %);
- it pays for itself: ``switching_usd / saving_usd_per_month <= selection.max_break_even_months``, where

  ``switching_usd`` = ``switch_usd`` + what measuring the challenger has cost;
  ``money_usd_per_month`` = ``accepted_per_month * (usd_per_accepted of the incumbent - of the challenger)``;
  ``quality_usd_per_month`` = ``quality_usd * 100 * (pass rate of the challenger - of the incumbent)``: ``quality_usd``
  is what one more accepted trajectory in a hundred asked is worth, in US dollars a month;
  ``saving_usd_per_month`` = the last two together.

  A saving below 0 never pays. A switch that costs nothing has paid for itself at once.

An incumbent that breaks a hard constraint is left for the best that breaks none, without margin and break-even. One
that could not be measured (its budget was refused, it did not answer) is not left for that: nothing is known against
it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from srl_pipeline.config import SelectionConfig
from srl_pipeline.evaluation.statistics import paired
from srl_pipeline.evaluation.summary import verdict
from srl_pipeline.selection.alternatives import alternatives
from srl_pipeline.selection.records import Assessment, BreakEven, Choice, Measurement
from srl_pipeline.selection.scoring import finite

CONFIDENCE = 0.95
ROUNDING = 1e-12
"""What sums of the same numbers in another order may differ by."""


def decide(found: Sequence[Assessment], incumbent: str, config: SelectionConfig) -> Choice:
    """The choice among ``found``; the incumbent stays unless a challenger earns its place.

    The incumbent need not be among ``found``: then nothing can be compared with it, and it stays.
    """
    holds = next((a for a in found if a.name == incumbent), None)
    ranked = sorted((a for a in found if a.score and a.name != incumbent), key=_rank)
    if holds is None:
        return _stay(found, incumbent, f"{incumbent} holds and was not assessed: nothing can be compared with it.")
    if not any(a.name != incumbent for a in found):
        return _stay(found, incumbent, f"there is no candidate beside {incumbent}.")
    if holds.score is None:
        return _without_incumbent(found, holds, ranked)
    objections: dict[str, str] = {}
    nearest: BreakEven | None = None
    for challenger in ranked:
        pays = break_even(holds, challenger, config)
        objection = _objection(holds, challenger, pays, config)
        if not objection:
            return _switch(found, holds, challenger, _won(holds, challenger, pays), objections, pays)
        objections[challenger.name] = objection
        nearest = nearest or pays
    if ranked:
        return _stay(found, incumbent, objections[ranked[0].name], objections, nearest)
    return _stay(found, incumbent, f"no candidate beside {incumbent} meets the hard constraints. {_told(found)}")


def break_even(incumbent: Assessment, challenger: Assessment, config: SelectionConfig) -> BreakEven:
    """When a switch has paid for itself; both must have been measured."""
    before, after = _measured(incumbent), _measured(challenger)
    usd_before, usd_after = finite(before.usd_per_accepted), finite(after.usd_per_accepted)
    rate_before, rate_after = finite(before.pass_rate.value), finite(after.pass_rate.value)
    assert usd_before is not None and usd_after is not None and rate_before is not None and rate_after is not None
    switching = config.switch_usd + after.measuring_usd
    money = config.accepted_per_month * (usd_before - usd_after)
    quality = config.quality_usd * 100 * (rate_after - rate_before)
    return BreakEven(
        switching_usd=switching,
        money_usd_per_month=money,
        quality_usd_per_month=quality,
        months=months(switching, money + quality),
    )


def months(switching_usd: float, saving_usd_per_month: float) -> float | None:
    """Months after which a switch has paid for itself; None for never."""
    if saving_usd_per_month < 0:
        return None
    if switching_usd == 0:
        return 0.0
    # a saving too small to count with would take for ever, and "for ever" is no number that can be kept
    found = switching_usd / saving_usd_per_month if saving_usd_per_month else math.inf
    return found if math.isfinite(found) else None


def _rank(assessment: Assessment) -> tuple[float, str]:
    assert assessment.score is not None  # only those that have one are ranked
    return (-assessment.score.total, assessment.name)


def _objection(holds: Assessment, challenger: Assessment, pays: BreakEven, config: SelectionConfig) -> str:
    """Why a challenger that meets the hard constraints does not take over; empty where it does."""
    assert holds.score is not None and challenger.score is not None
    gain = challenger.score.total - holds.score.total
    if gain <= ROUNDING or gain < config.margin - ROUNDING:
        return f"{_scores(holds, challenger)}: a switch needs {config.margin:.3g} more (selection.margin)."
    before, after = _measured(holds), _measured(challenger)
    shared = [s for s in before.solved if s in after.solved]
    if not shared:
        return f"{challenger.name} and {holds.name} were measured on no task in common."
    change = paired([before.solved[s] for s in shared], [after.solved[s] for s in shared], CONFIDENCE)
    if verdict(change, CONFIDENCE) == "decline":
        return (
            f"{challenger.name} solves measurably fewer of the same {len(shared)} tasks: {change.lost} that "
            f"{holds.name} solves are lost, {change.gained} are gained."
        )
    if pays.months is None or pays.months > config.max_break_even_months:
        most = f"(selection.max_break_even_months is {config.max_break_even_months:g})"
        return f"{_scores(holds, challenger)}, but a switch would {_pays(pays)} {most}."
    return ""


def _won(holds: Assessment, challenger: Assessment, pays: BreakEven) -> list[str]:
    before, after = _measured(holds), _measured(challenger)
    return [
        f"{challenger.name} takes over from {holds.name}: {_scores(holds, challenger)}.",
        f"{challenger.name} solves {after.accepted} of {after.tasks} tasks, {holds.name} {before.accepted} of "
        f"{before.tasks}.",
        f"An accepted one costs ${after.usd_per_accepted:.5g}, by {holds.name} ${before.usd_per_accepted:.5g}.",
        f"The switch will {_pays(pays)}.",
    ]


def _scores(holds: Assessment, challenger: Assessment) -> str:
    assert holds.score is not None and challenger.score is not None
    return f"{challenger.name} scores {challenger.score.total:.3f}, {holds.name} {holds.score.total:.3f}"


def _pays(pays: BreakEven) -> str:
    saved = (
        f"${pays.saving_usd_per_month:.2f} a month (money ${pays.money_usd_per_month:.2f}, quality "
        f"${pays.quality_usd_per_month:.2f})"
    )
    when = "never pay for itself" if pays.months is None else f"pay for itself in {pays.months:.2g} months"
    return f"{when}: it costs ${pays.switching_usd:.2f} and brings {saved}"


def _without_incumbent(found: Sequence[Assessment], holds: Assessment, ranked: Sequence[Assessment]) -> Choice:
    """The incumbent breaks a hard constraint, or is not known."""
    first = next((r for r in holds.refusals if r.constraint != "measurement"), holds.refusals[0])
    if first.constraint == "measurement":
        return _stay(found, holds.name, f"{holds.name} could not be measured. {_told(found)}")
    if not ranked:
        return _stay(found, holds.name, f"no candidate meets the hard constraints. {_told(found)}")
    best = ranked[0]
    reasons = [
        f"{best.name} takes over from {holds.name}, which breaks a hard constraint ({first.constraint}): {first.why}",
        f"{best.name} meets all of them; of those that do it has the best score.",
    ]
    return _switch(found, holds, best, reasons, {}, None)


def _told(found: Sequence[Assessment]) -> str:
    return " ".join(f"{a.name}: {a.refusals[0].why}" for a in found if a.refusals)


def _measured(assessment: Assessment) -> Measurement:
    assert assessment.measurement is not None  # only those that were measured are compared
    return assessment.measurement


def _stay(
    found: Sequence[Assessment],
    incumbent: str,
    because: str,
    objections: Mapping[str, str] | None = None,
    pays: BreakEven | None = None,
) -> Choice:
    whys = {incumbent: "It holds, and stays."} | dict(objections or {})
    return Choice(
        chosen=incumbent,
        change=False,
        reasons=[f"No change, because {because}"],
        alternatives=alternatives(found, incumbent, whys, f"Nothing is known of {incumbent} to compare it with."),
        break_even=pays,
    )


def _switch(
    found: Sequence[Assessment],
    holds: Assessment,
    best: Assessment,
    reasons: list[str],
    objections: Mapping[str, str],
    pays: BreakEven | None,
) -> Choice:
    whys = {best.name: reasons[-1], holds.name: f"{best.name} takes its place."} | dict(objections)
    return Choice(
        chosen=best.name,
        change=True,
        reasons=reasons,
        alternatives=alternatives(found, best.name, whys, f"{best.name} has the better score."),
        break_even=pays,
    )
