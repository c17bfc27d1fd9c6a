"""What `teachers.yaml` may say: closed, typed records (docs/teachers.md is the prose version)."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, model_validator

from srl_pipeline.canonical import HASH_LENGTH, digest
from srl_pipeline.contracts import Record
from srl_pipeline.model_types.spec import Id

Kind = Literal["search", "openai", "anthropic", "gemini", "transformers"]
EnvironmentName = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,63}$")]
ContentHash = Annotated[str, Field(pattern=rf"^[0-9a-f]{{{HASH_LENGTH}}}$")]


class Price(Record):
    """What the vendor charges, in US dollars a million tokens, and when that was looked up."""

    input: float = Field(ge=0)
    output: float = Field(ge=0)
    cached_input: float | None = Field(default=None, ge=0, description="None: as input.")
    batch_factor: float = Field(default=0.5, gt=0, le=1, description="Price of a batched call, as a share.")
    as_of: date


class Limits(Record):
    """What is asked of an endpoint at the most."""

    concurrency: int = Field(default=8, ge=1, le=256, description="Calls at once; falls when the vendor limits rates.")
    timeout_seconds: float = Field(default=60.0, gt=0, le=3600, description="Of one call.")
    attempts: int = Field(default=5, ge=1, le=20, description="Tries of one call, the first included.")
    max_output_tokens: int = Field(default=512, ge=16, le=65536, description="Hidden reasoning included.")


class Terms(Record):
    """What the licence of the vendor's outputs allows, by the reader's own look-up."""

    training_allowed: bool = Field(description="Whether the outputs may be used to train another model.")
    source: str = Field(min_length=1, max_length=300, description="Where that stands: a contract or a page.")
    as_of: date


class TeacherEntry(Record):
    """One teacher."""

    kind: Kind
    model: str = Field(default="", max_length=300, description="The vendor's name of the model, or a local folder.")
    revision: str = Field(default="1", max_length=60, description="Raise it when the same name answers differently.")
    vendor: Id | None = Field(default=None, description="Whose cap it counts against. [default: the kind]")
    endpoint: str | None = Field(default=None, max_length=300, description="Base URL; None: the vendor's own.")
    api_key_env: EnvironmentName | None = Field(
        default=None, description="Environment variable that holds the key; a key itself is never written here."
    )
    project: str | None = Field(
        default=None, pattern=r"^[a-z0-9][a-z0-9:.-]{0,99}$", description="gemini: ask Vertex AI in this cloud project."
    )
    region: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9-]{0,39}$", description="Beside 'project'.")
    honours_idempotency_key: bool = Field(
        default=False, description="The endpoint bills a repeated Idempotency-Key once."
    )
    structured: Literal["json_schema", "json_object", "none"] = "json_schema"
    temperature: float | None = Field(default=None, ge=0, le=2)
    shots: ContentHash | None = Field(
        default=None, description="Solved tasks that every prompt shows, by their content (`prompted.shots`)."
    )
    batch: bool = Field(default=False, description="Ask in batches: half the price, hours later.")
    price: Price | None = None
    limits: Limits = Limits()
    terms: Terms | None = None

    @model_validator(mode="after")
    def _complete(self) -> TeacherEntry:
        if self.kind == "search":
            if self.model_fields_set - {"kind"}:
                raise ValueError("the teacher 'search' has no settings here")
            return self
        if not self.model:
            raise ValueError("'model' is missing")
        if self.project is not None or self.region is not None:
            self._check_cloud()
        if self.batch and self.kind not in ("openai", "anthropic"):
            raise ValueError("'batch' is offered by openai and anthropic only")
        if self.price is None and self.kind != "transformers":
            raise ValueError("'price' is missing: an unknown cost is not paid (write 0 where it is free)")
        if self.terms is None:
            raise ValueError("'terms' is missing: say whether its outputs may train a model, and where that stands")
        return self

    def _check_cloud(self) -> None:
        if self.kind != "gemini":
            raise ValueError("'project' and 'region' are settings of the kind gemini")
        if self.project is None or self.region is None:
            raise ValueError("'project' and 'region' are given together")
        if self.api_key_env is not None:
            raise ValueError("Vertex AI takes the cloud's own credentials: remove 'api_key_env', or 'project'")

    @property
    def account_vendor(self) -> str:
        """The vendor whose cap its calls count against."""
        return self.vendor or self.kind

    @property
    def identity(self) -> str:
        """Hash of what decides its answers. Prices, limits, terms and credentials do not."""
        names = {"kind", "model", "revision", "endpoint", "structured", "temperature"}
        own = self.model_dump(mode="json", include=names)
        later = self.model_dump(mode="json", include={"shots", "project", "region"}, exclude_none=True)
        own |= later  # an entry without these keeps the version that it had before there were any
        return digest(own | {"max_output_tokens": self.limits.max_output_tokens})


class TeachersFile(Record):
    """The whole file."""

    version: Literal[1]
    teachers: dict[Id, TeacherEntry] = Field(min_length=1)
    responsibilities: dict[Id, Id] = Field(
        description="Model type -> teacher; 'default' is for all types that are not named."
    )

    @model_validator(mode="after")
    def _known_teachers(self) -> TeachersFile:
        if "default" not in self.responsibilities:
            raise ValueError("responsibilities has no 'default'")
        for model_type, teacher in self.responsibilities.items():
            if teacher not in self.teachers:
                raise ValueError(f"responsibilities: {model_type} names {teacher!r}, which is not among the teachers")
        return self
