"""The tasks of a check: fresh scenarios of the model type with their lore, the same ones for every candidate."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from srl_pipeline.canonical import digest, seed_of
from srl_pipeline.config import PipelineConfig
from srl_pipeline.contracts import LoreBundle, Scenario
from srl_pipeline.generation.drawing import Drawing
from srl_pipeline.lore import LoreRetriever, build_lore_index, index_folder
from srl_pipeline.model_types import Pack
from srl_pipeline.registry import ArtifactStore
from srl_pipeline.verification import ScenarioSpace


@dataclass(frozen=True)
class Tasks:
    """What every candidate is asked.

    Attributes:
        retriever: Where the lore of a scenario comes from.
        version: Hash of all that decides a candidate's answers beside the candidate itself.
        rule_set: Version of the rules that judge.
        lore_index: Data version of the index that the lore comes from.
    """

    scenarios: list[Scenario]
    retriever: LoreRetriever
    version: str
    rule_set: str
    lore_index: str

    @cached_property
    def items(self) -> list[tuple[Scenario, LoreBundle]]:
        """Each scenario with its lore; found when the first candidate is asked, for often nobody is."""
        return list(zip(self.scenarios, self.retriever.bundles(self.scenarios), strict=True))


def draw_tasks(store: ArtifactStore, pack: Pack, config: PipelineConfig, seed: str) -> Tasks:
    """``config.selection.tasks`` scenarios drawn by ``seed``; never one of the evaluation set.

    Raises PackError when the pack has no so many scenarios, LoreError when its lore cannot be indexed.
    """
    wanted = config.selection.tasks
    drawing = Drawing(ScenarioSpace(pack), seed_of("selection", pack.name, seed), wanted, config.generation)
    scenarios = [drawn.scenario for drawn in islice(drawing, wanted)]
    index = build_lore_index(store, pack, config.lore).artifact
    retriever = LoreRetriever(index_folder(index), config.lore)
    rules = pack.definition.version
    asked = {
        "scenarios": [s.id for s in scenarios],
        "rule_set": rules,
        "lore_index": index.data_version,
        "lore": config.lore.model_dump(mode="json"),
        "max_revisions": config.generation.max_revisions,
        "reasoning_words": config.generation.reasoning_words,
    }
    return Tasks(scenarios, retriever, digest(asked), rules, index.data_version)
