"""Test-only: a tuning from the command of a person to the regeneration by a sensor, in a process of its own.

``python -m srl_pipeline_tests.tuning.rehearsal FOLDER`` is started by a test, for model types are those that are found
when the definitions load. It writes FOLDER/rehearsal.json.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import dagster as dg

from srl_pipeline_tests.generation.paid import PACK

DATA = ["lore_index", "teacher_model", "rule_set", "trajectories", "verified_rewards"]


class Installation:
    """Real jobs and sensors on a history of its own."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance) -> None:
        from srl_pipeline.definitions import defs
        from srl_pipeline.defs.resources import PipelineResource

        self.home = folder / "home"
        self.instance, self.definitions = instance, defs()
        self.pipeline = PipelineResource(preset="smoke", home=str(self.home))
        self.cursor: str | None = None

    def run(self, job: str, assets: Iterable[str], tags: dict[str, str] | None = None, **settings: Any) -> list[str]:
        """A run; the lines that its assets tell."""
        overrides = {name.replace("__", "."): value for name, value in settings.items()}
        config = {"preset": "smoke", "home": str(self.home), "overrides": overrides}
        result = self.definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            partition_key=PACK,
            asset_selection=[dg.AssetKey(name) for name in assets],
            tags=tags or {},
            run_config={
                "resources": {"pipeline": {"config": config}},
                "loggers": {"console": {"config": {"log_level": "ERROR"}}},
            },
        )
        made = [event.step_materialization_data.materialization for event in result.get_asset_materialization_events()]
        return [str(m.metadata["result"].value) for m in made]

    def tick(self, sensor: dg.SensorDefinition, cursor: str | None = None) -> dg.SensorResult:
        context = dg.build_sensor_context(instance=self.instance, cursor=cursor, resources={"pipeline": self.pipeline})
        result = sensor(context)
        assert isinstance(result, dg.SensorResult)
        return result


def rehearse(installation: Installation) -> dict[str, Any]:
    """Tune by the UI's way: data, a plan, confirmation, the daemon; then selection and the registry's sensor."""
    from srl_pipeline.defs.selection_sensor import selection_sensor
    from srl_pipeline.defs.sensors import registry_sensor
    from srl_pipeline.defs.tuning_sensor import tuning_sensor

    # solutions of the embedded teacher: the one that is responsible solves nothing by itself
    told: dict[str, Any] = {"data": installation.run("regenerate", DATA, generation__teacher="search")}
    first = installation.tick(registry_sensor)  # the sensor sees the model type for the first time
    named = {"tuning__tuner": "tuner"}
    told["unnamed"] = installation.run("tune", ["tuning_dataset", "tuned_teacher"])
    told["planned"] = installation.run("tune", ["tuned_teacher"], **named)
    told["idle"] = str(installation.tick(tuning_sensor).skip_reason)
    told["confirmed"] = installation.run("tune", ["tuned_teacher"], **named, tuning__confirm=True)
    told["ticks"] = []
    for _ in range(20):
        # each tick is a new context: a daemon that was restarted has nothing but the record
        result = installation.tick(tuning_sensor)
        requests = list(result.run_requests or [])
        told["ticks"].append([request.run_key for request in requests])
        for request in requests:
            assets = [key.to_user_string() for key in request.asset_selection or []]
            told["finished"] = installation.run("tune", assets, dict(request.tags))
        if requests:
            break
    told["after"] = str(installation.tick(tuning_sensor).skip_reason)
    selected = installation.tick(selection_sensor)
    told["selection_asked"] = [r.partition_key for r in selected.run_requests or []]
    told["selected"] = installation.run("select", ["selection"])
    with installation.pipeline.decisions() as decisions:
        told["settings"] = decisions.settings(PACK)
        told["decisions"] = [d.model_dump(mode="json") for d in reversed(decisions.decisions(PACK))]
    os.environ["SRL_CLOCK_AHEAD_SECONDS"] = "60"
    seen = installation.tick(registry_sensor, first.cursor)
    os.environ["SRL_CLOCK_AHEAD_SECONDS"] = "120"
    regenerate = installation.tick(registry_sensor, seen.cursor)
    told["regenerate"] = [
        [key.to_user_string() for key in request.asset_selection or []]
        for result in (seen, regenerate)
        for request in result.run_requests or []
    ]
    return told


def main(folder: Path) -> None:
    """Rehearse in ``folder`` and write down what was told."""
    (folder / "dagster").mkdir()
    with dg.DagsterInstance.local_temp(str(folder / "dagster")) as instance:
        told = rehearse(Installation(folder, instance))
    (folder / "rehearsal.json").write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
