"""What `tuning.yaml` may say: closed, typed records (docs/tuning.md is the prose version)."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, TypeAlias, get_args

from pydantic import Field, model_validator

from srl_pipeline.canonical import digest
from srl_pipeline.contracts import Record
from srl_pipeline.model_types.spec import Id
from srl_pipeline.teachers.catalog import Price
from srl_pipeline.tuning.records import Method

ProviderName: TypeAlias = Literal["openai", "gemini", "bedrock", "anthropic"]
PROVIDERS: tuple[str, ...] = get_args(ProviderName)
Text = Annotated[str, Field(max_length=300)]


class TuningPrice(Record):
    """What tuning costs, by the reader's own look-up: exactly one of the two, as the vendor bills it."""

    usd_per_million_tokens: float | None = Field(default=None, ge=0, description="Trained tokens: examples x epochs.")
    usd_per_hour: float | None = Field(default=None, ge=0, description="Of training.")
    tuned: Price = Field(description="What asking the tuned model costs.")
    as_of: date

    @model_validator(mode="after")
    def _one_measure(self) -> TuningPrice:
        if (self.usd_per_million_tokens is None) == (self.usd_per_hour is None):
            raise ValueError("give either usd_per_million_tokens or usd_per_hour, as the vendor bills the method")
        return self


class Tuner(Record):
    """One way to tune one model."""

    provider: ProviderName
    teacher: Id = Field(description="Teacher of teachers.yaml whose model is tuned: key, terms, and whom to beat.")
    method: Method
    model: Text = Field(default="", description="The model to tune, by the tuning API's name; empty: the teacher's.")
    endpoint: Text | None = Field(default=None, description="Of the tuning API; None: the teacher's or the vendor's.")
    epochs: int = Field(default=3, ge=1, le=50)
    batch_size: int | None = Field(default=None, ge=1)
    learning_rate_multiplier: float | None = Field(default=None, gt=0)
    beta: float | None = Field(default=None, gt=0, description="Preference alone.")
    max_hours: float = Field(default=24.0, gt=0, le=720, description="A job that runs longer is cancelled.")
    shots: int = Field(default=4, ge=1, le=16, description="Method prompt: solved tasks in a prompt, at the most.")
    trials: int = Field(default=8, ge=1, le=64, description="Method prompt: sets of solved tasks that are tried.")
    price: TuningPrice | None = Field(default=None, description="Unknown: nothing is estimated and nothing is spent.")
    project: Text = Field(default="", description="gemini: the cloud project.")
    region: Text = Field(default="", description="gemini, bedrock.")
    bucket: Text = Field(default="", description="gemini, bedrock: where data sets are put; versioned and private.")
    role: Text = Field(default="", description="bedrock: ARN of the role that reads the bucket.")
    reward_function: Text = Field(default="", description="bedrock, reinforcement: ARN of the function that grades.")

    @model_validator(mode="after")
    def _complete(self) -> Tuner:
        needed: dict[str, tuple[str, ...]] = {"gemini": ("project", "region", "bucket")}
        needed["bedrock"] = ("region", "bucket", "role")
        if self.method == "prompt":
            return self
        for name in needed.get(self.provider, ()):
            if not getattr(self, name):
                raise ValueError(f"'{name}' is missing: {self.provider} needs it")
        if self.provider == "bedrock" and self.method == "reinforcement" and not self.reward_function:
            raise ValueError("'reward_function' is missing: bedrock rewards answers by a function of yours")
        return self

    @property
    def identity(self) -> str:
        """Hash of what decides the tuned model. Prices and limits of time do not."""
        return digest(self.model_dump(mode="json", exclude={"price", "max_hours"}))


class TuningFile(Record):
    """The whole file."""

    version: Literal[1]
    tuners: dict[Id, Tuner] = Field(min_length=1)
