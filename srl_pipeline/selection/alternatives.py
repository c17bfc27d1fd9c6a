"""What a decision keeps of each candidate: its figures, and in one sentence why it was chosen or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from srl_pipeline.registry import Alternative
from srl_pipeline.selection.records import Assessment
from srl_pipeline.selection.scoring import finite


def alternatives(
    found: Sequence[Assessment], chosen: str, whys: Mapping[str, str], otherwise: str
) -> list[Alternative]:
    """All of them in the order given. Refusals say more than any comparison; then ``whys`` by name."""
    return [
        Alternative(
            name=a.name,
            chosen=a.name == chosen,
            why=" ".join(r.why for r in a.refusals) or whys.get(a.name, otherwise),
            figures=_figures(a),
        )
        for a in found
    ]


def _figures(assessment: Assessment) -> dict[str, float]:
    """Everything that is a number, by name with its unit."""
    found: dict[str, float | None] = {}
    if (m := assessment.measurement) is not None:
        found |= {"measuring_usd": m.measuring_usd}
    if m is not None and m.hindrance is None:
        found |= {
            "tasks": float(m.tasks),
            "accepted": float(m.accepted),
            "pass_rate": m.pass_rate.value,
            "pass_rate_low": m.pass_rate.low,
            "pass_rate_high": m.pass_rate.high,
            "usd_total": m.usd_total,
            "usd_per_accepted": m.usd_per_accepted,
            "latency_p50_seconds": m.latency_p50_seconds,
            "latency_p95_seconds": m.latency_p95_seconds,
        }
    if (score := assessment.score) is not None:
        parts = {"quality": score.quality, "cost": score.cost, "latency": score.latency}
        found |= {"score": score.total} | {f"score_{name}": part for name, part in parts.items()}
    return {name: value for name, one in found.items() if (value := finite(one)) is not None}
