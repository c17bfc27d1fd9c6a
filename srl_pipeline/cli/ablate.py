"""``srl-pipeline ablate``: training methods at equal token budgets, on scenarios chosen by measured pass rate."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from srl_pipeline.cli.arguments import Preset, Settings, Type, parse_settings
from srl_pipeline.cli.instance import prepare_dagster_home
from srl_pipeline.cli.output import JsonFlag, console, print_json, print_table
from srl_pipeline.cli.run import end_where_failed, materialize
from srl_pipeline.config import home

if TYPE_CHECKING:
    from srl_pipeline.ablation.plan import Arm, Plan, Regime
    from srl_pipeline.ablation.summary import AblationResults
    from srl_pipeline.config import PipelineConfig
    from srl_pipeline.stages.workspace import Workspace

DATA = ("lore_index", "teacher_model", "rule_set", "trajectories", "verified_rewards")
"""Assets that an ablation begins with: those of `srl-pipeline run`, shared with it."""
LOG = "ablation.log"


def ablate(
    model_type: Type,
    preset: Preset = "",
    seeds: Annotated[int, typer.Option(min=1, max=100, help="Training runs of every arm.")] = 3,
    budget: Annotated[
        int | None, typer.Option(min=1, metavar="TOKENS", help="Of every arm. [default: ablation.token_budget]")
    ] = None,
    regimes: Annotated[str, typer.Option(help="Some of hard,easy.")] = "",
    arms: Annotated[str, typer.Option(help="Some of sft,rlvr,holistic,srl,srl_rlvr.")] = "",
    settings: Settings = None,
    json: JsonFlag = False,
) -> None:
    """Compare SFT, RLVR, one-step similarity, SRL and SRL→RLVR at equal token budgets, on held-out scenarios.

    What is finished is found, what was interrupted goes on. More seeds, arms or regimes are added to what is there.
    Ablations that differ in the budget or in the arms' settings share their starts.
    """
    from srl_pipeline.ablation.plan import REGIMES, TRAINED, chosen
    from srl_pipeline.defs.resources import PipelineResource
    from srl_pipeline.launchers.local import ENVIRONMENT

    asked_regimes, asked_arms = chosen(regimes, REGIMES, "regime"), chosen(arms, TRAINED, "arm")
    overrides = parse_settings(settings or []) | ({"ablation.token_budget": budget} if budget else {})
    pipeline: dict[str, Any] = {"preset": preset, "overrides": overrides, "home": str(home())}
    config = PipelineResource(**pipeline).config(model_type)
    for name, value in ENVIRONMENT.items():  # before torch is imported: it trains in this process
        os.environ.setdefault(name, value)
    run_id, progress = materialize(model_type, pipeline, prepare_dagster_home(), quiet=json, assets=DATA)
    end_where_failed(model_type, run_id, progress.assets)
    inputs = {name: progress.assets[name].data_version for name in DATA}
    folder, results = _run(model_type, inputs, config, seeds, asked_regimes, asked_arms)
    if json:
        print_json(results.model_dump() | {"folder": str(folder)})
    else:
        _show(folder, results)


def _run(
    model_type: str,
    inputs: dict[str, str],
    config: PipelineConfig,
    seeds: int,
    regimes: list[Regime],
    arms: list[Arm],
) -> tuple[Path, AblationResults]:
    from srl_pipeline.ablation.laboratory import WorkspaceLaboratory
    from srl_pipeline.ablation.plan import STARTS_FOLDER, open_place, plan_of, start_plan_of
    from srl_pipeline.ablation.report import write_report
    from srl_pipeline.ablation.run import Ablation, run_ablation
    from srl_pipeline.ablation.summary import summarise
    from srl_pipeline.launchers.lock import exclusive
    from srl_pipeline.training.quiet import quiet_libraries

    plan = plan_of(model_type, inputs, config)
    root = home() / "ablations"
    starts = open_place(root / STARTS_FOLDER, start_plan_of(model_type, inputs, config))
    cells = open_place(root, plan)
    folder = cells.folder
    workspace = _workspace(plan, config)
    quiet_libraries()
    waiting = lambda: print(f"Another process works in {folder}: waiting", file=sys.stderr)  # noqa: E731
    with exclusive(folder / ".lock", waiting), _told(folder / LOG):
        asked = Ablation(cells, starts, config.ablation, WorkspaceLaboratory(workspace), seeds, regimes, arms)
        measured = run_ablation(asked)
        steps = len(workspace.pack.spec.steps)
        results = summarise(plan, measured, config, seeds=seeds, steps=steps)
        write_report(folder, results)
    return folder, results


def _workspace(plan: Plan, config: PipelineConfig) -> Workspace:
    """The pipeline's own workspace, as the SRL stage would open it."""
    from srl_pipeline.registry.places import open_store
    from srl_pipeline.stages.requests import stage_request
    from srl_pipeline.stages.workspace import Workspace

    store = open_store(home())
    return Workspace.of(stage_request(store, "srl_checkpoint", plan.model_type, plan.inputs, config))


@contextmanager
def _told(file: Path) -> Iterator[None]:
    """The ablation's progress and all warnings on standard error; every line of every stage in ``file``."""
    log = logging.getLogger("srl_pipeline")
    before, whole, shown = log.level, logging.FileHandler(file, encoding="utf-8"), logging.StreamHandler(sys.stderr)
    whole.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    shown.addFilter(lambda r: r.name == "srl_pipeline.ablation" or r.levelno >= logging.WARNING)
    log.setLevel(logging.INFO)
    for handler in (whole, shown):
        log.addHandler(handler)
    try:
        yield
    finally:
        log.setLevel(before)
        for handler in (whole, shown):
            log.removeHandler(handler)
            handler.close()


def _show(folder: Path, results: AblationResults) -> None:
    from srl_pipeline.ablation.report import PAGE
    from srl_pipeline.ablation.table import (
        COMPARISON_COLUMNS,
        COST_COLUMNS,
        ROW_COLUMNS,
        comparison_rows,
        cost_cells,
        regime_title,
        row_cells,
    )

    for regime in results.regimes:
        rows = [row for row in results.rows if row.regime == regime]
        title = f"{results.model_type}, {regime_title(results, regime)}"
        print_table(title, ROW_COLUMNS, [row_cells(row) for row in rows], wide=True)
        print_table("Spent after the start, mean of the seeds", COST_COLUMNS, [cost_cells(r) for r in rows], wide=True)
        if compared := comparison_rows(results, regime):
            print_table("Paired changes", COMPARISON_COLUMNS, compared, wide=True)
    told = [f"seed {s.seed}, {s.regime}: left out: {s.reason}." for s in results.skipped]
    for line in [*told, f"All of it, and how to read it: {folder / PAGE}"]:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
