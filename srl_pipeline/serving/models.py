"""The models in memory, and how they follow their aliases without a restart."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Literal

from srl_pipeline.errors import PipelineError
from srl_pipeline.registry.decisions import Alias, Decisions, Kind
from srl_pipeline.serving.errors import ServingError

if TYPE_CHECKING:
    from srl_pipeline.serving.answering import ServedModel

log = logging.getLogger("srl_pipeline")
Slot = Literal["live", "shadow"]
RETRY_SECONDS = 30.0
"""After which a version that would not load is tried again: files are restored now and then."""


class Models:
    """The live model and its shadow, by alias.

    A change of an alias is seen by `follow`. Until the new model is loaded the old one answers; where it cannot be
    loaded, the old one goes on and `problems` says why. `follow` is one thread's business, the rest is anybody's.

    Args:
        alias: What the live model serves as.
        shadow: What the other one is; None for none.
        load: Loads a version; raises PipelineError where it cannot.
    """

    def __init__(
        self,
        decisions: Decisions,
        model_type: str,
        alias: Alias,
        shadow: Alias | None,
        load: Callable[[str], ServedModel],
    ) -> None:
        self.alias: Alias = alias
        self.shadow_alias: Alias | None = shadow
        self.problems: dict[str, str] = {}
        self._decisions, self._model_type, self._load = decisions, model_type, load
        self._failed: dict[str, float] = {}
        self._loader = ThreadPoolExecutor(1, thread_name_prefix="loading")
        version = decisions.aliases(model_type).get(alias)
        if version is None:
            raise ServingError(
                f"No model of {model_type} is {alias}.",
                where="aliases",
                mend=f"Train one ('srl-pipeline run {model_type}') and let it be promoted, or serve another alias.",
            )
        self.live: ServedModel = load(version)
        self.shadow: ServedModel | None = None
        self.since = self._since(version)

    def follow(self) -> None:
        """Look at the aliases and load what moved; raises PipelineError where they cannot be read."""
        aliases = self._decisions.aliases(self._model_type)
        held = [model for model in (self.live, self.shadow) if model is not None]
        wanted = aliases.get(self.alias)
        if wanted is None:
            self._problem("live", f"the alias {self.alias} is not set any more; {self.live.version} goes on")
        elif (found := self._get("live", wanted, held)) is not None and found is not self.live:
            log.info("serving %s: %s is %s now, it was %s", self._model_type, self.alias, wanted, self.live.version)
            self.since = self._since(found.version)
            self.live = found
        other = aliases.get(self.shadow_alias) if self.shadow_alias else None
        if other is None or other == self.live.version:
            self.problems.pop("shadow", None)
            self.shadow = None
        else:
            self.shadow = self._get("shadow", other, held)

    def close(self) -> None:
        """Wait for a model that is being loaded."""
        self._loader.shutdown(wait=True, cancel_futures=True)

    def _since(self, version: str) -> int:
        """Id of the decision that made the live version current; 0 for none: figures count from there."""
        if self.alias != "current":
            return 0
        made: list[Kind] = ["promotion", "rollback"]
        moves = [d for kind in made for d in self._decisions.decisions(self._model_type, kind=kind)]
        return max((d.id for d in moves if d.verdict == "change" and d.after == version), default=0)

    def _get(self, slot: Slot, version: str, held: Sequence[ServedModel]) -> ServedModel | None:
        """The model of this version: one that is in memory, or loaded; None where that fails, which is then told."""
        for model in held:
            if model.version == version:
                self.problems.pop(slot, None)
                return model
        if time.monotonic() < self._failed.get(version, 0.0):
            return None
        future = self._loader.submit(self._load, version)
        if (error := future.exception()) is not None:
            self._failed[version] = time.monotonic() + RETRY_SECONDS
            reason = error.what if isinstance(error, PipelineError) else type(error).__name__
            kept = f"; {self.live.version} goes on" if slot == "live" else "; nothing is compared"
            self._problem(slot, f"{version} cannot be loaded: {reason}{kept}")
            return None
        self._failed.pop(version, None)
        self.problems.pop(slot, None)
        return future.result()

    def _problem(self, name: str, text: str) -> None:
        if self.problems.get(name) != text:
            log.warning("serving %s: %s", self._model_type, text)
        self.problems[name] = text
