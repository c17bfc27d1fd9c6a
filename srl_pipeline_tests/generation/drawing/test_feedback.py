"""What earlier generations say: read from their artifacts, by version, and no more than is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from srl_pipeline.canonical import pretty
from srl_pipeline.contracts import Action
from srl_pipeline.errors import ArtifactError
from srl_pipeline.generation.data_card import CARD
from srl_pipeline.generation.drawing import Drawn, DuplicateFilter, Feedback, content, read_feedback
from srl_pipeline.generation.drawing.mix import StrategyCounts
from srl_pipeline.generation.tables import TRAJECTORIES

from .given import FROZEN, SPACE, drawing
from .stored import MODEL, Generations, Trained, trajectory

ACTIONS: list[Action] = [{"wick": "long"}]


@pytest.fixture
def made(tmp_path: Path) -> Generations:
    return Generations(tmp_path / "artifacts")


def read(made: Generations, generation: int, known: DuplicateFilter | None = None) -> Feedback:
    return read_feedback(made.store, MODEL, generation, SPACE, known)


def drawn(count: int = 12, seed: int = 1, strategy: str = "fresh") -> list[Drawn]:
    return [Drawn(d.scenario, d.novelty, strategy) for d in drawing(count, seed=seed)]


def test_the_first_generation_has_nothing_to_go_by(made: Generations) -> None:
    found = read(made, 1)
    assert found == Feedback(used=["No earlier generation: every scenario is fresh."])


def test_only_generations_with_a_lower_number_count(made: Generations) -> None:
    made.draw(2, drawn())
    assert read(made, 2).history is None
    assert len(read(made, 3).history or ()) == 12


def test_a_generation_that_failed_a_gate_does_not_count(made: Generations) -> None:
    made.draw(1, drawn(), passed=False)
    assert read(made, 2).history is None


def test_a_generation_that_was_never_trained_gives_its_scenarios_and_says_so(made: Generations) -> None:
    made.draw(1, drawn())
    found = read(made, 2)
    assert len(found.history or ()) == 12 and found.outcomes == [] and found.failed == []
    assert "No earlier generation was trained to the end" in found.used[-1]


def test_outcomes_are_those_of_the_routing_with_axes_and_difficulty_of_the_table(made: Generations) -> None:
    first = drawn()
    made.draw(1, first)
    made.train(1, first, Trained(correct={d.scenario.id: i % 9 for i, d in enumerate(first)} | {"unknown": 3}))
    found = read(made, 2).outcomes
    assert [(o.axes, o.difficulty, o.correct, o.episodes) for o in found] == [
        (d.scenario.axes, d.scenario.difficulty, (i % 9) / 8, 8) for i, d in enumerate(first)
    ]


def test_the_current_student_is_that_of_the_last_trained_generation(made: Generations) -> None:
    first, second, third = drawn(seed=1), drawn(seed=2), drawn(seed=3)
    for number, scenarios in enumerate((first, second, third), start=1):
        made.draw(number, scenarios)
    made.train(1, first, Trained(correct={first[0].scenario.id: 1}))
    made.train(2, second, Trained(correct={second[0].scenario.id: 2}))
    found = read(made, 4)
    assert [o.correct for o in found.outcomes] == [0.25]
    assert "rlvr_checkpoint@g2" in found.used[-2]


def test_failed_episodes_carry_the_axes_of_their_scenario(made: Generations) -> None:
    first = drawn()
    made.draw(1, first)
    made.train(1, first, Trained(failed={first[3].scenario.id: ACTIONS, "of another generation": ACTIONS}))
    found = read(made, 2).failed
    assert [(f.axes, f.actions) for f in found] == [(first[3].scenario.axes, ACTIONS)]


def test_the_evaluation_set_is_never_among_the_training_outcomes(made: Generations) -> None:
    first = drawn()
    frozen = [(SPACE.scenario(axes, where="test"), i % 2 == 0) for i, axes in enumerate(FROZEN)]
    made.draw(1, first)
    made.train(1, first, Trained(held_out=frozen))
    found = read(made, 2)
    assert found.outcomes == []
    assert [(o.axes, o.difficulty, o.correct) for o in found.held_out] == [
        (s.axes, s.difficulty, float(right)) for s, right in frozen
    ]


def test_yields_count_by_strategy_what_was_asked_accepted_sampled_and_kept(made: Generations) -> None:
    first = drawn(8) + drawn(4, seed=9, strategy="frontier")
    kept = {d.scenario.id for d in first[:2] + first[8:11]}
    made.draw(1, first)
    made.train(1, first, Trained(kept=kept, rejected={first[0].scenario.id}))
    found = read(made, 2)
    assert found.yields[0].strategies == {
        "fresh": StrategyCounts(asked=8, accepted=7, sampled=8, kept=2),
        "frontier": StrategyCounts(asked=4, accepted=4, sampled=4, kept=3),
    }
    assert found.previous_mix == pytest.approx({"fresh": 2 / 3, "frontier": 1 / 3})


def test_what_never_became_a_trajectory_was_asked_for_all_the_same(made: Generations) -> None:
    card = {"strategies": [{"name": "fresh", "abandoned": 3, "duplicates": 1}]}
    work = made.store.work_folder("trajectories", MODEL, "g1")
    (work / CARD).write_text(pretty(card))
    made.draw(1, drawn(8))
    assert read(made, 2).yields[0].strategies["fresh"] == StrategyCounts(asked=12, accepted=8)


def test_the_gain_of_a_generation_is_against_the_number_before(made: Generations) -> None:
    for number, rate in ((1, 0.4), (2, 0.55), (4, 0.9)):
        scenarios = drawn(seed=number)
        made.draw(number, scenarios)
        made.train(number, scenarios, Trained(pass_rate=rate))
    gains = [y.gain for y in read(made, 5).yields]
    assert gains == [None, pytest.approx(0.15), None]


def test_every_earlier_trajectory_is_made_known_to_the_duplicate_filter(made: Generations) -> None:
    first = drawn()
    made.draw(1, first)
    known = DuplicateFilter()
    read(made, 2, known)
    assert len(known) == 12
    assert known.reason(content(trajectory(first[0], 1))) == "repeated"
    assert known.reason(content(trajectory(first[0], 2))) == "repeated"  # another id, the same content


def test_all_that_was_read_is_told_with_its_version(made: Generations) -> None:
    first = drawn()
    made.draw(1, first)
    made.train(1, first, Trained())
    told = "\n".join(read(made, 2).used)
    for asset in ("trajectories", "verified_rewards", "srl_checkpoint", "rlvr_checkpoint", "eval_report"):
        assert f"{asset}@g1" in told


def test_an_altered_table_is_an_error(made: Generations) -> None:
    folder = made.draw(1, drawn()).path
    (folder / TRAJECTORIES).write_bytes(b"PAR1")
    with pytest.raises(ArtifactError, match="altered"):
        read(made, 2)


def test_an_episode_that_cannot_be_read_is_an_error_that_names_its_line(made: Generations) -> None:
    first = drawn()
    made.draw(1, first)
    (made.store.work_folder("rlvr_checkpoint", MODEL, "g1")).mkdir(exist_ok=True)
    made.train(1, first, Trained(failed={first[0].scenario.id: ["no action"]}))  # type: ignore[list-item]
    with pytest.raises(ArtifactError, match=r"episodes\.jsonl:1"):
        read(made, 2)
