"""The data set of a tuning: the teacher's own prompts, verified answers, nothing that may not leave the house."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from srl_pipeline.config import override
from srl_pipeline.contracts import Revision, Step, Trajectory
from srl_pipeline.errors import ArtifactError
from srl_pipeline.generation.sources import load_sources
from srl_pipeline.model_types import Pack, load_pack, new_pack
from srl_pipeline.registry import Built
from srl_pipeline.teachers import Task
from srl_pipeline.teachers.prompted.prompt import answer_text
from srl_pipeline.tuning.dataset import build_tuning_dataset, dataset_page, read_card, read_examples
from srl_pipeline.tuning.records import TuningExample
from srl_pipeline.verification import Verifier
from srl_pipeline_tests.teachers.prompted.asking import ScriptedAsker, answer, teacher

from .world import CONFIG, SECRET, World, scenarios, solved, with_reasoning


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pack]:
    """The small pack, which these tests only read."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("packs")
        patch.setenv("SRL_PACKS", str(folder))
        new_pack("lanterns", folder)
        yield load_pack("lanterns")


@pytest.fixture(scope="module")
def world(pack: Pack, tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("world"), pack)


@pytest.fixture(scope="module")
def found(pack: Pack) -> list[Trajectory]:
    """Best solutions of sixteen scenarios."""
    return [solved(pack, scenario) for scenario in scenarios(pack, 16)]


@pytest.fixture(scope="module")
def made(world: World, found: list[Trajectory]) -> Built:
    return world.build(found)


@pytest.fixture(scope="module")
def examples(made: Built) -> list[TuningExample]:
    return read_examples(made.artifact.path)


def of(trajectory: Trajectory, examples: list[TuningExample]) -> list[TuningExample]:
    return [e for e in examples if e.trajectory == trajectory.id]


def gate(built: Built, name: str) -> bool:
    return {g.name: g.passed for g in built.manifest.gates}[name]


def everything(built: Built) -> str:
    return "\n".join(file.read_text(encoding="utf-8") for file in built.artifact.path.iterdir())


def test_every_step_of_every_accepted_trajectory_is_an_example(
    made: Built, found: list[Trajectory], examples: list[TuningExample]
) -> None:
    assert made.manifest.failed_gates == []
    assert [(e.trajectory, e.item.step) for e in examples] == [(t.id, i) for t in found for i in range(len(t.steps))]


def test_a_prompt_is_the_one_that_the_teacher_sends_for_that_step(
    world: World, found: list[Trajectory], examples: list[TuningExample]
) -> None:
    trajectory = found[0]
    asker = ScriptedAsker(*(answer(step.action, step.reasoning) for step in trajectory.steps))
    asked = teacher(load_sources(world.store, "lanterns", world.sources).pack, asker)
    for index in range(len(trajectory.steps)):
        asked.propose(Task(trajectory.scenario, trajectory.bundle, 0), trajectory.steps[:index], [])
    sent = [(call.system, call.messages) for call in asker.calls]
    assert [(e.system, e.messages) for e in of(trajectory, examples)] == sent


def test_the_teacher_reads_an_answer_as_the_verified_step(
    pack: Pack, found: list[Trajectory], examples: list[TuningExample]
) -> None:
    trajectory = found[1]
    asked = teacher(pack, ScriptedAsker(*(e.answer for e in of(trajectory, examples))))
    task, read = Task(trajectory.scenario, trajectory.bundle, 0), list[Step]()
    for _ in trajectory.steps:
        step = asked.propose(task, read, [])
        assert isinstance(step, Step)
        read.append(step)
    assert read == trajectory.steps


def test_an_item_has_what_a_grader_must_know(found: list[Trajectory], examples: list[TuningExample]) -> None:
    trajectory = found[2]
    last = of(trajectory, examples)[-1].item
    assert (last.axes, last.facts) == (trajectory.scenario.axes, trajectory.scenario.facts)
    assert last.before == {k: v for step in trajectory.steps[:-1] for k, v in step.action.items()}


def test_a_scenario_is_never_on_both_sides(found: list[Trajectory], examples: list[TuningExample]) -> None:
    sides = {t.scenario.id: {e.split for e in of(t, examples)} for t in found}
    assert all(len(side) == 1 for side in sides.values())
    assert {"train"} in sides.values()
    assert {"validation"} in sides.values()


