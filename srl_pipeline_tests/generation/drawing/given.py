"""The small pack, drawings of it, and outcomes by a rule: for tests of drawing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from srl_pipeline.config import GenerationConfig
from srl_pipeline.contracts import Scenario
from srl_pipeline.generation.drawing import Drawing, Feedback, Outcome, evaluation_ids
from srl_pipeline.generation.drawing.codes import Axes, AxisCodes
from srl_pipeline.generation.drawing.history import History
from srl_pipeline.model_types import read_pack
from srl_pipeline.model_types.scaffold import TEMPLATE
from srl_pipeline.verification import ScenarioSpace

SPACE = ScenarioSpace(read_pack(TEMPLATE))
CODES = AxisCodes(SPACE)
HELD_OUT = evaluation_ids(SPACE)
FROZEN: list[Axes] = [dict(axes) for axes in SPACE.pack.definition.evaluation.scenarios]


def drawing(count: int, *, seed: int = 1, feedback: Feedback | None = None, **settings: object) -> Drawing:
    """A drawing of the small pack."""
    return Drawing(SPACE, seed, count, GenerationConfig.model_validate(settings), feedback)


def axes(region: str = "saltmere", bearer: str = "scribe", hours: float = 1) -> Axes:
    """Axes of the small pack."""
    return {"region": region, "bearer": bearer, "hours": hours}


def history_of(scenarios: Sequence[Scenario]) -> History:
    """A history of these scenarios."""
    history = History(CODES)
    history.add_axes(s.axes for s in scenarios)
    return history


def outcomes(scenarios: Sequence[Scenario], correct: Callable[[Scenario], float], episodes: int = 8) -> list[Outcome]:
    """What a student that solves ``correct`` of its episodes would leave."""
    return [Outcome(axes=s.axes, difficulty=s.difficulty, correct=correct(s), episodes=episodes) for s in scenarios]
