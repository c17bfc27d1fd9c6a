"""Write the status page where the UI and people find it."""

from __future__ import annotations

import logging
from pathlib import Path

from srl_pipeline.dashboard.gather import gather
from srl_pipeline.dashboard.records import Gathered
from srl_pipeline.dashboard.status_page import status_page
from srl_pipeline.launchers.lock import exclusive
from srl_pipeline.registry.artifacts import write_durably

log = logging.getLogger("srl_pipeline")
PAGE = Path("status") / "index.html"
"""Its place in an installation's folder."""


def write_status(home: Path, gathered: Gathered | None = None) -> Path:
    """Write the page of ``home`` as it is now, or of what was ``gathered`` already; returns where it lies."""
    file = home / PAGE
    with exclusive(file.with_suffix(".lock"), lambda: log.info("another process writes the status page: waiting")):
        write_durably(file, status_page(gathered or gather(home)))
    return file
