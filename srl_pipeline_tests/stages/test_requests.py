from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from srl_pipeline.config import PipelineConfig, override
from srl_pipeline.contracts import Stage
from srl_pipeline.presets import preset
from srl_pipeline.registry import ArtifactStore, code_version
from srl_pipeline.registry.versions import PACKAGE
from srl_pipeline.stages.requests import stage_config, stage_request

STAGES: tuple[Stage, ...] = ("srl_checkpoint", "rlvr_checkpoint", "eval_report")
INPUTS = {"trajectories": "t1", "verified_rewards": "v1"}


def versions(tmp_path: Path, **changes: Any) -> dict[str, str]:
    """The data version of every stage, with these settings changed."""
    config = override(preset("smoke"), {name.replace("__", "."): value for name, value in changes.items()})
    return {s: request(tmp_path, s, config).data_version for s in STAGES}


def request(tmp_path: Path, stage: Stage, config: PipelineConfig, inputs: dict[str, str] | None = None) -> Any:
    return stage_request(ArtifactStore(tmp_path), stage, "buildings", inputs or INPUTS, config)


def moved(tmp_path: Path, **changes: Any) -> set[str]:
    before, after = versions(tmp_path), versions(tmp_path, **changes)
    return {stage for stage in STAGES if before[stage] != after[stage]}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"evaluation__scenarios": 7}, {"eval_report"}),
        ({"evaluation__max_tokens": 128}, {"eval_report"}),
        ({"srl__learning_rate": 3e-4}, {"srl_checkpoint"}),
        ({"srl__weights__text": 1.0}, {"srl_checkpoint"}),
        ({"warmup__steps": 7}, {"srl_checkpoint"}),
        ({"rlvr__learning_rate": 3e-4}, {"rlvr_checkpoint"}),
        ({"seed": 2}, {"srl_checkpoint", "rlvr_checkpoint"}),
        ({"student__lora_rank": 16}, set(STAGES)),
        ({"device": "cpu"}, set(STAGES)),
        ({"generation__scenarios": 99}, set()),
        ({"generation__teacher": "other"}, set()),
        ({"preflight__prompts": 3}, set()),
        ({"usd_per_hour": 2.5}, set()),
        ({"usd_per_hour": 2.5, "srl__cost_budget_usd": 1.0}, {"srl_checkpoint"}),
        ({"rlvr__routing": "measured"}, {"rlvr_checkpoint"}),
    ],
    ids=lambda given: str(sorted(given)),  # processes that share the tests must name them alike
)
def test_a_setting_moves_only_the_stages_that_it_decides(
    tmp_path: Path, changes: dict[str, Any], expected: set[str]
) -> None:
    assert moved(tmp_path, **changes) == expected


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("training/rollouts/sampling.py", set(STAGES)),
        ("verification/rules.py", set(STAGES)),
        ("generation/tables.py", set(STAGES)),
        ("evaluation/episodes.py", {"eval_report"}),
        ("lore/retriever.py", {"eval_report"}),
        ("generation/drawing/held_out.py", {"eval_report"}),
        ("generation/drawing/drawing.py", set()),
        ("generation/rewards.py", set()),
    ],
)
def test_a_change_of_the_code_moves_only_the_stages_that_run_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, expected: set[str]
) -> None:
    before = versions(tmp_path)
    copy = Path(shutil.copytree(PACKAGE, tmp_path / "srl_pipeline", ignore=shutil.ignore_patterns("model_types")))
    (copy / "model_types").mkdir()
    shutil.copy(PACKAGE / "model_types" / "spec.py", copy / "model_types")
    with (copy / file).open("a") as handle:
        handle.write("# changed\n")
    monkeypatch.setattr("srl_pipeline.registry.versions.PACKAGE", copy)
    code_version.cache_clear()
    after = versions(tmp_path)
    code_version.cache_clear()
    assert {stage for stage in STAGES if before[stage] != after[stage]} == expected


def test_a_changed_input_moves_the_stage(tmp_path: Path) -> None:
    config = preset("smoke")
    one, other = (
        request(tmp_path, "srl_checkpoint", config, INPUTS | {"trajectories": name}).data_version for name in ("a", "b")
    )
    assert one != other


def test_the_order_of_inputs_and_the_place_of_the_store_do_not_count(tmp_path: Path) -> None:
    config = preset("smoke")
    one = request(tmp_path / "a", "srl_checkpoint", config)
    other = request(tmp_path / "b", "srl_checkpoint", config, dict(reversed(INPUTS.items())))
    assert one.data_version == other.data_version and one.root != other.root


def test_a_request_survives_its_way_to_another_process(tmp_path: Path) -> None:
    sent = request(tmp_path, "rlvr_checkpoint", preset("embedded"))
    assert type(sent).model_validate_json(sent.model_dump_json()) == sent
    assert PipelineConfig.model_validate(sent.config) == preset("embedded")


def test_the_part_of_the_configuration_that_counts_leaves_the_preset_name_out() -> None:
    assert stage_config("srl_checkpoint", preset("smoke")).keys() == {"student", "warmup", "srl", "seed", "device"}
