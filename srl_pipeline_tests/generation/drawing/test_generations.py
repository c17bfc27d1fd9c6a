"""Three generations in a row, each steered by what an invented student did on the one before."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from srl_pipeline.contracts import Scenario
from srl_pipeline.generation.drawing import Drawing, Drawn, coverage, read_feedback
from srl_pipeline.teachers import SearchTeacher
from srl_pipeline.verification import Verifier

from .given import HELD_OUT, SPACE, drawing
from .stored import MODEL, Generations, Trained

COUNT = 40


def is_weak(scenario: Scenario) -> bool:
    return scenario.axes["bearer"] == "scribe"


def trained(found: list[Drawn], pass_rate: float) -> Trained:
    """A student that fails on scribes; what is adversarial gives a gradient, what is fresh seldom does."""
    verifier = Verifier(SPACE.pack)
    weak = [d.scenario for d in found if is_weak(d.scenario)]
    first_steps = {s.id: SearchTeacher(verifier).solve(s, "")[0][1][:1] for s in weak}
    return Trained(
        correct={d.scenario.id: 1 if is_weak(d.scenario) else 7 - int(4 * d.scenario.difficulty) for d in found},
        kept={d.scenario.id for i, d in enumerate(found) if d.strategy == "adversarial" or i % 10 == 0},
        failed={name: [*steps, {"nonsense": 1}] for name, steps in first_steps.items()},
        pass_rate=pass_rate,
    )


@pytest.fixture(scope="module")
def generations(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Drawing, list[Drawn]]]:
    made = Generations(Path(tmp_path_factory.mktemp("store")))
    result: list[tuple[Drawing, list[Drawn]]] = []
    for number, pass_rate in ((1, 0.3), (2, 0.4), (3, 0.5)):
        found = drawing(COUNT, seed=number, feedback=read_feedback(made.store, MODEL, number, SPACE))
        drawn = list(found)
        made.draw(number, drawn)
        made.train(number, drawn, trained(drawn, pass_rate))
        result.append((found, drawn))
    return result


def test_nothing_of_the_evaluation_set_is_ever_drawn(generations: list[tuple[Drawing, list[Drawn]]]) -> None:
    assert not HELD_OUT & {d.scenario.id for _, drawn in generations for d in drawn}


def test_no_scenario_is_drawn_twice_but_to_be_repaired(generations: list[tuple[Drawing, list[Drawn]]]) -> None:
    new = [d.scenario.id for _, drawn in generations for d in drawn if d.strategy != "repair"]
    repaired = [{d.scenario.id for d in drawn if d.strategy == "repair"} for _, drawn in generations]
    assert len(set(new)) == len(new)
    assert repaired[0] == set() and repaired[1] and repaired[2]
    assert repaired[1] <= {d.scenario.id for d in generations[0][1]}


def test_every_new_scenario_is_novel(generations: list[tuple[Drawing, list[Drawn]]]) -> None:
    for _, drawn in generations:
        novelty = [d.novelty for d in drawn if d.strategy != "repair"]
        assert min(novelty) >= 1 / 23 / 3 - 1e-6  # at least one hour apart
        assert sum(novelty) / len(novelty) > 0.03


def test_each_generation_covers_nearly_all_pairs_that_can_be(generations: list[tuple[Drawing, list[Drawn]]]) -> None:
    for found, drawn in generations:
        assert found.coverage == pytest.approx(coverage(SPACE, [d.scenario for d in drawn]))
        assert found.coverage > 0.9
        assert coverage(SPACE, [d.scenario for d in drawn[:10]]) < found.coverage


def test_the_first_is_fresh_and_then_every_strategy_has_its_floor(
    generations: list[tuple[Drawing, list[Drawn]]],
) -> None:
    shares = [found.shares for found, _ in generations]
    assert shares[0]["fresh"] == 1.0
    assert all(share >= 0.1 - 1e-9 for mix in shares[1:] for share in mix.values())


def test_the_mix_moves_to_the_strategy_that_paid(generations: list[tuple[Drawing, list[Drawn]]]) -> None:
    second, third = generations[1][0].shares, generations[2][0].shares
    assert third["adversarial"] > second["adversarial"]
    assert third["fresh"] < second["fresh"]
    assert third["adversarial"] == max(third.values())


def test_later_generations_ask_more_of_what_the_student_fails(generations: list[tuple[Drawing, list[Drawn]]]) -> None:
    weak = [Counter(is_weak(d.scenario) for d in drawn)[True] for _, drawn in generations]
    assert min(weak[1:]) > weak[0]