def test_a_rejected_answer_breaks_a_hard_rule_and_differs_in_the_action_alone(
    pack: Pack, found: list[Trajectory], examples: list[TuningExample]
) -> None:
    verifier = Verifier(pack)
    scenario = {t.id: t.scenario for t in found}
    with_one = [e for e in examples if e.rejected]
    assert len(with_one) >= len(examples) / 2
    for example in with_one:
        verified, refused = json.loads(example.answer), json.loads(str(example.rejected))
        changed = [name for name in verified["action"] if refused["action"][name] != verified["action"][name]]
        assert (refused["reasoning"], len(changed)) == (verified["reasoning"], 1)
        item = example.item
        result = verifier.check_step(scenario[example.trajectory], item.before, item.step, refused["action"])
        assert result.structure_ok
        assert not result.hard_ok


def test_what_the_teacher_was_sent_back_is_the_rejected_answer(world: World, found: list[Trajectory]) -> None:
    step = found[0].steps[0]
    other = next(t.steps[0].action for t in found if t.steps[0].action["fuel"] != step.action["fuel"])
    wrong = step.action | {"fuel": other["fuel"]}
    sent_back = [
        Revision(step=0, attempt=1, action=wrong, messages=["m"], rules=["fuel-is-local"]),
        Revision(step=0, attempt=2, action=step.action | {"fuel": "coal"}, messages=["m"], reason="schema"),
        Revision(step=0, attempt=3, action=None, messages=["m"], reason="not_json"),
    ]
    built = world.build([found[0].model_copy(update={"revisions": sent_back}), *found[1:]])
    assert of(found[0], read_examples(built.artifact.path))[0].rejected == answer_text(step.reasoning, wrong)
    assert read_card(built.artifact.path).rejected["revision"] == 1


def test_what_is_not_the_best_or_not_accepted_is_left_out(world: World, pack: Pack, found: list[Trajectory]) -> None:
    second = solved(pack, found[0].scenario, variant=1)
    wrong = [found[1].steps[0].model_copy(update={"action": found[1].steps[0].action | {"fillings": 1}})]
    broken = found[1].model_copy(update={"id": "broken", "steps": [*wrong, *found[1].steps[1:-1]]})
    built = world.build([*found, second, broken])
    assert second.variant == "near_best"
    assert {e.trajectory for e in read_examples(built.artifact.path)} == {t.id for t in found}


def test_the_evaluation_set_is_kept_out_and_fails_the_gate(world: World, pack: Pack, found: list[Trajectory]) -> None:
    [frozen] = [solved(pack, scenario) for scenario in scenarios(pack, 1, held_out=True)]
    built = world.build([*found, frozen])
    assert not gate(built, "no_held_out")
    assert frozen.id not in {e.trajectory for e in read_examples(built.artifact.path)}


def test_a_side_without_an_example_fails_the_gate(
    world: World, found: list[Trajectory], examples: list[TuningExample]
) -> None:
    train = [t for t in found if of(t, examples)[0].split == "train"]
    assert not gate(world.build(train), "both_splits")


def test_an_example_with_a_secret_is_refused_and_the_secret_is_nowhere(world: World, found: list[Trajectory]) -> None:
    built = world.build([with_reasoning(found[0], f"the key is {SECRET}"), *found[1:]])
    card = read_card(built.artifact.path)
    assert SECRET not in everything(built)
    assert of(found[0], read_examples(built.artifact.path)) == []  # the steps that follow quote the reasoning
    assert {(f.step, f.place) for f in card.cleaned} == {(0, "answer"), (0, "rejected")} | {
        (step, "message 1") for step in range(1, len(found[0].steps))
    }
    assert {(f.kind, f.done, f.trajectory) for f in card.cleaned} == {("secret", "refused", found[0].id)}
    assert gate(built, "no_secret")


def test_the_value_of_a_key_variable_is_a_secret_whatever_its_form(
    world: World, found: list[Trajectory], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "quite-plain-words")
    built = world.build([with_reasoning(found[3], "she said quite-plain-words"), *found[4:], *found[:3]])
    assert "quite-plain-words" not in everything(built)
    assert read_card(built.artifact.path).count("refused") == len(found[3].steps)


