"""Generations of trajectories: made once, from pins; a change of rules keeps what still holds."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from srl_pipeline.config import PipelineConfig, override
from srl_pipeline.contracts import Sources, Trajectory
from srl_pipeline.errors import ArtifactError, PackError
from srl_pipeline.generation import build_trajectories, build_verified_rewards
from srl_pipeline.generation.drawing import evaluation_ids
from srl_pipeline.generation.tables import read_rewards, read_trajectories
from srl_pipeline.lore import build_lore_index
from srl_pipeline.model_types import load_pack, new_pack
from srl_pipeline.presets import preset
from srl_pipeline.registry import ArtifactStore, Built, StoredArtifact
from srl_pipeline.teachers import build_teacher_pin
from srl_pipeline.verification import ScenarioSpace, Verifier, build_rule_set

from ..conftest import edit

NEW_RULE = """rules:
  - id: no-white-all-night
    severity: hard
    skill: custom
    when: "scenario.hours > 12"
    assert: "artefact.colour != 'white'"
    message: White is not shown all night.
    because: nobody shows white all night
"""
COUNTER = """  - id: c-all-night
    breaks: no-white-all-night
    from: g-watch-saltmere
    change: {fillings: 4}
    scenario: {hours: 20}"""
SOFT_RULE = NEW_RULE.replace("severity: hard", "severity: soft").replace("'white'", "'green'")
SOFT_COUNTER = COUNTER.replace("g-watch-saltmere", "g-ferry-saltmere")


@dataclass
class World:
    """A store, a pack and its pins."""

    store: ArtifactStore
    folder: Path
    config: PipelineConfig

    def pins(self) -> Sources:
        pack = load_pack("lanterns")
        return Sources(
            lore_index=build_lore_index(self.store, pack, self.config.lore).artifact.data_version,
            teacher_model=build_teacher_pin(self.store, pack.name, "search").artifact.data_version,
            rule_set=build_rule_set(self.store, pack).artifact.data_version,
        )

    def trajectories(self, parent: StoredArtifact | None = None, **settings: object) -> Built:
        config = override(self.config, {name.replace("__", "."): v for name, v in settings.items()})
        return build_trajectories(self.store, "lanterns", self.pins(), config, parent)

    def rewards(self, made: Built) -> Built:
        return build_verified_rewards(self.store, "lanterns", made.artifact.data_version, self.pins(), self.config)

    def change_rules(self, rule: str = NEW_RULE, counter: str = COUNTER) -> None:
        edit(self.folder / "rules.yaml", "rules:\n", rule)
        edit(self.folder / "examples.yaml", "counter:\n", f"counter:\n{counter}\n")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Built]]:
    """One generation with two candidates a scenario, shared by the tests that only look at it."""
    root = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        (root / "packs").mkdir()
        patch.setenv("SRL_PACKS", str(root / "packs"))
        config = override(preset("smoke"), {"generation.reasoning_words": 24})
        world = World(ArtifactStore(root / "artifacts"), new_pack("lanterns"), config)
        yield world, world.trajectories()


@pytest.fixture
def world(scaffold_folder: Path, tmp_path: Path, made: tuple[World, Built]) -> World:
    """A pack to change, in a store that knows its lore already: embedding it anew would only take time."""
    config = override(preset("smoke"), {"generation.scenarios": 24, "generation.candidates": 1})
    shutil.copytree(made[0].store.root / "lore_index", tmp_path / "artifacts" / "lore_index")
    return World(ArtifactStore(tmp_path / "artifacts"), scaffold_folder, config)


def read(built: Built) -> list[Trajectory]:
    return list(read_trajectories(built.artifact.path))


def test_a_generation_passes_its_gates(made: tuple[World, Built]) -> None:
    assert made[1].manifest.failed_gates == []


def test_how_much_weaknesses_steer_is_part_of_what_decides_it(made: tuple[World, Built]) -> None:
    assert made[1].manifest.config["steer"] == made[0].config.weaknesses.steer


def test_every_trajectory_is_verified_correct(made: tuple[World, Built]) -> None:
    verifier = Verifier(load_pack("lanterns"))
    assert all(verifier.verify(t.scenario, [s.action for s in t.steps]).correct for t in read(made[1]))


def test_no_trajectory_is_of_the_evaluation_set(made: tuple[World, Built]) -> None:
    held_out = evaluation_ids(ScenarioSpace(load_pack("lanterns")))
    assert not held_out & {t.scenario.id for t in read(made[1])}


def test_each_scenario_has_one_best_and_other_near_best_candidates(made: tuple[World, Built]) -> None:
    found = read(made[1])
    best = {t.scenario.id: t for t in found if t.variant == "best"}
    others = [t for t in found if t.variant == "near_best"]
    assert len(best) == len(others) == 16
    assert all(t.artefact != best[t.scenario.id].artefact for t in others)
    assert all(t.soft_cost >= best[t.scenario.id].soft_cost == 0.0 for t in others)


def test_a_trajectory_cites_lore_and_gives_reasons(made: tuple[World, Built]) -> None:
    for trajectory in read(made[1]):
        assert {c.document_id for c in trajectory.bundle.citations} & set(trajectory.scenario.documents)
        assert trajectory.bundle.tokens <= trajectory.bundle.budget
        assert trajectory.steps[0].reasoning.endswith(".")


def test_the_same_generation_is_found_and_another_number_is_another_one(made: tuple[World, Built]) -> None:
    world, first = made
    assert world.trajectories().reused
    other = world.trajectories(generation__generation=2)
    assert not other.reused
    assert {t.scenario.id for t in read(other)} != {t.scenario.id for t in read(first)}


def test_rewards_accept_every_expert_and_split_by_scenario(made: tuple[World, Built]) -> None:
    world, built = made
    rows = {r.trajectory_id: r for r in read_rewards(world.rewards(built).artifact.path)}
    splits: dict[str, set[str]] = {}
    for trajectory in read(built):
        assert rows[trajectory.id].accepted
        splits.setdefault(trajectory.scenario.id, set()).add(rows[trajectory.id].split)
    assert all(len(split) == 1 for split in splits.values())


def test_rewards_notice_a_change_of_one_field(made: tuple[World, Built]) -> None:
    metrics = made[0].rewards(made[1]).manifest.metrics
    assert metrics["corrupted_reward_mean"] < metrics["outcome_reward_mean"] - 0.2


def test_trajectories_are_the_same_whatever_the_number_of_threads(world: World) -> None:
    one = read(world.trajectories(generation__concurrency=1))
    four = read(world.trajectories(generation__concurrency=4))
    timeless = [[t.model_copy(update={"seconds": 0.0}) for t in made] for made in (one, four)]
    assert timeless[0] == timeless[1]


def test_a_change_of_rules_keeps_what_still_verifies_and_makes_only_the_shortfall(world: World) -> None:
    before = world.trajectories()
    world.change_rules()
    after = world.trajectories(before.artifact)
    broken = {t.id for t in read(before) if t.artefact["colour"] == "white" and float(t.scenario.axes["hours"]) > 12}
    assert 0 < len(broken) < 24
    kept = [t for t in read(before) if t.id not in broken]
    assert read(after)[: len(kept)] == kept
    metrics = after.manifest.metrics
    assert (metrics["kept"], metrics["asked"], metrics["scenarios"]) == (24 - len(broken), len(broken), 24)
    assert after.manifest.notes["parent"] == before.artifact.data_version
    verifier = Verifier(load_pack("lanterns"))
    assert all(verifier.verify(t.scenario, [s.action for s in t.steps]).correct for t in read(after))


def test_a_trajectory_that_a_new_soft_rule_finds_worse_is_made_anew(world: World) -> None:
    before = world.trajectories()
    world.change_rules(SOFT_RULE, SOFT_COUNTER)
    gold = "{region: saltmere, bearer: ferryman, hours: 24}\n    artefact: {fuel: oil, fillings: 4"
    edit(world.folder / "examples.yaml", gold, gold.replace("24", "12").replace("fillings: 4", "fillings: 2"))
    after = world.trajectories(before.artifact)
    worse = {t.id for t in read(before) if t.artefact["colour"] == "green" and float(t.scenario.axes["hours"]) > 12}
    assert worse
    assert not worse & {t.id for t in read(after)[: int(after.manifest.metrics["kept"])]}
    assert after.manifest.metrics["kept"] == 24 - len(worse)


def test_going_back_to_the_earlier_rules_finds_the_earlier_artifact(world: World) -> None:
    rules, examples = ((world.folder / f"{n}.yaml").read_text() for n in ("rules", "examples"))
    first = world.trajectories()
    world.change_rules()
    second = world.trajectories(first.artifact)
    (world.folder / "rules.yaml").write_text(rules)
    (world.folder / "examples.yaml").write_text(examples)
    third = world.trajectories(second.artifact)
    assert third.reused
    assert third.artifact == first.artifact


def test_an_axis_value_that_is_gone_takes_its_trajectories_with_it(world: World) -> None:
    before = world.trajectories()
    edit(world.folder / "pack.yaml", "    ferryman: {label: a ferryman, lore: bearer-ferryman}\n", "")
    for name in ("g-ferry-saltmere", "g-ferry-fen"):
        text = (world.folder / "examples.yaml").read_text()
        start = text.index(f"  - id: {name}")
        end = text.index("  - id:" if "  - id:" in text[start + 5 :] else "counter:", start + 5)
        (world.folder / "examples.yaml").write_text(text[:start] + text[end:])
    lines = (world.folder / "examples.yaml").read_text().splitlines()
    (world.folder / "examples.yaml").write_text("\n".join(x for x in lines if "from: g-ferry" not in x))
    held_out = (world.folder / "evaluation.yaml").read_text().splitlines()
    (world.folder / "evaluation.yaml").write_text("\n".join(x for x in held_out if "ferryman" not in x))
    after = world.trajectories(before.artifact)
    kept = sum(t.scenario.axes["bearer"] != "ferryman" for t in read(before))
    assert after.manifest.metrics["kept"] == kept
    assert all(t.scenario.axes["bearer"] != "ferryman" for t in read(after))


def test_other_settings_keep_nothing_of_the_parent(world: World) -> None:
    before = world.trajectories()
    world.change_rules()
    after = world.trajectories(before.artifact, generation__reasoning_words=5)
    assert after.manifest.metrics["kept"] == 0


def test_pins_that_do_not_exist_stop_the_generation(world: World) -> None:
    sources = world.pins().model_copy(update={"rule_set": "0123"})
    with pytest.raises(ArtifactError, match="rule_set"):
        build_trajectories(world.store, "lanterns", sources, world.config, None)


def test_a_pack_without_an_evaluation_set_is_refused_before_anything_is_generated(world: World) -> None:
    (world.folder / "evaluation.yaml").unlink()
    with pytest.raises(PackError, match=r"lanterns has no evaluation set(.|\n)*packs freeze lanterns"):
        world.trajectories()
    assert world.store.versions("trajectories", "lanterns") == []
