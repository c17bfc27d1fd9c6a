"""When a model that serves is taken back. Pure: figures in, an alarm or none out.

Errors: the Wilson interval of the failures among the last `window` requests lies above `max_error_rate`. Something is
done only where the other model is sound: asked at least half as often as an alarm needs, and failing no more often than
it may. Where both fail it is the machine or the requests, and a change would mend nothing.

Quality: only pairs count that one model solved and the other did not. Were the judged model no worse, it would lose
such a pair with probability 1/2 at most. The evidence against that is an e-value: the likelihood ratio of the losses,
averaged over all loss probabilities above 1/2. It is a non-negative supermartingale that begins at 1, so by Ville's
inequality (1939) it ever reaches 1/alpha with probability alpha at most, however often one looks, and at whichever
request one stops.

Sources:
    Ville (1939), Etude critique de la notion de collectif.
    Ramdas, Gruenwald, Vovk and Shafer, Game-theoretic statistics and safe anytime-valid inference (2023).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from pydantic import Field

from srl_pipeline.config import ServingConfig
from srl_pipeline.contracts import Json, Record
from srl_pipeline.evaluation.statistics import wilson
from srl_pipeline.registry.decisions import Alias

Act: TypeAlias = Literal["rollback", "refuse_candidate"]
MAX_EVIDENCE = 1e12
"""E-values above it are told as this: they would outgrow what JSON can hold."""


class ErrorRate(Record):
    """Failures among the last requests to a model."""

    failed: int
    n: int
    low: float | None = Field(description="Lower bound of the share; None without requests.")
    alarm: bool
    sound: bool = Field(description="Asked often enough to say so, and failing no more often than it may.")


class Quality(Record):
    """The judged model against the other, on pairs that only one of them solved."""

    n: int = Field(description="Verified pairs in all.")
    lost: int = Field(description="Solved by the other model alone.")
    won: int = Field(description="Solved by the judged model alone.")
    e_value: float
    alarm: bool


class Alarm(Record):
    """What is to be done, and why."""

    act: Act
    reason: str
    evidence: dict[str, Json]


def error_rate(failures: Sequence[bool], config: ServingConfig) -> ErrorRate:
    """Judge the newest requests, oldest first; at most ``config.window`` of them count."""
    counted = failures[-config.window :]
    share = wilson(sum(counted), len(counted), config.confidence)
    alarm = len(counted) >= config.min_requests and share.low is not None and share.low > config.max_error_rate
    sound = 2 * len(counted) >= config.min_requests and sum(counted) <= config.max_error_rate * len(counted)
    return ErrorRate(failed=sum(counted), n=len(counted), low=share.low, alarm=alarm, sound=sound)


def e_value(lost: int, won: int) -> float:
    """Evidence that the judged model loses more than half of the pairs that only one of the two solved.

    The mean of ``(2 t)^lost (2 (1 - t))^won`` over t uniform on (1/2, 1]. With n = lost + won it is the sum of
    C(n+1, k) over k <= lost, divided by (n+1) C(n, lost). May be infinite: more than a float holds.
    """
    n = lost + won
    term = (n + 1) / (won + 1)  # C(n+1, lost) / C(n, lost)
    total = 0.0
    for k in range(lost, -1, -1):
        total += term
        term *= k / (n + 2 - k)
    return total / (n + 1)


def quality(*, n: int, lost: int, won: int, config: ServingConfig) -> Quality:
    """Judge all pairs since the two models met: the e-value needs no window and no plan of when to look."""
    evidence = e_value(lost, won)
    alarm = n >= config.min_requests and evidence >= 1 / (1 - config.confidence)
    return Quality(n=n, lost=lost, won=won, e_value=min(evidence, MAX_EVIDENCE), alarm=alarm)


def alarm(
    alias: Alias, shadow: Alias | None, live: ErrorRate, other: ErrorRate, judged: Quality, config: ServingConfig
) -> Alarm | None:
    """What the figures call for.

    Args:
        alias: What the live model serves as; nothing is ever done unless that is `current`.
        shadow: What the other model is: `previous`, `candidate`, or None where there is none.
        live, other: Their failures.
        judged: The quality of the live model beside `previous`, of the candidate beside `current`.
    """
    if alias != "current" or shadow is None:
        return None
    evidence: dict[str, Json] = {
        "live_failed": live.failed,
        "live_requests": live.n,
        "shadow_failed": other.failed,
        "shadow_requests": other.n,
        "pairs": judged.n,
        "pairs_lost": judged.lost,
        "pairs_won": judged.won,
        "e_value": judged.e_value,
        "confidence": config.confidence,
        "max_error_rate": config.max_error_rate,
    }
    if live.alarm and other.sound:
        return Alarm(act="rollback", reason=_failing("The current model", live, config), evidence=evidence)
    if shadow == "candidate" and other.alarm and live.sound:
        return Alarm(act="refuse_candidate", reason=_failing("The candidate", other, config), evidence=evidence)
    if judged.alarm:
        if shadow == "candidate":
            return Alarm(act="refuse_candidate", reason=_worse("The candidate", "current", judged), evidence=evidence)
        return Alarm(act="rollback", reason=_worse("The current model", "previous", judged), evidence=evidence)
    return None


def _failing(who: str, rate: ErrorRate, config: ServingConfig) -> str:
    return (
        f"{who} failed on {rate.failed} of the last {rate.n} live requests; "
        f"at most {config.max_error_rate:.0%} may fail, and at {config.confidence:.0%} confidence more do."
    )


def _worse(who: str, other: str, judged: Quality) -> str:
    return (
        f"{who} solves fewer live requests than the {other} one: of {judged.lost + judged.won} that only one of the "
        f"two solved it lost {judged.lost} (e-value {judged.e_value:.3g})."
    )
