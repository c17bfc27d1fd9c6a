"""Of any space: each once, possible, far from the evaluation set, in the shares that were asked, to the last one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srl_pipeline.config import GenerationConfig
from srl_pipeline.errors import PackError
from srl_pipeline.generation.drawing import Drawing, Drawn, Feedback, Outcome, count_valid
from srl_pipeline.generation.drawing.codes import Axes, AxisCodes
from srl_pipeline.generation.drawing.history import History
from srl_pipeline.generation.drawing.mix import allocate
from srl_pipeline.model_types import NumericAxis, read_pack
from srl_pipeline.model_types.scaffold import TEMPLATE
from srl_pipeline.model_types.spec import AxisValue, Constraint, Evaluation
from srl_pipeline.verification import ScenarioSpace
from srl_pipeline_tests.profiles import examples

PACK = read_pack(TEMPLATE)
LARGEST = 30
"""Combinations of a space: random draws find the last free one of so few."""
Condition = Callable[[Axes], bool]


@dataclass
class Case:
    """A space, and its constraints once more in plain Python."""

    space: ScenarioSpace
    conditions: list[Condition]
    frozen: list[Axes]
    earlier: list[Axes]
    near: float
    seed: int
    steps: dict[str, float] = field(default_factory=dict[str, float])
    """Of a numeric axis, a step as a share of its range."""

    def all(self) -> list[Axes]:
        return [dict(zip(self.space.values, v, strict=True)) for v in product(*self.space.values.values())]

    def apart(self, one: Axes, other: Axes) -> float:
        """Axes that differ, numeric ones by their share of the range."""
        whole = 0.0
        for name, values in self.space.values.items():
            if name in self.steps:
                span = (float(values[-1]) - float(values[0])) or 1.0
                whole += abs(float(one[name]) - float(other[name])) / span
            else:
                whole += one[name] != other[name]
        return whole

    def neighbours(self, one: Axes, other: Axes) -> bool:
        """Whether one numeric axis differs, by one step."""
        odd = [name for name in one if one[name] != other[name]]
        if len(odd) != 1 or odd[0] not in self.steps:
            return False
        values = self.space.values[odd[0]]
        return abs(values.index(one[odd[0]]) - values.index(other[odd[0]])) == 1

    def may_be_drawn(self, axes: Axes, before: list[Axes]) -> bool:
        if not all(holds(axes) for holds in self.conditions) or axes in self.frozen or axes in before:
            return False
        if not self.near:
            return True
        beside = any(self.neighbours(axes, held) for held in self.frozen)
        return not beside and all(self.apart(axes, o) >= self.near - 1e-5 for o in [*self.frozen, *before])

    def drawing(self, count: int, feedback: Feedback | None = None) -> Drawing:
        history = History(AxisCodes(self.space))
        history.add_axes(self.earlier)
        config = GenerationConfig(near_duplicate=self.near)
        return Drawing(self.space, self.seed, count, config, replace(feedback or Feedback(), history=history))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    axes: dict[str, NumericAxis | dict[str, AxisValue]] = {}
    size = 1
    for i in range(draw(st.integers(1, 3))):
        most = LARGEST // size
        if most < 1:
            break
        if draw(st.booleans()):
            count, step = draw(st.integers(1, min(most, 12))), draw(st.sampled_from([1.0, 0.5, 0.1, 3.0]))
            axes[f"n{i}"] = NumericAxis(min=-1, max=-1 + (count - 1) * step, step=step)
        else:
            count = draw(st.integers(1, min(most, 4)))
            axes[f"w{i}"] = {f"v{k}": AxisValue(label=f"v{k}") for k in range(count)}
        size *= count
    plain = {n: a.values if isinstance(a, NumericAxis) else list(a) for n, a in axes.items()}
    constraints, conditions = list[Constraint](), list[Condition]()
    for i in range(draw(st.integers(0, 2))):
        name = draw(st.sampled_from(sorted(axes)))
        value = draw(st.sampled_from(plain[name]))
        text, holds = condition(name, value)
        constraints.append(Constraint.model_validate({"id": f"c{i}", "assert": text, "message": "no"}))
        conditions.append(holds)
    spec = PACK.spec.model_copy(update={"axes": axes, "constraints": constraints, "brief": "b", "difficulty": "0.5"})
    every = [dict(zip(plain, values, strict=True)) for values in product(*plain.values())]
    chosen = draw(st.lists(st.sampled_from(every), max_size=4))
    frozen = [a for a in chosen if all(holds(a) for holds in conditions)]
    definition = PACK.definition.model_copy(
        update={"spec": spec, "evaluation": Evaluation(version=1, scenarios=frozen)}
    )
    steps = {n: 1 / max(1, len(a.values) - 1) for n, a in axes.items() if isinstance(a, NumericAxis)}
    return Case(
        ScenarioSpace(replace(PACK, definition=definition)),
        conditions,
        frozen,
        draw(st.lists(st.sampled_from(every), max_size=3)),
        draw(st.sampled_from([0.0, 0.0, 0.03, 0.2, 0.5])),
        draw(st.integers(0, 2**40)),
        steps,
    )


def condition(name: str, value: str | float) -> tuple[str, Condition]:
    if isinstance(value, str):
        return f"scenario.{name} != '{value}'", lambda axes: axes[name] != value
    return f"scenario.{name} <= {value!r}", lambda axes: float(axes[name]) <= value


def drawn_until_none_is_left(case: Case) -> list[Drawn]:
    found = list[Drawn]()
    drawing = case.drawing(LARGEST + 1)
    with pytest.raises(PackError) as told:
        for one in drawing:
            found.append(one)
    assert told.value.mend
    assert "No new scenario is left" in told.value.what or "all impossible" in told.value.what
    return found


@examples(40)
@given(cases())
def test_every_scenario_that_may_be_drawn_is_drawn_once_with_its_novelty_until_none_is_left(case: Case) -> None:
    before = [axes for n, axes in enumerate(case.earlier) if axes not in case.earlier[:n]]
    for one in drawn_until_none_is_left(case):
        axes = next(
            a for a in case.all() if {k: float(v) if k in case.steps else v for k, v in one.scenario.axes.items()} == a
        )
        assert case.may_be_drawn(axes, before)
        nearest = min((case.apart(axes, other) for other in before), default=float(len(axes)))
        assert one.novelty == pytest.approx(nearest / len(axes), abs=1e-5)
        before.append(axes)
    assert [axes for axes in case.all() if case.may_be_drawn(axes, before)] == []


@examples(15)
@given(cases())
def test_the_same_seed_draws_the_same_and_what_is_possible_is_counted(case: Case) -> None:
    assert drawn_until_none_is_left(case) == drawn_until_none_is_left(case)
    possible = [axes for axes in case.all() if all(holds(axes) for holds in case.conditions)]
    assert count_valid(case.space) == (len(possible), True)
    assert case.space.size == len(case.all())


@examples(25)
@given(cases(), st.integers(1, 12), st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=6), st.data())
def test_every_strategy_draws_its_share_or_gives_it_to_fresh_and_says_so(
    case: Case, count: int, rates: list[float], data: st.DataObject
) -> None:
    measured = [
        Outcome(axes=data.draw(st.sampled_from(case.all())), difficulty=0.5, correct=rate, episodes=8) for rate in rates
    ]
    drawing = case.drawing(count, Feedback(outcomes=measured))
    wanted = allocate(drawing.shares, count)
    assert sum(drawing.shares.values()) == pytest.approx(1.0)
    assert all(drawing.shares[name] == 0 for name in drawing.shares if "known" in drawing.reasons[name])
    found = list[Drawn]()
    try:
        found.extend(drawing)
    except PackError:
        return  # fewer than `count` may be drawn: the first test says which
    by_strategy = Counter(one.strategy for one in found)
    assert len(found) == count and by_strategy == drawing.drawn
    for name, share in wanted.items():
        if name != "fresh":
            assert by_strategy[name] + drawing.refused[f"{name}_to_fresh"] == share
    failing = [o.axes for o in measured if o.correct < 0.5]
    assert all(one.strategy != "adversarial" or failing for one in found)
