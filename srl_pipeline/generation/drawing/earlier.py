"""Which artifacts of earlier generations the next one may learn from. Reads manifests only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from srl_pipeline.registry import ArtifactStore, StoredArtifact


@dataclass(frozen=True)
class EarlierGeneration:
    """One `trajectories` artifact, and the newest artifact of each kind that was made from it."""

    number: int
    trajectories: StoredArtifact
    rewards: StoredArtifact | None = None
    srl: StoredArtifact | None = None
    rlvr: StoredArtifact | None = None
    report: StoredArtifact | None = None
    weaknesses: StoredArtifact | None = None


@dataclass(frozen=True)
class Earlier:
    """All earlier generations of a model type, oldest first."""

    generations: list[EarlierGeneration]


def find_earlier(store: ArtifactStore, model_type: str, generation: int) -> Earlier:
    """The generations with a lower number than ``generation``: what failed a gate was used by nobody."""

    def usable(asset: str) -> list[StoredArtifact]:
        return [a for a in store.versions(asset, model_type) if not a.manifest.failed_gates]

    numbered = [(_number(artifact), artifact) for artifact in usable("trajectories")]
    before = [(number, artifact) for number, artifact in numbered if number is not None and number < generation]
    before.sort(key=lambda item: (item[0], item[1].manifest.created_at, item[1].data_version))
    if not before:
        return Earlier([])
    made = ("verified_rewards", "srl_checkpoint", "rlvr_checkpoint", "eval_report", "weaknesses")
    kinds = {asset: usable(asset) for asset in made}

    def newest(asset: str, made_from: str, version: str) -> StoredArtifact | None:
        return next((a for a in reversed(kinds[asset]) if a.manifest.inputs.get(made_from) == version), None)

    return Earlier([_generation(number, artifact, newest) for number, artifact in before])


def _generation(
    number: int, trajectories: StoredArtifact, newest: Callable[[str, str, str], StoredArtifact | None]
) -> EarlierGeneration:
    version = trajectories.data_version
    rlvr = newest("rlvr_checkpoint", "trajectories", version)
    report = newest("eval_report", "rlvr_checkpoint", rlvr.data_version) if rlvr else None
    return EarlierGeneration(
        number=number,
        trajectories=trajectories,
        rewards=newest("verified_rewards", "trajectories", version),
        srl=newest("srl_checkpoint", "trajectories", version),
        rlvr=rlvr,
        report=report,
        weaknesses=newest("weaknesses", "eval_report", report.data_version) if report else None,
    )


def _number(artifact: StoredArtifact) -> int | None:
    settings = artifact.manifest.config.get("generation")
    number = settings.get("generation") if isinstance(settings, dict) else None
    return number if isinstance(number, int) else None


def newest_measured(earlier: Earlier) -> EarlierGeneration | None:
    """The last generation whose student was trained to the end: the current student's."""
    return next((g for g in reversed(earlier.generations) if g.rlvr), None)


def gains(earlier: Earlier) -> Iterator[float | None]:
    """By generation: how much the final pass rate rose against the number before; None where one is missing."""
    rates: dict[int, float] = {}
    for generation in earlier.generations:
        rate = generation.report.manifest.metrics.get("pass_rate") if generation.report else None
        before = rates.get(generation.number - 1)
        yield rate - before if rate is not None and before is not None else None
        if rate is not None:
            rates[generation.number] = rate
