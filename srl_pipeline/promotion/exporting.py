"""A registered model as a Hugging Face folder that leaves the installation: as it is, with its base, or merged."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from srl_pipeline.canonical import pretty
from srl_pipeline.errors import PipelineError, StudentError
from srl_pipeline.promotion.card import CARD
from srl_pipeline.promotion.lineage import FILE, Lineage, read_lineage
from srl_pipeline.promotion.loading import WEIGHTS, with_loading
from srl_pipeline.registry import ArtifactStore, StoredArtifact
from srl_pipeline.registry.artifacts import MANIFEST, disk_errors
from srl_pipeline.training.students.student import student_identity

CONFIG = "adapter_config.json"
BASE = "base"
"""Folder of the base in an export that has it."""


def export_folder(
    store: ArtifactStore, model: StoredArtifact, target: Path, *, merged: bool = False, with_base: bool = False
) -> Path:
    """Write a model to ``target`` and return it: complete, or not at all.

    Args:
        model: A registered model, from `find_model`.
        target: A folder that does not exist, or is empty.
        merged: Adapter and base as one whole model, in float32: bfloat16 would round small changes away.
        with_base: The base beside the adapter, in `base/`.

    Raises PipelineError for a target that holds something, StudentError where the base is needed and not to be had.
    """
    if merged and with_base:
        raise PipelineError(
            "A merged model needs no base.", where="export", mend="Give --merged or --with-base, not both."
        )
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise PipelineError(
            f"{target} is not empty.", where="export", mend="Name a folder that does not exist: nothing is overwritten."
        )
    lineage = read_lineage(model.path)
    whole = "adapter" not in {WEIGHTS[name] for name in lineage.weights}

    def fill(folder: Path) -> None:
        if whole:
            _copy_model(model, folder)
        elif merged:
            _merge(model, base_folder(store, model), lineage, folder)
        else:
            _adapter(model, base_folder(store, model), lineage, folder, with_base=with_base)

    _complete_or_nothing(target, fill)
    return target


def base_folder(store: ArtifactStore, model: StoredArtifact) -> Path:
    """The folder of the base that an adapter was trained on, its content checked; raises StudentError."""
    wanted = read_lineage(model.path).base
    named = json.loads((model.path / CONFIG).read_bytes()).get("base_model_name_or_path") or ""
    for folder in (Path(named), store.home / "students" / wanted.name):
        if named and (folder / "config.json").is_file() and student_identity(folder) == wanted.identity:
            return folder
    raise StudentError(
        f"The base {wanted.name} of this adapter is not here, or is not as it was.",
        where=str(store.home / "students" / wanted.name),
        mend="Run the chain once, which makes the base, or copy its folder there from the installation that trained.",
    )


def _complete_or_nothing(target: Path, fill: Callable[[Path], None]) -> None:
    with disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as temporary:
            folder = Path(temporary) / target.name
            folder.mkdir()
            fill(folder)
            folder.replace(target)


def _copy_model(model: StoredArtifact, folder: Path) -> None:
    shutil.copytree(model.path, folder, ignore=shutil.ignore_patterns(MANIFEST), dirs_exist_ok=True)


def _adapter(model: StoredArtifact, base: Path, lineage: Lineage, folder: Path, *, with_base: bool) -> None:
    """The adapter, with its base's tokenizer. Its configuration names no folder of this machine."""
    _copy_model(model, folder)
    config = json.loads((folder / CONFIG).read_bytes())
    config["base_model_name_or_path"] = BASE if with_base else lineage.base.name
    (folder / CONFIG).write_text(pretty(config), encoding="utf-8")
    _tokenizer(base, folder)
    if with_base:
        shutil.copytree(base, folder / BASE)


def _merge(model: StoredArtifact, base: Path, lineage: Lineage, folder: Path) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    loaded = AutoModelForCausalLM.from_pretrained(
        base, dtype=torch.float32, trust_remote_code=False, use_safetensors=True
    )
    adapted = PeftModel.from_pretrained(loaded, str(model.path))
    adapted.merge_and_unload().save_pretrained(folder)  # type: ignore[operator]
    _tokenizer(base, folder)
    card = (model.path / CARD).read_text(encoding="utf-8")
    (folder / CARD).write_text(with_loading(card, "whole", lineage.base.name), encoding="utf-8")
    shutil.copyfile(model.path / FILE, folder / FILE)


def _tokenizer(base: Path, folder: Path) -> None:
    from transformers import AutoTokenizer

    AutoTokenizer.from_pretrained(base, trust_remote_code=False).save_pretrained(folder)
