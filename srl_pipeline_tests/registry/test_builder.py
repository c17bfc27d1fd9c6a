"""Build once, find ever after."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from srl_pipeline.contracts import Gate
from srl_pipeline.errors import ArtifactError, GateError
from srl_pipeline.registry import ArtifactStore, Built, Outcome, artifact_version, build_or_reuse


class Making:
    """A builder that counts how often it was asked."""

    def __init__(self, store: ArtifactStore) -> None:
        self.store, self.made, self.passes = store, 0, True

    def build(self, config: dict[str, int] | None = None, code: str = "c1", inputs: Built | None = None) -> Built:
        return build_or_reuse(
            self.store,
            "poems",
            "lanterns",
            inputs={"words": inputs.artifact} if inputs else {},
            config=dict(config or {"lines": 3}),
            code=code,
            make=self.make,
        )

    def make(self, work: Path) -> Outcome:
        self.made += 1
        (work / "poem.txt").write_text(f"poem {self.made}")
        return Outcome(metrics={"lines": 3.0}, gates=[Gate(name="scansion", passed=self.passes)])


@pytest.fixture
def making(tmp_path: Path) -> Making:
    return Making(ArtifactStore(tmp_path))


def test_the_same_request_is_found_and_not_made_again(making: Making) -> None:
    first, second = making.build(), making.build()
    assert (first.reused, second.reused) == (False, True)
    assert making.made == 1
    assert second.artifact == first.artifact


@pytest.mark.parametrize("change", [lambda m: m.build({"lines": 4}), lambda m: m.build(code="c2")])
def test_another_configuration_or_other_code_is_another_artifact(
    making: Making, change: Callable[[Making], Built]
) -> None:
    first, other = making.build(), change(making)
    assert not other.reused
    assert other.artifact.data_version != first.artifact.data_version


def test_another_input_is_another_artifact_and_is_recorded(making: Making) -> None:
    words = making.build()
    poem = making.build(inputs=words)
    assert poem.artifact.data_version != words.artifact.data_version
    assert poem.manifest.inputs == {"words": words.artifact.data_version}


def test_a_failed_gate_is_refused_for_use_and_made_again(making: Making) -> None:
    making.passes = False
    failed = making.build().artifact
    with pytest.raises(GateError):
        making.store.require("poems", "lanterns", failed.data_version)
    making.passes = True
    mended = making.build()
    assert (mended.reused, making.made) == (False, 2)
    assert making.store.require("poems", "lanterns", failed.data_version) == mended.artifact


def test_an_altered_artifact_is_refused_and_not_reused(making: Making) -> None:
    (making.build().artifact.path / "poem.txt").write_text("forged")
    with pytest.raises(ArtifactError, match="altered"):
        making.build()


def test_a_builder_that_fails_leaves_nothing_and_a_retry_finds_its_work_folder(making: Making) -> None:
    folders: list[Path] = []

    def fails(work: Path) -> Outcome:
        folders.append(work)
        (work / "_checkpoint").write_text("half way")
        raise RuntimeError("out of rhymes")

    def resumes(work: Path) -> Outcome:
        folders.append(work)
        assert (work / "_checkpoint").read_text() == "half way"
        return Outcome(metrics={}, gates=[])

    def ask(make: Callable[[Path], Outcome]) -> Built:
        return build_or_reuse(making.store, "poems", "lanterns", inputs={}, config={}, code="c", make=make)

    with pytest.raises(RuntimeError, match="out of rhymes"):
        ask(fails)
    assert making.store.versions("poems", "lanterns") == []
    assert not ask(resumes).reused
    assert folders[0] == folders[1]


def test_a_disk_that_is_full_at_the_write_edge_of_a_builder_is_an_artifact_error(making: Making) -> None:
    def full(work: Path) -> Outcome:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(work / "poem.txt"))

    with pytest.raises(ArtifactError, match="disk is full") as caught:
        build_or_reuse(making.store, "poems", "lanterns", inputs={}, config={}, code="c", make=full)
    assert caught.value.where.endswith("poem.txt")
    assert making.store.versions("poems", "lanterns") == []


def test_the_version_is_known_before_work_begins(making: Making) -> None:
    assert making.build().artifact.data_version == artifact_version("poems", {}, {"lines": 3}, "c1")
