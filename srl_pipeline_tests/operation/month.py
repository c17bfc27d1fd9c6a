"""Test-only: a month of operation, driven through the real sensors and jobs with a clock that is put forward.

``python -m srl_pipeline_tests.operation.month FOLDER`` writes FOLDER/month.json: what was asked for, what was decided
and what held after each event. In a process of its own, because the model types are those that are found when the
definitions load. Stages of training run in this process instead of a child: that is all that is put in another's place.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from srl_pipeline.clock import AHEAD
from srl_pipeline.contracts import StageRequest
from srl_pipeline.registry import Built
from srl_pipeline_tests.operation.workshop import (
    KEY_VARIABLE,
    PACK,
    Skilled,
    entry,
    open_workshop,
    proclaim,
    write_teachers,
)
from srl_pipeline_tests.vendors.openai_server import OpenAIServer

DAY = 86_400.0
SETTINGS: dict[str, Any] = {
    "budget.month_usd": 50.0,
    "generation.scenarios": 20,
    "generation.candidates": 1,
    "generation.min_acceptance": 0.3,
    "generation.max_revisions": 0,
    "lore.budget_tokens": 60,
    "srl.step_samples": 0,
    "rlvr.step_samples": 0,
    "srl.steps": 1,
    "srl.prompts_per_step": 4,
    "srl.rollouts": 8,
    "srl.temperature": 1.5,  # the student is nearly always right: its answers must differ somewhere
    "srl.max_resamples": 4,
    "rlvr.steps": 1,
    "generation.validation_share": 0.3,
    "evaluation.scenarios": 24,
    "evaluation.stages": ["base", "rlvr"],
    "retraining.on_weakness": False,
    "selection.tasks": 10,
    "selection.weights": {"quality": 0.9, "cost": 0.1, "latency": 0.0},
    "selection.recheck_days": 100.0,
    "selection.candidates": ["apprentice"],
}


@dataclass
class Event:
    """What happened, what it started, and what held afterwards."""

    name: str
    runs: list[dict[str, Any]] = field(default_factory=list)
    decisions: list[dict[str, Any]] = field(default_factory=list)
    aliases: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)


class Month:
    """An installation, its sensors and its clock."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance) -> None:
        from srl_pipeline.definitions import defs
        from srl_pipeline.defs.resources import PipelineResource

        self.home, self.packs = folder / "home", folder / "packs"
        self.instance, self.definitions = instance, defs()
        self.pipeline = PipelineResource(preset="smoke", home=str(self.home))
        self.settings, self.teachers = dict(SETTINGS), dict[str, dict[str, Any]]()
        self.events: list[Event] = []
        self._cursors: dict[str, str | None] = {}
        self._asked: set[str] = set()
        self._known = 0

    def happens(self, name: str, days: float) -> None:
        """So many days pass, then something happens; what the sensors make of it follows."""
        self._advance(days * DAY)
        self.events.append(Event(name))

    def set(self, **settings: Any) -> None:
        """What the installation sets for every run."""
        self.settings |= {key.replace("__", "."): value for key, value in settings.items()}
        os.environ["SRL_SETTINGS"] = json.dumps(self.settings)

    def teacher(self, name: str, **entry_of: Any) -> None:
        """List a teacher, or change what is listed."""
        self.teachers[name] = self.teachers.get(name, {}) | entry_of
        write_teachers(Path(os.environ["SRL_TEACHERS"]), self.teachers, "apprentice")

    def settle(self) -> None:
        """Tick until a minute brings nothing new, then note what was decided and what holds."""
        quiet = 0
        while quiet < 3:  # a change is answered when it has been quiet for a while
            quiet = 0 if self._tick() else quiet + 1
            self._advance(60)
        event = self.events[-1]
        with self.pipeline.decisions() as decisions:
            made = [d for d in reversed(decisions.decisions()) if d.id > self._known]
            event.decisions = [d.model_dump(mode="json") for d in made]
            event.aliases = dict(decisions.aliases(PACK))  # type: ignore[arg-type]
            event.settings = decisions.settings(PACK)
        self._known += len(made)

    def run(self, trigger: str, job: str = "regenerate", assets: list[str] | None = None) -> None:
        """A run of a job for the model type."""
        result = self.definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            partition_key=PACK,
            asset_selection=[dg.AssetKey(name) for name in assets] if assets else None,
            raise_on_error=False,
            tags={"srl/trigger": trigger},
            run_config={
                "resources": {"pipeline": {"config": {"preset": "smoke", "home": str(self.home)}}},
                "loggers": {"console": {"config": {"log_level": "ERROR"}}},
            },
        )
        failed = [e.step_key for e in result.all_events if e.is_step_failure]
        self.events[-1].runs.append({"job": job, "trigger": trigger, "assets": assets, "failed": failed})

    def _tick(self) -> bool:
        """Each sensor once; whether anything was asked for."""
        from srl_pipeline.defs.selection_sensor import selection_sensor
        from srl_pipeline.defs.sensors import registry_sensor

        asked = False
        for sensor, job in ((selection_sensor, "select"), (registry_sensor, "regenerate")):
            context = dg.build_sensor_context(
                instance=self.instance, cursor=self._cursors.get(job), resources={"pipeline": self.pipeline}
            )
            result = sensor(context)
            assert isinstance(result, dg.SensorResult)
            self._cursors[job] = result.cursor
            for request in result.run_requests or []:
                assert request.partition_key == PACK and request.run_key is not None
                if request.run_key in self._asked:  # as the daemon has it: a key is answered once
                    continue
                self._asked.add(request.run_key)
                asked = True
                assets = [key.to_user_string() for key in request.asset_selection or []]
                self.run(request.tags["srl/trigger"], job, assets or None)
        return asked

    def _advance(self, seconds: float) -> None:
        os.environ[AHEAD] = str(float(os.environ.get(AHEAD) or 0) + seconds)


