"""What a training process is asked for. No heavy imports: the orchestrator plans, the child computes."""

from __future__ import annotations

from typing import Any

from srl_pipeline.config import PipelineConfig
from srl_pipeline.contracts import Manifest, Sources, Stage, StageRequest
from srl_pipeline.registry import ArtifactStore, artifact_version, code_version

_DATA_ROOMS = ("verification", "generation/tables.py", "model_types/spec.py")
_TRAINING_ROOMS = ("training", *(f"stages/{name}.py" for name in ("run", "workspace", "preflight")), *_DATA_ROOMS)
_EVALUATION_ROOMS = ("training", "stages", *_DATA_ROOMS, "evaluation", "lore", "generation/drawing/held_out.py")
LIBRARIES = ("torch", "transformers", "trl", "peft")


def stage_request(
    store: ArtifactStore, stage: Stage, model_type: str, inputs: dict[str, str], config: PipelineConfig
) -> StageRequest:
    """The request for one stage; its data version covers inputs, the configuration that matters to it, and the code."""
    rooms = _EVALUATION_ROOMS if stage in ("eval_report", "current_evaluation") else _TRAINING_ROOMS
    code = code_version(*rooms, libraries=LIBRARIES)
    return StageRequest(
        stage=stage,
        root=store.address,
        model_type=model_type,
        data_version=artifact_version(stage, dict(sorted(inputs.items())), stage_config(stage, config), code),
        inputs=dict(sorted(inputs.items())),
        config=config.model_dump(),
        code_version=code,
    )


def chain_requests(store: ArtifactStore, rewards: Manifest, config: PipelineConfig) -> dict[Stage, StageRequest]:
    """The requests of the training chain on verified ``rewards``, in order; raises ArtifactError.

    The versions of what each stage makes are known before anything is made, so the next stage can be asked for too.
    """
    model_type, taught = rewards.model_type, rewards.inputs["trajectories"]
    pins = store.require("trajectories", model_type, taught).manifest.inputs
    inputs = {"verified_rewards": rewards.data_version, "trajectories": taught}
    inputs |= {name: pins[name] for name in Sources.model_fields}
    known, requests = dict(inputs), dict[Stage, StageRequest]()
    needs: dict[Stage, tuple[str, ...]] = {
        "srl_checkpoint": tuple(inputs),
        "rlvr_checkpoint": ("srl_checkpoint", *inputs),
        "eval_report": ("srl_checkpoint", "rlvr_checkpoint", "lore_index", "rule_set"),
    }
    for stage, names in needs.items():
        requests[stage] = stage_request(store, stage, model_type, {name: known[name] for name in names}, config)
        known[stage] = requests[stage].data_version
    return requests


def stage_config(stage: Stage, config: PipelineConfig) -> dict[str, Any]:
    """The part of the configuration that decides a stage: a change elsewhere does not make it again."""
    parts = {
        "srl_checkpoint": {"student", "warmup", "srl", "seed", "device"},
        "rlvr_checkpoint": {"student", "rlvr", "lore", "seed", "device"},
        "eval_report": {"student", "evaluation", "lore", "device"},
        "current_evaluation": {"evaluation", "lore", "device"},  # its student is the registered model's own
    }[stage]
    return config.model_dump(include=parts)
