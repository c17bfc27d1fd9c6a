"""Automation for the cheap tail only.

A condition on anything that trains would train again whenever a pin is merely materialized.
"""

from __future__ import annotations

import dagster as dg

summary_automation = dg.AutomationConditionSensorDefinition(
    "summary_automation",
    target=dg.AssetSelection.assets("leaderboard", "status_page"),
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
    description="Brings leaderboard and status page up to date when a report or a decision is new.",
)
