"""Metrics as they happen: one JSON line an optimizer step, and a log line with progress and time left.

The file is append-only truth; on resume, rows beyond the resumed step are cut off, so a step is never recorded twice.
"""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path

from srl_pipeline.canonical import dumps
from srl_pipeline.registry.artifacts import write_durably

log = logging.getLogger("srl_pipeline")
Row = dict[str, float]


class Journal:
    """Metrics of one stage in ``<folder>/metrics_<stage>.jsonl``.

    ``total`` steps are expected; 0: nobody knows how many, something else than their number ends the stage.
    """

    def __init__(self, folder: Path, stage: str, total: int) -> None:
        self.file = folder / f"metrics_{stage}.jsonl"
        self._stage, self._total = stage, total
        self._begun, self._first = time.monotonic(), 0
        self._pending: Row = {}

    def resume(self, step: int) -> None:
        """Keep the rows of the first ``step`` optimizer steps."""
        self._first = step
        rows = [r for r in self.rows() if r["step"] <= step]
        write_durably(self.file, "".join(dumps(r) + "\n" for r in rows))  # a full disk must not cost the earlier rows

    def rows(self) -> list[Row]:
        """All rows so far."""
        if not self.file.exists():
            return []
        lines = self.file.read_text(encoding="utf-8").splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def add(self, row: Row) -> None:
        """Hold what is known of a step before its update."""
        self._pending |= row

    def finish(self, row: Row) -> None:
        """Write the row of a finished step and say how far the stage is."""
        whole = {k: v for k, v in (self._pending | row).items() if v == v and abs(v) != float("inf")}
        self._pending = {}
        with self.file.open("a", encoding="utf-8") as handle:
            handle.write(dumps(whole) + "\n")
        done = int(whole["step"])
        pace = (time.monotonic() - self._begun) / max(1, done - self._first)
        shown = [
            f"{k} {whole[k]:.3f}" for k in ("loss", "reward", "correct", "format_rate", "kept_fraction") if k in whole
        ]
        of, left = "", ""
        if self._total:
            of, left = f"/{self._total}", f", {pace * max(0, self._total - done):.0f} s left"
        log.info("%s %d%s  %s  %.1f s/step%s", self._stage, done, of, "  ".join(shown), pace, left)


def mean_of(rows: list[Row], name: str) -> float:
    """Mean of a metric over rows that have it; 0 when none has."""
    values = [r[name] for r in rows if name in r]
    return sum(values) / len(values) if values else 0.0
