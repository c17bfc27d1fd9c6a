"""What the files of a pack may say: closed, typed records (docs/packs.md is the prose version)."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from srl_pipeline.canonical import dumps
from srl_pipeline.contracts import Artefact, Json

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,47}$")]
Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_+.-]{0,31}$")]
Expression = Annotated[str, Field(min_length=1, max_length=400)]


def _unique(words: list[str]) -> list[str]:
    if len(set(words)) < len(words):
        raise ValueError("a word stands twice")
    return words


def _check_distinct(values: list[float]) -> None:
    """Values are kept to nine decimals, and large doubles lie far apart: two steps can be one number."""
    if len(set(values)) < len(values):
        raise ValueError("the step is too fine: two values of the grid are the same number")


Words = Annotated[list[Word], AfterValidator(_unique)]

MAX_GRID = 200
MAX_AXIS = 20_000
"""Values of a numeric axis: room for an existing library's tasks, one number each."""


class Spec(BaseModel):
    """Base: closed and immutable."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class AxisValue(Spec):
    """A value of a categorical axis: how the brief calls it and the lore document that binds its facts."""

    label: str = Field(min_length=1, max_length=60)
    lore: Id | None = None


class NumericAxis(Spec):
    """A numeric axis: a grid from ``min`` to ``max`` by ``step``."""

    min: float
    max: float
    step: float = Field(gt=0)
    unit: str = ""

    @model_validator(mode="after")
    def _grid(self) -> NumericAxis:
        if self.max < self.min or (self.max - self.min) / self.step >= MAX_AXIS:
            raise ValueError(f"max must not be below min, and the axis may have at most {MAX_AXIS:,} values")
        _check_distinct(self.values)
        return self

    @property
    def values(self) -> list[float]:
        return grid(self.min, self.max, self.step)


class Constraint(Spec):
    """Axis combinations that cannot be."""

    id: Id
    assertion: Expression = Field(alias="assert")
    message: str


class EnumField(Spec):
    """One word of several."""

    enum: Words = Field(min_length=2, max_length=40)
    description: str = ""


class NumberField(Spec):
    """A number on a grid."""

    type: Literal["integer", "number"]
    minimum: float
    maximum: float
    multipleOf: float = Field(gt=0)
    unit: str = ""
    description: str = ""

    @model_validator(mode="after")
    def _grid(self) -> NumberField:
        if self.maximum < self.minimum or (self.maximum - self.minimum) / self.multipleOf >= MAX_GRID:
            raise ValueError(f"maximum must not be below minimum, and the grid may have at most {MAX_GRID} values")
        if self.type == "integer" and any(not v.is_integer() for v in (self.minimum, self.maximum, self.multipleOf)):
            raise ValueError("an integer field needs integer bounds and step")
        _check_distinct(self.values)
        return self

    @property
    def values(self) -> list[float]:
        return grid(self.minimum, self.maximum, self.multipleOf)


class Items(Spec):
    """Members of a set."""

    enum: Words = Field(min_length=2, max_length=16)


class SetField(Spec):
    """A small set of words, written in the order of the enum."""

    type: Literal["array"]
    items: Items
    minItems: int = Field(ge=0, le=4)
    maxItems: int = Field(ge=1, le=4)
    description: str = ""

    @model_validator(mode="after")
    def _bounds(self) -> SetField:
        if self.maxItems < self.minItems or self.maxItems > len(self.items.enum):
            raise ValueError("maxItems must be at least minItems and at most the number of words")
        return self


class FlagField(Spec):
    """Yes or no."""

    type: Literal["boolean"]
    description: str = ""


FieldSpec = EnumField | NumberField | SetField | FlagField


def _field_kind(value: Any) -> str | None:
    """Which field is meant: an error then speaks of that kind alone, and not of all four."""
    if isinstance(value, Spec):
        value = value.model_dump()
    if not isinstance(value, dict):
        return None
    kind = value.get("type", "enum" if "enum" in value else None)
    return {"integer": "number", "boolean": "flag", "array": "set"}.get(kind, kind) if isinstance(kind, str) else None


AnyField = Annotated[
    Annotated[EnumField, Tag("enum")]
    | Annotated[NumberField, Tag("number")]
    | Annotated[SetField, Tag("set")]
    | Annotated[FlagField, Tag("flag")],
    Discriminator(
        _field_kind,
        custom_error_type="field_kind",
        custom_error_message="a field has an 'enum', or the type integer, number, array or boolean",
    ),
]


def _axis_kind(value: Any) -> str:
    plain = isinstance(value, dict) and not any(isinstance(v, (dict, Spec)) for v in value.values())
    return "numeric" if isinstance(value, NumericAxis) or (plain and {"min", "max", "step"} & set(value)) else "words"


AnyAxis = Annotated[
    Annotated[NumericAxis, Tag("numeric")]
    | Annotated[dict[Name, AxisValue], Field(min_length=1, max_length=64), Tag("words")],
    Discriminator(_axis_kind),
]


class StepSpec(Spec):
    """One titled step and the fields that its action has, all required."""

    id: Name
    title: str = Field(min_length=1, max_length=40)
    instruction: str = Field(min_length=1, max_length=200)
    fields: dict[Name, AnyField] = Field(min_length=1, max_length=8)

    def json_schema(self) -> dict[str, Any]:
        """JSON Schema (2020-12) of the step's action."""
        return {
            "type": "object",
            "properties": {name: field_schema(field) for name, field in self.fields.items()},
            "required": sorted(self.fields),
            "additionalProperties": False,
        }


