"""Chains of small real artifacts in a real store: what a training leaves, without the training."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from srl_pipeline.canonical import digest, pretty
from srl_pipeline.config import PipelineConfig, PromotionConfig
from srl_pipeline.contracts import Gate, TeacherRef
from srl_pipeline.evaluation import EvaluationResults, StageResult, Summary, read_results, summarise
from srl_pipeline.evaluation.current import RESULT
from srl_pipeline.evaluation.report import RESULTS, SUMMARY, metrics
from srl_pipeline.generation.data_card import Cost, data_card, write_card
from srl_pipeline.generation.tally import Tally
from srl_pipeline.promotion import build_registered_model, promote
from srl_pipeline.registry import (
    ArtifactStore,
    Built,
    Decision,
    Outcome,
    SqliteDecisions,
    StoredArtifact,
    build_or_reuse,
)
from srl_pipeline.stages.requests import stage_config
from srl_pipeline.training.environment.transcript import GRAMMAR_VERSION
from srl_pipeline.weaknesses import build_weaknesses
from srl_pipeline_tests.evaluation.builders import results, stage

TYPE = "buildings"
SCENARIOS = 40
BASE_NAME = "small-64"
PROBES = (Gate(name="hacks_unpaid", passed=True), Gate(name="likeness_with_correctness", passed=True))
TIMED: dict[str, Any] = {
    "latencies": [1.0, 1.1, 1.2, 1.0, 1.1, 1.2, 1.0, 1.1],
    "latency_tokens": 800,
    "measured_at": "2026-11-01T12:00:00+00:00",
    "machine": "a processor, 2 cores",
}
"""Eight requests on one machine."""
TERMS = {"training_allowed": True, "source": "contract 7", "as_of": "2026-11-01"}


def solving(count: int, n: int = SCENARIOS) -> list[bool]:
    """Outcomes: the first ``count`` of ``n`` are solved."""
    return [i < count for i in range(n)]


def answers(name: str, outcomes: Sequence[bool], **changes: Any) -> StageResult:
    """A stage that was timed."""
    return stage(name, outcomes, **(TIMED | changes))


@dataclass(frozen=True)
class Chain:
    """A chain that ended: versions of what it made."""

    registered: str
    report: str
    rlvr: str
    result: StageResult


@dataclass
class Installation:
    """A store and the decisions of one installation."""

    home: Path
    config: PipelineConfig = field(default_factory=lambda: PipelineConfig(preset="smoke"))
    program: str = "c"
    """Code version of evaluations."""

    def __post_init__(self) -> None:
        self.store = ArtifactStore(self.home / "artifacts")
        self.decisions = SqliteDecisions(self.home / "decisions.sqlite")

    def settings(self, **changes: Any) -> None:
        """Other settings of promotion from now on."""
        changed = PromotionConfig.model_validate(self.config.promotion.model_dump() | changes)
        self.config = self.config.model_copy(update={"promotion": changed})

    def put(
        self,
        asset: str,
        inputs: dict[str, str],
        files: dict[str, str],
        *,
        gates: Sequence[Gate] = (),
        figures: dict[str, float] | None = None,
        notes: dict[str, Any] | None = None,
        usd: float = 0.0,
        card: bool = False,
    ) -> StoredArtifact:
        """An artifact with these files; its version follows from all that is given."""

        def make(work: Path) -> Outcome:
            for name, text in files.items():
                (work / name).parent.mkdir(parents=True, exist_ok=True)
                (work / name).write_text(text, encoding="utf-8")
            if card:
                write_card(work, _data_card(usd))
            return Outcome(metrics=figures or {}, gates=list(gates), cost_usd=usd, notes=notes or {})

        given = {name: self.store.require(name, TYPE, version) for name, version in inputs.items()}
        evaluates = asset in ("eval_report", "current_evaluation")
        config = stage_config(asset, self.config) if evaluates else {}  # type: ignore[arg-type]
        code = self.program if evaluates else "c"
        built = build_or_reuse(
            self.store,
            asset,
            TYPE,
            inputs=given,
            config=config,
            code=code,
            seeds={"training": 7} if asset.endswith("checkpoint") else {},
            data_version=digest([asset, inputs, files, [g.model_dump() for g in gates], figures, notes, config, code]),
            make=make,
        )
        return built.artifact

    def chain(
        self,
        outcomes: Sequence[bool],
        *,
        weights: str = "w1",
        base: Sequence[bool] | None = None,
        rules: str = "r1",
        kl: float = 0.01,
        probes: Sequence[Gate] = PROBES,
        result: dict[str, Any] | None = None,
        files: dict[str, str] | None = None,
        weaknesses_of: str | None = None,
    ) -> Chain:
        """A whole chain whose last stage has these ``outcomes``; ``files`` take the place of the adapter's."""
        pins = {
            "lore_index": self.put("lore_index", {}, {"lore.txt": "lore"}),
            "teacher_model": self.put("teacher_model", {}, {"teacher.json": json.dumps(_pin())}),
            "rule_set": self.put("rule_set", {}, {"pack.json": rules}),
        }
        versions = {name: artifact.data_version for name, artifact in pins.items()}
        made = self.put("trajectories", versions, {"data.txt": weights}, usd=2.5, card=True)
        versions["trajectories"] = made.data_version
        versions["verified_rewards"] = self.put("verified_rewards", versions, {"data.txt": "x"}).data_version
        adapter = files or {
            "adapter_model.safetensors": weights,
            "adapter_config.json": json.dumps({"base_model_name_or_path": f"/elsewhere/{BASE_NAME}"}),
            "README.md": "the card that peft writes",
            "student.json": json.dumps({"name": BASE_NAME, "identity": "0123", "grammar": GRAMMAR_VERSION}),
        }
        trained = {f"adapter/{name}": text for name, text in adapter.items()}
        srl = self.put("srl_checkpoint", versions, trained, gates=probes, usd=0.5)
        versions["srl_checkpoint"] = srl.data_version
        rlvr = self.put("rlvr_checkpoint", versions, trained, gates=probes, figures={"kl": kl}, usd=0.25)
        versions["rlvr_checkpoint"] = rlvr.data_version
        last = answers("rlvr", outcomes, **({"data_version": rlvr.data_version} | (result or {})))
        start = stage("base", base if base is not None else solving(0, len(outcomes)))
        report = self._report(versions, [start, last])
        versions["eval_report"] = report.data_version
        judged = self.store.require("current_evaluation", TYPE, weaknesses_of) if weaknesses_of else None
        weak = build_weaknesses(self.store, TYPE, report, judged, [], self.config)
        versions["weaknesses"] = weak.artifact.data_version
        built: Built = build_registered_model(self.store, TYPE, versions, self.config)
        return Chain(built.artifact.data_version, report.data_version, rlvr.data_version, last)

    def _report(self, versions: dict[str, str], stages: list[StageResult]) -> StoredArtifact:
        """As `write_report` writes it, without plots."""
        found = results(*stages)
        summary = _summary(found.model_dump_json())
        rests_on = ("srl_checkpoint", "rlvr_checkpoint", "lore_index", "rule_set")
        return self.put(
            "eval_report",
            {name: versions[name] for name in rests_on},
            {
                RESULTS: json.dumps(found.model_dump(mode="json")),
                SUMMARY: pretty(summary.model_dump(mode="json")),
            },
            figures=metrics(summary),
            notes={"stages": [s.stage for s in stages], "evaluation_version": 1, "preset": "smoke"},
        )

    def judged(self, like: Chain, result: StageResult | None = None, *, problem: str = "") -> str:
        """The current_evaluation of what is current, on the rules and lore of ``like``; its version."""
        holds = self.decisions.aliases(TYPE).get("current", "")
        report = self.store.require("eval_report", TYPE, like.report)
        pins = {name: report.manifest.inputs[name] for name in ("lore_index", "rule_set")}
        if result is None and holds and not problem:
            current = self.store.require("registered_model", TYPE, holds)
            own = self.store.require("eval_report", TYPE, current.manifest.inputs["eval_report"])
            result = read_results(own.path).stages[-1]
        files = {RESULT: json.dumps(result.model_dump(mode="json"))} if result else {}
        notes = {"registered_model": holds, "problem": problem}
        n, right = (len(result.episodes), sum(e.correct for e in result.episodes)) if result else (0, 0)
        measured = {"n": float(n), "pass_rate": right / n} if n else {}
        return self.put("current_evaluation", pins, files, figures=measured, notes=notes).data_version

    def decide(self, chain: Chain, current: str | None = None) -> Decision:
        """What is decided of the end of a chain."""
        return promote(
            self.store,
            self.decisions,
            TYPE,
            registered=chain.registered,
            report=chain.report,
            current=current if current is not None else self.judged(chain),
            config=self.config,
        )

    def alter(self, asset: str, version: str, file: str) -> None:
        """Change a file behind the store's back."""
        (self.store.folder(asset, TYPE, version) / file).write_text("altered", encoding="utf-8")


@lru_cache(maxsize=256)
def _summary(found: str) -> Summary:
    """Many tests begin with the same chain, and each mean in a summary is bootstrapped ten thousand times."""
    return summarise(EvaluationResults.model_validate_json(found))


def _pin() -> dict[str, Any]:
    entry = {"kind": "openai", "model": "large-1", "terms": TERMS, "api_key_env": "SECRET_KEY", "vendor": None}
    return {"teacher": {"name": "expert", "version": "t1"}, "entry": entry | {"endpoint": "https://inside.test/v1"}}


def _data_card(usd: float) -> Any:
    cost = Cost(
        usd=usd, calls=120, cached=0, input_tokens=9, output_tokens=8, latency_p50=1, latency_p95=2, retries=0,
        rate_limited=0,
    )  # fmt: skip
    tally = Tally([], lambda axis, value: str(value))
    return data_card(
        TYPE, 1, TeacherRef(name="expert", version="t1"), tally, shares={}, share_reasons={}, drawing={},
        coverage_pairs=0.0, coverage_ever=0.0, learned_from=[], cost=cost, seconds=0.0,
    )  # fmt: skip