def live(month: Month, serve: Any) -> None:
    """The script."""
    month.happens("a model type is begun", 0)
    month.teacher("apprentice", **serve("apprentice", 0.35, 1.0))
    month.set()
    month.settle()  # the sensors see it for the first time
    month.run("manual")
    month.settle()

    month.happens("nothing", 1)
    month.settle()

    month.happens("the rules change", 2)
    proclaim(month.packs, metal="brass")
    month.settle()

    month.happens("a better teacher appears", 4)
    month.teacher("master", **serve("master", 0.0, 1.0))
    month.set(selection__candidates=["apprentice", "master"])
    month.settle()

    month.happens("a worse teacher appears", 4)
    month.teacher("novice", **serve("novice", 0.8, 1.0))
    month.set(selection__candidates=["apprentice", "master", "novice"])
    month.settle()

    month.happens("the price rises", 4)
    month.set(selection__max_usd_per_accepted=0.05)
    month.teacher("master", price={"input": 900.0, "output": 900.0, "as_of": "2026-11-15"})
    month.settle()

    month.happens("a regression is planted", 4)
    month.set(warmup__steps=1, warmup__learning_rate=1e-6, generation__generation=2)
    month.run("manual")
    month.settle()

    month.happens("the disk loses the current model", 3)
    lost = month.events[-2].aliases["current"]
    (month.pipeline.store().folder("registered_model", PACK, lost) / "adapter_model.safetensors").unlink()
    month.set(generation__generation=3, warmup__steps=40, warmup__learning_rate=5e-3)
    month.run("manual")
    month.settle()

    month.happens("a person goes back", 1)
    from srl_pipeline.promotion import rollback

    with month.pipeline.decisions() as decisions:
        rollback(month.pipeline.store(), decisions, PACK, reason="The files of the current model are lost.")
    month.settle()

    month.happens("the candidate is asked again", 1)
    month.run("manual", "evaluate_only")
    month.settle()

    month.happens("the clock goes back", -20)
    month.set(generation__generation=4)
    month.run("manual")
    month.settle()


def main(folder: Path) -> None:
    """Live a month and write it down."""
    os.environ |= {
        "SRL_HOME": str(folder / "home"),
        "SRL_PACKS": str(folder / "packs"),
        "SRL_TEACHERS": str(folder / "teachers.yaml"),
        "HF_HUB_OFFLINE": "1",
        AHEAD: "0",
        KEY_VARIABLE: "key-of-a-test",
    }
    open_workshop(folder / "packs")
    _only_this_pack(folder)
    _stages_in_this_process()
    with ExitStack() as stack:

        def serve(name: str, fails: float, usd: float) -> dict[str, Any]:
            answer = Skilled(folder / "packs", name, fails)
            server = stack.enter_context(OpenAIServer(folder / f"{name}.jsonl", key="key-of-a-test", answer=answer))
            return entry(server.url, name, usd)

        instance = stack.enter_context(dg.DagsterInstance.local_temp(str(folder / "dagster")))
        month = Month(folder, instance)
        live(month, serve)
    told = [vars(event) for event in month.events]
    (folder / "month.json").write_text(json.dumps(told, indent=1), encoding="utf-8")


def _only_this_pack(folder: Path) -> None:
    """The product's own packs would be measured and trained as well."""
    from srl_pipeline.model_types import finding

    finding.BUILT_IN = folder / "no_packs"
    finding.BUILT_IN.mkdir()


def _stages_in_this_process() -> None:
    """A child process a stage would only cost seconds here; test_end_to_end goes through children."""
    from srl_pipeline.defs import stages

    def run_here(context: Any, request: StageRequest, *, withheld: Any) -> Built:
        from srl_pipeline.stages.run import run

        return run(request)

    stages.run_locally = run_here  # type: ignore[assignment]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
