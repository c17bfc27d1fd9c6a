"""The common start of each seed, and its measured pass rates.

<folder>/plan.json
<folder>/seed-1/start.json, warmup/
<folder>/seed-1/calibration.json

All ablations share the folder that begin there, so a part is made by one process at a time.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from srl_pipeline.ablation.laboratory import WARMUP, Laboratory
from srl_pipeline.ablation.plan import Place
from srl_pipeline.ablation.results import CALIBRATION, START, Calibration, Start, made_or_found
from srl_pipeline.clock import StopWatch
from srl_pipeline.launchers.lock import exclusive

log = logging.getLogger("srl_pipeline.ablation")


@dataclass(frozen=True)
class Starts:
    """Makes the starts, or finds them."""

    place: Place
    laboratory: Laboratory

    def start(self, seed: int) -> tuple[Start, Path | None]:
        """The start of a seed, and the folder of its weights; None: the base model."""
        with self._alone(seed) as folder:
            start = made_or_found(
                folder / START,
                Start,
                self.place.plan,
                lambda: Start(plan=self.place.plan, seed=seed, warmup=self.laboratory.warm_up(seed, folder)),
            )
        return start, folder / WARMUP if start.warmup else None

    def calibration(self, seed: int, weights: Path | None) -> Calibration:
        """The pass rates of the start with these weights."""

        def measure() -> Calibration:
            watch = StopWatch()
            train, held_out, tokens = self.laboratory.calibrate(seed, weights)
            return Calibration(
                plan=self.place.plan,
                seed=seed,
                train=train,
                held_out=held_out,
                generated_tokens=tokens,
                seconds=watch.seconds,
            )

        with self._alone(seed) as folder:
            return made_or_found(folder / CALIBRATION, Calibration, self.place.plan, measure)

    @contextmanager
    def _alone(self, seed: int) -> Iterator[Path]:
        folder = self.place.folder / f"seed-{seed}"
        waiting = lambda: log.info("seed %d: another process makes its start in %s: waiting", seed, folder)  # noqa: E731
        with exclusive(folder / ".lock", waiting):
            yield folder
