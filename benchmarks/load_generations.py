"""Generations back to back in one process: time, memory, open files and disk, then a cleaning.

``python benchmarks/load_generations.py TYPES GENERATIONS SCENARIOS`` prints one line of JSON. The chain is that of
the builders up to the rewards; nothing is trained. What grows here grows with every generation of an installation.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

# Run as a script, Python looks for modules in this folder and not in the one above.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from srl_pipeline.clock import StopWatch
from srl_pipeline.model_types import Pack
from srl_pipeline.registry import ArtifactStore

MB = 1e6


@dataclass(frozen=True)
class Round:
    """One generation of all model types.

    Attributes:
        seconds, cpu_seconds: Of one model type, on average.
        rss_mb: Resident size of the process at the end; files_open: its open files then.
        disk_mb: Of the whole installation at the end.
    """

    generation: int
    seconds: float
    cpu_seconds: float
    rss_mb: float
    files_open: int
    disk_mb: float


@dataclass(frozen=True)
class Cleaned:
    """What a cleaning of all model types did, with ``keep`` newest versions of each asset and no age that protects."""

    keep: int
    seconds: float
    removed: int
    stayed: int
    disk_before_mb: float
    disk_after_mb: float
    next_generation_seconds: float


def measure(home: Path, types: int, generations: int, scenarios: int) -> tuple[list[Round], Cleaned]:
    """Make so many generations of so many of the built-in model types, then clean, then make one more."""
    from srl_pipeline.config import RetentionConfig
    from srl_pipeline.model_types import find_packs, load_pack
    from srl_pipeline.retention import clean

    store = ArtifactStore(home / "artifacts")
    packs = [load_pack(name) for name in list(find_packs())[:types]]
    rounds = [_round(store, packs, number, scenarios) for number in range(1, generations + 1)]
    before, watch = disk_mb(home), StopWatch()
    policy = RetentionConfig(keep=1, keep_days=0)
    done = [clean(store, pack.name, policy) for pack in packs]
    seconds, after = watch.seconds, disk_mb(home)
    following = _round(store, packs, generations + 1, scenarios)
    return rounds, Cleaned(
        keep=policy.keep,
        seconds=seconds,
        removed=sum(len(one.removed) for one in done),
        stayed=sum(len(one.kept) for one in done),
        disk_before_mb=before,
        disk_after_mb=after,
        next_generation_seconds=following.seconds,
    )


def _round(store: ArtifactStore, packs: list[Pack], number: int, scenarios: int) -> Round:
    watch, cpu = StopWatch(), time.process_time()
    for pack in packs:
        _generate(store, pack, number, scenarios)
    made = Round(
        generation=number,
        seconds=watch.seconds / len(packs),
        cpu_seconds=(time.process_time() - cpu) / len(packs),
        rss_mb=rss_mb(os.getpid()),
        files_open=sum(1 for _ in Path("/proc/self/fd").iterdir()),
        disk_mb=disk_mb(store.home),
    )
    print(f"load: {made}", file=sys.stderr, flush=True)
    return made


def _generate(store: ArtifactStore, pack: Pack, number: int, scenarios: int) -> None:
    from srl_pipeline.config import override
    from srl_pipeline.contracts import Sources
    from srl_pipeline.generation import build_trajectories, build_verified_rewards
    from srl_pipeline.lore import build_lore_index
    from srl_pipeline.presets import preset
    from srl_pipeline.registry import entry_of
    from srl_pipeline.registry.places import open_history
    from srl_pipeline.teachers import build_teacher_pin
    from srl_pipeline.verification import build_rule_set

    sizes = {"generation.generation": number, "generation.scenarios": scenarios, "generation.candidates": 1}
    config, name = override(preset("smoke"), sizes), pack.name
    pins = [
        build_lore_index(store, pack, config.lore),
        build_teacher_pin(store, name, config.generation.teacher),
        build_rule_set(store, pack),
    ]
    sources = Sources(**{pin.manifest.asset: pin.artifact.data_version for pin in pins})
    made = build_trajectories(store, name, sources, config, None)
    version = made.artifact.data_version
    judged = build_verified_rewards(store, name, version, sources, config)
    with closing(open_history(store.home)) as history:
        for built in (*pins, made, judged):
            history.append(entry_of(built.manifest))


def rss_mb(pid: int) -> float:
    """Resident size of a process now."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MB


def disk_mb(folder: Path) -> float:
    """Bytes of all files below a folder."""
    return sum(p.lstat().st_size for p in folder.rglob("*") if p.is_file()) / MB


if __name__ == "__main__":
    logging.disable(logging.INFO)
    for variable in ("SRL_STORE", "SRL_STATE", "SRL_SETTINGS"):
        os.environ.pop(variable, None)
    sizes = [int(word) for word in sys.argv[1:4]]
    with TemporaryDirectory(prefix="load-") as folder:
        os.environ["SRL_HOME"] = str(Path(folder) / "home")
        rounds, cleaned = measure(Path(folder) / "home", *sizes)
    print(json.dumps({"rounds": [asdict(one) for one in rounds], "cleaned": asdict(cleaned)}))
