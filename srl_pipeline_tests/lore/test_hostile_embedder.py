from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from srl_pipeline.lore import EmbedderError, load_embedder
from srl_pipeline_tests.lore.tiny_encoder import write_encoder


def test_weights_of_an_embedder_in_a_pickle_are_not_read(tmp_path: Path) -> None:
    folder = write_encoder(tmp_path / "encoder", ["walls of granite"])
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").rename(folder / "another.safetensors")
    with pytest.raises(EmbedderError, match="cannot be loaded"):
        load_embedder(str(folder))
