"""Weak slices pull: the scenarios that lie in them are drawn more often, and not at all more with a weight of 0."""

from __future__ import annotations

from pathlib import Path

import pytest

from srl_pipeline.config import GenerationConfig, WeaknessConfig
from srl_pipeline.contracts import Scenario
from srl_pipeline.errors import ArtifactError
from srl_pipeline.generation.drawing import Drawing, Feedback, read_feedback
from srl_pipeline.generation.drawing.weak_slices import Pull, WeakSlice
from srl_pipeline.weaknesses import Condition, Part, Weakness, Weaknesses

from .given import CODES, SPACE, axes, drawing, outcomes
from .stored import MODEL, Generations, Trained

SCRIBE = Condition(axis="bearer", label="scribe")
LATE = Condition(axis="hours", label="18 to 24", low=18.0, high=24.0)
HARD = Condition(axis="", label="hard")


def pull(*slices: tuple[float, list[Condition]], steer: float = 1.0) -> Pull:
    return Pull(CODES, [WeakSlice(tuple(where), effect) for effect, where in slices], steer)


def of(found: Pull, difficulty: float = 0.0, **values: object) -> float:
    digits = CODES.encode(axes(**values))  # type: ignore[arg-type]
    assert digits is not None
    return found.of(digits, difficulty)


def test_the_pull_is_the_greatest_effect_as_a_share_of_the_greatest_of_all() -> None:
    found = pull((0.4, [SCRIBE]), (0.1, [LATE]))
    assert of(found, bearer="scribe", hours=1) == 1.0
    assert of(found, bearer="scribe", hours=20) == 1.0
    assert of(found, bearer="miner", hours=20) == pytest.approx(0.25)
    assert of(found, bearer="miner", hours=1) == 0.0


def test_a_pair_pulls_only_where_both_conditions_hold() -> None:
    found = pull((0.4, [SCRIBE, LATE]))
    assert of(found, bearer="scribe", hours=24) == 1.0
    assert of(found, bearer="scribe", hours=17) == of(found, bearer="miner", hours=24) == 0.0


def test_a_band_pulls_by_difficulty() -> None:
    found = pull((0.4, [HARD]))
    assert of(found, difficulty=0.7) == 1.0 and of(found, difficulty=0.6) == 0.0


def test_the_weight_scales_the_pull_and_0_is_none() -> None:
    assert of(pull((0.4, [SCRIBE]), steer=0.5), bearer="scribe") == 0.5
    assert not pull((0.4, [SCRIBE]), steer=0.0).known


@pytest.mark.parametrize(
    "condition",
    [
        Condition(axis="gone", label="x"),
        Condition(axis="bearer", label="gone"),
        Condition(axis="hours", label="99", low=99.0, high=99.0),
        Condition(axis="", label="unheard of"),
    ],
)
def test_what_the_pack_no_longer_has_pulls_nothing(condition: Condition) -> None:
    assert not pull((0.4, [condition])).known
    assert not pull((0.4, [SCRIBE, condition])).known


def weak(scenario: Scenario) -> bool:
    return scenario.axes["bearer"] == "scribe" and float(scenario.axes["hours"]) >= 18


def told(*where: Condition) -> Weaknesses:
    """A weaknesses artifact's record with one weak slice."""
    found = Weakness(
        part=Part(kind="pair", where=list(where)),
        n=9,
        failures=8,
        against="elsewhere",
        against_n=50,
        against_failures=10,
        effect=0.6,
        low=0.3,
        high=0.8,
        p=0.001,
        q=0.01,
        samples=[],
        sentence="",
    )
    rule = found.model_copy(update={"part": Part(kind="rule", name="r")})
    return Weaknesses(
        model_type=MODEL,
        stage="rlvr",
        n=59,
        failures=18,
        found=[found, rule],
        regressions=[],
        figures=[],
        tested={},
        promoted="",
        not_compared="",
        settings=WeaknessConfig(),
        versions={},
    )


@pytest.fixture
def made(tmp_path: Path) -> Generations:
    """A first generation whose student does the same everywhere; its weaknesses were looked for."""
    made = Generations(tmp_path / "artifacts")
    first = list(drawing(40))
    made.draw(1, first)
    made.train(1, first, Trained(correct={d.scenario.id: 4 for d in first}))
    return made


def shares(feedback: Feedback, steer: float) -> float:
    """Share of weak scenarios among those drawn next, over a few seeds."""
    drawn = [
        d.scenario
        for seed in range(4)
        for d in Drawing(SPACE, seed, 40, GenerationConfig(), feedback, steer=steer)
        if d.strategy != "repair"
    ]
    return sum(map(weak, drawn)) / len(drawn)


def test_a_weak_slice_of_the_artifact_is_drawn_more_often(made: Generations) -> None:
    made.look_for_weaknesses(1, told(SCRIBE, LATE))
    feedback = read_feedback(made.store, MODEL, 2, SPACE)
    assert [s.where for s in feedback.weak] == [(SCRIBE, LATE)]
    assert "weaknesses@g1: 1 weak slices" in feedback.used[-1]
    unsteered, steered = shares(feedback, 0.0), shares(feedback, 0.5)
    assert steered > 1.5 * unsteered
    without = Feedback(**{**vars(feedback), "weak": []})
    assert shares(without, 0.5) == unsteered


def test_a_store_without_weaknesses_goes_on_as_before_and_says_so(made: Generations) -> None:
    feedback = read_feedback(made.store, MODEL, 2, SPACE)
    assert feedback.weak == []
    assert feedback.used[-1] == "Its weaknesses were not looked for: no weak slice is known."
    assert shares(feedback, 0.5) == shares(feedback, 0.0)


def test_weaknesses_of_another_report_do_not_count(made: Generations) -> None:
    made.look_for_weaknesses(7, told(SCRIBE))
    assert read_feedback(made.store, MODEL, 2, SPACE).weak == []


def test_weaknesses_that_were_altered_are_an_error(made: Generations) -> None:
    folder = made.look_for_weaknesses(1, told(SCRIBE)).path
    (folder / "weaknesses.json").write_text("{}")
    with pytest.raises(ArtifactError, match="altered"):
        read_feedback(made.store, MODEL, 2, SPACE)


def test_slices_pull_also_where_nothing_else_was_measured() -> None:
    only = Feedback(weak=[WeakSlice((SCRIBE, LATE), 0.6)])
    assert shares(only, 1.0) > 1.5 * shares(only, 0.0)
    everywhere = outcomes([d.scenario for d in drawing(20)], lambda s: 0.5)
    assert shares(Feedback(outcomes=everywhere, weak=only.weak), 1.0) > 1.5 * shares(Feedback(outcomes=everywhere), 1.0)
