"""The `registered_model` asset: the trained weights in the Hugging Face layout, with card and lineage.

Files are copied, never linked, and stay as the stage left them, byte for byte; only the card that `peft` writes gives
way to ours.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Mapping
from pathlib import Path

from srl_pipeline.canonical import digest_file, pretty
from srl_pipeline.config import PipelineConfig
from srl_pipeline.contracts import Gate, Manifest
from srl_pipeline.errors import ArtifactError
from srl_pipeline.evaluation import read_summary
from srl_pipeline.promotion.card import CARD, card_problem, model_card
from srl_pipeline.promotion.lineage import FILE, Base, Lineage, made_of, teacher_origin, trace
from srl_pipeline.promotion.loading import WEIGHTS
from srl_pipeline.registry import ArtifactStore, Built, Outcome, StoredArtifact, build_or_reuse, code_version
from srl_pipeline.registry.artifacts import write_durably
from srl_pipeline.tracking import METRICS
from srl_pipeline.weaknesses import read_weaknesses

ASSET = "registered_model"
_ROOMS = tuple(f"promotion/{name}.py" for name in ("registered", "card", "loading", "lineage"))
_TRAINED = "adapter/"
"""Where a checkpoint keeps its weights, whatever was tuned."""
_STUDENT = "student.json"


def build_registered_model(
    store: ArtifactStore, model_type: str, inputs: Mapping[str, str], config: PipelineConfig
) -> Built:
    """Register the model that a chain ends with, or find it.

    Args:
        inputs: Asset -> data version of eval_report, weaknesses, srl_checkpoint, rlvr_checkpoint, trajectories,
            verified_rewards, lore_index, teacher_model and rule_set. The weaknesses that were known when the model was
            registered stand in its card; they are no part of its version.

    Raises ArtifactError and GateError for an input that is missing, altered or failed its gates.
    """
    given = {asset: store.require(asset, model_type, version) for asset, version in inputs.items()}
    # They rest on which model is current: as an input they would make another model of the same weights each time.
    weaknesses = given.pop("weaknesses")

    def make(work: Path) -> Outcome:
        trained, report = given["rlvr_checkpoint"], given["eval_report"]
        intact = _copy(trained, work)
        lineage = _lineage(store, model_type, given)
        summary = read_summary(report.path)
        form = WEIGHTS[next(iter(lineage.weights))]
        card = model_card(lineage, summary, weakness_sentences(weaknesses), form)
        write_durably(work / CARD, card)
        write_durably(work / FILE, pretty(lineage.model_dump(mode="json")))
        problem = card_problem(card, lineage, summary)
        return Outcome(
            metrics=_metrics(report.manifest, lineage, _megabytes(work)),
            gates=[intact, Gate(name="card_valid", passed=not problem, message=problem)],
            notes={
                "preset": config.preset,
                "base": lineage.base.name,
                "weights": lineage.weights,
                "weaknesses": weaknesses.data_version,
            },
        )

    return build_or_reuse(
        store,
        ASSET,
        model_type,
        inputs=given,
        config={},
        code=code_version(*_ROOMS),
        seeds=given["rlvr_checkpoint"].manifest.seeds,
        make=make,
    )


def weakness_sentences(artifact: StoredArtifact) -> list[str]:
    """What a `weaknesses` artifact found, the worst first."""
    return [weakness.sentence for weakness in read_weaknesses(artifact.path).found]


def _copy(trained: StoredArtifact, work: Path) -> Gate:
    expected = {
        name.removeprefix(_TRAINED): content
        for name, content in trained.manifest.digests.items()
        if name.startswith(_TRAINED) and name != _TRAINED + CARD
    }
    if not WEIGHTS.keys() & expected.keys():
        raise ArtifactError(
            "The checkpoint has no trained weights.",
            where=str(trained.path / _TRAINED),
            mend="Materialize rlvr_checkpoint again.",
        )
    for name in expected:
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(trained.path / _TRAINED / name, work / name)
    other = [name for name, content in expected.items() if digest_file(work / name) != content]
    return Gate(
        name="weights_intact",
        passed=not other,
        value=float(len(expected) - len(other)),
        threshold=float(len(expected)),
        message=f"Not as the checkpoint has it: {', '.join(other)}." if other else "",
    )


def _lineage(store: ArtifactStore, model_type: str, given: Mapping[str, StoredArtifact]) -> Lineage:
    trained, report = given["rlvr_checkpoint"].manifest, given["eval_report"].manifest
    manifests = trace(store, model_type, {asset: artifact.data_version for asset, artifact in given.items()})
    return Lineage(
        model_type=model_type,
        weights={name: trained.digests[_TRAINED + name] for name in WEIGHTS if _TRAINED + name in trained.digests},
        base=_base(given["rlvr_checkpoint"]),
        teacher=teacher_origin(given["teacher_model"], given["trajectories"]),
        rule_set=given["rule_set"].data_version,
        lore_index=given["lore_index"].data_version,
        evaluation_version=int(report.notes.get("evaluation_version", 0)),
        kl=trained.metrics.get("kl"),
        artifacts=made_of(manifests),
        cost_usd=math.fsum(m.cost_usd for m in manifests),
        seconds=math.fsum(m.seconds for m in manifests),
    )


def _base(trained: StoredArtifact) -> Base:
    record = json.loads((trained.path / _TRAINED / _STUDENT).read_bytes())
    return Base(name=record["name"], identity=record["identity"])


def _metrics(report: Manifest, lineage: Lineage, megabytes: float) -> dict[str, float]:
    """The figures of the evaluation, with the interval of the last stage, and what making it cost."""
    last = next(reversed(report.notes.get("stages", [])), "")
    bounds = {f"pass_rate_{end}": report.metrics.get(f"pass_rate_{last}_{end}") for end in ("low", "high")}
    found = {name: report.metrics.get(name) for name in ("n", *METRICS)} | bounds
    found |= {"kl": lineage.kl, "chain_cost_usd": lineage.cost_usd, "size_mb": megabytes}
    return {name: value for name, value in found.items() if value is not None}


def _megabytes(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6
