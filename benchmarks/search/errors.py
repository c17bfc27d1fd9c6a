"""Errors of the benchmarks."""

from __future__ import annotations

from srl_pipeline.errors import PipelineError


class BenchmarkError(PipelineError):
    """A benchmark whose data are missing, altered or too few."""
