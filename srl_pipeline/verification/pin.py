"""The `rule_set` asset: a pack's definition, proven by its examples and pinned as JSON.

Everything downstream reads the pin, never the live folder, so a run in flight does not see an edit.
"""

from __future__ import annotations

from pathlib import Path

from srl_pipeline.canonical import pretty
from srl_pipeline.contracts import Gate
from srl_pipeline.model_types import LoreDocument, Pack, PackDefinition
from srl_pipeline.registry import ArtifactStore, Built, Outcome, StoredArtifact, build_or_reuse, code_version
from srl_pipeline.registry.artifacts import write_durably
from srl_pipeline.verification.examples import check_examples
from srl_pipeline.verification.scenarios import ScenarioSpace
from srl_pipeline.verification.verifier import Verifier

FILE = "pack.json"


def build_rule_set(store: ArtifactStore, pack: Pack) -> Built:
    """Pin the rule set; raises PackError when gold, counter-examples, coverage or held-out scenarios fail.

    The proof is made each time, also of a pin that exists: its version does not depend on the lore, the proof does.
    """
    verifier = Verifier(pack)
    check_examples(verifier)
    _check_evaluation(ScenarioSpace(pack))

    def make(work: Path) -> Outcome:
        write_durably(work / FILE, pretty(pack.definition.model_dump(mode="json", by_alias=True)))
        rules, examples = verifier.rules.rules, pack.definition.examples
        return Outcome(
            metrics={
                "rules": float(len(rules)),
                "hard_rules": float(sum(r.hard for r in rules)),
                "gold": float(len(examples.gold)),
                "counter_examples": float(len(examples.counter)),
                "evaluation_scenarios": float(len(pack.definition.evaluation.scenarios)),
            },
            gates=[
                Gate(name="rules_parse", passed=True, value=float(len(rules))),
                Gate(name="gold_accepted", passed=True, value=float(len(examples.gold))),
                Gate(name="counter_examples_rejected", passed=True, value=float(len(examples.counter))),
                Gate(name="every_rule_exercised", passed=True, value=float(len(rules))),
            ],
        )

    return build_or_reuse(
        store,
        "rule_set",
        pack.name,
        inputs={},
        config={},
        code=code_version("verification"),
        make=make,
        data_version=pack.definition.version,
    )


def _check_evaluation(space: ScenarioSpace) -> None:
    """Refuse a held-out scenario that cannot be: found here, and not after training."""
    for index, axes in enumerate(space.pack.definition.evaluation.scenarios):
        space.scenario(axes, where=space.pack.place("evaluation", str(index)))


def pin_pack(store: ArtifactStore, pack: Pack) -> Pack:
    """The pack as a generation reads it once it is pinned: whoever asks teachers beside one must ask in the same words.

    A pin has the fields of a step in another order than the live files, and so have prompts.
    """
    return pinned_pack(build_rule_set(store, pack).artifact, pack.documents)


def pinned_pack(rule_set: StoredArtifact, documents: dict[str, LoreDocument]) -> Pack:
    """The pack as it was pinned: definition from the rule set, documents from the lore index."""
    return Pack(PackDefinition.model_validate_json((rule_set.path / FILE).read_bytes()), documents)
