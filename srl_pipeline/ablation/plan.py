"""What an ablation compares, what decides its parts, and the folders that they lie in.

A folder's name holds a digest of everything that decides what lies in it: inputs, settings, code, and the number format
that the machine computes in. So what is found was made by the very same plan. How many seeds and which arms were asked
for is no part of it: more of them are added to what is there. The starts have a plan of their own, which holds nothing
of what the arms do afterwards: ablations that differ in a budget or a learning rate begin with the same ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, TypeVar, get_args

from pydantic import Field, ValidationError

from srl_pipeline.canonical import digest, pretty
from srl_pipeline.config import PipelineConfig
from srl_pipeline.contracts import Json, Record
from srl_pipeline.errors import ArtifactError, PipelineError
from srl_pipeline.registry import code_version
from srl_pipeline.registry.artifacts import disk_errors, write_durably
from srl_pipeline.stages.requests import LIBRARIES
from srl_pipeline.training.students.student import computes_in, named_format

Arm: TypeAlias = Literal["base", "warmup", "sft", "rlvr", "holistic", "srl", "srl_rlvr"]
Regime: TypeAlias = Literal["hard", "easy"]
ARMS: tuple[Arm, ...] = get_args(Arm)
STARTS: tuple[Arm, ...] = ("base", "warmup")
"""Nothing is trained for these: the untouched student, and where every trained arm begins. Always evaluated."""
TRAINED: tuple[Arm, ...] = tuple(arm for arm in ARMS if arm not in STARTS)
REGIMES: tuple[Regime, ...] = get_args(Regime)
PLAN, STARTS_FOLDER = "plan.json", "starts"
_ROOMS = (
    "training",
    *(f"stages/{name}.py" for name in ("run", "workspace", "preflight")),
    "verification",
    "teachers",
    "lore",
    "generation/dialogue.py",
    "generation/drawing/held_out.py",
    "generation/tables.py",
    "evaluation/episodes.py",
    "model_types/spec.py",
    *(
        f"ablation/{name}.py"
        for name in ("arms", "budget", "laboratory", "regimes", "results", "run", "starts", "trials")
    ),
)
"""The source that decides what a cell holds."""
_START_SETTINGS = {"student", "warmup", "lore", "seed", "device"}
_CELL_SETTINGS = _START_SETTINGS | {"srl", "rlvr", "ablation"}
_CALIBRATION = {"calibration_rollouts", "train_candidates", "held_out_candidates"}
_Name = TypeVar("_Name", bound=str)


class Plan(Record):
    """Everything that decides a cell, or a start."""

    model_type: str
    preset: str
    inputs: dict[str, str]
    config: dict[str, Json]
    computes: str = Field(description="Device and number format: they are the machine's where the settings say 'auto'.")
    code: str

    @property
    def digest(self) -> str:
        """The plan's identity."""
        return digest(self.model_dump())


@dataclass(frozen=True)
class Place:
    """Where parts lie, and the digest of the plan that each of them names."""

    plan: str
    folder: Path


def plan_of(model_type: str, inputs: dict[str, str], config: PipelineConfig) -> Plan:
    """The plan of the cells, given inputs (asset -> data version) and settings, with code and machine as they are."""
    settings = config.model_dump(include=_CELL_SETTINGS)
    return _plan(config.preset, model_type, inputs, config, settings)


def start_plan_of(model_type: str, inputs: dict[str, str], config: PipelineConfig) -> Plan:
    """The plan of the starts and their pass rates: as `plan_of`, without what only the arms and their trials need."""
    settings = config.model_dump(include=_START_SETTINGS) | {
        "srl.temperature": config.srl.temperature,  # the format rate that asks for a warm-up is sampled with it
        "ablation": config.ablation.model_dump(include=_CALIBRATION),
    }
    return _plan("", model_type, inputs, config, settings)  # presets that agree in these settings share their starts


def _plan(
    preset: str, model_type: str, inputs: dict[str, str], config: PipelineConfig, settings: dict[str, Json]
) -> Plan:
    return Plan(
        model_type=model_type,
        preset=preset,
        inputs=dict(sorted(inputs.items())),
        config=settings | {"evaluation.max_tokens": config.evaluation.max_tokens},
        computes=named_format(*computes_in(config)),
        code=code_version(*_ROOMS, libraries=LIBRARIES),
    )


def open_place(root: Path, plan: Plan) -> Place:
    """The plan's folder below ``root``, made if need be; raises ArtifactError when another plan lies in it."""
    folder = root / f"{plan.model_type}-{plan.digest}"
    file = folder / PLAN
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        write_durably(file, pretty(plan.model_dump()))
        return Place(plan.digest, folder)
    try:
        same = Plan.model_validate_json(file.read_bytes()).digest == plan.digest
    except ValidationError:
        same = False
    if not same:
        raise ArtifactError(
            "This folder was written by another plan, or its plan was altered.",
            where=str(file),
            mend="Move the folder away; the next run begins a new one.",
        )
    return Place(plan.digest, folder)


def chosen(given: str, known: Sequence[_Name], what: str) -> list[_Name]:
    """The names in a comma-separated list, in the order of ``known``; all when it is empty."""
    asked = [name.strip() for name in given.split(",") if name.strip()]
    if odd := [name for name in asked if name not in known]:
        raise PipelineError(
            f"There is no {what} {odd[0]!r}.", where=f"--{what}s", mend=f"Use some of {','.join(known)}."
        )
    return [name for name in known if not asked or name in asked]
