"""The stages are tested with training's own fixtures."""

from __future__ import annotations

from srl_pipeline_tests.training.conftest import gold, one_thread, pack, scenario, student, student_folder, verifier

__all__ = ["gold", "one_thread", "pack", "scenario", "student", "student_folder", "verifier"]
