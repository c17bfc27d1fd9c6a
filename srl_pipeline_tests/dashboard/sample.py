"""A test helper: an installation's folder as some weeks of operation leave it, without any training.

Everything is written through the real stores. Figures are invented, seeded and shaped like real ones.
"""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

from srl_pipeline.config import WeaknessConfig
from srl_pipeline.contracts import Manifest
from srl_pipeline.dashboard.reader import ALERTS
from srl_pipeline.registry import (
    DECISIONS,
    HISTORY,
    LEDGER,
    Account,
    Alternative,
    ArtifactStore,
    Caps,
    Decision,
    SqliteDecisions,
    SqliteHistory,
    SqliteLedger,
    entry_of,
    nanos,
)
from srl_pipeline.weaknesses import Condition, Part, Regression, Weakness, Weaknesses

TYPES = ("animals", "buildings", "facial", "personality", "plants", "sounds", "trees")
N = 60
START = datetime(2026, 11, 2, 8, 15, tzinfo=UTC)
VENDORS = {"trees": "anthropic", "sounds": "gemini"}


class Sample:
    """Writes into ``home``; the stores stay open until `close`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.store = ArtifactStore(home / "artifacts")
        self.history = SqliteHistory(home / HISTORY)
        self.decisions = SqliteDecisions(home / DECISIONS)

    def close(self) -> None:
        self.history.close()
        self.decisions.close()

    def artifact(
        self,
        asset: str,
        model_type: str,
        version: str,
        at: datetime,
        metrics: dict[str, float] | None = None,
        *,
        inputs: dict[str, str] | None = None,
        notes: dict[str, object] | None = None,
        files: dict[str, str] | None = None,
    ) -> None:
        """Commit an artifact and record it."""
        work = self.store.work_folder(asset, model_type, version)
        for name, text in (files or {}).items():
            (work / name).write_text(text)
        manifest = Manifest(
            asset=asset,
            model_type=model_type,
            data_version=version,
            inputs=inputs or {},
            config={},
            seeds={},
            code_version="c",
            created_at=at.isoformat(timespec="seconds"),
            seconds=812.0,
            gates=[],
            metrics=metrics or {},
            cost_usd=0.0,
            digests={},
            notes={"preset": "embedded", **(notes or {})},
        )
        self.history.append(entry_of(self.store.commit(work, manifest).manifest, trigger="rules"))

    def evaluation(self, model_type: str, number: int, rng: random.Random, at: datetime, rate: float) -> str:
        """An evaluation and the model registered after it; returns the model's version."""
        report, model = (f"{rng.getrandbits(64):016x}" for _ in range(2))
        right = round(rate * N) / N
        latency = 2.1 * 0.93**number * rng.uniform(0.92, 1.08)
        self.artifact("eval_report", model_type, report, at, report_metrics(right, latency))
        pins = {name: f"{rng.getrandbits(64):016x}" for name in ("lore_index", "rule_set", "teacher_model")}
        made = {name: f"{rng.getrandbits(64):016x}" for name in ("trajectories", "srl_checkpoint", "rlvr_checkpoint")}
        self.artifact(
            "registered_model",
            model_type,
            model,
            at + timedelta(minutes=1),
            {"chain_cost_usd": 0.35 + 0.05 * rng.random()},
            inputs={"eval_report": report, **pins, **made},
            files={"adapter_model.safetensors": "weights"},
        )
        return model

    def promoted(self, model_type: str, version: str, at: datetime, before: str = "") -> None:
        """Model ``version`` becomes the current one."""
        self.decisions.record(
            Decision(
                at=at.isoformat(timespec="seconds"),
                model_type=model_type,
                kind="promotion",
                verdict="change",
                subject=version,
                before=before,
                after=version,
                reasons=[
                    "It solves 6 scenarios more than the current model and loses 1 (p = 0.0312).",
                    "No slice fell by more than 15 points.",
                    "KL to the start of RLVR is 0.021, below 0.5.",
                ],
                evidence={"gained": 6, "lost": 1, "p": 0.0312, "n": N},
            ),
            aliases={"current": version, "candidate": None, "previous": before or None},
        )

    def refused(self, model_type: str, version: str, current: str, at: datetime) -> None:
        """Model ``version`` waits as a candidate."""
        self.decisions.record(
            Decision(
                at=at.isoformat(timespec="seconds"),
                model_type=model_type,
                kind="promotion",
                verdict="no change",
                subject=version,
                before=current,
                after=current,
                reasons=["No change, because a difference to the current model could not be measured (p = 0.4531)."],
                evidence={"gained": 4, "lost": 2, "p": 0.4531, "n": N},
            ),
            aliases={"candidate": version},
        )

    def weaknesses(self, model_type: str, at: datetime, sentences: list[str], regressions: list[str]) -> None:
        """The detector's artifact."""
        found = Weaknesses(
            model_type=model_type,
            stage="rlvr",
            n=N,
            failures=20,
            found=[_weakness(s) for s in sentences],
            regressions=[_regression(s) for s in regressions],
            figures=[],
            tested={"band": 3},
            promoted="",
            not_compared="",
            settings=WeaknessConfig(),
            versions={},
        )
        figures = {"weaknesses": float(len(sentences)), "regressions": float(len(regressions))}
        text = found.model_dump_json()
        self.artifact("weaknesses", model_type, f"w{at:%d%H}", at, figures, files={"weaknesses.json": text})


