"""Automation for the cheap tail only.

A condition on anything that trains would train again whenever a pin is merely materialized.
"""

from __future__ import annotations

import dagster as dg

leaderboard_automation = dg.AutomationConditionSensorDefinition(
    "leaderboard_automation",
    target=dg.AssetSelection.assets("leaderboard"),
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
    description="Brings the leaderboard up to date when an evaluation report is new.",
)
