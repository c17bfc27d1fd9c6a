"""Test-only: a store with verified trajectories of the small pack, without an index: nothing here reads one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from srl_pipeline.canonical import digest, dumps
from srl_pipeline.config import PipelineConfig, override
from srl_pipeline.contracts import Manifest, Scenario, Sources, Trajectory
from srl_pipeline.generation import build_verified_rewards
from srl_pipeline.generation.dialogue import solve
from srl_pipeline.generation.drawing import evaluation_ids
from srl_pipeline.generation.tables import trajectory_writer
from srl_pipeline.lore.build import DOCUMENTS
from srl_pipeline.model_types import Pack
from srl_pipeline.presets import preset
from srl_pipeline.registry import ArtifactStore, Built, StoredArtifact
from srl_pipeline.teachers import SearchTeacher, build_teacher_pin
from srl_pipeline.tuning.dataset import build_tuning_dataset
from srl_pipeline.verification import ScenarioSpace, Verifier, build_rule_set
from srl_pipeline_tests.teachers.prompted.asking import bundle_of

CONFIG = override(preset("smoke"), {"generation.validation_share": 0.4, "generation.min_acceptance": 0.0})
SECRET = "sk-" + "0a1b2c3d" * 4
"""In the form of a key, and no key."""


def scenarios(pack: Pack, count: int, *, held_out: bool = False) -> list[Scenario]:
    """The first possible scenarios, in the order of the axes, that are of the evaluation set or are not."""
    space = ScenarioSpace(pack)
    frozen, found, index = evaluation_ids(space), list[Scenario](), 0
    while len(found) < count:
        if space.impossible(axes := space.at(index)) is None:
            scenario = space.scenario(axes, where="test")
            found += [scenario] if (scenario.id in frozen) == held_out else []
        index += 1
    return found


def solved(pack: Pack, scenario: Scenario, variant: int = 0) -> Trajectory:
    """The expert's solution."""
    verifier = Verifier(pack)
    found = solve(
        SearchTeacher(verifier),
        verifier,
        scenario,
        bundle_of(pack, scenario),
        variant=variant,
        max_revisions=0,
        reasoning_words=24,
        generation=1,
        novelty=1.0,
    )
    assert isinstance(found, Trajectory)
    return found


def with_reasoning(trajectory: Trajectory, reasoning: str, step: int = 0) -> Trajectory:
    """The same with another reasoning in one step."""
    steps = list(trajectory.steps)
    steps[step] = steps[step].model_copy(update={"reasoning": reasoning})
    return trajectory.model_copy(update={"steps": steps})


class World:
    """Commits what a data set is made of."""

    def __init__(self, root: Path, pack: Pack) -> None:
        self.store, self.pack = ArtifactStore(root), pack
        self.sources = Sources(
            lore_index=self._lore().data_version,
            teacher_model=build_teacher_pin(self.store, pack.name, "search").artifact.data_version,
            rule_set=build_rule_set(self.store, pack).artifact.data_version,
        )

    def build(self, trajectories: Sequence[Trajectory], config: PipelineConfig = CONFIG) -> Built:
        """The data set of these trajectories."""
        return build_tuning_dataset(self.store, self.pack.name, self.inputs(trajectories), config)

    def inputs(self, trajectories: Sequence[Trajectory]) -> dict[str, str]:
        """Trajectories and Model C's verdicts on them, committed."""
        version = digest([t.model_dump(mode="json") for t in trajectories])

        def write(work: Path) -> None:
            with trajectory_writer(work) as rows:
                for trajectory in trajectories:
                    rows.add(trajectory)

        self._commit("trajectories", version, write)
        rewards = build_verified_rewards(self.store, self.pack.name, version, self.sources, CONFIG)
        made = {"trajectories": version, "verified_rewards": rewards.artifact.data_version}
        return made | self.sources.model_dump()

    def _lore(self) -> StoredArtifact:
        documents = [d.model_dump(mode="json") for _, d in sorted(self.pack.documents.items())]

        def write(work: Path) -> None:
            (work / DOCUMENTS).write_text(dumps(documents), encoding="utf-8")

        return self._commit("lore_index", digest(documents), write)

    def _commit(self, asset: str, version: str, write: Callable[[Path], None]) -> StoredArtifact:
        work = self.store.work_folder(asset, self.pack.name, version)
        write(work)
        manifest = Manifest(
            asset=asset,
            model_type=self.pack.name,
            data_version=version,
            inputs={},
            config={},
            seeds={},
            code_version="",
            created_at="2026-11-01T00:00:00+00:00",
            seconds=0.0,
            gates=[],
            metrics={},
            cost_usd=0.0,
            digests={},
        )
        return self.store.commit(work, manifest)
