"""Which sets of solved tasks are tried: seeded random draws, each as unlike in its axes as the draw allows. Pure."""

from __future__ import annotations

import random
from collections.abc import Sequence

from srl_pipeline.canonical import seed_of
from srl_pipeline.contracts import Trajectory
from srl_pipeline.errors import TuningError
from srl_pipeline.teachers.prompted.secrets import SecretFilter
from srl_pipeline.teachers.prompted.shots import Shots, shot_of, shot_problem
from srl_pipeline.tuning.prompts.records import PromptSearch
from srl_pipeline.verification import Verifier

LOOKED_AT = 64
"""Candidates among which the next unlike one is looked for: enough for variety, and the time stays small."""
DRAWS_A_SET = 20
"""Tries for one set, before the candidates are taken to give no other."""


def draw_sets(search: PromptSearch, verifier: Verifier, secrets: SecretFilter) -> list[Shots]:
    """At most ``search.trials`` different sets; the same ones for the same candidates and seed.

    The first has as many solved tasks as may be shown, the others any number up to it. Raises TuningError where no
    candidate can be shown.
    """
    pool = _showable(search.candidates, verifier, secrets)
    if not pool:
        raise TuningError(
            f"None of {len(search.candidates)} solved tasks can be shown in a prompt.",
            where=f"model type {verifier.pack.name}, teacher {search.base.name}",
            mend="Materialize trajectories first; the log of the data set says what was refused.",
        )
    most = min(search.shots, len(pool))
    found: dict[frozenset[str], Shots] = {}
    for draw in range(search.trials * DRAWS_A_SET):
        if len(found) == search.trials:
            break
        rng = random.Random(seed_of("shots", verifier.pack.name, search.seed, draw))
        chosen = _unlike(pool, most if draw == 0 else rng.randint(1, most), rng)
        shots = Shots(model_type=verifier.pack.name, shots=[shot_of(t) for t in chosen])
        found.setdefault(frozenset(t.id for t in chosen), shots)
    return list(found.values())


def _showable(candidates: Sequence[Trajectory], verifier: Verifier, secrets: SecretFilter) -> list[Trajectory]:
    """The best solution of each scenario that still is one and may be shown, in an order of its own."""
    best: dict[str, Trajectory] = {}
    for trajectory in sorted(candidates, key=lambda t: (t.soft_cost, t.id)):
        known = trajectory.scenario.id in best
        if known or not verifier.verify(trajectory.scenario, [s.action for s in trajectory.steps]).correct:
            continue
        if shot_problem(shot_of(trajectory), verifier, secrets) is None:
            best[trajectory.scenario.id] = trajectory
    return [best[scenario] for scenario in sorted(best)]


def _unlike(pool: Sequence[Trajectory], count: int, rng: random.Random) -> list[Trajectory]:
    """``count`` of the pool: one by chance, then each time the one that shares the fewest values of axes with those."""
    rest = rng.sample(pool, min(len(pool), max(LOOKED_AT, count)))
    chosen = [rest.pop(0)]
    while len(chosen) < count:
        shared = [sum(_alike(other, one) for one in chosen) for other in rest]
        chosen.append(rest.pop(shared.index(min(shared))))
    return chosen


def _alike(one: Trajectory, other: Trajectory) -> int:
    theirs = other.scenario.axes
    return sum(theirs.get(axis) == value for axis, value in one.scenario.axes.items())
