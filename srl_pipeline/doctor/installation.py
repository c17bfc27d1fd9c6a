"""What is examined: an installation as its environment and its files describe it, each part read once."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from srl_pipeline.config import PipelineConfig, override, settings_of_installation
from srl_pipeline.config.installation import VARIABLE as SETTINGS
from srl_pipeline.contracts import Json
from srl_pipeline.errors import PipelineError
from srl_pipeline.model_types import Pack, read_pack, scan_packs
from srl_pipeline.presets import pack_config, preset
from srl_pipeline.registry import DECISIONS
from srl_pipeline.registry.places import open_decisions, state_table

PRESET = "SRL_PRESET"


@dataclass(frozen=True)
class Installation:
    """An installation; its parts raise PipelineError where they cannot be read.

    Attributes:
        home: Where it keeps its things; it need not exist yet.
        online: Whether configured endpoints may be asked.
    """

    home: Path
    online: bool = False

    @property
    def preset(self) -> str:
        """Name of the preset that holds where a command names none."""
        return os.environ.get(PRESET) or "embedded"

    @cached_property
    def config(self) -> PipelineConfig:
        """The preset with the installation's settings, before any pack's own."""
        try:
            plain = preset(self.preset)
        except PipelineError as error:
            raise PipelineError(error.what, where=f"environment variable {PRESET}", mend=error.mend) from None
        settings = settings_of_installation()
        try:
            return override(plain, settings)
        except PipelineError as error:
            raise PipelineError(error.what, where=f"environment variable {SETTINGS}", mend=error.mend) from None

    @cached_property
    def packs(self) -> tuple[dict[str, Pack], dict[str, PipelineError]]:
        """Name -> pack of those that load; name -> error of the others."""
        folders, wrong = scan_packs()
        found: dict[str, Pack] = {}
        errors: dict[str, PipelineError] = {**wrong}
        for name, folder in folders.items():
            try:
                found[name] = read_pack(folder)
            except PipelineError as error:
                errors[name] = error
        return found, errors

    @cached_property
    def decided(self) -> dict[str, dict[str, Json]]:
        """Model type -> settings that decisions made; nothing is asked of a table unless `online`."""
        if not self.may_ask_state or not (state_table() or self.has_file(DECISIONS)):
            return {}
        with closing(open_decisions(self.home)) as decisions:
            return {name: decisions.settings(name) for name in self.packs[0]}

    @property
    def may_ask_state(self) -> bool:
        """Whether state may be looked into: files always, a table only online."""
        return self.online or not state_table()

    def has_file(self, name: str) -> bool:
        """Whether a database is there to be opened: opening an absent or empty one would make it."""
        file = self.home / name
        return file.is_file() and file.stat().st_size > 0

    def config_of(self, model_type: str) -> PipelineConfig:
        """The settings of a model type whose pack loads, as a run of it without overrides has them."""
        training = self.packs[0][model_type].spec.training
        return pack_config(self.preset, training | self.decided.get(model_type, {}) | settings_of_installation())
