"""Load a registered model with all that its answers rest on: student, pinned rules, pinned lore."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from srl_pipeline.config import LoreConfig, PipelineConfig, ServingConfig, StudentConfig
from srl_pipeline.contracts import StageRequest
from srl_pipeline.errors import ArtifactError
from srl_pipeline.registry import ArtifactStore, StoredArtifact
from srl_pipeline.serving.answering import ServedModel
from srl_pipeline.stages.workspace import Workspace

ASSET = "registered_model"
MAX_LOGIT_GAP = 1e-3
"""Largest difference of a logit, in float32, between stock PEFT and our fused layers that is rounding."""
PROBE = 48
"""Tokens that `check_loads` compares."""


def load_model(
    store: ArtifactStore, model_type: str, version: str, serving: ServingConfig, device: str = "auto"
) -> ServedModel:
    """A registered model, ready to answer; raises PipelineError where a file is gone or altered, or nothing fits."""
    registered = store.require(ASSET, model_type, version)
    return ServedModel(registered, lineage(store, registered, device), serving)


def lineage(store: ArtifactStore, registered: StoredArtifact, device: str = "auto") -> Workspace:
    """What a registered model was trained with: its student, rules and lore, whatever is configured today."""
    manifest = registered.manifest
    version = manifest.inputs.get("rlvr_checkpoint", "")
    trained = store.find("rlvr_checkpoint", manifest.model_type, version)  # its manifest alone: weights lie here
    if trained is None:
        raise ArtifactError(
            f"The training that {ASSET}[{manifest.model_type}] {registered.data_version} comes from is gone, so it is "
            "not known which student and which retrieval it was trained with.",
            where=store.place("rlvr_checkpoint", manifest.model_type, version),
            mend="Restore its manifest.json, or promote another version.",
        )
    config = PipelineConfig.model_validate(
        {
            "preset": "serving",
            "device": device,
            "student": StudentConfig.model_validate(trained.manifest.config["student"]),
            "lore": LoreConfig.model_validate(trained.manifest.config["lore"]),
        }
    )
    request = StageRequest(
        stage="eval_report",  # asked as an evaluation asks
        root=store.address,
        model_type=manifest.model_type,
        data_version=registered.data_version,
        inputs=manifest.inputs,
        config=config.model_dump(),
        code_version="",
    )
    return Workspace(request, config, store)


def check_loads(folder: Path, base_folder: Path) -> float:
    """Load a registered model with plain transformers and peft, and compare with our loader.

    Args:
        folder: The registered model's folder.
        base_folder: Its base student in the Hugging Face layout.

    Returns:
        The largest difference of a logit, in float32, over a fixed text of `PROBE` tokens.

    Raises:
        ArtifactError: They differ by more than `MAX_LOGIT_GAP`.
    """
    import torch

    from srl_pipeline.training.students.policy_weights import load_trained
    from srl_pipeline.training.students.student import load_student

    config = PipelineConfig(preset="check", device="cpu", student=StudentConfig(dtype="float32"))
    student = load_student(base_folder, config)
    vocabulary = student.model.config.vocab_size
    ids = torch.tensor([[(7 * place + 3) % vocabulary for place in range(PROBE)]])
    with torch.no_grad():
        ours = load_trained(student, folder)(input_ids=ids).logits
        plain = _plainly_loaded(folder, base_folder)(input_ids=ids).logits
    gap = float((ours - plain).abs().max())
    if not gap <= MAX_LOGIT_GAP:
        raise ArtifactError(
            f"Loaded with plain transformers and peft, the model's logits differ by {gap:.2g}; {MAX_LOGIT_GAP:g} is "
            "rounding.",
            where=str(folder),
            mend="Do not use it elsewhere; materialize registered_model again and report this.",
        )
    return gap


def _plainly_loaded(folder: Path, base_folder: Path) -> Any:
    """As anyone would load it: none of our code."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    options: dict[str, Any] = {"dtype": torch.float32, "trust_remote_code": False, "use_safetensors": True}
    if not (folder / "adapter_config.json").is_file():  # the whole model was tuned
        return AutoModelForCausalLM.from_pretrained(folder, **options).eval()
    base = AutoModelForCausalLM.from_pretrained(base_folder, **options)
    return PeftModel.from_pretrained(base, str(folder)).eval()
