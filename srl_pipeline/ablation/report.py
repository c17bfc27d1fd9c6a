"""Write an ablation's ``ablation.json``, ``ablation.md`` and ``ablation.png``."""

from __future__ import annotations

from pathlib import Path

from srl_pipeline.ablation.plot import draw
from srl_pipeline.ablation.summary import AblationResults
from srl_pipeline.ablation.table import PLOT, page
from srl_pipeline.canonical import pretty
from srl_pipeline.registry.artifacts import disk_errors, write_durably

PAGE, RESULTS = "ablation.md", "ablation.json"


def write_report(folder: Path, results: AblationResults) -> None:
    """The three files in ``folder``; those of an earlier, smaller run are replaced."""
    with disk_errors(folder):
        (folder / PLOT).write_bytes(draw(results))
    write_durably(folder / PAGE, page(results))
    write_durably(folder / RESULTS, pretty(results.model_dump()))
