"""Where an installation keeps its things, and what it sets for every run, also those that a sensor starts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml

from srl_pipeline.errors import PipelineError

VARIABLE = "SRL_SETTINGS"


def home() -> Path:
    """Where artifacts, caches and history live: ``SRL_HOME``, else ``.srl`` in the current folder."""
    return Path(os.environ.get("SRL_HOME") or ".srl").absolute()


def settings_of_installation() -> dict[str, Any]:
    """Dotted names of settings from ``SRL_SETTINGS``, such as ``{budget.month_usd: 20}``; raises PipelineError."""
    text = os.environ.get(VARIABLE, "")
    try:
        found = yaml.safe_load(text) if text.strip() else {}
    except yaml.YAMLError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise PipelineError(
            "It holds no settings by name.",
            where=f"environment variable {VARIABLE}",
            mend="Write one line of YAML, such as {budget.month_usd: 20}, or unset it.",
        )
    return found
