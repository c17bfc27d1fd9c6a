"""Test-only: the state machine that Terraform made trains a model type from the smoke preset's trajectories."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from srl_pipeline.model_types import new_pack
from srl_pipeline.registry.s3_store import S3ArtifactStore
from srl_pipeline_tests.aws.moto_server import VARIABLES
from srl_pipeline_tests.launchers.sagemaker.workshop import SETTINGS
from srl_pipeline_tests.whole_chain import MODEL, Chain, Home, finished

SECONDS = 900.0


def train_by_the_machine(made: Mapping[str, Any], url: str, folder: Path, patch: pytest.MonkeyPatch) -> S3ArtifactStore:
    """Generate into the installation's bucket, start the chain by the command line, wait for its end.

    Args:
        made: Terraform's output ``installation``.
        url: Of the emulated AWS, which runs state machines since before this one was made.

    Returns:
        The installation's artifacts.
    """
    spec = folder / "sagemaker.yaml"
    outputs = {"job_settings": made["job_settings"], "tags": made["job_tags"]}
    outputs |= {"state_machine_arn": made["state_machine_arn"], "environment": {"OMP_NUM_THREADS": "1"}}
    spec.write_text(yaml.safe_dump({**SETTINGS, **outputs}), encoding="utf-8")
    variables = {**VARIABLES, **made["environment"], "AWS_ENDPOINT_URL": url, "SRL_SAGEMAKER": str(spec)}
    for name, value in variables.items():
        patch.setenv(name, value)
    packs = folder / "packs"
    new_pack(MODEL, packs)
    patch.setenv("SRL_PACKS", str(packs))
    home = Home(folder / "home", packs, variables)
    store = S3ArtifactStore(made["environment"]["SRL_STORE"], home.folder)
    Chain(store).build_rewards()
    told = finished(home.start_chain("chain", "--set", "budget.month_usd=5", "--start"), 300)
    machine, until = boto3.client("stepfunctions"), time.monotonic() + SECONDS
    while (ended := machine.describe_execution(executionArn=told["execution"]))["status"] == "RUNNING":
        assert time.monotonic() < until, "the chain did not end"
        time.sleep(0.5)
    assert ended["status"] == "SUCCEEDED", ended
    return store
