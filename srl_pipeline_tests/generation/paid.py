"""Test-only: a small pack, a `teachers.yaml` with one paid teacher, and generations by it.

Run as a program it makes one generation in a process of its own, which may be killed:
``python -m srl_pipeline_tests.generation.paid HOME SCENARIOS``.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

from srl_pipeline.config import override
from srl_pipeline.contracts import Sources
from srl_pipeline.generation import build_trajectories
from srl_pipeline.lore import build_lore_index
from srl_pipeline.model_types import load_pack
from srl_pipeline.presets import preset
from srl_pipeline.registry import LEDGER, ArtifactStore, Built, Nanos, SqliteLedger, nanos
from srl_pipeline.teachers import build_teacher_pin
from srl_pipeline.verification import build_rule_set
from srl_pipeline_tests.vendors.log import LogEntry, read_log

PACK = "lanterns"
KEY_VARIABLE = "SRL_TEST_KEY"
INPUT_USD, OUTPUT_USD = 2.0, 8.0
"""A million tokens."""


@dataclass(frozen=True)
class Paid:
    """An installation below one folder."""

    home: Path

    @property
    def store(self) -> ArtifactStore:
        return ArtifactStore(self.home / "artifacts")

    def hire(self, kind: str, endpoint: str | None, **settings: object) -> None:
        """Write `teachers.yaml`: one teacher, responsible for all.

        A call that timed out may be on the bill twice, so only tests of slow answers are hasty.
        """
        limits = {"concurrency": 4, "timeout_seconds": 30.0, "attempts": 8} | dict(settings.pop("limits", {}))  # type: ignore[call-overload]
        entry = {
            "kind": kind,
            "model": "expert-1",
            "endpoint": endpoint,
            "api_key_env": KEY_VARIABLE,
            "price": {"input": INPUT_USD, "output": OUTPUT_USD, "as_of": "2026-11-01"},
            "terms": {"training_allowed": True, "source": "a test", "as_of": "2026-11-01"},
            "limits": limits,
            **settings,
        }
        file = {"version": 1, "teachers": {"expert": entry}, "responsibilities": {"default": "expert"}}
        (self.home / "teachers.yaml").write_text(yaml.safe_dump(file), encoding="utf-8")

    def pins(self) -> Sources:
        pack = load_pack(PACK)
        return Sources(
            lore_index=build_lore_index(self.store, pack, preset("smoke").lore).artifact.data_version,
            teacher_model=build_teacher_pin(self.store, PACK, "").artifact.data_version,
            rule_set=build_rule_set(self.store, pack).artifact.data_version,
        )

    def generate(self, scenarios: int, **settings: object) -> Built:
        """One generation; ``settings`` with ``__`` for the dot."""
        chosen = {"generation.scenarios": scenarios, "generation.candidates": 1, "budget.month_usd": 100.0}
        chosen |= {name.replace("__", "."): value for name, value in settings.items()}
        return build_trajectories(self.store, PACK, self.pins(), override(preset("smoke"), chosen), None)

    def committed(self, run: str) -> Nanos:
        """What the ledger says that a generation has cost."""
        ledger = SqliteLedger(self.home / LEDGER)
        try:
            balance = ledger.spent_by_run(run)
            assert balance.held == 0, "a finished generation holds nothing back"
            return balance.committed
        finally:
            ledger.close()


def bill(log: Path, factor: float = 1.0) -> Nanos:
    """What the vendor would bill, by its own log."""
    return sum(round(factor * price(entry)) for entry in billed(log))


def billed(log: Path) -> list[LogEntry]:
    """Requests that the vendor did work for."""
    return [entry for entry in read_log(log) if entry.billed]


def price(entry: LogEntry) -> Nanos:
    """Of one request."""
    return nanos((entry.input_tokens * INPUT_USD + entry.output_tokens * OUTPUT_USD) / 1_000_000)


if __name__ == "__main__":
    Paid(Path(sys.argv[1])).generate(int(sys.argv[2]))
