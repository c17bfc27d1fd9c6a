"""The random student of the training tests."""

from srl_pipeline_tests.training.conftest import one_thread, student_folder

__all__ = ["one_thread", "student_folder"]
