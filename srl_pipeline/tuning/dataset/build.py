"""The `tuning_dataset` asset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from srl_pipeline.config import PipelineConfig
from srl_pipeline.contracts import Gate, Sources, Trajectory
from srl_pipeline.errors import ArtifactError
from srl_pipeline.generation.drawing import evaluation_ids
from srl_pipeline.generation.sources import load_sources
from srl_pipeline.generation.tables import read_rewards, read_trajectories
from srl_pipeline.model_types import Pack
from srl_pipeline.registry import ArtifactStore, Built, Outcome, StoredArtifact, build_or_reuse, code_version
from srl_pipeline.teachers.catalog import current_catalog
from srl_pipeline.teachers.prompted.secrets import SecretFilter
from srl_pipeline.tuning.dataset.cleaning import clean
from srl_pipeline.tuning.dataset.examples import examples_of
from srl_pipeline.tuning.dataset.files import example_line, write_dataset
from srl_pipeline.tuning.dataset.records import DatasetCard
from srl_pipeline.tuning.dataset.tally import Tally
from srl_pipeline.verification import ScenarioSpace, Verifier

ASSET = "tuning_dataset"
_ROOMS = (
    "tuning/dataset",
    "tuning/records.py",
    *(f"teachers/prompted/{name}.py" for name in ("injection", "prompt", "secrets", "step_text", "strict_json")),
    "teachers/search/step_search.py",
    "generation/tables.py",
    "generation/drawing/held_out.py",
    "verification",
    "model_types/spec.py",
)


def build_tuning_dataset(
    store: ArtifactStore, model_type: str, inputs: Mapping[str, str], config: PipelineConfig
) -> Built:
    """Make the data set of a tuning, or find it.

    Args:
        inputs: Asset -> data version of trajectories, verified_rewards, lore_index, teacher_model and rule_set.

    Raises ArtifactError and GateError for an input that is missing, altered or failed its gates, and ArtifactError
    for rewards of other trajectories.
    """
    loaded = load_sources(store, model_type, Sources(**{pin: inputs[pin] for pin in Sources.model_fields}))
    trajectories = store.require("trajectories", model_type, inputs["trajectories"])
    rewards = store.require("verified_rewards", model_type, inputs["verified_rewards"])
    if rewards.manifest.inputs.get("trajectories") != trajectories.data_version:
        raise ArtifactError(
            f"These rewards are of other trajectories than {trajectories.data_version}.",
            where=str(rewards.path),
            mend=f"Materialize verified_rewards for {model_type}.",
        )
    share = config.tuning.validation_share
    # Keys as they are now: what is configured is looked for, besides what has the form of a key.
    secrets = SecretFilter(current_catalog().key_variables)

    def make(work: Path) -> Outcome:
        tally = Tally(loaded.pack.spec)
        lines = list(_lines(loaded.pack, _accepted(trajectories, rewards), share, secrets, tally))
        card = tally.card(model_type)
        write_dataset(work, lines, card)
        return Outcome(metrics=_metrics(card), gates=_gates(card, tally))

    return build_or_reuse(
        store,
        ASSET,
        model_type,
        inputs={"trajectories": trajectories, "verified_rewards": rewards, **loaded.artifacts},
        config={"validation_share": share},
        code=code_version(*_ROOMS),
        make=make,
    )


def _accepted(trajectories: StoredArtifact, rewards: StoredArtifact) -> Iterator[Trajectory]:
    """The best solutions that Model C accepted; near-best ones would teach the worse of two answers."""
    accepted = {reward.trajectory_id for reward in read_rewards(rewards.path) if reward.accepted}
    for trajectory in read_trajectories(trajectories.path):
        if trajectory.id in accepted and trajectory.variant == "best":
            yield trajectory


def _lines(
    pack: Pack, trajectories: Iterator[Trajectory], share: float, secrets: SecretFilter, tally: Tally
) -> Iterator[str]:
    """The examples as they are written; ``tally`` learns what becomes of each."""
    verifier, held_out = Verifier(pack), evaluation_ids(ScenarioSpace(pack))
    known: set[str] = set()
    for trajectory in trajectories:
        if trajectory.scenario.id in held_out:
            tally.held_out += 1
            continue
        used = False
        for made in examples_of(verifier, trajectory, share):
            cleaned = clean(made.example, secrets)
            tally.findings += cleaned.findings
            if (example := cleaned.example) is None:
                continue
            if example.id in known:
                tally.duplicates += 1
                continue
            if secrets.found(line := example_line(example)):  # as it will lie on disk, escapes and all
                tally.unhandled += 1
                continue
            known.add(example.id)
            tally.add(example, made.origin)
            used = True
            yield line
        if used:
            tally.use(trajectory)


def _gates(card: DatasetCard, tally: Tally) -> list[Gate]:
    least = min(card.examples.values())
    return [
        Gate(
            name="both_splits",
            passed=least >= 1,
            value=float(least),
            threshold=1.0,
            message=f"{card.examples['train']} examples to train on, {card.examples['validation']} to validate on",
        ),
        Gate(
            name="no_held_out",
            passed=card.held_out == 0,
            value=float(card.held_out),
            threshold=0.0,
            message=f"{card.held_out} trajectories are of the evaluation set, which measures what was not trained",
        ),
        Gate(
            name="no_secret",
            passed=tally.unhandled == 0,
            value=float(tally.unhandled),
            threshold=0.0,
            message=f"{tally.unhandled} examples held a secret that was not seen before they were to be written",
        ),
    ]


def _metrics(card: DatasetCard) -> dict[str, float]:
    longest = card.longest
    return {
        "examples": float(card.total),
        "train_examples": float(card.examples["train"]),
        "validation_examples": float(card.examples["validation"]),
        "trajectories": float(card.trajectories),
        "scenarios": float(card.scenarios),
        "prompt_characters": float(card.prompts.characters),
        "prompt_tokens_likely": float(card.prompts.likely_tokens),
        "prompt_tokens_most": float(card.prompts.most_tokens),
        "answer_characters": float(card.answers.characters),
        "answer_tokens_likely": float(card.answers.likely_tokens),
        "answer_tokens_most": float(card.answers.most_tokens),
        "longest_tokens_likely": float(longest.likely_tokens if longest else 0),
        "longest_tokens_most": float(longest.most_tokens if longest else 0),
        "rejected_share": card.rejected_share,
        "rejected_revisions": float(card.rejected["revision"]),
        "rejected_changed_fields": float(card.rejected["changed_field"]),
        "duplicates": float(card.duplicates),
        "held_out": float(card.held_out),
        "scrubbed": float(card.count("scrubbed")),
        "refused": float(card.count("refused")),
    }
