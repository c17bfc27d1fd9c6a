"""Test-only: an installation whose artifacts are small and old, made through the store as builders make them."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from srl_pipeline.canonical import digest
from srl_pipeline.config import RetentionConfig
from srl_pipeline.contracts import Gate, Manifest
from srl_pipeline.registry import Alias, ArtifactStore, Decision, entry_of
from srl_pipeline.registry.places import open_decisions, open_history
from srl_pipeline.retention import Cleaning, clean

TYPE = "lanterns"
START = datetime(2026, 1, 1, tzinfo=UTC)
STRICT = RetentionConfig(keep=1, keep_days=0)
EDGES: dict[str, tuple[str, ...]] = {
    "lore_index": (),
    "rule_set": (),
    "trajectories": ("lore_index", "rule_set"),
    "verified_rewards": ("trajectories", "rule_set"),
    "srl_checkpoint": ("verified_rewards", "trajectories"),
    "rlvr_checkpoint": ("srl_checkpoint", "verified_rewards", "trajectories"),
    "eval_report": ("srl_checkpoint", "rlvr_checkpoint", "lore_index", "rule_set"),
    "weaknesses": ("eval_report",),
    "registered_model": ("eval_report", "rlvr_checkpoint", "srl_checkpoint", "trajectories"),
}
"""A chain as it is, but for some edges. Each generation has lore of its own."""


@dataclass
class Garden:
    """A store that artifacts are planted in, one day after the other."""

    store: ArtifactStore
    days: int = 0

    def plant(
        self,
        asset: str,
        version: str,
        inputs: dict[str, str] | None = None,
        *,
        generation: int | None = None,
        passed: bool = True,
        cost: float = 0.0,
        created: datetime | None = None,
        rate: float = 0.5,
    ) -> Manifest:
        """One artifact of a file of 1,000 bytes, entered into the history."""
        self.days += 1
        work = self.store.work_folder(asset, TYPE, version)
        (work / "data.txt").write_text(digest(version)[0] * 1000)
        config = {} if generation is None else {"generation": {"generation": generation}}
        manifest = Manifest(
            asset=asset,
            model_type=TYPE,
            data_version=version,
            inputs=inputs or {},
            config=config,
            seeds={},
            code_version="c",
            created_at=(created or START + timedelta(minutes=self.days)).isoformat(timespec="seconds"),
            seconds=1.0,
            gates=[Gate(name="good", passed=passed)],
            metrics={"pass_rate": rate},
            cost_usd=cost,
            digests={},
        )
        made = self.store.commit(work, manifest).manifest
        with closing(open_history(self.store.home)) as history:
            history.append(entry_of(made))
        return made

    def generation(self, number: int) -> dict[str, str]:
        """A whole chain; asset -> version."""
        made: dict[str, str] = {}
        for asset, below in EDGES.items():
            made[asset] = f"{asset[:4]}{number}"
            of = number if asset == "trajectories" else None
            inputs = {name: made[name] for name in below}
            self.plant(asset, made[asset], inputs, generation=of, rate=number / 100)
        return made

    def name(self, **aliases: str | None) -> None:
        """Move aliases, with a decision as promotions record one."""
        moved: dict[Alias, str | None] = {alias: aliases[alias] for alias in _ALIASES if alias in aliases}
        told = Decision(
            at="2026-06-01T00:00:00+00:00",
            model_type=TYPE,
            kind="promotion",
            verdict="change",
            subject="a model",
            before="",
            after=aliases.get("current") or "",
            reasons=["It is better."],
        )
        with closing(open_decisions(self.store.home)) as decisions:
            decisions.record(told, aliases=moved)

    def there(self) -> set[tuple[str, str]]:
        """Asset and version of all that the store has; everything is read, so nothing of it is half."""
        found = [a for asset, of in self.store.shelves() if of == TYPE for a in self.store.versions(asset, TYPE)]
        for artifact in found:
            assert not self.store.missing(artifact)
            for asset, version in artifact.manifest.inputs.items():
                assert self.store.find(asset, TYPE, version), f"{artifact.data_version} rests on nothing"
        return {(a.manifest.asset, a.data_version) for a in found}

    def clean(self, policy: RetentionConfig = STRICT) -> Cleaning:
        return clean(self.store, TYPE, policy)


_ALIASES: tuple[Alias, ...] = ("candidate", "current", "previous")
