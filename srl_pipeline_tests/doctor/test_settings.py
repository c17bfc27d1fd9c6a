"""Preset, settings, packs, tuners, SageMaker, pods."""

from __future__ import annotations

from pathlib import Path

import pytest

from srl_pipeline.doctor import Installation, settings
from srl_pipeline.errors import PipelineError
from srl_pipeline.model_types import new_pack
from srl_pipeline_tests.conftest import edit

JOBS = """\
version: 1
installation: studio
image: registry/trainer:1
instance_type: ml.g5.xlarge
job_settings: {RoleArn: "arn:aws:iam::123456789012:role/jobs"}
"""


def test_an_installation_that_asks_for_nothing_is_fine(installation: Installation) -> None:
    checks = (settings.settings, settings.packs, settings.tuning, settings.sagemaker, settings.pod)
    assert [f.level for check in checks for f in check(installation)] == ["ok"] * 5


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("SRL_PRESET", "embeded", "no preset 'embeded'"),
        ("SRL_SETTINGS", "{srl.stepz: 3}", "no setting 'srl.stepz'"),
        ("SRL_SETTINGS", "{srl.steps: many}", "srl.steps"),
        ("SRL_SETTINGS", "[unclosed", "no settings by name"),
    ],
)
def test_settings_that_are_not_taken_name_their_variable(
    installation: Installation, variable: str, value: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(PipelineError, match=told) as raised:
        settings.settings(installation)
    assert variable in raised.value.where


def test_a_pack_whose_training_section_is_not_taken_is_named(installation: Installation, scaffold_folder: Path) -> None:
    with (scaffold_folder / "pack.yaml").open("a", encoding="utf-8") as file:
        file.write("training: {srl.stepz: 3}\n")
    [found] = settings.settings(installation)
    assert found.level == "problem"
    assert "model type lanterns" in found.where


def test_a_pack_that_does_not_load_is_told_with_its_line(installation: Installation, scaffold_folder: Path) -> None:
    line = edit(scaffold_folder / "pack.yaml", "colour: {enum: ", "colour: {enumm: ")
    [found] = settings.packs(installation)
    assert (found.level, "colour" in found.what) == ("problem", True)
    assert found.where == f"{scaffold_folder / 'pack.yaml'}:{line}"


def test_of_many_broken_packs_only_the_first_are_told(installation: Installation, scaffold_folder: Path) -> None:
    for n in range(settings.SHOWN + 1):
        folder = new_pack(f"extra_{n}", scaffold_folder.parent)
        (folder / "rules.yaml").unlink()
    found = settings.packs(installation)
    assert len(found) == settings.SHOWN + 1
    assert found[-1].what.startswith("1 more")


def test_a_folder_of_packs_that_is_none_is_refused(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRL_PACKS", "/nowhere")
    with pytest.raises(PipelineError, match="SRL_PACKS"):
        settings.packs(installation)


def test_a_file_of_tuners_that_cannot_be_read_is_refused(installation: Installation) -> None:
    Path("tuning.yaml").write_text("version: 1\ntuners: {t: {provider: oracle}}\n")
    with pytest.raises(PipelineError, match=r"tuning\.yaml:2"):
        settings.tuning(installation)


def test_jobs_on_sagemaker_need_artifacts_in_a_bucket(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "jobs.yaml"
    file.write_text(JOBS)
    monkeypatch.setenv("SRL_SAGEMAKER", str(file))
    [found] = settings.sagemaker(installation)
    assert (found.level, "SRL_STORE" in found.mend) == ("problem", True)
    monkeypatch.setenv("SRL_STORE", "s3://bucket/prefix")
    [found] = settings.sagemaker(installation)
    assert (found.level, "ml.g5.xlarge" in found.what) == ("ok", True)


def test_a_file_of_jobs_that_cannot_be_read_is_refused(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SRL_SAGEMAKER", str(tmp_path / "absent.yaml"))
    with pytest.raises(PipelineError, match=r"absent\.yaml"):
        settings.sagemaker(installation)


def test_a_training_pod_is_read_from_its_file(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "pod.yaml"
    file.write_text("metadata: {namespace: studio}\nspec: {containers: [{name: t}]}\n")
    monkeypatch.setenv("SRL_TRAINING_POD", str(file))
    assert "namespace studio" in settings.pod(installation)[0].what
    file.write_text("spec: {}\n")
    with pytest.raises(PipelineError, match="describes no pod"):
        settings.pod(installation)
