"""The small pack's solved scenarios, for tests of figures."""

from __future__ import annotations

from collections.abc import Mapping

from srl_pipeline.generation.pack_figures.field_changes import Change, Solution, domains_of, single_changes
from srl_pipeline.teachers import SearchTeacher
from srl_pipeline.verification import ScenarioSpace, Verifier, artefact_of


def solved(verifier: Verifier, *axes: Mapping[str, str | float]) -> list[Solution]:
    """Scenarios with the expert's artefacts."""
    space, teacher = ScenarioSpace(verifier.pack), SearchTeacher(verifier)
    scenarios = [space.scenario(a, where="test") for a in axes]
    return [(s, artefact_of(teacher.solve(s, "")[0][1])) for s in scenarios]


def changes_of(verifier: Verifier, solutions: list[Solution]) -> list[list[Change]]:
    """All single changes of each solution."""
    domains = domains_of(verifier.pack)
    return [list(single_changes(verifier, *solution, domains)) for solution in solutions]
