"""A registered adapter of a real student: plain `peft` and `transformers` load it, as it is and as it is exported."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from huggingface_hub import ModelCard
from peft import AutoPeftModelForCausalLM, PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from srl_pipeline.errors import PipelineError, StudentError
from srl_pipeline.promotion import export_folder, export_mlflow, find_model, local_tracking_uri
from srl_pipeline.promotion.exporting import base_folder
from srl_pipeline.registry import StoredArtifact
from srl_pipeline.training.students.policy_weights import save
from srl_pipeline_tests.training.world import adapted, load, write_student

from .chains import TYPE, Installation, solving

IDS = torch.tensor([[1, 2, 3, 4, 5]])


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation's folder with a student, and an adapter for it that says something else than its base."""
    home = tmp_path_factory.mktemp("home")
    student = load(write_student(home / "students" / "random-64"))
    save(adapted(student, shaken=0.3), student, home / "trained")
    return home


@pytest.fixture
def installed(trained: Path, tmp_path: Path) -> Installation:
    shutil.copytree(trained / "students", tmp_path / "students")
    return Installation(tmp_path)


@pytest.fixture
def model(installed: Installation, trained: Path) -> StoredArtifact:
    """The registered model; its files are those of the stage."""
    folder = installed.home / "adapter"
    shutil.copytree(trained / "trained", folder)
    config = json.loads((folder / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = str(installed.home / "students" / "random-64")
    (folder / "adapter_config.json").write_text(json.dumps(config))
    files = {file.name: file.read_text("latin-1") for file in folder.iterdir()}
    chain = _binary_chain(installed, files, folder)
    return find_model(installed.store, installed.decisions, TYPE, chain)


def _binary_chain(installed: Installation, files: dict[str, str], folder: Path) -> str:
    """A chain whose checkpoint has the bytes of ``folder``."""
    put = installed.put

    def put_bytes(asset: str, inputs: dict[str, str], texts: dict[str, str], **about: object) -> StoredArtifact:
        made = put(asset, inputs, texts, **about)  # type: ignore[arg-type]
        if asset == "rlvr_checkpoint":
            shutil.copytree(folder, made.path / "adapter", dirs_exist_ok=True)
            _sign_again(made)
        return made

    installed.put = put_bytes  # type: ignore[method-assign]
    return installed.chain(solving(30), files=files).registered


def _sign_again(made: StoredArtifact) -> None:
    from srl_pipeline.canonical import digest_file

    file = made.path / "manifest.json"
    manifest = json.loads(file.read_text())
    manifest["digests"] = {name: digest_file(made.path / name) for name in manifest["digests"]}
    file.write_text(json.dumps(manifest))


def logits(model: object) -> torch.Tensor:
    with torch.no_grad():
        return model(input_ids=IDS).logits  # type: ignore[operator]


@pytest.fixture
def expected(trained: Path) -> torch.Tensor:
    """What the stage's own model answers."""
    student = load(trained / "students" / "random-64")
    plain = PeftModel.from_pretrained(student.model, str(trained / "trained"))
    return logits(plain.eval())


def test_plain_peft_loads_the_registered_folder(model: StoredArtifact, expected: torch.Tensor) -> None:
    loaded = AutoPeftModelForCausalLM.from_pretrained(model.path).eval()
    torch.testing.assert_close(logits(loaded), expected)
    bare = logits(AutoModelForCausalLM.from_pretrained(loaded.peft_config["default"].base_model_name_or_path))
    assert (bare - expected).abs().max() > 0.1  # the adapter matters


def test_a_merged_export_is_a_plain_model_with_the_same_answers(
    installed: Installation, model: StoredArtifact, expected: torch.Tensor
) -> None:
    folder = export_folder(installed.store, model, installed.home / "merged", merged=True)
    assert not list(folder.glob("adapter*"))
    torch.testing.assert_close(logits(AutoModelForCausalLM.from_pretrained(folder).eval()), expected)
    assert AutoTokenizer.from_pretrained(folder)("In Moss Vale")["input_ids"]
    card = ModelCard.load(folder / "README.md")
    assert card.data.library_name == "transformers"  # pyright: ignore[reportAttributeAccessIssue]
    assert "A whole model" in card.text and "PeftModel" not in card.text and "## Evaluation" in card.text


def test_an_adapter_is_exported_without_a_path_of_this_machine_and_loads_with_its_base(
    installed: Installation, model: StoredArtifact, expected: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = export_folder(installed.store, model, installed.home / "out", with_base=True)
    for file in folder.glob("*.json"):
        assert str(installed.home) not in file.read_text()
    shutil.rmtree(installed.home / "students")
    base = AutoModelForCausalLM.from_pretrained(folder / "base")
    torch.testing.assert_close(logits(PeftModel.from_pretrained(base, str(folder)).eval()), expected)
    monkeypatch.chdir(folder)
    torch.testing.assert_close(logits(AutoPeftModelForCausalLM.from_pretrained(".").eval()), expected)


def test_without_its_base_an_adapter_names_it(installed: Installation, model: StoredArtifact) -> None:
    folder = export_folder(installed.store, model, installed.home / "out")
    assert json.loads((folder / "adapter_config.json").read_text())["base_model_name_or_path"] == "random-64"
    assert (folder / "tokenizer.json").is_file() and not (folder / "base").exists()


def test_a_base_that_was_changed_is_not_taken_for_it(installed: Installation, model: StoredArtifact) -> None:
    config = installed.home / "students" / "random-64" / "config.json"
    config.write_text(config.read_text().replace('"vocab_size"', ' "vocab_size"'))
    with pytest.raises(StudentError, match="is not as it was"):
        export_folder(installed.store, model, installed.home / "out", merged=True)
    assert not (installed.home / "out").exists()


def test_a_base_is_found_where_the_installation_has_moved_to(
    installed: Installation, model: StoredArtifact, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from srl_pipeline.registry import ArtifactStore

    moved = tmp_path_factory.mktemp("moved") / "home"
    shutil.move(installed.home, moved)
    elsewhere = StoredArtifact(moved / model.path.relative_to(installed.home), model.manifest)
    assert base_folder(ArtifactStore(moved / "artifacts"), elsewhere) == moved / "students" / "random-64"
    shutil.move(moved, installed.home)


@pytest.mark.slow
def test_what_is_logged_to_mlflow_names_no_path_of_this_machine(installed: Installation, model: StoredArtifact) -> None:
    pytest.importorskip("mlflow.tracking")
    assert str(installed.home) in (model.path / "adapter_config.json").read_text()
    export_mlflow(installed.store, installed.decisions, model, local_tracking_uri(installed.home))
    logged = installed.home / "mlflow" / "artifacts"
    [adapter] = logged.rglob("adapter_config.json")
    assert json.loads(adapter.read_text())["base_model_name_or_path"] == "random-64"
    assert not any(str(installed.home) in file.read_text() for file in logged.rglob("*.json"))
    assert list(logged.rglob("manifest.json")) == []


def test_nothing_is_overwritten(installed: Installation, model: StoredArtifact) -> None:
    (installed.home / "out").mkdir()
    (installed.home / "out" / "mine.txt").write_text("mine")
    with pytest.raises(PipelineError, match="not empty"):
        export_folder(installed.store, model, installed.home / "out")
    assert (installed.home / "out" / "mine.txt").read_text() == "mine"


def test_merged_with_its_base_is_a_contradiction(installed: Installation, model: StoredArtifact) -> None:
    with pytest.raises(PipelineError, match="needs no base"):
        export_folder(installed.store, model, installed.home / "out", merged=True, with_base=True)