def report_metrics(rate: float, latency: float) -> dict[str, float]:
    """The figures of an eval_report, as far as the dashboard reads them."""
    stages = {"base": 0.02, "warmup": rate * 0.7, "srl": rate * 0.9, "rlvr": rate}
    return {
        "n": float(N),
        "pass_rate": rate,
        "reward_mean": 0.3 + 0.6 * rate,
        "format_rate": 0.97,
        "hard_violation_rate": 1 - rate,
        "latency_p50_seconds": latency,
        "latency_p95_seconds": 1.4 * latency,
        "latency_p99_seconds": 1.5 * latency,
        "tokens_per_second": 90 / latency,
        "peak_memory_mb": 1834.0,
        **{f"pass_rate_{name}": value for name, value in stages.items()},
        **{f"n_{name}": float(N) for name in stages},
    }


def month_of_operation(home: Path, *, now: datetime, evaluations: int = 12) -> Sample:
    """Seven types with ``evaluations`` each; some promoted, some waiting; money, failures, a teacher decision."""
    sample = Sample(home)
    for place, model_type in enumerate(TYPES):
        rng = random.Random(model_type)
        current, at = "", START
        for number in range(evaluations):
            at = START + timedelta(days=2.2 * number, hours=place)
            rate = min(0.95, 0.22 + 0.06 * place + 0.036 * number + rng.uniform(-0.06, 0.06))
            made = sample.evaluation(model_type, number, rng, at, rate)
            if number in (0, 3, 5, 8) or (number == 10 and place % 2):
                sample.promoted(model_type, made, at + timedelta(minutes=2), current)
                current = made
            elif number == evaluations - 1 and place % 3 == 0:
                sample.refused(model_type, made, current, at + timedelta(minutes=2))
        sentences = SENTENCES[: place % 5] if model_type != "sounds" else []
        worse = [REGRESSION] if model_type == "trees" else []
        sample.weaknesses(model_type, at + timedelta(minutes=1), sentences, worse)
    sample.decisions.record(_teacher(now), settings={"generation.teacher": "claude-haiku"})
    _spend(home, now)
    failure = {
        "time": (now - timedelta(hours=3)).isoformat(timespec="seconds"),
        "run_id": "8d2f",
        "job": "regenerate",
        "model_type": "plants",
        "trigger": "lore",
        "failed": ["trajectories"],
        "message": "The teacher 'claude-haiku' is unavailable.\n  where: trajectories\n  mend:  Try again.",
    }
    (home / ALERTS).write_text(json.dumps(failure) + "\n")
    return sample


SENTENCES = [
    "Where region is *karst hollow*, 9 of 12 scenarios fail (75 %); elsewhere 11 of 48 (23 %).",
    "Rule `stone-is-local` is broken in 14 of the 40 scenarios to which it applies (35 %); if the broken rules were "
    "spread evenly, it would be 5.1 (13 %).",
    "Where difficulty is *hard*, 13 of 21 scenarios fail (62 %); elsewhere 7 of 39 (18 %).",
    "Where season is *winter* and rank is *reeve*, 6 of 7 scenarios fail (86 %); otherwise where season is *winter* "
    "4 of 11 (36 %).",
]
REGRESSION = "Where season is *winter*, solved: worse than the current model on 8 of 20 scenarios, better on 1."


def _weakness(sentence: str) -> Weakness:
    return Weakness(
        part=Part(kind="value", where=[Condition(axis="region", label="karst_hollow")]),
        n=12,
        failures=9,
        against="elsewhere",
        against_n=48,
        against_failures=11,
        effect=0.52,
        low=0.2,
        high=0.7,
        p=0.001,
        q=0.01,
        samples=["s1"],
        sentence=sentence,
    )


def _regression(sentence: str) -> Regression:
    return Regression(
        figure="pass_rate",
        part=None,
        n=20,
        lost=8,
        gained=1,
        effect=0.35,
        low=0.1,
        high=0.6,
        p=0.01,
        q=0.04,
        samples=["s1"],
        sentence=sentence,
    )


def _teacher(now: datetime) -> Decision:
    measured = {"pass_rate": 0.91, "usd_per_accepted": 0.0031, "latency_p95_seconds": 4.2}
    return Decision(
        at=(now - timedelta(hours=5)).isoformat(timespec="seconds"),
        model_type="trees",
        kind="teacher",
        verdict="change",
        subject="teacher",
        before="search",
        after="claude-haiku",
        reasons=[
            "claude-haiku scores 0.83 against 0.71 of search and pays for its switch in 1.4 months.",
            "Its terms allow training on its answers.",
        ],
        alternatives=[
            Alternative(name="claude-haiku", chosen=True, why="The highest score.", figures=measured),
            Alternative(name="search", chosen=False, why="A lower score.", figures={"pass_rate": 0.74}),
            Alternative(name="big-model", chosen=False, why="Over the cap of $0.01 for an accepted trajectory."),
        ],
        evidence={"tasks": 12, "break_even_months": 1.4, "weights": {"quality": 0.7, "cost": 0.2, "latency": 0.1}},
    )


def _spend(home: Path, now: datetime) -> None:
    ledger = SqliteLedger(home / LEDGER, now=lambda: now.isoformat(timespec="seconds"))
    for place, model_type in enumerate(TYPES):
        account = Account(run="r", model_type=model_type, vendor=VENDORS.get(model_type, "openai"))
        hold = ledger.hold(model_type, account, nanos(9), Caps(month=nanos(1000)), seconds=1e9)
        ledger.commit(hold, nanos(1.25 + 0.9 * place))
    under_way = Account(run="r", model_type="trees", vendor="anthropic")
    ledger.hold("open", under_way, nanos(0.6), Caps(month=nanos(1000)), seconds=1e9)
    ledger.close()
