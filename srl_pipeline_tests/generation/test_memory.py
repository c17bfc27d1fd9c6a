"""A large generation: rows leave memory, and what stays is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from srl_pipeline.config import override
from srl_pipeline.contracts import Sources
from srl_pipeline.generation import build_trajectories, trajectories
from srl_pipeline.lore import build_lore_index
from srl_pipeline.model_types import Pack, load_pack
from srl_pipeline.presets import preset
from srl_pipeline.registry import ArtifactStore
from srl_pipeline.teachers import build_teacher_pin
from srl_pipeline.verification import build_rule_set

from ..conftest import edit

COUNT, SETTLED = 15_000, 5_000
KILOBYTES_EACH = 4.0
"""Of what is kept on purpose: about 2 KB a trajectory to find duplicates, and 0.1 KB a scenario."""


def resident_kilobytes() -> int:
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_memory_grows_by_what_finds_duplicates_and_by_nothing_else(
    scaffold_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(
        scaffold_folder / "pack.yaml",
        "hours: {min: 1, max: 24, step: 1, unit: h}",
        "hours: {min: 1, max: 24, step: 0.005, unit: h}",
    )
    pack: Pack = load_pack(scaffold_folder.name)
    store = ArtifactStore(tmp_path / "artifacts")
    settings = {"generation.scenarios": COUNT, "generation.candidates": 1, "generation.concurrency": 1}
    config = override(preset("smoke"), settings | {"generation.near_duplicate": 0.0})
    pins = Sources(
        lore_index=build_lore_index(store, pack, config.lore).artifact.data_version,
        teacher_model=build_teacher_pin(store, pack.name, "search").artifact.data_version,
        rule_set=build_rule_set(store, pack).artifact.data_version,
    )
    seen: list[int] = []
    enter = trajectories._Generation._enter

    def watched(self: trajectories._Generation, *given: object) -> None:
        enter(self, *given)  # type: ignore[arg-type]
        seen.append(resident_kilobytes() if len(seen) % 1000 == 0 else 0)

    monkeypatch.setattr(trajectories._Generation, "_enter", watched)
    built = build_trajectories(store, pack.name, pins, config, None)
    assert built.manifest.metrics["trajectories"] == COUNT
    sizes = [size for size in seen if size]
    grown = (sizes[-1] - sizes[SETTLED // 1000]) / (COUNT - SETTLED)
    with capsys.disabled():
        print(f"\n{sizes[SETTLED // 1000] / 1024:.0f} MB after {SETTLED:,}, {sizes[-1] / 1024:.0f} MB after {COUNT:,}")
    assert grown < KILOBYTES_EACH