def test_a_secret_that_only_the_finished_line_shows_is_not_written_and_fails_the_gate(
    world: World, found: list[Trajectory]
) -> None:
    built = world.build([*found[1:], found[0].model_copy(update={"id": SECRET})])
    assert not gate(built, "no_secret")
    assert SECRET not in everything(built)


def test_an_address_in_the_reasoning_is_scrubbed_there_and_where_it_is_quoted(
    world: World, found: list[Trajectory]
) -> None:
    built = world.build([with_reasoning(found[0], "ask anna@lamps.de; it burns oil"), *found[1:]])
    first, second = of(found[0], read_examples(built.artifact.path))[:2]
    assert "anna@lamps.de" not in everything(built)
    assert json.loads(first.answer) == {
        "reasoning": "ask [email 1]; it burns oil",
        "action": found[0].steps[0].action,
    }
    assert '"reasoning":"ask [email 1]; it burns oil"' in second.messages[0].content
    card = read_card(built.artifact.path)
    assert (card.count("scrubbed"), card.count("refused")) == (len(found[0].steps), 0)
    assert {f.example for f in card.cleaned} == {e.id for e in of(found[0], read_examples(built.artifact.path))}


def test_equal_examples_are_kept_once(world: World, found: list[Trajectory], examples: list[TuningExample]) -> None:
    built = world.build([*found, found[0].model_copy(update={"id": "again"})])
    assert read_card(built.artifact.path).duplicates == len(found[0].steps)
    assert read_examples(built.artifact.path) == examples


def test_the_same_inputs_make_the_same_bytes(tmp_path: Path, pack: Pack, made: Built, found: list[Trajectory]) -> None:
    again = World(tmp_path / "again", pack).build(found)
    assert again.manifest.data_version == made.manifest.data_version
    assert not again.reused
    assert again.manifest.digests == made.manifest.digests
    assert set(made.manifest.digests) == {"examples.jsonl", "card.json", "card.md"}


def test_the_share_decides_the_version_and_the_tuner_does_not(
    world: World, made: Built, found: list[Trajectory]
) -> None:
    assert world.build(found, override(CONFIG, {"tuning.tuner": "nano", "tuning.confirm": True})).reused
    other = world.build(found, override(CONFIG, {"tuning.validation_share": 0.3}))
    assert other.manifest.data_version != made.manifest.data_version


def test_rewards_of_other_trajectories_are_refused(world: World, found: list[Trajectory]) -> None:
    others = world.inputs(found[:12])["verified_rewards"]
    mixed = world.inputs(found) | {"verified_rewards": others}
    with pytest.raises(ArtifactError, match="of other trajectories"):
        build_tuning_dataset(world.store, world.pack.name, mixed, CONFIG)


def test_the_card_counts_what_is_there(made: Built, found: list[Trajectory], examples: list[TuningExample]) -> None:
    card = read_card(made.artifact.path)
    answers = "".join(e.answer for e in examples)
    longest = max(len(e.system) + len(e.messages[0].content) + len(e.answer) for e in examples)
    assert (card.trajectories, card.scenarios, card.total) == (16, 16, len(examples))
    assert card.examples == {side: sum(e.split == side for e in examples) for side in ("train", "validation")}
    assert [(s.title, s.examples) for s in card.steps][:2] == [("Burner", 16), ("Body", 16)]
    assert (card.answers.characters, card.answers.most_tokens) == (len(answers), len(answers.encode()))
    assert card.answers.likely_tokens == len(answers) // 4
    assert card.longest
    assert card.longest.characters == longest
    assert card.rejected_share == sum(e.rejected is not None for e in examples) / len(examples)
    assert card.teachers == {f"{found[0].teacher.name}@{found[0].teacher.version}": 16}
    assert made.manifest.metrics["examples"] == len(examples)
    assert (made.artifact.path / "card.md").read_text() == dataset_page(card)


def test_a_file_of_another_version_is_an_error_and_not_an_empty_data_set(tmp_path: Path) -> None:
    (tmp_path / "examples.jsonl").write_text('{"id": "x"}\n')
    with pytest.raises(ArtifactError, match="cannot be read"):
        read_examples(tmp_path)
    with pytest.raises(ArtifactError, match="no card"):
        read_card(tmp_path)
