"""Is this machine, and is this installation, fit to run? Checks that change nothing and spend nothing."""

from srl_pipeline.doctor.examination import CHECKS, Check, examine
from srl_pipeline.doctor.finding import Finding, Level
from srl_pipeline.doctor.installation import Installation

__all__ = ["CHECKS", "Check", "Finding", "Installation", "Level", "examine"]
