"""What a registered model holds: weights as they were trained, a card, a lineage."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from srl_pipeline.errors import ArtifactError
from srl_pipeline.promotion import read_lineage
from srl_pipeline.promotion.card import card_problem
from srl_pipeline.promotion.lineage import trace
from srl_pipeline.promotion.registered import build_registered_model
from srl_pipeline.registry import StoredArtifact

from .chains import BASE_NAME, TYPE, Chain, Installation, solving


@pytest.fixture
def chain(here: Installation) -> Chain:
    return here.chain(solving(30))


@pytest.fixture
def model(here: Installation, chain: Chain) -> StoredArtifact:
    return here.store.require("registered_model", TYPE, chain.registered)


def test_the_files_of_the_adapter_lie_at_the_root_as_they_were_trained(here: Installation, chain: Chain) -> None:
    model = here.store.require("registered_model", TYPE, chain.registered)
    trained = here.store.require("rlvr_checkpoint", TYPE, chain.rlvr)
    for name in ("adapter_model.safetensors", "adapter_config.json", "student.json"):
        assert (model.path / name).read_bytes() == (trained.path / "adapter" / name).read_bytes()
        assert (model.path / name).stat().st_ino != (trained.path / "adapter" / name).stat().st_ino


def test_its_gates_passed_and_its_figures_say_how_good_and_how_dear_it_is(model: StoredArtifact) -> None:
    assert [(g.name, g.passed) for g in model.manifest.gates] == [("weights_intact", True), ("card_valid", True)]
    found = model.manifest.metrics
    assert (found["n"], found["pass_rate"], found["kl"]) == (40, 0.75, 0.01)
    assert found["pass_rate_low"] < 0.75 < found["pass_rate_high"]
    assert found["chain_cost_usd"] == pytest.approx(2.5 + 0.5 + 0.25)
    assert found["size_mb"] > 0


def test_the_hugging_face_library_reads_the_card(model: StoredArtifact) -> None:
    data = ModelCard.load(model.path / "README.md").data.to_dict()
    assert (data["library_name"], data["pipeline_tag"], data["base_model"]) == ("peft", "text-generation", BASE_NAME)
    (index,) = data["model-index"]
    figures = {m["type"]: m for r in index["results"] for m in r["metrics"]}
    assert figures["pass_rate"]["value"] == 0.75
    assert figures["pass_rate"]["args"]["n"] == 40
    assert figures["pass_rate"]["args"]["low"] < 0.75 < figures["pass_rate"]["args"]["high"]


@pytest.mark.parametrize(
    "told",
    [
        "75.0 %", "expert", "large-1", "contract 7", "as of 2026-11-01", "training 7", "$3.2500 in all", "120 calls",
        "## Weaknesses", "## Limitations", "25.0 % of the held-out scenarios are not solved", "version 1",
    ],
)  # fmt: skip
def test_the_card_tells(model: StoredArtifact, told: str) -> None:
    assert told in (model.path / "README.md").read_text()


def test_neither_card_nor_lineage_names_a_place_an_endpoint_or_a_credential(
    model: StoredArtifact, tmp_path: Path
) -> None:
    for name in ("README.md", "lineage.json"):
        text = (model.path / name).read_text()
        for secret in (str(tmp_path), "/elsewhere", "inside.test", "SECRET_KEY"):
            assert secret not in text


def test_the_lineage_reaches_from_the_teachers_calls_to_the_weights(here: Installation, chain: Chain) -> None:
    model = here.store.require("registered_model", TYPE, chain.registered)
    lineage = read_lineage(model.path)
    assert (lineage.teacher.name, lineage.teacher.calls, lineage.teacher.usd) == ("expert", 120, 2.5)
    assert lineage.teacher.training_allowed is True
    assert lineage.cost_usd == pytest.approx(3.25)
    assert lineage.weights == {"adapter_model.safetensors": model.manifest.digests["adapter_model.safetensors"]}
    order = [made.asset for made in lineage.artifacts]
    for made in lineage.artifacts:
        assert all(order.index(upstream) < order.index(made.asset) for upstream in made.inputs)
    rlvr = lineage.made("rlvr_checkpoint")
    assert rlvr is not None
    assert (rlvr.data_version, rlvr.seeds, rlvr.cost_usd) == (chain.rlvr, {"training": 7}, 0.25)


def test_the_model_before_is_no_part_of_the_lineage(here: Installation) -> None:
    first = here.chain(solving(20), weights="first")
    here.decide(first)
    second = here.chain(solving(30), weights="second", weaknesses_of=here.judged(first))
    manifests = trace(here.store, TYPE, {"registered_model": second.registered})
    assert [m.asset for m in manifests] == ["registered_model"]  # it is named, its past is not told again
    lineage = read_lineage(here.store.folder("registered_model", TYPE, second.registered))
    assert {m.asset for m in lineage.artifacts}.isdisjoint({"current_evaluation", "registered_model"})
    assert lineage.cost_usd == pytest.approx(3.25)


def test_a_lineage_with_a_hole_is_an_error(here: Installation, chain: Chain) -> None:
    rewards = here.store.versions("verified_rewards", TYPE)[0]
    (rewards.path / "manifest.json").unlink()
    with pytest.raises(ArtifactError, match=r"verified_rewards .* is gone"):
        trace(here.store, TYPE, {"rlvr_checkpoint": chain.rlvr})


def test_it_is_found_again_and_nothing_is_made(here: Installation, chain: Chain) -> None:
    model = here.store.require("registered_model", TYPE, chain.registered)
    inputs = model.manifest.inputs | {"weaknesses": model.manifest.notes["weaknesses"]}
    assert build_registered_model(here.store, TYPE, inputs, here.config).reused


def test_it_is_the_same_model_whichever_is_current_when_it_is_looked_at(here: Installation) -> None:
    first = here.chain(solving(20), weights="first")
    here.decide(first)
    second = here.chain(solving(35), weights="second")
    compared = here.chain(solving(35), weights="second", weaknesses_of=here.judged(second))
    assert compared.registered == second.registered


def test_an_altered_checkpoint_is_not_registered(here: Installation, chain: Chain) -> None:
    model = here.store.require("registered_model", TYPE, chain.registered).manifest
    inputs = model.inputs | {"weaknesses": model.notes["weaknesses"]}
    here.alter("rlvr_checkpoint", chain.rlvr, "adapter/adapter_model.safetensors")
    with pytest.raises(ArtifactError, match="altered"):
        build_registered_model(here.store, TYPE, inputs, here.config)


def test_a_checkpoint_without_weights_is_refused(here: Installation) -> None:
    with pytest.raises(ArtifactError, match="no trained weights"):
        here.chain(solving(30), files={"student.json": "{}"})


def test_a_whole_model_is_registered_as_one(here: Installation) -> None:
    record = json.dumps({"name": BASE_NAME, "identity": "0123", "grammar": 1})
    files = {"model.safetensors": "w", "config.json": "{}", "student.json": record}
    chain = here.chain(solving(30), files=files)
    folder = here.store.require("registered_model", TYPE, chain.registered).path
    card = ModelCard.load(folder / "README.md")
    assert card.data.library_name == "transformers"  # pyright: ignore[reportAttributeAccessIssue]
    assert (folder / "config.json").is_file()
    assert "A whole model" in card.text


def test_a_card_whose_figures_are_not_those_of_the_evaluation_is_not_valid(model: StoredArtifact) -> None:
    from srl_pipeline.evaluation import read_summary

    lineage, text = read_lineage(model.path), (model.path / "README.md").read_text()
    report = model.path.parents[2] / "eval_report" / TYPE / model.manifest.inputs["eval_report"]
    summary = read_summary(report)
    assert card_problem(text, lineage, summary) == ""
    assert "figures" in card_problem(text.replace("value: 0.75", "value: 0.76", 1), lineage, summary)
    assert "header" in card_problem(text.replace("base_model: small-64", "base_model: a/b/c", 1), lineage, summary)
