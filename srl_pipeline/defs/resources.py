"""The pipeline's settings as a resource, so that they can be changed in the Launchpad for one run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from srl_pipeline import config as settings
from srl_pipeline.config import PipelineConfig
from srl_pipeline.errors import PipelineError
from srl_pipeline.model_types import Pack, load_pack
from srl_pipeline.presets import pack_config
from srl_pipeline.registry import (
    ArtifactStore,
    Decisions,
    History,
    decided_settings,
    origin,
)
from srl_pipeline.registry.places import open_decisions, open_history, open_store


class PipelineResource(dg.ConfigurableResource):
    """Where artifacts lie, and the settings: each of these over those before it.

    Preset, the pack's ``training:``, what was decided for the model type, ``SRL_SETTINGS``, overrides.
    """

    preset: str = Field(default="", description="smoke, embedded or gpu; empty: SRL_PRESET, else embedded.")
    overrides: dict[str, Any] = Field(default={}, description="Dotted names of settings: {srl.learning_rate: 0.0002}")
    home: str = Field(default="", description="Folder of artifacts and history; empty: SRL_HOME, else .srl")

    def config(self, model_type: str, pack: Pack | None = None, decisions: Decisions | None = None) -> PipelineConfig:
        """The configuration for one model type; raises PipelineError for an unknown preset, name or value.

        ``pack`` and ``decisions`` save reading and opening them again where they are at hand.
        """
        name = self.preset or os.environ.get("SRL_PRESET") or "embedded"
        pack = pack or load_pack(model_type)
        decided = decisions.settings(model_type) if decisions else decided_settings(self.home_folder(), model_type)
        return pack_config(name, pack.spec.training | decided | settings.settings_of_installation() | self.overrides)

    @contextmanager
    def origins(self, model_type: str, config: PipelineConfig) -> Iterator[None]:
        """An error while a teacher or student that a decision chose cannot be used says so, and how to go back."""
        try:
            yield
        except PipelineError as error:
            from srl_pipeline.selection import unusable

            decided = decided_settings(self.home_folder(), model_type)
            held = [name for name, value in unusable(config).items() if decided.get(name) == value]
            told = [origin(self.home_folder(), model_type, name) for name in held]
            if not told:
                raise
            raise PipelineError(error.what, where=error.where, mend=" ".join([error.mend, *told])) from error

    def home_folder(self) -> Path:
        """The folder below which everything is kept."""
        return Path(self.home).absolute() if self.home else settings.home()

    def store(self) -> ArtifactStore:
        """The artifacts."""
        return open_store(self.home_folder())

    @contextmanager
    def history(self) -> Iterator[History]:
        """What was made and measured, until the block is left."""
        with closing(open_history(self.home_folder())) as history:
            yield history

    @contextmanager
    def decisions(self) -> Iterator[Decisions]:
        """What was decided, until the block is left."""
        with closing(open_decisions(self.home_folder())) as decisions:
            yield decisions
