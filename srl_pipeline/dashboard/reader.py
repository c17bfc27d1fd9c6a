"""Read the pieces of an installation's folder; what cannot be read becomes a problem, never a crash."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import Field

from srl_pipeline.contracts import Record
from srl_pipeline.dashboard.model_status import Pieces, finite
from srl_pipeline.dashboard.records import Failure
from srl_pipeline.errors import PipelineError
from srl_pipeline.registry import (
    Alias,
    Decision,
    Decisions,
    Entry,
    History,
)
from srl_pipeline.registry.places import has_decisions, has_history, open_decisions, open_history, open_store

if TYPE_CHECKING:
    from srl_pipeline.weaknesses import Weaknesses

ALERTS = "alerts.jsonl"
"""Its name in an installation's folder: a line a failed run."""
_Read = TypeVar("_Read")


class _AlertLine(Record):
    """A line of `ALERTS`, as far as it is shown."""

    time: str
    run_id: str = ""
    job: str = ""
    model_type: str = ""
    trigger: str = ""
    failed: list[str] = Field(default_factory=list[str])
    message: str = ""


class Reader:
    """Reads pieces and notes what could not be read."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._store = open_store(home)
        self.problems: list[str] = []

    def read(self, what: str, read: Callable[[], _Read], otherwise: _Read) -> _Read:
        """What ``read`` gives, or ``otherwise`` and a problem of ``what``."""
        try:
            return read()
        except PipelineError as error:
            self.problems.append(f"{what}: {error.what}")
        except (OSError, ValueError, KeyError) as error:
            self.problems.append(f"{what}: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")
        return otherwise

    def packs(self) -> dict[str, Path]:
        from srl_pipeline.model_types import scan_packs

        found, wrong = self.read("model types", scan_packs, ({}, {}))
        self.problems += [f"model type {name}: {error.what}" for name, error in wrong.items()]
        return found

    @contextmanager
    def history(self) -> Generator[History | None]:
        found = self.read("history", lambda: open_history(self._home) if has_history(self._home) else None, None)
        try:
            yield found
        finally:
            if found:
                found.close()

    @contextmanager
    def decisions(self) -> Generator[Decisions | None]:
        found = self.read("decisions", lambda: open_decisions(self._home) if has_decisions(self._home) else None, None)
        try:
            yield found
        finally:
            if found:
                found.close()

    def failures(self) -> list[Failure]:
        """Failed runs, oldest first."""
        file = self._home / ALERTS
        text = self.read("failed runs", lambda: file.read_text(encoding="utf-8") if file.exists() else "", "")
        lines = [line for line in text.splitlines() if line.strip()]
        read = [self.read("failed runs", lambda line=line: _failure(line), None) for line in lines]
        return [failure for failure in read if failure]

    def pieces(
        self,
        model_type: str,
        history: History | None,
        decisions: Decisions | None,
        decided: Sequence[Decision],
        failures: Sequence[Failure],
    ) -> Pieces:
        def entries(asset: str) -> list[Entry]:
            what = f"history of {model_type}"
            return self.read(what, lambda: history.entries(asset, model_type) if history else [], [])

        none: dict[Alias, str] = {}
        aliases: dict[Alias, str] = self.read(
            f"aliases of {model_type}", lambda: decisions.aliases(model_type) if decisions else none, none
        )
        lost: list[Alias] = [alias for alias, version in aliases.items() if not self._intact(model_type, version)]
        judged, weak = entries("current_evaluation")[-1:], entries("weaknesses")[-1:]
        return Pieces(
            model_type=model_type,
            reports=entries("eval_report"),
            registered=entries("registered_model"),
            judged_now=self._judged(judged, aliases.get("current", "")),
            aliases=aliases,
            decisions=[d for d in decided if d.model_type == model_type],
            lost=lost,
            weaknesses=self._weaknesses(weak),
            failures=failures,
        )

    def _intact(self, model_type: str, version: str) -> bool:
        """Whether all files are there. Whether they are unaltered is found where they are used: hashing takes long."""

        def look() -> bool:
            found = self._store.find("registered_model", model_type, version)
            return found is not None and not self._store.missing(found)

        return self.read(f"registered model {version} of {model_type}", look, False)

    def _judged(self, newest: Sequence[Entry], current: str) -> Mapping[str, float]:
        """Figures of the newest judgement, where it is of the model that is current."""
        if not newest or not newest[0].metrics:
            return {}
        entry = newest[0]
        what = f"{entry.asset} of {entry.model_type}"
        found = self.read(what, lambda: self._store.find(entry.asset, entry.model_type, entry.data_version), None)
        same = found is not None and found.manifest.notes.get("registered_model") == current
        return finite(entry.metrics) if same else {}

    def _weaknesses(self, newest: Sequence[Entry]) -> Weaknesses | None:
        if not newest:
            return None
        from srl_pipeline.weaknesses import read_weaknesses

        entry = newest[0]

        def look() -> Weaknesses:
            found = self._store.find(entry.asset, entry.model_type, entry.data_version)
            names = (entry.asset, entry.model_type, entry.data_version)
            return read_weaknesses(found.path if found else self._store.folder(*names))  # which says that it is gone

        return self.read(f"weaknesses of {entry.model_type}", look, None)


def _failure(line: str) -> Failure:
    found = _AlertLine.model_validate_json(line)
    told = found.message.strip().splitlines()
    return Failure(time=found.time, model_type=found.model_type, job=found.job, message=told[0] if told else "")
