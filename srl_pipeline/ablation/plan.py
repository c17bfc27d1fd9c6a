"""What an ablation compares, what decides its cells, and the folder that they lie in.

The folder's name holds a digest of everything that decides a cell: inputs, settings, code, and the number format that
the machine computes in. So a cell that is found was made by the very same plan. How many seeds and which arms were
asked for is no part of it: more of them are added to what is there.
"""

from __future__ import annotations

from collections.abc import Sequence
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
PLAN = "plan.json"
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
    *(f"ablation/{name}.py" for name in ("arms", "budget", "laboratory", "regimes", "results", "run", "trials")),
)
"""The source that decides what a cell holds."""
_SETTINGS = {"student", "warmup", "srl", "rlvr", "lore", "ablation", "seed", "device"}
_Name = TypeVar("_Name", bound=str)


class Plan(Record):
    """Everything that decides a cell."""

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


def plan_of(model_type: str, inputs: dict[str, str], config: PipelineConfig) -> Plan:
    """The plan of these inputs (asset -> data version) and settings, with the code and the machine as they are."""
    settings = config.model_dump(include=_SETTINGS) | {"evaluation.max_tokens": config.evaluation.max_tokens}
    code = code_version(*_ROOMS, libraries=LIBRARIES)
    return Plan(
        model_type=model_type,
        preset=config.preset,
        inputs=dict(sorted(inputs.items())),
        config=settings,
        computes=named_format(*computes_in(config)),
        code=code,
    )


def open_folder(root: Path, plan: Plan) -> Path:
    """The plan's folder below ``root``, made if need be; raises ArtifactError when another plan lies in it."""
    folder = root / f"{plan.model_type}-{plan.digest}"
    file = folder / PLAN
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        write_durably(file, pretty(plan.model_dump()))
        return folder
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
    return folder


def chosen(given: str, known: Sequence[_Name], what: str) -> list[_Name]:
    """The names in a comma-separated list, in the order of ``known``; all when it is empty."""
    asked = [name.strip() for name in given.split(",") if name.strip()]
    if odd := [name for name in asked if name not in known]:
        raise PipelineError(
            f"There is no {what} {odd[0]!r}.", where=f"--{what}s", mend=f"Use some of {','.join(known)}."
        )
    return [name for name in known if not asked or name in asked]
