"""What must be so before anything is drawn, estimated or asked."""

from __future__ import annotations

from srl_pipeline.errors import TuningError
from srl_pipeline.teachers.catalog import TeacherEntry
from srl_pipeline.tuning.prompts.records import PromptSearch


def check_search(search: PromptSearch, entry: TeacherEntry) -> None:
    """Raises TuningError where there is nothing to search. ``entry`` is the base teacher's."""
    where = f"teacher {search.base.name}, method prompt"
    if entry.kind == "search":
        raise TuningError(
            "The embedded teacher has no prompt.", where=where, mend="Name a teacher that is a language model."
        )
    if entry.shots:
        raise TuningError(
            "This teacher is shown solved tasks already.", where=where, mend="Tune the teacher that it was made from."
        )
    if not search.validation:
        raise TuningError(
            "No scenario is left for validation, so that no prompt can be measured.",
            where=where,
            mend="Generate more trajectories, then tune again.",
        )
