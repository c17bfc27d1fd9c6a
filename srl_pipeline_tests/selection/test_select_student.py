"""Students are chosen by the evaluation reports that there are: real artifacts, nothing trained."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from srl_pipeline.canonical import dumps
from srl_pipeline.config import PipelineConfig, override
from srl_pipeline.contracts import Manifest
from srl_pipeline.model_types import Pack, load_pack, new_pack
from srl_pipeline.presets import preset
from srl_pipeline.registry import DECISIONS, ArtifactStore, Decision, SqliteDecisions, StoredArtifact
from srl_pipeline.selection import select_student
from srl_pipeline.selection.students import chain_usd, pins_of_now
from srl_pipeline_tests.evaluation.builders import results, stage
from srl_pipeline_tests.selection.given import student_here

TYPE = "lanterns"
OTHER_RULES = "r1"
Report = Callable[..., StoredArtifact]
Select = Callable[..., Decision | None]


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    packs = tmp_path_factory.mktemp("packs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SRL_PACKS", str(packs))
        new_pack(TYPE)
        return load_pack(TYPE)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ArtifactStore:
    """Of an installation whose students are the folders `old` and `new`."""
    monkeypatch.delenv("SRL_SETTINGS", raising=False)
    monkeypatch.chdir(tmp_path)
    for name in ("old", "new"):
        student_here(tmp_path / name)
    return ArtifactStore(tmp_path / "artifacts")


@pytest.fixture
def select(store: ArtifactStore, pack: Pack) -> Select:
    """One check, if one is due."""

    def check(**settings: object) -> Decision | None:
        decisions = SqliteDecisions(store.root.parent / DECISIONS)
        return select_student(store.root.parent, store, decisions, pack, config(**settings))

    return check


@pytest.fixture
def report(store: ArtifactStore, pack: Pack) -> Report:
    """Commits the report of a student, and the checkpoint that it rests on."""
    numbers, now = itertools.count(1), pins_of_now(pack, config())

    def commit(asset: str, version: str, inputs: dict[str, str], usd: float, files: dict[str, str], **more: object):
        work = store.work_folder(asset, TYPE, version)
        for name, text in files.items():
            (work / name).write_text(text, encoding="utf-8")
        values: dict[str, object] = {
            "asset": asset,
            "model_type": TYPE,
            "data_version": version,
            "inputs": inputs,
            "config": {},
            "seeds": {},
            "code_version": "c",
            "created_at": f"2026-11-{next(numbers):02d}T00:00:00+00:00",
            "seconds": 1.0,
            "gates": [],
            "metrics": {},
            "cost_usd": usd,
            "digests": {},
        }
        return store.commit(work, Manifest.model_validate(values | more))

    def make(
        student: str, solved: int, *, usd: float = 1.0, rules: str = now["rule_set"], p50: float | None = 2.0
    ) -> StoredArtifact:
        number = next(numbers)
        commit("rlvr_checkpoint", f"rlvr-{number}", {}, usd, {"adapter.txt": student})
        measured = results(stage("base", [False] * 30), stage("rlvr", [n < solved for n in range(30)]))
        latency = {} if p50 is None else {"latency_p50_seconds": p50, "latency_p95_seconds": 2 * p50}
        return commit(
            "eval_report",
            f"report-{number}",
            {"rlvr_checkpoint": f"rlvr-{number}", **now, "rule_set": rules},
            0.25,
            {"results.json": dumps(measured.model_dump(mode="json"))},
            config={"student": {"name": student}},
            metrics=latency,
        )

    for pin in (now["rule_set"], OTHER_RULES):
        commit("rule_set", pin, {}, 0.0, {"pack.json": pin})
    commit("lore_index", now["lore_index"], {}, 0.0, {"lore.json": "l1"})
    return make


def config(**settings: object) -> PipelineConfig:
    chosen = {"student.name": "old", "selection.students": ["old", "new"], "selection.min_pass_rate": 0.2}
    return override(preset("smoke"), chosen | {name.replace("__", "."): value for name, value in settings.items()})


def test_a_better_student_takes_over_and_becomes_a_setting(
    store: ArtifactStore, pack: Pack, select: Select, report: Report
) -> None:
    report("old", 10)
    report("new", 25)
    decision = select()
    assert decision is not None
    assert (decision.verdict, decision.before, decision.after) == ("change", "old", "new")
    assert "new solves 25 of 30 tasks, old 10 of 30." in decision.reasons
    assert SqliteDecisions(store.root.parent / DECISIONS).settings(TYPE) == {"student.name": "new"}
    assert decision.evidence["measured_on"] == pins_of_now(pack, config())


def test_the_newest_report_of_a_student_counts(select: Select, report: Report) -> None:
    report("new", 28)
    report("old", 20)
    report("new", 10)
    decision = select()
    assert decision is not None
    assert decision.verdict == "no change"
    assert [a.figures["accepted"] for a in decision.alternatives] == [20, 10]


def test_a_student_of_other_rules_is_not_compared_and_is_told_how(select: Select, report: Report) -> None:
    report("new", 28, rules=OTHER_RULES)
    report("old", 10)
    decision = select()
    assert decision is not None
    assert decision.verdict == "no change"
    assert "run 'srl-pipeline run lanterns --set student.name=new'" in decision.reasons[0]


def test_an_incumbent_without_a_report_is_not_left(select: Select, report: Report) -> None:
    report("new", 28)
    decision = select()
    assert decision is not None
    assert decision.reasons[0].startswith("No change, because old could not be measured.")


def test_without_any_report_nothing_changes(select: Select) -> None:
    decision = select()
    assert decision is not None
    assert decision.verdict == "no change"


def test_a_new_report_calls_for_a_check(select: Select, report: Report) -> None:
    report("old", 10)
    assert select() is not None
    assert select() is None
    report("new", 25)
    decision = select()
    assert decision is not None
    assert decision.after == "new"


def test_a_report_that_was_altered_is_not_believed(select: Select, report: Report) -> None:
    report("old", 10)
    (report("new", 29).path / "results.json").write_text("{}", encoding="utf-8")
    decision = select()
    assert decision is not None
    assert decision.verdict == "no change"
    assert "File results.json is altered." in decision.alternatives[1].why


def test_a_student_whose_making_is_no_longer_known_has_no_cost(
    store: ArtifactStore, select: Select, report: Report
) -> None:
    report("old", 10)
    made = report("new", 29)
    checkpoint = store.folder("rlvr_checkpoint", TYPE, made.manifest.inputs["rlvr_checkpoint"])
    (checkpoint / "manifest.json").unlink()
    decision = select()
    assert decision is not None
    assert decision.verdict == "no change"
    assert "cost was not measured" in decision.alternatives[1].why


def test_a_report_without_latency_is_refused_where_latency_counts(select: Select, report: Report) -> None:
    report("old", 10)
    report("new", 29, p50=None)
    decision = select()
    assert decision is not None
    assert "latency was not measured" in decision.alternatives[1].why


def test_a_month_pays_one_training(store: ArtifactStore, select: Select, report: Report) -> None:
    report("old", 20, usd=41.75)
    made = report("new", 20, usd=1.75)
    assert chain_usd(store, made) == 2.0
    decision = select(selection__switch_usd=10.0)
    assert decision is not None
    assert decision.after == "new"
    assert decision.evidence["break_even"]["money_usd_per_month"] == pytest.approx(40.0)
    assert decision.evidence["break_even"]["months"] == pytest.approx(0.25)


def test_rules_that_come_back_are_judged_by_their_own_reports(select: Select, report: Report) -> None:
    report("old", 10)
    report("new", 25)
    report("old", 25, rules=OTHER_RULES)  # in between the rules were others; now they are as before
    report("new", 5, rules=OTHER_RULES)
    decision = select()
    assert decision is not None
    assert decision.after == "new"
    assert [a.figures["accepted"] for a in decision.alternatives] == [10, 25]
