"""The configuration tree, its overrides and the presets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from srl_pipeline.config import PipelineConfig, home, override, settings_of_installation
from srl_pipeline.errors import PipelineError
from srl_pipeline.presets import PRESETS, preset


def test_a_dotted_name_changes_that_value_and_no_other() -> None:
    before = preset("smoke")
    after = override(before, {"srl.learning_rate": 0.5})
    assert after.srl.learning_rate == 0.5
    assert after.model_copy(update={"srl": before.srl}) == before


def test_a_whole_number_may_stand_for_a_real_one() -> None:
    assert override(preset("smoke"), {"rlvr.temperature": 2}).rlvr.temperature == 2.0


def test_reward_weights_that_are_all_zero_are_refused() -> None:
    zero = {f"srl.weights.{name}": 0 for name in ("text", "fields", "rules")}
    with pytest.raises(PipelineError, match=r"srl\.weights.*at least one weight must be above 0"):
        override(preset("smoke"), zero)
    assert override(preset("smoke"), zero | {"srl.weights.text": 1}).srl.weights.text == 1


def test_no_override_is_no_change() -> None:
    assert override(preset("embedded"), {}) == preset("embedded")


@pytest.mark.parametrize("name", ["srl.learning_rat", "learning_rate", "srl.steps.x", "srl.", "", "nothing.at.all"])
def test_an_unknown_name_is_refused_by_name(name: str) -> None:
    with pytest.raises(PipelineError) as caught:
        override(preset("smoke"), {name: 1})
    assert repr(name) in caught.value.what
    assert caught.value.where == "overrides"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("srl.rollouts", 1),
        ("srl.learning_rate", -1),
        ("generation.validation_share", 0.5),
        ("rlvr.algorithm", "magic"),
        ("generation.scenarios", "many"),
        ("srl", 3),
    ],
)
def test_a_bad_value_is_refused_with_its_name_and_the_value(name: str, value: Any) -> None:
    with pytest.raises(PipelineError) as caught:
        override(preset("smoke"), {name: value})
    assert name in caught.value.what
    assert repr(value) in caught.value.what


def test_a_configuration_cannot_be_changed_in_place() -> None:
    with pytest.raises(ValidationError):
        preset("smoke").seed = 2  # type: ignore[misc]


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_a_preset_says_its_name_and_survives_a_trip_through_json(name: str) -> None:
    config = preset(name)
    assert config.preset == name
    assert PipelineConfig.model_validate_json(config.model_dump_json()) == config


def test_an_unknown_preset_names_the_known_ones() -> None:
    with pytest.raises(PipelineError) as caught:
        preset("huge")
    assert all(name in caught.value.mend for name in PRESETS)


def test_home_is_what_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SRL_HOME", str(tmp_path / "x"))
    assert home() == tmp_path / "x"


def test_home_is_in_the_current_folder_by_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SRL_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    assert home() == tmp_path / ".srl"


def test_what_an_installation_sets_holds_for_every_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRL_SETTINGS", "{budget.month_usd: 20, generation.scenarios: 50}")
    config = override(preset("smoke"), settings_of_installation())
    assert (config.budget.month_usd, config.generation.scenarios) == (20.0, 50)


def test_an_installation_need_not_set_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SRL_SETTINGS", raising=False)
    assert settings_of_installation() == {}


@pytest.mark.parametrize("text", ["budget.month_usd=20", "[1]", "{1: 2}", "{"])
def test_settings_of_an_installation_that_cannot_be_read_are_refused(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("SRL_SETTINGS", text)
    with pytest.raises(PipelineError, match="SRL_SETTINGS"):
        settings_of_installation()
