"""What the file of jobs may say; what it may not is told with file and line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from srl_pipeline.errors import PipelineError
from srl_pipeline.launchers.sagemaker.spec import read_spec
from srl_pipeline_tests.launchers.sagemaker.workshop import NETWORK, ROLE, spec, write_spec


def test_a_file_says_how_jobs_look(tmp_path: Path) -> None:
    assert read_spec(write_spec(tmp_path)) == spec()


def test_what_terraform_gives_is_taken_as_it_is(tmp_path: Path) -> None:
    given = {"RoleArn": ROLE, "KmsKeyId": "arn:aws:kms:eu-central-1:123456789012:key/1", "VpcConfig": NETWORK}
    assert read_spec(write_spec(tmp_path, job_settings=given)).job_settings.model_dump() == given


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"instance": "ml.g5.xlarge"}, "instance"),
        ({"instance_type": "g5.xlarge"}, "instance_type"),
        ({"installation": "SRL dev"}, "installation"),
        ({"max_hours": 0}, "max_hours"),
        ({"job_settings": {"RoleArn": "training"}}, "RoleArn"),
        ({"environment": {"OPENAI_API_KEY": "k"}}, "sounds like a secret"),
        ({"environment": {"LONG": "x" * 513}}, "512"),
        ({"environment": {"a-b": "x"}}, "a-b"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    file = write_spec(tmp_path, **changes)
    with pytest.raises(PipelineError, match=told) as caught:
        read_spec(file)
    assert str(file) in caught.value.where and "Training on SageMaker" in caught.value.mend


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(PipelineError) as caught:
        read_spec(tmp_path / "nowhere.yaml")
    assert "nowhere.yaml" in str(caught.value)
