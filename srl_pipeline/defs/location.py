"""What holds for the whole code location.

In a file of its own: Dagster silently drops other objects that stand beside ``@dg.definitions``.
"""

from __future__ import annotations

import dagster as dg

from srl_pipeline.defs.resources import PipelineResource


@dg.definitions
def location() -> dg.Definitions:
    """Steps run in the run's own process (70 ms a step against 1.5 s): what is heavy has a child process anyway."""
    return dg.Definitions(resources={"pipeline": PipelineResource()}, executor=dg.in_process_executor)
