"""The sensors within Dagster: what a tick asks for, and what it does with a pack that cannot be read."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pytest

from srl_pipeline.clock import AHEAD, now_iso
from srl_pipeline.contracts import TeacherRef
from srl_pipeline.defs import sensors
from srl_pipeline.defs.alerts import failure_alerts
from srl_pipeline.defs.graph import with_downstream
from srl_pipeline.defs.making import PARTITION
from srl_pipeline.defs.resources import PipelineResource
from srl_pipeline.defs.rota import Rota
from srl_pipeline.defs.sensors import registry_sensor
from srl_pipeline.errors import PackError, TeacherError
from srl_pipeline.registry import Entry
from srl_pipeline.teachers import teacher_ref
from srl_pipeline_tests.defs.conftest import MODEL, OTHER_MODEL, FakeDomain, Runner, loaded
from srl_pipeline_tests.teachers.catalog.listed import entry as listing
from srl_pipeline_tests.teachers.catalog.listed import file_of, listed


class FakeRegistries:
    """Packs and teachers by hand; `broken` names packs that cannot be read."""

    def __init__(self) -> None:
        self.rules = {MODEL: "r1", OTHER_MODEL: "r1"}
        self.teacher = "t1"
        self.broken: set[str] = set()

    def load_pack(self, name: str) -> SimpleNamespace:
        if name in self.broken:
            raise PackError("rules: bad.", where="rules.yaml:3", mend="Mend it.")
        return SimpleNamespace(
            name=name,
            definition=SimpleNamespace(version=self.rules[name]),
            lore_version="l1",
            spec=SimpleNamespace(training={}),
        )

    def teacher_ref(self, name: str) -> TeacherRef:
        return TeacherRef(name=name, version=self.teacher)


@pytest.fixture
def registries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeRegistries:
    fake = FakeRegistries()
    empty = tmp_path / "pack"  # its stamp is taken: of the current folder that would take seconds
    empty.mkdir()
    monkeypatch.setattr(sensors, "read_if_changed", lambda name, stamped: fake.load_pack(name))
    monkeypatch.setattr("srl_pipeline.defs.resources.load_pack", fake.load_pack)
    monkeypatch.setattr(sensors, "teacher_ref", fake.teacher_ref)
    monkeypatch.setattr(sensors, "find_packs", lambda: dict.fromkeys([MODEL, OTHER_MODEL, "newcomer"], empty))
    return fake


def tick(instance: dg.DagsterInstance, cursor: str | None, tmp_path: Path, quiet: float = 0.0) -> dg.SensorResult:
    pipeline = PipelineResource(
        home=str(tmp_path), overrides={"retraining.quiet_seconds": quiet, "budget.month_usd": 1}
    )
    context = dg.build_sensor_context(instance=instance, cursor=cursor, resources={"pipeline": pipeline})
    result = registry_sensor(context)
    assert isinstance(result, dg.SensorResult)
    return result


def test_the_first_tick_starts_nothing(
    registries: FakeRegistries, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    result = tick(instance, None, tmp_path)
    assert not result.run_requests
    assert set(json.loads(str(result.cursor))) == {MODEL, OTHER_MODEL}
    assert result.skip_reason is not None and "newcomer: a new pack; reload" in str(result.skip_reason.skip_message)


def pin_everything(instance: dg.DagsterInstance) -> None:
    """As after a first run: every pin of the model type was materialized."""
    for name in ("lore_index", "teacher_model", "rule_set"):
        instance.report_runless_asset_event(dg.AssetMaterialization(name, partition=MODEL))


def test_a_type_that_never_ran_gets_all_its_pins_with_its_first_change(
    registries: FakeRegistries, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    first = tick(instance, None, tmp_path)
    registries.rules[MODEL] = "r2"
    [request] = tick(instance, first.cursor, tmp_path).run_requests or []
    asked = {key.to_user_string() for key in request.asset_selection or []}
    assert {"lore_index", "teacher_model", "rule_set", "eval_report"} <= asked


def test_a_changed_rule_asks_for_the_rule_set_and_what_is_downstream(
    registries: FakeRegistries, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    pin_everything(instance)
    first = tick(instance, None, tmp_path)
    registries.rules[MODEL] = "r2"
    [request] = tick(instance, first.cursor, tmp_path).run_requests or []
    assert request.partition_key == MODEL
    assert request.run_key and request.run_key.startswith(f"{MODEL}:1:")
    assert request.tags["srl/trigger"] == "rules"
    assert [key.to_user_string() for key in request.asset_selection or []] == [
        "rule_set",
        "trajectories",
        "verified_rewards",
        "srl_checkpoint",
        "rlvr_checkpoint",
        "eval_report",
        "current_evaluation",
        "weaknesses",
        "registered_model",
        "promotion",
        "leaderboard",
        "status_page",
    ]


def test_a_new_teacher_regenerates_every_model_type_once(
    registries: FakeRegistries, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    first = tick(instance, None, tmp_path)
    registries.teacher = "t2"
    registries.rules[MODEL] = "r2"
    requests = tick(instance, first.cursor, tmp_path).run_requests or []
    assert sorted(str(r.partition_key) for r in requests) == sorted([MODEL, OTHER_MODEL])


def test_a_change_waits_until_it_has_been_quiet(
    registries: FakeRegistries, instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tick(instance, None, tmp_path, quiet=20)
    registries.rules[MODEL] = "r2"
    early = tick(instance, first.cursor, tmp_path, quiet=20)
    assert not early.run_requests
    assert early.skip_reason is not None and "rules changed; it must stay as it is" in str(
        early.skip_reason.skip_message
    )
    monkeypatch.setenv(AHEAD, "21")
    assert len(tick(instance, early.cursor, tmp_path, quiet=20).run_requests or []) == 1


def test_a_change_during_a_run_is_answered_after_it(
    registries: FakeRegistries, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    first = tick(instance, None, tmp_path)
    registries.rules[MODEL] = "r2"
    job = loaded().resolve_job_def("regenerate")
    run = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags={PARTITION: MODEL})
    busy = tick(instance, first.cursor, tmp_path)
    assert not busy.run_requests
    instance.report_run_canceled(run)
    assert len(tick(instance, busy.cursor, tmp_path).run_requests or []) == 1


def test_a_run_of_the_sensor_that_failed_is_asked_for_once_more(
    registries: FakeRegistries, instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tick(instance, None, tmp_path)
    pin_everything(instance)
    registries.rules[MODEL] = "r2"
    second = tick(instance, first.cursor, tmp_path)
    [request] = second.run_requests or []
    tags = {PARTITION: MODEL, "dagster/run_key": str(request.run_key)}
    run = instance.create_run_for_job(loaded().resolve_job_def("regenerate"), tags=tags)
    instance.report_run_failed(run)
    assert not tick(instance, second.cursor, tmp_path).run_requests
    monkeypatch.setenv(AHEAD, "3700")
    [again] = tick(instance, second.cursor, tmp_path).run_requests or []
    assert again.asset_selection == request.asset_selection and again.run_key != request.run_key


def test_weaknesses_begin_a_generation_that_later_runs_are_of(
    registries: FakeRegistries, instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tick(instance, None, tmp_path)
    pin_everything(instance)
    pipeline = PipelineResource(home=str(tmp_path))
    with pipeline.history() as history:
        for asset, metrics in {"trajectories": {}, "weaknesses": {"weak_slices": 2.0}}.items():
            history.append(entry(asset, metrics))
    assert not tick(instance, first.cursor, tmp_path).run_requests  # a generation was made just now
    monkeypatch.setenv(AHEAD, str(25 * 3600))
    second = tick(instance, first.cursor, tmp_path)
    [request] = second.run_requests or []
    assert request.tags["srl/trigger"] == "weakness"
    assert next(key.to_user_string() for key in request.asset_selection or []) == "trajectories"
    assert pipeline.config(MODEL).generation.generation == 2
    with pipeline.decisions() as decisions:
        [decision] = decisions.decisions(MODEL)
    assert decision.reasons[0] == "2 weak slices were found in the last evaluation."
    repeated = tick(instance, first.cursor, tmp_path)  # the cursor was lost in a crash
    assert [r.run_key for r in repeated.run_requests or []] == [request.run_key]
    assert pipeline.config(MODEL).generation.generation == 2
    assert not tick(instance, second.cursor, tmp_path).run_requests


def test_a_paid_teacher_without_a_cap_starts_nothing_and_one_decision_says_so(
    registries: FakeRegistries, instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed(tmp_path, file_of(listing(), default="hosted"), monkeypatch)
    cursor = tick(instance, None, tmp_path).cursor
    registries.rules[MODEL] = "r2"
    for _ in range(3):
        context = dg.build_sensor_context(
            instance=instance,
            cursor=cursor,
            resources={"pipeline": PipelineResource(home=str(tmp_path), overrides={"retraining.quiet_seconds": 0})},
        )
        result = registry_sensor(context)
        assert isinstance(result, dg.SensorResult) and not result.run_requests
        cursor = result.cursor
    with PipelineResource(home=str(tmp_path)).decisions() as decisions:
        [decision] = decisions.decisions(MODEL)
    assert "no cap is set" in decision.reasons[0]


def entry(asset: str, metrics: dict[str, float]) -> Entry:
    return Entry(
        at=now_iso(), asset=asset, model_type=MODEL, data_version="v1", inputs={}, metrics=metrics, failed_gates=[],
        seconds=1.0, cost_usd=0.0,
    )  # fmt: skip


@pytest.fixture
def with_real_teachers(registries: FakeRegistries, monkeypatch: pytest.MonkeyPatch) -> None:
    """Packs by hand, teachers as `teachers.yaml` lists them."""
    monkeypatch.setattr(sensors, "teacher_ref", teacher_ref)


@pytest.mark.usefixtures("with_real_teachers")
def test_a_new_entry_or_version_regenerates_exactly_the_types_that_use_it(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(text: str) -> list[str]:
        nonlocal cursor
        listed(tmp_path, text, monkeypatch)
        result = tick(instance, cursor, tmp_path)
        cursor = result.cursor
        assert all(request.tags["srl/trigger"] == "teacher" for request in result.run_requests or [])
        return sorted(str(request.partition_key) for request in result.run_requests or [])

    cursor: str | None = None
    assert asked(file_of()) == []  # seen for the first time
    assert asked(file_of(listing())) == []  # nobody uses it
    assert asked(file_of(listing(), **{MODEL: "hosted"})) == [MODEL]
    assert asked(file_of(listing(price=9, day="2026-11-02", allowed="false"), **{MODEL: "hosted"})) == []
    assert asked(file_of(listing(model="m-2"), **{MODEL: "hosted"})) == [MODEL]
    assert asked(file_of(listing(model="m-2"), default="hosted")) == [OTHER_MODEL]


@pytest.mark.usefixtures("with_real_teachers")
def test_a_broken_file_of_teachers_is_told_and_starts_nothing_also_when_it_is_mended(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = file_of(listing(), **{MODEL: "hosted"})
    file = listed(tmp_path, good, monkeypatch)
    first = tick(instance, None, tmp_path)
    file.write_text(good.replace("kind: openai", "kind: oracle"))
    broken = tick(instance, first.cursor, tmp_path)
    assert not broken.run_requests
    assert broken.skip_reason is not None and "teachers.yaml:5" in str(broken.skip_reason.skip_message)
    file.write_text(good)
    assert not tick(instance, broken.cursor, tmp_path).run_requests


def test_a_broken_pack_is_told_and_does_not_stop_the_others(
    registries: FakeRegistries, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    first = tick(instance, None, tmp_path)
    registries.broken = {OTHER_MODEL}
    registries.rules[MODEL] = "r2"
    result = tick(instance, first.cursor, tmp_path)
    assert [r.partition_key for r in result.run_requests or []] == [MODEL]
    idle = tick(instance, result.cursor, tmp_path)
    assert idle.skip_reason is not None and "rules.yaml:3" in str(idle.skip_reason.skip_message)


def test_a_pack_is_read_again_only_when_a_file_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[str] = []
    monkeypatch.setattr(sensors, "load_pack", lambda name: reads.append(name) or len(reads))
    (tmp_path / "lore").mkdir()
    page = tmp_path / "lore" / "a.md"
    page.write_text("one")
    unchanged = [sensors.read_if_changed("inns_of_this_test", sensors.stamp(tmp_path)) for _ in range(3)]
    page.write_text("three")
    changed = sensors.read_if_changed("inns_of_this_test", sensors.stamp(tmp_path))
    assert (unchanged, changed, len(reads)) == ([1, 1, 1], 2, 2)


def test_what_a_tick_asks_for_can_be_run(registries: FakeRegistries, runner: Runner) -> None:
    assert runner.run().success
    assert runner.run(with_downstream(["rule_set"])).success


def test_lore_and_teacher_do_not_ask_for_each_other() -> None:
    assert "teacher_model" not in with_downstream(["lore_index"])
    assert "rule_set" not in with_downstream(["teacher_model"])


def test_a_failed_run_is_a_line_in_the_alerts(runner: Runner, domain: FakeDomain, tmp_path: Path) -> None:
    domain.raises = {"teacher_model": TeacherError("There is no teacher.", where="here", mend="Name one.")}
    result = runner.run()
    context = dg.build_run_status_sensor_context(
        sensor_name="failure_alerts",
        dagster_event=result.get_run_failure_event(),
        dagster_instance=runner.instance,
        dagster_run=result.dagster_run,
        resources={"pipeline": PipelineResource(home=str(tmp_path))},
    ).for_run_failure()
    failure_alerts(context)
    [line] = (tmp_path / "alerts.jsonl").read_text().splitlines()
    alert = json.loads(line)
    assert (alert["model_type"], alert["failed"], alert["job"]) == (MODEL, ["teacher_model"], "regenerate")
    assert alert["message"].startswith("There is no teacher.")


def test_the_leaderboard_is_brought_up_to_date_when_a_report_is_new(runner: Runner) -> None:
    def requested(cursor: dg.AssetDaemonCursor | None) -> tuple[int, dg.AssetDaemonCursor]:  # type: ignore[name-defined]
        result = dg.evaluate_automation_conditions(loaded(), runner.instance, asset_selection=board, cursor=cursor)
        return result.total_requested, result.cursor

    board = dg.AssetSelection.assets("leaderboard")
    runner.run()
    _, cursor = requested(None)
    quiet, cursor = requested(cursor)
    runner.run(["eval_report"])
    after, _ = requested(cursor)
    assert (quiet, after) == (0, 1)


def test_a_tick_that_runs_out_of_time_says_so_and_the_next_one_goes_on(
    registries: FakeRegistries, instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("srl_pipeline.defs.rota.LOOK_SECONDS", -1.0)  # one look a tick
    monkeypatch.setattr(sensors, "_rota", Rota())
    first = tick(instance, None, tmp_path)
    assert len(json.loads(str(first.cursor))) == 1
    assert first.skip_reason is not None and "1 model types are looked at by the next tick" in str(
        first.skip_reason.skip_message
    )
    assert set(json.loads(str(tick(instance, first.cursor, tmp_path).cursor))) == {MODEL, OTHER_MODEL}


def test_a_change_is_not_kept_waiting_by_the_types_that_did_not_change(
    registries: FakeRegistries, instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packs = {name: tmp_path / "packs" / name for name in (MODEL, OTHER_MODEL)}
    for folder in packs.values():
        folder.mkdir(parents=True)
    monkeypatch.setattr(sensors, "find_packs", lambda: packs)
    monkeypatch.setattr(sensors, "_rota", Rota())
    seen = tick(instance, None, tmp_path)
    monkeypatch.setattr("srl_pipeline.defs.rota.LOOK_SECONDS", -1.0)
    registries.rules[OTHER_MODEL] = "r2"
    (packs[OTHER_MODEL] / "rules.yaml").write_text("edited")
    [request] = tick(instance, seen.cursor, tmp_path).run_requests or []
    assert request.partition_key == OTHER_MODEL
