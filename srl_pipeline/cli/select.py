"""``srl-pipeline select``: who is to teach a model type, which student it is to train, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from srl_pipeline.cli.arguments import Preset, Settings, Type, parse_settings
from srl_pipeline.cli.output import JsonFlag, console, print_json, print_table
from srl_pipeline.config import home

if TYPE_CHECKING:
    from srl_pipeline.config import PipelineConfig
    from srl_pipeline.model_types import Pack
    from srl_pipeline.registry import Decision, Decisions
    from srl_pipeline.selection.questions import Question
    from srl_pipeline.selection.records import Responsibility

app = typer.Typer(help="Choose teachers and students by what was measured of them.", no_args_is_help=True)
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Measure (paid teachers are paid, within the caps) and record nothing.")
]
COLUMNS = ("candidate", "verified", "$/accepted", "p50 s", "p95 s", "score", "")
FIGURES = ("pass_rate", "usd_per_accepted", "latency_p50_seconds", "latency_p95_seconds", "score")


@app.command()
def teacher(
    model_type: Type, dry_run: DryRun = False, preset: Preset = "", settings: Settings = None, json: JsonFlag = False
) -> None:
    """Let the teachers of `selection.candidates` solve the same tasks, and choose. Does nothing where none is due."""
    _choose("teacher", model_type, dry_run, preset, settings, json)


@app.command()
def student(
    model_type: Type, dry_run: DryRun = False, preset: Preset = "", settings: Settings = None, json: JsonFlag = False
) -> None:
    """Choose among the students of `selection.students` by their newest evaluation reports; nothing is trained."""
    _choose("student", model_type, dry_run, preset, settings, json)


def _choose(
    kind: Responsibility, model_type: str, dry_run: bool, preset: str, settings: list[str] | None, json: bool
) -> None:
    from contextlib import closing

    from srl_pipeline.defs.resources import PipelineResource
    from srl_pipeline.model_types import load_pack
    from srl_pipeline.registry.places import open_decisions
    from srl_pipeline.selection import consider, select_student, select_teacher
    from srl_pipeline.selection.schedule import last_check

    pipeline = PipelineResource(preset=preset, overrides=parse_settings(settings or []), home=str(home()))
    pack = load_pack(model_type)
    config, store = pipeline.config(model_type, pack), pipeline.store()
    home().mkdir(parents=True, exist_ok=True)
    with closing(open_decisions(home())) as decisions:
        if dry_run:
            decision, note = consider(_question(kind, pack, config), decisions), "Dry run: nothing was recorded."
        else:
            made = (
                select_teacher(home(), store, decisions, pack, config)
                if kind == "teacher"
                else select_student(home(), store, decisions, pack, config)
            )
            decision, note = made, f"Recorded as decision {made.id}." if made else ""
        if decision is None and last_check(decisions, kind, model_type) is None:
            # there is nothing to choose: that is told, and not worth a record
            decision, note = consider(_question(kind, pack, config), decisions), "Nothing was recorded."
        elif decision is None:
            decision = _newest(decisions, kind, model_type)
            note = f"No check is due; this is decision {decision.id}, of {decision.at}."
    if json:
        print_json({"note": note, "decision": decision.model_dump(mode="json")})
    else:
        _show(kind, decision, note)


def _question(kind: Responsibility, pack: Pack, config: PipelineConfig) -> Question:
    from srl_pipeline.registry.places import open_store
    from srl_pipeline.selection import student_question, teacher_question

    store = open_store(home())
    if kind == "teacher":
        return teacher_question(home(), store, pack, config)
    return student_question(store, pack, config)


def _newest(decisions: Decisions, kind: Responsibility, model_type: str) -> Decision:
    return decisions.decisions(model_type, kind=kind, last=1)[0]


def _show(kind: str, decision: Decision, note: str) -> None:
    if decision.alternatives:
        rows = [
            (
                a.name,
                *(a.figures.get(name, "–") for name in FIGURES),
                "chosen" if a.chosen else "holds" if a.name == decision.before else "",
            )
            for a in decision.alternatives
        ]
        print_table(f"The {kind} of {decision.model_type}", COLUMNS, rows, wide=True)
    lines = [f"{a.name}: {a.why}" for a in decision.alternatives]
    for line in [*decision.reasons, *(f"  {line}" for line in lines), note]:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
