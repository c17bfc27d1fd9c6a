"""Kills and bad disks while lore is indexed, and while a paid teacher is asked."""

from __future__ import annotations

import pytest

from srl_pipeline_tests.chaos.experiment import Laboratory
from srl_pipeline_tests.chaos.faults import DISK, KILLS, Kind
from srl_pipeline_tests.chaos.test_stores import Suffered, strike

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
KINDS: tuple[Kind, ...] = (*KILLS, *DISK)


def test_a_lore_index_outlives_faults(lore: Laboratory, suffered: Suffered) -> None:
    strike(lore, suffered, KINDS, 1)


def test_a_paid_generation_outlives_faults_and_pays_no_question_twice(
    generation: Laboratory, suffered: Suffered
) -> None:
    strike(generation, suffered, (*KINDS, "busy for a moment"), 1)
