"""The file that `SPEC` names: how this installation's training jobs look. docs/aws.md is the prose version."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import Field, model_validator

from srl_pipeline.contracts import Record
from srl_pipeline.errors import PackError, PipelineError
from srl_pipeline.model_types.validation import validate
from srl_pipeline.model_types.yaml_source import read_yaml

SPEC = "SRL_SAGEMAKER"
"""Environment variable: the YAML file. Set, trainings run as SageMaker jobs; empty, where the other launchers say."""
Value = Annotated[str, Field(max_length=512)]
"""SageMaker takes no longer value of an environment variable."""
Variable = Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$", max_length=256)]


class Network(Record):
    """Subnets of the installation; in the words of the API, because Terraform gives them so."""

    Subnets: list[str] = Field(min_length=1, max_length=16)
    SecurityGroupIds: list[str] = Field(min_length=1, max_length=5)


class JobSettings(Record):
    """What all jobs have in common: Terraform's output ``job_settings``, as it is."""

    RoleArn: str = Field(pattern=r"^arn:aws[a-z-]*:iam::\d{12}:role/.+$")
    KmsKeyId: str | None = None
    VpcConfig: Network | None = None


class JobSpec(Record):
    """How a training job looks."""

    version: Literal[1]
    installation: str = Field(pattern=r"^[a-z0-9](-?[a-z0-9])*$", max_length=24, description="Begins each job's name.")
    image: str = Field(min_length=1, max_length=255, description="The trainer's image, with a tag or a digest.")
    job_settings: JobSettings
    tags: dict[str, str] = Field(default={}, max_length=20, description="Terraform's output job_tags, as it is.")
    instance_type: str = Field(pattern=r"^ml\.[a-z0-9.-]+$")
    volume_gb: int = Field(default=50, ge=1, le=16384)
    spot: bool = Field(default=True, description="Spare capacity that may be taken away; the job then goes on later.")
    max_hours: float = Field(default=24.0, gt=0, le=672, description="Of computing; SageMaker stops what takes longer.")
    max_wait_hours: float = Field(default=24.0, ge=0, le=672, description="With spot: of waiting, in all.")
    poll_seconds: float = Field(default=15.0, gt=0, le=600, description="Between two looks at a job.")
    state_machine_arn: str = Field(default="", description="Terraform's output of that name; for the command chain.")
    environment: dict[Variable, Value] = Field(default={}, max_length=40, description="Further variables; no secrets.")

    @model_validator(mode="after")
    def _no_secret(self) -> JobSpec:
        for name in self.environment:
            if any(word in name.upper() for word in ("SECRET", "PASSWORD", "TOKEN", "API_KEY", "ACCESS_KEY")):
                raise ValueError(f"environment.{name} sounds like a secret, and whoever may describe the job reads it")
        return self


def read_spec(file: Path) -> JobSpec:
    """The record in ``file``; raises PipelineError with file, line and mend."""
    try:
        spec: JobSpec = validate(cast("Any", JobSpec), read_yaml(file))  # takes any record, not only a pack's
        return spec
    except PackError as error:
        mend = "docs/aws.md, 'Training on SageMaker', shows the format."
        raise PipelineError(error.what, where=error.where, mend=mend) from error
