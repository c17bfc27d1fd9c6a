"""What the weakness detector says: weak slices, regressions, figures over time, and what was tested. Data only."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field

from srl_pipeline.config.promotion import WeaknessConfig
from srl_pipeline.contracts import Record

Kind: TypeAlias = Literal["band", "value", "pair", "rule", "skill"]


class Condition(Record):
    """One thing that the scenarios of a slice have in common."""

    axis: str = Field(description="The scenario axis; empty for the difficulty band.")
    label: str = Field(description="The value: a word, a number, a range of numbers, a band.")
    low: float | None = Field(default=None, description="Of a numeric axis the least value of the slice.")
    high: float | None = Field(default=None, description="And the greatest.")


class Part(Record):
    """Which slice: one condition, two of them, or a rule or skill by its name."""

    kind: Kind
    where: list[Condition] = Field(default_factory=list[Condition], description="Empty for rules and skills.")
    name: str = Field(default="", description="Id of a rule, name of a skill; else empty.")


class Weakness(Record):
    """A slice in which the student fails more than where it is compared with. Rates are shares in 0..1."""

    part: Part
    n: int = Field(description="Scenarios of the slice; of a rule or skill those to which it applied.")
    failures: int
    against: str = Field(description="What it is compared with, in words.")
    against_n: int
    against_failures: float = Field(description="Of a rule or skill the number expected if all broke alike.")
    effect: float = Field(description="Pass rate where it is compared with, less that of the slice.")
    low: float = Field(description="Lower bound of the effect.")
    high: float
    p: float
    q: float = Field(description="p, adjusted for all slices that were tested.")
    samples: list[str] = Field(description="Ids of up to three scenarios that fail in it.")
    sentence: str

    @property
    def excess(self) -> float:
        """Failures beyond those that the rate of the comparison would give: what weaknesses are ranked by."""
        return self.n * self.effect


class Regression(Record):
    """A figure that is worse than the promoted model's on the same scenarios."""

    figure: str = Field(description="A name of `tracking.METRICS`.")
    part: Part | None = Field(description="The slice; None: all scenarios.")
    n: int = Field(description="Scenarios that both tried.")
    lost: int = Field(description="Scenarios on which it is worse.")
    gained: int = Field(description="Scenarios on which it is better.")
    effect: float = Field(description="How much worse, in the figure's unit.")
    low: float | None = Field(description="Lower bound of the effect; None where there is no interval.")
    high: float | None
    p: float
    q: float
    samples: list[str]
    sentence: str


class Figure(Record):
    """One figure of the evaluation beside what it was before."""

    name: str = Field(description="A name of `tracking.METRICS`.")
    value: float | None
    baseline: float | None
    baseline_from: Literal["promoted", "window", ""] = Field(description="Whose figure the baseline is; empty: none.")
    series: list[float] = Field(description="The window before this evaluation, oldest first, by place in the history.")
    state: Literal["alarm", "no alarm", "not measured"]
    p: float | None = Field(default=None, description="Of rates: Fisher's exact test against the pooled window.")
    q: float | None = None
    sentence: str


class Weaknesses(Record):
    """All of it."""

    model_type: str
    stage: str = Field(description="The stage that was looked at: the last one; empty where there is none.")
    n: int = Field(description="Held-out scenarios of that stage.")
    failures: int
    found: list[Weakness] = Field(description="Most failures in excess first.")
    regressions: list[Regression]
    figures: list[Figure]
    tested: dict[str, int] = Field(description="Kind of slice -> number that could be tested.")
    promoted: str = Field(description="Version of the model that it was compared with; empty: none.")
    not_compared: str = Field(description="Why it was not compared; empty where it was.")
    settings: WeaknessConfig
    versions: dict[str, str] = Field(description="Asset -> data version of what this rests on.")

    @property
    def alarms(self) -> list[Figure]:
        """Figures that are an alarm."""
        return [figure for figure in self.figures if figure.state == "alarm"]
