"""What lies in the folder of a model, and how plain `transformers` and `peft` load it: a section of every card."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

Form: TypeAlias = Literal["adapter", "whole"]
"""An adapter, which needs its base; or a whole model."""
HEADING = "## How to load"
WEIGHTS: dict[str, Form] = {"adapter_model.safetensors": "adapter", "model.safetensors": "whole"}
"""File of trained weights, as the stages leave it -> form."""


def library(form: Form) -> str:
    """The library that loads it, by the Hugging Face library's name."""
    return "peft" if form == "adapter" else "transformers"


def loading(form: Form, base: str) -> str:
    """The section, heading first; ``base`` is the name of the base model's folder."""
    if form == "whole":
        return f"""{HEADING}

A whole model with its tokenizer; nothing else is needed.

```python
from transformers import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained("THIS_FOLDER")
tokenizer = AutoTokenizer.from_pretrained("THIS_FOLDER")
```"""
    return f"""{HEADING}

A LoRA adapter: it needs its base, the folder `{base}`, which lies below `students/` of the installation that trained
it. `srl-pipeline export TYPE --to FOLDER --with-base` writes both, `--merged` one whole model. `adapter_config.json`
may name a folder that is not on your machine: give the base yourself.

```python
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

base = AutoModelForCausalLM.from_pretrained("FOLDER_OF_THE_BASE")
model = PeftModel.from_pretrained(base, "THIS_FOLDER")
tokenizer = AutoTokenizer.from_pretrained("FOLDER_OF_THE_BASE")
```"""


def with_loading(card: str, form: Form, base: str) -> str:
    """``card`` with its section on loading, and the library in its header, those of another form."""
    from huggingface_hub import ModelCard

    read: Any = ModelCard(card)
    read.data.library_name = library(form)
    before, _, rest = str(read).partition(HEADING)
    _, heading, after = rest.partition("\n## ")
    return f"{before}{loading(form, base)}\n{heading}{after}"
