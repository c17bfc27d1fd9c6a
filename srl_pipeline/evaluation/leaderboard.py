"""One table over all model types, from the manifests of their newest eval reports. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field

from srl_pipeline.contracts import Manifest, Record
from srl_pipeline.evaluation.markdown import table
from srl_pipeline.evaluation.statistics import Estimate
from srl_pipeline.evaluation.wording import UNKNOWN, rate, stage_name

NOT_EVALUATED = "not evaluated"


class LeaderboardStage(Record):
    """A stage's pass rate; ``pass_rate.n`` is the number of scenarios."""

    stage: str
    pass_rate: Estimate


class LeaderboardRow(Record):
    """One model type."""

    model_type: str
    status: str = Field(description="'evaluated', 'not evaluated', or the name of the gate that failed.")
    stages: list[LeaderboardStage] = Field(default_factory=list)
    preset: str = ""
    data_version: str = ""
    created_at: str = ""


def leaderboard(entries: Iterable[tuple[str, Manifest | None]]) -> list[LeaderboardRow]:
    """A row a model type, in the order given. ``None``: the type has no eval report."""
    return [_row(model_type, manifest) for model_type, manifest in entries]


def leaderboard_markdown(rows: Iterable[LeaderboardRow]) -> str:
    """The table; a column a stage that any type has."""
    rows = list(rows)
    stages = list(dict.fromkeys(s.stage for row in rows for s in row.stages))
    lines = []
    for row in rows:
        rates = {s.stage: s.pass_rate for s in row.stages}
        cells = [rate(rates[stage]) if stage in rates else UNKNOWN for stage in stages]
        counts = dict.fromkeys(str(s.pass_rate.n) for s in row.stages)
        version = f"`{row.data_version}`" if row.data_version else UNKNOWN
        told = (", ".join(counts) or UNKNOWN, row.preset or UNKNOWN, version, row.created_at or UNKNOWN, row.status)
        lines.append((row.model_type.replace("_", " "), *cells, *told))
    columns = ("model type", *(stage_name(s) for s in stages), "scenarios", "preset", "version", "when", "status")
    return table(columns, lines)


def _row(model_type: str, manifest: Manifest | None) -> LeaderboardRow:
    if manifest is None:
        return LeaderboardRow(model_type=model_type, status=NOT_EVALUATED)
    failed = manifest.failed_gates
    return LeaderboardRow(
        model_type=model_type,
        status=f"failed {failed[0].name}" if failed else "evaluated",
        stages=[_stage(stage, manifest.metrics) for stage in manifest.notes.get("stages", [])],
        preset=str(manifest.notes.get("preset", "")),
        data_version=manifest.data_version,
        created_at=manifest.created_at,
    )


def _stage(stage: str, metrics: dict[str, float]) -> LeaderboardStage:
    name = f"pass_rate_{stage}"
    estimate = Estimate(
        value=metrics.get(name),
        low=metrics.get(f"{name}_low"),
        high=metrics.get(f"{name}_high"),
        n=int(metrics.get(f"n_{stage}", 0)),
    )
    return LeaderboardStage(stage=stage, pass_rate=estimate)
