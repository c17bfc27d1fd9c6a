"""What the environment and its files ask for: preset, settings, packs, tuning, and where trainings run."""

from __future__ import annotations

import os
from pathlib import Path

from srl_pipeline.doctor.finding import Finding, ok, problem, told_by
from srl_pipeline.doctor.installation import Installation
from srl_pipeline.errors import PipelineError
from srl_pipeline.launchers.sagemaker.spec import SPEC, read_spec
from srl_pipeline.registry.places import STORE
from srl_pipeline.tuning.catalog import FILE, VARIABLE, read_tuners

SHOWN = 5
"""Errors of packs that are told one by one."""


def settings(installation: Installation) -> list[Finding]:
    """``SRL_PRESET`` and ``SRL_SETTINGS``, alone and over what each pack and each decision sets."""
    config = installation.config
    found, _ = installation.packs
    wrong: list[Finding] = []
    for name in sorted(found):
        try:
            installation.config_of(name)
        except PipelineError as error:
            here = f"settings of model type {name}: preset, its training section, decisions, SRL_SETTINGS"
            wrong.append(problem(error.what, where=here, mend=error.mend))
    return wrong or [ok(f"the preset {config.preset!r}, and settings that it takes")]


def packs(installation: Installation) -> list[Finding]:
    """Every pack loads. Whether its rules hold their examples is `srl-pipeline packs check`'s to say."""
    found, errors = installation.packs
    wrong = [told_by(errors[name]) for name in sorted(errors)[:SHOWN]]
    if len(errors) > SHOWN:
        mend = "Run 'srl-pipeline packs check'."
        wrong.append(problem(f"{len(errors) - SHOWN} more packs do not load.", where="packs", mend=mend))
    return wrong or [ok(f"{len(found)} load: {', '.join(sorted(found)[:8])}{', …' if len(found) > 8 else ''}")]


def tuning(installation: Installation) -> list[Finding]:
    """The file of tuners, where there is one."""
    if not os.environ.get(VARIABLE) and not Path(FILE).exists():
        return [ok(f"no {FILE}: nothing is tuned at a vendor")]
    tuners = read_tuners()
    return [ok(f"{tuners.path}: {', '.join(tuners.tuners) or 'no tuner'}")]


def sagemaker(installation: Installation) -> list[Finding]:
    """The file of training jobs, and a store that they can reach."""
    file = os.environ.get(SPEC)
    if not file:
        return [ok("trainings do not run on SageMaker")]
    spec = read_spec(Path(file))
    if not os.environ.get(STORE, "").strip().startswith("s3://"):
        return [
            problem(
                "Trainings run on SageMaker, whose machines see only a bucket, and artifacts lie in a folder.",
                where=f"environment variables {SPEC} and {STORE}",
                mend=f"Set {STORE}=s3://bucket/prefix, or unset {SPEC}.",
            )
        ]
    return [ok(f"trainings run on {spec.instance_type}, image {spec.image}")]


def pod(installation: Installation) -> list[Finding]:
    """The file of a training's pod."""
    from srl_pipeline.launchers.kubernetes import TEMPLATE, read_template  # with Dagster: only where it is used

    file = os.environ.get(TEMPLATE)
    if not file:
        return [ok("trainings do not run in pods of their own")]
    return [ok(f"trainings run in pods of namespace {read_template(Path(file))['metadata']['namespace']}")]
