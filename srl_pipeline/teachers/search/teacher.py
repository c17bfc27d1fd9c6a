"""The embedded default teacher: a generic expert that works for any pack.

Backtracking over the steps, branch and bound within a step (`step_search`). Among valid solutions it takes the one
with the lowest weighted soft violations; ties go to what the brief says, then to what the lore says, then to the
schema's order; never to chance. Variants are the next best solutions, marked as such. It knows no model type by name.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress

from srl_pipeline.contracts import Action, Json, Scenario, Step, TeacherRef
from srl_pipeline.errors import TeacherError
from srl_pipeline.model_types.spec import number_text
from srl_pipeline.registry import code_version
from srl_pipeline.teachers.base import Rejection, Task
from srl_pipeline.teachers.search.conflicts import no_solution
from srl_pipeline.teachers.search.reasoning import explain
from srl_pipeline.teachers.search.step_search import StepSearch
from srl_pipeline.verification import Verifier, artefact_of, words

WIDTHS = (4, 32)
"""Actions of one step that a backtracking search considers, and that it considers when those lead nowhere good."""
MAX_EXPANSIONS = 400
"""Steps expanded for one scenario before the search settles for the best solution so far."""
CACHE = 64
"""Plans kept, so that the steps of one task come from one plan."""

Plan = tuple[float, list[Action]]


class SearchTeacher:
    """Model B by search. Its version is its own source code: the rules are an input, pinned elsewhere."""

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier
        self._steps = [StepSearch(verifier, i) for i in range(len(verifier.pack.spec.steps))]
        self._plans: OrderedDict[tuple[str, int], list[Plan]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def ref(self) -> TeacherRef:
        return search_teacher_ref()

    def propose(self, task: Task, before: list[Step], rejections: list[Rejection]) -> Step | None:
        """The next step of the ``task.variant``-th best plan; off that plan, the best action that was not refused."""
        index = len(before)
        fixed = [step.action for step in before]
        refused = [r.proposal.action for r in rejections if isinstance(r.proposal, Step)]
        plans = self._all_plans(task)
        if task.variant >= len(plans):
            return None
        if not refused and plans[task.variant][1][:index] == fixed:
            action = plans[task.variant][1][index]
        else:
            found = self._elsewhere(task, fixed, refused)
            if found is None:
                return None
            action = found
        artefact = artefact_of(fixed)
        return Step(
            title=self._verifier.pack.spec.steps[index].title,
            reasoning=explain(self._verifier, self._steps[index], task.scenario, artefact, action, index),
            action=action,
        )

    def _elsewhere(self, task: Task, fixed: list[Action], refused: list[Action]) -> Action | None:
        """Another action after ``fixed``: the best of this step alone that was not refused."""
        search = self._steps[len(fixed)]
        preference = {n: prefer(v, task.scenario.brief, task.bundle.text) for n, v in search.domains.items()}
        found = search.best(task.scenario, artefact_of(fixed), preference, 1 + len(refused))
        return next((c.action for c in found if c.action not in refused), None)

    def _all_plans(self, task: Task) -> list[Plan]:
        keep = task.variant + 1
        key = (task.scenario.id, keep)
        with self._lock:
            if key in self._plans:
                self._plans.move_to_end(key)
                return self._plans[key]
        plans = self.solve(task.scenario, task.bundle.text, keep)
        with self._lock:
            self._plans[key] = plans
            while len(self._plans) > CACHE:
                self._plans.popitem(last=False)
        return plans

    def solve(self, scenario: Scenario, lore: str, keep: int = 1) -> list[Plan]:
        """The ``keep`` best plans (cost, actions), best first.

        Raises TeacherError when there is none in the bounds; it names the rules that exclude each other, where that
        can be proved.
        """
        preference = [
            {name: prefer(values, scenario.brief, lore) for name, values in step.domains.items()}
            for step in self._steps
        ]
        hunt = _Hunt(self._steps, scenario, preference, keep)
        plans = hunt.run(width=keep)
        for width in WIDTHS:
            if plans and plans[0][0] == 0.0:
                break
            # Soft cost spent early may save more later, and a greedy first step may lead nowhere: widen.
            plans = _better(plans, hunt.run(width=max(width, keep)))
        if not plans:
            raise no_solution(self._verifier, scenario, step=self._verifier.pack.spec.steps[hunt.deepest].title)
        return plans


class _Hunt:
    """One backtracking search over the steps of one scenario."""

    def __init__(
        self, steps: list[StepSearch], scenario: Scenario, preference: list[dict[str, list[Json]]], keep: int
    ) -> None:
        self._steps, self._scenario, self._preference, self._keep = steps, scenario, preference, keep
        self.deepest = 0

    def run(self, width: int) -> list[Plan]:
        """The best plans when each step considers its ``width`` best actions; those so far when one is too large."""
        self._plans: list[Plan] = []
        self._expansions = 0
        with suppress(TeacherError):  # a step beyond its own bound ends the hunt, not what it has found
            self._descend([], 0.0, width)
        return self._plans

    def _descend(self, actions: list[Action], cost: float, width: int) -> None:
        index = len(actions)
        if index == len(self._steps):
            self._plans.append((cost, list(actions)))
            self._plans.sort(key=lambda plan: plan[0])
            del self._plans[self._keep :]
            return
        if self._expansions >= MAX_EXPANSIONS:
            return
        self._expansions += 1
        self.deepest = max(self.deepest, index)
        found = self._steps[index].best(self._scenario, artefact_of(actions), self._preference[index], width)
        for candidate in found:
            if self._enough(cost + candidate.cost):
                return
            self._descend([*actions, candidate.action], cost + candidate.cost, width)

    def _enough(self, cost: float) -> bool:
        """Whether a plan of at least ``cost`` cannot be kept."""
        return len(self._plans) >= self._keep and cost >= self._plans[-1][0]


def _better(narrow: list[Plan], wide: list[Plan]) -> list[Plan]:
    """The better list; a wide search that met its bound may have found less than a narrow one."""
    costs_narrow, costs_wide = [cost for cost, _ in narrow], [cost for cost, _ in wide]
    return wide if (-len(wide), costs_wide) <= (-len(narrow), costs_narrow) else narrow


def prefer(values: Sequence[Json], brief: str, lore: str) -> list[Json]:
    """Order ``values``: those that the brief names, then those that the lore names, then the schema's order."""

    def rank(value: Json) -> float:
        if isinstance(value, list):
            return sum(rank(v) for v in value) / len(value) if value else 2.0
        if isinstance(value, bool):
            return 0.0
        text = number_text(value) if isinstance(value, (int, float)) else words(value).lower()
        if len(text) == 1 and text.isalpha():  # in prose a single letter is an article, not a grade
            return 2.0
        # a minus before a number makes it another number, unless it is the dash of a range (as in `documents.states`)
        pattern = re.compile(rf"(?<![\w.])(?<!(?<!\d)-){re.escape(text)}(?![\w]|\.\d)")
        return 0.0 if pattern.search(brief.lower()) else 1.0 if pattern.search(lore.lower()) else 2.0

    return sorted(values, key=rank)


def search_teacher_ref() -> TeacherRef:
    """Name and version of the embedded teacher."""
    return TeacherRef(name="search", version=code_version("teachers/base.py", "teachers/search", "verification"))
