"""Ticks of the sensors over many packs, in a process of its own: partitions are found when definitions load.

``python benchmarks/scale_sensors.py TYPES GENERATIONS REPEATS`` prints rows as JSON. Packs are copies of `buildings`.
Reading one takes most of a second, so beyond `READ` packs the first tick is left out: the sensors' memory is filled
with copies of one pack that was read.
"""

from __future__ import annotations

import copy
import json
import logging
import os
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

# Run as a script, Python looks for modules in this folder and not in the one above.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.scale_timing import Figure, peak_mb, timed

READ, CHANGED, COPIED = 20, 10, "buildings"


def copy_packs(folder: Path, count: int) -> None:
    """``count`` packs in all, the built-in ones among them."""
    from srl_pipeline.model_types import find_packs

    built_in = find_packs()
    for number in range(count - len(built_in)):
        shutil.copytree(built_in[COPIED], folder / f"type_{number:04d}")


def edit(pack: Path, mark: str) -> None:
    """Change the message of the first rule."""
    file = pack / "rules.yaml"
    head, begins, tail = file.read_text(encoding="utf-8").partition('message: "')
    file.write_text(f"{head}{begins}{mark} {tail}", encoding="utf-8")


def remember_all(names: Sequence[str]) -> None:
    """As after the ticks that read every pack."""
    from srl_pipeline.defs import sensors
    from srl_pipeline.model_types import load_pack

    pack = load_pack(COPIED)
    stamps, _ = sensors.stamp_all()
    for name in names:
        own = copy.deepcopy(pack)
        sensors._read[name] = stamps[name], type(own)(own.definition.model_copy(update={"name": name}), own.documents)


def measure(folder: Path, types: int, generations: int, repeats: int) -> list[Figure]:
    """Ticks of the three sensors, with the product's own state below ``folder``."""
    import dagster as dg

    from benchmarks.scale_seed import seed
    from srl_pipeline.defs.making import PARTITION
    from srl_pipeline.defs.partitions import model_types
    from srl_pipeline.defs.resources import PipelineResource
    from srl_pipeline.defs.selection_sensor import selection_sensor
    from srl_pipeline.defs.sensors import registry_sensor
    from srl_pipeline.defs.tuning_sensor import tuning_sensor

    logging.disable(logging.WARNING)
    names, size = list(model_types.get_partition_keys()), f"{types:,} types, {generations} generations each"
    seed(folder, names, generations)
    pipeline = PipelineResource(home=str(folder), preset="smoke", overrides={"retraining.quiet_seconds": 0})
    found: list[Figure] = []
    with dg.DagsterInstance.local_temp(str(folder)) as instance:
        for name in names:
            run = dg.DagsterRun("regenerate", status=dg.DagsterRunStatus.SUCCESS, tags={PARTITION: name})
            instance.add_run(run)
        cursor: str | None = None
        asked = left = 0

        def tick(sensor: Any) -> None:
            nonlocal cursor, asked, left
            context = dg.build_sensor_context(instance=instance, cursor=cursor, resources={"pipeline": pipeline})
            result = sensor(context)
            asked = len(result.run_requests or [])
            told = re.search(r"(\d+) model types are looked at by", str(result.skip_reason))
            left = int(told[1]) if told else 0
            cursor = result.cursor if sensor is registry_sensor else cursor

        def ticked(what: str, sensor: Any, count: int = repeats) -> None:
            found.append(timed(what, size, lambda: tick(sensor), count))
            print(found[-1], file=sys.stderr)

        if types <= READ:
            ticked("registry sensor: first tick", registry_sensor, 1)
        else:
            remember_all(names)
            while not cursor or len(json.loads(cursor)) < types:
                tick(registry_sensor)
        ticked("registry sensor: tick without a change", registry_sensor)
        found.append(
            Figure("registry sensor: types left to the tick after the last of these", size, float(left), "types")
        )
        changed = min(CHANGED, types - 7)
        for one in range(changed):
            edit(folder / "packs" / f"type_{one:04d}", "edited")
        ticked(f"registry sensor: tick with {changed} changed packs", registry_sensor, 1)
        found.append(Figure("registry sensor: runs asked for by it", size, float(asked), "runs"))
        found.append(Figure("registry sensor: cursor, kept with every tick", size, len(str(cursor)) / 1000, "kB"))
        tick(selection_sensor)
        ticked("selection sensor: tick", selection_sensor)
        ticked("tuning sensor: tick without a job", tuning_sensor)
        found.append(Figure("sensors: peak memory of the process", size, peak_mb(), "MB"))
    return found


def main(types: int, generations: int, repeats: int) -> None:
    """Print the figures as JSON."""
    with TemporaryDirectory(prefix="scale-") as name:
        folder = Path(name)
        packs = folder / "packs"
        packs.mkdir()
        os.environ |= {"SRL_PACKS": "", "SRL_HOME": name, "SRL_STATE": "", "SRL_STORE": "", "SRL_SETTINGS": ""}
        copy_packs(packs, types)
        os.environ["SRL_PACKS"] = str(packs)
        print(json.dumps([asdict(figure) for figure in measure(folder, types, generations, repeats)]))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))