class RuleSpec(Spec):
    """One rule as written; `verification` compiles it."""

    id: Id
    severity: Literal["hard", "soft"]
    weight: float = Field(default=1.0, gt=0, le=10)
    skill: Name
    when: Expression | None = None
    assertion: Expression = Field(alias="assert")
    message: str = Field(min_length=1, max_length=300)
    because: str = Field(min_length=1, max_length=120)


class Rules(Spec):
    """rules.yaml"""

    version: str
    rules: list[RuleSpec] = Field(max_length=200)


class Gold(Spec):
    """An artefact that breaks no rule."""

    id: Id
    scenario: dict[Name, str | float]
    artefact: Artefact


class Counter(Spec):
    """An artefact that breaks exactly one rule."""

    id: Id
    breaks: Id
    from_: Id | None = Field(default=None, alias="from")
    change: Artefact = Field(default_factory=dict)
    scenario: dict[Name, str | float] = Field(default_factory=dict)
    artefact: Artefact | None = None


class Examples(Spec):
    """examples.yaml"""

    gold: list[Gold]
    counter: list[Counter]


class Evaluation(Spec):
    """evaluation.yaml: the frozen held-out scenarios, by their axes."""

    version: int = Field(ge=1)
    scenarios: list[dict[Name, str | float]]


class Plugins(Spec):
    """Names of installed plug-ins (`model_types.plugins`)."""

    rules: Id | None = None
    tasks: Id | None = None


class PackSpec(Spec):
    """pack.yaml"""

    title: str
    description: str
    system: str = Field(min_length=1, max_length=400)
    brief: str = Field(min_length=1, max_length=400)
    axes: dict[Name, AnyAxis] = Field(min_length=1, max_length=10)
    constraints: list[Constraint] = Field(default_factory=list)
    difficulty: Expression
    steps: list[StepSpec] = Field(min_length=1, max_length=8)
    plugins: Plugins = Plugins()
    training: dict[str, Json] = Field(default_factory=dict, description="Overrides of the preset, by dotted name.")

    def label(self, axis: str, value: str | float) -> str:
        """How prose calls a value of an axis."""
        spec = self.axes.get(axis)
        if isinstance(spec, dict) and isinstance(value, str) and value in spec:
            return spec[value].label
        return number_text(value) if isinstance(value, (int, float)) else value.replace("_", " ")


def grid(low: float, high: float, step: float) -> list[float]:
    """Values low, low+step, … up to high; free of accumulated rounding error."""
    return [round(low + i * step, 9) for i in range(int((high - low) / step + 1e-9) + 1)]


def number_text(value: float) -> str:
    """A number as canonical JSON writes it: ``3`` rather than ``3.0``, all its digits. Raises ValueError for NaN."""
    return dumps(value)


def field_schema(field: FieldSpec) -> dict[str, Any]:
    """JSON Schema of one field."""
    schema = field.model_dump(exclude={"unit", "description"})
    if isinstance(field, SetField):
        schema["uniqueItems"] = True
    if isinstance(field, NumberField) and field.type == "number":
        del schema["multipleOf"]  # binary fractions make it fail for 0.3 / 0.1: `on_grid` decides instead
    return schema


def on_grid(field: NumberField, value: float) -> bool:
    """Whether ``value`` is one of the field's values, up to rounding; not-a-number is none."""
    if not math.isfinite(value):
        return False
    steps = (value - field.minimum) / field.multipleOf
    return abs(steps - round(steps)) < 1e-6
