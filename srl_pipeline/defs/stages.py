"""Assets that are made in a training process: ask for the stage's request, hand it to the launcher."""

from __future__ import annotations

import os
from pathlib import Path
from typing import cast

from srl_pipeline.contracts import Stage, StageRequest
from srl_pipeline.defs.making import Making
from srl_pipeline.launchers.kubernetes import TEMPLATE, run_in_pod
from srl_pipeline.launchers.local import run_locally
from srl_pipeline.launchers.sagemaker.client import run_on_sagemaker
from srl_pipeline.launchers.sagemaker.spec import SPEC
from srl_pipeline.registry import Built

POOL = "training"
"""One training at a time on a machine: two would share its cores or its GPU and both be slower."""


def run_stage(making: Making) -> Built:
    """Make the asset of ``making`` in a training process, or find it."""
    from srl_pipeline.stages.requests import stage_request

    stage = cast("Stage", making.asset)
    return launch(making, stage_request(making.store, stage, making.model_type, making.inputs(), making.config))


def launch(making: Making, request: StageRequest) -> Built:
    """Make what ``request`` names in a training process, or find it.

    In a SageMaker job or in a pod where a file says what those look like, else in a child.
    """
    if spec := os.environ.get(SPEC):
        return run_on_sagemaker(making.context, request, Path(spec))
    if template := os.environ.get(TEMPLATE):
        return run_in_pod(making.context, request, Path(template))
    from srl_pipeline.teachers.catalog import current_catalog

    return run_locally(making.context, request, withheld=current_catalog().key_variables)
