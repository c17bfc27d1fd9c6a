"""What belongs to a plan's identity, and who may use its folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from srl_pipeline.ablation.plan import REGIMES, TRAINED, Place, Plan, chosen, open_place, plan_of, start_plan_of
from srl_pipeline.config import override
from srl_pipeline.errors import ArtifactError, PipelineError
from srl_pipeline.presets import preset
from srl_pipeline.training.students import student

from .cases import PLAN


def plan(**changes: Any) -> Plan:
    return plan_of("houses", {"trajectories": "t1"}, override(preset("smoke"), changes))


@pytest.mark.parametrize("name", ["srl.learning_rate", "warmup.learning_rate", "ablation.token_budget", "seed"])
def test_a_setting_that_decides_a_cell_is_another_plan(name: str) -> None:
    assert plan(**{name: 7}).digest != plan().digest


def test_the_confidence_of_intervals_decides_no_cell() -> None:
    assert plan(**{"evaluation.confidence": 0.9}).digest == plan().digest


def start(**changes: Any) -> str:
    return start_plan_of("houses", {"trajectories": "t1"}, override(preset("smoke"), changes)).digest


@pytest.mark.parametrize("name", ["srl.learning_rate", "rlvr.steps", "ablation.token_budget", "ablation.samples"])
def test_what_only_the_arms_do_leaves_the_starts_as_they_are(name: str) -> None:
    assert start(**{name: 7}) == start()


@pytest.mark.parametrize(
    "name", ["warmup.learning_rate", "seed", "student.lora_rank", "srl.temperature", "ablation.calibration_rollouts"]
)
def test_a_setting_that_decides_a_start_or_its_pass_rates_is_another_plan_of_the_starts(name: str) -> None:
    assert start(**{name: 7 if name != "srl.temperature" else 0.3}) != start()


def test_another_input_or_other_code_is_another_plan() -> None:
    config = preset("smoke")
    one, other = (plan_of("houses", {"trajectories": version}, config) for version in ("t1", "t2"))
    assert len({one.digest, other.digest, one.model_copy(update={"code": "x"}).digest}) == 3


def test_a_machine_that_computes_in_another_number_format_has_another_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[Plan] = []
    for native in (True, False):
        monkeypatch.setattr(student, "cpu_has_bfloat16", lambda native=native: native)
        found.append(plan(**{"device": "cpu", "student.dtype": "auto"}))
    assert [p.computes for p in found] == ["cpu, bfloat16", "cpu, float32"]
    assert found[0].digest != found[1].digest


def test_a_plan_finds_its_folder_again(tmp_path: Path) -> None:
    place = open_place(tmp_path, PLAN)
    assert place == open_place(tmp_path, PLAN) == Place(PLAN.digest, tmp_path / f"houses-{PLAN.digest}")


@pytest.mark.parametrize("text", ["{", json.dumps(PLAN.model_dump() | {"code": "other"})])
def test_a_folder_with_an_altered_plan_is_refused(tmp_path: Path, text: str) -> None:
    file = open_place(tmp_path, PLAN).folder / "plan.json"
    file.write_text(text)
    with pytest.raises(ArtifactError) as caught:
        open_place(tmp_path, PLAN)
    assert caught.value.where == str(file)


def test_arms_are_those_asked_for_in_their_own_order_and_all_by_default() -> None:
    assert chosen("srl, sft", TRAINED, "arm") == ["sft", "srl"]
    assert chosen("", REGIMES, "regime") == ["hard", "easy"]


def test_an_unknown_arm_is_refused_by_name() -> None:
    with pytest.raises(PipelineError, match="There is no arm 'ppo'"):
        chosen("srl,ppo", TRAINED, "arm")
